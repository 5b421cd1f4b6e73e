"""Somebody of the headquarters, signed in."""

from flask import Flask
from flask.testing import FlaskClient

from app.admin.models import Operator
from app.admin.session import KEY
from app.core import clock
from app.core.db import transaction


def admin_client(app: Flask, login: str = "chief") -> FlaskClient:
    """A browser with a session of a new operator."""
    with transaction() as session:
        row = Operator(login=login, password_hash="-", totp_secret="-", created_at=clock.now())
        session.add(row)
        session.flush()
        number = row.id
    client = app.test_client()
    with client.session_transaction() as session:
        session[KEY] = [number, 1, int(clock.now().timestamp())]
    return client
