"""What the message and QR-code calls of the account accept, and what their refusals mean. Pure."""

from typing import Any

from app.core.errors import GatewayError

MAX_SCENE = 64
MAX_SECONDS = 2592000
# not reached; busy; daily and minute quota; our address not on the list; token refused even after renewal
_NOT_TAKEN = frozenset({"unreachable", "http_429", "-1", "45009", "45011", "40164", "40001", "40014", "42001"})


def surely_not_taken(error: GatewayError) -> bool:
    """Whether WeChat certainly did not take the message, so that sending it later cannot deliver it twice."""
    return error.code in _NOT_TAKEN or error.code == "busy"


def scene_body(scene: str, seconds: int | None) -> dict[str, Any]:
    """The request for a parametric QR code; `seconds` None asks for one that lasts. ValueError."""
    if not (1 <= len(scene) <= MAX_SCENE and scene.isascii() and scene.isprintable()):
        raise ValueError("scene: 1 to 64 plain characters")
    body: dict[str, Any] = {"action_info": {"scene": {"scene_str": scene}}}
    if seconds is None:
        return {"action_name": "QR_LIMIT_STR_SCENE", **body}
    if not 1 <= seconds <= MAX_SECONDS:
        raise ValueError("seconds: 1 to 2592000")
    return {"expire_seconds": seconds, "action_name": "QR_STR_SCENE", **body}
