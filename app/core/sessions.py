"""The cookie session as Flask has it, without what each request would do again."""

import functools
import time
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

LATELY = 2048  # so many cookies and so many tokens are known again


class _Text:
    """In place of JSON: the text as it is."""

    def loads(self, payload: str) -> str:
        return payload

    def dumps(self, obj: str) -> str:
        return obj


class _Known(URLSafeTimedSerializer):
    """Proves a signature once: a phone sends the same cookie with every tap. How old it is is asked each time."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        plain = URLSafeTimedSerializer(*given, **(named | {"serializer": _Text()}))
        self._open = functools.lru_cache(LATELY)(functools.partial(plain.loads, return_timestamp=True))

    def loads(
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        if return_timestamp or salt is not None:
            return super().loads(s, max_age, return_timestamp, salt)
        text, signed_at = self._open(s)
        if max_age is not None and not 0 <= int(time.time()) - signed_at.timestamp() <= max_age:
            raise SignatureExpired("too old, or of another clock", date_signed=signed_at)
        return self.serializer.loads(text)


class Sessions(SecureCookieSessionInterface):
    """Flask's own, which makes ready to read a cookie also where none came."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """One that was only read adds its word to Vary, and the header is not taken apart for it."""
        if session.modified or app.config["SESSION_REFRESH_EACH_REQUEST"]:
            super().save_session(app, session, response)
        elif session.accessed:
            said = response.headers.get("Vary", "")
            if "cookie" not in said.lower():
                response.headers["Vary"] = f"{said}, Cookie" if said else "Cookie"

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Made once for each key, not for each request."""
        keys = app.secret_key, app.config["SECRET_KEY_FALLBACKS"]
        made = app.extensions.get("session_serializer")
        if made is None or made[0] != keys:
            made = app.extensions["session_serializer"] = keys, self._serializer(app)
        return made[1]

    def _serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        made = super().get_signing_serializer(app)
        if made is None:
            return None
        return _Known(made.secret_keys, salt=self.salt, serializer=self.serializer, signer_kwargs=made.signer_kwargs)


@functools.lru_cache(LATELY)
def secret_of_token(key: str, token: str) -> str:
    """The session's secret for which a form's token was signed, as Flask-WTF signs it; "" when it was not."""
    try:
        return str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").loads(token))
    except BadData:
        return ""
