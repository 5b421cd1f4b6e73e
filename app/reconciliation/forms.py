"""Shape of the reconciliation's forms."""

from datetime import date

from flask_wtf import FlaskForm
from wtforms import StringField

from app.core import clock
from app.reconciliation.errors import DayNotReconcilable


class DayForm(FlaskForm):
    """Which day."""

    day = StringField("日期", render_kw={"type": "date"})

    def wanted(self) -> date:
        """The day that was chosen. DayNotReconcilable."""
        try:
            return clock.read_day(self.day.data or "")
        except ValueError:
            raise DayNotReconcilable("请选择日期，例如 2025-01-31。") from None


class HandledForm(FlaskForm):
    """Why a difference is all right."""

    reason = StringField("处理说明")
