"""A reading crowd and the buyers do not get into each other's way: pages answer 200 while orders are written."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event

from app.core.caching import PageStore
from app.core.db import db
from tests.booking import shop as s
from tests.races.world import at_once

PAGES = ("/", "/series", "/series/s5", "/deals", "/deals/d1", "/deals/d1/stock", "/compare?trims=s5-a", "/search?q=s5")
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


@pytest.mark.both_databases
@pytest.mark.race
def test_every_page_answers_200_while_orders_are_written(app: Flask) -> None:
    shop = s.build(units=100)
    app.extensions["page_store"] = PageStore(0, 0)  # every page is made anew, so every reader meets the writers
    people = [s.member(f"139{n:08d}") for n in range(40)]

    def reader(first: int) -> Callable[[], list[int | str]]:
        def read() -> list[int | str]:
            client = app.test_client()
            return [client.get(PAGES[(first + n) % len(PAGES)]).status_code for n in range(3 * len(PAGES))]

        return read

    def buyer(first: int) -> Callable[[], list[int | str]]:
        return lambda: [s.place(shop, who).no for who in people[first::4]]

    outcomes = at_once(app, [*(reader(n) for n in range(4)), *(buyer(n) for n in range(4))])
    read, written = outcomes[:4], outcomes[4:]
    assert read == [[200] * 3 * len(PAGES)] * 4
    assert sum(len(numbers) for numbers in written if isinstance(numbers, list)) == 40
    assert s.units_left(shop) == 60


def test_no_public_page_writes(app: Flask) -> None:
    """Every GET that anybody may ask for, with the shop's own things where an address needs one."""
    s.build()
    names = {"slug": "d1", "series": "s5", "kind": "deal"}
    addresses = {
        str(rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        and "GET" in (rule.methods or set())
        and getattr(app.view_functions[rule.endpoint], "__access__", "") == "public"
    }
    written: list[str] = []

    def watch(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            written.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", watch)
        engine = db.engine
    asked = 0
    for address in sorted(addresses):
        for name, value in names.items():
            address = address.replace(f"<{name}>", value)
        if "<" in address:
            continue
        asked += 1
        before = len(written)
        app.test_client().get(address).close()
        assert written[before:] == [], address
    event.remove(engine, "before_cursor_execute", watch)
    assert asked > 25
