"""What the dashboard puts before a person."""

import time_machine
from sqlalchemy import update

from app.booking.services import pay, release
from app.core.actors import names
from app.core.db import db, transaction
from app.payments.models import Refund
from app.payments.services import settlement
from tests.admin.test_operators import NOW, operator, sign_in
from tests.booking import shop as s
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank


def stuck_refund() -> str:
    """The number of a booking whose earnest money WeChat Pay could not give back."""
    actor, bank = s.member(), Bank()
    no = s.place(s.build(), actor, s.NOW).no
    pay.open_booking_payment(actor, no, bank, s.NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, s.NOW), s.NOW)
    release.cancel_booking(actor, no, bank, s.NOW)
    with transaction():
        db.session.execute(update(Refund).values(state="abnormal"))
    return no


def test_refunds_that_need_a_person_are_listed(app):
    no, client = stuck_refund(), app.test_client()
    with time_machine.travel(NOW, tick=False):
        sign_in(client, operator())
        page = client.get("/admin").text
        for word in ("需要处理的退款", f"订单 {no} · ¥1,000", "退款异常"):
            assert word in page
        with transaction():
            db.session.execute(update(Refund).values(state="succeeded"))
        assert "没有需要处理的退款" in client.get("/admin").text


def test_the_trail_names_its_people(app):
    found = names([("operator", 1), ("operator", 999), ("system", None), ("member", 7)])
    assert found == {
        ("operator", 1): "总部 1",
        ("operator", 999): "总部 999",
        ("system", None): "系统",
        ("member", 7): "客户 7",
    }
    with time_machine.travel(NOW, tick=False):
        client = app.test_client()
        sign_in(client, operator())
        page = client.get("/admin").text
    assert names([("operator", 1)]) == {("operator", 1): "总部 chief"}
    assert "总部 chief" in page
