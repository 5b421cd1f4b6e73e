"""Shape of what members type."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import ValidationError

from app.core.errors import DomainError
from app.members import rules


class PhoneForm(FlaskForm):
    """A phone number and the code sent to it."""

    phone = StringField("手机号")
    code = StringField("验证码")
    next = HiddenField()

    def validate_phone(self, field: StringField) -> None:
        if rules.normalise_phone(field.data or "") is None:
            raise ValidationError("请输入 11 位手机号，例如 139 0000 0000。")


class CodeForm(PhoneForm):
    """Both, when the code is handed in."""

    def validate_code(self, field: StringField) -> None:
        if not rules.CODE.fullmatch((field.data or "").strip()):
            raise ValidationError("请输入短信里的 6 位验证码。")


def put_onto(form: FlaskForm, refusal: DomainError) -> None:
    """The refusal's sentence on its field, or on the phone number."""
    field = form[refusal.field] if refusal.field and refusal.field in form else form["phone"]
    field.errors = [*field.errors, refusal.message]
