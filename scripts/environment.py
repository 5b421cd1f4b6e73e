"""What `make run` and `make test` share: a Python that is new enough, a virtual environment made from the lock file.

Standard library only, and readable by an old Python, so that it can say that it is too old.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def fail(sentence):
    """Say one sentence and stop."""
    sys.exit("zhanting: " + sentence)


def require_python():
    """Stop with a sentence when this Python is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is what an old Python meets)
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; install python3.11 and try again.")


def require_writable(folder):
    """Stop with a sentence when the checkout cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-probe"
        probe.write_text("")
        probe.unlink()
    except OSError as exc:
        fail(f"cannot write in {folder} ({exc.strerror}); make the folder writable for you and try again.")


def ensure_venv(lock):
    """Make `.venv` hold exactly what the lock file names; does nothing when that is so already."""
    require_python()
    require_writable(ROOT)
    stamp = VENV / (f".{lock}.stamp")
    digest = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Preparing .venv from {lock} (the first time takes a minute) ...", flush=True)
    try:
        if not PYTHON.exists():
            venv.create(VENV, with_pip=True)
    except subprocess.CalledProcessError:
        fail("Python cannot make virtual environments here; on Debian: apt-get install python3-venv")
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    # The lock is complete, so nothing is resolved; Python compiles what is used when it is used, a third of the whole.
    command += ["--no-deps", "--no-compile", "--require-hashes"]
    done = subprocess.run([*map(str, command), "-r", str(ROOT / lock)], check=False)
    if done.returncode:
        fail(f"installing the packages of {lock} failed (see above); is the package index reachable?")
    for other in VENV.glob(".requirements*.stamp"):
        other.unlink()
    stamp.write_text(digest)
    if lock == "requirements-dev.txt":  # it contains all of the other
        base = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()
        (VENV / ".requirements.txt.stamp").write_text(base)


def clean_environment():
    """The process environment without anything that points the shop elsewhere or makes it start slowly."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "PYTHONDONTWRITE", "FLASK_"))}
