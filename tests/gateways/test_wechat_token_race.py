"""Many processes need a token at the same moment: one of them fetches it."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
from flask import Flask

from app.core import clock
from app.core.db import db
from app.core.shared_tokens import DatabaseTokenStore
from app.gateways.wechat.client import WeChatAccount
from tests.conftest import make_settings
from tests.gateways.stub import StubServer, reply
from tests.races.world import at_once, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
PAGE = "https://h5.example.com/"


class Counter:
    """A WeChat that hands out a new token each time and takes a while; it counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def answer(self, path: str) -> bytes:
        name = path.split("?")[0].rsplit("/", 1)[-1]
        with self._lock:
            self.asked.append(name)
            number = len(self.asked)
        time.sleep(0.3)
        if name == "getticket":
            return reply(200, b'{"errcode":0,"errmsg":"ok","ticket":"K%d","expires_in":7200}' % number)
        return reply(200, b'{"access_token":"T%d","expires_in":7200}' % number)


def make_account(url: str) -> WeChatAccount:
    return WeChatAccount(
        app_id="wx1",
        app_secret="s",
        api_base_url=url,
        open_base_url=url,
        store=DatabaseTokenStore(),
        hosts={"h5.example.com"},
    )


def _sign(database_url: str, folder: str, server: str) -> None:
    from app.factory import create_app

    with create_app(make_settings(database_url, Path(folder))).app_context():
        assert make_account(server).js_config(PAGE).signature


def test_three_processes_that_start_together_fetch_one_token(app: Flask, database_url: str, tmp_path: Path) -> None:
    counter = Counter()
    with StubServer(counter.answer) as server:
        db.session.remove()
        db.engine.dispose()  # no connection is inherited
        fork = multiprocessing.get_context("fork")
        works = [fork.Process(target=_sign, args=(database_url, str(tmp_path), server.url)) for _ in range(3)]
        for work in works:
            work.start()
        for work in works:
            work.join(60)
        assert [work.exitcode for work in works] == [0, 0, 0]
    assert sorted(counter.asked) == ["getticket", "stable_token"]


def test_workers_that_are_refused_together_renew_once(app: Flask) -> None:
    """Eight workers, each with a client of its own, all told that their token is stale."""
    counter = Counter()
    with StubServer(counter.answer) as server:
        make_account(server.url).js_config(PAGE)
        accounts = [make_account(server.url) for _ in range(8)]
        renewed = at_once(
            app,
            [
                lambda a=a: a._tokens.instead_of("wx1:access_token", "T1", lambda: a._fetch_token("T1"))
                for a in accounts
            ],
        )
    assert len(set(wins(renewed))) == 1
    assert len(wins(renewed)) == 8
    assert counter.asked.count("stable_token") == 2


def test_a_claim_ends_by_itself_and_is_given_back_once(app: Flask) -> None:
    from datetime import timedelta

    store, now = DatabaseTokenStore(), clock.now()
    first, second = now + timedelta(seconds=30), now + timedelta(seconds=90)
    assert store.claim("k", now, first)
    assert not store.claim("k", now, second)
    assert store.claim("k", first, second)
    store.release("k", first)
    assert not store.claim("k", now, second)
    store.release("k", second)
    assert store.claim("k", now, first)
    db.session.rollback()
