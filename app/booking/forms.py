"""Shape of a booking as it is typed."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, StringField
from wtforms.validators import DataRequired, Length, ValidationError
from wtforms.widgets import HiddenInput

from app.members import rules as members


class BookingForm(FlaskForm):
    """One unit at one dealer. The code is asked for only when the number is not proved yet."""

    dealer = StringField("提车门店", validators=[DataRequired("请选择一家参与门店。")])
    name = StringField("姓名", validators=[DataRequired("请填写姓名。"), Length(max=40, message="姓名最多 40 个字。")])
    phone = StringField("手机号")
    code = StringField("验证码")
    terms = BooleanField("预订条款", validators=[DataRequired("请阅读并勾选预订条款。")])
    share = BooleanField("提供给门店", validators=[DataRequired("门店需要您的姓名和手机号才能办理，请勾选同意。")])
    idempotency_key = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])
    seen_price_fen = IntegerField(widget=HiddenInput(), validators=[DataRequired()])
    terms_version = HiddenField(validators=[DataRequired(), Length(max=24)])

    def validate_phone(self, field: StringField) -> None:
        number = members.normalise_phone(field.data or "")
        if number is None:
            raise ValidationError("请输入 11 位手机号，例如 139 0000 0000。")

    @property
    def number(self) -> str:
        """The eleven digits, however they were typed."""
        return members.normalise_phone(self.phone.data or "") or ""

    @property
    def dealer_id(self) -> int:
        """The chosen dealer; 0, which is nobody, for anything that is no number."""
        text = self.dealer.data or ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class CancelForm(FlaskForm):
    """Nothing but the wish."""
