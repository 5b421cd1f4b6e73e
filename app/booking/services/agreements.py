"""The words that are agreed to: kept once for each text, whatever the deal says later."""

from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.booking.models import TermsText
from app.booking.rules import Terms
from app.core.db import db, insert_new, transaction

_kept: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()  # what this process knows to be there


def keep(terms: Terms, now: datetime) -> None:
    """Make sure the text can be found by its hash. A process writes each at most once: a crowd pays nothing for it."""
    known = _kept.setdefault(db.engine, set())
    if terms.digest in known:
        return
    with transaction():
        row = {"digest": terms.digest, "version": terms.version, "text": terms.text, "kept_at": now}
        insert_new(TermsText, "digest", row)
    known.add(terms.digest)
