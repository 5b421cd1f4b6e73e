"""手机号: codes by text message, for proving a number and for logging in with it."""

import hashlib
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, text, update

from app.core import audit, ids, outbox
from app.core.db import changed_rows, db, transaction
from app.core.security import Actor, constant_time_equal, fingerprint
from app.members import queries, rules
from app.members.errors import CodeLimited, CodeTooSoon, CodeWrong, PhoneInvalid
from app.members.models import Member, PhoneCode

SMS_TOPIC = "sms_code"


def request_code(
    member_id: int | None, phone: str, address: str, now: datetime, *, secret: str, device: str = ""
) -> int:
    """Send a verification code by text message; returns the seconds until another may be asked for.

    Without a member it is for logging in, and works only in the browser `device` that asked. The answer is the same
    whether the number is known or not. Limits are counted in the database: a phone one a minute and five an hour,
    a member five, a device ten, an address two hundred. PhoneInvalid, CodeTooSoon, CodeLimited.
    """
    number = rules.normalise_phone(phone)
    if number is None:
        raise PhoneInvalid
    phone_digest = fingerprint(secret, "phone", number)
    address_digest = fingerprint(secret, "address", address)
    device_digest = fingerprint(secret, "device", device) if device else None
    with transaction() as session:
        _queue_up(phone_digest, address_digest, f"member:{member_id}", f"device:{device_digest}")
        _check_limits(
            (
                (PhoneCode.phone_digest, phone_digest, rules.PER_PHONE),
                (PhoneCode.member_id, member_id, rules.PER_MEMBER),
                (PhoneCode.device_digest, device_digest, rules.PER_DEVICE),
                (PhoneCode.address_digest, address_digest, rules.PER_ADDRESS),
            ),
            phone_digest,
            now,
        )
        code = ids.digits(6)
        row = PhoneCode(
            member_id=member_id,
            phone_digest=phone_digest,
            address_digest=address_digest,
            device_digest=device_digest,
            code_digest=_code_digest(secret, _owner(member_id, device_digest), number, code),
            sent_at=now,
            expires_at=now + rules.CODE_LIFE,
        )
        session.add(row)
        session.flush()
        payload = {"phone": number, "code": code, "expires_at": row.expires_at.isoformat()}
        # Rows are purged and SQLite gives their ids out again, so an id alone would name a message sent long ago.
        outbox.add(SMS_TOPIC, f"{SMS_TOPIC}:{row.id}:{ids.token(8)}", payload)
    return int(rules.RESEND.total_seconds())


def _owner(member_id: int | None, device_digest: str | None) -> str:
    return str(member_id) if member_id is not None else f"device:{device_digest}"


def _code_digest(secret: str, owner: str, phone: str, code: str) -> str:
    return fingerprint(secret, f"phone-code:{owner}:{phone}", code)


def _queue_up(*names: str) -> None:
    """Let requests about the same phone, address or member count one after the other.

    SQLite writes one at a time anyway; PostgreSQL needs a lock on something, as there may be no row yet.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


Limit = tuple[Any, int | str | None, int]


def _check_limits(limits: tuple[Limit, ...], phone_digest: str, now: datetime) -> None:
    newest = db.session.scalar(select(func.max(PhoneCode.sent_at)).where(PhoneCode.phone_digest == phone_digest))
    if newest is not None and newest + rules.RESEND > now:
        raise CodeTooSoon(ceil((newest + rules.RESEND - now).total_seconds()))
    for column, value, limit in limits:
        if value is None:
            continue
        sent = select(func.count()).where(column == value, PhoneCode.sent_at > now - rules.HOUR)
        if (db.session.scalar(sent) or 0) >= limit:
            raise CodeLimited


def verify_code(member_id: int, phone: str, code: str, now: datetime, *, secret: str) -> str:
    """Prove a phone number and store it with the member; returns its eleven digits. PhoneInvalid, CodeWrong.

    Only the newest code of this member and phone counts: five minutes, five tries, once. A wrong try is saved, so
    this must not run inside another transaction.
    """
    number = rules.normalise_phone(phone)
    if number is None:
        raise PhoneInvalid
    digest = _code_digest(secret, _owner(member_id, None), number, code.strip())
    with transaction(durable=True):
        mine = PhoneCode.member_id == member_id
        right = _spend_try(mine, fingerprint(secret, "phone", number), digest, now)
        if right:
            changed_rows(update(Member).where(Member.id == member_id).values(phone=number, phone_verified_at=now))
            audit.record(Actor("member", member_id), "phone_verified", "member", member_id)
    if not right:
        raise CodeWrong
    return number


def sign_in_by_phone(phone: str, code: str, device: str, now: datetime, *, secret: str) -> int:
    """The member who proved this number in the browser that asked for the code; a new one at the first time.

    Of several accounts with this number it is the one that proved it last; one that has another key and proved it long
    ago stays closed, as numbers are given to other people. PhoneInvalid, CodeWrong.
    """
    number = rules.normalise_phone(phone)
    if number is None:
        raise PhoneInvalid
    phone_digest, device_digest = fingerprint(secret, "phone", number), fingerprint(secret, "device", device)
    digest = _code_digest(secret, _owner(None, device_digest), number, code.strip())
    member_id = 0
    with transaction(durable=True):
        _queue_up(phone_digest)
        mine = and_(PhoneCode.member_id.is_(None), PhoneCode.device_digest == device_digest)
        right = _spend_try(mine, phone_digest, digest, now)
        if right:
            member_id = _holder_of(number, now)
    if not right:
        raise CodeWrong
    return member_id


def _holder_of(number: str, now: datetime) -> int:
    holder = db.session.scalar(
        select(Member)
        .where(*queries.holds_number(number, now))
        .order_by(Member.phone_verified_at.desc(), Member.id.desc())
        .limit(1)
    )
    if holder is None:
        holder = Member(created_at=now, last_login_at=now, phone=number)
        db.session.add(holder)
        db.session.flush()
        audit.record(Actor("member", holder.id), "member_joined", "member", holder.id, by="phone")
    holder.last_login_at = holder.phone_verified_at = now
    return holder.id


def _spend_try(mine: ColumnElement[bool], phone_digest: str, digest: str, now: datetime) -> bool:
    newest = select(PhoneCode).where(mine, PhoneCode.phone_digest == phone_digest)
    row = db.session.scalar(newest.order_by(PhoneCode.id.desc()).limit(1))
    if row is None:
        return False
    living = (
        PhoneCode.id == row.id,
        PhoneCode.tries < rules.CODE_TRIES,
        PhoneCode.used_at.is_(None),
        PhoneCode.expires_at > now,
    )
    right = constant_time_equal(row.code_digest, digest)
    spent = update(PhoneCode).where(*living).values(tries=PhoneCode.tries + 1, used_at=now if right else None)
    return changed_rows(spent) == 1 and right
