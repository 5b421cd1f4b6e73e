"""WeChat Pay API v3 on wechatpayv3, with what it lacks: typed answers and errors, time limits, earlier checks."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from wechatpayv3 import WeChatPay, WeChatPayType

from app.core import clock, ids
from app.core.config import Settings
from app.core.errors import ConfigError, GatewayError
from app.gateways.pay import notices, wire
from app.gateways.pay.keys import load_platform_key, load_private_key, normal_serial, private_pem, public_pem
from app.gateways.pay.port import (
    PROVIDER,
    CashierParams,
    JsapiOrder,
    OrderClosed,
    OrderNotFound,
    OrderPaid,
    PaymentNoticeData,
    PrepayId,
    RefundNoticeData,
    RefundRequest,
    RefundState,
    Transaction,
    valid_out_refund_no,
    valid_out_trade_no,
)
from app.gateways.transport import loads_object, quiet_transport_log

TIMEOUT = (3.0, 10.0)
READ_ATTEMPTS = 2
READ_PAUSE_SECONDS = 0.3
PAYMENT_NOTICE_PATH = "/pay/wechat/notices/payment"
REFUND_NOTICE_PATH = "/pay/wechat/notices/refund"

# Two generations of documents spell codes with and without underscores; compare without.
_ERRORS: dict[str, type[GatewayError]] = {
    "ORDERPAID": OrderPaid,
    "ORDERCLOSED": OrderClosed,
    "ORDERNOTEXIST": OrderNotFound,
    "RESOURCENOTEXISTS": OrderNotFound,
}
_RETRYABLE = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "NOTENOUGH"})

Reply = tuple[int, str | bytes]
T = TypeVar("T")


class WeChatPayV3:
    """The production PayGateway. One instance serves all threads."""

    def __init__(
        self,
        *,
        app_id: str,
        mch_id: str,
        cert_serial: str,
        private_key: RSAPrivateKey,
        api_v3_key: str,
        platform_keys: Mapping[str, RSAPublicKey],
        primary_serial: str,
        base_url: str,
        payment_notice_url: str,
        refund_notice_url: str,
        timeout: tuple[float, float] = TIMEOUT,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`platform_keys` maps serials (PUB_KEY_ID_… or certificate numbers) to keys; requests use `primary_serial`."""
        if len(api_v3_key.encode()) != 32:
            raise ConfigError("WECHATPAY_API_V3_KEY: must have 32 bytes")
        quiet_transport_log()
        self._app_id, self._mch_id, self._api_v3_key = app_id, mch_id, api_v3_key
        self._payment_notice_url, self._refund_notice_url = payment_notice_url, refund_notice_url
        self._platform_keys = {normal_serial(serial): key for serial, key in platform_keys.items()}
        self._pause = pause
        self._library = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=mch_id,
            private_key=private_pem(private_key),
            cert_serial_no=cert_serial,
            appid=app_id,
            apiv3_key=api_v3_key,
            notify_url=payment_notice_url,
            # With a key of its own the library never goes out to fetch certificates when it is made.
            public_key=public_pem(self._platform_keys[normal_serial(primary_serial)]),
            public_key_id=normal_serial(primary_serial),
            timeout=timeout,
        )
        # The library has no other way to name its server. The only private attribute of it that is touched.
        self._library._core._gate_way = base_url.rstrip("/")  # pyright: ignore[reportPrivateUsage]

    @classmethod
    def from_settings(cls, settings: Settings, *, certificates: Mapping[str, Path] | None = None) -> "WeChatPayV3":
        """The merchant of this deployment. `certificates` adds platform certificates (serial → file) while WeChat
        moves a merchant from certificates to its public key."""
        serial = settings.wechatpay_public_key_id
        keys = {serial: load_platform_key(settings.wechatpay_public_key_path, serial)}
        for number, path in (certificates or {}).items():
            keys[number] = load_platform_key(path, number)
        site = settings.public_base_url.rstrip("/")
        return cls(
            app_id=settings.wechat_app_id,
            mch_id=settings.wechatpay_mch_id,
            cert_serial=settings.wechatpay_cert_serial,
            private_key=load_private_key(settings.wechatpay_private_key_path),
            api_v3_key=settings.wechatpay_api_v3_key.get_secret_value(),
            platform_keys=keys,
            primary_serial=serial,
            base_url=settings.wechatpay_base_url,
            payment_notice_url=site + PAYMENT_NOTICE_PATH,
            refund_notice_url=site + REFUND_NOTICE_PATH,
        )

    def create_jsapi(self, order: JsapiOrder) -> PrepayId:
        """Place the order, or get a fresh prepay id for the same order."""
        if not valid_out_trade_no(order.out_trade_no) or not 1 <= order.total_fen <= wire.MAX_FEN or not order.openid:
            raise ValueError("out_trade_no, total_fen or openid")
        answer = _ask(
            lambda: self._library.pay(
                description=order.description[:127],
                out_trade_no=order.out_trade_no,
                amount={"total": order.total_fen, "currency": "CNY"},
                payer={"openid": order.openid},
                time_expire=clock.local(order.expires_at).isoformat(timespec="seconds"),
                attach=order.attach or None,
                notify_url=self._payment_notice_url,
            )
        )
        return PrepayId(_typed(lambda: wire.text(answer, "prepay_id")))

    def cashier_params(self, prepay_id: PrepayId) -> CashierParams:
        """The signed values for the cashier. No network."""
        timestamp, nonce, package = str(int(clock.now().timestamp())), ids.token(16), f"prepay_id={prepay_id}"
        signature = self.sign_lines(self._app_id, timestamp, nonce, package)
        return CashierParams(self._app_id, timestamp, nonce, package, "RSA", signature)

    def sign_lines(self, *lines: str) -> str:
        """The merchant's signature over these lines, each ended by a line feed."""
        return cast("str", self._library.sign(lines))

    def query(self, out_trade_no: str) -> Transaction:
        """What became of the order."""
        number = _path_part(out_trade_no, valid_out_trade_no)
        answer = self._read(lambda: self._library.query(out_trade_no=number))
        found = _typed(lambda: wire.transaction(answer))
        if found.out_trade_no != out_trade_no:
            raise GatewayError(PROVIDER, "bad_answer", "another order")
        return found

    def close(self, out_trade_no: str) -> None:
        """Nobody can pay it any more; closing twice is fine."""
        number = _path_part(out_trade_no, valid_out_trade_no)
        try:
            _ask(lambda: self._library.close(out_trade_no=number))
        except OrderClosed:
            return

    def refund(self, request: RefundRequest) -> RefundState:
        """Give money back; asked again with the same numbers it answers the same refund."""
        if not valid_out_refund_no(request.out_refund_no) or not valid_out_trade_no(request.out_trade_no):
            raise ValueError("out_refund_no or out_trade_no")
        if not 1 <= request.refund_fen <= request.total_fen <= wire.MAX_FEN:
            raise ValueError("refund_fen")
        answer = _ask(
            lambda: self._library.refund(
                out_refund_no=request.out_refund_no,
                out_trade_no=request.out_trade_no,
                amount={"refund": request.refund_fen, "total": request.total_fen, "currency": "CNY"},
                reason=request.reason[:80],
                notify_url=self._refund_notice_url,
            )
        )
        return self._same_refund(answer, request.out_refund_no)

    def query_refund(self, out_refund_no: str) -> RefundState:
        """What became of the refund."""
        number = _path_part(out_refund_no, valid_out_refund_no)
        answer = self._read(lambda: self._library.query_refund(out_refund_no=number))
        return self._same_refund(answer, out_refund_no)

    def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNoticeData | RefundNoticeData:
        """The notice in a request, if it is authentic. NoticeRejected and nothing else. No network."""
        return notices.parse_notice(headers, body, now, platform_keys=self._platform_keys, api_v3_key=self._api_v3_key)

    def _read(self, call: Callable[[], Reply]) -> dict[str, Any]:
        # Only reads are repeated here: an order or refund whose answer got lost is asked for first.
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return _ask(call)
            except GatewayError as exc:
                if not exc.retryable or attempt == READ_ATTEMPTS:
                    raise
            self._pause(READ_PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def _same_refund(self, answer: wire.Json, out_refund_no: str) -> RefundState:
        found = _typed(lambda: wire.refund(answer))
        if found.out_refund_no != out_refund_no:
            raise GatewayError(PROVIDER, "bad_answer", "another refund")
        return found


def _path_part(number: str, valid: Callable[[str], bool]) -> str:
    """The number as a path segment: the library neither checks nor escapes what it puts there."""
    if not valid(number):
        raise ValueError("not a number of ours")
    return quote(number, safe="")


def _ask(call: Callable[[], object]) -> dict[str, Any]:
    """The JSON object of a signed 2xx answer (empty for 204), or a GatewayError raised without the original."""
    try:
        status, content = cast("Reply", call())
    except requests.Timeout:
        error = GatewayError(PROVIDER, "timeout", retryable=True)
    except requests.RequestException as exc:
        error = GatewayError(PROVIDER, "unreachable", type(exc).__name__, retryable=True)
    except Exception as exc:  # the library raises bare Exceptions for unsigned and wrongly signed answers
        error = GatewayError(PROVIDER, "unverified_answer", type(exc).__name__)
    else:
        if 200 <= status < 300:
            return {} if status == 204 else _typed(lambda: loads_object(content))
        error = _refusal(status, content)
    raise error


def _refusal(status: int, content: str | bytes) -> GatewayError:
    try:
        body = loads_object(content)
    except ValueError:
        body = {}
    code, message = body.get("code"), body.get("message")
    code = code if isinstance(code, str) and code else f"http_{status}"
    plain = code.upper().replace("_", "")
    retryable = status == 429 or status >= 500 or plain in _RETRYABLE
    return _ERRORS.get(plain, GatewayError)(PROVIDER, code[:64], str(message or "")[:200], retryable=retryable)


def _typed(read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as exc:
        detail = str(exc) if str(exc).isidentifier() else type(exc).__name__
    raise GatewayError(PROVIDER, "bad_answer", detail)
