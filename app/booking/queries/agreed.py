"""What was agreed to when a booking was placed, word for word."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import select

from app.booking.models import Booking, TermsText
from app.booking.rules import terms_of
from app.core.db import db


def list_agreed_lines(booking: Booking) -> Sequence[str]:
    """The lines of the terms whose hash stands on the booking; none where no such text is kept.

    A text that does not give this hash is not what was agreed to, and is not shown as it.
    """
    text = db.session.scalar(select(TermsText.text).where(TermsText.digest == booking.terms_hash))
    if text is None:  # placed before texts were kept: the deal's own words, while they are the same
        text = terms_of(booking.deal).text
    return text.split("\n") if hashlib.sha256(text.encode()).hexdigest() == booking.terms_hash else []
