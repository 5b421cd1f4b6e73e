"""The signed address at which somebody who wrote to us reads the answer."""

from flask import url_for

from app.core.security import constant_time_equal, fingerprint
from app.core.web import settings

LENGTH = 20


def receipt_path(no: str) -> str:
    """The address of a message's receipt, for its sender alone."""
    return url_for("feedback.show_receipt", no=no, signature=_sign(no))


def is_genuine(no: str, signature: str) -> bool:
    """Whether this is the address that we made for this number."""
    return constant_time_equal(signature, _sign(no))


def _sign(no: str) -> str:
    return fingerprint(settings().secret_key.get_secret_value(), "feedback", no)[:LENGTH]
