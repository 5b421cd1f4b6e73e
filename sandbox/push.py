"""消息推送: what people do in WeChat, posted to the shop's address in plain or safe mode, at most three times."""

import base64
import hashlib
import json
import os
import re
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import requests
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from sandbox import constants

if TYPE_CHECKING:
    from sandbox.world import World

ATTEMPTS = 3
TIMEOUT_S = 5
IDLE_S = 2.0
LATE_S = 30
PATH = "/wechat/events"
MODES = ("safe", "plain")
FAULTS = {
    "duplicate": "成功后再推一次",
    "drop": "当作没收到回答，再推",
    "late": "排到下一条后面",
    "delay": "晚 30 秒",
    "bad_signature": "签名错误",
    "old_timestamp": "一小时前的时间戳",
    "other_app": "别的 AppID 的密文",
    "bomb": "XML 炸弹",
    "garbage": "不是 XML",
}
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><xml><ToUserName>&c;</ToUserName></xml>'
)
BLOCK = 32
SORRY = "该公众号暂时无法提供服务，请稍后再试"


class Pusher:
    """Posts what is due from a background thread; rows in the store survive a restart."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-pusher", daemon=True)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="sandbox-push")

    @property
    def world(self) -> "World":
        """The sandbox this pusher works for."""
        assert self._world is not None
        return self._world

    def attach(self, here: "World") -> None:
        """Belong to a sandbox; what was being sent when the last one died is sent again."""
        self._world = here
        here.store.execute("UPDATE pushes SET state = 'pending' WHERE state = 'sending'")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is on its way and end."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(10)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def send_now(self, push_id: int) -> dict[str, Any]:
        """Post once, whatever the state, and say how the shop answered."""
        self.world.store.execute("UPDATE pushes SET state = 'sending' WHERE id = ?", push_id)
        return self._attempt(push_id)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            for push_id in self._claim_due():
                self._pool.submit(self._guarded, push_id)
            self._wake.wait(self._pause())

    def _claim_due(self) -> list[int]:
        store, claimed = self.world.store, list[int]()
        due = "SELECT id FROM pushes WHERE state = 'pending' AND next_at <= ? ORDER BY id"
        for row in store.rows(due, self.world.now()):
            if store.execute("UPDATE pushes SET state = 'sending' WHERE id = ? AND state = 'pending'", row["id"]):
                claimed.append(row["id"])
        return claimed

    def _pause(self) -> float:
        row = self.world.store.one("SELECT MIN(next_at) AS at FROM pushes WHERE state = 'pending'")
        if row is None or row["at"] is None:
            return IDLE_S
        return min(max(row["at"] - self.world.now(), 0.02), IDLE_S)

    def _guarded(self, push_id: int) -> None:
        """A failure inside one attempt is logged; it must not end the sender's thread in silence."""
        try:
            self._attempt(push_id)
        except Exception as error:
            self.world.store.log("push", id=push_id, error=repr(error))
            raise

    def _attempt(self, push_id: int) -> dict[str, Any]:
        here = self.world
        row = here.store.one("SELECT * FROM pushes WHERE id = ?", push_id)
        if row is None:  # the sandbox was reset meanwhile
            return {"status": None, "answer": "gone"}
        faults: list[str] = json.loads(row["faults"])
        status, answer = _post(here, row["openid"], row["xml"], faults)
        heard = status == 200 and not ("drop" in faults and row["attempts"] == 0)
        if heard and "duplicate" in faults:
            _post(here, row["openid"], row["xml"], [])
        attempts = row["attempts"] + 1
        state = "done" if heard else "failed" if attempts >= ATTEMPTS else "pending"
        here.store.execute(
            "UPDATE pushes SET state = ?, attempts = ?, next_at = ?, last_status = ?, last_answer = ? WHERE id = ?",
            state,
            attempts,
            here.now() + TIMEOUT_S / here.settings.time_scale,
            status,
            answer[:500],
            push_id,
        )
        here.store.log("push", id=push_id, event=row["kind"], faults=faults, status=status, attempt=attempts)
        reply = _reply(here, answer) if heard else SORRY if state == "failed" and row["kind"] == "text" else ""
        if reply:
            keep_chat(here, row["openid"], "reply", {"content": reply})
        # Whoever waits for his successor goes next.
        here.store.execute(
            "UPDATE pushes SET next_at = ?"
            " WHERE state = 'pending' AND attempts = 0 AND id < ? AND faults LIKE '%late%'",
            here.now(),
            push_id,
        )
        self.wake()
        return {"status": status, "answer": answer[:500]}


def event(here: "World", openid: str, name: str, *, faults: list[str] | None = None, **fields: Any) -> int:
    """Push an event of a person; answers its row id."""
    return _enqueue(here, openid, name, {"MsgType": "event", "Event": name, **fields}, faults)


def message(here: "World", openid: str, kind: str, *, faults: list[str] | None = None, **fields: Any) -> int:
    """Push a message that a person sent; answers its row id."""
    fields = {"MsgType": kind, **fields, "MsgId": 23_000_000_000_000_000 + here.store.count("msgid")}
    return _enqueue(here, openid, kind, fields, faults)


def keep_chat(
    here: "World",
    openid: str,
    kind: str,
    body: dict[str, Any],
    *,
    template_id: str = "",
    msgid: str = "",
    client_msg_id: str = "",
    result: str = "ok",
) -> None:
    """One line of what a person sees in the account's chat."""
    here.store.insert(
        "chat",
        openid=openid,
        kind=kind,
        template_id=template_id,
        body=json.dumps(body, ensure_ascii=False),
        msgid=msgid,
        client_msg_id=client_msg_id,
        result=result,
        created_at=here.now(),
    )


def push_url(here: "World") -> str:
    """Where the shop listens, as entered in the account's console."""
    return here.store.get_meta("push_url") or here.settings.shop_url + PATH


def push_mode(here: "World") -> str:
    """`safe` (encrypted) unless the console says `plain`."""
    return here.store.get_meta("push_mode") or "safe"


def verify_address(here: "World") -> dict[str, Any]:
    """What the console does at 提交: a GET with echostr that must come back as it is."""
    echo = str(5_000_000_000_000_000_000 + here.store.count("echostr"))
    query = {**_signed(here), "echostr": echo}
    try:
        reply = requests.get(push_url(here), query, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        return {"ok": False, "status": None, "answer": type(error).__name__}
    ok = reply.status_code == 200 and reply.text == echo
    here.store.log("push", event="verify", status=reply.status_code, ok=ok)
    return {"ok": ok, "status": reply.status_code, "answer": reply.text[:200]}


def _enqueue(here: "World", openid: str, kind: str, fields: dict[str, Any], faults: list[str] | None) -> int:
    if faults is None:
        plan: list[list[str]] = here.store.get_meta("next_push", [])
        faults = plan[0] if plan else []
        here.store.set_meta("next_push", plan[1:])
    if unknown := set(faults) - set(FAULTS):
        raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
    head = {"ToUserName": constants.ACCOUNT_ID, "FromUserName": openid, "CreateTime": int(here.now())}
    # The late one waits for its successor, however fast the clock runs.
    wait = LATE_S if "late" in faults else LATE_S / here.settings.time_scale if "delay" in faults else 0
    with here.store.transaction():
        here.store.insert(
            "pushes",
            openid=openid,
            kind=kind,
            xml=f"<xml>{to_xml({**head, **fields})}</xml>",
            faults=json.dumps(faults),
            state="pending",
            attempts=0,
            created_at=here.now(),
            next_at=here.now() + wait,
        )
        row = here.store.one("SELECT MAX(id) AS id FROM pushes")
    here.pusher.wake()
    assert row is not None
    return row["id"]


def to_xml(fields: dict[str, Any]) -> str:
    """Numbers plain, text in CDATA, lists as repeated elements, as the platform writes them."""
    parts: list[str] = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                text = to_xml(each)
            elif isinstance(each, int):
                text = str(each)
            else:
                text = "<![CDATA[" + str(each).replace("]]>", "]]]]><![CDATA[>") + "]]>"
            parts.append(f"<{name}>{text}</{name}>")
    return "".join(parts)


def _post(here: "World", openid: str, xml: str, faults: list[str]) -> tuple[int | None, str]:
    moment = int(here.now()) - 3600 if "old_timestamp" in faults else int(here.now())
    query = {**_signed(here, moment), "openid": openid}
    body = BOMB if "bomb" in faults else "garbage" if "garbage" in faults else xml
    if push_mode(here) == "safe" and "garbage" not in faults:
        app_id = "wx0000000000000000" if "other_app" in faults else constants.APP_ID
        sealed = encrypt(here.keys.aes_key, body, app_id)
        query |= {"encrypt_type": "aes", "msg_signature": _sign(here, query["timestamp"], query["nonce"], sealed)}
        body = f"<xml>{to_xml({'ToUserName': constants.ACCOUNT_ID, 'Encrypt': sealed})}</xml>"
    if "bad_signature" in faults:
        query |= {name: "0" * 40 for name in ("signature", "msg_signature") if name in query}
    try:
        reply = requests.post(
            push_url(here),
            params=query,
            data=body.encode(),
            headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Accept": "*/*"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return None, type(error).__name__
    reply.encoding = "utf-8"
    return reply.status_code, reply.text


def _signed(here: "World", moment: int | None = None) -> dict[str, str]:
    stamp, nonce = str(int(here.now()) if moment is None else moment), str(here.store.count("push_nonce") + 10**9)
    return {"signature": _sign(here, stamp, nonce), "timestamp": stamp, "nonce": nonce}


def _sign(here: "World", *parts: str) -> str:
    return hashlib.sha1("".join(sorted((here.keys.token, *parts))).encode()).hexdigest()


def encrypt(aes_key: str, text: str, app_id: str) -> str:
    """The `Encrypt` field: AES-256-CBC, IV from the key, PKCS#7 with blocks of 32."""
    key, raw = base64.b64decode(aes_key + "="), text.encode()
    plain = os.urandom(16) + struct.pack(">I", len(raw)) + raw + app_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    box = Cipher(AES(key), CBC(key[:16])).encryptor()
    return base64.b64encode(box.update(plain + bytes([pad]) * pad) + box.finalize()).decode()


def decrypt(aes_key: str, sealed: str) -> tuple[str, str]:
    """The text and the AppID of an `Encrypt` field. ValueError for anything else."""
    key = base64.b64decode(aes_key + "=")
    box = Cipher(AES(key), CBC(key[:16])).decryptor()
    plain = box.update(base64.b64decode(sealed, validate=True)) + box.finalize()
    content = plain[16 : -plain[-1]]
    size = struct.unpack(">I", content[:4])[0]
    return content[4 : 4 + size].decode(), content[4 + size :].decode()


def _reply(here: "World", answer: str) -> str:
    """The text of the shop's passive reply; a reply that WeChat could not read shows as its apology."""
    if answer.strip() in {"", "success"}:
        return ""
    try:
        root = _parse(answer)
        if push_mode(here) == "safe":
            sealed, stamp, nonce = (root.findtext(name) or "" for name in ("Encrypt", "TimeStamp", "Nonce"))
            if root.findtext("MsgSignature") != _sign(here, stamp, nonce, sealed):
                raise ValueError("MsgSignature")
            text, app_id = decrypt(here.keys.aes_key, sealed)
            if app_id != constants.APP_ID:
                raise ValueError("AppID")
            root = _parse(text)
    except (ValueError, ElementTree.ParseError, struct.error, IndexError) as error:
        here.store.log("push", error=f"unreadable reply: {error}")
        return SORRY
    if root.findtext("MsgType") == "news":
        return f"[图文] {root.findtext('.//Title')} {root.findtext('.//Url')}"
    return root.findtext("Content") or f"[{root.findtext('MsgType')}]"


def _parse(text: str) -> ElementTree.Element:
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise ValueError("DOCTYPE")
    return ElementTree.fromstring(text)
