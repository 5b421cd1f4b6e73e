"""Each promise names a test, and the test is there."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_every_promise_names_a_test_that_exists() -> None:
    page = (TESTS.parent / "docs" / "guarantees.md").read_text("utf-8")
    promises = re.split(r"\n\d+\. ", page)[1:]
    assert len(promises) > 20
    for promise in promises:
        file, named = "", re.findall(r"`([a-z_/]*\.py)?(?:::(\w+))?`", promise)
        assert any(path or test for path, test in named), promise
        for path, test in named:
            file = path or file
            text = (TESTS / file).read_text("utf-8") if file else ""
            assert not test or f"def {test}(" in text, f"{file}::{test}"
