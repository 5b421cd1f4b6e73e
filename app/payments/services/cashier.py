"""What a page needs to let somebody pay, for whatever is paid for."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from app.gateways.pay.port import CashierParams, Method, PayGateway, PrepayId
from app.members import queries as members
from app.payments.errors import NeedsWeChatLogin, NothingDue
from app.payments.rules import TICKET_LIFE
from app.payments.services import attempts
from app.payments.services.attempts import PayRequest


@dataclass(frozen=True, slots=True)
class Cashier:
    """What the page needs to let somebody pay, and until when it is good."""

    method: Method
    until: datetime
    params: CashierParams | None = None  # JSAPI
    url: str = ""  # h5_url or the text of the QR code


def openid_for(member_id: int, app_id: str, method: Method) -> str:
    """Who pays, as WeChat Pay wants to know it: by name inside WeChat alone. NeedsWeChatLogin."""
    openid = members.find_openid(member_id, app_id) if method is Method.JSAPI else ""
    if openid is None:
        raise NeedsWeChatLogin
    return openid


def open_cashier(request: PayRequest, end: datetime, gateway: PayGateway, now: datetime) -> Cashier:
    """Make the order at WeChat Pay, or find the one that is open; what a page shows for it until `end`. NothingDue."""
    attempt = attempts.open_payment(request, gateway, now)
    if attempt.ticket is None:
        raise NothingDue
    return cashier_of(attempt.method, attempt.ticket, now, end, gateway)


def cashier_of(method: Method, ticket: str, made_at: datetime, end: datetime, gateway: PayGateway) -> Cashier:
    """What a page shows for this ticket, and how long it is good."""
    until = min(made_at + TICKET_LIFE[method], end)
    if method is Method.JSAPI:
        return Cashier(method, until, params=gateway.cashier_params(PrepayId(ticket)))
    return Cashier(method, until, url=ticket)


def h5_link(h5_url: str, back: str) -> str:
    """The address that opens WeChat and leads back to `back`, on our own registered domain."""
    return f"{h5_url}{'&' if '?' in h5_url else '?'}redirect_url={quote(back, safe='')}"
