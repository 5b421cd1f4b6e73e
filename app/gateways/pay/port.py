"""What the rooms know of WeChat Pay: typed values, typed errors, one protocol. Amounts are int fen, times aware UTC."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import BinaryIO, NewType, Protocol

from app.core.errors import GatewayError

PROVIDER = "wechatpay"

PrepayId = NewType("PrepayId", str)

_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")


def valid_out_trade_no(value: str) -> bool:
    """Whether WeChat Pay takes this as our order number (6 to 32 of letters, digits, _ - | *)."""
    return _OUT_TRADE_NO.fullmatch(value) is not None


def valid_out_refund_no(value: str) -> bool:
    """Whether WeChat Pay takes this as our refund number (up to 64, also @)."""
    return _OUT_REFUND_NO.fullmatch(value) is not None


class Method(StrEnum):
    """支付方式: how the payer meets the cashier. One order number belongs to one of them for ever."""

    JSAPI = "jsapi"  # inside WeChat
    H5 = "h5"  # a phone's browser, which opens WeChat and comes back
    NATIVE = "native"  # a QR code on another screen


class TradeState(StrEnum):
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"
    NOTPAY = "NOTPAY"
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    USERPAYING = "USERPAYING"
    PAYERROR = "PAYERROR"


class RefundStatus(StrEnum):
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"
    ABNORMAL = "ABNORMAL"


class RejectReason(StrEnum):
    """Why a notice is not believed. The sender is told nothing but FAIL."""

    TOO_LARGE = "too-large"
    MISSING_HEADER = "missing-header"
    TIMESTAMP = "timestamp"
    SERIAL = "serial"
    SIGNATURE = "signature"
    ALGORITHM = "algorithm"
    DECRYPT = "decrypt"
    MALFORMED = "malformed"


class NoticeRejected(Exception):
    """The message is not an authentic, readable notice of WeChat Pay: answer 4xx FAIL and change nothing."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason.value} {detail}".strip())


class OrderPaid(GatewayError):
    """The order is paid already: do not close it, ask for it."""


class OrderClosed(GatewayError):
    """The order is closed: it needs a new number."""


class OrderNotFound(GatewayError):
    """WeChat Pay has no such order or refund: the call that should have made it never arrived."""


class BillNotReady(GatewayError):
    """There is no bill of this day, or not yet. A day without any business has none for ever."""


class BillDamaged(GatewayError):
    """The bill does not match its own digest or totals, or is no bill: nothing of it may be used."""


@dataclass(frozen=True, slots=True)
class JsapiOrder:
    """One attempt to be paid inside WeChat. The same number must always come with the same values."""

    out_trade_no: str
    description: str
    total_fen: int
    openid: str
    expires_at: datetime
    attach: str = ""


@dataclass(frozen=True, slots=True)
class H5Order:
    """One attempt to be paid in a phone's browser. WeChat Pay wants the payer's address for its risk control."""

    out_trade_no: str
    description: str
    total_fen: int
    client_ip: str = field(repr=False)
    expires_at: datetime
    attach: str = ""


@dataclass(frozen=True, slots=True)
class NativeOrder:
    """One attempt to be paid by scanning."""

    out_trade_no: str
    description: str
    total_fen: int
    expires_at: datetime
    attach: str = ""


Order = JsapiOrder | H5Order | NativeOrder


@dataclass(frozen=True, slots=True)
class CashierParams:
    """What the page hands to WeChat's cashier; `wx.chooseWXPay` wants `timestamp` in lower case."""

    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """An order as WeChat Pay sees it. Everything below `state` is certain only once it was paid."""

    app_id: str
    mch_id: str
    out_trade_no: str
    state: TradeState
    transaction_id: str | None = None
    total_fen: int | None = None
    payer_total_fen: int | None = None
    currency: str | None = None
    openid: str | None = field(default=None, repr=False)
    success_at: datetime | None = None
    attach: str = ""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money back. A retry must carry the same `out_refund_no`: a new one refunds twice."""

    out_trade_no: str
    out_refund_no: str
    refund_fen: int
    total_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as WeChat Pay sees it; accepted is not yet refunded."""

    refund_id: str
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    status: RefundStatus
    refund_fen: int
    total_fen: int
    success_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BankCard:
    """Where an abnormal refund goes instead. Encrypted for WeChat Pay, kept nowhere."""

    bank_type: str
    account: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformCertificate:
    """平台证书 as downloaded."""

    serial: str
    pem: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill on disk, unzipped, its digest checked; readable until its context ends."""

    file: BinaryIO
    sha1: str


@dataclass(frozen=True, slots=True)
class PaymentNoticeData:
    """An authentic payment notice. Compare merchant, app, number, currency and amount with our own row."""

    notice_id: str
    event_type: str
    created_at: datetime
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class RefundNoticeData:
    """An authentic refund notice. Compare merchant, both numbers and both amounts with our own row."""

    notice_id: str
    event_type: str
    created_at: datetime
    mch_id: str
    refund: RefundState


class PayGateway(Protocol):
    """WeChat Pay. Calls raise GatewayError (`retryable` says whether the same call may be made again)."""

    def create_jsapi(self, order: JsapiOrder) -> PrepayId:
        """Place the order, or get a fresh prepay id for the same order. OrderPaid, OrderClosed."""
        ...

    def create_h5(self, order: H5Order) -> str:
        """The address that opens WeChat, good for five minutes; repeatable. OrderPaid, OrderClosed."""
        ...

    def create_native(self, order: NativeOrder) -> str:
        """The text of the QR code, good for two hours; repeatable. OrderPaid, OrderClosed."""
        ...

    def cashier_params(self, prepay_id: PrepayId) -> CashierParams:
        """The signed values for the cashier. No network."""
        ...

    def query(self, out_trade_no: str) -> Transaction:
        """What became of the order. OrderNotFound."""
        ...

    def close(self, out_trade_no: str) -> None:
        """Nobody can pay it any more; closing twice is fine. OrderPaid, OrderNotFound."""
        ...

    def refund(self, request: RefundRequest) -> RefundState:
        """Give money back; asked again with the same numbers it answers the same refund."""
        ...

    def query_refund(self, out_refund_no: str) -> RefundState:
        """What became of the refund. OrderNotFound."""
        ...

    def refund_to_card(self, refund_id: str, out_refund_no: str, card: BankCard) -> RefundState:
        """Send an abnormal refund to the payer's bank card."""
        ...

    def trade_bill(self, day: date) -> AbstractContextManager[Bill]:
        """Every payment and refund of a day. BillNotReady, BillDamaged."""
        ...

    def fund_flow_bill(self, day: date) -> AbstractContextManager[Bill]:
        """Every movement of the merchant's account on a day. BillNotReady, BillDamaged."""
        ...

    @property
    def uses_certificates(self) -> bool:
        """Whether this merchant has platform certificates, which have to be kept fresh."""
        ...

    def download_certificates(self) -> list[PlatformCertificate]:
        """The platform certificates that are good now; none for a merchant who only has the public key."""
        ...

    def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNoticeData | RefundNoticeData:
        """The notice in a request, if it is authentic. NoticeRejected and nothing else. No network."""
        ...
