"""The static files as browsers get them: packed once with Brotli and gzip, kept for a year.

WhiteNoise hands out packed twins that lie beside a file. Ours lie in a folder of their own under the digest of what is
in the file, so static/ may be read-only, a twin is never older than its file, and a release packs only what changed.
Twins of our own style sheets and scripts leave out what only people read: comments, indentation, needless spaces.
"""

import gzip
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import brotli
import rcssmin
import rjsmin
import structlog
from whitenoise import WhiteNoise
from whitenoise.responders import StaticFile

log = structlog.get_logger(__name__)

YEAR = 31536000
TEXT = {".css", ".js", ".svg"}
PACKERS = {"br": brotli.compress, "gzip": lambda data: gzip.compress(data, 9, mtime=0)}


MINIFY: dict[str, Callable[[bytes], Any]] = {".css": rcssmin.cssmin, ".js": rjsmin.jsmin}


def lean(path: Path) -> bytes:
    """What travels of a file: our own style sheets and scripts without what only people read. Vendored ones are
    untouched, since pages name their digest."""
    data = path.read_bytes()
    minify = MINIFY.get(path.suffix)
    if not minify or "vendor" in path.parts:
        return data
    return bytes(minify(data))


class StaticFiles(WhiteNoise):
    """What lies in `folder`, at /static/; `watch` looks for changes at each request, as a developer wants it."""

    def __init__(self, application: Any, folder: Path, packed: Path, *, watch: bool) -> None:
        self._packed = packed
        self._refused = False
        super().__init__(application, root=folder, prefix="static/", max_age=YEAR, autorefresh=watch)

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        """As WhiteNoise's own, but for where the twins lie; it asks for this when it lists or finds a file."""
        if Path(path).suffix not in TEXT or not os.path.isfile(path):
            return super().get_static_file(path, url, stat_cache)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        headers["Access-Control-Allow-Origin"] = "*"
        return StaticFile(path, headers.items(), encodings=self._twins(Path(path)))

    def _twins(self, path: Path) -> dict[str, str]:
        """Where the packed forms of a file lie; what is not there yet is made. Without a place to put them: none."""
        data = lean(path)
        place = self._packed / hashlib.sha256(data).hexdigest()
        try:
            return {kind: str(_made(place.with_suffix(f".{kind}"), data, kind)) for kind in PACKERS}
        except OSError as error:
            if not self._refused:
                self._refused = True
                log.warning("static_files_not_packed", folder=str(self._packed), reason=str(error))
            return {}


def _made(twin: Path, data: bytes, kind: str) -> Path:
    if not twin.exists():
        twin.parent.mkdir(parents=True, exist_ok=True)
        # Two workers may make it at the same moment; whichever comes last replaces the same bytes.
        draft = twin.with_suffix(f"{twin.suffix}.{os.getpid()}-{threading.get_ident()}")
        draft.write_bytes(PACKERS[kind](data))
        draft.replace(twin)
    return twin
