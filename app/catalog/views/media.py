"""The files of pictures."""

import re

from flask import Response, abort, current_app, request

from app.catalog.pictures import picture_srcsets, share_path
from app.catalog.views import blueprint
from app.core.caching import forever
from app.core.security import access

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"(?:\d{2,5}\.(avif|webp|jpg)|share\.(jpg))")
_KINDS = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}

blueprint.add_app_template_filter(share_path, "share_path")
blueprint.add_app_template_global(picture_srcsets, "picture_srcsets")


@blueprint.get("/media/<digest>/<name>")
@access("public")
def show_picture(digest: str, name: str) -> Response:
    """One derived picture; its address changes when it does. Originals have no address."""
    found = _FILE.fullmatch(name)
    if not found or not _DIGEST.fullmatch(digest):
        abort(404)
    content = current_app.extensions["storage"].get(f"{digest}/{name}")
    if content is None:
        abort(404)
    response = forever(Response(content, mimetype=_KINDS[found[1] or found[2]]))
    response.set_etag(f"{digest[:16]}-{name}")
    return response.make_conditional(request)  # pyright: ignore[reportReturnType]
