"""What members do: log in through WeChat, prove a phone number, consent and withdraw."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from math import ceil

import structlog
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, clock, ids, outbox
from app.core.db import changed_rows, db, transaction
from app.core.errors import GatewayError, NotFound
from app.core.security import Actor, constant_time_equal, fingerprint
from app.gateways.wechat.port import CodeInvalid, CodeUsed, Scope, WeChatGateway, WeChatUser
from app.members import rules
from app.members.errors import CodeLimited, CodeTooSoon, CodeWrong, LoginRefused, LoginStale, PhoneInvalid, SnapshotUser
from app.members.models import Consent, LoginAttempt, Member, PhoneCode, WeChatIdentity

log = structlog.get_logger(__name__)
SMS_TOPIC = "sms_code"
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
    try:
        user = gateway.exchange_code(arrival.code)
    except GatewayError as error:
        stale = isinstance(error, CodeInvalid | CodeUsed)
        _settle_attempt(attempt_id, "stale" if stale else "failed")
        if stale:
            raise LoginStale from None
        raise
    if user.is_snapshot:
        _settle_attempt(attempt_id, "snapshot")
        raise SnapshotUser
    return _admit(attempt_id, app_id, user, _nickname(gateway, user), now)


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


def _nickname(gateway: WeChatGateway, user: WeChatUser) -> str:
    """The nickname the person agreed to show; a login does not fail for want of it."""
    if user.scope != Scope.USERINFO:
        return ""
    try:
        return rules.clean_nickname(gateway.fetch_profile(user.access_token, user.openid).nickname)
    except GatewayError as error:
        log.warning("profile_unavailable", provider_error=error.code)
        return ""


def _admit(attempt_id: int, app_id: str, user: WeChatUser, nickname: str, now: datetime) -> int:
    with transaction():
        member = _find_by_openid(app_id, user.openid) or _join(app_id, user, now)
        member.last_login_at = now
        if nickname:
            member.nickname = nickname
        _settle_attempt(attempt_id, "member", member.id)
        return member.id


def _find_by_openid(app_id: str, openid: str) -> Member | None:
    wanted = select(Member).join(WeChatIdentity, WeChatIdentity.member_id == Member.id)
    return db.session.scalar(wanted.where(WeChatIdentity.app_id == app_id, WeChatIdentity.openid == openid))


def _join(app_id: str, user: WeChatUser, now: datetime) -> Member:
    """A new member, or the one that a login at the same moment on another device has just created."""
    try:
        with db.session.begin_nested():
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
    audit.record(Actor("member", member.id), "member_joined", "member", member.id)
    return member


def request_code(member_id: int, phone: str, address: str, now: datetime, *, secret: str) -> int:
    """Send a verification code by text message; returns the seconds until another may be asked for.

    Limits are counted in the database: a phone one a minute and five an hour, a member five, an address two hundred.
    PhoneInvalid, CodeTooSoon, CodeLimited.
    """
    number = rules.normalise_phone(phone)
    if number is None:
        raise PhoneInvalid
    phone_digest = fingerprint(secret, "phone", number)
    address_digest = fingerprint(secret, "address", address)
    with transaction() as session:
        _queue_up(phone_digest, address_digest, f"member:{member_id}")
        _check_limits(member_id, phone_digest, address_digest, now)
        code = ids.digits(6)
        row = PhoneCode(
            member_id=member_id,
            phone_digest=phone_digest,
            address_digest=address_digest,
            code_digest=_code_digest(secret, member_id, number, code),
            sent_at=now,
            expires_at=now + rules.CODE_LIFE,
        )
        session.add(row)
        session.flush()
        payload = {"phone": number, "code": code, "expires_at": row.expires_at.isoformat()}
        outbox.add(SMS_TOPIC, f"{SMS_TOPIC}:{row.id}", payload)
    return int(rules.RESEND.total_seconds())


def _code_digest(secret: str, member_id: int, phone: str, code: str) -> str:
    return fingerprint(secret, f"phone-code:{member_id}:{phone}", code)


def _queue_up(*names: str) -> None:
    """Let requests about the same phone, address or member count one after the other.

    SQLite writes one at a time anyway; PostgreSQL needs a lock on something, as there may be no row yet.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _check_limits(member_id: int, phone_digest: str, address_digest: str, now: datetime) -> None:
    newest = db.session.scalar(select(func.max(PhoneCode.sent_at)).where(PhoneCode.phone_digest == phone_digest))
    if newest is not None and newest + rules.RESEND > now:
        raise CodeTooSoon(ceil((newest + rules.RESEND - now).total_seconds()))
    for column, value, limit in (
        (PhoneCode.phone_digest, phone_digest, rules.PER_PHONE),
        (PhoneCode.member_id, member_id, rules.PER_MEMBER),
        (PhoneCode.address_digest, address_digest, rules.PER_ADDRESS),
    ):
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
    digest = _code_digest(secret, member_id, number, code.strip())
    with transaction(durable=True):
        right = _spend_try(member_id, fingerprint(secret, "phone", number), digest, now)
        if right:
            changed_rows(update(Member).where(Member.id == member_id).values(phone=number, phone_verified_at=now))
            audit.record(Actor("member", member_id), "phone_verified", "member", member_id)
    if not right:
        raise CodeWrong
    return number


def _spend_try(member_id: int, phone_digest: str, digest: str, now: datetime) -> bool:
    newest = (
        select(PhoneCode)
        .where(PhoneCode.member_id == member_id, PhoneCode.phone_digest == phone_digest)
        .order_by(PhoneCode.id.desc())
        .limit(1)
    )
    row = db.session.scalar(newest)
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


def record_consent(
    member_id: int, purpose: str, text_version: str, text: str, subject: str = "", *, now: datetime | None = None
) -> Consent:
    """Keep that the member agreed to this text for this purpose; a standing identical consent is returned as it is.

    `subject` says to whom or what it applies, e.g. a dealer's slug for `share_with_dealer`.
    """
    text_hash = _digest(text)
    with transaction() as session:
        standing = session.scalar(
            select(Consent).where(
                Consent.member_id == member_id,
                Consent.purpose == purpose,
                Consent.text_hash == text_hash,
                Consent.subject == subject,
                Consent.withdrawn_at.is_(None),
            )
        )
        if standing is not None:
            return standing
        consent = Consent(
            member_id=member_id,
            purpose=purpose,
            text_version=text_version,
            text_hash=text_hash,
            subject=subject,
            given_at=now or clock.now(),
        )
        session.add(consent)
        session.flush()
        audit.record(Actor("member", member_id), "consent_given", "consent", consent.id, purpose=purpose)
        return consent


def withdraw_consent(member_id: int, consent_id: int, now: datetime) -> None:
    """Withdraw a consent from now on; what was done under it stays. Twice is as good as once. NotFound."""
    with transaction() as session:
        consent = session.get(Consent, consent_id)
        if consent is None or consent.member_id != member_id:
            raise NotFound
        withdrawn = (
            update(Consent).where(Consent.id == consent_id, Consent.withdrawn_at.is_(None)).values(withdrawn_at=now)
        )
        if changed_rows(withdrawn) == 1:
            audit.record(
                Actor("member", member_id), "consent_withdrawn", "consent", consent_id, purpose=consent.purpose
            )


def erase_own(member_id: int, now: datetime) -> None:
    """Forget who a member was: names, phone and WeChat identity go, every session ends. Consents stay as evidence."""
    with transaction() as session:
        session.execute(delete(WeChatIdentity).where(WeChatIdentity.member_id == member_id))
        gone = update(Member).where(Member.id == member_id)
        changed_rows(
            gone.values(
                nickname="", name="", phone=None, phone_verified_at=None, session_version=Member.session_version + 1
            )
        )
        standing = update(Consent).where(Consent.member_id == member_id, Consent.withdrawn_at.is_(None))
        changed_rows(standing.values(withdrawn_at=now))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give identities and consents of one member to another: two accounts of one person become one."""
    with transaction():
        for table in (WeChatIdentity, Consent):
            changed_rows(update(table).where(table.member_id == from_id).values(member_id=to_id))


def purge_traces(now: datetime) -> int:
    """Remove login attempts and verification codes that no limit and no answer needs any more."""
    with transaction():
        codes = changed_rows(delete(PhoneCode).where(PhoneCode.sent_at < now - rules.TRACE_LIFE))
        return codes + changed_rows(delete(LoginAttempt).where(LoginAttempt.created_at < now - rules.TRACE_LIFE))
