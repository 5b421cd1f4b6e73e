"""From the check-in to the thanks, the licence's photo, and what a person may ask of it all."""

import base64
import io
from datetime import timedelta

import pytest
from flask import Flask
from PIL import Image, UnidentifiedImageError
from sqlalchemy import select, update

from app.core.audit import AuditEntry
from app.core.config import production_problems
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.models import Coupon
from app.drives.errors import (
    AgreementChanged,
    AgreementFirst,
    AnswersClosed,
    CarBusy,
    CarWrong,
    ContactClosed,
    DriveOver,
    JoinExpired,
    LicenceFirst,
    NotArrived,
    NotToday,
    PhotoConsent,
    PhotoGone,
    PhotosOff,
    PhotoTooBig,
    PhotoWrong,
    RouteUnknown,
    SignatureMissing,
    TooEarly,
)
from app.drives.joining import check_join_token, join_token
from app.drives.models import AgreementText, DriveDesk, DriveSignature, LicencePhoto, TestDrive
from app.drives.queries import overview
from app.drives.queries.desk import get_desk_page, list_day, list_free_cars
from app.drives.queries.own import export_own
from app.drives.queries.slots import list_free_slots
from app.drives.rules import AGREEMENT, agreement_digest, is_drawing
from app.drives.rules.sealing import read_drawing
from app.drives.rules.states import PHOTO_LIFE
from app.drives.services import answers, cars, change, desk, personal, photos, sign, sweeps
from app.members.models import Consent
from app.members.services import merge_members, withdraw_consent
from app.visits.services import record_visit
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.coupons import campaigns as c
from tests.drives import world as w
from tests.drives.world import AT, DAY, HOUR, KEY, NOW

DIGEST = agreement_digest()
DRAWN = "M10 20" + "".join(f"L{n} {n % 150}" for n in range(20, 200, 9))
ROUTE = "城市路线 · 约 20 分钟"


def photo(size: tuple[int, int] = (900, 600), form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#8899aa").save(out, form)
    return out.getvalue()


def arrived(world: w.World, who: Actor | None = None) -> str:
    no = w.booked(world, who)
    desk.arrive(world.clerk, no, AT)
    return no


def ready(world: w.World, who: Actor) -> str:
    no = arrived(world, who)
    desk.see_licence(world.clerk, no, AT)
    sign.sign(who, no, "", DRAWN, DIGEST, AT)
    return no


def test_check_in_licence_agreement_route_drive_and_three_questions(app: Flask) -> None:
    c.campaign(way="店员发放", slug="thanks")
    world, who = w.build(thanks_slug="thanks"), s.member()
    no = w.booked(world, who)
    with pytest.raises(NotToday):
        desk.arrive(world.clerk, no, NOW)
    desk.arrive(world.clerk, no, AT)
    for attempt, refusal in ((ROUTE, LicenceFirst),):
        with pytest.raises(refusal):
            desk.start(world.clerk, no, attempt, AT)
    desk.see_licence(world.clerk, no, AT)
    with pytest.raises(AgreementFirst):
        desk.start(world.clerk, no, ROUTE, AT)
    with pytest.raises(AgreementChanged):
        sign.sign(who, no, "周样例", "", "0" * 64, AT)
    with pytest.raises(SignatureMissing):
        sign.sign(who, no, " ", "M1 1L2 2", DIGEST, AT)
    sign.sign(who, no, "周样例", "", DIGEST, AT)
    with pytest.raises(RouteUnknown):
        desk.start(world.clerk, no, "随便", AT)
    desk.choose_route(who, no, ROUTE, AT)
    desk.start(world.clerk, no, ROUTE, AT)
    with pytest.raises(AnswersClosed):
        answers.answer(who, no, answers.Answers(5, 5, "order"), AT)
    desk.end(world.clerk, no, AT + HOUR / 3)
    drive = w.drive(no)
    assert (drive.state, drive.started_at, drive.ended_at) == ("finished", AT, AT + HOUR / 3)
    assert w.cells(no) == 0  # back early: the car is free
    answers.answer(who, no, answers.Answers(5, 4, "order"), AT + HOUR)
    coupon = db.session.query(Coupon).one()
    assert (w.drive(no).coupon_code, coupon.member_id) == (coupon.code, who.id)
    steps = ["booked", "arrived", "licence_seen", "signed", "started", "ended", "answered", "thanked"]
    assert w.events(no) == steps
    text = db.session.query(AgreementText).one()
    assert (text.text, text.digest) == (AGREEMENT, db.session.query(DriveSignature).one().digest)
    assert answers.thank_due(AT + DAY) == 0
    line = overview.list_stores(AT + HOUR)
    assert [(row.name, row.finished, row.stars) for row in line if row.finished] == [("西湖店", 1, "4.0")]


def test_a_step_twice_is_one_and_of_another_store_none(app: Flask) -> None:
    world, who = w.build(), s.member()
    no, stranger = w.booked(world, who), s.clerk(world.east)
    for act in (desk.arrive, desk.see_licence, desk.end, desk.mark_no_show, desk.open_contact):
        with pytest.raises(NotFound):
            act(stranger, no, AT)
        with pytest.raises(NotAllowed):
            act(who, no, AT)
    with pytest.raises(NotArrived):
        desk.see_licence(world.clerk, no, AT)
    with pytest.raises(NotArrived):
        sign.sign(who, no, "周样例", "", DIGEST, AT)
    with pytest.raises(TooEarly):
        desk.mark_no_show(world.clerk, no, AT + timedelta(minutes=10))
    for _ in range(2):
        desk.arrive(world.clerk, no, AT)
        desk.see_licence(world.clerk, no, AT)
        sign.sign(who, no, "", DRAWN, DIGEST, AT)
    for _ in range(2):
        desk.start(world.clerk, no, ROUTE, AT)
    for _ in range(2):
        desk.end(world.clerk, no, AT)
    assert w.events(no) == ["booked", "arrived", "licence_seen", "signed", "started", "ended"]
    with pytest.raises(DriveOver):
        change.cancel(who, no, AT)
    with pytest.raises(DriveOver):
        change.cancel_by_store(world.clerk, no, "", AT)


def test_without_a_coupon_none_is_promised_and_one_that_ran_out_is_said(app: Flask) -> None:
    c.campaign(way="店员发放", slug="thanks", total=1)
    world, who, other = w.build(cars=2, thanks_slug="thanks"), s.member(), s.member("13900000002")
    no = ready(world, who)
    c.claim(other, "thanks", way="店员发放")
    assert w.drive(w.booked(world, other, AT + HOUR)).thanks_slug == ""  # not promised any more
    desk.start(world.clerk, no, ROUTE, AT)
    desk.end(world.clerk, no, AT)
    answers.answer(who, no, answers.Answers(3, 3, "later"), AT)
    assert (w.drive(no).coupon_code, "领完" in w.drive(no).coupon_note) == ("", True)
    assert answers.thank_due(AT) == 0


def test_the_store_chooses_among_what_its_clerks_may_hand_out(app: Flask) -> None:
    c.campaign(way="店员发放", slug="thanks")
    c.campaign(slug="public")
    world = w.build()
    facts = cars.DeskFacts(45, 60, 10, True, "thanks", "湖边路线")
    cars.save_desk(world.manager, facts, NOW, photos_allowed=False)
    row = db.session.query(DriveDesk).one()
    assert (row.minutes, row.licence_photos, row.thanks_slug) == (45, False, "thanks")
    with pytest.raises(CarWrong):
        cars.save_desk(world.manager, cars.DeskFacts(45, 60, 10, True, "public", ""), NOW, photos_allowed=True)
    with pytest.raises(NotAllowed):
        cars.save_desk(world.clerk, facts, NOW, photos_allowed=True)
    cars.save_headquarters(Actor("operator", 1), "thanks", NOW)
    with pytest.raises(CarWrong):
        cars.save_headquarters(Actor("operator", 1), "public", NOW)


@pytest.mark.both_databases
def test_a_walk_in_needs_a_free_car_and_follows_on_the_own_phone(app: Flask) -> None:
    world, who = w.build(), s.member()
    w.booked(world, s.member("13900000002"))
    assert list_free_cars(world.west, AT - HOUR / 3)[0].problem == "10:00 有预约"
    with pytest.raises(CarBusy):
        desk.walk_in(world.clerk, world.car, "钱先生", AT - HOUR / 3)
    early = AT - HOUR
    no = desk.walk_in(world.clerk, world.car, "钱先生", early)
    assert list_free_cars(world.west, early)[0].problem == "正在使用"
    assert (w.drive(no).state, w.drive(no).contact_phone, w.drive(no).member_id) == ("arrived", "", None)
    token = join_token("k", no, early)
    assert check_join_token("k", token, early + timedelta(minutes=10)) == no
    assert check_join_token("k", token, early + timedelta(minutes=21)) is None
    assert check_join_token("k", token[:-1] + "é", early) is None
    seller = s.clerk(world.west, "clerk", "王样例")
    touch = record_visit(None, 1, world.west, early, staff_id=seller.id)
    desk.join(who, no, early, touch=touch)
    desk.join(who, no, early, touch=touch)
    assert get_desk_page(no, world.west, early).brought_by == "王样例"
    assert w.drive(no).member_id == who.id
    with pytest.raises(NotFound):
        desk.join(s.member("13900000009"), no, early)
    assert [row.word for row in list_day(world.west, AT.date(), early)] == ["已到店", "待到店"]
    assert JoinExpired.status == 404


def test_name_and_number_are_opened_with_a_trace_and_not_once_taken_back(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    assert desk.open_contact(world.clerk, no, NOW) == ("周样例", "13900002086")
    assert db.session.scalar(select(AuditEntry.actor_id).where(AuditEntry.action == "drive_contact_opened"))
    given = db.session.query(Consent).filter_by(reference=no).one()
    withdraw_consent(who.id or 0, given.id, NOW)
    with pytest.raises(ContactClosed):
        desk.open_contact(world.clerk, no, NOW)


def test_a_photo_is_sealed_shrunk_opened_with_a_trace_and_deleted_after_thirty_days(app: Flask) -> None:
    world, who = w.build(licence_photos=True), s.member()
    no = w.booked(world, who)
    with pytest.raises(PhotoConsent):
        photos.add_photo(who, no, photo(), False, NOW, keys=[KEY])
    photos.add_photo(who, no, photo((2400, 1800)), True, NOW, keys=[KEY])
    row = db.session.query(LicencePhoto).one()
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(base64.urlsafe_b64decode(row.content)))
    newer = "n" * 43 + "="
    opened = photos.open_photo(world.clerk, no, NOW, keys=[newer, KEY])  # keys may change
    assert Image.open(io.BytesIO(opened)).size == (1800, 1350)
    assert w.events(no)[-1] == "photo_opened"
    for actor, refusal in ((who, NotAllowed), (s.clerk(world.east), NotFound), (Actor("operator", 1), NotAllowed)):
        with pytest.raises(refusal):
            photos.open_photo(actor, no, NOW, keys=[KEY])
    with pytest.raises(PhotoGone):
        photos.open_photo(world.clerk, no, NOW, keys=[newer])
    assert photos.delete_due(NOW + PHOTO_LIFE - HOUR) == 0
    with pytest.raises(PhotoGone):
        photos.open_photo(world.clerk, no, NOW + PHOTO_LIFE, keys=[KEY])
    assert photos.delete_due(NOW + PHOTO_LIFE) == 1
    db.session.expire_all()
    assert (db.session.query(LicencePhoto).one().content, w.events(no)[-1]) == (None, "photo_deleted")


def test_what_is_no_photo_or_too_big_is_named(app: Flask) -> None:
    world, who = w.build(licence_photos=True), s.member()
    no = w.booked(world, who)
    for content in (b"", b"GIF89a", b"%PDF-1.7", photo((10, 10)), photo((5000, 200))):
        with pytest.raises(PhotoWrong):
            photos.add_photo(who, no, content, True, NOW, keys=[KEY])
    with pytest.raises(PhotoTooBig):
        photos.add_photo(who, no, b"\xff\xd8" + bytes(photos.MOST_BYTES), True, NOW, keys=[KEY])
    assert db.session.query(LicencePhoto).count() == 0


def test_a_photo_stays_with_the_store_it_was_sent_to(app: Flask) -> None:
    world, who = w.build(licence_photos=True), s.member()
    no = w.booked(world, who)
    photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    at = list_free_slots(world.east, world.series, AT.date(), NOW)[2].starts_at
    change.move(who, no, at, NOW, dealer_id=world.east, share=True)
    assert db.session.query(LicencePhoto.content).scalar() is None
    given = db.session.query(Consent).filter_by(purpose="licence_photo").one()
    assert (given.subject, given.withdrawn_at) == ("west", NOW)
    assert w.events(no)[-2:] == ["photo_deleted", "moved"]
    with transaction():  # a consent for another store opens nothing, whatever is there
        sealed = {"content": photos.seal(photo(), [KEY]), "deleted_at": None}
        db.session.execute(update(LicencePhoto).values(**sealed))
        db.session.execute(update(Consent).where(Consent.id == given.id).values(withdrawn_at=None))
    with pytest.raises(PhotoGone):
        photos.open_photo(s.clerk(world.east), no, NOW, keys=[KEY])


def test_a_drawn_signature_is_sealed_and_older_ones_are_read(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = arrived(world, who)
    sign.sign(who, no, "", DRAWN, DIGEST, AT, keys=[KEY])
    kept = db.session.query(DriveSignature).one().drawing
    assert DRAWN[:9] not in kept
    assert export_own(who.id or 0, ["n" * 43 + "=", KEY])[0]["agreement"]["drawing"] == DRAWN  # pyright: ignore
    assert (read_drawing(DRAWN, [KEY]), read_drawing(kept, []), read_drawing(kept, ["n" * 43 + "="])) == (DRAWN, "", "")


def test_no_photo_without_the_stores_setting_or_a_key_and_taken_back_it_is_gone(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    with pytest.raises(PhotosOff):
        photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    with transaction():
        db.session.execute(update(DriveDesk).values(licence_photos=True))
    with pytest.raises(PhotosOff):
        photos.add_photo(who, no, photo(), True, NOW, keys=[])
    photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    photos.withdraw_photo(who, no, NOW)
    assert db.session.query(LicencePhoto.content).scalar() is None
    photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    given = db.session.query(Consent).filter_by(purpose="licence_photo", withdrawn_at=None).one()
    withdraw_consent(who.id or 0, given.id, NOW)  # on the privacy page
    with pytest.raises(PhotoGone):
        photos.open_photo(world.clerk, no, NOW, keys=[KEY])
    assert photos.delete_due(NOW) == 1
    photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    change.cancel(who, no, NOW)
    assert photos.delete_due(NOW) == 1  # no drive, no photo


def test_production_does_not_start_with_photos_on_and_no_key(tmp_path: object, app: Flask) -> None:
    def problems(**given: object) -> list[str]:
        settings = make_settings("sqlite://", app.config["SETTINGS"].media_path, zhanting_env="production", **given)
        return [line for line in production_problems(settings) if line.startswith("LICENCE")]

    assert problems() == []
    assert problems(licence_photos=True) == ["LICENCE_PHOTO_KEYS: missing, but LICENCE_PHOTOS is on"]
    assert "44 characters" in problems(licence_photos=True, licence_photo_keys="short")[0]
    assert problems(licence_photos=True, licence_photo_keys=f"{KEY},{'z' * 43}=") == []
    app_settings = app.config["SETTINGS"]
    assert len(app_settings.licence_keys) == 1  # development makes its own


@pytest.mark.both_databases
def test_what_the_desk_forgot_is_ended_and_names_go_after_half_a_year(app: Flask) -> None:
    world, who = w.build(), s.member()
    first, second = ready(world, who), ""
    desk.start(world.clerk, first, ROUTE, AT)
    second = w.booked(world, who, AT + HOUR)
    desk.arrive(world.clerk, second, AT + HOUR)
    assert sweeps.close_left_over(AT + 11 * HOUR) == 0
    assert sweeps.close_left_over(AT + 14 * HOUR) == 2
    assert (w.drive(first).state, w.drive(second).state) == ("finished", "cancelled")
    assert sweeps.forget_contacts(AT + 180 * DAY) == 0
    assert sweeps.forget_contacts(AT + 182 * DAY) == 3  # two names, one signature
    assert (w.drive(first).contact_phone, db.session.query(DriveSignature).count()) == ("", 0)


def test_export_erasure_and_merge(app: Flask) -> None:
    world, who, other = w.build(cars=3, licence_photos=True), s.member("13900000001"), s.member("13900000002")
    no = ready(world, who)
    photos.add_photo(who, no, photo(), True, NOW, keys=[KEY])
    copy = export_own(who.id or 0)[0]
    assert (copy["no"], copy["phone"], copy["agreement"]["hash"]) == (no, "13900002086", DIGEST)  # pyright: ignore
    assert personal.blocks(who.id or 0)
    desk.start(world.clerk, no, ROUTE, AT)
    desk.end(world.clerk, no, AT)
    assert personal.blocks(who.id or 0) == []
    personal.erase_own(who.id or 0, AT)
    assert (w.drive(no).contact_name, w.drive(no).contact_phone) == ("", "")
    assert db.session.query(LicencePhoto.content).scalar() is None
    w.booked(world, who, AT + HOUR, idempotency_key="same-key")
    w.booked(world, other, AT + HOUR, idempotency_key="same-key")
    merge_members(who.id or 0, other.id or 0, Actor("operator", 1), "同一个人", NOW)
    rows = db.session.query(TestDrive).filter_by(member_id=other.id).all()
    assert sorted(row.slot or 0 for row in rows) == [0, 1, 2]


def test_what_the_pad_writes_is_a_drawing_and_nothing_else_is() -> None:
    assert is_drawing(DRAWN)
    for text in ("", "M1 1L2 2", DRAWN + '"/><script>', "Z" * 100, "M1 1" + "L9999 1" * 20, DRAWN * 200):
        assert not is_drawing(text), text[:20]
