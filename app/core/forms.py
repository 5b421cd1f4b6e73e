"""Forms that sign their CSRF token when they are shown, not already when they are read; fields of several rooms.

`core.web` has checked the token of every write before its view runs; a form that is read and answered by a redirect
needs no new one, and signing costs as much as a statement.
"""

from datetime import datetime
from typing import Any, cast

from flask_wtf import FlaskForm
from flask_wtf.csrf import _FlaskFormCSRF  # pyright: ignore[reportPrivateUsage] (the only way to its field)
from wtforms import DateField, DateTimeField, DateTimeLocalField, HiddenField
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


class _Typed(DateTimeField):
    """What cannot be read, or lies beyond any calendar in use, is refused in a sentence and never kept."""

    unit, example = "", ""

    def process_formdata(self, valuelist: list[str]) -> None:
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
            if self.data is not None and not clock.in_reach(self.data):
                self.data = None
                raise ValueError
        except ValueError:
            name = str(self.label.text).removesuffix(self.unit)
            raise ValueError(f"{name}{self.unit}看不懂，应写作 {self.example}。") from None


class WallTimeField(_Typed, DateTimeLocalField):
    """A moment on the clock in Shanghai, or nothing; `moment` is it in UTC."""

    unit, example = "时间", "2026-12-01T10:00"

    def __init__(self, label: str, **given: Any) -> None:
        super().__init__(label, format=_WALL, **given)

    @property
    def moment(self) -> datetime | None:
        return clock.from_local(self.data) if self.data else None


class DayField(_Typed, DateField):
    """A day, or nothing."""

    unit, example = "日期", "2026-12-31"
