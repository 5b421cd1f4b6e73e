"""A shared phone: registered by a link, each person by a PIN, gone at once when it has to be."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select

from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.security import SYSTEM, Actor
from app.staff import queries, rules
from app.staff.errors import NotYourTeam, PhoneLinkInvalid, PhoneNameMissing, PinLocked, PinRefused, PinWrong
from app.staff.models import CounterPhone, PinTry, StaffMember
from app.staff.queries import SharedPhone
from app.staff.services import (
    check_pin,
    dismiss_staff,
    open_phone,
    pins,
    register_phone,
    revoke_phone,
    set_pin,
    unlock_pin,
)
from tests.members.wechat import csrf, sign_in
from tests.staff.people import NOW, dealer, member_of, staff

PIN = "7291"


@pytest.fixture(autouse=True)
def light(monkeypatch):
    monkeypatch.setattr(pins, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def acting(person: StaffMember) -> Actor:
    return Actor("staff", person.id, person.role, person.dealer_id)


def shared(boss: StaffMember) -> SharedPhone:
    _, link = register_phone(boss.dealer_id, "前台 1 号", acting(boss), NOW)
    phone = queries.find_phone(open_phone(link, NOW))
    assert phone is not None
    return phone


def with_pin(store: int, role: str = "clerk", name: str = "示例店员丙") -> StaffMember:
    person = staff(store, role, name=name)
    set_pin(person.id, PIN, acting(person), NOW)
    return person


@pytest.mark.parametrize(
    "pin", ["", "123", "1234567", "12a4", "1234", "4321", "0123", "9876", "0000", "111111", "1212", "123123", "1990",
            "2024", "1122", "2580", "１２３９"]
)  # fmt: skip
def test_pins_that_anybody_would_try_are_refused(pin):
    assert rules.pin_problem(pin)


def test_a_pin_is_no_part_of_the_own_phone_and_kept_as_a_digest(app, store):
    assert rules.pin_problem("2086", "13900002086")
    assert not rules.pin_problem("7291", "13900002086")
    person = with_pin(store)
    row = db.session.get_one(StaffMember, person.id, populate_existing=True)
    assert row.pin_hash
    assert row.pin_hash.startswith("$argon2id$")
    with pytest.raises(PinRefused):
        set_pin(person.id, "1234", acting(person), NOW)


@pytest.mark.both_databases
def test_a_phone_is_registered_once_by_who_leads(app, store):
    boss, clerk = staff(store, "supervisor"), staff(store)
    with pytest.raises(NotYourTeam):
        register_phone(store, "前台", acting(clerk), NOW)
    with pytest.raises(NotYourTeam):
        register_phone(dealer("hz-02", "滨江店"), "前台", acting(boss), NOW)
    with pytest.raises(PhoneNameMissing):
        register_phone(store, " ", acting(boss), NOW)
    row, link = register_phone(store, "前台 1 号", acting(boss), NOW)
    assert link not in row.token_digest
    assert queries.find_phone(link) is None  # the link is not the phone
    token = open_phone(link, NOW)
    with pytest.raises(PhoneLinkInvalid):
        open_phone(link, NOW)
    phone = queries.find_phone(token)
    assert phone is not None
    assert (phone.id, phone.dealer_id, phone.name) == (row.id, store, "前台 1 号")
    _, late = register_phone(store, "前台 2 号", acting(boss), NOW)
    with pytest.raises(PhoneLinkInvalid):
        open_phone(late, NOW + timedelta(minutes=10))


def test_revoking_a_phone_is_for_who_leads_this_store_and_at_once(app, store):
    boss, clerk, other = staff(store, "supervisor"), staff(store), staff(dealer("hz-02", "滨江店"), "supervisor")
    _, link = register_phone(store, "前台", acting(boss), NOW)
    token = open_phone(link, NOW)
    phone = queries.find_phone(token)
    assert phone is not None
    with pytest.raises(NotYourTeam):
        revoke_phone(phone.id, acting(clerk), NOW)
    with pytest.raises(NotFound):
        revoke_phone(phone.id, acting(other), NOW)
    revoke_phone(phone.id, acting(boss), NOW)
    revoke_phone(phone.id, acting(boss), NOW)
    assert queries.find_phone(token) is None


def test_links_of_a_leading_person_go_with_that_person(app, store):
    boss = staff(store, "supervisor")
    _, link = register_phone(store, "前台", acting(boss), NOW)
    dismiss_staff(boss.id, SYSTEM, NOW)
    with pytest.raises(PhoneLinkInvalid):
        open_phone(link, NOW)


@pytest.mark.both_databases
def test_five_wrong_pins_lock_for_a_quarter_of_an_hour(app, store):
    boss, person = staff(store, "supervisor"), with_pin(store)
    phone = shared(boss)
    for left in (4, 3, 2, 1):
        with pytest.raises(PinWrong) as refusal:
            check_pin(phone, person.id, "0007", NOW)
        assert f"{left} 次" in refusal.value.message
    with pytest.raises(PinLocked):
        check_pin(phone, person.id, "0007", NOW)
    with pytest.raises(PinLocked):
        check_pin(phone, person.id, PIN, NOW + timedelta(minutes=14))
    assert queries.list_locked(store, NOW) == {person.id}
    assert check_pin(phone, person.id, PIN, NOW + timedelta(minutes=16)).id == person.id


def test_who_leads_unlocks_and_a_new_pin_unlocks(app, store):
    boss, person = staff(store, "supervisor"), with_pin(store)
    phone, stranger = shared(boss), staff(dealer("hz-02", "滨江店"), "supervisor")
    for _ in range(5):
        with pytest.raises(DomainError):
            check_pin(phone, person.id, "0007", NOW)
    with pytest.raises(NotFound):
        unlock_pin(person.id, acting(stranger))
    with pytest.raises(NotYourTeam):
        unlock_pin(person.id, acting(person))
    unlock_pin(person.id, acting(boss))
    assert check_pin(phone, person.id, PIN, NOW).id == person.id
    for _ in range(5):
        with pytest.raises(DomainError):
            check_pin(phone, person.id, "0007", NOW)
    set_pin(person.id, "8305", acting(person), NOW + timedelta(seconds=1))
    assert check_pin(phone, person.id, "8305", NOW + timedelta(seconds=2))


def test_a_person_without_a_pin_of_another_store_or_gone_sounds_the_same(app, store):
    boss, gone = staff(store, "supervisor"), with_pin(store)
    phone, elsewhere = shared(boss), with_pin(dealer("hz-02", "滨江店"))
    dismiss_staff(gone.id, SYSTEM, NOW)
    for staff_id in (boss.id, elsewhere.id, gone.id, 999):
        with pytest.raises(PinWrong):
            check_pin(phone, staff_id, PIN, NOW)
    assert queries.list_at_desk(store) == []


@pytest.mark.both_databases
@pytest.mark.race
def test_forty_pins_at_once_are_five_tries(app: Flask, store):
    boss, person = staff(store, "supervisor"), with_pin(store)
    phone, person_id = shared(boss), person.id
    db.session.remove()

    def guess(n: int) -> str:
        with app.app_context():
            try:
                check_pin(phone, person_id, f"{3000 + n * 7}", NOW)
            except DomainError as refusal:
                return refusal.code
            finally:
                db.session.remove()
            return "in"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(guess, range(40)))
    assert "in" not in told
    assert db.session.query(PinTry).count() == 5


class Shared:
    """A supervisor's browser, and the browser of a phone that was registered through the pages."""

    def __init__(self, app: Flask, client, wechat, store: int) -> None:
        sign_in(client, wechat, "openid-boss")
        self.boss = staff(store, "supervisor", member_of("openid-boss"), name="示例店长甲")
        page = client.post(
            "/staff/phones", data={"csrf_token": csrf(client, "/staff/phones"), "phone_name": "前台 1 号"}
        )
        link = page.text.split("/staff/phones/links/")[1][:32]
        self.own, self.phone, self.address = client, app.test_client(), f"/staff/phones/links/{link}"
        assert "登记这部手机" in self.phone.get(self.address).text
        done = self.phone.post(self.address, data={"csrf_token": csrf(self.phone, self.address)})
        assert done.location == "/staff/desk"
        self.cookie = done.headers["Set-Cookie"]

    def enter(self, person: StaffMember, pin: str = PIN):
        form = {"csrf_token": csrf(self.phone, "/staff/desk"), "staff": str(person.id), "pin": pin}
        return self.phone.post("/staff/desk", data=form)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as moment:
        yield moment


@pytest.fixture
def desk(app, client, wechat, store, clock) -> Shared:
    return Shared(app, client, wechat, store)


def test_a_person_acts_on_the_shared_phone_by_name_and_pin(desk, store):
    person = with_pin(store, "supervisor", name="示例店员丁")
    assert "HttpOnly" in desk.cookie
    assert desk.phone.get("/staff").location == "/staff/desk"
    page = desk.phone.get("/staff/desk").text
    assert "示例店员丁" in page
    assert "示例店长甲" not in page  # no PIN, no name
    wrong = desk.enter(person, "7290")
    assert wrong.status_code == 422
    assert "还可以再试 4 次" in wrong.text
    assert desk.enter(person).location == "/staff"
    home = desk.phone.get("/staff").text
    for words in ("示例店员丁", "公用手机 前台 1 号", "换人"):
        assert words in home
    for path in ("/staff/team", "/staff/phones", "/staff/pin"):
        assert desk.phone.get(path).status_code == 403, path
    # The store's one public answer to a review is nobody's to give on this phone.
    said = desk.phone.post("/staff/reviews/1/answer", data={"csrf_token": csrf(desk.phone, "/staff"), "text": "谢谢"})
    assert said.status_code == 403
    assert "用自己的手机" in said.text
    desk.phone.post("/staff/desk/leave", data={"csrf_token": csrf(desk.phone, "/staff")})
    assert desk.phone.get("/staff").location == "/staff/desk"


def test_five_idle_minutes_end_it_and_polling_does_not_keep_it_open(desk, store, clock):
    desk.enter(with_pin(store))
    clock.shift(timedelta(minutes=4))
    assert desk.phone.get("/staff").status_code == 200  # touched
    clock.shift(timedelta(minutes=4))
    assert desk.phone.get("/staff/redemptions", headers={"HX-Request": "true"}).status_code == 200  # asked by itself
    clock.shift(timedelta(minutes=2))
    polled = desk.phone.get("/staff/redemptions", headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"] == "/staff/desk"
    assert "超过 5 分钟没有操作，已自动退出" in desk.phone.get("/staff/desk").text
    assert "已自动退出" not in desk.phone.get("/staff/desk").text, "told once"


def test_revoked_dismissed_and_a_new_pin_are_out_at_the_next_request(desk, store, clock):
    person, other = with_pin(store), with_pin(store, name="示例店员戊")
    desk.enter(person)
    assert desk.phone.get("/staff").status_code == 200
    clock.shift(timedelta(seconds=1))
    set_pin(person.id, "8305", acting(person), NOW + timedelta(seconds=1))
    assert desk.phone.get("/staff").location == "/staff/desk"
    desk.enter(person, "8305")
    dismiss_staff(person.id, SYSTEM, NOW)
    assert desk.phone.get("/staff").location == "/staff/desk"
    assert "刚才的登录已失效" in desk.phone.get("/staff/desk").text
    desk.enter(other)
    assert desk.phone.get("/staff").status_code == 200
    phone_id = db.session.scalars(select(CounterPhone.id)).one()
    form = {"csrf_token": csrf(desk.own, "/staff/phones")}
    assert desk.own.post(f"/staff/phones/{phone_id}/revocation", data=form).status_code == 303
    assert desk.phone.get("/staff").location == "/staff/desk"
    told = desk.phone.get("/staff/desk")
    assert (told.status_code, "已被店长停用" in told.text) == (403, True)
    # Told once: whoever it belongs to now may use it as an own phone.
    assert desk.phone.get("/staff").location.startswith("/wechat/login")


def test_whoever_is_signed_in_on_the_shared_phone_is_not_staff_by_that(app, desk, wechat, store):
    browser = desk.phone
    sign_in(browser, wechat, "openid-boss")  # the supervisor's own WeChat, on the shared phone
    assert browser.get("/staff").location == "/staff/desk"


def test_registering_signs_out_and_a_locked_pin_is_unlocked_from_the_team_page(app, desk, store):
    person = with_pin(store)
    for _ in range(5):
        last = desk.enter(person, "0007")
    assert "已锁定 15 分钟" in last.text
    assert "解锁 PIN" in desk.own.get("/staff/team").text
    form = {"csrf_token": csrf(desk.own, "/staff/team")}
    desk.own.post(f"/staff/team/{person.id}/pin-unlock", data=form)
    assert desk.enter(person).location == "/staff"
    link = desk.own.post("/staff/phones", data=form | {"phone_name": "就是这部"}).text
    address = "/staff/phones/links/" + link.split("/staff/phones/links/")[1][:32]
    desk.own.post(address, data=form)
    assert desk.own.get("/staff").location == "/staff/desk"


def test_a_pin_is_set_on_the_own_phone(client, wechat, store):
    sign_in(client, wechat, "openid-clerk")
    person = staff(store, "clerk", member_of("openid-clerk"))
    form = {"csrf_token": csrf(client, "/staff/pin")}
    weak = client.post("/staff/pin", data=form | {"pin": "1234"})
    assert weak.status_code == 422
    assert "太容易猜" in weak.text
    assert client.post("/staff/pin", data=form | {"pin": PIN}).location == "/staff"
    assert db.session.get_one(StaffMember, person.id, populate_existing=True).pin_hash
