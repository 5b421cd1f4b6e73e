"""`make run` meets a machine that is not ready with one clear sentence."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "scripts" / "run.py"), *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_taken_port(checkout, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        other = "SANDBOX_PORT" if name == "PORT" else "PORT"
        assert f"port {port} is taken" in said(run(checkout, **{name: port, other: "18999"}))


def test_port_that_is_none(checkout):
    assert "PORT=abc is not a port" in said(run(checkout, PORT="abc"))


def test_folder_without_write_right(checkout):
    (checkout / "instance").write_text("a file where the folder should be")
    assert "make the folder writable" in said(run(checkout))


def test_old_python(checkout):
    code = (
        "import sys; sys.version_info = (3, 9, 1); sys.version = '3.9.1 (old)'; sys.path.insert(0, 'scripts');"
        "import environment; environment.require_python()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False)
    assert "Python 3.11 or newer is needed, this is 3.9.1" in said(done)


def test_reset_forgets_the_data_and_nothing_else(checkout):
    instance = checkout / "instance"
    (instance / "media").mkdir(parents=True)
    (instance / "zhanting.db").write_text("x")
    done = run(checkout, "--reset", PORT="18998", SANDBOX_PORT="18999")
    assert done.returncode == 0
    assert list(instance.iterdir()) == []
    assert (checkout / "scripts").exists()
