"""What is known about members."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Executable, FromClause, bindparam, or_, select

from app.core.clock import local
from app.core.db import db, look, table_of
from app.core.errors import NotFound
from app.members import rules
from app.members.models import (
    Consent,
    EndedSession,
    ErasureRequest,
    Member,
    MemberAvatar,
    MemberMerge,
    WeChatIdentity,
)


def find_member(member_id: int) -> Member | None:
    return db.session.get(Member, member_id)


def get_member(member_id: int) -> Member:
    """The member; NotFound."""
    member = find_member(member_id)
    if member is None:
        raise NotFound
    return member


def is_living(member: Member) -> bool:
    """Whether somebody is behind this account: neither joined to another one nor erased."""
    return member.merged_into_id is None and member.erased_at is None


def living() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """`is_living` for a WHERE."""
    return Member.merged_into_id.is_(None), Member.erased_at.is_(None)


def session_digest(key: str) -> str:
    """Under what an ended session is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


# Made once: every request of somebody who is signed in runs it.
_members, _ended = table_of(Member), table_of(EndedSession)
_NAMES = tuple(_members.c.keys())
_FROM = _members.outerjoin(_ended, _ended.c.digest == bindparam("digest"))
_KNOWN = select(_members, _ended.c.digest).where(_members.c.id == bindparam("member"))
_SIGNED_IN = _KNOWN.select_from(_FROM)
_PROVED = select(_members.c.phone).where(
    _members.c.id == bindparam("member"), _members.c.phone_verified_at.is_not(None)
)


def find_signed_in(
    member_id: int, session_version: int, session_key: str = "", beside: Executable | None = None
) -> tuple[Member, tuple[Any, ...]] | None:
    """The member of a session, unless it was signed out: this one by its key, or all by raising the version.

    What a request knows of its person: a copy that belongs to no session of the database, so that it costs little.
    With it what a statement made by `signed_in_beside` reads.
    """
    statement = _SIGNED_IN if beside is None else beside
    row = look(statement, {"member": member_id, "digest": session_digest(session_key)}).first()
    if row is None:
        return None
    values, (ended, *rest) = row[: len(_NAMES)], row[len(_NAMES) :]  # none to be joined: not ended
    member = Member()
    known = cast(dict[str, Any], member.__dict__)
    known.update(zip(_NAMES, values, strict=True))  # as the session loads rows: known, not changed
    good = ended is None and member.session_version == session_version and is_living(member)
    return (member, tuple(rest)) if good else None


def signed_in_beside(joined: FromClause, condition: ColumnElement[bool], *columns: Column[Any]) -> Executable:
    """The statement of `find_signed_in` with what a higher room asks about the same person, or with nulls."""
    return _KNOWN.add_columns(*columns).select_from(_FROM.outerjoin(joined, condition))


def holds_number(phone: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """For a WHERE: the living accounts that whoever holds this number now may open or join.

    An account with a WeChat identity proved the number lately: an older proof may be that of somebody who gave the
    number back. An account without one has no other key than the number.
    """
    has_wechat = select(WeChatIdentity.id).where(WeChatIdentity.member_id == Member.id).exists()
    lately = Member.phone_verified_at > now - rules.NUMBER_MEMORY
    return *living(), Member.phone == phone, Member.phone_verified_at.is_not(None), or_(lately, ~has_wechat)


def find_other_account(member: Member, now: datetime) -> Member | None:
    """Another account of whoever holds this member's number: perhaps the same person."""
    if member.phone is None or member.phone_verified_at is None:
        return None
    others = select(Member).where(*holds_number(member.phone, now), Member.id != member.id)
    return db.session.scalar(others.order_by(Member.phone_verified_at.desc(), Member.id).limit(1))


def find_erasure(member_id: int) -> ErasureRequest | None:
    """The standing request to be forgotten."""
    return db.session.scalar(
        select(ErasureRequest).where(
            ErasureRequest.member_id == member_id,
            ErasureRequest.done_at.is_(None),
            ErasureRequest.withdrawn_at.is_(None),
        )
    )


def list_merged(member_id: int) -> list[int]:
    """The accounts that were joined to this one, and those joined to them."""
    found: list[int] = []
    fresh = [member_id]
    while fresh:
        fresh = list(db.session.scalars(select(Member.id).where(Member.merged_into_id.in_(fresh))))
        found += fresh
    return found


def list_merge_ids(member_id: int) -> list[int]:
    """Merges in which this account took part."""
    mine = or_(MemberMerge.from_id == member_id, MemberMerge.into_id == member_id)
    return list(db.session.scalars(select(MemberMerge.id).where(mine)))


def list_merges(member_id: int) -> list[MemberMerge]:
    """The merges of an account, newest first."""
    mine = or_(MemberMerge.from_id == member_id, MemberMerge.into_id == member_id)
    return list(db.session.scalars(select(MemberMerge).where(mine).order_by(MemberMerge.id.desc())))


def list_identities(member_id: int) -> list[WeChatIdentity]:
    own = select(WeChatIdentity).where(WeChatIdentity.member_id == member_id)
    return list(db.session.scalars(own.order_by(WeChatIdentity.id)))


def find_avatar(member_id: int) -> MemberAvatar | None:
    return db.session.get(MemberAvatar, member_id)


def search_members(text: str, limit: int = 30) -> list[Member]:
    """Members by number (`M12`) or by the last four digits of the phone, the newest first."""
    word = text.strip().upper()
    found = select(Member).order_by(Member.id.desc()).limit(limit)
    number = word.removeprefix("M")
    if word.startswith("M") and number.isascii() and number.isdecimal() and len(number) < 19:
        return list(db.session.scalars(found.where(Member.id == int(number))))
    if len(word) == 4 and word.isascii() and word.isdecimal():
        return list(db.session.scalars(found.where(Member.phone.endswith(word))))
    return []


def find_openid(member_id: int, app_id: str) -> str | None:
    """The openid under which this member pays and is written to by this account."""
    wanted = select(WeChatIdentity.openid).where(WeChatIdentity.member_id == member_id, WeChatIdentity.app_id == app_id)
    return db.session.scalar(wanted.order_by(WeChatIdentity.id.desc()).limit(1))


def list_openids(member_id: int) -> list[str]:
    """Every WeChat identity of this member, in the order they joined."""
    own = select(WeChatIdentity.openid).where(WeChatIdentity.member_id == member_id)
    return list(db.session.scalars(own.order_by(WeChatIdentity.id)))


def find_by_openid(app_id: str, openid: str) -> int | None:
    """The member behind a WeChat identity."""
    wanted = select(WeChatIdentity.member_id).where(WeChatIdentity.app_id == app_id, WeChatIdentity.openid == openid)
    return db.session.scalar(wanted)


def has_verified_phone(member_id: int, phone: str) -> bool:
    """Whether this member has proved to hold this number, so that no code need be asked for again."""
    return look(_PROVED, {"member": member_id}).scalar() == phone


def list_consents(member_id: int) -> list[Consent]:
    """Every consent ever given, newest first, withdrawn ones included."""
    return list(db.session.scalars(select(Consent).where(Consent.member_id == member_id).order_by(Consent.id.desc())))


def has_consent(member_id: int, purpose: str, subject: str = "") -> bool:
    """Whether a consent to this purpose (and subject) stands."""
    standing = select(Consent.id).where(
        Consent.member_id == member_id,
        Consent.purpose == purpose,
        Consent.subject == subject,
        Consent.withdrawn_at.is_(None),
    )
    return db.session.scalar(standing.limit(1)) is not None


def list_consenting(member_ids: Sequence[int], purpose: str) -> set[int]:
    """Those of them whose consent to this purpose stands."""
    found: set[int] = set()
    for start in range(0, len(member_ids), 500):
        some = Consent.member_id.in_(member_ids[start : start + 500])
        standing = select(Consent.member_id).where(some, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        found.update(db.session.scalars(standing))
    return found


def export_own(member_id: int) -> dict[str, object]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    member = get_member(member_id)
    identities = db.session.scalars(select(WeChatIdentity).where(WeChatIdentity.member_id == member_id))
    return {
        "member_no": rules.member_no(member.id),
        "nickname": member.nickname,
        "has_picture": find_avatar(member_id) is not None,
        "name": member.name,
        "phone": member.phone,
        "phone_verified_at": local(member.phone_verified_at).isoformat() if member.phone_verified_at else None,
        "created_at": local(member.created_at).isoformat(),
        "last_login_at": local(member.last_login_at).isoformat(),
        "wechat": [{"app_id": i.app_id, "openid": i.openid, "unionid": i.unionid} for i in identities],
        "consents": [
            {
                "purpose": c.purpose,
                "subject": c.subject,
                "reference": c.reference,
                "text_version": c.text_version,
                "text_hash": c.text_hash,
                "given_at": local(c.given_at).isoformat(),
                "withdrawn_at": local(c.withdrawn_at).isoformat() if c.withdrawn_at else None,
            }
            for c in list_consents(member_id)
        ],
    }
