"""Pictures on disk: checked, kept as they came, and derived once into WebP in the widths that pages ask for.

Files: ``media/<digest>/original.<ext>`` and ``media/<digest>/<width>.webp``. The digest is that of the file as it came,
so a folder never changes its meaning and may be cached for ever. Derived files carry no metadata.
"""

import hashlib
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from PIL import Image, ImageOps

FORMATS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif"})
WIDTHS: Final = (320, 480, 640, 960, 1280)
FRAME_WIDTHS: Final = (480, 720)
MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 16_000
MAX_RATIO: Final = 8

# What a phone loads for a full-width picture (390 px at two or three device pixels) stays under this.
PHONE_WIDTH: Final = 960
PHONE_BYTES: Final = 45_000
WEBP_KEPT_BYTES: Final = 120_000
QUALITIES: Final = (80, 66, 50, 35)
# Soft shadows: 80 keeps every level within 2 of 255 and halves the file; below 75 the shadow shows bands.
ALPHA_QUALITY: Final = 80

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class PictureError(ValueError):
    """A file that cannot be used as a picture; the message is a Chinese half-sentence for a problem line."""


class HasWidths(Protocol):
    """What a stored picture's row offers."""

    @property
    def digest(self) -> str: ...
    @property
    def widths(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """One picture on disk. `widths` is "320,640": the derived files that exist; `bytes` is the original's size."""

    digest: str
    width: int
    height: int
    widths: str
    bytes: int


def picture_sources(picture: HasWidths) -> list[tuple[int, str]]:
    """(width, address path) of every derived file, smallest first, for `srcset`."""
    return [(int(width), f"/media/{picture.digest}/{width}.webp") for width in picture.widths.split(",") if width]


def file_digest(source: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal letters."""
    with source.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def planned_widths(width: int, frame: bool) -> list[int]:
    """The widths to derive: none above the original's, at least one."""
    return [w for w in (FRAME_WIDTHS if frame else WIDTHS) if w <= width] or [width]


def check(source: Path) -> None:
    """PictureError unless the file is a whole picture within the limits. Decodes it once, writes nothing."""
    _open(source)


def store(source: Path, media: Path, *, frame: bool = False) -> StoredPicture:
    """Keep a picture and derive its widths; repeated calls only look. `frame`: one of a turntable, two widths."""
    digest = file_digest(source)
    picture, extension = _open(source)
    content = source.read_bytes()
    folder = media / digest
    folder.mkdir(parents=True, exist_ok=True)
    original = folder / f"original.{extension}"
    if not original.exists():
        _write(original, content)
    widths = planned_widths(picture.width, frame)
    for width in widths:
        target = folder / f"{width}.webp"
        if not target.exists():
            asis = width == picture.width and _is_bare_webp(content) and _is_light(width, content)
            _write(target, content if asis else _encode(picture, width, frame))
    return StoredPicture(digest, picture.width, picture.height, ",".join(map(str, widths)), source.stat().st_size)


def original_path(media: Path, digest: str) -> Path | None:
    """The file as it came, or None when it is not on this disk."""
    return next(iter((media / digest).glob("original.*")), None)


def is_complete(media: Path, picture: HasWidths) -> bool:
    """Whether every file of a stored picture is on this disk."""
    folder = media / picture.digest
    names = [f"{width}.webp" for width in picture.widths.split(",")]
    return original_path(media, picture.digest) is not None and all((folder / name).is_file() for name in names)


def _open(source: Path) -> tuple[Image.Image, str]:
    """The decoded, upright picture without metadata, and the extension of its real format."""
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise PictureError(f"有 {size / 1024 / 1024:.1f} MB，应不超过 20 MB")
    try:
        with Image.open(source, formats=list(FORMATS)) as opened:
            _check_shape(opened)
            extension = FORMATS[opened.format or ""]
            upright = ImageOps.exif_transpose(opened)
            mode = "RGBA" if upright.has_transparency_data else "RGB"
            return upright.convert(mode), extension
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError("像素过多，应不超过 4000 万像素") from None
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError):
        # Pillow names many reasons; to the person who made the workbook they are one.
        raise PictureError("不是图片或已损坏，应为 JPEG、PNG、WebP 或 AVIF") from None


def _check_shape(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise PictureError("像素过多，应不超过 4000 万像素")
    if max(width, height) > MAX_SIDE or max(width, height) > MAX_RATIO * min(width, height):
        raise PictureError("过于细长，长边应不超过短边的 8 倍")
    if getattr(picture, "n_frames", 1) > 1:
        raise PictureError("是动图，应为静态图片")


def _encode(picture: Image.Image, width: int, frame: bool) -> bytes:
    """WebP of the given width, at the best of our qualities that keeps a phone's picture small.

    What phones load is pressed hardest (method 4, a fifth smaller, twice the time).
    """
    method = 3 if frame or width > PHONE_WIDTH else 4
    height = max(1, round(picture.height * width / picture.width))
    small = picture if width == picture.width else picture.resize((width, height), Image.Resampling.LANCZOS)
    encoded = b""
    for quality in QUALITIES:
        encoded = _webp(small, quality, method)
        if _is_light(width, encoded):
            break
    return encoded


def _is_light(width: int, content: bytes) -> bool:
    return width > PHONE_WIDTH or len(content) <= PHONE_BYTES


def _is_bare_webp(content: bytes) -> bool:
    """Whether a file is a WebP of nothing but pixels, so that it may be handed out without encoding it again."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) > WEBP_KEPT_BYTES:
        return False
    place = 12
    while place < len(content):
        if content[place : place + 4] not in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L"):
            return False
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return place == len(content)


def _webp(picture: Image.Image, quality: int, method: int) -> bytes:
    with tempfile.SpooledTemporaryFile(max_size=MAX_BYTES) as buffer:
        picture.save(
            buffer,
            "WEBP",
            quality=quality,
            alpha_quality=ALPHA_QUALITY,
            method=method,
            exif=b"",
            xmp=b"",
            icc_profile=b"",
        )
        buffer.seek(0)
        return buffer.read()


def _write(target: Path, content: bytes) -> None:
    """Write so that nobody ever sees half a file."""
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as stream:
        stream.write(content)
    os.chmod(stream.name, 0o644)
    os.replace(stream.name, target)
