"""One hanging provider must not hold up the other sweeps."""

from flask import Flask

from app.core import jobs


def test_every_sweep_has_a_thread_and_one_is_to_spare(app: Flask) -> None:
    consumer = jobs.build_consumer(app, app.extensions["jobs_path"])
    assert consumer.workers == len(jobs.listed(app)) + 1
    assert jobs.build_consumer(app, app.extensions["jobs_path"], 3).workers == 3
    shown = app.test_cli_runner().invoke(args=["worker", "--help"]).output
    assert "jobs + 1" in shown
