"""A bounded load on loopback: keep-alive connections in threads, latencies kept."""

import http.client
import threading
import time
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
