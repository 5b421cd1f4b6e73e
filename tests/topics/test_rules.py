"""Blocks, links, rich text, order and windows, without a shop."""

from datetime import UTC, datetime, timedelta

import pytest

from app.topics import rules
from app.topics.richtext import clean_rich_text, to_html
from app.topics.rules import BlockProblem, Phase, Window

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KNOWN = {
    "series": {"s5": "岫 S5"},
    "deals": {"d1": "一口价"},
    "pictures": {"a.webp"},
    "energies": {"纯电"},
    "bodies": {},
}
GOOD = {
    "hero": {"title": "山色入座。\n岫 S5", "series": "s5", "action": "看看", "link": "/series/s5"},
    "quick": {"items": [{"text": "看车型", "link": "/series", "icon": "tag"}]},
    "deals": {"deals": ["d1"], "limit": "3"},
    "series": {"series": ["s5"], "filters": "1"},
    "coupons": {"limit": "2"},
    "dealers": {"title": "附近门店"},
    "rich": {"text": "## 怎么买\n\n先看车。"},
    "picture": {"picture": "a.webp", "alt": "一台车"},
    "faq": {"items": [{"question": "能退吗？", "answer": "能。"}]},
    "form": {"title": "提问", "prompt": "您的问题", "button": "提交", "contact": "1"},
}


def problems(**raw: object) -> dict[str, str]:
    with pytest.raises(BlockProblem) as caught:
        rules.check_block(raw, KNOWN)
    return caught.value.problems


def test_every_type_has_an_example_here():
    assert set(GOOD) == set(rules.BLOCKS)


@pytest.mark.parametrize("kind", GOOD)
def test_a_checked_block_is_accepted_again_unchanged(kind):
    block = rules.check_block({"type": kind, "for": ["buyer", "nobody"], **GOOD[kind]}, KNOWN)
    assert block["for"] == ["buyer"]
    assert rules.check_block(block, KNOWN) == block


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ({"type": "hero", "title": ""}, "title", "请填写标题"),
        ({"type": "hero", "title": "字" * 41}, "title", "最多 40 个字，现在有 41 个"),
        ({"type": "hero", "title": "好", "series": "none"}, "series", "没有“none”"),
        ({"type": "hero", "title": "好", "link": "javascript:alert(1)"}, "link", "地址应以 /"),
        ({"type": "quick", "items": []}, "items", "至少填写一条"),
        ({"type": "quick", "items": [{"text": "看", "link": "//evil.example", "icon": "tag"}]}, "items", "第 1 条"),
        ({"type": "quick", "items": [{"text": "看", "link": "/a", "icon": "skull"}]}, "items", "第 1 条：图标"),
        ({"type": "deals", "limit": "0"}, "limit", "1 到 6"),
        ({"type": "deals", "limit": "９９"}, "limit", "1 到 6"),
        ({"type": "deals", "deals": ["gone"]}, "deals", "没有“gone”"),
        ({"type": "rich", "text": "<script>alert(1)</script>"}, "text", "请填写正文"),
        ({"type": "rich", "text": "字" * 8001}, "text", "最多 8000 个字"),
        ({"type": "picture", "picture": "a.webp"}, "alt", "请填写图片说明"),
        ({"type": "picture", "picture": "../x", "alt": "好"}, "picture", "没有“../x”"),
        ({"type": "faq", "items": [{"question": "问", "answer": "答"}] * 21}, "items", "最多 20 条"),
        ({"type": "roulette"}, "", "没有“roulette”"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(raw, field, words):
    assert words in problems(**raw)[field]


@pytest.mark.parametrize("value", [None, 7, "text", {"a": 1}, [[]], [None]])
def test_absurd_shapes_are_a_sentence(value):
    assert problems(type="quick", items=value)
    assert problems(type="hero", title=value if not isinstance(value, str) else 3)


def test_unknown_fields_are_dropped():
    assert "style" not in rules.check_block({"type": "dealers", "style": "x", "onclick": "y"}, KNOWN)


@pytest.mark.parametrize("link", ["/", "/series?energy=x#top", "https://example.com/a?b=1", "tel:057188880000"])
def test_links_that_may_be_shown(link):
    assert rules.check_link(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "//evil",
        "/\\evil",
        "http://plain.example",
        "javascript:1",
        "data:text/html,x",
        "https://a@b.example",
        "/a b",
        "x",
    ]
    + ["/a\u2028b", 'https://x.example/"onload=', "https://localhost"],
)
def test_links_that_may_not(link):
    with pytest.raises(ValueError, match="地址应以"):
        rules.check_link(link)


@pytest.mark.parametrize("slug", ["", "Home", "a b", "-a", "a--b", "预览", "preview", "x" * 61, "a/b"])
def test_addresses_that_may_not_be(slug):
    with pytest.raises(ValueError, match=r"地址|保留"):
        rules.check_slug(slug)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("第一行\n第二行\n\n- 甲\n- 乙", "<p>第一行<br>第二行</p><ul><li>甲</li><li>乙</li></ul>"),
        ("## 标题\n正文", "<h2>标题</h2><p>正文</p>"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>"),
        ("<p>好<script>alert(1)</script></p>", "<p>好</p>"),
        ('<p onclick="x" style="y">好</p>', "<p>好</p>"),
        ('<a href="javascript:alert(1)">点</a>', "点"),
        ('<a href="https://example.com">点</a>', '<a href="https://example.com" rel="noopener nofollow">点</a>'),
        ("<img src=x onerror=alert(1)>好", "好"),
        ("<iframe srcdoc='<script>1</script>'></iframe>好", "好"),
        ("<p>没关", "<p>没关</p>"),
        ("<svg><a xlink:href='javascript:1'>x</a></svg>好", "好"),
    ],
)
def test_rich_text_keeps_words_and_loses_danger(text, shown):
    assert to_html(text) == shown
    assert to_html(clean_rich_text(text)) in (shown, f"<p>{shown}</p>")  # words alone become a paragraph


def home() -> list[rules.Block]:
    return [{**block, "id": block["id"]} for block in rules.default_home(("s5", "岫 S5", "中型SUV · 纯电"))]


@pytest.mark.parametrize("audience", [*rules.AUDIENCES, None, "nobody"])
def test_a_choice_changes_the_order_and_nothing_else(audience):
    arranged = rules.arrange(home(), audience)
    assert sorted(map(repr, arranged)) == sorted(map(repr, home()))
    assert arranged[0]["type"] == "hero"


def test_each_kind_of_visitor_has_an_order_of_their_own():
    orders = {key: [b["id"] for b in rules.arrange(home(), key)] for key in rules.AUDIENCES}
    assert orders["buyer"][1] == "deals"
    assert orders["owner"][1:3] == ["quick", "dealers"]
    assert orders["browser"][1] == "series"


def test_the_built_in_home_is_made_of_valid_blocks():
    known = {**KNOWN, "series": {"s5": "岫 S5"}}
    for block in home():
        assert rules.check_block(block, known)


def test_blocks_move_by_one_place_and_stop_at_the_ends():
    blocks = [{"id": i} for i in "abc"]
    assert [b["id"] for b in rules.move(blocks, "b", -1)] == ["b", "a", "c"]
    assert rules.move(blocks, "a", -1) == rules.move(blocks, "x", 1) == blocks


def test_the_version_that_began_last_is_shown_and_gives_way_at_its_end():
    always = Window(1, NOW - HOUR, None)
    weekend = Window(2, NOW + HOUR, NOW + 2 * HOUR)
    windows = [always, weekend]
    assert rules.choose_live(windows, NOW) == 1
    assert rules.next_change(windows, NOW) == NOW + HOUR
    assert rules.choose_live(windows, NOW + HOUR) == 2
    assert rules.choose_live(windows, NOW + 2 * HOUR) == 1
    assert rules.choose_live([weekend], NOW) is None


def test_a_later_publication_does_not_hide_one_that_starts_after_it():
    festival = Window(1, NOW + HOUR, NOW + 2 * HOUR)
    correction = Window(2, NOW, None)
    assert rules.choose_live([festival, correction], NOW + HOUR) == 1


@pytest.mark.parametrize(
    ("window", "live", "phase"),
    [
        (Window(1, NOW, None), 1, Phase.LIVE),
        (Window(1, NOW, None), 2, Phase.COVERED),
        (Window(1, NOW + HOUR, None), None, Phase.SCHEDULED),
        (Window(1, NOW - HOUR, NOW), None, Phase.OVER),
        (Window(1, NOW, None, taken_down=True), None, Phase.TAKEN_DOWN),
    ],
)
def test_editors_are_told_where_a_version_stands(window, live, phase):
    assert rules.phase(window, live, NOW) is phase


def test_a_page_that_nobody_could_read_is_refused():
    assert "最多 40" in (rules.check_size([{"id": str(n)} for n in range(41)]) or "")
    assert "KB" in (rules.check_size([{"text": "字" * 30_000}]) or "")
    assert rules.check_size(home()) is None
