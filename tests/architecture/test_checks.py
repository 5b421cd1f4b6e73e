"""The checks a newcomer would otherwise learn from a reviewer: style, layers, types."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["lint-imports"], ["pyright"]],
    ids=lambda command: " ".join(command),
)
def test_checker_finds_nothing(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_only_one_function_commits():
    places = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "app").rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if ".commit(" in line
    ]
    assert len(places) == 1, places
    assert places[0].startswith("app/core/db.py")


def test_dependencies_are_named_only_in_pyproject_and_its_lock():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text, "a lock file names packages and hashes, no addresses"
        assert "--hash=sha256:" in text
    for name in re.findall(r'^    "([a-z0-9-]+)[\[=>]', (ROOT / "pyproject.toml").read_text("utf-8"), re.M):
        assert re.search(rf"^{name}(\[.*\])?==", (ROOT / "requirements-dev.txt").read_text("utf-8"), re.M), name


def test_modules_stay_small():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("app", "sandbox")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long, f"split by noun: {long}"


SAVED = "templates/evidence/file.html"  # kept by people as a file, so it brings its own sheet; never served as a page


def test_templates_have_no_inline_script_or_style():
    bad = []
    for path in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.S)
        if str(path.relative_to(ROOT)) == SAVED:
            text = text.replace("<style>", "", 1)
        if re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/(ld\+)?json)|\sstyle=|\son[a-z]+=|<style", text):
            bad.append(str(path.relative_to(ROOT)))
    assert not bad, f"the content security policy forbids it: {bad}"
