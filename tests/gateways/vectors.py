"""The protocol test vectors: throw-away keys and published samples only."""

import json
from pathlib import Path
from typing import Any

import pytest

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parent / "wechat_vectors.json").read_text(encoding="utf-8"))


def cases(group: str) -> list[Any]:
    """The cases of a group as named pytest parameters."""
    found = DOCUMENT["groups"][group]["cases"]
    return [pytest.param(case, id=case.get("name") or repr(case.get("value"))) for case in found]


def constant(name: str) -> str:
    return DOCUMENT["constants"][name]


def pem(name: str) -> str:
    return DOCUMENT["keys"][name]["pem"]
