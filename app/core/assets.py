"""Addresses of static files that change exactly when their content does.

``asset("css/app.css")`` is ``/static/css/app.css?v=<first 12 hex digits of its sha256>``, so a
browser may keep the answer for a year. Vendored scripts are also named without their folder:
``asset("htmx.min.js")``; ``integrity("htmx.min.js")`` is their ``integrity`` attribute.
"""

import hashlib
import json
from pathlib import Path
from typing import TypedDict

from flask import Flask

from app.core import money
from app.core.markup import attributes


class VendoredFile(TypedDict):
    """One line of ``static/vendor/manifest.json``."""

    name: str
    version: str
    licence: str
    sha384: str


class Assets:
    """Knows the static folder; hashes each file once, in development again when it changed."""

    def __init__(self, folder: Path, url_path: str, *, watch: bool) -> None:
        """Read the manifest of vendored files; nothing is hashed before it is asked for."""
        self._folder = folder
        self._url_path = url_path.rstrip("/")
        self._watch = watch
        self._known: dict[str, tuple[int, str]] = {}
        manifest = folder / "vendor" / "manifest.json"
        self._vendored: dict[str, VendoredFile] = (
            json.loads(manifest.read_text("utf-8"))["files"] if manifest.is_file() else {}
        )
        self._short = {path.rpartition("/")[2]: path for path in self._vendored}

    def path(self, name: str) -> str:
        """Resolve a short vendored name to its path under ``static/``; other names are paths already."""
        return name if "/" in name else self._short.get(name, name)

    def url(self, name: str) -> str:
        """Return the address of a static file with its content's hash; FileNotFoundError if there is none."""
        path = self.path(name)
        known = self._known.get(path)
        if known is not None and not self._watch:
            return known[1]
        file = self._folder / path
        stamp = file.stat().st_mtime_ns
        if known is not None and known[0] == stamp:
            return known[1]
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        address = f"{self._url_path}/{path}?v={digest}"
        self._known[path] = (stamp, address)
        return address

    def integrity(self, name: str) -> str:
        """Return the sha384 of a vendored script; KeyError for a file that is not in the manifest."""
        return self._vendored[self.path(name)]["sha384"]


def init_assets(app: Flask) -> Assets:
    """Give the templates ``asset``, ``integrity``, ``attributes`` and the words for money; returns the resolver.

    Files are looked at again for changes while ``app.debug`` or ``app.testing`` is on.
    """
    assets = Assets(
        Path(app.static_folder or "static"), app.static_url_path or "/static", watch=app.debug or app.testing
    )
    app.extensions["assets"] = assets
    app.jinja_env.globals.update(
        asset=assets.url,
        integrity=assets.integrity,
        attributes=attributes,
        price_text=money.price_text,
        range_text=money.range_text,
    )
    app.jinja_env.filters.update(
        yuan=money.yuan,
        wan=money.wan,
        format_price=money.format_price,
        format_yuan=money.format_yuan,
        spoken_price=money.spoken_price,
    )
    return assets
