"""One visible commit: what is saved when something goes wrong can be told from one function."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from app.core import audit, clock, outbox
from app.core.db import after_commit, changed_rows, db, in_transaction, transaction
from app.core.outbox import OutboxMessage
from app.core.security import SYSTEM
from app.core.shared_tokens import DatabaseTokenStore

pytestmark = pytest.mark.both_databases


def count(app) -> int:
    return len(db.session.scalars(select(OutboxMessage)).all())


def test_exception_undoes_everything_and_runs_no_callback(app):
    called = []
    with pytest.raises(RuntimeError), transaction():
        outbox.add("t", "k1", {})
        after_commit(lambda: called.append(1))
        raise RuntimeError
    assert count(app) == 0
    assert called == []


def test_inner_block_joins_the_outer_one(app):
    with pytest.raises(ValueError), transaction():
        with transaction():
            outbox.add("t", "k1", {})
        raise ValueError
    assert count(app) == 0


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_rollback_in_the_middle_cannot_save_the_other_half(app, goes_on):
    with pytest.raises((RuntimeError, InvalidRequestError)), transaction() as session:
        outbox.add("t", "k1", {})
        assert count(app) == 1
        session.rollback()
        if goes_on:
            outbox.add("t", "k2", {})
    assert count(app) == 0


def test_durable_block_refuses_to_be_inside_another(app):
    with transaction(), pytest.raises(RuntimeError, match="durable"), transaction(durable=True):
        pass


def test_write_outside_a_transaction_is_refused(app):
    with pytest.raises(RuntimeError, match="outside a transaction"):
        changed_rows(update(OutboxMessage).values(attempts=1))


def test_what_is_written_last_and_fails_saves_nothing(app):
    """On PostgreSQL the last writes travel with COMMIT: it must not happen without them."""
    wrong: Any = None
    for _ in range(8):  # told whole and prepared
        with pytest.raises(IntegrityError), transaction():
            outbox.add("sms_code", "sms_code:1", {})
            audit.record(SYSTEM, "action", wrong, None)
        assert db.session.query(OutboxMessage).count() == 0
        db.session.rollback()
    with transaction():
        outbox.add("sms_code", "sms_code:1", {})
        audit.record(SYSTEM, "action", "subject", None)
    assert db.session.query(OutboxMessage).count() == db.session.query(audit.AuditEntry).count() == 1


def test_a_transaction_in_which_nothing_happens_leaves_nothing_behind(app):
    with transaction():
        pass
    with pytest.raises(ZeroDivisionError), transaction():
        _ = 1 / 0
    with transaction() as session:  # the session is the first to use it
        session.execute(text("CREATE TABLE scratch_of_test (n integer)"))
        session.execute(text("DROP TABLE scratch_of_test"))
    assert db.session.query(OutboxMessage).count() == 0


def test_outbox_key_is_written_once(app):
    for _ in range(2):
        with transaction():
            outbox.add("t", "same", {"n": 1})
    assert count(app) == 1


def test_outbox_retries_with_back_off_then_dies_visibly(app, monkeypatch):
    outbox.register("t", lambda key, payload: 1 / 0)
    with transaction():
        outbox.add("t", "k", {})
    now = clock.now()
    for step in range(outbox.MAX_ATTEMPTS):
        monkeypatch.setattr(clock, "now", lambda s=step: now + timedelta(hours=2 * s))
        assert outbox.deliver_due() == 0
    row = db.session.scalars(select(OutboxMessage)).one()
    assert (row.state, row.attempts) == ("dead", outbox.MAX_ATTEMPTS)
    assert row.last_error.startswith("ZeroDivisionError")


def test_sent_message_keeps_no_payload(app):
    seen = []
    outbox.register("t", lambda key, payload: seen.append((key, payload)))
    with transaction():
        outbox.add("t", "k", {"phone": "x"})
    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 0
    assert seen == [("k", {"phone": "x"})]
    assert db.session.scalars(select(OutboxMessage)).one().payload == {}


def test_token_is_replaced_only_by_who_holds_the_old_value(app):
    store, later = DatabaseTokenStore(), clock.now() + timedelta(hours=2)
    assert store.get("t") is None
    assert store.replace("t", None, "one", later)
    assert not store.replace("t", None, "two", later)
    assert store.replace("t", "one", "two", later)
    assert not store.replace("t", "one", "three", later)
    assert store.get("t") == ("two", later)


def test_reading_a_token_holds_no_connection_during_the_call_that_follows(app):
    assert DatabaseTokenStore().get("t") is None
    assert not db.session().in_transaction()
    with transaction():
        outbox.add("t", "k1", {})
        DatabaseTokenStore().get("t")
        assert in_transaction()
    assert count(app) == 1
