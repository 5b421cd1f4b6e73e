"""Followers and what they do to the account: follow, scan, talk, tap the menu, agree to notices."""

import json
from sqlite3 import Row
from typing import Any

from sandbox import push
from sandbox.world import World, find_person

# kind of activity → (seconds the window stays open, customer messages it allows; None: any number)
WINDOWS = {
    "message": (48 * 3600, 5),
    "click": (60, 3),
    "follow": (60, 3),
    "scan": (60, 3),
    "payment": (48 * 3600, None),
}


class Impossible(ValueError):
    """Nobody can do this in WeChat: an unknown person, an expired code."""


def state(here: World, openid: str) -> Row:
    """Whether the person follows, blocks messages, and comes as a snapshot user."""
    if find_person(here, openid) is None:
        raise Impossible("unknown openid")
    here.store.execute(
        "INSERT OR IGNORE INTO followers (openid, subscribed, scene, since, blocks, snapshot)"
        " VALUES (?, 0, '', 0, 0, 0)",
        openid,
    )
    row = here.store.one("SELECT * FROM followers WHERE openid = ?", openid)
    assert row is not None
    return row


def follow(here: World, openid: str, *, faults: list[str] | None = None) -> int | None:
    """关注, from a search or a card; the push's id, None if the person follows already."""
    if state(here, openid)["subscribed"]:
        return None
    _subscribe(here, openid, "ADD_SCENE_SEARCH")
    return push.event(here, openid, "subscribe", EventKey="", faults=faults)


def unfollow(here: World, openid: str, *, faults: list[str] | None = None) -> int | None:
    """取消关注: no message reaches the person any more, and the consents are gone."""
    if not state(here, openid)["subscribed"]:
        return None
    here.store.execute("UPDATE followers SET subscribed = 0 WHERE openid = ?", openid)
    here.store.execute("DELETE FROM consents WHERE openid = ?", openid)
    here.store.execute("DELETE FROM interactions WHERE openid = ?", openid)
    return push.event(here, openid, "unsubscribe", EventKey="", faults=faults)


def block(here: World, openid: str, on: bool) -> None:
    """消息免打扰的极端情况: template messages end with `failed:user block`."""
    state(here, openid)
    here.store.execute("UPDATE followers SET blocks = ? WHERE openid = ?", int(on), openid)


def scan(here: World, openid: str, code: str, *, faults: list[str] | None = None) -> dict[str, Any]:
    """Scan a scene code by ticket, address or scene: SCAN for a follower, else subscribe with qrscene_."""
    row = find_scene(here, code)
    if row is None:
        raise Impossible("no such code")
    if row["expires_at"] is not None and row["expires_at"] <= here.now():
        raise Impossible("the code has expired")
    known = bool(state(here, openid)["subscribed"])
    if known:
        push_id = push.event(here, openid, "SCAN", EventKey=row["scene"], Ticket=row["ticket"], faults=faults)
        touch(here, openid, "scan")
    else:
        _subscribe(here, openid, "ADD_SCENE_QR_CODE:" + row["scene"])
        key = "qrscene_" + row["scene"]
        push_id = push.event(here, openid, "subscribe", EventKey=key, Ticket=row["ticket"], faults=faults)
    return {"push": push_id, "event": "SCAN" if known else "subscribe", "scene": row["scene"]}


def find_scene(here: World, code: str) -> Row | None:
    """A scene code by its ticket, the text in its picture, or its scene (the newest)."""
    key = code.rsplit("/", 1)[-1]
    return here.store.one(
        "SELECT * FROM scenes WHERE ticket = ? OR key = ? OR scene = ? ORDER BY rowid DESC", code, key, code
    )


def say(here: World, openid: str, text: str, *, faults: list[str] | None = None) -> int:
    """Write to the account; anybody who follows may."""
    _need_follower(here, openid)
    touch(here, openid, "message")
    push.keep_chat(here, openid, "said", {"content": text})
    return push.message(here, openid, "text", Content=text, faults=faults)


def tap(here: World, openid: str, key: str, *, view: bool = False, faults: list[str] | None = None) -> int:
    """Tap a menu button: CLICK with its key, VIEW with its address."""
    _need_follower(here, openid)
    if view:
        return push.event(here, openid, "VIEW", EventKey=key, MenuId=1, faults=faults)
    touch(here, openid, "click")
    return push.event(here, openid, "CLICK", EventKey=key, faults=faults)


def locate(here: World, openid: str, latitude: float, longitude: float, *, faults: list[str] | None = None) -> int:
    """LOCATION, for accounts that report it (WGS-84)."""
    _need_follower(here, openid)
    fields = {"Latitude": f"{latitude:.6f}", "Longitude": f"{longitude:.6f}", "Precision": "30.000000"}
    return push.event(here, openid, "LOCATION", **fields, faults=faults)


def answer_popup(
    here: World, openid: str, choices: dict[str, str], *, scene: str = "1", faults: list[str] | None = None
) -> int:
    """The subscription pop-up: each `accept` is one consent, good for one notice."""
    state(here, openid)
    for template_id, choice in choices.items():
        if choice not in {"accept", "reject"}:
            raise Impossible("a choice is accept or reject")
        if choice == "accept":
            here.store.execute(
                "INSERT INTO consents (openid, template_id, left) VALUES (?, ?, 1)"
                " ON CONFLICT (openid, template_id) DO UPDATE SET left = left + 1",
                openid,
                template_id,
            )
    rows = [
        {"TemplateId": template_id, "SubscribeStatusString": choice, "PopupScene": scene}
        for template_id, choice in choices.items()
    ]
    name = "subscribe_msg_popup_event"
    return push.event(here, openid, name, SubscribeMsgPopupEvent={"List": rows}, faults=faults)


def withdraw(here: World, openid: str, template_id: str, *, faults: list[str] | None = None) -> int:
    """拒收通知 in the account's settings: the consents of this template are gone."""
    here.store.execute("DELETE FROM consents WHERE openid = ? AND template_id = ?", openid, template_id)
    rows = [{"TemplateId": template_id, "SubscribeStatusString": "reject"}]
    name = "subscribe_msg_change_event"
    return push.event(here, openid, name, SubscribeMsgChangeEvent={"List": rows}, faults=faults)


def touch(here: World, openid: str, kind: str) -> None:
    """Open a window for customer messages."""
    here.store.insert("interactions", openid=openid, kind=kind, at=here.now(), used=0)


def take_customer_message(here: World, openid: str) -> int:
    """0 and one message less in the window, or 45015 (no window) or 45047 (used up)."""
    paid = here.store.one(
        "SELECT 1 FROM orders WHERE openid = ? AND paid_at > ?", openid, here.now() - WINDOWS["payment"][0]
    )
    if paid:
        return 0
    open_window = False
    # A window that a person opens anew starts its count anew.
    for row in here.store.rows("SELECT * FROM interactions WHERE openid = ? ORDER BY id DESC", openid):
        length, allowed = WINDOWS[row["kind"]]
        if row["at"] + length <= here.now():
            continue
        open_window = True
        if allowed is None or row["used"] < allowed:
            here.store.execute("UPDATE interactions SET used = used + 1 WHERE id = ?", row["id"])
            return 0
        if row["kind"] == "message":
            break
    return 45047 if open_window else 45015


def as_json(here: World, openid: str) -> dict[str, Any]:
    """One person's relation to the account, for tests."""
    row = state(here, openid)
    consents = here.store.rows("SELECT template_id, left FROM consents WHERE openid = ? AND left > 0", openid)
    return {
        "openid": openid,
        "subscribed": bool(row["subscribed"]),
        "scene": row["scene"],
        "blocks": bool(row["blocks"]),
        "snapshot": bool(row["snapshot"]),
        "consents": {each["template_id"]: each["left"] for each in consents},
    }


def chat_of(here: World, openid: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """What went back and forth, newest first."""
    rows = here.store.rows("SELECT * FROM chat WHERE ? IN ('', openid) ORDER BY id DESC LIMIT ?", openid, limit)
    names = "id openid kind template_id msgid client_msg_id result created_at".split()
    return [{**{name: row[name] for name in names}, "body": json.loads(row["body"])} for row in rows]


def list_pushes(here: World, openid: str = "") -> list[dict[str, Any]]:
    """Pushes, newest first."""
    rows = here.store.rows("SELECT * FROM pushes WHERE ? IN ('', openid) ORDER BY id DESC LIMIT 200", openid)
    names = "id openid kind xml state attempts created_at last_status last_answer".split()
    return [{**{name: row[name] for name in names}, "faults": json.loads(row["faults"])} for row in rows]


def _subscribe(here: World, openid: str, scene: str) -> None:
    state(here, openid)
    here.store.execute(
        "UPDATE followers SET subscribed = 1, scene = ?, since = ? WHERE openid = ?", scene, here.now(), openid
    )
    touch(here, openid, "follow")


def _need_follower(here: World, openid: str) -> None:
    if not state(here, openid)["subscribed"]:
        raise Impossible("the person does not follow the account")
