"""The pictures that rows name: found, checked, and told apart into new and known ones."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from app.catalog import pictures
from app.catalog.pictures import StoredPicture
from app.gateways.storage.port import Storage
from app.workbook import rules
from app.workbook.checks import Findings
from app.workbook.reading import MAX_FRAMES, PictureBox
from app.workbook.rules import Content, PictureFile, Stored

# Pillow lets go of the interpreter lock while it decodes, scales and encodes.
WORKERS = max(2, min(4, os.cpu_count() or 2))


class KnownPicture(NamedTuple):
    """A picture as the database holds it."""

    id: int
    digest: str
    width: int
    widths: str
    forms: str


class Use(NamedTuple):
    """Where a row names a picture."""

    name: str
    sheet: str
    row: int
    field: str
    frame: bool = False


def gather(
    content: Content,
    box: PictureBox,
    known: Mapping[str, KnownPicture],
    series: Mapping[str, Stored],
    storage: Storage,
    found: Findings,
) -> None:
    """Fill `content.pictures` with those that must be stored; a missing or bad picture is a finding.

    A name without a file beside the workbook stands for the picture imported before under the same name.
    """
    _unfold_turntables(content, box, series, found)
    first: dict[str, Use] = {}
    for use in _uses(content):
        earlier = first.setdefault(use.name, use)
        if earlier.frame and not use.frame:
            first[use.name] = use
    with ThreadPoolExecutor(WORKERS) as pool:
        files = pool.map(lambda use: _inspect(use, box, known, storage), first.values())
        for use, file in zip(first.values(), files, strict=True):
            if isinstance(file, str):
                found.at(use.sheet, use.row, use.field, f"图片“{use.name}”{file}")
            elif file is not None:
                content.pictures[file.name] = file


def store_all(files: Iterable[PictureFile], storage: Storage) -> dict[str, StoredPicture]:
    """Put pictures into the storage, in parallel; what exists is skipped. Call it outside of any transaction."""
    wanted = list(files)
    with ThreadPoolExecutor(WORKERS) as pool:
        stored = pool.map(lambda file: pictures.store(Path(file.path), storage, frame=file.frame), wanted)
        return {file.name: picture for file, picture in zip(wanted, stored, strict=True)}


def _uses(content: Content) -> Iterator[Use]:
    single = ((rules.BRANDS, "logo"), (rules.SERIES, "cover"), (rules.COLOURS, "picture"), (rules.DEALERS, "photo"))
    for sheet, field in single:
        for row in content.rows.get(sheet, {}).values():
            if name := getattr(row, field):
                yield Use(name, sheet, row.at, field)
    for row in content.rows.get(rules.SERIES, {}).values():
        yield from (Use(name, rules.SERIES, row.at, "gallery") for name in row.gallery)
        yield from (Use(name, rules.SERIES, row.at, "turntable", True) for name in row.frames)


def _unfold_turntables(content: Content, box: PictureBox, series: Mapping[str, Stored], found: Findings) -> None:
    """Name the frames of every 环视图 folder; without the folder the frames imported before stay."""
    rows = content.rows.get(rules.SERIES, {})
    for key, row in rows.items():
        if not row.turntable:
            continue
        frames = tuple(box.frames(row.turntable))
        before: Any = series[key].row if key in series else None
        if not frames and before is not None and before.turntable == row.turntable:
            frames = before.frames
        if not 2 <= len(frames) <= MAX_FRAMES:
            message = f"环视图文件夹“{row.turntable}”里有 {len(frames)} 张图片，应有 2 到 {MAX_FRAMES} 张"
            found.at(rules.SERIES, row.at, "turntable", message)
        else:
            rows[key] = replace(row, frames=frames)


def _inspect(
    use: Use, box: PictureBox, known: Mapping[str, KnownPicture], storage: Storage
) -> PictureFile | str | None:
    """What is to be stored, None when it is stored already, or what is wrong in words."""
    before = known.get(use.name)
    try:
        path = box.find(use.name)
        if path is None:
            return None if before and pictures.is_complete(storage, before) else "找不到，应与表格放在一起或在 zip 里"
        if path.stat().st_size > pictures.MAX_BYTES:
            pictures.check(path)
        digest = pictures.file_digest(path)
        if before and before.digest == digest and _is_ready(before, use.frame, storage):
            return None
        pictures.check(path)
    except ValueError as error:
        return str(error)
    return PictureFile(use.name, str(path), digest, use.frame)


def _is_ready(before: KnownPicture, frame: bool, storage: Storage) -> bool:
    planned = ",".join(map(str, pictures.planned_widths(before.width, frame)))
    forms = pictures.FRAME_FORMS if frame else pictures.FORMS
    return (before.widths, before.forms) == (planned, forms) and pictures.is_complete(storage, before)
