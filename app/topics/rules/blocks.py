"""What a special page may be made of: every type of block with its fields, one table for form, check and import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Block = dict[str, Any]

HOME: Final = "home"
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
