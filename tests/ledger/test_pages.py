"""The pages of the ledger: the store compares and objects, headquarters verifies, closes and answers."""

import csv
import io
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import actors
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.security import Actor
from app.ledger.rules import LedgerEvent
from app.ledger.services import append
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.test_views import sign_in
from tests.client import check
from tests.coupons import campaigns as c
from tests.ledger.book import DAY, MINUTE, NOON, close, fill, tamper
from tests.operators import admin_client


@pytest.fixture
def shop(app: Flask) -> s.Shop:
    """A store with a closed day of 60 rows, and another store with its own."""
    shop = s.build()
    fill(60, chain=shop.west)
    fill(2, chain=shop.east)
    close(NOON + DAY)
    return shop


def staff_client(app: Flask, dealer_id: int, role: str = "manager") -> FlaskClient:
    number = db.session.get_one(StaffMember, s.clerk(dealer_id, role).id).member_id
    db.session.rollback()
    return sign_in(app, Actor("member", number))


def send(client: FlaskClient, page: str, action: str, **values: str) -> int:
    text = client.get(page).text
    check(text, whole=True)
    token = text.split('name="csrf_token" value="')[1].split('"')[0]
    return client.post(action, data={"csrf_token": token, **values}).status_code


def test_the_manager_compares_a_day_and_says_so(app: Flask, shop: s.Shop) -> None:
    client, day = staff_client(app, shop.west), "/staff/closes/2026-11-20"
    page = client.get(day).text
    check(page, whole=True)
    assert "60 笔 · ¥600.60" in page
    assert "第 1 页，共 2 页" in page
    assert "第 60 行" in client.get(f"{day}?page=2").text
    assert "待核对" in client.get("/staff/closes").text
    assert send(client, day, f"{day}/objection", reason="少") == 422
    assert send(client, day, f"{day}/objection", reason="少一笔 15:20 的核销") == 303
    assert "少一笔 15:20 的核销" in client.get(day).text
    office, theirs = admin_client(app), f"/admin/ledger/{shop.west}/2026-11-20"
    assert "少一笔 15:20 的核销" in office.get("/admin/ledger").text
    assert "60 笔 · ¥600.60" in office.get(theirs).text
    assert send(office, theirs, f"{theirs}/answer", reason="好") == 422
    assert send(office, theirs, f"{theirs}/answer", reason="那一笔在次日的日结里") == 303
    assert "那一笔在次日的日结里" in client.get(day).text
    assert send(client, day, f"{day}/agreement") == 303
    assert "核对无误" in client.get("/staff/closes").text
    for whose, page in ((client, day), (office, theirs)):  # what was said stays to be read
        text = whose.get(page).text
        told = [text.index(words) for words in ("门店有异议：少一笔 15:20", "总部答复：那一笔在次日", "门店核对无误")]
        assert told == sorted(told)
    actions = [row.action for row in db.session.query(AuditEntry).filter_by(subject_kind="ledger_close")]
    assert actions == ["close_objected", "close_answered", "close_checked"]


@pytest.mark.both_databases
def test_both_sides_read_at_once_that_a_closed_day_was_changed(app: Flask, shop: s.Shop) -> None:
    """On every page of the day, not only where the row stands; the totals stay those that were signed."""
    client, office = staff_client(app, shop.west), admin_client(app)
    pages = [f"{day}{page}" for day in ("/staff/closes/2026-11-20",) for page in ("", "?page=2")]
    theirs = f"/admin/ledger/{shop.west}/2026-11-20"
    for text in (client.get(pages[0]).text, office.get(theirs).text):
        assert "刚刚从头核算：签名有效，60 行与签名时一致" in text
        assert "与签名不符" not in text
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE chain = :chain AND seq = 2", chain=shop.west)
    for text in (*(client.get(page).text for page in pages), office.get(theirs).text):
        check(text, whole=True)
        assert "与签名不符：第 2 行被改过（核销 coupon:2，" in text
        assert "刚刚从头核算" not in text
        assert "60 笔 · ¥600.60" in text
    first = client.get(pages[0]).text
    assert first.count("与签名不符</span>") == 1
    assert "agreement" not in first
    token = first.split('name="csrf_token" value="')[1].split('"')[0]
    agreed = client.post(f"{pages[0]}/agreement", data={"csrf_token": token})
    assert (agreed.status_code, "与签名不符：第 2 行" in agreed.text) == (422, True)
    assert "待核对" in client.get("/staff/closes").text


def test_the_files_of_a_close(app: Flask, shop: s.Shop) -> None:
    client, day = staff_client(app, shop.west), "/staff/closes/2026-11-20"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{day}/rows.csv").data.decode("utf-8-sig"))))
    assert (len(rows), rows[0]["事项"], rows[0]["金额(元)"]) == (60, "券核销", "10.01")
    assert set(client.get(f"{day}/close.json").json) == {"signed", "signature", "key", "public_key"}
    assert len(client.get(f"{day}/rows.json").json["rows"]) == 60
    office = admin_client(app)
    for name in ("close.json", "rows.csv"):
        theirs = office.get(f"/admin/ledger/{shop.west}/2026-11-20/{name}")
        assert theirs.data == client.get(f"{day}/{name}").data, "both sides hold the same file"


def test_a_store_sees_its_own_closes_and_only_its_manager_does(app: Flask, shop: s.Shop) -> None:
    east = staff_client(app, shop.east)
    assert "2 笔 · ¥20.02" in east.get("/staff/closes/2026-11-20").text
    assert east.get("/staff/closes/2026-11-21").status_code == 404
    assert east.get("/staff/closes/yesterday").status_code == 404
    for role in ("clerk", "supervisor"):
        client = staff_client(app, shop.west, role)
        assert client.get("/staff/closes").status_code == 403
        assert client.get("/staff/closes/2026-11-20/close.json").status_code == 403


def test_headquarters_sees_every_chain_and_what_is_wrong(app: Flask, shop: s.Shop) -> None:
    office = admin_client(app)
    page = office.get("/admin/ledger").text
    check(page, whole=True)
    assert "西湖店" in page
    assert "还没有" in page
    assert send(office, "/admin/ledger", "/admin/ledger/verification") == 303
    assert "到第 60 行相符" in office.get("/admin/ledger").text
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE seq = 2")
    assert send(office, "/admin/ledger", "/admin/ledger/verification", chain=str(shop.west)) == 303
    page = office.get("/admin/ledger").text
    assert "西湖店：第 2 行被改过" in page
    assert "浦东店：" not in page
    fill(1, chain=shop.east, since=NOON + DAY)
    assert send(office, "/admin/ledger", "/admin/ledger/closes") == 303
    page = office.get(f"/admin/ledger/{shop.east}").text
    check(page, whole=True)
    assert "2026-11-21" in page
    done = [(row.action, row.detail.get("problems")) for row in db.session.query(AuditEntry) if "ledger" in row.action]
    assert done == [("ledger_verified", 0), ("ledger_verified", 1), ("ledger_days_closed", None)]


def test_the_keys_are_public(app: Flask, shop: s.Shop) -> None:
    client = app.test_client()
    page = client.get("/ledger/keys")
    check(page.text, whole=True)
    (key,) = client.get("/ledger/keys.json").json["keys"]
    assert key["public_key"] in page.text
    assert "Set-Cookie" not in page.headers


def test_what_was_taken_back_counts_against_it(app: Flask) -> None:
    """A column that is added up in a spreadsheet comes to what the day came to."""
    shop = s.build()
    clerk = s.clerk(shop.west)
    with transaction():
        for n, event in enumerate((LedgerEvent.REDEEMED, LedgerEvent.REDEEMED, LedgerEvent.UNDONE)):
            append(
                clerk, event, "coupon", n % 2 + 1, NOON + n * MINUTE,
                dealer_id=shop.west, campaign="yx-c1", amount_fen=1001, dealer_permille=500,
            )  # fmt: skip
    close(NOON + DAY)
    client, day = staff_client(app, shop.west), "/staff/closes/2026-11-20"
    page = client.get(day).text
    assert '<span class="v num">−¥10.01</span>' in page
    assert "1 笔 · −¥10.01" in page
    rows = list(csv.DictReader(io.StringIO(client.get(f"{day}/rows.csv").data.decode("utf-8-sig"))))
    sums = [sum(Decimal(row[name]) for row in rows) for name in ("金额(元)", "总部承担(元)", "门店承担(元)")]
    assert sums == [Decimal("10.01"), Decimal("5.01"), Decimal("5.00")]
    assert {row["经手"] for row in rows} == {actors.names([("staff", clerk.id)])["staff", clerk.id]}
    assert {row["经手编号"] for row in rows} == {f"staff:{clerk.id}"}


def test_a_day_names_its_coupons_as_their_receipts_do(app: Flask, shop: s.Shop) -> None:
    """A store finds a line of its day in its own list; what has no number keeps the ledger's own."""
    c.campaign("yx-c1", total=100)
    code = c.coupon(c.claim(c.member(), "yx-c1").coupon_id).code
    assert c.coupon(1).code == code
    client, day = staff_client(app, shop.west), "/staff/closes/2026-11-20"
    spaced = f"{code[:4]} {code[4:8]} {code[8:]}"
    page = client.get(day).text
    assert '<h3 class="line-h">到店试驾礼券</h3><p class="meta">yx-c1</p>' in page
    assert f'券核销 <span class="num">{spaced}</span>' in page
    assert '券核销 <span class="num">2</span>' in page
    rows = list(csv.DictReader(io.StringIO(client.get(f"{day}/rows.csv").data.decode("utf-8-sig"))))
    told = {row["对象"]: row["券号或订单号"] for row in rows}
    assert (told["coupon:1"], told["coupon:2"]) == (spaced, "")
    assert {row["活动"] for row in rows} == {"到店试驾礼券"}
    assert {row["经手"] for row in rows} == {"系统"}
    assert (rows[0]["总部承担(元)"], rows[0]["门店承担(元)"]) == ("5.01", "5.00")
    office = admin_client(app).get(f"/admin/ledger/{shop.west}/2026-11-20").text
    assert spaced in office
