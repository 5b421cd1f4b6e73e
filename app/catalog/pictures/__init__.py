"""Pictures: checked, kept as they came, and derived once into the formats and widths that pages ask for.

Files in the storage (`extensions["storage"]`), each written once and never changed:

- ``<digest>/original.<ext>`` as it came, with whatever its camera wrote into it; no address leads to it.
- ``<digest>/<width>.avif`` in every width, ``.webp`` and ``.jpg`` for browsers that know no AVIF, see `named`.
- ``<digest>/share.jpg``: a square for share cards, at most 128 KB (`share_path`; the template filter of that name).

The digest is that of the file as it came, so an address never changes its meaning and may be cached for ever. Derived
files are upright and carry nothing but pixels. A JPEG knows no transparency: cars stand on the light stage's colour, in
dark mode as on a printed card; every browser of the last years takes AVIF or WebP and never sees it.

Templates use the macro `picture` of components/car.html; `picture_srcsets(picture)` is what it asks.
"""

from app.catalog.pictures.checking import FORMATS, MAX_BYTES, SUFFIXES, PictureError, check
from app.catalog.pictures.encoding import PHONE_BYTES, SHARE_BYTES
from app.catalog.pictures.named import (
    FORMS,
    FRAME_FORMS,
    HasWidths,
    file_names,
    picture_sources,
    picture_srcsets,
    planned_widths,
    share_path,
)
from app.catalog.pictures.storing import (
    StoredPicture,
    derive_again,
    file_digest,
    is_complete,
    original_key,
    store,
)

__all__ = [
    "FORMATS",
    "FORMS",
    "FRAME_FORMS",
    "MAX_BYTES",
    "PHONE_BYTES",
    "SHARE_BYTES",
    "SUFFIXES",
    "HasWidths",
    "PictureError",
    "StoredPicture",
    "check",
    "derive_again",
    "file_digest",
    "file_names",
    "is_complete",
    "original_key",
    "picture_sources",
    "picture_srcsets",
    "planned_widths",
    "share_path",
    "store",
]
