"""场景: what a scanned QR code of the account leads to. Higher rooms name a prefix and what follows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Scan:
    """Somebody scanned one of our codes. `member_id` is None for a person we do not know yet."""

    scene: str
    member_id: int | None
    new_follower: bool
    at: datetime


Handler = Callable[[Scan], str | None]
_handlers: dict[str, Handler] = {}


def register(prefix: str, handler: Handler) -> None:
    """`handler` gets every scan whose scene starts with the prefix, once, in the worker.

    What it returns is written back. It runs inside the transaction that marks the push as processed, so it makes no
    network call.
    """
    _handlers[prefix] = handler


def find(scene: str) -> Handler | None:
    """The handler of the longest prefix that fits."""
    fitting = [prefix for prefix in _handlers if scene.startswith(prefix)]
    return _handlers[max(fitting, key=len)] if fitting else None
