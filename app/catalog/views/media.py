"""The files of pictures."""

import re
from pathlib import Path

from flask import Response, abort, send_from_directory

from app.catalog.views import blueprint
from app.core.caching import forever
from app.core.security import access
from app.core.web import settings

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"\d{2,5}\.webp")


@blueprint.get("/media/<digest>/<name>")
@access("public")
def show_picture(digest: str, name: str) -> Response:
    """One derived picture; its address changes when it does."""
    if not _DIGEST.fullmatch(digest) or not _FILE.fullmatch(name):
        abort(404)
    folder = Path(settings().media_path).resolve() / digest
    return forever(send_from_directory(folder, name, mimetype="image/webp"))
