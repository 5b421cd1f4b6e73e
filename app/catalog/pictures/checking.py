"""Is a file a picture that the shop can use? It comes from outside: nothing is believed, everything is bounded."""

import io
import warnings
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

FORMATS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif"})
MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 16_000
MAX_RATIO: Final = 8
MIN_SIDE: Final = 32
BARE_BYTES: Final = 45_000

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class PictureError(ValueError):
    """A file that cannot be used as a picture; the message is a Chinese half-sentence for a problem line."""


def check(source: Path | bytes) -> None:
    """PictureError unless the file is a whole picture within the limits. Decodes it once, writes nothing."""
    opened(source)


def opened(source: Path | bytes) -> tuple[Image.Image, str]:
    """The decoded, upright picture, and the extension of its real format, whatever its name says."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_BYTES:
        raise PictureError(f"有 {size / 1024 / 1024:.1f} MB，应不超过 20 MB")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=list(FORMATS)) as picture:
            _check_shape(picture)
            extension = FORMATS[picture.format or ""]
            upright = ImageOps.exif_transpose(picture)
            mode = "RGBA" if upright.has_transparency_data else "RGB"
            bare = upright.convert(mode)
            # What the file said about itself (place, camera, comment) would be written into every copy.
            bare.info.clear()
            return bare, extension
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
    if min(width, height) < MIN_SIDE and max(width, height) <= MAX_RATIO * min(width, height):
        # Of no use to anybody, and browsers show an AVIF of a single pixel as broken.
        raise PictureError(f"只有 {width}×{height} 像素，宽和高应不少于 {MIN_SIDE} 像素")
    if max(width, height) > MAX_SIDE or max(width, height) > MAX_RATIO * min(width, height):
        raise PictureError("过于细长，长边应不超过短边的 8 倍")
    if getattr(picture, "n_frames", 1) > 1:
        raise PictureError("是动图，应为静态图片")


def is_bare_webp(content: bytes) -> bool:
    """Whether a file is a light WebP of nothing but pixels, so that it may be handed out as it came."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) > BARE_BYTES:
        return False
    place = 12
    while place < len(content):
        if content[place : place + 4] not in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L"):
            return False
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return place == len(content)
