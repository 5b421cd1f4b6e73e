"""Whether a block, a link, an address or a page may be stored; what may not is told in sentences."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from app.topics.richtext import clean_rich_text, is_blank
from app.topics.rules.blocks import AUDIENCES, BLOCKS, Block, Field, Input

Known = Mapping[str, Collection[str]]
SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG: Final = 60
MAX_BLOCKS: Final = 40
MAX_BYTES: Final = 60_000
RESERVED: Final = frozenset({"preview", "new", "coupons", "stock"})
_LINK_BAD: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\"'<>]")


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
