"""Pictures in the storage: kept, derived, found again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.catalog.pictures.checking import is_bare_webp, opened
from app.catalog.pictures.encoding import encode, scaled, share_square
from app.catalog.pictures.named import FORMS, FRAME_FORMS, SHARE_FILE, HasWidths, file_names, planned_widths
from app.core.errors import GatewayError
from app.gateways.storage.port import PROVIDER, Storage


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """One picture in the storage. `widths` and `forms` say which files exist; `bytes` is the original's size."""

    digest: str
    width: int
    height: int
    widths: str
    forms: str
    bytes: int


def file_digest(source: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal letters."""
    with source.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def store(source: Path | bytes, storage: Storage, *, frame: bool = False) -> StoredPicture:
    """Keep a picture and derive its files; repeated calls only look. `frame`: one of a turntable.

    PictureError when it is no usable picture; nothing is kept then.
    """
    picture, extension = opened(source)
    content = source if isinstance(source, bytes) else source.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    there = storage.names(digest)
    if not _original(there):
        storage.put(f"{digest}/original.{extension}", content)
    return _derive(picture, digest, content, there, storage, frame)


def derive_again(digest: str, storage: Storage, *, frame: bool) -> StoredPicture:
    """Make what is missing of a picture from its original. GatewayError when the original is gone."""
    there = storage.names(digest)
    name = _original(there)
    content = storage.get(f"{digest}/{name}") if name else None
    if content is None:
        raise GatewayError(PROVIDER, "original_missing", digest)
    return _derive(opened(content)[0], digest, content, there, storage, frame)


def original_key(storage: Storage, digest: str) -> str | None:
    """The key of the file as it came, or None when it is not in the storage."""
    name = _original(storage.names(digest))
    return f"{digest}/{name}" if name else None


def is_complete(storage: Storage, picture: HasWidths) -> bool:
    """Whether every file of a stored picture is in the storage."""
    there = storage.names(picture.digest)
    names = file_names(picture.widths, str(getattr(picture, "forms", "webp")))
    return _original(there) is not None and there.issuperset(names)


def _derive(
    picture: Image.Image, digest: str, original: bytes, there: set[str], storage: Storage, frame: bool
) -> StoredPicture:
    widths, forms = ",".join(map(str, planned_widths(picture.width, frame))), FRAME_FORMS if frame else FORMS
    small: dict[str, Image.Image] = {}  # Scaled once for all formats of a width.
    for name in file_names(widths, forms):
        if name in there:
            continue
        storage.put(f"{digest}/{name}", _made(name, picture, original, small))
    return StoredPicture(digest, picture.width, picture.height, widths, forms, len(original))


def _made(name: str, picture: Image.Image, original: bytes, small: dict[str, Image.Image]) -> bytes:
    if name == SHARE_FILE:
        return share_square(picture)
    width, _, form = name.partition(".")
    if form == "webp" and int(width) == picture.width and is_bare_webp(original):
        return original  # Encoding it once more would cost time and sharpness.
    if width not in small:
        small[width] = scaled(picture, int(width))
    return encode(small[width], form)


def _original(names: set[str]) -> str | None:
    return next((name for name in sorted(names) if name.startswith("original.")), None)
