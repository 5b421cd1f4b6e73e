"""登录: through WeChat, once for each answer, and the end of a session."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit
from app.core.db import changed_rows, db, transaction
from app.core.errors import GatewayError
from app.core.security import Actor, constant_time_equal
from app.gateways.wechat.port import CodeInvalid, CodeUsed, WeChatGateway, WeChatUser
from app.members import rules
from app.members.errors import LoginRefused, LoginStale, SnapshotUser
from app.members.models import EndedSession, LoginAttempt, Member, PhoneCode, WeChatIdentity
from app.members.queries import session_digest

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came back from WeChat, and the browser it came back to (`browser` is the secret of its pre-login cookie)."""

    state: str
    browser: str
    code: str
    return_path: str
    scope: str


def complete_login(
    gateway: WeChatGateway, app_id: str, arrival: Arrival, now: datetime, *, patience: float = 5.0
) -> int:
    """Turn a login code into a member and return its id; the member is created at the first login.

    The first arrival of a state exchanges the code; an identical second one (same browser, state and code) waits up to
    `patience` seconds for that outcome and gets it too. LoginRefused, LoginStale, SnapshotUser, GatewayError.
    """
    attempt_id = _claim_attempt(arrival, now)
    if attempt_id is None:
        return _await_outcome(arrival, now, patience)
    user = _exchange(gateway, attempt_id, arrival.code)
    return _admit(attempt_id, app_id, user, now)


def _exchange(gateway: WeChatGateway, attempt_id: int, code: str) -> WeChatUser:
    try:
        user = gateway.exchange_code(code)
    except GatewayError as error:
        stale = isinstance(error, CodeInvalid | CodeUsed)
        _settle_attempt(attempt_id, "stale" if stale else "failed")
        if stale:
            raise LoginStale from None
        raise
    if user.is_snapshot:
        _settle_attempt(attempt_id, "snapshot")
        raise SnapshotUser
    return user


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _claim_attempt(arrival: Arrival, now: datetime) -> int | None:
    """Insert first: the state and the code are unique, so exactly one request may exchange."""
    attempt = LoginAttempt(
        state=arrival.state,
        browser_digest=_digest(arrival.browser),
        return_path=arrival.return_path,
        scope=arrival.scope,
        code_digest=_digest(arrival.code),
        created_at=now,
        expires_at=now + rules.OUTCOME_LIFE,
    )
    try:
        with transaction(durable=True) as session:
            session.add(attempt)
            session.flush()
            return attempt.id
    except IntegrityError:
        return None


def _await_outcome(arrival: Arrival, now: datetime, patience: float) -> int:
    """The outcome of the request that was faster. A leaked code in another browser gets nothing."""
    for _ in range(max(1, ceil(patience / _POLL_SECONDS))):
        db.session.rollback()  # ends the read, so that the next one sees what was committed since
        row = db.session.scalar(select(LoginAttempt).where(LoginAttempt.state == arrival.state))
        if (
            row is None
            or not constant_time_equal(row.browser_digest, _digest(arrival.browser))
            or not constant_time_equal(row.code_digest or "", _digest(arrival.code))
        ):
            raise LoginRefused
        if row.expires_at <= now or row.outcome in {"stale", "failed"}:
            raise LoginStale
        if row.outcome == "snapshot":
            raise SnapshotUser
        if row.member_id is not None:
            return row.member_id
        time.sleep(_POLL_SECONDS)
    raise LoginStale


def _settle_attempt(attempt_id: int, outcome: str, member_id: int | None = None) -> None:
    with transaction():
        changed_rows(
            update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(outcome=outcome, member_id=member_id)
        )


def _admit(attempt_id: int, app_id: str, user: WeChatUser, now: datetime) -> int:
    with transaction():
        member = _find_by_openid(app_id, user.openid) or _join(app_id, user, now)
        member.last_login_at = now
        _settle_attempt(attempt_id, "member", member.id)
        return member.id


def _find_by_openid(app_id: str, openid: str) -> Member | None:
    wanted = select(Member).join(WeChatIdentity, WeChatIdentity.member_id == Member.id)
    return db.session.scalar(wanted.where(WeChatIdentity.app_id == app_id, WeChatIdentity.openid == openid))


def _find_by_unionid(unionid: str | None) -> Member | None:
    """The member that the same person became through another app of the same owner."""
    if not unionid:
        return None
    wanted = select(Member).join(WeChatIdentity, WeChatIdentity.member_id == Member.id)
    return db.session.scalar(wanted.where(WeChatIdentity.unionid == unionid).order_by(WeChatIdentity.id).limit(1))


def _join(app_id: str, user: WeChatUser, now: datetime) -> Member:
    """A new member, one known by the unionid, or the one that a login on another device has just created."""
    member = _find_by_unionid(user.unionid)
    try:
        with db.session.begin_nested():
            if member is None:
                member = Member(created_at=now, last_login_at=now)
                db.session.add(member)
                db.session.flush()
            identity = WeChatIdentity(member_id=member.id, app_id=app_id, openid=user.openid, unionid=user.unionid)
            db.session.add(identity)
            db.session.flush()
    except IntegrityError:
        found = _find_by_openid(app_id, user.openid)
        if found is None:
            raise
        return found
    audit.record(Actor("member", member.id), "identity_joined", "member", member.id)
    return member


def ask_wechat(gateway: WeChatGateway, arrival: Arrival, now: datetime) -> WeChatUser | None:
    """Who came back, for somebody who is signed in already; None when this answer was used before.

    LoginRefused, LoginStale, SnapshotUser, GatewayError.
    """
    attempt_id = _claim_attempt(arrival, now)
    if attempt_id is None:
        return None
    user = _exchange(gateway, attempt_id, arrival.code)
    _settle_attempt(attempt_id, "profile")
    return user


def link_identity(member_id: int, app_id: str, user: WeChatUser) -> int | None:
    """Give this WeChat identity to the member; the id of the other member if it is somebody's already."""
    try:
        with transaction() as session:
            holder = session.scalar(
                select(WeChatIdentity.member_id).where(
                    WeChatIdentity.app_id == app_id, WeChatIdentity.openid == user.openid
                )
            )
            if holder is not None:
                return holder if holder != member_id else None
            session.add(WeChatIdentity(member_id=member_id, app_id=app_id, openid=user.openid, unionid=user.unionid))
            session.flush()
            audit.record(Actor("member", member_id), "identity_joined", "member", member_id)
    except IntegrityError:  # joined at this very moment on another device
        return link_identity(member_id, app_id, user)
    return None


def end_session(member_id: int, key: str, now: datetime) -> None:
    """Sign one session out for good: a copy of its cookie opens nothing. Without a key, all of them."""
    with transaction() as session:
        if not key:
            end_all_sessions(member_id)
        elif session.get(EndedSession, session_digest(key)) is None:
            session.add(EndedSession(digest=session_digest(key), ended_at=now))


def end_all_sessions(member_id: int) -> None:
    """Sign a person out everywhere."""
    with transaction():
        changed_rows(update(Member).where(Member.id == member_id).values(session_version=Member.session_version + 1))


def purge_traces(now: datetime) -> int:
    """Remove login attempts, verification codes and ended sessions that no limit and no answer needs any more."""
    with transaction():
        codes = changed_rows(delete(PhoneCode).where(PhoneCode.sent_at < now - rules.TRACE_LIFE))
        ended = changed_rows(delete(EndedSession).where(EndedSession.ended_at < now - rules.COOKIE_LIFE))
        return (
            codes + ended + changed_rows(delete(LoginAttempt).where(LoginAttempt.created_at < now - rules.TRACE_LIFE))
        )
