"""From a page's footer to the answer: what is kept, what is refused, who reads it, how it is forgotten."""

import re

import pytest
import time_machine

from app.core.db import db
from app.core.security import Actor
from app.feedback import queries, services
from app.feedback.errors import AnswerUnfit, ContactWithoutConsent, FeedbackNotFound, TextUnfit
from app.feedback.models import Feedback
from app.feedback.services import Message
from app.members import privacy
from tests.admin.test_operators import NOW, operator, sign_in
from tests.booking import shop
from tests.client import Shopper, check

OPERATOR = Actor("operator")
VISITOR = Actor("visitor")


def write(actor: Actor = VISITOR, **changes: object) -> str:
    values: dict[str, object] = {"kind": "idea", "text": "字太小了", "key": "k" * 16, **changes}
    return services.send_feedback(actor, Message(**values), NOW)  # pyright: ignore[reportArgumentType]


def row() -> Feedback:
    db.session.rollback()
    return db.session.query(Feedback).one()


def open_form(shopper: Shopper, path: str = "/feedback/new", **headers: str) -> dict[str, str]:
    page = shopper.page(path, headers=headers)
    found = re.findall(r'<input[^>]*name="(\w+)"[^>]*type="hidden"[^>]*value="([^"]*)"', page)
    return dict(found)


def test_two_taps_from_any_page_with_its_address(app):
    shop.build()
    shopper = Shopper(app)
    for path in ("/", "/series", "/deals", "/cities", "/legal/terms", "/tools/loan"):
        assert 'href="/feedback/new"' in shopper.page(path)
    hidden = open_form(shopper, "/feedback/new?r=0123456789abcdef", Referer="http://localhost/series/s5?trim=a")
    assert hidden["page"] == "/series/s5?trim=a"
    assert hidden["request_id"] == "0123456789abcdef"
    answer = shopper.http.post("/feedback", data={**hidden, "kind": "problem", "text": "图片打不开"})
    assert answer.status_code == 303
    kept = row()
    assert (kept.kind, kept.page, kept.request_id, kept.member_id) == (
        "problem", "/series/s5?trim=a", "0123456789abcdef", None,
    )  # fmt: skip
    receipt = shopper.page(answer.headers["Location"])
    assert kept.no in receipt
    assert "图片打不开" in receipt


def test_the_second_tap_sends_as_the_form_stands(app):
    """The page with its request is worth telling alone; what needs words still asks for them."""
    shop.build()
    shopper, client = Shopper(app), app.test_client()
    page = shopper.page("/feedback/new?r=0123456789abcdef", headers={"Referer": "http://localhost/series/s5"})
    assert re.findall(r'<input[^>]*checked[^>]*value="(\w+)"', page) == ["problem"]
    hidden = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*type="hidden"[^>]*value="([^"]*)"', page))
    for kind in ("idea", "complaint", "other"):
        refused = shopper.http.post("/feedback", data={**hidden, "kind": kind, "text": ""})
        assert "请写下您的意见" in refused.text
    nowhere = shopper.http.post("/feedback", data={**hidden, "page": "", "kind": "problem", "text": ""})
    assert "请写下您的意见" in nowhere.text
    sent = shopper.http.post("/feedback", data={**hidden, "kind": "problem", "text": ""})
    assert sent.status_code == 303
    kept = row()
    assert (kept.text, kept.page, kept.request_id) == ("", "/series/s5", "0123456789abcdef")
    said = "页面有问题（没有写文字）"
    assert said in shopper.page(sent.headers["Location"])
    with time_machine.travel(NOW, tick=False):
        sign_in(client, operator())
        assert said in client.get("/admin/feedback").text
        office = client.get(f"/admin/feedback/{kept.no}").text
    assert said in office
    assert "0123456789abcdef" in office


def test_every_answer_names_its_request_where_a_script_can_read_it(app):
    client = app.test_client()
    first, second = client.get("/"), client.get("/")
    assert f'desc="{first.headers["X-Request-Id"]}"' in first.headers["Server-Timing"]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("query", "referer"),
    [
        ("?r=<script>", "http://evil.example/x"),
        ("?r=0&page=//evil", ""),
        ("?page=" + "/x" * 400, "http://localhost/feedback/new"),
    ],
)
def test_what_is_no_page_of_ours_is_left_out(app, query, referer):
    hidden = open_form(Shopper(app), "/feedback/new" + query, Referer=referer)
    assert hidden["request_id"] == ""
    assert hidden["page"] in ("", "/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "problem", "text": "坏"}, "请再写几个字"),
        ({"kind": "none", "text": "好的呀"}, "请选择是关于什么的意见"),
        ({"kind": "idea", "text": ""}, "请写下您的意见"),
        ({"kind": "idea", "text": "字" * 501}, "最多 500 个字"),
        ({"kind": "idea", "text": "好的呀", "contact": "13900000000"}, "需要您勾选同意"),
        ({"kind": "idea", "text": "好的呀", "contact": "1" * 61, "consent": "y"}, "最多 60 个字"),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_kept(app, fields, words):
    shopper = Shopper(app)
    answer = shopper.http.post("/feedback", data={**open_form(shopper), **fields})
    assert answer.status_code == 422
    check(answer.text, whole=True)
    assert words in answer.text
    assert db.session.query(Feedback).count() == 0


def test_a_machine_is_thanked_and_not_kept(app):
    shopper = Shopper(app)
    data = {**open_form(shopper), "kind": "idea", "text": "buy now", "website": "http://spam.example"}
    assert "谢谢" in shopper.http.post("/feedback", data=data).text
    assert db.session.query(Feedback).count() == 0


def test_a_flood_is_stopped(app):
    shopper = Shopper(app)
    hidden = open_form(shopper)
    data = {**hidden, "kind": "idea", "text": "好的呀"}
    codes = [shopper.http.post("/feedback", data=data).status_code for _ in range(11)]
    assert codes[:10] == [303] * 10
    assert codes[10] == 429
    assert db.session.query(Feedback).count() == 1  # one form is one message, however often it is sent


@pytest.mark.both_databases
def test_the_rules_hold_below_the_form(app):
    with pytest.raises(TextUnfit):
        write(text="\x00 ")
    with pytest.raises(ContactWithoutConsent):
        write(contact="13900000000")
    no = write(contact="13900000000", consented=True, page="//evil", request_id="<b>")
    assert write() == no
    kept = row()
    assert (kept.page, kept.request_id, kept.consented_at) == ("", "", NOW)


def test_a_receipt_opens_by_its_link_alone(app):
    no = write()
    shopper = Shopper(app)
    for path in (f"/feedback/{no}/0", f"/feedback/{no}/" + "a" * 20, "/feedback/F1/x"):
        shopper.page(path, status=404)


def test_an_operator_answers_and_the_sender_reads_it(app):
    author = shop.member()
    no = write(author)
    shopper, client = Shopper(app), app.test_client()
    with time_machine.travel(NOW, tick=False):
        sign_in(client, operator())
        inbox = client.get("/admin/feedback").text
        check(inbox, whole=True)
        assert "字太小了" in inbox
        page = client.get(f"/admin/feedback/{no}").text
        check(page, whole=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]  # pyright: ignore
        empty = client.post(f"/admin/feedback/{no}/answer", data={"csrf_token": token, "answer": ""})
        assert empty.status_code == 422
        done = client.post(f"/admin/feedback/{no}/answer", data={"csrf_token": token, "answer": "已经改大了"})
        assert done.status_code == 303
        client.post(f"/admin/feedback/{no}/state", data={"csrf_token": token, "to": "closed"})
        assert row().state == "closed"
        client.post(f"/admin/feedback/{no}/state", data={"csrf_token": token, "to": "open"})
        assert row().state == "answered"
        for query in (
            "?state=answered",
            "?state=all&q=字太小",
            f"?state=all&q={no.lower()}",
            "?page=0",
            "?page=x&state=no",
        ):
            check(client.get("/admin/feedback" + query).text, whole=True)
        with shopper.http.session_transaction() as session:
            session["_user_id"], session["seen"] = f"m:{author.id}:1", int(NOW.timestamp())
        own = shopper.page("/me/feedback")
        link = re.search(rf'href="(/feedback/{no}/\w+)"', own)
        assert link
        assert "已经改大了" in shopper.page(link[1])


def test_answers_must_say_something_and_belong_to_a_message(app):
    no = write()
    with pytest.raises(AnswerUnfit):
        services.answer_feedback(OPERATOR, no, " ", NOW)
    for act in (
        lambda: services.answer_feedback(OPERATOR, "F0", "好", NOW),
        lambda: services.close_feedback(OPERATOR, "F0", NOW),
    ):
        with pytest.raises(FeedbackNotFound):
            act()


@pytest.mark.both_databases
def test_a_person_is_handed_their_messages_and_forgotten(app):
    one, two = shop.member(), shop.member("13900002087")
    write(one, key="a" * 16)
    write(key="b" * 16)
    assert privacy.export_all(one.id)["feedback"][0]["text"] == "字太小了"  # pyright: ignore
    services.reassign_own(one.id, two.id)  # pyright: ignore[reportArgumentType]
    assert len(queries.list_own(two.id)) == 1  # pyright: ignore[reportArgumentType]
    services.erase_own(two.id, NOW)  # pyright: ignore[reportArgumentType]
    assert db.session.query(Feedback).count() == 1
