"""The staff's own pages, and who gets to see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.core.db import db
from app.core.security import SYSTEM
from app.staff.queries import find_active
from app.staff.services import dismiss_staff, invite_staff
from tests.members.wechat import csrf, sign_in
from tests.staff.people import dealer, member_of, staff


def link(store: int, role: str = "clerk") -> str:
    return f"/staff/invitations/{invite_staff(store, '示例店员丙', role, SYSTEM, datetime.now(UTC))[1]}"


def signed_in(client, wechat, store: int, role: str) -> int:
    sign_in(client, wechat, "openid-staff")
    who = member_of("openid-staff")
    return staff(store, role, who).id


def test_stranger_comes_to_the_invitation_by_way_of_the_login(client, wechat, store):
    address = link(store)
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.location == f"/wechat/login?next={address}"


def test_member_without_a_store_is_told_how_to_get_one(client, wechat, store):
    sign_in(client, wechat)
    answer = client.get("/staff")
    assert answer.status_code == 403
    assert "请让店长发送邀请链接" in answer.text
    fragment = client.get("/staff", headers={"HX-Request": "true"})
    assert fragment.status_code == 403
    assert fragment.headers["HX-Reswap"] == "none"


def test_invitation_shows_the_store_and_leads_to_the_home(client, wechat, store):
    sign_in(client, wechat)
    address = link(store, "supervisor")
    page = client.get(address).text
    for word in ("西湖文三路店", "店长", "示例店员丙", "确认加入"):
        assert word in page
    answer = client.post(address, data={"csrf_token": csrf(client, address)})
    assert (answer.status_code, answer.location) == (303, "/staff")
    home = client.get("/staff")
    assert home.headers["Cache-Control"] == "no-store"
    for word in (
        "西湖文三路店",
        "扫码核销",
        "/staff/scan",
        "/staff/bookings",
        "/staff/redemptions/today",
        "/staff/team",
    ):
        assert word in home.text
    assert "已经被使用过" in client.get(address).text


def test_looking_at_an_invitation_does_not_accept_it(client, wechat, store):
    sign_in(client, wechat)
    client.get(link(store))
    assert find_active(member_of("openid-1")) is None


def test_made_up_and_foreign_links_are_explained(client, wechat, store):
    sign_in(client, wechat)
    assert client.get("/staff/invitations/made-up").status_code == 404
    staff(dealer("hz-02", "滨江店"), member_id=member_of("openid-1"))
    address = link(store)
    assert "只能绑定一家门店" in client.get(address).text
    answer = client.post(address, data={"csrf_token": csrf(client, "/me/privacy")})
    assert answer.status_code == 409
    assert "只能绑定一家门店" in answer.text
    assert "订金" not in answer.text, "a sentence for shoppers"
    assert 'href="/staff">返回工作台' in answer.text


def test_dismissed_person_is_out_at_the_next_request(client, wechat, store):
    staff_id = signed_in(client, wechat, store, "clerk")
    assert client.get("/staff").status_code == 200
    dismiss_staff(staff_id, SYSTEM, datetime.now(UTC))
    assert client.get("/staff").status_code == 403


def test_clerk_has_no_team_page(client, wechat, store):
    signed_in(client, wechat, store, "clerk")
    assert client.get("/staff/team").status_code == 403
    token = csrf(client, "/me/privacy")
    answer = client.post("/staff/team", data={"csrf_token": token, "name": "甲", "role": "clerk"})
    assert answer.status_code == 403
    assert "/staff/team" not in client.get("/staff").text


def test_supervisor_invites_and_dismisses_clerks(app, client, wechat, store):
    signed_in(client, wechat, store, "supervisor")
    token = csrf(client, "/staff/team")
    page = client.post("/staff/team", data={"csrf_token": token, "name": "示例店员戊", "role": "clerk"})
    assert page.status_code == 200
    found = re.search(r"/staff/invitations/[0-9a-f]{32}", page.text)
    assert found
    assert "<svg" in page.text
    newcomer = app.test_client()
    sign_in(newcomer, wechat, "openid-newcomer")
    newcomer.post(found[0], data={"csrf_token": csrf(newcomer, found[0])})
    assert newcomer.get("/staff").status_code == 200
    joined = find_active(member_of("openid-newcomer"))
    assert joined is not None
    done = client.post(f"/staff/team/{joined.id}/dismissal", data={"csrf_token": token})
    assert done.status_code == 303
    assert newcomer.get("/staff").status_code == 403


def test_a_link_in_the_wrong_hands_is_taken_back(app, client, wechat, store):
    signed_in(client, wechat, store, "supervisor")
    token = csrf(client, "/staff/team")
    page = client.post("/staff/team", data={"csrf_token": token, "name": "示例店员戊", "role": "clerk"})
    link = re.search(r"/staff/invitations/[0-9a-f]{32}", page.text)
    way = re.search(r"/staff/team/invitations/\d+/withdrawal", page.text)
    assert link
    assert way
    assert "撤回给示例店员戊的邀请" in page.text
    assert client.post(way[0], data={"csrf_token": token}).location == "/staff/team"
    assert "等待加入" not in client.get("/staff/team").text
    newcomer = app.test_client()
    sign_in(newcomer, wechat, "openid-newcomer")
    assert "已过期或已撤回" in newcomer.get(link[0]).text
    newcomer.post(link[0], data={"csrf_token": csrf(newcomer, "/me/privacy")})
    assert newcomer.get("/staff").status_code == 403


@pytest.mark.parametrize(
    ("name", "role", "word"),
    [("", "clerk", "请填写对方的姓名"), ("甲" * 41, "clerk", "最多 40 个字"), ("甲", "", "请选择岗位")],
)
def test_incomplete_invitation_is_asked_for_again(client, wechat, store, name, role, word):
    signed_in(client, wechat, store, "supervisor")
    token = csrf(client, "/staff/team")
    page = client.post("/staff/team", data={"csrf_token": token, "name": name, "role": role})
    assert page.status_code == 422
    assert word in page.text


def test_supervisor_cannot_make_another_supervisor(client, wechat, store):
    signed_in(client, wechat, store, "supervisor")
    token = csrf(client, "/staff/team")
    page = client.post("/staff/team", data={"csrf_token": token, "name": "甲", "role": "supervisor"})
    assert page.status_code in {403, 422}
    db.session.rollback()


def test_command_prints_a_working_link(app, client, wechat, store):
    runner = app.test_cli_runner()
    done = runner.invoke(args=["invite-staff", "hz-01", "--name", "示例店员丙", "--role", "clerk"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("http://127.0.0.1:8000/staff/invitations/")
    sign_in(client, wechat)
    assert "确认加入" in client.get(done.output.strip().removeprefix("http://127.0.0.1:8000")).text
    missing = runner.invoke(args=["invite-staff", "nowhere", "--name", "甲"])
    assert missing.exit_code == 1
    assert "nowhere" in missing.output


def test_an_invitation_that_is_over_names_nobody(client, wechat, store):
    sign_in(client, wechat)
    address = link(store)
    page = client.get(address).text
    name = page.split("<dt>姓名</dt><dd>")[1].split("<")[0]
    assert name
    with time_machine.travel(datetime.now(UTC) + timedelta(days=4), tick=False):
        over = client.get(address).text
    assert "邀请已失效" in over
    assert name not in over
    assert "确认加入" not in over


def test_who_leads_is_told_what_goes_with_them(client, wechat, store):
    signed_in(client, wechat, store, "manager")
    for role in ("supervisor", "clerk"):
        staff(store, role, name=f"示例{role}")
    page = client.get("/staff/team").text
    assert page.count("本店还没有用的邀请和登记链接会一起作废") == 1


@pytest.mark.parametrize(("path", "home"), [("/staff/closes/2026-13-01", "/staff"), ("/admin/nothing-here", "/admin")])
def test_a_page_that_is_not_there_leads_back_where_one_works(client, wechat, store, path, home):
    signed_in(client, wechat, store, "manager")
    page = client.get(path)
    assert page.status_code == 404
    assert f'class="btn" href="{home}"' in page.text
    assert ('data-theme="dark"' in page.text) == (home == "/staff")
    assert 'class="btn" href="/">回首页' in client.get("/nothing-here").text
