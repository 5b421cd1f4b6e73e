"""What is known about members."""

from sqlalchemy import select

from app.core.clock import local
from app.core.db import db
from app.core.errors import NotFound
from app.members.models import Consent, Member, WeChatIdentity


def find_member(member_id: int) -> Member | None:
    return db.session.get(Member, member_id)


def get_member(member_id: int) -> Member:
    """The member; NotFound."""
    member = find_member(member_id)
    if member is None:
        raise NotFound
    return member


def find_signed_in(member_id: int, session_version: int) -> Member | None:
    """The member of a session, unless that session was ended by raising the version."""
    member = find_member(member_id)
    return member if member and member.session_version == session_version else None


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
    member = find_member(member_id)
    return member is not None and member.phone == phone and member.phone_verified_at is not None


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


def export_own(member_id: int) -> dict[str, object]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    member = get_member(member_id)
    identities = db.session.scalars(select(WeChatIdentity).where(WeChatIdentity.member_id == member_id))
    return {
        "nickname": member.nickname,
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
                "text_version": c.text_version,
                "text_hash": c.text_hash,
                "given_at": local(c.given_at).isoformat(),
                "withdrawn_at": local(c.withdrawn_at).isoformat() if c.withdrawn_at else None,
            }
            for c in list_consents(member_id)
        ],
    }
