"""The member's own messages, the headquarters' pages, the menu command."""

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.db import db
from app.core.security import Actor
from app.messages.models import NoticeTemplate, ReplyRule
from app.messages.services import notices, notify
from app.messages.services.settings import set_template
from tests.booking.test_views import sign_in as member_client
from tests.client import check
from tests.members.wechat import csrf
from tests.messages import account as a
from tests.messages.account import NOW
from tests.operators import admin_client

WORDS = {"car": "岫 S5", "note": "已收到订金 ¥1,000"}


def test_own_messages_are_listed_and_marked(app: Flask) -> None:
    who, other = a.member(), a.member("openid-2")
    client = member_client(app, Actor("member", who))
    empty = client.get("/me/messages").text
    check(empty, whole=True)
    assert "还没有消息" in empty
    for number in range(25):
        notify(who, "deposit_paid", f"k{number}", WORDS, NOW, href="/bookings/B1")
    notify(other, "handed_over", "k-other", {"car": "别人的车", "note": "某店"}, NOW)
    page = client.get("/me/messages").text
    check(page, whole=True)
    assert page.count('<li class="card">') == 20
    assert "25 条未读" in page
    assert "别人的车" not in page
    older = client.get("/me/messages?before=6", headers={"HX-Request": "true"}).text
    check(older, whole=False)
    assert older.count('<li class="card">') == 5
    token = csrf(client, "/me/messages")
    assert client.post("/me/messages/read", data={"csrf_token": token, "up_to": "25"}).status_code == 303
    assert "没有未读消息" in client.get("/me/messages").text
    assert client.post("/me/messages/read", data={"csrf_token": token, "up_to": "x"}).status_code == 303


def test_consents_are_asked_for_what_has_a_template(app: Flask) -> None:
    client = member_client(app, Actor("member", a.member()))
    assert "data-subscribe" not in client.get("/me/messages/consents?for=deposit_paid,nothing").text
    set_template("deposit_paid", "TPL-1", {"car": "thing1"}, Actor("operator", 1), NOW)
    part = client.get("/me/messages/consents?for=deposit_paid,money_returned").text
    check(part, whole=False)
    assert 'data-subscribe="TPL-1"' in part
    assert "已收到付款时，可以在微信里收到一次通知" in part


def test_consents_to_notices_are_seen_and_taken_back(app: Flask) -> None:
    """One's own only, all at once, with a trail; twice is as good as once."""
    account, who = a.install(app), a.member()
    client = member_client(app, Actor("member", who))
    assert "微信通知授权" not in client.get("/me/messages").text
    set_template("deposit_paid", "TPL-1", {"car": "thing1"}, Actor("operator", 1), NOW)
    other = a.member("openid-2")
    for digest in (a.digest(), a.digest(), a.digest("openid-2")):
        notices.consent_given(digest, "TPL-1", NOW)
    page = client.get("/me/messages").text
    check(page, whole=True)
    assert "<dt>已收到付款</dt><dd>还可发 2 次</dd>" in page
    token = csrf(client, "/me/messages")
    for _ in range(2):
        assert client.post("/me/messages/consents/withdrawal", data={"csrf_token": token}).status_code == 303
    assert "微信通知授权" not in client.get("/me/messages").text
    notify(who, "deposit_paid", "k1", WORDS, NOW)
    notify(other, "deposit_paid", "k2", WORDS, NOW)
    a.deliver()
    assert [sent[1] for sent in account.sent] == ["openid-2"]
    trail = select(AuditEntry.detail).where(AuditEntry.action == "notice_consents_withdrawn")
    assert db.session.scalars(trail).all() == [{"number": 2}]


def test_the_headquarters_sees_what_became_of_every_message(app: Flask) -> None:
    account, who = a.install(app), a.member()
    client = admin_client(app)
    set_template("deposit_paid", "TPL", {"car": "thing1"}, Actor("operator", 1), NOW)
    notices.consent_given(a.digest(), "TPL", NOW)
    notify(who, "deposit_paid", "booking-event:7", WORDS, NOW)
    a.deliver()
    assert account.sent
    page = client.get("/admin/messages").text
    check(page, whole=True)
    assert "booking-event:7" in page
    assert "已发出" in page
    assert "openid-1" not in page
    assert "booking-event:7" not in client.get("/admin/messages?state=refused").text


def test_templates_and_replies_are_set_there(app: Flask) -> None:
    client = admin_client(app)
    for path in ("/admin/messages/templates", "/admin/messages/replies"):
        page = client.get(path)
        assert page.status_code == 200
        check(page.text, whole=True)
    token = csrf(client, "/admin/messages/templates")
    form = {"csrf_token": token, "template_id": " TPL-9 ", "car": "thing1", "note": ""}
    assert client.post("/admin/messages/templates/late_money", data=form).status_code == 303
    assert client.post("/admin/messages/templates/nothing", data=form).status_code == 404
    db.session.rollback()
    row = db.session.get_one(NoticeTemplate, "late_money")
    assert (row.template_id, row.fields) == ("TPL-9", {"car": "thing1"})
    for wrong in ("TPL 10", "模板", "T" * 65):
        refused = client.post("/admin/messages/templates/late_money", data={**form, "template_id": wrong})
        assert refused.status_code == 422
        assert "模板编号只有字母、数字、横线和下划线" in refused.text
    empty = client.post("/admin/messages/templates/late_money", data={**form, "template_id": "TPL-10", "car": " "})
    assert empty.status_code == 422
    assert "请至少填写一个字段" in empty.text
    check(empty.text, whole=True)
    assert client.post("/admin/messages/templates/late_money", data={"csrf_token": token}).status_code == 303
    db.session.rollback()
    assert db.session.get(NoticeTemplate, "late_money") is None

    reply = {"csrf_token": token, "kind": "text", "keyword": "试驾", "answer": "请到店"}
    assert client.post("/admin/messages/replies", data=reply).status_code == 303
    assert client.post("/admin/messages/replies", data={**reply, "answer": "请预约"}).status_code == 303
    refused = client.post("/admin/messages/replies", data={**reply, "answer": " "})
    assert refused.status_code == 422
    check(refused.text, whole=True)
    db.session.rollback()
    rule = db.session.query(ReplyRule).one()
    assert rule.answer == "请预约"
    assert client.post(f"/admin/messages/replies/{rule.id}/removal", data={"csrf_token": token}).status_code == 303
    assert "请预约" not in client.get("/admin/messages/replies").text


def test_strangers_see_none_of_it(app: Flask) -> None:
    client = app.test_client()
    for path in ("/me/messages", "/admin/messages", "/admin/messages/replies", "/admin/messages/templates"):
        assert client.get(path).status_code == 302


class Menu:
    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    def push_menu(self, menu: dict[str, object]) -> None:
        self.kept = menu

    def fetch_menu(self) -> dict[str, object]:
        return self.kept


GOOD = {"button": [{"name": "看车", "type": "view", "url": "https://x/"}, {"name": "更多", "sub_button": [
    {"name": "帮助", "type": "click", "key": "HELP"}]}]}  # fmt: skip


def test_the_menu_is_pushed_and_shown(app: Flask, tmp_path: Path) -> None:
    app.extensions["wechat"] = Menu()
    run = app.test_cli_runner().invoke
    file = tmp_path / "menu.json"
    file.write_text(json.dumps(GOOD, ensure_ascii=False), "utf-8")
    assert run(args=["wechat-menu", "push", str(file)]).exit_code == 0
    assert json.loads(run(args=["wechat-menu", "show"]).output) == GOOD


@pytest.mark.parametrize(
    ("menu", "words"),
    [
        ("{", "not JSON"),
        ("[]", "one to three"),
        ('{"button": []}', "one to three"),
        ('{"button": [{"type": "view", "url": "u"}]}', "name missing"),
        ('{"button": [{"name": "a", "type": "scan"}]}', "click or view"),
        ('{"button": [{"name": "a", "type": "view"}]}', "url missing"),
    ],
)
def test_a_menu_that_wechat_would_refuse_never_leaves(app: Flask, tmp_path: Path, menu: str, words: str) -> None:
    app.extensions["wechat"] = Menu()
    file = tmp_path / "menu.json"
    file.write_text(menu, "utf-8")
    result = app.test_cli_runner().invoke(args=["wechat-menu", "push", str(file)])
    assert result.exit_code == 1
    assert words in result.output
