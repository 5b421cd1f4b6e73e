"""Forms that sign their CSRF token when they are shown, not already when they are read.

`core.web` has checked the token of every write before its view runs; a form that is read and answered by a redirect
needs no new one, and signing costs as much as a statement.
"""

from typing import Any, cast

from flask_wtf import FlaskForm
from flask_wtf.csrf import _FlaskFormCSRF  # pyright: ignore[reportPrivateUsage] (the only way to its field)
from wtforms import HiddenField
from wtforms.csrf.core import CSRFTokenField


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
