"""From WeChat Pay's JSON to typed values. ValueError names the field that is not what it should be."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from app.gateways.pay.port import RefundState, RefundStatus, TradeState, Transaction

Json = Mapping[str, Any]

# Ten million yuan; above it somebody is playing with integers, and databases overflow.
MAX_FEN = 1_000_000_000
MAX_TEXT = 256
MAX_LINK = 512
_PAID = frozenset({TradeState.SUCCESS, TradeState.REFUND})


def transaction(data: Json) -> Transaction:
    """The order in a query answer or a decrypted payment notice."""
    state = TradeState(text(data, "trade_state"))
    paid = state in _PAID
    amount = section(data, "amount", required=paid)
    return Transaction(
        app_id=text(data, "appid"),
        mch_id=text(data, "mchid"),
        out_trade_no=text(data, "out_trade_no"),
        state=state,
        transaction_id=text(data, "transaction_id") if paid else _optional(data, "transaction_id"),
        total_fen=fen(amount, "total") if paid or "total" in amount else None,
        payer_total_fen=fen(amount, "payer_total", least=0) if "payer_total" in amount else None,
        currency=text(amount, "currency") if paid else _optional(amount, "currency"),
        openid=_optional(section(data, "payer", required=False), "openid"),
        success_at=moment(data, "success_time") if paid else None,
        attach=_optional(data, "attach") or "",
    )


def refund(data: Json, *, status_field: str = "status") -> RefundState:
    """The refund in an answer (`status`) or a decrypted notice (`refund_status`)."""
    amount = section(data, "amount", required=True)
    return RefundState(
        refund_id=text(data, "refund_id"),
        out_refund_no=text(data, "out_refund_no"),
        out_trade_no=text(data, "out_trade_no"),
        transaction_id=text(data, "transaction_id"),
        status=RefundStatus(text(data, status_field)),
        refund_fen=fen(amount, "refund"),
        total_fen=fen(amount, "total"),
        success_at=moment(data, "success_time") if data.get("success_time") else None,
    )


def text(data: Json, name: str) -> str:
    """A non-empty text without control characters."""
    value = data.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not _clean(value):
        raise ValueError(name)
    return value


def link(data: Json, name: str, starts: tuple[str, ...]) -> str:
    """An address for the payer, which must begin like one of these."""
    value = data.get(name)
    if not isinstance(value, str) or len(value) > MAX_LINK or not _clean(value) or not value.startswith(starts):
        raise ValueError(name)
    return value


def fen(data: Json, name: str, least: int = 1) -> int:
    """An amount; true and 1.0 are not amounts."""
    value = data.get(name)
    if type(value) is not int or not least <= value <= MAX_FEN:
        raise ValueError(name)
    return value


def moment(data: Json, name: str) -> datetime:
    """An RFC 3339 time with its offset, as aware UTC."""
    value = datetime.fromisoformat(text(data, name))
    if value.tzinfo is None:
        raise ValueError(name)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(name) from None


def section(data: Json, name: str, *, required: bool) -> Json:
    """A nested object; empty when it is absent and may be."""
    value = data.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise ValueError(name)
    return cast("Json", value)


def _optional(data: Json, name: str) -> str | None:
    value = data.get(name)
    return None if value is None or value == "" else text(data, name)


def _clean(value: str) -> bool:
    # Lone surrogates (\ud800 in JSON) cannot be stored or logged.
    return value.isprintable()
