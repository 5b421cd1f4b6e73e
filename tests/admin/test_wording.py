"""Every step that is kept reads as words at headquarters."""

import ast
import re
from pathlib import Path

from app.admin.wording import ACTIONS, SUBJECTS, action_words, subject_words

ROOT = Path(__file__).resolve().parents[2] / "app"


def recorded() -> set[tuple[str, str]]:
    """(action, subject) of every `audit.record` whose action is written out."""
    found: set[tuple[str, str]] = set()
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record"):
                continue
            words = [
                one.value for one in node.args[1:3] if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            if len(words) == 2:
                found.add((words[0], words[1]))
    return found


def test_every_step_and_every_thing_has_words():
    known = recorded()
    assert len(known) > 100
    assert {action for action, _ in known} - set(ACTIONS) == set()
    assert {subject for _, subject in known} - set(SUBJECTS) == set()


def test_what_has_no_words_of_its_own_is_said_of_its_subject():
    assert action_words("something_new", "refund") == "退款有变化"
    assert subject_words("something_new") == "其他"
    assert not any(re.search(r"[a-z]", word.replace("PIN", "")) for word in (*ACTIONS.values(), *SUBJECTS.values()))
