"""WeChat Pay API v3 on wechatpayv3, with what it lacks: typed answers and errors, time limits, earlier checks."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import build_authorization

from app.core import clock, ids
from app.core.config import Settings
from app.core.errors import ConfigError, GatewayError
from app.gateways.pay import certificates, downloads, notices, wire
from app.gateways.pay.answers import Reply, ask, typed
from app.gateways.pay.keys import (
    Certificates,
    KeyRing,
    load_platform_key,
    load_private_key,
    load_ring,
    normal_serial,
    private_pem,
    public_pem,
)
from app.gateways.pay.port import (
    PROVIDER,
    BankCard,
    Bill,
    CashierParams,
    H5Order,
    JsapiOrder,
    NativeOrder,
    NoticeRejected,
    Order,
    OrderClosed,
    OrderNotFound,
    PaymentNoticeData,
    PlatformCertificate,
    PrepayId,
    RefundNoticeData,
    RefundRequest,
    RefundState,
    Transaction,
    valid_out_refund_no,
    valid_out_trade_no,
)
from app.gateways.transport import quiet_transport_log

TIMEOUT = (3.0, 10.0)
READ_ATTEMPTS = 2
READ_PAUSE_SECONDS = 0.3
PAYMENT_NOTICE_PATH = "/pay/wechat/notices/payment"
REFUND_NOTICE_PATH = "/pay/wechat/notices/refund"
CERTIFICATES = "/v3/certificates"


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
        platform_keys: Mapping[str, RSAPublicKey] | KeyRing,
        primary_serial: str,
        base_url: str,
        payment_notice_url: str,
        refund_notice_url: str,
        timeout: tuple[float, float] = TIMEOUT,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`platform_keys`: serials (PUB_KEY_ID_… or certificate numbers) and keys; requests use `primary_serial`."""
        if len(api_v3_key.encode()) != 32:
            raise ConfigError("WECHATPAY_API_V3_KEY: must have 32 bytes")
        quiet_transport_log()
        self._app_id, self._mch_id, self._api_v3_key = app_id, mch_id, api_v3_key
        self._payment_notice_url, self._refund_notice_url = payment_notice_url, refund_notice_url
        self._ring = platform_keys if isinstance(platform_keys, KeyRing) else KeyRing(platform_keys)
        self._pause, self._timeout = pause, timeout
        self._cert_serial, self._private_key, self._base_url = cert_serial, private_key, base_url.rstrip("/")
        primary = self._ring.get(primary_serial)
        if primary is None:
            raise ConfigError(f"WECHATPAY_PUBLIC_KEY_ID: no key for {primary_serial}")
        self._library = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=mch_id,
            private_key=private_pem(private_key),
            cert_serial_no=cert_serial,
            appid=app_id,
            apiv3_key=api_v3_key,
            notify_url=payment_notice_url,
            # With a key of its own the library never goes out to fetch certificates when it is made.
            public_key=public_pem(primary),
            public_key_id=normal_serial(primary_serial),
            timeout=timeout,
        )
        core = cast("Any", self._library)._core
        # The library has no other way to name its server, and its own check of answers knows one key only, takes
        # answers of any age and calls out for a serial it does not know. Nothing else private of it is touched.
        core._gate_way = self._base_url
        core._verify_signature = self._is_authentic

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        certificates: Mapping[str, Path] | None = None,
        stored: Callable[[], Certificates] | None = None,
    ) -> "WeChatPayV3":
        """The merchant of this deployment. `certificates` adds platform certificates (serial → file), `stored` those
        that were downloaded since."""
        ring, serial = load_ring(settings, stored)
        for number, path in (certificates or {}).items():
            load_platform_key(path, number)
            ring.trust({number: path.read_text("ascii")})
        site = settings.public_base_url.rstrip("/")
        return cls(
            app_id=settings.wechat_app_id,
            mch_id=settings.wechatpay_mch_id,
            cert_serial=settings.wechatpay_cert_serial,
            private_key=load_private_key(settings.wechatpay_private_key_path),
            api_v3_key=settings.wechatpay_api_v3_key.get_secret_value(),
            platform_keys=ring,
            primary_serial=serial,
            base_url=settings.wechatpay_base_url,
            payment_notice_url=site + PAYMENT_NOTICE_PATH,
            refund_notice_url=site + REFUND_NOTICE_PATH,
        )

    def create_jsapi(self, order: JsapiOrder) -> PrepayId:
        """Place the order, or get a fresh prepay id for the same order."""
        if not order.openid:
            raise ValueError("openid")
        answer = self._order(order, WeChatPayType.JSAPI, payer={"openid": order.openid})
        return PrepayId(typed(lambda: wire.text(answer, "prepay_id")))

    def create_h5(self, order: H5Order) -> str:
        """The address that opens WeChat from a phone's browser; only an https address of WeChat Pay's is handed on."""
        if not order.client_ip:
            raise ValueError("client_ip")
        scene = {"payer_client_ip": order.client_ip, "h5_info": {"type": "Wap"}}
        answer = self._order(order, WeChatPayType.H5, scene_info=scene)
        return typed(lambda: wire.link(answer, "h5_url", ("https://", self._base_url + "/")))

    def create_native(self, order: NativeOrder) -> str:
        """The text of the QR code."""
        answer = self._order(order, WeChatPayType.NATIVE)
        return typed(lambda: wire.link(answer, "code_url", ("weixin://", "https://", self._base_url + "/")))

    def _order(self, order: Order, kind: WeChatPayType, **more: Any) -> wire.Json:
        if not valid_out_trade_no(order.out_trade_no) or not 1 <= order.total_fen <= wire.MAX_FEN:
            raise ValueError("out_trade_no or total_fen")
        return ask(
            lambda: self._library.pay(
                pay_type=kind,
                description=order.description[:127],
                out_trade_no=order.out_trade_no,
                amount={"total": order.total_fen, "currency": "CNY"},
                time_expire=clock.local(order.expires_at).isoformat(timespec="seconds"),
                attach=order.attach or None,
                notify_url=self._payment_notice_url,
                **more,
            )
        )

    def cashier_params(self, prepay_id: PrepayId) -> CashierParams:
        """The signed values for the cashier. No network."""
        timestamp, nonce, package = str(int(clock.now().timestamp())), ids.token(16), f"prepay_id={prepay_id}"
        signature = self.sign_lines(self._app_id, timestamp, nonce, package)
        return CashierParams(self._app_id, timestamp, nonce, package, "RSA", signature)

    def sign_lines(self, *lines: str) -> str:
        """The merchant's signature over these lines, each ended by a line feed."""
        return cast("str", self._library.sign(lines))

    def authorization(self, method: str, path: str, body: str = "") -> str:
        """The Authorization header for this request at this moment; `path` with its query as sent. No network."""
        nonce = ids.token(16)
        return build_authorization(path, method, self._mch_id, self._cert_serial, self._private_key, body, nonce)

    def query(self, out_trade_no: str) -> Transaction:
        """What became of the order."""
        number = _path_part(out_trade_no, valid_out_trade_no)
        answer = self._read(lambda: self._library.query(out_trade_no=number))
        found = typed(lambda: wire.transaction(answer))
        if found.out_trade_no != out_trade_no:
            raise GatewayError(PROVIDER, "bad_answer", "another order")
        return found

    def close(self, out_trade_no: str) -> None:
        """Nobody can pay it any more; closing twice is fine."""
        number = _path_part(out_trade_no, valid_out_trade_no)
        try:
            ask(lambda: self._library.close(out_trade_no=number))
        except OrderClosed:
            return

    def refund(self, request: RefundRequest) -> RefundState:
        """Give money back; asked again with the same numbers it answers the same refund."""
        if not valid_out_refund_no(request.out_refund_no) or not valid_out_trade_no(request.out_trade_no):
            raise ValueError("out_refund_no or out_trade_no")
        if not 1 <= request.refund_fen <= request.total_fen <= wire.MAX_FEN:
            raise ValueError("refund_fen")
        answer = ask(
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

    def refund_to_card(self, refund_id: str, out_refund_no: str, card: BankCard) -> RefundState:
        """Send an abnormal refund to the payer's bank card; account and name leave encrypted."""
        if not refund_id.isalnum() or not valid_out_refund_no(out_refund_no):
            raise ValueError("refund_id or out_refund_no")
        answer = ask(
            lambda: self._library.abnormal_refund(
                refund_id, out_refund_no, "USER_BANK_CARD", card.bank_type, card.account, card.name
            )
        )
        return self._same_refund(answer, out_refund_no)

    def trade_bill(self, day: date) -> AbstractContextManager[Bill]:
        """Every payment and refund of a day, on disk."""
        return self._bill(lambda: self._library.trade_bill(day.isoformat(), "ALL", "GZIP"))

    def fund_flow_bill(self, day: date) -> AbstractContextManager[Bill]:
        """Every movement of the basic account on a day, on disk."""
        return self._bill(lambda: self._library.fundflow_bill(day.isoformat(), "BASIC", "GZIP"))

    def download_certificates(self) -> list[PlatformCertificate]:
        """The platform certificates that are good now; they are trusted from now on. None in public-key mode."""
        heard: dict[str, Any] = {}

        def unverified() -> Reply:
            # A certificate that is not known yet may have signed the list of certificates, so the seal is opened
            # first (only who has the APIv3 key can have made it) and the signature checked right after.
            answer = requests.get(
                self._base_url + CERTIFICATES,
                headers=self._headers(CERTIFICATES),
                timeout=self._timeout,
                allow_redirects=False,
            )
            heard.update(headers=answer.headers, body=answer.text)
            return answer.status_code, answer.text

        try:
            answer = ask(unverified)
        except OrderNotFound:
            return []
        try:
            found = certificates.read_certificates(answer, self._api_v3_key, clock.now())
        except (ValueError, ConfigError, NoticeRejected) as exc:
            detail = type(exc).__name__
        else:
            self._ring.trust({one.serial: one.pem for one in found})
            if self._is_authentic(heard["headers"], heard["body"]):
                return found
            detail = "signature"
        raise GatewayError(PROVIDER, "unverified_answer", detail)

    @property
    def uses_certificates(self) -> bool:
        """Whether this merchant has platform certificates, which have to be kept fresh."""
        return self._ring.in_certificate_mode

    def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNoticeData | RefundNoticeData:
        """The notice in a request, if it is authentic. NoticeRejected and nothing else. No network."""
        return notices.parse_notice(headers, body, now, platform_keys=self._ring, api_v3_key=self._api_v3_key)

    def _bill(self, call: Callable[[], Reply]) -> AbstractContextManager[Bill]:
        answer = self._read(call)
        url, digest = typed(lambda: downloads.address_in(answer, self._base_url))
        return downloads.fetch(url, digest, self._headers, self._timeout)

    def _headers(self, path: str) -> dict[str, str]:
        signed = self.authorization("GET", path)
        return {"Authorization": signed, "Accept": "application/json", "User-Agent": "zhanting"}

    def _is_authentic(self, headers: Mapping[str, str], body: str) -> bool:
        """Whether WeChat Pay signed this answer just now, with any key of the ring."""
        lower = {name.lower(): value for name, value in headers.items()}
        timestamp, serial = lower.get("wechatpay-timestamp", ""), lower.get("wechatpay-serial", "")
        key = self._ring.get(serial)
        if key is None or lower.get("wechatpay-signature-type") != notices.SIGNATURE_TYPE:
            return False
        if not notices.is_recent(timestamp, clock.now()):
            return False
        nonce, signature = lower.get("wechatpay-nonce", ""), lower.get("wechatpay-signature", "")
        return notices.signature_matches(key, timestamp, nonce, body, signature)

    def _read(self, call: Callable[[], Reply]) -> dict[str, Any]:
        # Only reads are repeated here: an order or refund whose answer got lost is asked for first.
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return ask(call)
            except GatewayError as exc:
                if not exc.retryable or attempt == READ_ATTEMPTS:
                    raise
            self._pause(READ_PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def _same_refund(self, answer: wire.Json, out_refund_no: str) -> RefundState:
        found = typed(lambda: wire.refund(answer))
        if found.out_refund_no != out_refund_no:
            raise GatewayError(PROVIDER, "bad_answer", "another refund")
        return found


def _path_part(number: str, valid: Callable[[str], bool]) -> str:
    """The number as a path segment: the library neither checks nor escapes what it puts there."""
    if not valid(number):
        raise ValueError("not a number of ours")
    return quote(number, safe="")
