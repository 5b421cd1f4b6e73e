"""The demo for the tests' houses, in one process; its pictures are packed in haste.

How small and how good pictures get has tests of its own. Here they only have to be there: a fresh clone derives 640
files for the demo, which takes a minute with the shop's own care.
"""

import sys

import pytest
from PIL import Image

from app.catalog.pictures import encoding, storing
from scripts import stage_demo


def pack_in_haste(patch: pytest.MonkeyPatch) -> None:
    """Each size is packed once in each format, in the encoder's quick way: pictures of one size look the same."""
    patch.setattr(encoding, "AVIF_SPEED", 10)
    patch.setattr(encoding, "WEBP_METHOD", 2)
    packed: dict[tuple[object, ...], bytes] = {}
    real = storing.share_square

    def encode(wanted: tuple[Image.Image, int], form: str) -> bytes:
        picture, width = wanted
        key = (picture.size, picture.mode, width, form)
        if key not in packed:
            packed[key] = encoding.encode(encoding.scaled(picture, width), form)
        return packed[key]

    def share_square(picture: Image.Image) -> bytes:
        key = (picture.size, picture.mode)
        if key not in packed:
            packed[key] = real(picture)
        return packed[key]

    patch.setattr(storing, "scaled", lambda picture, width: (picture, width))
    patch.setattr(storing, "encode", encode)
    patch.setattr(storing, "share_square", share_square)


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
