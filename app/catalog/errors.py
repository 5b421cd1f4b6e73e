"""Refusals of the catalog."""

from app.core.errors import NotFound


class SeriesNotFound(NotFound):
    code = "series_not_found"
    message = "没有找到这款车，它可能已经下架。看看其他车型吧。"
