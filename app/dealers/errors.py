"""Refusals of the dealers."""

from app.core.errors import DomainError, NotFound


class DealerNotFound(NotFound):
    code = "dealer_not_found"
    message = "没有找到这家门店，请从门店列表中选择。"


class PlaceUnreadable(DomainError):
    code = "place_unreadable"
    message = "位置无法识别，请选择所在城市。"
