"""A throw-away PostgreSQL cluster for tests: started once, dropped with its folder."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def find_bin() -> Path | None:
    """The newest installed server's folder, or None."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if homes:
        return homes[0].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def _as_nobody(command: list[str]) -> list[str]:
    return (
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command] if os.geteuid() == 0 else command
    )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Yield `postgresql://…/` (no database name) of a server on loopback; `durable` writes as production does."""
    home = find_bin()
    if home is None:
        raise RuntimeError("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="zhanting-pg-"))
    data, port = folder / "data", free_port()
    folder.chmod(0o777)
    init = ["--no-sync", "-A", "trust", "-U", "zhanting", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(data)]
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
        f"-c fsync={'on' if durable else 'off'} -c max_connections=200 -c deadlock_timeout=200ms"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": folder}
    try:
        subprocess.run(_as_nobody([str(home / "initdb"), *init]), check=True, **quiet)
        start = [str(home / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start"]
        subprocess.run(_as_nobody(start), check=True, **quiet)
        yield f"postgresql://zhanting@127.0.0.1:{port}/"
    finally:
        subprocess.run(
            _as_nobody([str(home / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]), check=False, **quiet
        )
        shutil.rmtree(folder, ignore_errors=True)
