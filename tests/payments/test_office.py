"""支付查询: what the office finds by a number, and what it is told about notices that did not match."""

from dataclasses import replace

from flask import Flask

from app.booking.services import pay, release
from app.core import outbox
from app.core.db import db
from app.payments.models import Payment, PaymentNotice, Refund
from app.payments.rules import HARMLESS, VERDICT_WORDS, Verdict
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.client import check
from tests.operators import admin_client
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank


def test_payments_and_suspicious_notices_are_found_by_number(app: Flask) -> None:
    bank = app.extensions["pay"] = Bank()
    shop, first, second = s.build(), s.member("13900000001"), s.member("13900000002")
    for actor in (first, second):
        pay.open_booking_payment(actor, s.place(shop, actor).no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    good, other = list(bank.orders)
    bank.pay(good)
    notice = bank.notice(good, NOW)
    settlement.accept_notice(notice, NOW)
    wrong = replace(notice, notice_id="cheat", transaction=replace(notice.transaction, total_fen=1))
    settlement.accept_notice(wrong, NOW)
    no = db.session.query(Payment).filter_by(out_trade_no=good).one().payable_id
    db.session.rollback()
    from app.booking.models import Booking

    booking = db.session.get_one(Booking, no).no
    db.session.rollback()
    release.cancel_booking(first, booking, bank, NOW)
    outbox.deliver_due()
    refund, theirs = db.session.query(Refund.out_refund_no, Payment.transaction_id).join(Payment).one()
    kept = db.session.query(PaymentNotice.number, PaymentNotice.verdict).filter_by(notice_id="cheat").one()
    db.session.rollback()
    assert tuple(kept) == (good, "wrong_amount")

    office = admin_client(app)
    page = office.get("/admin/payments").text
    check(page, whole=True)
    assert good in page
    assert other in page
    assert "金额不符" in page
    for number in (good, f"`{theirs}", refund):  # a bill writes numbers with a backtick
        found = office.get("/admin/payments", query_string={"q": number}).text
        assert good in found
        assert refund in found
        assert other not in found
    assert "金额不符" in office.get("/admin/payments", query_string={"q": good}).text
    assert "金额不符" not in office.get("/admin/payments", query_string={"q": other}).text
    assert "没有找到这个单号" in office.get("/admin/payments", query_string={"q": "P0"}).text
    assert app.test_client().get("/admin/payments").status_code != 200


def test_every_verdict_that_matters_has_words() -> None:
    assert set(VERDICT_WORDS) == {"", *(set(Verdict) - HARMLESS)}
