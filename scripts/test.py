"""`make test`: install what the tests need, then run everything; ends with pytest's summary.

With --only-setup: install what `make bench` needs, and no more.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from environment import PYTHON, ROOT, clean_environment, ensure_venv

SHELL = "chromium-headless-shell"
# Debian's packages: what each leaves on the machine, then what does as well; and what it is for.
NEEDS = {
    # The browser without a desktop's furniture: the tests take a third less time with it.
    SHELL: ((SHELL, "chromium", "chromium-browser"), "the browser tests"),
    "fonts-noto-cjk": (("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",), "Chinese in the browser tests"),
    "postgresql": (("/usr/lib/postgresql",), "the tests on PostgreSQL"),
}
# `make bench` asks Lighthouse as well, which wants the whole browser.
BENCH_NEEDS = {"chromium": (("chromium", "chromium-browser"), "Lighthouse")}


def main():
    ensure_venv("requirements-dev.txt")
    if "--only-setup" in sys.argv:
        install_system_packages(NEEDS | BENCH_NEEDS)
        return 0
    install_system_packages(NEEDS)
    arguments = [a for a in sys.argv[1:] if a != "--"] or ["-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"]
    return subprocess.run(
        [str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT, env=clean_environment(), check=False
    ).returncode


def _there(mark):
    return Path(mark).exists() if mark.startswith("/") else shutil.which(mark) is not None


def install_system_packages(needs):
    """Debian's packages, where we may install them; otherwise one line says what is left out and how to get it."""
    missing = [name for name, (marks, _) in needs.items() if not _there(marks[0])]
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if missing and shutil.which("apt-get") and (not sudo or shutil.which("sudo")):
        print("Installing", *missing, "...", flush=True)
        _apt_get(sudo, "update")
        for name in missing:  # one by one: not every system knows every name
            _apt_get(sudo, "install", "-y", "--no-install-recommends", name)
            if not any(map(_there, needs[name][0])) and name == SHELL:
                _apt_get(sudo, "install", "-y", "--no-install-recommends", "chromium")
    for name in missing:
        marks, purpose = needs[name]
        if not any(map(_there, marks)):
            print(
                f"zhanting: {name} cannot be installed here, so {purpose} are skipped; as root: apt-get install {name}"
            )


def _apt_get(sudo, *arguments):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*sudo, "apt-get", *arguments], env=environment, check=False, **nothing)


if __name__ == "__main__":
    sys.exit(main())
