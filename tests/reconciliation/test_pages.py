"""The back office's pages and files, and the command."""

import csv
import io
from datetime import date, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from openpyxl import load_workbook

from app.core.db import db, transaction
from app.payments.models import Payment, Refund
from app.reconciliation.models import ReconciledLine
from app.reconciliation.services.reconcile import reconcile
from tests.admin.test_operators import operator, sign_in
from tests.booking.shop import NOW
from tests.reconciliation.bills import BillingBank, payment, stamp
from tests.reconciliation.test_reconcile import DAY, MORNING, sell


def sign_in_operator(app: Flask) -> Any:
    """A client that is signed in to the back office; the clock stands at MORNING."""
    client = app.test_client()
    assert sign_in(client, operator(), MORNING).status_code == 303
    return client


@pytest.fixture
def bank(app: Flask) -> BillingBank:
    bank = app.extensions["pay"] = BillingBank()
    numbers = sell(bank, 2)
    bank.rows[DAY] = [payment(numbers[0], 100_000, stamp(NOW)), payment("P261122NOBODYS", 500, stamp(NOW))]
    return bank


def test_a_day_on_the_page_in_csv_and_in_excel(app: Flask, bank: BillingBank) -> None:
    with time_machine.travel(MORNING, tick=False):
        client = sign_in_operator(app)
        reconcile(DAY, bank, MORNING)
        line = db.session.query(ReconciledLine).filter_by(number="P261122NOBODYS").one().id
        db.session.rollback()
        assert "待处理 2 条" in client.get("/admin/reconciliation").text
        page = client.get(f"/admin/reconciliation/{DAY}")
        assert "仅微信有" in page.text
        assert "仅我方有" in page.text
        handled = f"/admin/reconciliation/{DAY}/lines/{line}/handled"
        token = {"csrf_token": token_of(page.text)}
        assert client.post(handled, data=token | {"reason": "好"}).status_code == 422
        assert client.post(handled, data=token | {"reason": "=1+1 是商户平台的测试"}).status_code == 303
        text = client.get(f"/admin/reconciliation/{DAY}/report.csv").data.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["结论"] for row in rows] == ["一致", "仅微信有", "仅我方有"]
        assert rows[1]["处理说明"] == "'=1+1 是商户平台的测试"
        assert (rows[0]["我方金额(元)"], rows[0]["手续费(元)"]) == ("1000.00", "6.00")
        excel = client.get(f"/admin/reconciliation/{DAY}/report.xlsx")
        book: Any = load_workbook(io.BytesIO(excel.data))
        sums = {row[0].value: row[1].value for row in book["汇总"].iter_rows()}
        assert sums["我方收款(元)"] == 2000
        detail = book["明细"]
        assert detail.freeze_panes == "A2"
        for column in detail.iter_cols(max_col=12):
            longest = max(len(str(cell.value)) for cell in column if cell.row > 1 and cell.value is not None)
            assert detail.column_dimensions[column[0].column_letter].width > longest
        assert sums["微信收款(元)"] == 1005
        assert sums["累计收入(元)"] == sums["累计支出（含退款途中）(元)"] + sums["累计留存（已付未退）(元)"] == 2000
        cells = list(book["明细"].iter_rows(values_only=True))
        assert cells[2][5:7] == (None, 5)
        assert {cell.data_type for row in book["明细"].iter_rows() for cell in row} <= {"s", "n", "inlineStr"}


def test_stuck_refunds_are_handled_on_their_page(app: Flask, bank: BillingBank) -> None:
    with transaction():
        paid = db.session.query(Payment).order_by(Payment.id).first()
        assert paid is not None
        row = Refund(
            out_refund_no="R1", payment_id=paid.id, amount_fen=100_000, reason_code="late", reason="到账太晚",
            state="abnormal", refund_id="50300", requested_at=NOW,
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        number = row.id
    with time_machine.travel(MORNING, tick=False):
        check_refund_page(sign_in_operator(app), number)


def check_refund_page(client: Any, number: int) -> None:
    page = client.get("/admin/refunds")
    assert "退款异常" in page.text
    token = {"csrf_token": token_of(page.text)}
    wrong = client.post(f"/admin/refunds/{number}/card", data=token | {"bank_type": "x", "account": "1", "name": ""})
    assert wrong.status_code == 422
    assert "请核对收款银行" in wrong.text
    assert client.post(f"/admin/refunds/{number}/handled", data=token | {"reason": "已经转账"}).status_code == 303
    assert "没有需要处理的退款" in client.get("/admin/refunds").text


def token_of(text: str) -> str:
    return text.split('name="csrf_token" value="')[1].split('"')[0]


@pytest.mark.parametrize(
    ("day", "code", "words"),
    [
        ("2026-13-01", 2, "不是日期"),
        ("昨天", 2, "不是日期"),
        ("20261122", 2, "不是日期"),
        ("2026-11-23", 2, "只能对账昨天"),
        ("2026-12-24", 2, "只能对账昨天"),
        ("2026-08-01", 2, "只能对账昨天"),
        ("2026-11-21", 0, "对账完成"),
        ("2026-11-22", 3, "待处理差异 2 条"),
    ],
)
def test_the_command_says_a_sentence_and_a_code(app: Flask, bank: BillingBank, day: str, code: int, words: str) -> None:
    with time_machine.travel(MORNING, tick=False):
        result = app.test_cli_runner().invoke(args=["reconcile", day])
    assert result.exit_code == code, result.output
    assert words in result.output


def test_the_command_waits_for_the_morning(app: Flask, bank: BillingBank) -> None:
    early = datetime.fromisoformat("2026-11-23T08:00:00+08:00")
    with time_machine.travel(early, tick=False):
        result = app.test_cli_runner().invoke(args=["reconcile", date.isoformat(DAY)])
    assert (result.exit_code, "每天 10 点后" in result.output) == (1, True)
