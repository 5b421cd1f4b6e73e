"""`make test`: install what the tests need, then run everything; ends with pytest's summary."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from environment import PYTHON, ROOT, clean_environment, ensure_venv

NEEDS = {
    "chromium": ("chromium", "the browser tests"),
    "fonts-noto-cjk": ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "Chinese in the browser tests"),
    "postgresql": ("/usr/lib/postgresql", "the tests on PostgreSQL"),
}


def main():
    ensure_venv("requirements-dev.txt")
    install_system_packages()
    if "--only-setup" in sys.argv:
        return 0
    arguments = [a for a in sys.argv[1:] if a != "--"] or ["-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"]
    return subprocess.run(
        [str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT, env=clean_environment(), check=False
    ).returncode


def _there(mark):
    return Path(mark).exists() if mark.startswith("/") else shutil.which(mark) is not None


def install_system_packages():
    """Debian's packages, where we may install them; otherwise one line says what is left out and how to get it."""
    missing = [name for name, (mark, _) in NEEDS.items() if not _there(mark)]
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not sudo or shutil.which("sudo")):
        print("Installing", *missing, "...", flush=True)
        quiet = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "stdin": subprocess.DEVNULL,
            "check": False,
        }
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*sudo, "apt-get", "update"], env=environment, **quiet)
        subprocess.run(
            [*sudo, "apt-get", "install", "-y", "--no-install-recommends", *missing], env=environment, **quiet
        )
    for name in missing:
        mark, purpose = NEEDS[name]
        if not _there(mark):
            print(
                f"zhanting: {name} cannot be installed here, so {purpose} are skipped; as root: apt-get install {name}"
            )


if __name__ == "__main__":
    sys.exit(main())
