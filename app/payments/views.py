"""Where WeChat Pay's notices arrive. The raw bytes are read before anything else looks at the request."""

import json

import structlog
from flask import Blueprint, Response, current_app, jsonify, make_response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.core import clock
from app.core.security import access
from app.gateways.pay.port import NoticeRejected, PayGateway, PaymentNoticeData, RefundNoticeData, RejectReason
from app.payments.services import refunds, settlement
from app.payments.services.settlement import Received

log = structlog.get_logger(__name__)
blueprint = Blueprint("payments", __name__)
_SUCCESS = json.dumps({"code": "SUCCESS", "message": "成功"}, ensure_ascii=False)


@blueprint.post("/pay/wechat/notices/payment")
@access("signed")
def receive_payment_notice() -> Response:
    """An authentic notice is stored and answered with success, whatever it says; another one gets 401 FAIL."""
    now = clock.now()
    try:
        body, signed = _raw_body(), _signature_headers()
        notice = _gateway().parse_notice(signed, body, now)
    except NoticeRejected as exc:
        return _refuse(exc)
    if not isinstance(notice, PaymentNoticeData):
        return _refuse(None)
    settlement.accept_notice(notice, now, _received(body, signed))
    return _accepted()


@blueprint.post("/pay/wechat/notices/refund")
@access("signed")
def receive_refund_notice() -> Response:
    """The same for money back."""
    now = clock.now()
    try:
        body, signed = _raw_body(), _signature_headers()
        notice = _gateway().parse_notice(signed, body, now)
    except NoticeRejected as exc:
        return _refuse(exc)
    if not isinstance(notice, RefundNoticeData):
        return _refuse(None)
    refunds.accept_refund_notice(notice, now, _received(body, signed))
    return _accepted()


def _gateway() -> PayGateway:
    return current_app.extensions["pay"]


def _raw_body() -> bytes:
    try:
        return request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise NoticeRejected(RejectReason.TOO_LARGE) from None


def _signature_headers() -> dict[str, str]:
    prefix = "HTTP_WECHATPAY_"
    found = {name: value for name, value in request.environ.items() if name.startswith(prefix)}
    return {f"Wechatpay-{name[len(prefix) :].replace('_', '-').title()}": value for name, value in found.items()}


def _received(body: bytes, signed: dict[str, str]) -> Received:
    """The request as evidence: it verified, so it is UTF-8 text with signature headers."""
    return Received(body.decode(), {name: value[:512] for name, value in signed.items()})


def _accepted() -> Response:
    return Response(_SUCCESS, mimetype="application/json")


def _refuse(reason: NoticeRejected | None) -> Response:
    log.warning("notice_rejected", reason=reason.reason.value if reason else "wrong-kind")
    return make_response(jsonify(code="FAIL", message="失败"), 401)
