"""Static addresses follow the content; vendored files are those of the manifest."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.core.assets import Assets

ROOT = Path(__file__).resolve().parents[2]


def test_address_changes_exactly_when_the_content_does(tmp_path: Path) -> None:
    file = tmp_path / "css" / "app.css"
    file.parent.mkdir()
    file.write_text("a{}")
    assets = Assets(tmp_path, "/static", watch=True)
    first = assets.url("css/app.css")
    assert first == "/static/css/app.css?v=5f546eb4606b"
    assert assets.url("css/app.css") == first
    file.write_text("b{}")
    assert assets.url("css/app.css") != first


def test_in_production_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.css"
    file.write_text("a{}")
    assets = Assets(tmp_path, "/static", watch=False)
    first = assets.url("a.css")
    file.unlink()
    assert assets.url("a.css") == first


def test_unknown_file_is_an_error_not_a_broken_link(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Assets(tmp_path, "/static", watch=False).url("css/none.css")


def test_vendored_script_is_found_by_its_short_name() -> None:
    assets = Assets(ROOT / "static", "/static", watch=False)
    assert assets.url("htmx.min.js").startswith("/static/vendor/htmx.org@2.0.11/htmx.min.js?v=")
    assert assets.integrity("htmx.min.js").startswith("sha384-")


@pytest.mark.parametrize("script", ["vendor.py", "derive_pictures.py"])
def test_shipped_copies_are_whole(script: str) -> None:
    command = [sys.executable, ROOT / "scripts" / script, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
