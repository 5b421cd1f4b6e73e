"""Where the sandbox lives and who may use it: directory, addresses, seed, speed."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox import constants

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Settings:
    """One sandbox; `time_scale` 60 makes a minute of the notice schedule pass in a second."""

    directory: Path
    public_url: str
    shop_url: str = constants.DEFAULT_SHOP_URL
    time_scale: float = 1.0
    refund_seconds: float = 1.0
    seed: str = ""

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Host names registered for OAuth, JS-SDK and payment pages: the shop, this machine, no others."""
        named = {urlsplit(self.shop_url).hostname, urlsplit(self.public_url).hostname}
        return LOOPBACK | {host for host in named if host}

    def allows(self, url: str) -> bool:
        """True for an http(s) address on one of the registered hosts."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and (parts.hostname or "") in self.allowed_hosts


def load(directory: Path, *, public_url: str | None, shop_url: str | None, fallback_url: str) -> Settings:
    """Settings from the arguments, else from the last run in this directory, else from the fallback."""
    remembered: dict[str, str] = {}
    memory = directory / "settings.json"
    if memory.exists():
        remembered = json.loads(memory.read_text("utf-8"))
    return Settings(
        directory=directory,
        public_url=(public_url or fallback_url).rstrip("/"),
        shop_url=(shop_url or remembered.get("shop_url") or default_shop_url()).rstrip("/"),
        time_scale=max(float(os.getenv("SANDBOX_TIME_SCALE") or 1), 0.001),
        refund_seconds=float(os.getenv("SANDBOX_REFUND_SECONDS") or 1),
        seed=os.getenv("SANDBOX_SEED") or "",
    )


def default_shop_url() -> str:
    """The shop's usual address on this machine."""
    return f"http://{constants.DEFAULT_HOST}:{os.getenv('PORT') or 8000}"


def remember(settings: Settings) -> None:
    """Keep the addresses for the next start without arguments."""
    text = json.dumps({"public_url": settings.public_url, "shop_url": settings.shop_url}, indent=1)
    (settings.directory / "settings.json").write_text(text + "\n", "utf-8")
