"""Pushes: signatures, safe mode, scenes, what makes two deliveries one, and what must not be parsed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.gateways.wechat.push import (
    PushKeys,
    PushQuery,
    PushRefused,
    check_address,
    decrypt,
    dedupe_key,
    encrypt_reply,
    open_push,
    parse_push,
    push_signature,
    same_push_key,
    scene_of,
    text_reply,
)
from tests.gateways.vectors import cases

KEYS = PushKeys("AAAAA", "A" * 43, "wxba5fad812f8e6fb9")
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><xml><FromUserName>&c;</FromUserName></xml>"""


def at(case: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(case["timestamp"]), UTC)


def keys(case: dict[str, Any]) -> PushKeys:
    return PushKeys(case["token"], case["encoding_aes_key"], case["appid"])


def query(case: dict[str, Any]) -> PushQuery:
    return PushQuery(case["timestamp"], case["nonce"], msg_signature=case["msg_signature"], encrypted=True)


@pytest.mark.parametrize("case", cases("push_signature"))
def test_the_address_signature_decides(case: dict[str, Any]) -> None:
    own = PushKeys(case["token"], "", "")
    given = PushQuery(case["timestamp"], case["nonce"], signature=case["signature"])
    if case["valid"]:
        check_address(own, given, at(case))
    else:
        with pytest.raises(PushRefused, match="signature"):
            check_address(own, given, at(case))


@pytest.mark.parametrize("case", cases("push_decrypt"))
def test_safe_mode_opens_what_is_for_us(case: dict[str, Any]) -> None:
    if case["verdict"] == "accept":
        assert decrypt(keys(case), query(case), case["encrypt"]) == case["plain"]
    else:
        with pytest.raises(PushRefused, match=case["verdict"].removeprefix("reject:")):
            decrypt(keys(case), query(case), case["encrypt"])


@pytest.mark.parametrize("case", cases("push_encrypt_reply"))
def test_a_reply_is_sealed_as_the_vector(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from wechatpy.crypto import PrpCrypto

    random16 = case["random16"].encode()
    monkeypatch.setattr(PrpCrypto, "get_random_string", lambda _self: random16)
    sealed = parse_push(encrypt_reply(keys(case), case["plain"], case["timestamp"], case["nonce"]).encode())
    assert sealed["Encrypt"] == case["encrypt"]
    assert sealed["MsgSignature"] == case["msg_signature"]
    assert (sealed["TimeStamp"], sealed["Nonce"]) == (case["timestamp"], case["nonce"])


@pytest.mark.parametrize("case", cases("event_scene"))
def test_a_scene_is_the_same_for_followers_and_strangers(case: dict[str, Any]) -> None:
    assert scene_of(case["event"], case["event_key"]) == case["scene"]


@pytest.mark.parametrize("case", cases("push_dedupe"))
def test_repeated_deliveries_share_a_key(case: dict[str, Any]) -> None:
    assert dedupe_key(case["message"]) == case["key"]
    assert same_push_key(case["message"]).startswith(case["key"])


def test_two_events_of_one_second_are_two() -> None:
    scan = {"FromUserName": "oA", "CreateTime": "1", "MsgType": "event", "Event": "SCAN", "EventKey": "a"}
    assert same_push_key(scan) != same_push_key({**scan, "EventKey": "b"})
    assert same_push_key(scan) == same_push_key(dict(scan))


def test_xml_and_json_say_the_same() -> None:
    xml = "<xml><MsgType><![CDATA[event]]></MsgType><Event>subscribe_msg_popup_event</Event><A><List><T>1</T></List>"
    found = parse_push(f"{xml}<List><T>2</T></List></A><Empty/></xml>".encode())
    assert found["A"] == {"List": [{"T": "1"}, {"T": "2"}]}
    assert found["Empty"] == ""
    assert parse_push(b'{"MsgType": "event", "CreateTime": 1}') == {"MsgType": "event", "CreateTime": 1}


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        BOMB.decode().replace('version="1.0"', 'version="1.0" encoding="utf-16"').encode("utf-16"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><A/></xml>',
        b"<xml>" + b"<a>" * 20 + b"</a>" * 20 + b"</xml>",
        b"<xml>" + b"<a/>" * 500 + b"</xml>",
        b"<xml><a></xml>",
        b"<xml>text</xml>",
        b"",
        b"[1]",
        b"{" * 5000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b"<xml><A>" + b"x" * 70000 + b"</A></xml>",
        b"\xff\xfe<xml/>",
    ],
)
def test_what_is_no_message_is_refused_at_once(body: bytes) -> None:
    with pytest.raises(PushRefused):
        parse_push(body)


def test_old_and_odd_timestamps_are_refused() -> None:
    now = datetime.fromtimestamp(1714036504, UTC)
    for stamp in ("1714036203", "1714036805", "", "abc", "１７１４０３６５０４", "9" * 13):
        signed = push_signature("AAAAA", stamp, "n")
        with pytest.raises(PushRefused, match="timestamp"):
            check_address(KEYS, PushQuery(stamp, "n", signature=signed), now)


def test_an_account_without_a_token_accepts_nothing() -> None:
    signed = push_signature("", "1714036504", "n")
    with pytest.raises(PushRefused, match="signature"):
        check_address(
            PushKeys("", "", ""),
            PushQuery("1714036504", "n", signature=signed),
            datetime.fromtimestamp(1714036504, UTC),
        )


@pytest.mark.parametrize("encrypted", ["", "AAAA", "!!!", "A" * 64])
def test_a_ciphertext_that_is_none_is_refused_behind_a_right_signature(encrypted: str) -> None:
    signed = push_signature(KEYS.token, "1", "n", encrypted)
    with pytest.raises(PushRefused, match=r"ciphertext|appid"):
        decrypt(KEYS, PushQuery("1", "n", msg_signature=signed, encrypted=True), encrypted)


def test_a_round_trip_in_safe_mode() -> None:
    now = datetime.fromtimestamp(1714036504, UTC)
    plain = text_reply({"FromUserName": "oA", "ToUserName": "gh"}, "您好]]>&<xml>", now)
    sealed = encrypt_reply(KEYS, plain, "1714036504", "n")
    envelope = parse_push(sealed.encode())
    given = PushQuery("1714036504", "n", msg_signature=envelope["MsgSignature"], encrypted=True)
    opened = open_push(KEYS, given, f"<xml><Encrypt>{envelope['Encrypt']}</Encrypt></xml>".encode(), now)
    assert opened["Content"] == "您好]]>&<xml>"
    assert opened["ToUserName"] == "oA"
    with pytest.raises(PushRefused, match="envelope"):
        open_push(KEYS, given, json.dumps({"x": 1}).encode(), now)
