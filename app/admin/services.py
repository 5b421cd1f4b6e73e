"""Operators of the headquarters: how they are made and how they prove who they are."""

from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.admin import rules
from app.admin.errors import LoginFailed, LoginTaken, PasswordWeak
from app.admin.models import Operator
from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM, Actor

_hasher = PasswordHasher()
# Checked when there is no such login, so that the time taken does not tell.
_NOBODY = _hasher.hash(ids.token(16))
_NO_SECRET = rules.encode_secret(bytes.fromhex(ids.token(rules.SECRET_BYTES)))


def create_operator(login: str, password: str, now: datetime) -> tuple[Operator, str]:
    """A new operator and the address for the authenticator app, which is shown this once. LoginTaken, PasswordWeak."""
    if len(password) < rules.MIN_PASSWORD:
        raise PasswordWeak
    secret = rules.encode_secret(bytes.fromhex(ids.token(rules.SECRET_BYTES)))
    operator = Operator(login=login, password_hash=_hasher.hash(password), totp_secret=secret, created_at=now)
    try:
        with transaction() as session:
            session.add(operator)
            session.flush()
            audit.record(SYSTEM, "operator_created", "operator", operator.id)
    except IntegrityError:
        raise LoginTaken from None
    return operator, rules.otpauth_uri(secret, login)


def sign_in_operator(login: str, password: str, code: str, now: datetime) -> Operator:
    """Prove an operator by password and one-time code; a code works once.

    Five failures lock the account for a quarter of an hour. The try is counted before it is judged, so that many at
    the same moment are no way around. LoginFailed says nothing more.
    """
    operator = db.session.scalar(select(Operator).where(Operator.login == login))
    # A login that nobody has goes the same way, through the same statements, with nothing to find.
    number, password_hash, secret = (
        (operator.id, operator.password_hash, operator.totp_secret) if operator else (0, _NOBODY, _NO_SECRET)
    )
    allowed = _count_try(number, now)
    right = _password_fits(password_hash, password)
    step = rules.matching_step(secret, code, now)
    if operator is None or not (allowed and right and step is not None and _use_code(operator.id, step)):
        raise LoginFailed
    return operator


def _password_fits(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _count_try(operator_id: int, now: datetime) -> bool:
    """Take one of the five tries, or learn that the account is locked."""
    unlocked = (
        update(Operator)
        .where(Operator.id == operator_id, Operator.locked_until <= now)
        .values(failed_tries=0, locked_until=None)
    )
    taken = (
        update(Operator)
        .where(Operator.id == operator_id, Operator.locked_until.is_(None), Operator.failed_tries < rules.MAX_TRIES)
        .values(failed_tries=Operator.failed_tries + 1)
    )
    full = (
        update(Operator)
        .where(Operator.id == operator_id, Operator.failed_tries >= rules.MAX_TRIES, Operator.locked_until.is_(None))
        .values(locked_until=now + rules.LOCK)
    )
    with transaction(durable=True):
        changed_rows(unlocked)
        allowed = changed_rows(taken) == 1
        if changed_rows(full) == 1:
            audit.record(SYSTEM, "operator_locked", "operator", operator_id)
        return allowed


def _use_code(operator_id: int, step: int) -> bool:
    """Use up the one-time code and forgive the failed tries, in one guarded update."""
    used = (
        update(Operator)
        .where(Operator.id == operator_id, Operator.totp_last_step < step)
        .values(totp_last_step=step, failed_tries=0, locked_until=None)
    )
    with transaction(durable=True):
        fresh = changed_rows(used) == 1
        if fresh:
            audit.record(Actor("operator", operator_id), "operator_signed_in", "operator", operator_id)
        return fresh
