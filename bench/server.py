"""The production server under test, its workers' CPU time and memory read from the kernel."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """gunicorn with two workers of eight threads, as production runs it."""

    def __init__(self, target: str, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        command = [
            str(Path(sys.executable).parent / "gunicorn"),
            target,
            "--bind",
            f"127.0.0.1:{self.port}",
            "--workers",
            "2",
        ]
        command += ["--worker-class", "gthread", "--threads", "8", "--no-control-socket", "--log-level", "error"]
        self.process = subprocess.Popen(command, env={**os.environ, **environment})

    def __enter__(self) -> "Server":
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/")
                connection.getresponse().read()
                if len(self.workers()) == 2:
                    return self
            except OSError:
                pass
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("the server under test did not start")

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()
        self.process.wait(20)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        return [int(pid) for pid in children.split()]

    def cpu_seconds(self) -> float:
        """User and system time of the workers so far."""
        total = 0
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident_mb(self) -> float:
        """The larger worker's resident memory."""
        sizes = []
        for pid in self.workers():
            line = next(
                li for li in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if li.startswith("VmRSS")
            )
            sizes.append(int(line.split()[1]) / 1024)
        return max(sizes)
