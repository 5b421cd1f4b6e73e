"""What a special page may be made of, and in which order its blocks stand. Pure.

A block is a plain dict `{"id", "type", "for", …fields}` so that it can be stored, exported and compared. One table,
BLOCKS, says which fields a type has; the editor's form, the check at saving and the import all read it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from app.topics.richtext import clean_rich_text, is_blank

Block = dict[str, Any]
Known = Mapping[str, Collection[str]]

HOME: Final = "home"
SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG: Final = 60
MAX_BLOCKS: Final = 40
MAX_BYTES: Final = 60_000
RESERVED: Final = frozenset({"preview", "new", "coupons", "stock"})
AUDIENCES: Final = {"buyer": "我要买车", "owner": "我是车主", "browser": "随便看看"}
QUICK_ICONS: Final = {
    "car-profile": "汽车",
    "tag": "价签",
    "storefront": "门店",
    "receipt": "单据",
    "ticket": "券",
    "calculator": "计算器",
    "steering-wheel": "方向盘",
    "scales": "对比",
    "magnifying-glass": "搜索",
    "chat-circle-dots": "留言",
    "swap": "置换",
    "phone": "电话",
    "gift": "礼物",
    "calendar-check": "日程",
}
_LINK_BAD: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\"'<>]")


class Input(StrEnum):
    """How a field is typed."""

    LINE = "line"
    TEXT = "text"
    RICH = "rich"
    LINK = "link"
    CHOICE = "choice"
    PICKS = "picks"
    PICTURE = "picture"
    NUMBER = "number"
    FLAG = "flag"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a block says. `limit`: letters, rows or the largest number; `source`: what `choices` come from."""

    name: str
    label: str
    input: Input = Input.LINE
    required: bool = False
    limit: int = 40
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict[str, str])
    source: str = ""
    columns: tuple["Field", ...] = ()
    default: Any = None


@dataclass(frozen=True, slots=True)
class BlockType:
    """One kind of block with its name for editors."""

    key: str
    label: str
    about: str
    fields: tuple[Field, ...]


_TITLE: Final = Field("title", "标题", limit=20)
_LINK_HINT: Final = "本站地址以 / 开头，例如 /series；外部地址以 https:// 开头；电话写作 tel:057188880000"

BLOCKS: Final = {
    one.key: one
    for one in (
        BlockType(
            "hero",
            "主视觉",
            "一台车在展台上：眉题、标题、起价和一个按钮。放在最前面时，它就是页面的主标题。",
            (
                Field("eyebrow", "眉题", limit=24, hint="标题上方的一行小字"),
                Field("title", "标题", Input.TEXT, True, 40, "最多两行，每行建议不超过 10 个字"),
                Field("series", "车系", Input.CHOICE, source="series", hint="决定图片与起价"),
                Field("picture", "换一张图片", Input.PICTURE, source="pictures", hint="不选则用车系封面"),
                Field("action", "按钮文字", limit=8, hint="不填则不显示按钮"),
                Field("link", "按钮地址", Input.LINK, limit=300, hint=_LINK_HINT + "；不填则打开车系页"),
            ),
        ),
        BlockType(
            "quick",
            "快捷入口",
            "一排图标按钮，建议 4 个。",
            (
                Field(
                    "items",
                    "入口",
                    Input.ROWS,
                    True,
                    8,
                    columns=(
                        Field("text", "文字", required=True, limit=6),
                        Field("link", "地址", Input.LINK, True, 300),
                        Field("icon", "图标", Input.CHOICE, True, choices=QUICK_ICONS),
                    ),
                ),
            ),
        ),
        BlockType(
            "deals",
            "一口价",
            "正在进行的一口价，带倒计时和余量。没有进行中的就不显示。",
            (
                Field("title", "标题", limit=20, default="限时一口价"),
                Field("deals", "指定一口价", Input.PICKS, limit=6, source="deals", hint="都不选则按结束时间取最近的"),
                Field("limit", "最多显示几个", Input.NUMBER, limit=6, default=2),
            ),
        ),
        BlockType(
            "series",
            "车系",
            "横向滑动的车系卡片。",
            (
                Field("title", "标题", limit=20, default="车型"),
                Field("series", "指定车系", Input.PICKS, limit=12, source="series", hint="都不选则显示全部在售车系"),
                Field("energy", "只看能源", Input.CHOICE, source="energies"),
                Field("body", "只看级别", Input.CHOICE, source="bodies"),
                Field("filters", "显示按能源分类的入口", Input.FLAG),
            ),
        ),
        BlockType(
            "coupons",
            "优惠券",
            "正在发放的券活动：面额、门槛、期限。",
            (
                Field("title", "标题", limit=20, default="优惠券"),
                Field("limit", "最多显示几张", Input.NUMBER, limit=6, default=3),
            ),
        ),
        BlockType(
            "dealers",
            "最近门店",
            "访客所选城市的门店，或点击定位后最近的一家。",
            (Field("title", "标题", limit=20, default="附近门店"),),
        ),
        BlockType(
            "rich",
            "图文",
            "一段文字。空行分段；“## ”开头是小标题，“- ”开头是列表。",
            (
                _TITLE,
                Field(
                    "text",
                    "正文",
                    Input.RICH,
                    True,
                    8000,
                    "也可用 HTML：p h2 strong em ul ol li a blockquote，其他标签会被去掉",
                ),
            ),
        ),
        BlockType(
            "picture",
            "图片与文字",
            "一张图片，下面可以有标题、文字和链接。",
            (
                Field("picture", "图片", Input.PICTURE, True, source="pictures"),
                Field(
                    "alt", "图片说明", required=True, limit=60, hint="读屏软件会读出来，例如：雪山白的岫 S5 停在湖边"
                ),
                _TITLE,
                Field("text", "文字", Input.TEXT, limit=300),
                Field("action", "链接文字", limit=12),
                Field("link", "链接地址", Input.LINK, limit=300, hint=_LINK_HINT),
            ),
        ),
        BlockType(
            "faq",
            "常见问题",
            "点开看答案。",
            (
                Field("title", "标题", limit=20, default="常见问题"),
                Field(
                    "items",
                    "问答",
                    Input.ROWS,
                    True,
                    20,
                    columns=(
                        Field("question", "问题", required=True, limit=60),
                        Field("answer", "答案", Input.TEXT, True, 600),
                    ),
                ),
            ),
        ),
        BlockType(
            "form",
            "登记表",
            "收集访客的留言，进入“意见反馈”的收件箱。",
            (
                Field("title", "标题", required=True, limit=20),
                Field("text", "说明", Input.TEXT, limit=200),
                Field("prompt", "请访客填写什么", required=True, limit=40, default="您的想法"),
                Field("button", "按钮文字", required=True, limit=8, default="提交"),
                Field("contact", "可以留联系方式（单独征得同意）", Input.FLAG),
            ),
        ),
    )
}


class BlockProblem(ValueError):
    """A block that cannot be stored: one sentence for each field, or "" for the block as a whole."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__("；".join(problems.values()))


def check_block(raw: Mapping[str, Any], known: Known) -> Block:
    """The block with nothing but what its type has, cleaned; BlockProblem names every field that is wrong.

    `known` holds the addresses that `series`, `deals`, `pictures`, `energies` and `bodies` may name.
    """
    kind = BLOCKS.get(str(raw.get("type", "")))
    if kind is None:
        raise BlockProblem({"": f"没有“{str(raw.get('type', ''))[:20]}”这种内容块"})
    chosen = _items(raw.get("for"))
    block: Block = {"type": kind.key, "for": [key for key in AUDIENCES if key in chosen]}
    problems: dict[str, str] = {}
    for one in kind.fields:
        try:
            value = _check(one, raw.get(one.name), known)
        except ValueError as problem:
            problems[one.name] = str(problem)
        else:
            if value not in (None, "", [], False):
                block[one.name] = value
    if problems:
        raise BlockProblem(problems)
    return block


def _check(one: Field, value: Any, known: Known) -> Any:
    """One value as it is stored; ValueError with a sentence."""
    if one.input is Input.ROWS:
        return _check_rows(one, value, known)
    if one.input is Input.PICKS:
        return _check_picks(one, value, known)
    if one.input is Input.FLAG:
        return value in (True, "1", "y", "on", "true")
    if one.input is Input.NUMBER:
        return _check_number(one, value)
    text = _plain(value, lines=one.input in (Input.TEXT, Input.RICH))
    if one.input is Input.RICH and len(text) <= one.limit:
        text = clean_rich_text(text)
        if is_blank(text):
            text = ""
    if not text:
        if one.required:
            raise ValueError(f"请填写{one.label}。")
        return ""
    if one.input in (Input.CHOICE, Input.PICTURE):
        choices = known.get(one.source, ()) if one.source else one.choices
        if text not in choices:
            raise ValueError(f"{one.label}：没有“{text[:20]}”，请重新选择。")
        return text
    if len(text) > one.limit:
        raise ValueError(f"{one.label}最多 {one.limit} 个字，现在有 {len(text)} 个。")
    return check_link(text) if one.input is Input.LINK else text


def _check_rows(one: Field, value: Any, known: Known) -> list[dict[str, Any]]:
    rows: list[Mapping[str, Any]] = [row for row in _items(value) if isinstance(row, Mapping)]
    kept: list[dict[str, Any]] = []
    for row in rows:
        # An icon alone is no entry: it is what an empty row of the form starts with.
        typed = [_plain(row.get(c.name), lines=True) for c in one.columns if c.input is not Input.CHOICE]
        if not any(typed):
            continue
        if len(kept) == one.limit:
            raise ValueError(f"{one.label}最多 {one.limit} 条。")
        try:
            kept.append({c.name: _check(c, row.get(c.name), known) for c in one.columns})
        except ValueError as problem:
            raise ValueError(f"第 {len(kept) + 1} 条：{problem}") from None
    if one.required and not kept:
        raise ValueError(f"请至少填写一条{one.label}。")
    return kept


def _check_picks(one: Field, value: Any, known: Known) -> list[str]:
    picked = list(dict.fromkeys(str(v) for v in _items(value)))
    strange = next((v for v in picked if v not in known.get(one.source, ())), None)
    if strange is not None:
        raise ValueError(f"{one.label}：没有“{strange[:20]}”，请重新选择。")
    if len(picked) > one.limit:
        raise ValueError(f"{one.label}最多选 {one.limit} 个。")
    return picked


def _check_number(one: Field, value: Any) -> int | None:
    text = str(value or "").strip()
    if not text:
        return one.default
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= one.limit):
        raise ValueError(f"{one.label}：请填写 1 到 {one.limit} 的整数。")
    return int(text)


def _items(value: Any) -> list[Any]:
    """The members of a list; nothing for anything that is none."""
    return [*cast("list[Any]", value)] if isinstance(value, (list, tuple)) else []


def _plain(value: Any, *, lines: bool) -> str:
    """Text without control characters; one line unless `lines`."""
    text = value if isinstance(value, str) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c.isprintable() or c == "\n" or c in "\u200d\ufe0f")
    return kept.strip() if lines else " ".join(kept.split())


def check_link(text: str) -> str:
    """An address a page may lead to: a path of this shop, https, or a phone number; ValueError."""
    local = text.startswith("/") and not text.startswith("//") and "//" not in text.partition("?")[0]
    outside = re.fullmatch(r"https://[^/@\s]+\.[^/@\s]+(/.*)?", text)
    phone = re.fullmatch(r"tel:\+?[0-9-]{5,20}", text)
    if _LINK_BAD.search(text) or not (local or outside or phone):
        raise ValueError("地址应以 / 或 https:// 开头，电话写作 tel:057188880000。")
    return text


def check_slug(text: str) -> str:
    """An address of a page: small letters, digits and hyphens; ValueError."""
    if not SLUG.fullmatch(text) or len(text) > MAX_SLUG:
        raise ValueError(f"地址只能用小写字母、数字和连字符，最多 {MAX_SLUG} 个字符，例如 spring-2027。")
    if text in RESERVED:
        raise ValueError(f"“{text}”是系统保留的地址，请换一个。")
    return text


def check_size(blocks: list[Block]) -> str | None:
    """Why a page is too much for anybody to read, or None."""
    if len(blocks) > MAX_BLOCKS:
        return f"一个页面最多 {MAX_BLOCKS} 个内容块。"
    if len(json.dumps(blocks, ensure_ascii=False).encode()) > MAX_BYTES:
        return f"页面内容太多了，最多 {MAX_BYTES // 1000} KB，请删减文字或拆成两个页面。"
    return None


def arrange(blocks: list[Block], audience: str | None) -> list[Block]:
    """The same blocks in the order for one kind of visitor: heroes at the top stay, then what is meant for them."""
    first = next((i for i, block in enumerate(blocks) if block["type"] != "hero"), len(blocks))
    pinned, rest = blocks[:first], blocks[first:]
    if audience not in AUDIENCES:
        return [*blocks]
    return [*pinned, *(b for b in rest if audience in b["for"]), *(b for b in rest if audience not in b["for"])]


def move(blocks: list[Block], block_id: str, step: int) -> list[Block]:
    """The blocks with one of them moved by one place; at the end of the list nothing happens."""
    place = next((i for i, block in enumerate(blocks) if block["id"] == block_id), None)
    moved = [*blocks]
    if place is not None and 0 <= place + step < len(blocks):
        moved[place], moved[place + step] = moved[place + step], moved[place]
    return moved


class Phase(StrEnum):
    """状态 of one version."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    COVERED = "covered"
    OVER = "over"
    TAKEN_DOWN = "taken_down"


PHASE_WORDS: Final = {
    Phase.SCHEDULED: "等待上线",
    Phase.LIVE: "正在展示",
    Phase.COVERED: "被更新的版本替代",
    Phase.OVER: "已结束",
    Phase.TAKEN_DOWN: "已下线",
}


@dataclass(frozen=True, slots=True)
class Window:
    """When a version may be shown: half-open [from_at, until_at)."""

    no: int
    from_at: datetime
    until_at: datetime | None
    taken_down: bool = False

    def holds(self, now: datetime) -> bool:
        return not self.taken_down and self.from_at <= now and (self.until_at is None or now < self.until_at)


def choose_live(windows: Iterable[Window], now: datetime) -> int | None:
    """The number of the version to show: of those whose window holds now, the one that began last."""
    open_now = [w for w in windows if w.holds(now)]
    return max(open_now, key=lambda w: (w.from_at, w.no)).no if open_now else None


def next_change(windows: Iterable[Window], now: datetime) -> datetime | None:
    """The next moment at which another version may have to be shown."""
    moments = [
        moment for w in windows if not w.taken_down for moment in (w.from_at, w.until_at) if moment and moment > now
    ]
    return min(moments, default=None)


def phase(window: Window, live: int | None, now: datetime) -> Phase:
    """What editors are told about a version."""
    if window.taken_down:
        return Phase.TAKEN_DOWN
    if window.from_at > now:
        return Phase.SCHEDULED
    if not window.holds(now):
        return Phase.OVER
    return Phase.LIVE if window.no == live else Phase.COVERED


def default_home(hero: tuple[str, str, str] | None) -> list[Block]:
    """The home page before anybody made one. `hero`: address, name and kind of the series on the stage."""
    blocks: list[Block] = []
    if hero:
        slug, name, about = hero
        title = f"{name}\n到店看真车"
        blocks.append(
            {
                "id": "hero",
                "type": "hero",
                "for": [],
                "series": slug,
                "eyebrow": about,
                "title": title,
                "action": "看这台车",
            }
        )
    rows = (
        ("看车型", "/series", "car-profile"),
        ("一口价", "/deals", "tag"),
        ("找门店", "/dealers", "storefront"),
        ("我的预订", "/me/bookings", "receipt"),
    )
    quick = [{"text": text, "link": link, "icon": icon} for text, link, icon in rows]
    blocks += [
        {"id": "quick", "type": "quick", "for": ["owner"], "items": quick},
        {"id": "deals", "type": "deals", "for": ["buyer"], "title": "限时一口价", "limit": 2},
        {"id": "series", "type": "series", "for": ["browser"], "title": "车型", "filters": True},
        {"id": "dealers", "type": "dealers", "for": ["owner"], "title": "附近门店"},
    ]
    return blocks
