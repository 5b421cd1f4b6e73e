"""A customer is found by the last four digits of a phone. They stand in no address, so in no history and no log."""

import re

from flask import request, session

WAY = "phone"  # `?by=phone`: the digits are in the searcher's own session


def is_tail(text: str) -> bool:
    """Four digits."""
    return len(text) == 4 and text.isascii() and text.isdecimal()


def typed_tail() -> str:
    """What was typed into the form, without spaces."""
    return re.sub(r"\s", "", request.form.get("tail", ""))[:24]


def keep_tail(name: str, tail: str) -> str | None:
    """Remember the digits of this search; what `by` in the address of the list is then."""
    session[name] = tail
    return WAY if tail else None


def kept_tail(name: str) -> str:
    """The digits that are searched for, or nothing."""
    found = str(session.get(name, "")) if request.args.get("by") == WAY else ""
    return found if is_tail(found) else ""
