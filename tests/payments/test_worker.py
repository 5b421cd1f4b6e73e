"""The worker: sweeps run on their intervals, a commit wakes the delivery, both signals end it cleanly."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from app.core import clock, jobs, outbox
from app.core.db import db, transaction
from app.core.outbox import OutboxMessage
from tests.booking import shop as s


def test_every_room_registered_its_sweeps(app: Flask) -> None:
    assert {"deliver_outbox", "expire_holds", "follow_up_payments", "follow_up_refunds"} <= set(jobs.listed(app))
    runner = app.test_cli_runner()
    assert runner.invoke(args=["jobs", "run", "expire_holds"]).output == "expire_holds: 0\n"
    assert "no job nothing" in runner.invoke(args=["jobs", "run", "nothing"]).output


def test_a_commit_wakes_the_delivery(app: Flask) -> None:
    done = []
    outbox.register("sample", lambda key, payload: done.append((key, payload)))
    with transaction():
        outbox.add("sample", "sample:1", {"a": 1})
    consumer = jobs.open_queue(app.extensions["jobs_path"])
    assert consumer.pending_count() == 1
    queue = jobs.build_consumer(app, app.extensions["jobs_path"], 1).huey  # drops what an earlier worker left
    assert queue.pending_count() == 0
    jobs.wake(app.extensions["jobs_path"])
    task = queue.dequeue()
    assert task is not None
    queue.execute(task)
    assert done == [("sample:1", {"a": 1})]
    db.session.rollback()
    assert db.session.query(OutboxMessage).one().state == "sent"


def test_a_commit_stands_when_the_queue_cannot_be_written(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    jobs.wake(tmp_path / "file" / "jobs.db")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_expires_holds_and_leaves_on_a_signal(app: Flask, how: signal.Signals) -> None:
    started = clock.now()
    shop = s.build(starts_at=started - timedelta(hours=1), ends_at=started + timedelta(hours=1))
    no = s.place(shop, s.member(), started - timedelta(minutes=20)).no
    db.session.remove()
    settings = app.config["SETTINGS"]
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "JOBS_PATH": str(settings.jobs_path),
        "PYTHONUNBUFFERED": "1",
    }
    root = Path(__file__).resolve().parents[2]
    worker = subprocess.Popen([sys.executable, "-m", "flask", "worker"], cwd=root, env=environment)
    try:
        for _ in range(600):
            if s.booking(no).state == "expired":
                break
            assert worker.poll() is None
            time.sleep(0.1)
        assert s.booking(no).state == "expired"
        worker.send_signal(how)
        assert worker.wait(timeout=60) == 0
    finally:
        worker.kill()
        worker.wait()
