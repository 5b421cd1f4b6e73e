"""消息推送: who may push to us and what a push says. Pure; the bytes are never trusted before their signature.

In safe mode `msg_signature` covers the body and is the one that counts; `signature` covers only the address.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from wechatpy.crypto import PrpCrypto
from wechatpy.exceptions import InvalidAppIdException

from app.core.security import constant_time_equal
from app.gateways.transport import loads_object

MAX_BODY = 64 * 1024
MAX_DEPTH, MAX_FIELDS = 8, 400
MAX_AGE_SECONDS = 300
SCENE_PREFIX = "qrscene_"


class PushRefused(Exception):
    """The push does not come from WeChat, is not meant for us, too old, or no message at all; `reason` for the log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class PushKeys:
    """The account's own values for the push route."""

    token: str
    aes_key: str
    app_id: str
    sealed_only: bool = False  # 安全模式: a plain push is nobody's, its signature covers no body


@dataclass(frozen=True, slots=True)
class PushQuery:
    """The query of a push."""

    timestamp: str
    nonce: str
    signature: str = ""
    msg_signature: str = ""
    encrypted: bool = False


def push_signature(token: str, timestamp: str, nonce: str, *more: str) -> str:
    """SHA-1 of the parts, sorted and joined; in safe mode the ciphertext is one of them."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, *more))).encode(), usedforsecurity=False).hexdigest()


def check_address(keys: PushKeys, query: PushQuery, now: datetime) -> None:
    """Whether the address was signed by WeChat less than five minutes ago. PushRefused."""
    _check_age(query, now)
    expected = push_signature(keys.token, query.timestamp, query.nonce)
    if not keys.token or not constant_time_equal(expected, query.signature):
        raise PushRefused("signature")


def open_push(keys: PushKeys, query: PushQuery, body: bytes, now: datetime) -> dict[str, Any]:
    """The message of a push, checked first and parsed afterwards. PushRefused."""
    if len(body) > MAX_BODY:
        raise PushRefused("size")
    if not query.encrypted:
        if keys.sealed_only:
            raise PushRefused("plain")
        check_address(keys, query, now)
        return parse_push(body)
    _check_age(query, now)
    encrypted = parse_push(body).get("Encrypt")
    if not isinstance(encrypted, str):
        raise PushRefused("envelope")
    return parse_push(decrypt(keys, query, encrypted).encode())


def _check_age(query: PushQuery, now: datetime) -> None:
    text = query.timestamp
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise PushRefused("timestamp")
    if abs(now.timestamp() - int(text)) > MAX_AGE_SECONDS:
        raise PushRefused("timestamp")


def decrypt(keys: PushKeys, query: PushQuery, encrypted: str) -> str:
    """The plain text of a ciphertext whose msg_signature is right and whose AppID is ours. PushRefused."""
    expected = push_signature(keys.token, query.timestamp, query.nonce, encrypted)
    if not keys.token or not constant_time_equal(expected, query.msg_signature):
        raise PushRefused("signature")
    try:
        plain: Any = PrpCrypto(_aes(keys.aes_key)).decrypt(encrypted, keys.app_id)
        return plain.decode() if isinstance(plain, bytes) else str(plain)
    except InvalidAppIdException:
        raise PushRefused("appid") from None
    except (ValueError, TypeError, IndexError, struct.error):
        raise PushRefused("ciphertext") from None


def _aes(aes_key: str) -> bytes:
    try:
        key = base64.b64decode(f"{aes_key}=")
    except binascii.Error:
        raise PushRefused("aes key") from None
    if len(key) != 32:
        raise PushRefused("aes key")
    return key


def encrypt_reply(keys: PushKeys, plain: str, timestamp: str, nonce: str) -> str:
    """A passive reply in safe mode: ciphertext, its signature, and what they were made with."""
    sealed: Any = PrpCrypto(_aes(keys.aes_key)).encrypt(plain, keys.app_id)
    encrypted = sealed.decode() if isinstance(sealed, bytes) else str(sealed)
    signature = push_signature(keys.token, timestamp, nonce, encrypted)
    return (
        f"<xml><Encrypt>{_cdata(encrypted)}</Encrypt><MsgSignature>{_cdata(signature)}</MsgSignature>"
        f"<TimeStamp>{escape(timestamp)}</TimeStamp><Nonce>{_cdata(nonce)}</Nonce></xml>"
    )


def text_reply(message: dict[str, Any], text: str, now: datetime) -> str:
    """The answer to a message as WeChat wants it: from us, to whoever wrote."""
    return (
        f"<xml><ToUserName>{_cdata(field(message, 'FromUserName'))}</ToUserName>"
        f"<FromUserName>{_cdata(field(message, 'ToUserName'))}</FromUserName>"
        f"<CreateTime>{int(now.timestamp())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content>{_cdata(text)}</Content></xml>"
    )


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def field(message: dict[str, Any], name: str, limit: int = 128) -> str:
    """A field as text, empty if it is missing or no text (JSON pushes carry numbers)."""
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value)[:limit]


def scene_of(event: str, event_key: str) -> str | None:
    """The scene of a parametric QR code, the same whether it was scanned by a follower or made one; else None."""
    if event == "subscribe" and event_key.startswith(SCENE_PREFIX):
        return event_key.removeprefix(SCENE_PREFIX) or None
    return event_key or None if event == "SCAN" else None


def dedupe_key(message: dict[str, Any]) -> str:
    """What a repeated delivery has in common: the MsgId, else sender and second.

    Two events of one person in the same second are told apart by event and key where the push has them.
    """
    if message_id := field(message, "MsgId"):
        return f"msg:{message_id}"
    key = f"evt:{field(message, 'FromUserName')}:{field(message, 'CreateTime')}"
    return key


def same_push_key(message: dict[str, Any]) -> str:
    """`dedupe_key` with event, its key and the message number it reports on."""
    parts = [field(message, name) for name in ("Event", "EventKey", "MsgID")]
    return ":".join([dedupe_key(message), *parts]) if message.get("Event") else dedupe_key(message)


def parse_push(body: bytes) -> dict[str, Any]:
    """The fields of a push in XML or JSON; nested XML elements become dicts, repeated ones lists. PushRefused."""
    if len(body) > MAX_BODY:
        raise PushRefused("size")
    text = body.strip()
    return _parse_json(text) if text.startswith(b"{") else _parse_xml(text)


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        return loads_object(body)
    except ValueError:
        raise PushRefused("json") from None


def _parse_xml(body: bytes) -> dict[str, Any]:
    reader = _XmlReader()
    try:
        reader.parser.Parse(body, True)
    except (expat.ExpatError, ValueError):
        raise PushRefused("xml") from None
    if not isinstance(reader.root, dict):
        raise PushRefused("xml")
    return reader.root


class _XmlReader:
    """Elements to dicts. A document type, and with it every entity, ends the reading: no bomb gets to grow."""

    def __init__(self) -> None:
        self.root: Any = None
        self._stack: list[tuple[str, dict[str, Any], list[str]]] = []
        self._fields = 0
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_given: Any) -> Any:
        raise PushRefused("dtd")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._fields += 1
        if len(self._stack) >= MAX_DEPTH or self._fields > MAX_FIELDS:
            raise PushRefused("xml")
        self._stack.append((name, {}, []))

    def _text(self, data: str) -> None:
        self._stack[-1][2].append(data)

    def _end(self, _name: str) -> None:
        name, children, words = self._stack.pop()
        value: Any = children or "".join(words)
        if not self._stack:
            self.root = value
            return
        parent = self._stack[-1][1]
        if name in parent:
            present = parent[name]
            parent[name] = [*present, value] if isinstance(present, list) else [present, value]
        else:
            parent[name] = value
