"""Two accounts of one person become one, and two again: exactly what moved comes back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.booking.models import Booking
from app.core import clock, outbox
from app.core.audit import AuditEntry
from app.core.db import Base, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import queries
from app.members.errors import MergeRefused
from app.members.models import Member, MemberMerge, PhoneCode, WeChatIdentity
from app.members.services import (
    merge_members,
    record_consent,
    request_code,
    request_erasure,
    sign_in_by_phone,
    undo_merge,
)
from app.messages.models import InboxMessage
from app.messages.services import notify
from app.payments.models import Payment
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.client import check
from tests.members.wechat import csrf, sign_in
from tests.operators import admin_client
from tests.races.world import at_once, wins

BOSS = Actor("operator", 1)
BOOKS = {"member_merges", "merged_rows", "audit_entries", "members"}


def everything() -> dict[str, list[Any]]:
    """Every row of the house but the books about merging and the members' own rows."""
    db.session.rollback()
    tables = [t for t in Base.metadata.sorted_tables if t.name not in BOOKS]
    rows = {t.name: [tuple(r) for r in db.session.execute(select(t).order_by(*t.primary_key.columns))] for t in tables}
    db.session.rollback()
    return rows


def identity(member_id: int, openid: str) -> None:
    with transaction() as session:
        session.add(WeChatIdentity(member_id=member_id, app_id="wx1", openid=openid))


def two_full_accounts() -> tuple[s.Shop, int, int]:
    """Both booked the same deal (so their places clash), both agreed, were told, and have an identity."""
    shop, first, second = s.build(), s.member("13900000001"), s.member("13900000002")
    assert first.id
    assert second.id
    for actor in (first, second):
        assert actor.id
        s.place(shop, actor)
        identity(actor.id, f"openid-{actor.id}")
        record_consent(actor.id, "terms", "1", "甲", now=NOW)
        notify(actor.id, "account", f"k{actor.id}", {"note": "您好"}, NOW)
    return shop, first.id, second.id


def joined(at: datetime = NOW) -> tuple[int, int, int]:
    _, first, second = two_full_accounts()
    return first, second, merge_members(second, first, BOSS, "同一个人", at)


@pytest.mark.both_databases
def test_everything_follows_the_person(app: Flask) -> None:
    first, second, _ = joined()
    for table in (Booking, WeChatIdentity, InboxMessage):
        assert {row.member_id for row in db.session.scalars(select(table))} == {first}
    slots = db.session.scalars(select(Booking.slot).order_by(Booking.id)).all()
    assert slots == [1, 2]
    gone = db.session.get_one(Member, second)
    assert (gone.merged_into_id, gone.session_version) == (first, 2)
    assert queries.find_signed_in(second, 2) is None


@pytest.mark.both_databases
def test_a_merge_undone_gives_back_exactly(app: Flask) -> None:
    _, first, second = two_full_accounts()
    before = everything()
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    assert everything() != before
    undo_merge(merge, BOSS, "不是同一个人", NOW)
    assert everything() == before
    back = db.session.get_one(Member, second)
    assert back.merged_into_id is None
    assert queries.is_living(back)


@pytest.mark.both_databases
def test_what_came_after_the_merge_stays(app: Flask) -> None:
    shop, first, second = two_full_accounts()
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    notify(first, "account", "later", {"note": "合并以后"}, NOW)
    moved = db.session.scalars(select(InboxMessage).where(InboxMessage.key == f"k{second}")).one()
    db.session.rollback()
    with transaction() as session:
        session.delete(session.get_one(InboxMessage, moved.id))
    undo_merge(merge, BOSS, "撤销", NOW)
    keys = {row.key: row.member_id for row in db.session.scalars(select(InboxMessage))}
    assert keys == {f"k{first}": first, "later": first}
    assert shop.deal_id


def test_rows_that_a_room_had_to_drop_come_back(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.core.db import changed_rows
    from app.members import privacy

    _, first, second = two_full_accounts()

    def drop(from_id: int, _to_id: int) -> None:
        changed_rows(delete(InboxMessage).where(InboxMessage.member_id == from_id))

    monkeypatch.setattr(privacy, "_holders", dict(privacy._holders))
    privacy.register("messages", export=lambda m: {}, erase=lambda m, now: None, reassign=drop)
    before = everything()
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    undo_merge(merge, BOSS, "撤销", NOW)
    assert everything() == before


def test_a_refusal_of_one_room_leaves_all_as_it_was(app: Flask) -> None:
    shop, first, second = two_full_accounts()
    with transaction() as session:
        for number in (first, second):
            session.add(StaffMember(dealer_id=shop.west, member_id=number, name="丙", role="clerk", joined_at=NOW))
    before = everything()
    with pytest.raises(MergeRefused, match="门店"):
        merge_members(second, first, BOSS, "同一个人", NOW)
    assert everything() == before


def test_what_cannot_be_joined_or_undone_is_refused(app: Flask) -> None:
    first, second, merge = joined()
    third = s.member("13900000003").id
    assert third
    for source, target in ((first, first), (second, third), (third, second)):
        with pytest.raises(MergeRefused):
            merge_members(source, target, BOSS, "x", NOW)
    with pytest.raises(NotFound):
        merge_members(99999, first, BOSS, "x", NOW)
    request_erasure(third, NOW)
    with pytest.raises(MergeRefused, match="注销"):
        merge_members(third, first, BOSS, "x", NOW)
    undo_merge(merge, BOSS, "x", NOW)
    with pytest.raises(MergeRefused, match="撤销过"):
        undo_merge(merge, BOSS, "x", NOW)


def test_a_chain_is_undone_from_its_end(app: Flask) -> None:
    first, _second, merge = joined()
    third = s.member("13900000003").id
    assert third
    later = merge_members(first, third, BOSS, "x", NOW)
    with pytest.raises(MergeRefused, match="后一次"):
        undo_merge(merge, BOSS, "x", NOW)
    undo_merge(later, BOSS, "x", NOW)
    undo_merge(merge, BOSS, "x", NOW)


@pytest.mark.both_databases
@pytest.mark.race
def test_two_merges_at_once_are_one(app: Flask) -> None:
    _, first, second = two_full_accounts()
    works = [lambda: merge_members(second, first, BOSS, "a", NOW), lambda: merge_members(first, second, BOSS, "b", NOW)]
    assert len(wins(at_once(app, works * 2))) == 1
    assert len(db.session.scalars(select(MemberMerge)).all()) == 1


def test_the_books_hold_no_personal_data(app: Flask) -> None:
    from app.members.models import MergedRow

    shop, first, second = two_full_accounts()
    with transaction() as session:
        row = session.get_one(Member, first)
        row.phone = row.phone_verified_at = None
    merge_members(second, first, BOSS, "同一个人", NOW)
    assert db.session.get_one(Member, first).phone == "13900000002"
    kept = str([(r.table, r.key, r.before, r.after) for r in db.session.scalars(select(MergedRow))])
    audit = str([e.detail for e in db.session.scalars(select(AuditEntry))])
    for secret in ("13900000002", "openid-"):
        assert secret not in kept + audit
    assert shop.west


# ---- by the person


def code_sent() -> str:
    """The code of the newest text message."""
    newest = select(outbox.OutboxMessage).where(outbox.OutboxMessage.topic == "sms_code")
    code = str(db.session.scalars(newest.order_by(outbox.OutboxMessage.id.desc()).limit(1)).one().payload["code"])
    db.session.rollback()
    return code


def prove(client: Any, app: Flask, phone: str) -> Any:
    """Prove a number on 手机号; what the page answers."""
    token = csrf(client, "/me/phone")
    assert client.post("/me/phone/codes", data={"csrf_token": token, "phone": phone}).status_code == 200
    form = {"csrf_token": token, "phone": phone, "code": code_sent(), "next": "/me"}
    return client.post("/me/phone", data=form)


def test_a_number_that_another_account_proved_offers_to_join_them(app, client, wechat) -> None:
    other = s.member("13900000001").id
    s.place(s.build(), Actor("member", other))
    proved_ago(other, timedelta(days=1))
    sign_in(client, wechat, "somebody-else")
    assert client.get("/me/merge").location == "/me/profile"
    answer = prove(client, app, "13900000001")
    assert (answer.status_code, answer.location) == (303, "/me/merge")
    page = client.get("/me/merge").text
    check(page, whole=True)
    assert f"M{other}" in page
    done = client.post("/me/merge", data={"csrf_token": csrf(client, "/me/merge")})
    assert done.location == "/me/merge/done"
    check(client.get("/me/merge/done").text, whole=True)
    db.session.rollback()
    mine = queries.find_by_openid("wxsandbox0000000001", "somebody-else")
    assert db.session.scalars(select(Booking.member_id)).all() == [mine]


def proved_ago(member_id: int | None, age: timedelta) -> None:
    """The account proved its number this long ago."""
    with transaction() as session:
        session.get_one(Member, member_id).phone_verified_at = clock.now() - age


def test_a_number_given_to_somebody_else_opens_nothing(app, client, wechat) -> None:
    """A returned number gets a new owner after ninety days: neither a merge nor a login reaches the former owner."""
    former = s.member("13900000001").id
    assert former
    shop = s.build()
    s.place(shop, Actor("member", former))
    proved_ago(former, timedelta(days=91))
    sign_in(client, wechat, "new-owner")
    assert prove(client, app, "13900000001").location == "/me"
    assert client.get("/me/merge").location == "/me/profile"
    assert "您可能还有一个账号" not in client.get("/me/profile").text
    assert client.post("/me/merge", data={"csrf_token": csrf(client, "/me/phone")}).location == "/me/profile"
    assert db.session.scalars(select(MemberMerge)).all() == []
    db.session.rollback()
    with transaction() as session:  # and a login by the number leads to the one who has it now, or to a new account
        session.execute(update(PhoneCode).values(sent_at=clock.now() - timedelta(hours=2)))
    request_code(None, "13900000001", "10.0.0.1", clock.now(), secret="s" * 40, device="d1")
    entered = sign_in_by_phone("13900000001", code_sent(), "d1", clock.now(), secret="s" * 40)
    assert entered == queries.find_by_openid("wxsandbox0000000001", "new-owner")
    db.session.rollback()
    assert db.session.scalars(select(Booking.member_id)).all() == [former]


def test_the_number_is_the_only_key_of_an_account_without_wechat(app, client, wechat) -> None:
    """Somebody who books by phone twice a year gets back to the same bookings."""
    former = s.member("13900000001").id
    assert former
    with transaction() as session:
        session.execute(delete(WeChatIdentity))
    proved_ago(former, timedelta(days=200))
    request_code(None, "13900000001", "10.0.0.1", clock.now(), secret="s" * 40, device="d1")
    assert sign_in_by_phone("13900000001", code_sent(), "d1", clock.now(), secret="s" * 40) == former


def test_an_old_proof_joins_nothing(app, client, wechat) -> None:
    """Whoever held the number long ago must not get the account of whoever holds it now."""
    import time_machine

    sign_in(client, wechat, "somebody-else")
    prove(client, app, "13900000001")
    s.member("13900000001")
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        page = client.get("/me/merge").text
        check(page, whole=True)
        assert "确认合并" not in page
        token = csrf(client, "/me/phone")
        assert client.post("/me/merge", data={"csrf_token": token}).status_code == 409
    assert db.session.scalars(select(MemberMerge)).all() == []


def test_support_finds_joins_and_gives_back_and_leaves_a_trace(app: Flask) -> None:
    _, first, second = two_full_accounts()
    client = admin_client(app)
    page = client.get("/admin/members").text
    check(page, whole=True)
    token = csrf(client, "/admin/members")
    found = client.post("/admin/members", data={"csrf_token": token, "q": "0002"}).text
    check(found, whole=True)
    assert f"M{second}" in found
    assert "13900000002" not in found
    address = f"/admin/members/{first}"
    page = client.get(address).text
    check(page, whole=True)
    assert "13900000001" not in page
    assert client.post(f"{address}/look", data={"csrf_token": token, "reason": " "}).status_code == 422
    assert "13900000001" in client.post(f"{address}/look", data={"csrf_token": token, "reason": "来电核对"}).text
    form = {"csrf_token": token, "other": f"m{second}", "reason": "身份证核对"}
    assert client.post(f"{address}/merges", data={**form, "other": "x"}).status_code == 422
    assert client.post(f"{address}/merges", data={**form, "other": "M999"}).status_code == 422
    assert client.post(f"{address}/merges", data=form).status_code == 303
    page = client.get(address).text
    check(page, whole=True)
    merge = db.session.scalars(select(MemberMerge.id)).one()
    assert client.post(f"{address}/merges/{merge}/undo", data={"csrf_token": token, "reason": ""}).status_code == 422
    undo = {"csrf_token": token, "reason": "合错了"}
    assert client.post(f"/admin/members/9{first}/merges/{merge}/undo", data=undo).status_code == 404
    assert client.post(f"{address}/merges/{merge}/undo", data=undo).status_code == 303
    db.session.rollback()
    actions = [e.action for e in db.session.scalars(select(AuditEntry)) if e.actor_kind == "operator"]
    assert actions == ["members_searched", "member_looked_at", "members_merged", "merge_undone"]


def test_paid_bookings_take_their_payments_along(app: Flask) -> None:
    from app.booking.services import pay
    from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

    shop, actor = s.build(), s.member("13900000001")
    other = s.member("13900000002").id
    assert actor.id
    assert other
    no, bank = s.place(shop, actor).no, Bank()
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    merge = merge_members(actor.id, other, BOSS, "同一个人", NOW)
    assert db.session.scalars(select(Payment.member_id)).all() == [other]
    undo_merge(merge, BOSS, "撤销", NOW)
    assert db.session.scalars(select(Payment.member_id)).all() == [actor.id]


def test_what_changed_since_is_not_turned_back(app: Flask) -> None:
    """A place that was given up after the merge stays given up, so that both accounts can book again."""
    first, second, merge = joined()
    moved = db.session.scalars(select(Booking.id).where(Booking.slot == 2)).one()
    db.session.rollback()
    with transaction():
        db.session.execute(update(Booking).where(Booking.id == moved).values(slot=None, state="cancelled"))
    undo_merge(merge, BOSS, "撤销", NOW)
    row = db.session.get_one(Booking, moved)
    assert (row.member_id, row.slot, row.state) == (second, None, "cancelled")
    assert db.session.scalars(select(Booking.slot).where(Booking.member_id == first)).all() == [1]


@pytest.mark.parametrize("since", [None, "13900000009"])
def test_only_the_number_that_came_along_goes_back(app: Flask, since: str | None) -> None:
    """A number that the person proved after the merge is their own."""
    _, first, second = two_full_accounts()
    nothing = {"phone": None, "phone_verified_at": None}
    with transaction():
        db.session.execute(update(Member).where(Member.id == first).values(**nothing))
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    if since:
        with transaction():
            db.session.execute(update(Member).where(Member.id == first).values(phone=since, phone_verified_at=NOW))
    undo_merge(merge, BOSS, "撤销", NOW)
    kept = db.session.get_one(Member, first)
    assert (kept.phone, kept.phone_verified_at) == ((since, NOW) if since else (None, None))
    assert db.session.get_one(Member, second).phone == "13900000002"
