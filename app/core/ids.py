"""Identifiers that nobody can guess. The only user of `secrets`."""

import re
import secrets
import unicodedata
from datetime import datetime

from app.core import clock

# No 0/O, 1/I/L, U: read aloud over a bad phone line.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def public_code(length: int = 12) -> str:
    """An unguessable code in an alphabet that can be read aloud (about 4.9 bits a letter)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def token(nbytes: int = 16) -> str:
    """A hexadecimal secret, e.g. the OAuth `state` (letters and digits only)."""
    return secrets.token_hex(nbytes)


def digits(length: int = 6) -> str:
    """A random decimal code, leading zeros kept."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def as_typed(text: str) -> str:
    """A code or number as it is kept, from what a person types or copies off a screen: 7f3k 9q2m-4twx, ７Ｆ３Ｋ…"""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()


def number(prefix: str, moment: datetime | None = None) -> str:
    """A number people can quote: prefix, Shanghai date, ten unguessable letters (e.g. `B261122…`)."""
    day = clock.local(moment or clock.now()).strftime("%y%m%d")
    return f"{prefix}{day}{public_code(10)}"
