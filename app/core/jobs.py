"""Background work: rooms register sweeps, huey wakes them. The tables hold the truth, so a killed worker loses nothing.

`flask worker` runs every job on its interval until SIGINT or SIGTERM; `flask jobs run NAME` runs one now, so cron or
another engine can take over. A commit that wrote an outbox row wakes the delivery through huey's queue.
"""

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import structlog
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from huey import SqliteHuey
from huey.api import TaskWrapper
from huey.consumer import Consumer, Scheduler

from app.core import heartbeats, outbox
from app.core.db import db

log = structlog.get_logger(__name__)
DELIVER = "deliver_outbox"
Work = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Job:
    """A sweep: idempotent, safe in several processes at once, answers how many things it moved on."""

    name: str
    every_seconds: int
    work: Work


def init_app(app: Flask, path: Path) -> None:
    """Give the app its job list, its wake-up call and the commands `worker` and `jobs`."""
    app.extensions["jobs"] = {}
    app.extensions["jobs_path"] = path
    register(app, DELIVER, 5, outbox.deliver_due)
    outbox.on_wake(lambda: wake(path))
    app.cli.add_command(worker_command)
    app.cli.add_command(jobs_group)


def register(app: Flask, name: str, every_seconds: int, work: Work) -> None:
    """Name a sweep and its interval; called by the factory for each room's `jobs.py`."""
    app.extensions["jobs"][name] = Job(name, every_seconds, work)


def listed(app: Flask) -> dict[str, Job]:
    """Every registered job by its name."""
    return app.extensions["jobs"]


def run(app: Flask, name: str) -> int:
    """Run one job now inside the app; its session never leaks into the next."""
    with app.app_context():
        try:
            moved = listed(app)[name].work()
            heartbeats.beat(name)
        except Exception as exc:
            db.session.rollback()
            heartbeats.beat(name, type(exc).__name__)
            raise
        finally:
            db.session.remove()
        if moved:
            log.info("job_done", job=name, moved=moved)
        return moved


def open_queue(path: Path) -> SqliteHuey:
    """The queue file. It may be lost at any time (fsync off): it only wakes, it knows nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("zhanting", filename=str(path), fsync=False, results=False)


_wakers: dict[Path, TaskWrapper] = {}
_wakers_lock = threading.Lock()


def _waker(path: Path) -> TaskWrapper:
    with _wakers_lock:
        if path not in _wakers:
            # Only the name travels through the queue; the worker's own function of this name runs.
            _wakers[path] = open_queue(path).task(name=DELIVER)(_runs_in_the_worker)
        return _wakers[path]


def _runs_in_the_worker() -> None:
    raise RuntimeError("runs in the worker only")


def wake(path: Path) -> None:
    """Ask the worker to deliver soon."""
    # What was committed stays committed: without the queue the sweep delivers a few seconds later.
    try:
        waker = _waker(path)
        if waker.huey.pending_count() < 3:
            waker()
    except (OSError, sqlite3.Error) as exc:
        log.warning("worker_not_woken", error=type(exc).__name__)


class _Scheduler(Scheduler):
    periodic_task_seconds = 1  # huey looks once a minute; a hold must not wait that long


class _Worker(Consumer):
    """Both signals finish the running sweeps and then leave."""

    scheduler_class = _Scheduler

    def _set_signal_handlers(self) -> None:
        self._signal_actions: dict[Any, tuple[bool, bool]] = {
            signal.SIGINT: (False, True),
            signal.SIGTERM: (False, True),
        }
        super()._set_signal_handlers()


def build_consumer(app: Flask, path: Path, workers: int | None = None) -> Consumer:
    """A huey consumer that runs the app's jobs on their intervals; what an earlier one left in the queue is dropped.

    A job that hangs on its provider holds one thread, so there is one for each job and one to spare by default.
    """
    workers = workers or len(listed(app)) + 1
    queue = open_queue(path)
    queue.flush()
    for job in listed(app).values():
        work = _once_at_a_time(app, job)
        queue.task(name=job.name)(work)
        queue.periodic_task(_every(job.every_seconds), name=f"every_{job.name}")(work)
    return _Worker(queue, workers=workers, scheduler_interval=1, max_delay=1.0, shutdown_timeout=20)


def _every(seconds: int) -> Callable[[Any], bool]:
    ticks = iter(range(10**12))
    return lambda _now: next(ticks) % seconds == 0


def _once_at_a_time(app: Flask, job: Job) -> Callable[[], None]:
    busy = threading.Lock()

    def work() -> None:
        with _unless_busy(busy) as mine:
            if not mine:
                return
            try:
                run(app, job.name)
            except Exception:
                log.exception(
                    "job_failed", job=job.name
                )  # the tables know where it stood; the next interval tries again

    return work


@contextmanager
def _unless_busy(lock: threading.Lock) -> Iterator[bool]:
    mine = lock.acquire(blocking=False)
    try:
        yield mine
    finally:
        if mine:
            lock.release()


@click.command("worker")
@click.option("--workers", type=click.IntRange(min=1), help="Sweeps that may run side by side [default: jobs + 1].")
@with_appcontext
def worker_command(workers: int | None) -> None:
    """Run the background work until SIGINT or SIGTERM."""
    app: Flask = current_app._get_current_object()  # pyright: ignore
    consumer = build_consumer(app, app.extensions["jobs_path"], workers)
    click.echo(f"worker: {', '.join(listed(app))}")
    consumer.run()


jobs_group = AppGroup("jobs", help="The background sweeps.")


@jobs_group.command("list")
def list_command() -> None:
    """Every job with its interval."""
    for job in listed(current_app).values():
        click.echo(f"{job.name}  every {job.every_seconds} s")


@jobs_group.command("run")
@click.argument("name")
def run_command(name: str) -> None:
    """Run one job now."""
    app: Flask = current_app._get_current_object()  # pyright: ignore
    if name not in listed(app):
        raise click.ClickException(f"no job {name}; there are: {', '.join(listed(app))}")
    click.echo(f"{name}: {run(app, name)}")
