"""A throw-away PostgreSQL cluster for tests: started once, dropped with its folder."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
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


class Restart:
    """Stops and starts a server as a crash and a restart do; called, it does both."""

    def __init__(self, stop: Callable[[], None], start: Callable[[], None]) -> None:
        self.stop, self.start = stop, start

    def __call__(self) -> None:
        self.stop()
        self.start()


def _memory() -> str | None:
    """A folder in memory where there is plenty: what is forgotten in a minute needs no disk."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > 4 * 2**30 else None


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Yield `postgresql://…/` (no database name) of a server on loopback; `durable` writes as production does."""
    with restartable(durable=durable) as (url, _restart):
        yield url


@contextlib.contextmanager
def restartable(*, durable: bool = False) -> Iterator[tuple[str, Restart]]:
    """The same with what takes it down, as at once as a crash, and up again."""
    home = find_bin()
    if home is None:
        raise RuntimeError("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="zhanting-pg-", dir=None if durable else _memory()))
    data, port = folder / "data", free_port()
    folder.chmod(0o777)
    init = ["--no-sync", "-A", "trust", "-U", "zhanting", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(data)]
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
        f"-c fsync={'on' if durable else 'off'} -c max_connections=200 -c deadlock_timeout=200ms"
        # Hundreds of small databases that live for a second: nothing of them is to be tidied or sent elsewhere.
        + ("" if durable else " -c autovacuum=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0")
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": folder}
    control = [str(home / "pg_ctl"), "-D", str(data), "-w"]

    def start() -> None:
        command = [*control, "-l", str(folder / "log"), "-o", options, "start"]
        subprocess.run(_as_nobody(command), check=True, **quiet)

    def stop() -> None:
        subprocess.run(_as_nobody([*control, "-m", "immediate", "stop"]), check=False, **quiet)

    try:
        subprocess.run(_as_nobody([str(home / "initdb"), *init]), check=True, **quiet)
        start()
        yield f"postgresql://zhanting@127.0.0.1:{port}/", Restart(stop, start)
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)
