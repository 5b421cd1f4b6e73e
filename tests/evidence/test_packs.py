"""The dispute pack: everything of one booking or coupon for both sides, and nothing of anybody else."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.booking.models import BookingEvent
from app.booking.services import cases, release
from app.booking.services.coupons import use_coupons
from app.booking.services.settling import Verdict, settle
from app.catalog.models import Series
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import SYSTEM, Actor
from app.coupons.rules.plain import last_day
from app.coupons.services import state
from app.evidence.queries.packs import Wanted, booking_pack, coupon_pack
from app.evidence.rules import scrub
from app.ledger.rules import Line, digest
from app.members.services import record_consent
from app.payments.models import Refund
from app.redemption.models import Redemption
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.road import Road, paid
from tests.booking.test_cases import HQ, Deal
from tests.booking.test_views import sign_in
from tests.coupons import campaigns as c
from tests.ledger.book import close
from tests.operators import admin_client

NOW, DAY = s.NOW, timedelta(days=1)
MIDNIGHT = datetime(2026, 12, 9, 16, tzinfo=UTC)  # the end of 9 December
TO_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
OTHERS = ("吴另客", "13711112222", "王样例", "赵样例", "openid-")


@pytest.fixture
def road(app: Flask) -> Road:
    """A car handed over by a clerk, undone and handed over again; a second customer, and careless words about both."""
    road = paid(units=5)
    road.ready()
    other = s.member("13711112222", "吴另客")
    s.place(road.shop, other, NOW, name="吴另客")
    with transaction():
        record_consent(
            road.customer.id or 0, "share_with_dealer", "2026-01", "交给门店", "west", reference=road.no, now=NOW
        )
    number, booking_id = road.hand_over(document="SJ-0001"), s.booking(road.no).id
    with transaction():
        row = db.session.get_one(Redemption, number)
        row.undone_at, row.undo_reason = NOW, "王样例看错，是吴另客 13711112222 的车"
    with transaction():
        note = "赵样例更正：吴另客的单据，客户本人 13900002086"
        db.session.add(
            BookingEvent(booking_id=booking_id, kind="balance_corrected", at=NOW, actor_kind="staff", note=note)
        )
    close(NOW + DAY)
    return road


def unzip(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def client_of(app: Flask, actor: Actor) -> FlaskClient:
    """Signed in as this member, or as the member behind this member of the staff."""
    member_id = actor.id
    if actor.kind == "staff":
        member_id = db.session.get_one(StaffMember, actor.id).member_id
    db.session.rollback()
    return sign_in(app, Actor("member", member_id))


def test_a_customer_gets_everything_of_the_own_booking_and_nothing_of_others(app: Flask, road: Road) -> None:
    client = client_of(app, road.customer)
    page = client.get(f"/me/bookings/{road.no}/dispute-pack")
    files = unzip(client.get(f"/me/bookings/{road.no}/dispute-pack.zip").data)
    assert page.status_code == 200
    assert {"index.html", "pack.json", "payments.csv", "ledger.csv", "closes.csv", "consents.csv"} <= files.keys()
    for name, text in {"page": page.text, **files}.items():
        assert not [word for word in OTHERS if word in text], name
    pack = json.loads(files["pack.json"])
    assert ["联系人", "周样例"] in pack["facts"]
    assert ["手机号", "13900002086"] in pack["facts"]
    assert "店员" in files["scans.csv"]
    assert "其他客户" in files["scans.csv"]
    assert "客户本人 13900002086" in files["timeline.csv"]
    assert pack["terms"][0]["digest"] == s.booking(road.no).terms_hash
    assert pack["terms"][0]["lines"], "the terms word for word"
    paid_rows = list(csv.DictReader(io.StringIO(files["payments.csv"])))
    assert [row["事项"] for row in paid_rows] == ["支付订金", "支付余款"]
    assert paid_rows[0]["商户单号"] == road.bank.only_order()
    assert "把姓名和手机号提供给所选门店" in files["consents.csv"]


REFUND_STANDS: list[tuple[dict[str, object], str]] = [
    ({"state": "requested"}, "已申请退款"),
    ({"state": "processing"}, "微信支付处理中"),
    ({"state": "succeeded", "settled_at": NOW}, "已原路退回"),
    ({"state": "succeeded", "settled_at": NOW, "reapplied_at": NOW}, "已改退到您的银行卡"),
    ({"state": "abnormal"}, "银行没有收下"),
    ({"state": "abnormal", "reapplied_at": NOW}, "等待银行入账"),
    ({"state": "closed"}, "微信支付没有退成"),
    ({"state": "closed", "handled_at": NOW, "handled_reason": "已转账"}, "已由人工办理：已转账"),
]


@pytest.mark.parametrize(("stands", "words"), REFUND_STANDS)
def test_a_pack_says_where_each_refund_stands(app: Flask, stands: dict[str, object], words: str) -> None:
    """Whatever became of it, for the customer, the store and headquarters; the page says the same."""
    deal = Deal(app, "订金")
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置，申请补偿", NOW)
    settle(HQ, case, Verdict(30_000, "补偿差价"), NOW)
    with transaction():
        db.session.query(Refund).update(stands)
    client = client_of(app, deal.buyer)
    files = unzip(client.get(f"/me/bookings/{deal.no}/dispute-pack.zip").data)
    rows = list(csv.DictReader(io.StringIO(files["payments.csv"])))
    assert words in next(row["状态"] for row in rows if row["事项"] == "退订金")
    prices = {row["项目"]: row["金额"] for row in csv.DictReader(io.StringIO(files["prices.csv"]))}
    assert prices["退款（不用补交）"] == "'-¥300"  # no formula for the bookkeeper's program
    assert prices["全部车款"] == "¥88,500"
    for reader in (Wanted(), Wanted(dealer_id=deal.row.dealer_id)):
        assert words in str(booking_pack(deal.no, reader, NOW))
    assert words in client.get(f"/bookings/{deal.no}").text


def test_the_ledger_rows_of_a_pack_can_be_recomputed_and_name_their_close(app: Flask, road: Road) -> None:
    pack = booking_pack(road.no, Wanted(member_id=road.customer.id), NOW)
    rows = [dict(zip(pack.table("ledger").columns, row, strict=True)) for row in pack.table("ledger").rows]
    assert [row["事项"] for row in rows] == ["paid", "paid", "redeemed"]
    for row in rows:
        at = datetime.fromisoformat(row["时间(UTC)"])
        line = Line(
            int(row["账本"]), int(row["行号"]), at, row["事项"], row["对象"], row["活动编号"], int(row["金额(分)"]),
            int(row["门店承担(‰)"]), row["经手"],
        )  # fmt: skip
        assert digest(line, row["前一行摘要"]) == row["摘要"]
        assert row["日结"] == "2026-11-22"
    assert len(pack.table("closes").rows) == 1


def test_a_store_reads_its_own_with_the_customer_masked(app: Flask, road: Road) -> None:
    manager = s.clerk(road.shop.west, "manager", "孙样例")
    client = client_of(app, manager)
    page = client.get(f"/staff/bookings/{road.no}/dispute-pack")
    files = unzip(client.get(f"/staff/bookings/{road.no}/dispute-pack.zip").data)
    assert page.status_code == 200
    for name, text in {"page": page.text, **files}.items():
        assert not [word for word in (*OTHERS, "周样例", "13900002086") if word in text], name
    assert ["联系人", "周*"] in json.loads(files["pack.json"])["facts"]
    for nobody in (road.clerk, road.lead, s.clerk(road.shop.east, "manager", "钱样例")):
        answer = client_of(app, nobody).get(f"/staff/bookings/{road.no}/dispute-pack")
        assert answer.status_code == (404 if nobody.role == "manager" else 403)


def test_nobody_else_gets_a_pack(app: Flask, road: Road) -> None:
    stranger = s.member("13600003333", "郑样例")
    with pytest.raises(NotFound):
        booking_pack(road.no, Wanted(member_id=stranger.id), NOW)
    assert client_of(app, stranger).get(f"/me/bookings/{road.no}/dispute-pack.zip").status_code == 404
    assert app.test_client().get(f"/me/bookings/{road.no}/dispute-pack").status_code in (302, 303)


def test_headquarters_looks_masked_and_takes_the_whole_with_a_reason(app: Flask, road: Road) -> None:
    client = admin_client(app)
    page = client.get(f"/admin/dispute-packs?number={road.no}").text
    assert "周*" in page
    assert "13900002086" not in page
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "number": road.no}
    assert client.post("/admin/dispute-packs", data=form | {"reason": ""}).status_code == 422
    answer = client.post("/admin/dispute-packs", data=form | {"reason": "12315 投诉 2026-118"})
    files = unzip(answer.data)
    assert "13900002086" in files["index.html"]
    assert not [word for text in files.values() for word in OTHERS if word in text]
    row = db.session.query(AuditEntry).filter_by(action="dispute_pack_made").one()
    assert row.detail == {"number": road.no, "reason": "12315 投诉 2026-118"}
    assert "没有这个预订号或券号" in client.get("/admin/dispute-packs?number=B0").text
    empty = client.get("/admin/dispute-packs?number=%20")
    assert (empty.status_code, "请填写预订号或券号。" in empty.text) == (422, True)
    assert "请填写预订号或券号。" not in client.get("/admin/dispute-packs").text


@pytest.mark.both_databases
def test_a_number_is_found_as_screens_and_people_write_it(app: Flask) -> None:
    c.campaign()
    code = c.claim(c.member()).code
    client = admin_client(app)
    for typed in (
        code,
        f"{code[:4]} {code[4:8]} {code[8:]}",
        code.lower(),
        f" {code[:6]}-{code[6:]}",
        code.translate(TO_WIDE),
    ):
        assert "券规则 到店试驾礼券" in client.get("/admin/dispute-packs", query_string={"number": typed}).text


def test_the_terms_are_those_that_the_customer_reads(app: Flask) -> None:
    """Word for word, with the cars and stores by name; until when it is good is a line of its own."""
    shop = s.build()
    c.campaign(
        series=(db.session.query(Series).one().id,),
        dealers=(shop.west, shop.east),
        threshold_fen=5_000_000,
        valid_until=MIDNIGHT,
    )
    person = s.member()
    got = c.claim(person)
    page = client_of(app, person).get(f"/me/coupons/{got.code}").text
    pack = coupon_pack(got.code, Wanted(member_id=person.id), NOW)
    assert [line for line in pack.terms[0].lines if f"<li>{line}</li>" not in page] == []
    assert any("西湖店" in line for line in pack.terms[0].lines)
    own = c.coupon(got.coupon_id)
    assert f"至 {last_day(own.valid_until)}" in dict(pack.facts)["有效期"]
    assert "补还" not in dict(pack.facts)["有效期"], "it ends with a day"


@pytest.mark.both_databases
def test_a_bill_that_was_asked_for_is_in_the_pack(app: Flask) -> None:
    shop = s.build()
    c.campaign(threshold_fen=5_000_000, face_fen=80_000, valid_until=MIDNIGHT)
    person = s.member()
    got, clerk = c.claim(person), s.clerk(shop.west)
    state.redeem(got.coupon_id, shop.west, 80_000, clerk, NOW)
    with transaction():
        db.session.add(
            Redemption(
                subject_kind="coupon", subject_id=got.coupon_id, dealer_id=shop.west, staff_id=clerk.id, nonce="n",
                previous_state="issued", redeemed_at=NOW, amount_fen=80_000, bill_fen=17_280_000,
            )
        )  # fmt: skip
    rows = dict(coupon_pack(got.code, Wanted(member_id=person.id), NOW).table("prices").rows)
    assert (rows["核销价值"], rows["消费金额"], rows["优惠后"]) == ("¥800", "¥172,800", "¥172,000")
    state.undo(got.coupon_id, clerk, NOW + timedelta(seconds=29))
    facts = dict(coupon_pack(got.code, Wanted(member_id=person.id), NOW).facts)
    assert facts["有效期"].endswith("至 2026年12月9日（准确到 2026-12-10 00:00:29，含撤销核销、取消预订补还的时间）")


def test_the_pack_of_a_coupon(app: Flask) -> None:
    shop = s.build()
    c.campaign("c1", payer="共担", dealer_permille=300)
    person, other = s.member(), s.member("13711112222", "吴另客")
    got, clerk = c.claim(person), s.clerk(shop.west)
    c.claim(other)
    state.redeem(got.coupon_id, shop.west, 300_000, clerk, NOW)
    with transaction():
        db.session.add(
            Redemption(
                subject_kind="coupon", subject_id=got.coupon_id, dealer_id=shop.west, staff_id=clerk.id, nonce="n",
                previous_state="issued", redeemed_at=NOW, amount_fen=300_000, undone_at=NOW, undone_by=clerk.id,
                undo_reason="王样例扫错，应为吴另客",
            )
        )  # fmt: skip
    state.undo(got.coupon_id, clerk, NOW)
    close(NOW + DAY)
    own = coupon_pack(got.code, Wanted(member_id=person.id), NOW)
    assert [row[1] for row in own.table("timeline").rows] == ["券领取", "券核销", "券撤销核销"]
    assert own.table("scans").rows[1][3:] == (f"店员 {clerk.id}", f"店员 {clerk.id}扫错，应为其他客户")
    assert own.terms[0].lines
    assert len(own.terms[0].digest) == 64
    assert {row[1] for row in own.table("closes").rows} == {"2026-11-22"}
    whole = json.dumps([own.facts, [table.rows for table in own.tables]], ensure_ascii=False)
    assert not [word for word in OTHERS if word in whole]
    files = unzip(client_of(app, person).get(f"/me/coupons/{got.code}/dispute-pack.zip").data)
    assert not [word for text in files.values() for word in OTHERS if word in text]
    assert client_of(app, person).get(f"/me/coupons/{got.code}/dispute-pack").status_code == 200
    assert client_of(app, other).get(f"/me/coupons/{got.code}/dispute-pack").status_code == 404
    manager = s.clerk(shop.west, "manager", "孙样例")
    page = client_of(app, manager).get(f"/staff/coupons/{got.code}/dispute-pack")
    assert page.status_code == 200
    assert "周样例" not in page.text
    elsewhere = client_of(app, s.clerk(shop.east, "manager", "钱样例"))
    assert elsewhere.get(f"/staff/coupons/{got.code}/dispute-pack").status_code == 404


@pytest.mark.parametrize(("kind", "owner", "store"), [("代金券", "¥300", "¥300"), ("停车券", "", "结算 ¥12")])
def test_what_a_service_costs_is_said_to_those_who_settle(app: Flask, kind: str, owner: str, store: str) -> None:
    shop = s.build()
    c.campaign("c1", kind=kind, face_fen=30_000, worth_fen=1_200)
    person = s.member()
    got, clerk = c.claim(person), s.clerk(shop.west)
    amount = 30_000 if owner else 1_200
    state.redeem(got.coupon_id, shop.west, amount, clerk, NOW)
    with transaction():
        db.session.add(
            Redemption(
                subject_kind="coupon", subject_id=got.coupon_id, dealer_id=shop.west, staff_id=clerk.id, nonce="n",
                previous_state="issued", redeemed_at=NOW, amount_fen=amount,
            )
        )  # fmt: skip
    for wanted, said in ((Wanted(member_id=person.id), owner), (Wanted(dealer_id=shop.west), store)):
        assert coupon_pack(got.code, wanted, NOW).table("scans").rows[0][4] == said


def test_after_midnight_the_page_names_the_day_of_the_people(app: Flask) -> None:
    shop = s.build()
    c.campaign()
    person, night = s.member(), datetime(2026, 11, 22, 17, 38, tzinfo=UTC)  # 01:38 on the 23rd
    got = c.claim(person)
    state.redeem(got.coupon_id, shop.west, 100, s.clerk(shop.west), night)
    assert (
        "行 · 2026-11-23 01:38:00 券核销，店员"
        in client_of(app, person).get(f"/me/coupons/{got.code}/dispute-pack").text
    )


def test_other_stores_rows_are_not_shown_to_a_store(app: Flask) -> None:
    shop = s.build()
    c.campaign()
    got, east, west = c.claim(s.member()), s.clerk(shop.east), s.clerk(shop.west)
    for clerk, store in ((east, shop.east), (west, shop.west)):
        state.redeem(got.coupon_id, store, 100, clerk, NOW)
        if store == shop.east:
            state.undo(got.coupon_id, clerk, NOW)
    mine = coupon_pack(got.code, Wanted(dealer_id=shop.west), NOW)
    assert {row[0] for row in mine.table("ledger").rows} == {"0", str(shop.west)}
    everything = coupon_pack(got.code, Wanted(), NOW)
    assert {row[0] for row in everything.table("ledger").rows} == {"0", str(shop.west), str(shop.east)}
    state.revoke(c.claim(s.member("13600003333")).coupon_id, "样例", SYSTEM, NOW)


def test_words_without_other_people() -> None:
    names = {"王小": "店员 3", "王小样": "店员 4", "李": "店员 5"}
    said = scrub("王小样说王小错了，李也在；电话13711112222，本人13900002086，单号137111122223", names, ["13900002086"])
    assert said == "店员 4说店员 3错了，李也在；电话137****2222，本人13900002086，单号137111122223"


@pytest.mark.both_databases
def test_a_booking_that_ended_still_says_which_coupons_it_had(app: Flask) -> None:
    """The coupon itself is free again and may go another way: what it had to do with this booking stays in the pack."""
    road, minute = paid(), timedelta(minutes=1)
    c.campaign("first", scope="整车", title="先选的券", face_fen=100_000)
    c.campaign("then", scope="整车", title="后选的券")
    first, then = c.claim(road.customer, "first"), c.claim(road.customer, "then")
    seen = 8_880_000
    use_coupons(road.customer, road.no, [first.coupon_id], seen - 100_000, road.bank, NOW + minute)
    use_coupons(road.customer, road.no, [then.coupon_id], seen - 300_000, road.bank, NOW + 2 * minute)
    living = dict(booking_pack(road.no, Wanted(member_id=road.customer.id), NOW).table("prices").rows)
    assert (living["券 后选的券"], "券 先选的券（已退回）" in living) == ("-¥3,000", False)
    release.cancel_booking(road.customer, road.no, road.bank, NOW + 5 * minute)
    assert c.coupon(then.coupon_id).held_by is None
    state.redeem(then.coupon_id, road.shop.east, 300_000, s.clerk(road.shop.east), NOW + 9 * minute)
    own = booking_pack(road.no, Wanted(member_id=road.customer.id), NOW)
    prices = dict(own.table("prices").rows)
    assert prices["券 后选的券（已退回）"] == "-¥3,000"
    assert prices["合计"] == "¥85,800"
    assert "券 先选的券（已退回）" not in prices
    told = [(row[3], row[4]) for row in own.table("ledger").rows if row[4].startswith("coupon:")]
    one, two = f"coupon:{first.coupon_id}", f"coupon:{then.coupon_id}"
    assert sorted(told) == sorted([("held", one), ("released", one), ("held", two), ("released", two)])
    for wanted, customer in ((Wanted(member_id=road.customer.id), "本人"), (Wanted(dealer_id=road.shop.west), "客户")):
        who = {row[2] for row in booking_pack(road.no, wanted, NOW).table("timeline").rows}
        assert who & {"本人", "客户"} == {customer}
