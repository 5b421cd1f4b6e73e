"""A cookie and a form's token that were proved before are known again, and for nothing else than they are."""

import time

import pytest
from flask import Flask, g, session
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from werkzeug.exceptions import BadRequest

from app.core import sessions, web
from app.core.sessions import Sessions

MONTH = 30 * 86400
HELD = {"_user_id": "m:1:1", "desk": [1, 2], "long": "展厅" * 60}


@pytest.fixture
def kept() -> URLSafeTimedSerializer:
    return serializer("a" * 40)


def serializer(key: str, *former: str) -> URLSafeTimedSerializer:
    app = Flask("sample")
    app.secret_key = key
    app.config["SECRET_KEY_FALLBACKS"] = list(former)
    made = Sessions().get_signing_serializer(app)
    assert made is not None
    return made


def proofs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often a signature is computed to be compared."""
    counted: list[int] = []
    verify = sessions.URLSafeTimedSerializer.loads

    def loads(self, *given, **named):
        if type(self) is URLSafeTimedSerializer:
            counted.append(1)
        return verify(self, *given, **named)

    monkeypatch.setattr(sessions.URLSafeTimedSerializer, "loads", loads)
    return counted


def test_a_cookie_is_proved_once_and_read_anew_each_time(monkeypatch) -> None:
    counted = proofs(monkeypatch)
    made = serializer("a" * 40)
    cookie = made.dumps(HELD)
    first, second = made.loads(cookie, max_age=MONTH), made.loads(cookie, max_age=MONTH)
    assert first == second == HELD
    assert len(counted) == 1
    first["desk"].append(3)  # what one request changes in it no other sees
    assert made.loads(cookie, max_age=MONTH) == HELD


def test_a_cookie_grows_old_also_when_it_is_known(kept, monkeypatch) -> None:
    cookie, now = kept.dumps(HELD), time.time()
    assert kept.loads(cookie, max_age=MONTH) == HELD
    for later in (MONTH + 2, -5):
        monkeypatch.setattr(time, "time", lambda late=later: now + late)
        with pytest.raises(SignatureExpired):
            kept.loads(cookie, max_age=MONTH)
    monkeypatch.setattr(time, "time", lambda: now + MONTH - 2)
    assert kept.loads(cookie, max_age=MONTH) == HELD


@pytest.mark.parametrize("place", [0, 5, -9])
def test_a_cookie_with_one_letter_changed_is_none(kept, place: int) -> None:
    cookie = kept.dumps(HELD)
    assert kept.loads(cookie, max_age=MONTH) == HELD
    forged = list(cookie)
    forged[place] = "A" if forged[place] != "A" else "B"
    for _again in range(2):
        with pytest.raises(BadSignature):
            kept.loads("".join(forged), max_age=MONTH)


def test_a_cookie_of_another_key_is_none_and_one_of_the_former_key_holds(kept) -> None:
    cookie = kept.dumps(HELD)
    assert kept.loads(cookie) == HELD
    with pytest.raises(BadSignature):
        serializer("b" * 40).loads(cookie)
    assert serializer("b" * 40, "a" * 40).loads(cookie) == HELD


def test_a_key_that_changes_while_it_runs_ends_what_it_signed(app: Flask) -> None:
    reader = Sessions()
    before = reader.get_signing_serializer(app)
    assert before is not None
    cookie = before.dumps(HELD)
    assert before.loads(cookie) == HELD
    app.secret_key = "c" * 40
    after = reader.get_signing_serializer(app)
    assert after is not None
    with pytest.raises(BadSignature):
        after.loads(cookie)


def posted(app: Flask, token: str, secret: str | None) -> bool:
    """Whether a form with this token passes in a session with this secret."""
    with app.test_request_context("/", method="POST", data={"csrf_token": token}):
        if secret is not None:
            session["csrf_token"] = secret
        try:
            web._check_token()
        except BadRequest:
            return False
        return bool(g.csrf_valid)


def test_a_token_passes_in_its_own_session_and_in_no_other(app: Flask) -> None:
    with app.test_request_context("/"):
        token = generate_csrf()
        secret = session["csrf_token"]
    for _again in range(2):
        assert posted(app, token, secret)
        assert not posted(app, token, "0" * 40)
        assert not posted(app, token, None)
        assert not posted(app, token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:], secret)
        assert not posted(app, "", secret)
        assert not posted(app, "", "")  # a forged token must not match an empty secret
        assert not posted(app, "forged", "")


def test_a_token_of_another_key_does_not_pass(app: Flask) -> None:
    with app.test_request_context("/"):
        token = generate_csrf()
        secret = session["csrf_token"]
    assert posted(app, token, secret)
    app.secret_key = "c" * 40
    assert not posted(app, token, secret)


def test_a_token_that_is_known_is_not_proved_again(app: Flask, monkeypatch) -> None:
    with app.test_request_context("/"):
        token = generate_csrf()
        secret = session["csrf_token"]
    counted = proofs(monkeypatch)
    assert all(posted(app, token, secret) for _again in range(3))
    assert len(counted) == 1
