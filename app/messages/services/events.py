"""推送事件: kept once and answered at once; what follows from them is done by the worker."""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import delete, select, update

from app.core import outbox
from app.core.db import changed_rows, db, transaction
from app.core.security import fingerprint
from app.gateways.wechat.push import field, same_push_key, scene_of
from app.members import queries as members
from app.messages import queries, rules, scenes
from app.messages.models import Contact, PushEvent
from app.messages.services import customer, deliveries
from app.messages.services.notices import app_id, consent_given, consents_withdrawn, first, secret

TOPIC = "push_event"
# Where somebody is, is nothing we want to know unasked.
IGNORED = frozenset({"LOCATION"})
_LISTS = {
    "SubscribeMsgPopupEvent": "subscribe_msg_popup_event",
    "SubscribeMsgChangeEvent": "subscribe_msg_change_event",
    "SubscribeMsgSentEvent": "subscribe_msg_sent_event",
}
_ENTRY = ("TemplateId", "SubscribeStatusString", "MsgID", "ErrorCode", "ErrorStatus")
_REPORT = ("Status", "MsgID", "EventKey", "Event")


def receive(message: dict[str, Any], now: datetime) -> bool:
    """Keep a push, once however often it is delivered; False for one we had. Nothing else is done here."""
    kind = _kind(message)
    openid = field(message, "FromUserName")
    if not openid or kind in IGNORED:
        return False
    digest = fingerprint(secret(), "push", same_push_key(message))
    with transaction():
        row = PushEvent(digest=digest, kind=kind[:48], scene=(_scene(message) or "")[:64], received_at=now)
        if not first(row):
            return False
        facts: dict[str, Any] = {name: field(message, name) for name in _REPORT if message.get(name)}
        facts |= {name: entries for name in _LISTS if (entries := _entries(message, name))}
        payload = {"event_id": row.id, "openid": openid, "kind": kind, "at": _created(message, now), "facts": facts}
        # By what happened, not by the row: rows are purged, and SQLite gives their ids out again.
        outbox.add(TOPIC, f"{TOPIC}:{digest}", payload)
    return True


def quick_reply(message: dict[str, Any]) -> str | None:
    """What the account answers at once: a rule's text, found by one look into the database."""
    match _kind(message):
        case "text":
            return queries.find_reply("text", field(message, "Content").strip()[:64])
        case "CLICK":
            return queries.find_reply("click", field(message, "EventKey")[:64])
        case "subscribe":
            return queries.find_reply("follow", "")
        case _:
            return None


def process(_key: str, payload: outbox.Payload) -> None:
    """Do what follows from a push, once: the mark and its consequences are one transaction."""
    now = datetime.fromtimestamp(int(payload["at"]), UTC)
    with transaction(durable=True):
        mark = update(PushEvent).where(PushEvent.id == payload["event_id"], PushEvent.processed_at.is_(None))
        if changed_rows(mark.values(processed_at=now)) != 1:
            return
        openid = str(payload["openid"])
        digest = queries.openid_digest(secret(), openid)
        kind, facts = str(payload["kind"]), cast("dict[str, Any]", payload["facts"])
        if kind == "TEMPLATESENDJOBFINISH":
            status = str(facts.get("Status", ""))
            deliveries.reported(str(facts.get("MsgID", "")), status == "success", status, now)
            return
        if kind in _LISTS.values():
            _subscriptions(digest, facts, now)
            return
        _meet(digest, kind, str(facts.get("EventKey", "")), now)
        _scan(openid, kind, str(facts.get("EventKey", "")), int(payload["event_id"]), now)


def _kind(message: dict[str, Any]) -> str:
    kind = field(message, "MsgType").lower()
    return field(message, "Event") if kind == "event" else kind


def _scene(message: dict[str, Any]) -> str | None:
    return scene_of(field(message, "Event"), field(message, "EventKey"))


def _created(message: dict[str, Any], now: datetime) -> int:
    """When it happened according to WeChat; a time that cannot be is ours."""
    text, present = field(message, "CreateTime"), int(now.timestamp())
    created = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else present
    return created if abs(created - present) < 86400 else present


def _entries(message: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The entries of a subscription event: one or many, in XML below `List`, in JSON also without it."""
    found: Any = message.get(name)
    if found is None and _kind(message) == _LISTS[name]:
        found = message.get("List")
    if isinstance(found, dict):
        found = cast("dict[str, Any]", found).get("List", cast("Any", found))
    rows: list[Any] = cast("list[Any]", found) if isinstance(found, list) else [found]
    known = [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]
    return [{name: field(row, name) for name in _ENTRY if name in row} for row in known[:20]]


def _subscriptions(digest: str, facts: dict[str, Any], now: datetime) -> None:
    for entry in facts.get("SubscribeMsgPopupEvent", []):
        if entry.get("SubscribeStatusString") == "accept":
            consent_given(digest, entry.get("TemplateId", "")[:64], now)
    for entry in facts.get("SubscribeMsgChangeEvent", []):
        if entry.get("SubscribeStatusString") == "reject":
            consents_withdrawn(digest, entry.get("TemplateId", "")[:64], now)
    for entry in facts.get("SubscribeMsgSentEvent", []):
        code = entry.get("ErrorCode", "")
        deliveries.reported(entry.get("MsgID", ""), code in {"", "0"}, entry.get("ErrorStatus") or code, now)


def _meet(digest: str, kind: str, event_key: str, now: datetime) -> None:
    """What we remember of somebody: whether they follow, and until when we may write."""
    contact = db.session.scalar(select(Contact).where(Contact.openid_digest == digest).with_for_update())
    if contact is None:
        if kind == "unsubscribe":
            return
        contact = Contact(openid_digest=digest, seen_at=now, following=False, scene="", wrote_left=0, tapped_left=0)
        db.session.add(contact)
        db.session.flush()
    contact.seen_at = max(contact.seen_at, now)
    opened = rules.window_after(kind if kind in rules.TAPS | {"unsubscribe", "VIEW"} else "message", now)
    for column, value in opened.items():
        setattr(contact, column, value)
    # Deliveries may arrive in another order than things happened.
    if kind in {"subscribe", "unsubscribe"} and (contact.followed_at is None or contact.followed_at <= now):
        contact.following, contact.followed_at = kind == "subscribe", now
        contact.scene = (scene_of(kind, event_key) or contact.scene)[:64]
        if kind == "unsubscribe":
            contact.wrote_left = contact.tapped_left = 0
            consents_withdrawn(digest, None, now)


def _scan(openid: str, kind: str, event_key: str, event_id: int, now: datetime) -> None:
    scene = scene_of(kind, event_key)
    handler = scenes.find(scene) if scene else None
    if scene is None or handler is None:
        return
    member_id = members.find_by_openid(app_id(), openid)
    answer = handler(scenes.Scan(scene, member_id, kind == "subscribe", now))
    if answer:
        customer.say(openid, answer, f"scan:{event_id}:{int(now.timestamp())}", now, member_id=member_id)


def purge_events(now: datetime) -> int:
    """Forget pushes that no repeated delivery can ask for any more."""
    with transaction():
        old = delete(PushEvent).where(PushEvent.received_at < now - rules.EVENT_LIFE)
        return changed_rows(old.where(PushEvent.processed_at.is_not(None)))
