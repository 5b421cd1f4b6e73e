"""Until when a coupon is good, in words: the date and how soon that is never disagree."""

from datetime import datetime, timedelta

import pytest

from app.core.clock import from_local
from app.coupons.rules.plain import last_day, soon_words

MORNING = from_local(datetime(2026, 11, 24, 5, 45))


@pytest.mark.parametrize(
    ("until", "day", "soon"),
    [
        (datetime(2026, 11, 25), "2026年11月24日", "今天到期"),
        (datetime(2026, 11, 26), "2026年11月25日", "明天到期"),
        # an undone redemption gave its minutes back
        (datetime(2026, 11, 26) + timedelta(minutes=3), "2026年11月25日", "明天到期"),
        (datetime(2026, 11, 26, 9, 30), "2026年11月26日09:30", "2 天后到期"),
        (datetime(2026, 11, 24, 5, 44), "2026年11月24日05:44", ""),
        (datetime(2026, 12, 31), "2026年12月30日", ""),
    ],
)
def test_the_last_day_and_how_soon_it_is_agree(until: datetime, day: str, soon: str) -> None:
    assert (last_day(from_local(until)), soon_words(from_local(until), MORNING)) == (day, soon)
