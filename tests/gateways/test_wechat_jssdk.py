"""The JS-SDK signature, which pages may get one, and what a User-Agent hints at."""

from typing import Any

import pytest

from app.gateways.wechat.jssdk import js_signature, page_url, signable
from app.gateways.wechat.ua import parse_user_agent
from tests.gateways.vectors import cases

HOSTS = {"h5.example.com", "127.0.0.1:8000"}


@pytest.mark.parametrize("case", cases("jssdk_signature"))
def test_signature_matches_the_vector(case: dict[str, Any]) -> None:
    assert page_url(case["location_href"]) == case["url"]
    signature = js_signature(case["jsapi_ticket"], case["noncestr"], int(case["timestamp"]), case["location_href"])
    assert signature == case["signature"]


@pytest.mark.parametrize(
    "url",
    [
        "https://h5.example.com",
        "https://h5.example.com/cars?from=singlemessage&isappinstalled=0#/x",
        "https://H5.Example.com:443/",
        "http://127.0.0.1:8000/series",
        "https://h5.example.com/search?q=丰田",
    ],
)
def test_own_pages_are_signable(url: str) -> None:
    assert signable(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/cars",
        "//h5.example.com/",
        "javascript:alert(1)//h5.example.com",
        "ftp://h5.example.com/",
        "https://evil.example/#@h5.example.com",
        "https://evil.example/?h5.example.com",
        "https://h5.example.com.evil.example/",
        "https://sub.h5.example.com/",
        "https://h5.example.com@evil.example/",
        "https://user:pw@h5.example.com/",
        "https://h5.example.com\\@evil.example/",
        "https://h5.example.com:8443/",
        "https://h5.example.com:99999/",
        "https://h5.example.com:x/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8001/",
        "https://[::1/",
        "https://h5.example.com/\n&x",
        " https://h5.example.com/",
        "https://h5.example.com/\x00",
        "https://h5.example.com/" + "a" * 2048,
    ],
)
def test_foreign_and_odd_addresses_are_not_signable(url: str) -> None:
    assert not signable(url, HOSTS)


@pytest.mark.parametrize("case", cases("user_agent"))
def test_user_agent_matches_the_vector(case: dict[str, Any]) -> None:
    agent = parse_user_agent(case["ua"])
    for name, expected in case["expect"].items():
        found = getattr(agent, name)
        assert (list(found) if isinstance(found, tuple) else found) == expected, name


@pytest.mark.parametrize("header", [None, "MicroMessenger/", "MicroMessenger/" + "9" * 5000, "é" * 3000])
def test_odd_user_agents_are_ordinary_browsers(header: str | None) -> None:
    assert not parse_user_agent(header).wechat


def test_harmony_and_desktop_clients() -> None:
    harmony = parse_user_agent("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 MicroMessenger/8.0.11.34(0x1) Android")
    assert (harmony.os, harmony.wechat) == ("harmony", True)
    mac = parse_user_agent("Mozilla/5.0 (Macintosh) MicroMessenger/6.8.0(0x1) MacWechat MiniProgramEnv/Mac")
    assert (mac.desktop, mac.mini_program, mac.os) == (True, False, "desktop")
