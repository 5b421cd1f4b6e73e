"""Forms that sign their CSRF token when they are shown, not already when they are read; fields of several rooms.

`core.web` has checked the token of every write before its view runs; a form that is read and answered by a redirect
needs no new one, and signing costs as much as a statement.
"""

from datetime import datetime
from typing import Any, cast

from flask_wtf import FlaskForm
from flask_wtf.csrf import _FlaskFormCSRF  # pyright: ignore[reportPrivateUsage] (the only way to its field)
from wtforms import DateField, DateTimeLocalField, HiddenField
from wtforms.csrf.core import CSRFTokenField

from app.core import clock

_WALL = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class _Token(CSRFTokenField):
    def process(self, *args: Any, **kwargs: Any) -> None:
        HiddenField.process(self, *args, **kwargs)

    @property
    def current_token(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return cast(str, self.csrf_impl.generate_csrf_token(self))


class _SignedLate(_FlaskFormCSRF):
    field_class = _Token


class Form(FlaskForm):
    """As FlaskForm, for what a crowd posts."""

    class Meta(FlaskForm.Meta):
        csrf_class = _SignedLate


class WallTimeField(DateTimeLocalField):
    """A moment on the clock in Shanghai, or nothing; `moment` is it in UTC."""

    def __init__(self, label: str, **given: Any) -> None:
        super().__init__(label, format=_WALL, **given)

    def process_formdata(self, valuelist: list[str]) -> None:
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
            _check_reach(self)
        except ValueError:
            name = str(self.label.text).removesuffix("时间")
            raise ValueError(f"{name}时间看不懂，应写作 2026-12-01T10:00。") from None

    @property
    def moment(self) -> datetime | None:
        return clock.from_local(self.data) if self.data else None


class DayField(DateField):
    """A day, or nothing."""

    def process_formdata(self, valuelist: list[str]) -> None:
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
            _check_reach(self)
        except ValueError:
            name = str(self.label.text).removesuffix("日期")
            raise ValueError(f"{name}日期看不懂，应写作 2026-12-31。") from None


def _check_reach(field: DateField | DateTimeLocalField) -> None:
    if field.data is not None and not clock.in_reach(field.data):
        field.data = None
        raise ValueError
