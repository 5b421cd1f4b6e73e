"""Copy the demo pictures under the names that the demo workbook uses.

``python scripts/derive_pictures.py SOURCE LIST``: SOURCE is the folder of the renders, LIST a CSV
with the columns 名称 (name in the workbook), 文件 (ignored), 字节 and sha256. Files are copied
unchanged into ``demo/pictures/<name>``; a file whose hash differs, or a set above 8 MB, is an
error. ``--check`` needs neither: it opens every copy and says what is not a sound picture.
"""

import argparse
import csv
import hashlib
import shutil
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "demo" / "pictures"
MOST_BYTES = 8 * 1024 * 1024


def copy(source: Path, listing: Path) -> list[str]:
    """Copy every listed picture; return what is wrong, and copy nothing then."""
    with listing.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    wrong: list[str] = []
    for row in rows:
        file = source / row["名称"]
        if not file.is_file():
            wrong.append(f"missing: {row['名称']}")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != row["sha256"]:
            wrong.append(f"another picture than listed: {row['名称']}")
    total = sum(int(row["字节"]) for row in rows)
    if total > MOST_BYTES:
        wrong.append(f"{total:,} bytes are more than {MOST_BYTES:,}")
    if wrong:
        return wrong
    for row in rows:
        target = TARGET / row["名称"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / row["名称"], target)
    print(f"{len(rows)} pictures, {total:,} bytes")
    return []


def check() -> list[str]:
    """Open every copy; return what is not a sound picture."""
    wrong: list[str] = []
    files = sorted(p for p in TARGET.rglob("*") if p.is_file())
    for file in files:
        try:
            with Image.open(file) as image:
                image.load()
        except OSError as error:
            wrong.append(f"{file.relative_to(TARGET)}: {error}")
    if not files or sum(p.stat().st_size for p in files) > MOST_BYTES:
        wrong.append("demo/pictures is empty or above 8 MB")
    return wrong


def main() -> int:
    """Copy, or check with ``--check``; exit 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("listing", type=Path, nargs="?")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not arguments.check and not (arguments.source and arguments.listing):
        parser.error("SOURCE and LIST, or --check")
    wrong = check() if arguments.check else copy(arguments.source, arguments.listing)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
