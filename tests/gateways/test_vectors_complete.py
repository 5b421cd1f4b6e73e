"""No published example is left out: each group of the vectors goes, with all its cases, through some test."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from tests.gateways.vectors import DOCUMENT, cases

TESTS = Path(__file__).resolve().parents[1]
PUBLISHED = "60a0d15c4c77c0e60d5c4f65e9d9d7b68210af7681e8c6610744ba6f0c010212"  # SHA-256


def groups_run(source: str) -> Iterator[str]:
    """Groups that a test takes whole: `parametrize("case", cases("…"))`, or a loop over the group's cases."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                yield from _asked(mark) if isinstance(mark, ast.Call) and len(mark.args) == 2 else ()
        elif isinstance(node, ast.For):
            found = ast.unparse(node.iter)
            if found.startswith("DOCUMENT['groups']['") and found.endswith("']['cases']"):
                yield found.split("'")[3]


def _asked(mark: ast.Call) -> Iterator[str]:
    """`cases("…")` itself as the list of values: a slice or a filter of it does not count."""
    values = mark.args[1]
    if (
        isinstance(values, ast.Call)
        and ast.unparse(values.func) == "cases"
        and isinstance(values.args[0], ast.Constant)
    ):
        yield str(values.args[0].value)


def test_every_group_is_taken_whole_by_some_test() -> None:
    run = {
        group
        for path in TESTS.rglob("test_*.py")
        if "cases(" in (text := path.read_text("utf-8")) or "DOCUMENT[" in text
        for group in groups_run(text)
    }
    assert set(DOCUMENT["groups"]) - run == set()
    assert run <= set(DOCUMENT["groups"])


def test_a_slice_of_a_group_does_not_count() -> None:
    text = '@pytest.mark.parametrize("case", cases("distance")[1:])\ndef test_some(case): ...\n'
    assert list(groups_run(text)) == []
    assert list(groups_run(text.replace("[1:]", ""))) == ["distance"]


def test_every_case_becomes_one_parameter() -> None:
    for group, found in DOCUMENT["groups"].items():
        assert len(cases(group)) == len(found["cases"]) > 0, group


def test_the_copy_is_the_published_file() -> None:
    """No example is changed, softened or dropped here: a new edition changes this digest in a commit that says so."""
    copy = (Path(__file__).parent / "wechat_vectors.json").read_bytes()
    assert hashlib.sha256(copy).hexdigest() == PUBLISHED
