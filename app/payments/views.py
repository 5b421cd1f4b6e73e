"""Where WeChat Pay's notices arrive. The raw bytes are read before anything else looks at the request."""

import structlog
from flask import Blueprint, Response, current_app, jsonify, make_response, request

from app.core import clock
from app.core.security import access
from app.gateways.pay.port import NoticeRejected, PayGateway, PaymentNoticeData, RefundNoticeData
from app.payments.services import refunds, settlement

log = structlog.get_logger(__name__)
blueprint = Blueprint("payments", __name__)


@blueprint.post("/pay/wechat/notices/payment")
@access("signed")
def receive_payment_notice() -> Response:
    """An authentic notice is stored and answered with success, whatever it says; another one gets 401 FAIL."""
    body, now = request.get_data(cache=True), clock.now()
    try:
        notice = _gateway().parse_notice(dict(request.headers), body, now)
    except NoticeRejected as exc:
        return _refuse(exc)
    if not isinstance(notice, PaymentNoticeData):
        return _refuse(None)
    settlement.accept_notice(notice, now)
    return _accepted()


@blueprint.post("/pay/wechat/notices/refund")
@access("signed")
def receive_refund_notice() -> Response:
    """The same for money back."""
    body, now = request.get_data(cache=True), clock.now()
    try:
        notice = _gateway().parse_notice(dict(request.headers), body, now)
    except NoticeRejected as exc:
        return _refuse(exc)
    if not isinstance(notice, RefundNoticeData):
        return _refuse(None)
    refunds.accept_refund_notice(notice, now)
    return _accepted()


def _gateway() -> PayGateway:
    return current_app.extensions["pay"]


def _accepted() -> Response:
    return jsonify(code="SUCCESS", message="成功")


def _refuse(reason: NoticeRejected | None) -> Response:
    log.warning("notice_rejected", reason=reason.reason.value if reason else "wrong-kind")
    return make_response(jsonify(code="FAIL", message="失败"), 401)
