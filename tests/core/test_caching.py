"""A kept page is the page that would be made now: after publishing, for each choice, for each way of asking."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask, Response, g, make_response, request
from sqlalchemy import text

from app.core import caching, publishing
from app.core.caching import MAX_PAGE_BYTES, Page, PageStore, cached_page, good_until
from app.core.db import transaction
from app.core.htmx import render, wants_fragment
from app.core.security import access

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def made(app: Flask) -> list[str]:
    """What the view below was asked for; its address is /kept/<name>?colour=&size=."""
    seen: list[str] = []

    @access("public")
    @cached_page("colour", "size")
    def show(name: str) -> Response:
        seen.append(f"{name} {sorted(request.args.items(multi=True))} {wants_fragment()}")
        good_until(NOON + timedelta(minutes=5) if name == "deal" else None)
        good_until(NOON + timedelta(minutes=9) if name == "deal" else None)
        body = "x" * (2 * MAX_PAGE_BYTES) if name == "huge" else f"<h1>{name} {len(seen)}</h1>"
        response = make_response(body, 404 if name == "none" else 200)
        response.vary.add("HX-Request")
        if name == "cookie":
            response.set_cookie("a", "b")
        return response

    app.add_url_rule("/kept/<name>", "kept", show)
    return seen


def test_second_asking_makes_nothing(app, made):
    first = app.test_client().get("/kept/a?colour=red")
    second = app.test_client().get("/kept/a?colour=red")
    assert first.text == second.text
    assert len(made) == 1
    assert second.headers["Cache-Control"] == caching.PUBLIC
    assert "s-maxage=2, stale-while-revalidate" in second.headers["Cache-Control"]
    assert {"HX-Request", "Accept-Encoding"} <= set(second.vary)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert "Content-Security-Policy" in second.headers


def test_parameters_the_view_does_not_know_neither_fill_the_store_nor_reach_it(app, made):
    client = app.test_client()
    for junk in ("", "?utm_source=x", "?from=singlemessage&isappinstalled=0", "?colour2=1&%F0%9F%9A%97=1"):
        client.get(f"/kept/a{junk}")
    assert made == ["a [] False"]
    assert len(app.extensions["page_store"]) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("?colour=red", "?colour=blue"),
        ("?size=red", "?colour=red"),
        ("?colour=a&colour=b", "?colour=a"),
        ("", "?size="),
    ],
)
def test_what_differs_is_kept_apart(app, made, one, other):
    assert app.test_client().get(f"/kept/a{one}").text != app.test_client().get(f"/kept/a{other}").text


def test_order_of_parameters_does_not_matter(app, made):
    app.test_client().get("/kept/a?size=1&colour=red")
    app.test_client().get("/kept/a?colour=red&size=1")
    assert len(made) == 1


def test_fragment_and_page_are_kept_apart(app, made):
    client = app.test_client()
    client.get("/kept/a", headers={"HX-Request": "true"})
    client.get("/kept/a", headers={"HX-Request": "true", "HX-Boosted": "true"})
    client.get("/kept/a", headers={"HX-Request": "true"})
    assert made == ["a [] True", "a [] False"]


@pytest.mark.both_databases
def test_publishing_makes_every_page_new_at_once(app, made):
    client = app.test_client()
    before = client.get("/kept/a")
    with transaction():
        publishing.bump()
    after = client.get("/kept/a", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "a 2" in after.text
    assert len(app.extensions["page_store"]) == 1
    assert publishing.peek() == publishing.version()


def test_what_is_not_committed_changes_nothing(app, made):
    client = app.test_client()
    client.get("/kept/a")
    with pytest.raises(ZeroDivisionError), transaction():
        publishing.bump()
        raise ZeroDivisionError
    client.get("/kept/a")
    assert len(made) == 1


def test_unchanged_page_is_a_304_without_a_body(app, made):
    first = app.test_client().get("/kept/a")
    again = app.test_client().get("/kept/a", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, len(made)) == (304, b"", 1)
    assert again.headers["ETag"] == first.headers["ETag"]


def test_compressed_for_those_who_ask(app, made):
    plain = app.test_client().get("/kept/a")
    packed = app.test_client().get("/kept/a", headers={"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    refused = app.test_client().get("/kept/a", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    known = {"If-None-Match": plain.headers["ETag"], "Accept-Encoding": "gzip"}
    assert app.test_client().get("/kept/a", headers=known).status_code == 304


@pytest.mark.parametrize("name", ["none", "cookie", "huge"])
def test_errors_cookies_and_giants_are_not_kept(app, made, name):
    app.test_client().get(f"/kept/{name}")
    app.test_client().get(f"/kept/{name}")
    assert len(made) == 2
    assert len(app.extensions["page_store"]) == 0
    if name == "none":
        assert "s-maxage" not in app.test_client().get("/kept/none").headers["Cache-Control"]


def test_page_with_an_end_is_made_again_after_it(app, made):
    client = app.test_client()
    with time_machine.travel(NOON, tick=False) as clock:
        client.get("/kept/deal")
        clock.shift(timedelta(minutes=4, seconds=59))
        client.get("/kept/deal")
        assert len(made) == 1
        clock.shift(timedelta(seconds=1))
        client.get("/kept/deal")
        assert len(made) == 2


def test_one_end_does_not_leak_into_the_next_page(app, made):
    client = app.test_client()
    with time_machine.travel(NOON, tick=False) as clock:
        client.get("/kept/deal")
        client.get("/kept/a")
        clock.shift(timedelta(hours=1))
        client.get("/kept/a")
    assert [line[:4] for line in made] == ["deal", "a []"]
    assert "good_until" not in g


def test_key_says_which_choices_are_one(app):
    calls: list[str] = []

    @access("public")
    @cached_page("q", key=lambda: request.args.get("q", "").strip().lower())
    def find() -> Response:
        calls.append(request.args.get("q", ""))
        return render("pages/credits.html")

    app.add_url_rule("/kept-search", "kept-search", find)
    for q in ("S5", "%20s5", "s5%20"):
        app.test_client().get(f"/kept-search?q={q}")
    assert calls == ["S5"]


def page(size: int) -> Page:
    return Page(b"x" * size, [], None)


def test_store_stays_within_its_bytes_and_forgets_the_longest_unasked():
    weight = page(1000).size
    store = PageStore(max_bytes=3 * weight, max_page_bytes=3 * weight)
    for name in "abc":
        store.keep(1, name, page(1000))
    assert store.find(1, "a") is not None
    store.keep(1, "d", page(1000))
    assert [store.find(1, name) is not None for name in "abcd"] == [True, False, True, True]
    store.keep(1, "d", page(1000))
    assert store.bytes == 3 * weight
    store.keep(2, "e", page(1000))
    assert (len(store), store.bytes) == (1, weight)
    assert store.find(1, "e") is None


def test_a_page_made_under_an_older_number_is_never_found_under_a_newer():
    store = PageStore()
    store.keep(2, "a", page(10))
    store.keep(1, "a", page(20))  # a slow worker thread that began before publishing
    assert store.find(2, "a") is None


def test_flood_of_addresses_stays_bounded(app, made):
    store = app.extensions["page_store"]
    client = app.test_client()
    for n in range(300):
        client.get(f"/kept/a?colour={n}")
    assert store.bytes <= caching.MAX_BYTES
    assert client.get("/kept/a?colour=" + "x" * 5000).status_code == 200
    assert "x" * 201 not in made[-1]


def test_a_database_that_does_not_answer_is_a_sentence(app, made):
    app.test_client().get("/kept/a")
    with transaction() as session:
        session.execute(text("ALTER TABLE published_version RENAME TO gone"))
    answer = app.test_client().get("/kept/a")
    assert answer.status_code == 503
    assert "稍等几秒" in answer.text
