"""Readiness, heartbeats and the numbers for Prometheus."""

import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.core import clock, heartbeats, jobs, outbox
from app.core.db import db, transaction
from app.operations import metrics
from tests.booking import shop
from tests.conftest import make_settings


def beat_all(app: Flask) -> None:
    for name in jobs.listed(app):
        heartbeats.beat(name)


@pytest.mark.both_databases
def test_ready_names_each_part(app: Flask) -> None:
    beat_all(app)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "ok"
    assert set(answer.get_json()["parts"]) == {"database", "migrations", "worker"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_not_ready_while_migrations_are_missing(app: Flask) -> None:
    with transaction():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"]["migrations"]["ok"] is False
    assert app.test_client().get("/healthz").status_code == 200


def test_a_dead_worker_degrades_and_does_not_stop_the_shop(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    beat_all(app)
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr("app.core.clock.now", lambda: later)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "degraded"
    assert jobs.DELIVER in answer.get_json()["parts"]["worker"]["detail"]


@pytest.mark.both_databases
def test_a_job_leaves_a_heartbeat_and_a_failure_its_name(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.register(app, "tried", 60, lambda: 0)
    jobs.run(app, "tried")
    assert heartbeats.listed()["tried"].failed_at is None
    jobs.register(app, "tried", 60, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        jobs.run(app, "tried")
    db.session.rollback()
    assert heartbeats.listed()["tried"].error == "ZeroDivisionError"


def test_metrics_are_for_this_machine_only(app: Flask) -> None:
    http = app.test_client()
    assert http.get("/metrics").status_code == 200
    assert http.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 404
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"):
        assert http.get("/metrics", headers={name: "203.0.113.9"}).status_code == 404, name


def test_metrics_with_a_token_need_the_token(database_url: str, tmp_path: Path) -> None:
    from app.factory import create_app

    app = create_app(make_settings(database_url, tmp_path, metrics_token="t" * 20))
    http = app.test_client()
    assert http.get("/metrics").status_code == 404
    assert http.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    answer = http.get("/metrics", headers={"Authorization": f"Bearer {'t' * 20}"})
    assert answer.status_code == 200
    with app.app_context():
        db.engine.dispose()


@pytest.mark.both_databases
def test_metrics_tell_requests_backlog_jobs_and_money(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.clock.now", lambda: shop.NOW)
    built, who = shop.build(), shop.member()
    shop.place(built, who)
    with transaction():
        outbox.add("nowhere", "k1", {})
    http = app.test_client()
    http.get("/healthz")
    http.get("/no-such-page")
    said = http.get("/metrics").text
    assert 'zhanting_requests_total{endpoint="operations.show_alive",method="GET",status="200"}' in said
    assert 'zhanting_requests_total{endpoint="none",method="any",status="404"}' in said
    assert 'zhanting_request_seconds_bucket{endpoint="operations.show_alive",le="+Inf"}' in said
    assert 'zhanting_request_seconds_count{endpoint="operations.show_alive"}' in said
    assert 'zhanting_outbox_messages{state="due"}' in said
    assert 'zhanting_job_age_seconds{job="deliver_outbox"} +Inf' in said
    assert "zhanting_bookings{state=" in said
    assert "zhanting_payments" in said
    assert "13900002086" not in said


def _answer_hundred(folder: Path) -> None:
    for _ in range(100):
        metrics.observe(folder, "a.page", "GET", 200, 0.02)


def _total(folder: Path, app: Flask) -> float:
    lines = metrics.exposition(folder, jobs.listed(app), clock.now()).decode().splitlines()
    found = [line for line in lines if line.startswith("zhanting_requests_total{") and "a.page" in line]
    return float(found[0].rsplit(" ", 1)[1])


def test_processes_side_by_side_are_summed_and_recycled_ones_leave_no_files(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    fork = multiprocessing.get_context("fork")
    for _ in range(2):
        running = [fork.Process(target=_answer_hundred, args=(folder,)) for _ in range(2)]
        for process in running:
            process.start()
        for process in running:
            process.join(60)
            assert process.exitcode == 0
    assert _total(folder, app) == 400
    assert len(list(folder.glob("counter_*.db"))) <= 2


def test_a_folder_that_cannot_be_written_costs_no_request(app: Flask, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    metrics.observe(blocked / "metrics", "a.page", "GET", 200, 0.1)
    assert b"zhanting_outbox_messages" in metrics.exposition(blocked / "metrics", jobs.listed(app), clock.now())
