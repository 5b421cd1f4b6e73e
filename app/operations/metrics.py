"""Numbers for Prometheus, the same whichever worker process answers the scrape.

Requests are counted in files that the processes of one machine share, in prometheus_client's multi-process format.
Each process holds a numbered slot by a lock, so that a recycled worker goes on with the files of the one before it and
does not leave more and more of them behind. Everything else is read from the database at the moment of the scrape.
"""

import atexit
import bisect
import fcntl
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.core.jobs import Job
from app.operations import queries

log = structlog.get_logger(__name__)
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
MAX_SLOTS = 256
COUNT, SECONDS = "zhanting_requests", "zhanting_request_seconds"


class Requests:
    """What this process has answered, written where every process can read it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        number = _hold_slot(folder)
        self._counter = MmapedDict(str(folder / f"counter_{number}.db"))
        self._histogram = MmapedDict(str(folder / f"histogram_{number}.db"))
        for file in (self._counter, self._histogram):
            atexit.register(file.close)
        self._guard = threading.Lock()
        self._counted: dict[tuple[str, str, int], str] = {}
        self._timed: dict[str, list[str]] = {}

    def observe(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        with self._guard:
            counted = self._counted.get((endpoint, method, status))
            if counted is None:
                labels = {"endpoint": endpoint, "method": method, "status": str(status)}
                counted = _key(COUNT, f"{COUNT}_total", labels, "Requests answered.")
                self._counted[endpoint, method, status] = counted
            _add(self._counter, counted, 1)
            timed = self._timed.get(endpoint)
            if timed is None:
                timed = self._timed[endpoint] = self._time(endpoint)
            _add(self._histogram, timed[bisect.bisect_left(BUCKETS, seconds)], 1)
            _add(self._histogram, timed[-1], seconds)

    def _time(self, endpoint: str) -> list[str]:
        """The keys of an endpoint's buckets and of its sum; all exist from the first request on."""
        text = "Seconds until the answer."
        keys = [
            _key(SECONDS, f"{SECONDS}_bucket", {"endpoint": endpoint, "le": floatToGoString(bound)}, text)
            for bound in BUCKETS
        ]
        keys.append(_key(SECONDS, f"{SECONDS}_sum", {"endpoint": endpoint}, text))
        for key in keys:
            _add(self._histogram, key, 0)
        return keys


_requests: dict[tuple[str, int], Requests | None] = {}
_making = threading.Lock()


def observe(folder: Path, endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request; a folder that cannot be written costs the numbers, never the request."""
    key = (str(folder), os.getpid())
    if key not in _requests:
        with _making:
            if key not in _requests:
                _requests[key] = _open(folder)
    counted = _requests[key]
    if counted is not None:
        counted.observe(endpoint, method, status, seconds)


def exposition(folder: Path, jobs: dict[str, Job], now: datetime) -> bytes:
    """Everything, in Prometheus' text format."""
    registry = CollectorRegistry()
    if folder.is_dir():
        MultiProcessCollector(registry, path=str(folder))
    registry.register(_FromDatabase(jobs, now))
    return generate_latest(registry)


class _FromDatabase(Collector):
    """Backlog, jobs and money, as they stand now."""

    def __init__(self, jobs: dict[str, Job], now: datetime) -> None:
        self._jobs, self._now = jobs, now

    def collect(self) -> Iterator[Metric]:
        waiting = queries.backlog(self._now)
        outbox = GaugeMetricFamily("zhanting_outbox_messages", "Messages by state.", labels=["state"])
        outbox.add_metric(["due"], waiting.due)
        outbox.add_metric(["dead"], waiting.dead)
        yield outbox
        yield GaugeMetricFamily(
            "zhanting_outbox_oldest_seconds", "How long the oldest message has been due.", waiting.oldest_seconds
        )
        ages = GaugeMetricFamily("zhanting_job_age_seconds", "Seconds since the job last ran.", labels=["job"])
        failing = GaugeMetricFamily("zhanting_job_failing", "1 if the job's last run failed.", labels=["job"])
        for pulse in queries.pulses(self._jobs, self._now):
            age = (self._now - pulse.ran_at).total_seconds() if pulse.ran_at else float("inf")
            ages.add_metric([pulse.job], max(age, 0.0))
            failing.add_metric([pulse.job], float(bool(pulse.failing)))
        yield ages
        yield failing
        ledger = queries.ledger(self._now)
        yield GaugeMetricFamily(
            "zhanting_ledger_problems",
            "What the last verification of the ledger found; alarm above 0.",
            len(ledger.problems),
        )
        yield GaugeMetricFamily("zhanting_ledger_late", "Chains not verified for two days.", ledger.late)
        yield GaugeMetricFamily("zhanting_ledger_objections", "Daily closes a store objects to.", ledger.objections)
        for name, counts in queries.states().items():
            family = GaugeMetricFamily(f"zhanting_{name}", f"Number of {name} by state.", labels=["state"])
            for state, number in sorted(counts.items()):
                family.add_metric([state], number)
            yield family


def _open(folder: Path) -> Requests | None:
    try:
        return Requests(folder)
    except OSError as exc:
        log.warning("metrics_not_kept", folder=str(folder), error=type(exc).__name__)
        return None


def _hold_slot(folder: Path) -> int:
    """The lowest number that no living process holds; its lock file stays open until the process ends."""
    for number in range(MAX_SLOTS):
        lock = os.open(folder / f"slot_{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return number
    raise OSError("no slot is free")


def _key(metric: str, name: str, labels: dict[str, str], text: str) -> str:
    return mmap_key(metric, name, list(labels), list(labels.values()), text)


def _add(file: MmapedDict, key: str, amount: float) -> None:
    value, moment = file.read_value(key)
    file.write_value(key, value + amount, moment)
