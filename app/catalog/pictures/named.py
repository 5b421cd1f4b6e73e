"""Which files a picture has, and their addresses. Pure.

AVIF comes in every width. WebP and JPEG are for old browsers and come in two: a card's and a phone's full width.
"""

from functools import lru_cache
from typing import Final, Protocol

WIDTHS: Final = (320, 480, 640, 960, 1280)
FRAME_WIDTHS: Final = (480, 720)
FALLBACK_WIDTHS: Final = (480, 960)
# What a picture has once it is derived; frames of a turntable are neither shared nor shown without AVIF or WebP.
FORMS: Final = "avif,webp,jpg,share"
FRAME_FORMS: Final = "avif,webp"
SHARE_FILE: Final = "share.jpg"


class HasWidths(Protocol):
    """What a stored picture's row offers. `forms` is "avif,webp,jpg,share"; a row without it has WebP alone."""

    @property
    def digest(self) -> str: ...
    @property
    def widths(self) -> str: ...


def planned_widths(width: int, frame: bool) -> list[int]:
    """The widths to derive: none above the original's, at least one."""
    return [w for w in (FRAME_WIDTHS if frame else WIDTHS) if w <= width] or [width]


def widths_of(widths: list[int], form: str) -> list[int]:
    """Those of a picture's widths that exist in a format."""
    if form == "avif":
        return widths
    small, large = FALLBACK_WIDTHS
    largest = max((w for w in widths if w <= large), default=min(widths))
    return [w for w in widths if w in (small, largest)]


def picture_sources(picture: HasWidths, form: str = "webp") -> list[tuple[int, str]]:
    """(width, address path) of every file in a format, smallest first; empty when there are none."""
    if form not in str(getattr(picture, "forms", "webp")).split(","):
        return []
    widths = [int(width) for width in picture.widths.split(",") if width]
    return [(w, f"/media/{picture.digest}/{w}.{form}") for w in widths_of(widths, form)] if widths else []


def picture_srcsets(picture: HasWidths) -> tuple[tuple[tuple[str, str], ...], str, str]:
    """For a `<picture>`: (format, srcset) of each source, best first, then `src` and `srcset` of the plain `<img>`."""
    return _srcsets(picture.digest, picture.widths, str(getattr(picture, "forms", "webp")))


@lru_cache(4096)
def _srcsets(digest: str, widths: str, forms: str) -> tuple[tuple[tuple[str, str], ...], str, str]:
    planned = [int(width) for width in widths.split(",") if width]
    found = [
        (form, [f"/media/{digest}/{w}.{form} {w}w" for w in widths_of(planned, form)])
        for form in ("avif", "webp", "jpg")
        if form in forms.split(",")
    ]
    *sources, (_, plain) = found
    return tuple((form, ", ".join(files)) for form, files in sources), plain[-1].partition(" ")[0], ", ".join(plain)


def share_path(picture: HasWidths | None) -> str | None:
    """The address path of the square for share cards (JPEG, 500×500, at most 128 KB), or None when there is none."""
    if picture is None or "share" not in str(getattr(picture, "forms", "")).split(","):
        return None
    return f"/media/{picture.digest}/{SHARE_FILE}"


def file_names(widths: str, forms: str) -> list[str]:
    """The derived files' names of a picture with these widths and forms."""
    planned = [int(width) for width in widths.split(",") if width]
    names = [f"{w}.{form}" for form in forms.split(",") if form != "share" for w in widths_of(planned, form)]
    return names + ([SHARE_FILE] if "share" in forms.split(",") else [])
