"""Pure rules of what was promised: moments, windows, numbers of cars and receipts."""

from datetime import timedelta

from app.booking.rules.promises import (
    REMIND_BALANCE,
    Window,
    balance_window,
    check_digit,
    clean_vin,
    document_problem,
    missed,
    no_show_from,
    vin_problem,
)
from tests.booking.shop import NOW

HOUR = timedelta(hours=1)


def test_the_check_digit_of_published_examples() -> None:
    assert [check_digit(v) for v in ("1M8GDM9AXKP042788", "11111111111111111", "LSVAA49J132047371")] == ["X", "1", "1"]
    assert vin_problem("WVWZZZ1JZXW000001") is None  # only VINs of China must carry one
    assert "校验" in (vin_problem("LSVAA49J232047371") or "")
    assert clean_vin(" lsvaa49j-1 32047371 ") == "LSVAA49J132047371"


def test_a_moment_belongs_to_what_comes_after_it() -> None:
    assert not missed(None, NOW)
    assert not missed(NOW + HOUR, NOW)
    assert missed(NOW, NOW)
    assert no_show_from(None, None) is None


def test_the_window_is_half_open_and_never_ends_unreminded() -> None:
    start, end = NOW, NOW + 48 * HOUR
    assert balance_window(None, None, None, NOW) is Window.OPEN
    assert balance_window(start, end, None, start - HOUR) is Window.EARLY
    assert balance_window(start, end, None, start) is Window.OPEN
    assert balance_window(start, end, None, end) is Window.OVER
    assert balance_window(start, end, end, end + HOUR) is Window.OPEN
    assert balance_window(start, end, end, end + REMIND_BALANCE) is Window.OVER


def test_what_a_receipt_may_be_called() -> None:
    for good in ("SJ-2026-0001", "杭州收据0001", "0001"):
        assert document_problem(good) is None, good
    for bad in ("", "1", "<b>0001", "0" * 61):
        assert document_problem(bad), bad
