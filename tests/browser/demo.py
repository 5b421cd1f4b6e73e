"""The demo for the tests' houses, in one process; its pictures are packed in haste.

How small and how good pictures get has tests of its own. Here they only have to be there: a fresh clone derives 640
files for the demo, which takes a minute with the shop's own care and a third of it without.
"""

import sys

import pytest

from app.catalog.pictures import encoding
from scripts import stage_demo


def pack_in_haste(patch: pytest.MonkeyPatch) -> None:
    """AVIF in the encoder's quickest way, WebP with less search; a phone's picture stays under its bound."""
    patch.setattr(encoding, "AVIF_SPEED", 10)
    patch.setattr(encoding, "WEBP_METHOD", 2)


def main(demo: str) -> None:
    """Migrate and fill the database that the environment names."""
    from wsgi import app

    commands = (
        ["db", "upgrade"],
        ["import-workbook", f"{demo}/yunxiu.xlsx", "--pictures", f"{demo}/pictures", "--move-dates-to", "today"],
        ["import-topics", f"{demo}/topics.json"],
    )
    with pytest.MonkeyPatch.context() as patch:
        pack_in_haste(patch)
        for arguments in commands:
            done = app.test_cli_runner().invoke(args=arguments, catch_exceptions=False)
            assert done.exit_code == 0, done.output
    with app.app_context():
        stage_demo.main()


if __name__ == "__main__":
    main(sys.argv[1])
