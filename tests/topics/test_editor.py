"""The back office's editor: an operator with plain forms, two operators at once, history."""

import json
import re
from datetime import timedelta

import pytest
import time_machine

from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.security import SYSTEM
from app.topics import queries, services
from app.topics.errors import BlockUnfit, EditedMeanwhile, PageEmpty, SlugTaken, WindowUnfit
from app.topics.models import Topic, TopicVersion
from app.topics.services import Seen
from tests.admin.test_operators import NOW, operator, sign_in
from tests.booking import shop
from tests.client import check

DAY = timedelta(days=1)
TEXT = {"type": "rich", "text": "第一段"}


class Editor:
    """An operator's browser without JavaScript."""

    def __init__(self, app) -> None:
        self.http = app.test_client()
        sign_in(self.http, operator())

    def page(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path)
        assert answer.status_code == status, path
        check(answer.text, whole=True)
        return answer.text

    def post(self, path: str, page: str, status: int = 303, **fields: object) -> str:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token
        seen = re.search(r'name="edits"[^>]*value="(\d+)"', page)
        data = {"csrf_token": token[1], **({"edits": seen[1]} if seen else {}), **fields}
        answer = self.http.post(path, data=data)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        if status == 303:
            return answer.headers["Location"].partition("#")[0]
        check(answer.text, whole=True)
        return answer.text


@pytest.fixture
def still_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def create(editor: Editor, slug: str = "spring", title: str = "春季专题") -> str:
    return editor.post("/admin/topics", editor.page("/admin/topics"), title=title, slug=slug)


def add(editor: Editor, path: str, kind: str, status: int = 303, **fields: object) -> str:
    return editor.post(f"{path}/blocks", editor.page(f"{path}/blocks/new?type={kind}"), status, type=kind, **fields)


def test_from_nothing_to_a_published_page(app, still_clock):
    editor, before = Editor(app), publishing.version()
    path = create(editor)
    add(editor, path, "rich", text="第一段")
    add(editor, path, "faq", **{"items.question": ["能退吗？", ""], "items.answer": ["能。", ""], "for": "buyer"})
    page = editor.page(path)
    assert "1. 图文" in page
    assert "2. 常见问题" in page
    assert "优先给：我要买车" in page
    assert publishing.version() == before
    editor.post(f"{path}/versions", page, when="now")
    db.session.rollback()
    assert publishing.version() > before
    shown = app.test_client().get("/topics/spring").text
    assert shown.index("第一段") < shown.index("能退吗？")
    actions = [row.action for row in db.session.query(AuditEntry).filter_by(subject_kind="topic")]
    assert actions == ["topic_created", "topic_block_saved", "topic_block_saved", "topic_published"]


def test_edit_move_and_remove_change_the_draft_alone(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    for text in ("甲段", "乙段"):
        add(editor, path, "rich", text=text)
    editor.post(f"{path}/versions", editor.page(path), when="now")
    first, second = [b["id"] for b in db.session.query(Topic).one().draft]
    editor.post(f"{path}/blocks/{second}/moves", editor.page(path), way="up")
    editor.post(f"{path}/blocks/{first}/removal", editor.page(path))
    form = editor.page(f"{path}/blocks/{second}")
    assert "乙段" in form
    editor.post(f"{path}/blocks/{second}", form, type="rich", text="丙段")
    db.session.rollback()
    assert [b["text"] for b in queries.get_topic(1).draft] == ["丙段"]
    shown = app.test_client().get("/topics/spring").text
    assert "甲段" in shown
    assert "丙段" not in shown


def test_a_wrong_field_is_told_beside_it_and_nothing_typed_is_lost(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    page = add(editor, path, "quick", 422, **{"items.text": "看车", "items.link": "javascript:1", "items.icon": "tag"})
    assert "第 1 条：地址应以 / 或 https:// 开头" in page
    assert 'value="看车"' in page
    assert 'value="javascript:1"' in page
    assert queries.get_topic(1).draft == []


@pytest.mark.parametrize(
    ("slug", "words"), [("spring", "已经有页面在用"), ("Spring!", "小写字母"), ("preview", "保留"), ("", "请填写地址")]
)
def test_an_address_that_cannot_be(app, still_clock, slug, words):
    editor = Editor(app)
    create(editor)
    assert words in editor.post("/admin/topics", editor.page("/admin/topics"), 422, title="又一个", slug=slug)


def test_the_second_of_two_editors_is_told_and_keeps_what_was_typed(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    form = editor.page(f"{path}/blocks/new?type=rich")
    add(editor, path, "rich", text="别人的")
    page = editor.post(f"{path}/blocks", form, 422, type="rich", text="我的")
    assert "刚才有人修改了这个页面" in page
    assert "我的" in page
    editor.post(f"{path}/blocks", page, type="rich", text="我的")
    assert [b["text"] for b in queries.get_topic(1).draft] == ["别人的", "我的"]
    stale = form
    assert "刚才有人修改了" in editor.post(f"{path}/versions", stale, 422, when="now")


def test_scheduling_by_the_clock_on_the_wall(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    add(editor, path, "rich", text="好戏")
    page = editor.page(path)
    assert "请填写开始时间" in editor.post(f"{path}/versions", page, 422, when="later")
    assert "开始时间看不懂" in editor.post(f"{path}/versions", page, 422, when="later", start="明天")
    wrong = {"start": "2026-11-10T10:00", "until": "2026-11-10T09:00"}
    assert "结束时间应晚于开始时间" in editor.post(f"{path}/versions", page, 422, when="later", **wrong)
    editor.post(f"{path}/versions", editor.page(path), when="later", start="2026-11-10T10:00", until="2026-11-11T10:00")
    version = db.session.query(TopicVersion).one()
    assert version.from_at.isoformat() == "2026-11-10T02:00:00+00:00"
    assert "等待上线" in editor.page(path)
    still_clock.move_to(version.from_at)
    assert app.test_client().get("/topics/spring").status_code == 200


def test_history_restores_and_takes_down(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    add(editor, path, "rich", text="旧的")
    editor.post(f"{path}/versions", editor.page(path), when="now")
    add(editor, path, "rich", text="新的")
    still_clock.shift(60)
    editor.post(f"{path}/versions", editor.page(path), when="now")
    client = app.test_client()
    assert "新的" in client.get("/topics/spring").text
    editor.post(f"{path}/versions/1/restoration", editor.page(path))
    assert [b["text"] for b in queries.get_topic(1).draft] == ["旧的"]
    assert "新的" in client.get("/topics/spring").text
    editor.post(f"{path}/versions/2/removal", editor.page(path))
    assert "新的" not in client.get("/topics/spring").text
    editor.post(f"{path}/end", editor.page(path))
    assert client.get("/topics/spring").status_code == 404


def test_copies_and_details(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    add(editor, path, "rich", text="第一段")
    editor.post(f"{path}/details", editor.page(path), title="新名称", description="一句话")
    made = editor.post(f"{path}/copies", editor.page(path), title="副本", slug="spring-2")
    assert made != path
    assert [b["text"] for b in queries.get_topic(2).draft] == ["第一段"]
    assert "已经有页面在用" in editor.post(f"{path}/copies", editor.page(path), 422, title="副本", slug="spring-2")


def test_the_home_page_is_taken_over_with_what_is_shown(app, still_clock):
    shop.build()
    editor = Editor(app)
    list_page = editor.page("/admin/topics")
    assert "接管首页" in list_page
    path = editor.post("/admin/topics", list_page, title="首页", slug="home")
    assert queries.get_topic(1).draft[0]["type"] == "hero"
    assert "接管首页" not in editor.page("/admin/topics")
    editor.page(path)


@pytest.mark.parametrize(
    "kind", ["hero", "quick", "deals", "series", "coupons", "dealers", "rich", "picture", "faq", "form"]
)
def test_every_type_has_a_form_and_unknown_ones_have_none(app, still_clock, kind):
    shop.build()
    editor = Editor(app)
    path = create(editor)
    assert "保存到草稿" in editor.page(f"{path}/blocks/new?type={kind}")
    assert editor.http.get(f"{path}/blocks/new?type=roulette").status_code == 404


def test_the_preview_is_signed_dies_after_a_day_and_is_found_by_nobody(app, still_clock):
    editor = Editor(app)
    path = create(editor)
    add(editor, path, "rich", text="还没发布")
    page = editor.page(f"{path}/preview")
    link = re.search(r'<iframe class="device" src="([^"]+)"', page)
    assert link
    answer = app.test_client().get(link[1])
    assert "还没发布" in answer.text
    assert "预览" in answer.text
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    check(answer.text, whole=True)
    assert app.test_client().get(link[1] + "x").status_code == 404
    still_clock.shift(DAY + timedelta(seconds=1))
    assert "预览链接已过期" in app.test_client().get(link[1]).text


@pytest.mark.both_databases
def test_the_rules_of_publishing(app):
    topic = services.create_topic(SYSTEM, "a", "甲", NOW)
    with pytest.raises(SlugTaken):
        services.create_topic(SYSTEM, "a", "乙", NOW)
    with pytest.raises(PageEmpty):
        services.publish_topic(SYSTEM, Seen(topic.id, 1), NOW)
    services.save_block(SYSTEM, Seen(topic.id, 1), None, dict(TEXT), NOW)
    with pytest.raises(EditedMeanwhile):
        services.save_block(SYSTEM, Seen(topic.id, 1), None, dict(TEXT), NOW)
    with pytest.raises(WindowUnfit):
        services.publish_topic(SYSTEM, Seen(topic.id, 2), NOW, None, NOW)
    assert services.publish_topic(SYSTEM, Seen(topic.id, 2), NOW, NOW - DAY) == 1
    assert services.publish_topic(SYSTEM, Seen(topic.id, 3), NOW) == 2
    rows = queries.list_versions(topic.id, NOW)
    assert [(r.version.no, r.phase) for r in rows] == [(2, "live"), (1, "covered")]
    assert rows[1].version.from_at == NOW
    assert services.take_down(SYSTEM, topic.id, None, NOW) == 2
    assert services.take_down(SYSTEM, topic.id, None, NOW) == 0


def test_files_come_in_and_go_out_and_twice_is_once(app, tmp_path):
    file, out = tmp_path / "t.json", tmp_path / "o.json"
    entry = {"slug": "gala", "title": "盛会", "description": "一句", "blocks": [TEXT]}
    file.write_text(json.dumps({"topics": [entry]}), "utf-8")
    runner = app.test_cli_runner()
    assert "gala: published" in runner.invoke(args=["import-topics", str(file)]).output
    assert "gala: unchanged" in runner.invoke(args=["import-topics", str(file)]).output
    assert runner.invoke(args=["export-topics", str(out)]).exit_code == 0
    assert "gala: unchanged" in runner.invoke(args=["import-topics", str(out)]).output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "不是专题文件"),
        ("{", "不是专题文件"),
        ('{"topics": [{"slug": "A B", "blocks": []}]}', "小写字母"),
        ('{"topics": [{"slug": "a", "blocks": [7, {"type": "hero"}]}]}', "第 2 块：请填写标题"),
        ('{"topics": [{"slug": "a", "blocks": []}]}', "还没有内容"),
    ],
)
def test_a_file_that_is_none_is_told_in_words(app, tmp_path, content, words):
    file = tmp_path / "t.json"
    file.write_text(content, "utf-8")
    result = app.test_cli_runner().invoke(args=["import-topics", str(file)])
    assert result.exit_code == 1
    assert words in result.output


def test_an_import_refuses_every_bad_block_at_once(app):
    bad = [{"type": "hero"}, dict(TEXT), {"type": "faq", "items": []}]
    with pytest.raises(BlockUnfit) as caught:
        services.import_topic(SYSTEM, {"slug": "a", "title": "甲", "blocks": bad}, NOW)
    assert [words[:4] for words in caught.value.problems.values()] == ["第 1 ", "第 3 "]
