"""The payment tables: success is final, only what is compared is believed, patience grows."""

import itertools
from datetime import timedelta

import pytest

from app.payments.rules import (
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    Claim,
    PaymentAction,
    PaymentState,
    RefundState,
    compare,
    look_after_closing,
    may_begin,
    next_query,
    suggest_method,
)
from tests.booking.shop import NOW


def test_success_is_final_and_late_money_is_real() -> None:
    assert not [pair for pair in PAYMENT_TRANSITIONS if pair[0] is PaymentState.SUCCEEDED]
    for state in set(PaymentState) - {PaymentState.SUCCEEDED}:
        assert PAYMENT_TRANSITIONS[(state, PaymentAction.PAY)] is PaymentState.SUCCEEDED
    assert not REFUND_TRANSITIONS[RefundState.SUCCEEDED]


@pytest.mark.parametrize("field", ["app_id", "mch_id", "number", "amount_fen", "currency"])
def test_each_of_the_five_is_compared(field: str) -> None:
    ours = Claim("app", "mch", "no", 100, "CNY")
    theirs = Claim(**{**{f: getattr(ours, f) for f in Claim.__slots__}, field: None})  # pyright: ignore
    assert compare(ours, ours) is None
    assert compare(ours, theirs) is not None


def test_no_attempt_in_the_last_minute() -> None:
    assert may_begin(NOW, NOW + timedelta(seconds=60))
    assert not may_begin(NOW, NOW + timedelta(seconds=59))


def test_asking_again_grows_patient() -> None:
    moment, asked = NOW, []
    for _ in range(12):
        moment = next_query(moment, NOW)
        asked.append(int((moment - NOW).total_seconds()))
    assert asked[:4] == [10, 20, 30, 45]
    assert asked == sorted(set(asked))
    assert all(later - earlier <= 600 for earlier, later in itertools.pairwise(asked))


def test_the_looks_after_closing_come_to_an_end() -> None:
    looks, at = [], NOW
    while (at := look_after_closing(at, NOW)) is not None:
        looks.append(at - NOW)
    assert looks == [timedelta(minutes=10), timedelta(hours=1), timedelta(hours=25)]


@pytest.mark.parametrize(
    ("wechat", "desktop", "method"),
    [(True, False, "jsapi"), (False, False, "h5"), (False, True, "native"), (True, True, "native")],
)
def test_the_way_that_fits_the_client(wechat: bool, desktop: bool, method: str) -> None:
    assert suggest_method(wechat, desktop) == method
