"""Every point of docs/wechat-acceptance.md names tests that exist."""

import ast
import re
from pathlib import Path

from tests.gateways.vectors import DOCUMENT

ROOT = Path(__file__).resolve().parents[2]


def test_every_point_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "wechat-acceptance.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|.*$", text, re.M)
    assert rows == [str(number) for number in range(1, 23)]
    lines = re.findall(r"^\| .+ \| .*`tests/.*\|$", text, re.M)
    assert len(lines) == 22 + len(re.findall(r"^\| (?!\d)", text.split("## Bad input")[1], re.M)) - 2
    for line in lines:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", line)
        assert named, line
        for path, test in named:
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert test in functions, f"{path} has no {test}"


def test_every_group_of_the_vectors_is_named() -> None:
    text = (ROOT / "docs" / "wechat-acceptance.md").read_text("utf-8").split("## The published vectors")[1]
    groups = {name for row in re.findall(r"^\| (`.*?) \|", text, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert groups == set(DOCUMENT["groups"])
