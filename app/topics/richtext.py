"""Text of editors: plain lines with a few marks, or a little HTML; what comes out is safe to show."""

import re
from html import escape
from typing import Final

import nh3

TAGS: Final = {"p", "h2", "strong", "b", "em", "i", "ul", "ol", "li", "br", "a", "blockquote"}
_MARKUP: Final = re.compile(r"<[a-zA-Z/!]")
# A link whose address was refused leads nowhere: only its words stay.
_NOWHERE: Final = re.compile(r'<a rel="noopener nofollow">(.*?)</a>', re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


def _clean(html: str) -> str:
    clean = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "iframe", "object", "template", "svg", "math", "noscript"},
        attributes={"a": {"href"}},
        url_schemes={"https", "tel"},
        link_rel="noopener nofollow",
    )
    return _NOWHERE.sub(r"\1", clean)


def clean_rich_text(text: str) -> str:
    """The text as it is stored: HTML loses all but the allowed tags; text without tags stays as it was typed."""
    return _clean(text).strip() if _MARKUP.search(text) else text.strip()


def is_blank(text: str) -> bool:
    """Whether nothing readable is in it."""
    return not _TAG.sub("", text).replace("&nbsp;", " ").strip()


def to_html(text: str) -> str:
    """Safe HTML of a stored text. Cleaned again here, so that no other way into the table matters."""
    return _clean(text if _MARKUP.search(text) else _from_lines(text))


def _from_lines(text: str) -> str:
    """Paragraphs at empty lines, `## ` a heading, `- ` a list."""
    parts: list[str] = []
    for chunk in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in chunk.split("\n") if line.strip()]
        while lines:
            if lines[0].startswith("## "):
                parts.append(f"<h2>{escape(lines.pop(0)[3:])}</h2>")
            elif lines[0].startswith("- "):
                items: list[str] = []
                while lines and lines[0].startswith("- "):
                    items.append(f"<li>{escape(lines.pop(0)[2:])}</li>")
                parts.append(f"<ul>{''.join(items)}</ul>")
            else:
                plain: list[str] = []
                while lines and not lines[0].startswith(("## ", "- ")):
                    plain.append(escape(lines.pop(0)))
                parts.append(f"<p>{'<br>'.join(plain)}</p>")
    return "".join(parts)
