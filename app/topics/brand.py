"""The brand's name for every page: looked up once for each published version, so it costs next to nothing."""

from typing import Any

import structlog
from flask import Flask, current_app, g
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError

from app.catalog import queries as catalog
from app.core import publishing

log = structlog.get_logger(__name__)
NOBODY = "展厅"


def register(app: Flask) -> None:
    """Give every template `site_name`; nothing is asked before a page writes it."""
    app.extensions["brand_name"] = (None, NOBODY)
    app.jinja_env.globals.update(site_name=BrandName())


class BrandName:
    """The name at the moment a template writes it, so that a page which does not write it asks nobody."""

    def __str__(self) -> str:
        return brand_name()

    def __html__(self) -> Markup:
        return escape(brand_name())


def brand_name() -> str:
    """The name of the brand this shop belongs to; the last one known when the database does not answer."""
    if "brand_name" not in g:
        g.brand_name = _find()
    return g.brand_name


def _find() -> str:
    known: tuple[Any, str] = current_app.extensions["brand_name"]
    try:
        number = publishing.peek()
        if known[0] == number:
            return known[1]
        brand = catalog.find_brand()
    except SQLAlchemyError as exc:  # an error page has a name to show too
        log.warning("brand_not_read", error=type(exc).__name__)
        return known[1]
    name = brand.name if brand else NOBODY
    current_app.extensions["brand_name"] = (number, name)
    return name
