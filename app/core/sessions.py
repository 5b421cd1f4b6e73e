"""The cookie session as Flask has it, without what each request would do again."""

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import URLSafeTimedSerializer


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
            made = app.extensions["session_serializer"] = keys, super().get_signing_serializer(app)
        return made[1]
