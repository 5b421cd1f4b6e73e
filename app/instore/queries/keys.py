"""The key of the codes, read once by each process; a wrong code is refused without asking the database."""

from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select

from app.core.db import db
from app.instore import rules
from app.instore.models import CodeKey

ONLY = 1
_kept: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()


def signing_key() -> str | None:
    """The shop's key; None while no code was ever made."""
    kept = _kept.get(db.engine)
    if kept is None:
        kept = db.session.scalar(select(CodeKey.secret).where(CodeKey.id == ONLY))
        if kept is not None:
            _kept[db.engine] = kept
    return kept


def read_code(text: str) -> str | None:
    """A code as it stands in the table, if it is one of ours by its signature."""
    code = rules.plain(text) if len(text) <= 40 else ""
    if len(code) != rules.LENGTH:
        return None
    key = signing_key()
    return code if key is not None and rules.is_signed(key, code) else None
