"""A test client that reads the page: each page it gets is parsed and held to the house's conventions."""

from html.parser import HTMLParser
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

VOID = {"meta", "link", "img", "input", "br", "hr", "source", "wbr", "path", "circle", "use", "rect", "line"}


class Reader(HTMLParser):
    """Collects what a convention can be checked on."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.problems: list[str] = []
        self.h1 = 0
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"] or "")
        self.h1 += tag == "h1"
        if tag == "img" and not {"width", "height", "alt"} <= given.keys():
            self.problems.append(f"picture without size or words: {given}")
        if "style" in given or any(name.startswith("on") for name in given):
            self.problems.append(f"inline style or handler on <{tag}>: {given}")
        if (
            tag == "script"
            and "src" not in given
            and given.get("type") not in {"application/json", "application/ld+json"}
        ):
            self.problems.append("inline script")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes <{self.open[-1] if self.open else 'nothing'}> at {self.getpos()}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title":
            self.title += data


def check(text: str, *, whole: bool) -> None:
    """Hold one page (or fragment) to the conventions."""
    reader = Reader()
    reader.feed(text)
    problems = reader.problems
    if reader.open:
        problems.append(f"left open: {reader.open}")
    problems += [f"id twice: {i}" for i in set(reader.ids) if reader.ids.count(i) > 1]
    if whole and reader.h1 != 1:
        problems.append(f"{reader.h1} h1")
    if whole and not reader.title.strip():
        problems.append("no title")
    assert not problems, problems


class Shopper:
    """A browser without JavaScript."""

    def __init__(self, app: Flask) -> None:
        self.http = app.test_client()

    def page(self, path: str, status: int = 200, **options: Any) -> str:
        """A whole page, checked; its text."""
        return self._get(path, status, True, **options)

    def fragment(self, path: str, status: int = 200) -> str:
        """What htmx gets, checked; its text."""
        return self._get(path, status, False, headers={"HX-Request": "true"})

    def _get(self, path: str, status: int, whole: bool, **options: Any) -> str:
        answer: TestResponse = self.http.get(path, **options)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        check(answer.text, whole=whole)
        return answer.text
