"""Shape of the evidence's forms."""

from datetime import date, timedelta

from flask_wtf import FlaskForm
from wtforms import StringField

from app.core import clock
from app.evidence.errors import PeriodWrong

LONGEST = timedelta(days=366)


class PackForm(FlaskForm):
    """Which booking or coupon, and what for."""

    number = StringField("预订号或券号", render_kw={"maxlength": 24, "autocomplete": "off"})
    reason = StringField("用途", render_kw={"maxlength": 120, "autocomplete": "off"})


def period(since: str, until: str, today: date) -> tuple[date, date]:
    """The days of a settlement; without any, the month before today's. PeriodWrong."""
    if not since and not until:
        last = today.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    try:
        begin, end = clock.read_day(since), clock.read_day(until)
    except ValueError:
        raise PeriodWrong from None
    if not begin <= end <= begin + LONGEST:
        raise PeriodWrong
    return begin, end
