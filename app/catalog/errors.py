"""Refusals of the catalog."""

from app.core.errors import DomainError, NotFound


class SeriesNotFound(NotFound):
    code = "series_not_found"
    message = "没有找到这款车，它可能已经下架。看看其他车型吧。"


class TrimNotFound(NotFound):
    code = "trim_not_found"
    message = "没有找到这款车，它可能已经撤下。"


class PriceRefused(DomainError):
    """A price that the law on prices or an offer forbids; the message names the rule."""

    code = "price_refused"
    field = "price"


class PictureRefused(DomainError):
    """An uploaded file that is no usable picture, or a picture that cannot go where it should."""

    code = "picture_refused"
    field = "file"
