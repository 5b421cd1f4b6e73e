"""One picture in one width and format, as light as a phone needs it."""

import io
from collections.abc import Callable
from typing import Final

from PIL import Image, ImageOps

# What a phone loads for a full-width picture (390 px at two or three device pixels) stays under this.
PHONE_BYTES: Final = 45_000
SHARE_BYTES: Final = 128 * 1000
SHARE_SIDE: Final = 500
# The middle of the light stage (--stage1 to --stage2 in app.css).
STAGE: Final = (242, 240, 236)
# WebP's transparency. Soft shadows: 80 keeps every level within 2 of 255; below 75 the shadow shows bands, so only
# what is too heavy otherwise goes there.
ALPHA_QUALITIES: Final = {66: 80, 52: 76}
ALPHA_QUALITY_LAST: Final = 55
# Tried in order until the file is light; the last is taken as it is.
QUALITIES: Final = {"avif": (60, 50, 40, 30, 22), "webp": (66, 52, 40, 28, 18), "jpg": (78, 64, 50, 36, 24)}
# AVIF at speed 8 is 4 % larger than at 6 and takes a third of the time.
AVIF_SPEED = 8
# Method 4 packs transparency a third smaller than 3, which is most of such a file.
WEBP_METHOD = 4


def scaled(picture: Image.Image, width: int) -> Image.Image:
    """The picture in this width."""
    height = max(1, round(picture.height * width / picture.width))
    return picture if width == picture.width else picture.resize((width, height), Image.Resampling.LANCZOS)


def encode(small: Image.Image, form: str) -> bytes:
    """A scaled picture in a format, at the best of our qualities that keeps a phone's picture small."""
    content = b""
    for quality in QUALITIES[form]:
        content = WRITERS[form](small, quality)
        if len(content) <= PHONE_BYTES:
            break
    return content


def share_square(picture: Image.Image) -> bytes:
    """A square JPEG for share cards: a photo is cut to its middle, a car without background stands on the stage."""
    size = (SHARE_SIDE, SHARE_SIDE)
    if picture.mode == "RGBA":
        car = ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
        square = Image.new("RGB", size, STAGE)
        square.paste(car, ((SHARE_SIDE - car.width) // 2, (SHARE_SIDE - car.height) // 2), car)
    else:
        square = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    content = b""
    for quality in QUALITIES["jpg"]:
        content = _jpeg(square, quality)
        if len(content) <= SHARE_BYTES:
            break
    return content


def _avif(picture: Image.Image, quality: int) -> bytes:
    return _saved(picture, "AVIF", quality=quality, speed=AVIF_SPEED, max_threads=1)


def _webp(picture: Image.Image, quality: int) -> bytes:
    alpha = ALPHA_QUALITIES.get(quality, ALPHA_QUALITY_LAST)
    return _saved(picture, "WEBP", quality=quality, alpha_quality=alpha, method=WEBP_METHOD)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    flat = picture
    if picture.mode == "RGBA":
        flat = Image.new("RGB", picture.size, STAGE)
        flat.paste(picture, mask=picture)
    return _saved(flat, "JPEG", quality=quality, progressive=True, optimize=True)


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    # Pillow would write what the original carried: place, camera, colour profile.
    picture.save(buffer, form, exif=b"", xmp=b"", icc_profile=b"", **options)
    return buffer.getvalue()


WRITERS: Final[dict[str, Callable[[Image.Image, int], bytes]]] = {"avif": _avif, "webp": _webp, "jpg": _jpeg}
