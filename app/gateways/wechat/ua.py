"""What the User-Agent hints at. A hint for the screen, never an authentication."""

import re
from dataclasses import dataclass
from typing import Literal

Os = Literal["ios", "android", "harmony", "desktop"]
MAX_LENGTH = 1024
_VERSION = re.compile(r"micromessenger/(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", re.ASCII)
_IOS = re.compile(r"iphone|ipad|ipod")


@dataclass(frozen=True, slots=True)
class UserAgent:
    """`wechat` is the consumer app; 企业微信 (`wework`) also says MicroMessenger and is not it."""

    wechat: bool
    wework: bool
    mini_program: bool
    desktop: bool
    os: Os
    version: tuple[int, int, int] | None


def parse_user_agent(header: str | None) -> UserAgent:
    """The hints in a User-Agent header; a missing one is an ordinary desktop browser."""
    ua = (header or "")[:MAX_LENGTH].lower()
    found = _VERSION.search(ua)
    wework = "wxwork" in ua
    return UserAgent(
        wechat=found is not None and not wework,
        wework=wework,
        # MiniProgramEnv is what the desktop client says on every page.
        mini_program=found is not None and "miniprogram" in ua.replace("miniprogramenv", ""),
        desktop=found is not None and ("windowswechat" in ua or "macwechat" in ua),
        os=_os(ua),
        version=(int(found[1]), int(found[2]), int(found[3] or 0)) if found else None,
    )


def _os(ua: str) -> Os:
    if _IOS.search(ua):
        return "ios"
    if "openharmony" in ua:
        return "harmony"
    return "android" if "android" in ua else "desktop"
