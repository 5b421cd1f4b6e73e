"""From a question to its end: no number before the consent, none after it was taken back, nobody forgotten."""

import csv
import io
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.leads.errors import (
    AddressBusy,
    ContactWithheld,
    ContentsMissing,
    LeadEnded,
    LeadNotFound,
    NumberInText,
    PriceUnlikely,
    StoreUnavailable,
    TextChanged,
    TooManyEnquiries,
    WaitForCustomer,
)
from app.leads.models import ContactStop, Enquiry, LeadEvent, LeadTry, Quote
from app.leads.queries import office, own, store
from app.leads.queries.contact import find_contact
from app.leads.rules import sharing_text
from app.leads.services import escalation, exporting, limits, number, progress, talk
from app.leads.services.talk import OfferWish
from app.members import privacy
from app.members.models import Consent
from app.members.services import merge_members, withdraw_consent
from app.messages.models import InboxMessage
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.leads import desk as d
from tests.leads.desk import HOUR, PHONE, Desk

OFFICE = Actor("operator", 1)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return d.build()


def reveal(desk: Desk, row, slug: str = "west", name: str = "西湖店") -> None:
    number.reveal(desk.person, d.enquiry_no(row), slug, "周样例", sharing_text(name, "price"), NOW)


def news(member_id: int) -> list[str]:
    return list(db.session.scalars(select(InboxMessage.title).where(InboxMessage.member_id == member_id)))


def test_from_the_question_to_the_quote_without_a_number(desk: Desk):
    first, second = d.ask(desk, desk.west, desk.near, note="有白色现车吗")
    assert {first.dealer_id, second.dealer_id} == {desk.west, desk.near}
    assert first.due_at == NOW + 2 * HOUR
    assert first.mark != second.mark
    view = store.get_store_lead(first.no, desk.west, NOW)
    assert view.who == f"客户 {first.mark[:4]}"
    assert view.contact is None
    with pytest.raises(ContactWithheld):
        number.open_contact(desk.clerk, first.no, NOW)
    talk.make_quote(desk.clerk, first.no, OfferWish("bare", 10_000_000, (), date(2026, 11, 30), "现车"), NOW)
    talk.make_quote(desk.other, second.no, OfferWish("bare", 10_100_000, (), date(2026, 11, 30)), NOW)
    rows = own.list_rows(own.find_enquiry(d.enquiry_no(first), desk.person.id or 0), NOW)
    assert [row.verdict.lowest for row in rows if row.verdict] == [True, False]
    assert d.lead(first.no).state == "called"
    assert d.lead(first.no).answered_at == NOW
    assert news(desk.person.id or 0) == ["门店有回复", "门店有回复"]


@pytest.mark.both_databases
def test_the_same_tap_twice_is_one_question_and_another_persons_is_nobodys(desk: Desk):
    first = d.ask(desk, idempotency_key="same-key")
    assert d.ask(desk, idempotency_key="same-key")[0].no == first[0].no
    stranger = s.member("13900009999")
    with pytest.raises(LeadNotFound):
        own.get_thread(d.enquiry_no(first[0]), "west", stranger.id or 0, NOW)
    with pytest.raises(LeadNotFound):
        talk.say_store(desk.other, first[0].no, "您好", "nonce-0001", NOW)
    with pytest.raises(LeadNotFound):
        store.get_store_lead(first[0].no, desk.near, NOW)


def test_the_number_is_shown_to_one_store_and_gone_at_once_when_taken_back(desk: Desk):
    first, second = d.ask(desk, desk.west, desk.near)
    with pytest.raises(TextChanged):
        number.reveal(desk.person, d.enquiry_no(first), "west", "周样例", "别的文字", NOW)
    reveal(desk, first)
    contact = number.open_contact(desk.clerk, first.no, NOW)
    assert (contact.name, contact.phone) == ("周样例", PHONE)
    with pytest.raises(ContactWithheld):
        number.open_contact(desk.other, second.no, NOW)
    kept = db.session.query(Consent).one()
    assert (kept.subject, kept.reference) == ("west", f"lead:{first.no}")
    thread = own.get_thread(d.enquiry_no(first), "west", desk.person.id or 0, NOW)
    assert [look.staff_id for look in thread.looks] == [desk.clerk.id]
    assert db.session.query(AuditEntry).filter_by(action="lead_number_opened").count() == 1

    number.hide(desk.person, d.enquiry_no(first), "west", NOW)
    with pytest.raises(ContactWithheld):
        number.open_contact(desk.clerk, first.no, NOW)
    assert store.get_store_lead(first.no, desk.west, NOW).contact is None
    said = db.session.scalars(select(InboxMessage.body)).all()
    assert sum("已收回号码" in body for body in said) == 2  # nobody works on it yet: to everybody there
    number.hide(desk.person, d.enquiry_no(first), "west", NOW)
    reveal(desk, first)
    assert number.open_contact(desk.clerk, first.no, NOW).phone == PHONE


def test_a_consent_taken_back_in_the_privacy_page_masks_at_once_and_is_told(desk: Desk):
    (row,) = d.ask(desk)
    reveal(desk, row)
    consent = db.session.query(Consent).one().id
    withdraw_consent(desk.person.id or 0, consent, NOW)
    with pytest.raises(ContactWithheld):
        number.open_contact(desk.clerk, row.no, NOW)
    assert number.tell_withdrawals(NOW) == 1
    assert number.tell_withdrawals(NOW) == 0
    assert db.session.query(LeadEvent).filter_by(kind="number_taken_back").count() == 1


def test_limits_of_words_prices_and_questions(desk: Desk):
    (row,) = d.ask(desk)
    no = d.enquiry_no(row)
    with pytest.raises(NumberInText):
        talk.say_own(desk.person, no, "west", "打我电话 139 0000 2086", "nonce-0001", NOW)
    for number_ in range(3):
        talk.say_store(desk.clerk, row.no, "您好", f"nonce-{number_:04d}", NOW)
        talk.say_store(desk.clerk, row.no, "您好", f"nonce-{number_:04d}", NOW)  # a second tap
    with pytest.raises(WaitForCustomer):
        talk.say_store(desk.clerk, row.no, "您好", "nonce-9999", NOW)
    talk.say_own(desk.person, no, "west", "<b>好</b>", "nonce-mine", NOW)
    talk.say_store(desk.clerk, row.no, "您好", "nonce-9999", NOW)
    day = date(2026, 11, 30)
    for wish, refusal in (
        (OfferWish("bare", 1_000_000, (), day), PriceUnlikely),
        (OfferWish("landing", 11_000_000, ("tax",), day), ContentsMissing),
    ):
        with pytest.raises(refusal):
            talk.make_quote(desk.clerk, row.no, wish, NOW)
    for _ in range(5):
        d.ask(desk)
    with pytest.raises(TooManyEnquiries):
        d.ask(desk)
    with transaction():
        for _ in range(60):
            db.session.add(LeadTry(member_id=desk.person.id, address_digest="a" * 64, at=NOW))
    with pytest.raises(AddressBusy):
        d.ask(desk, person=s.member("13900008888"))
    with pytest.raises(StoreUnavailable):
        d.ask(desk, 999)
    assert limits.purge_tries(NOW + timedelta(days=3)) == 66


def test_do_not_contact_is_final_and_honoured_everywhere(desk: Desk):
    (old,), (row,) = d.ask(desk), d.ask(desk)
    reveal(desk, old)
    with transaction():
        db.session.add(Consent(
            member_id=desk.person.id, purpose="share_with_dealer", text_version="q", text_hash="0" * 64,
            given_at=NOW, subject="west", reference="queue:1",
        ))  # fmt: skip
    progress.stop_own(desk.person, d.enquiry_no(row), "west", NOW)
    assert {d.lead(old.no).state, d.lead(row.no).state} == {"stopped"}
    assert db.session.query(Consent).filter(Consent.withdrawn_at.is_(None)).count() == 0  # the queue's, too
    for act in (
        lambda: talk.say_store(desk.manager, row.no, "您好", "nonce-0001", NOW),
        lambda: progress.record_step(desk.manager, row.no, "called", "", NOW),
        lambda: progress.take(desk.manager, row.no, NOW),
        lambda: talk.make_quote(desk.clerk, row.no, OfferWish("bare", 10_000_000, (), date(2026, 11, 30)), NOW),
        lambda: escalation.move(OFFICE, row.no, "", "再试试", NOW),
    ):
        with pytest.raises(LeadEnded):
            act()
    with pytest.raises(ContactWithheld):
        number.open_contact(desk.clerk, old.no, NOW)
    # Nobody gives them to this store again: from another one the dispatch passes it over.
    (third,) = d.ask(desk, desk.near)
    assert desk.west not in [one.dealer.id for one in escalation.list_elsewhere(d.lead(third.no), NOW)]
    progress.stop_by_store(desk.clerk, old.no, NOW)  # said again on the phone: the same
    assert db.session.query(ContactStop).count() == 1


@pytest.mark.both_databases
def test_unanswered_goes_to_the_manager_then_headquarters_then_another_store(desk: Desk):
    (row,) = d.ask(desk)
    reveal(desk, row)
    assert escalation.escalate_due(NOW + HOUR) == 0
    assert escalation.escalate_due(NOW + 2 * HOUR) == 1
    assert escalation.escalate_due(NOW + 2 * HOUR) == 0
    told = db.session.scalars(select(InboxMessage.member_id).where(InboxMessage.body.contains("超过承诺时间"))).all()
    assert len(told) == 1  # the manager, not the clerk
    assert escalation.escalate_due(NOW + 4 * HOUR) == 1
    assert office.count_late(NOW) == 1
    # Six more open hours end at 11:00 of the next day.
    assert escalation.escalate_due(NOW + 22 * HOUR) == 0
    assert escalation.escalate_due(NOW + 24 * HOUR) == 1
    before, after = d.leads(d.enquiry_no(row))
    assert (before.state, after.state, after.dealer_id) == ("moved", "new", desk.near)
    assert after.mark != before.mark
    assert "超时未回复" in after.reason
    for actor, no in ((desk.clerk, before.no), (desk.other, after.no)):
        with pytest.raises(ContactWithheld):  # a consent names one store: the next one has none
            number.open_contact(actor, no, NOW + 24 * HOUR)
    assert "已改由其他门店回复" in news(desk.person.id or 0)
    talk.say_store(desk.other, after.no, "您好", "nonce-0001", NOW + 24 * HOUR)
    assert escalation.escalate_due(NOW + 99 * HOUR) == 0


def test_exports_are_marked_traced_and_hold_numbers_only_by_consent(desk: Desk):
    given, withheld = d.ask(desk, desk.west, desk.near, subject='=HYPERLINK("x")')
    number.reveal(desk.person, d.enquiry_no(given), "west", "=cmd|周", sharing_text("西湖店", "price"), NOW)
    sheet = exporting.export_office(OFFICE, office.Filters(), "核对", NOW)
    rows = list(csv.DictReader(io.StringIO(sheet.content.removeprefix("\ufeff"))))
    by_no = {row["线索号"]: row for row in rows}
    assert by_no[given.no]["手机号"] == PHONE
    assert by_no[given.no]["姓名（含水印）"] == f"'=cmd|周·{given.mark}"
    assert by_no[withheld.no]["手机号"] == "未提供"
    assert all(row["导出水印"] == sheet.mark for row in rows)
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    traced = office.trace(given.mark.lower())
    assert traced is not None
    assert traced.dealer == "西湖店"
    assert office.trace(sheet.mark).export.reason == "核对"  # pyright: ignore[reportOptionalMemberAccess]
    assert office.trace("NOSUCH") is None
    assert PHONE not in exporting.export_store(s.clerk(desk.near, "manager"), NOW).content
    with pytest.raises(NotAllowed):
        exporting.export_store(desk.clerk, NOW)
    assert db.session.query(LeadEvent).filter_by(kind="number_exported").count() == 1


def test_forgotten_joined_and_handed_out(desk: Desk):
    (row,) = d.ask(desk, note="想看白色")
    reveal(desk, row)
    talk.say_own(desk.person, d.enquiry_no(row), "west", "你好", "nonce-0001", NOW)
    copy = privacy.holders()["leads"].export(desk.person.id or 0)
    assert "想看白色" in str(copy)
    other = s.member("13900007777")
    d.ask(desk, desk.near, person=other)
    progress.stop_own(other, d.enquiry_no(d.ask(desk, person=other)[0]), "west", NOW)
    merge_members(desk.person.id or 0, other.id or 0, Actor("operator", 1), "测试", NOW)
    assert db.session.query(Enquiry).filter_by(member_id=other.id).count() == 3
    privacy.holders()["leads"].erase(other.id or 0, NOW)
    left = db.session.query(Enquiry).filter_by(no=d.enquiry_no(d.lead(row.no))).one()
    assert (left.contact_name, left.note) == ("", "")
    assert find_contact(d.lead(row.no), NOW) is None
    assert d.lead(row.no).state == "closed"
    assert db.session.query(Quote).count() == 0
