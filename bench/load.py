"""A bounded load on loopback: keep-alive connections in threads, latencies kept."""

import http.client
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What one round saw: requests, statuses other than 200, seconds, 99th percentile in milliseconds."""

    requests: int
    failed: int
    seconds: float
    p99_ms: float
    body_bytes: int


def run(port: int, path: str, *, requests: int, clients: int) -> Load:
    """Ask `path` `requests` times from `clients` connections."""
    latencies: list[float] = []
    failed = [0]
    size = [0]
    lock = threading.Lock()

    def client(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        mine: list[float] = []
        body = b""
        for _ in range(count):
            begun = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            mine.append(time.perf_counter() - begun)
            if answer.status != 200:
                failed[0] += 1
        with lock:
            latencies.extend(mine)
            size[0] = len(body)

    threads = [threading.Thread(target=client, args=(requests // clients,)) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    latencies.sort()
    return Load(len(latencies), failed[0], seconds, latencies[int(len(latencies) * 0.99) - 1] * 1000, size[0])


@dataclass(frozen=True)
class Sent:
    """What became of requests that were written before: how many had each status, seconds, latencies in ms."""

    statuses: dict[int, int]
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A form as it goes over the wire."""
    head = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/x-www-form-urlencoded")
    lines = (*head, f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def send(port: int, requests: list[bytes], *, clients: int) -> Sent:
    """Send requests over so many connections kept alive, spending as little as can be on this side."""
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    lock = threading.Lock()
    gate = threading.Barrier(clients + 1)

    def client(mine: list[bytes]) -> None:
        seen: list[int] = []
        waits: list[float] = []
        with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gate.wait()
            for request in mine:
                begun = time.perf_counter()
                wire.sendall(request)
                seen.append(_read_status(wire))
                waits.append(time.perf_counter() - begun)
        with lock:
            latencies.extend(waits)
            statuses.update(seen)

    threads = [threading.Thread(target=client, args=(requests[n::clients],)) for n in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    latencies.sort()
    middle, late = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99) - 1]
    return Sent(dict(statuses), seconds, middle * 1000, late * 1000)


def _read_status(wire: socket.socket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(wire)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    rest = int(length[1]) - len(body) if length else 0
    while rest > 0:
        rest -= len(_more(wire))
    return int(head[9:12])


def _more(wire: socket.socket) -> bytes:
    data = wire.recv(65536)
    if not data:
        raise RuntimeError("the server closed a connection")
    return data
