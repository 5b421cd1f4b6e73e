"""Shape of a booking as it is typed."""

from datetime import UTC, datetime

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError
from wtforms.widgets import HiddenInput

from app.booking.errors import TimeWrong
from app.booking.rules.altering import ChangeKind, Wanted
from app.core import clock
from app.core.forms import Form
from app.members import rules as members

STARS = [SelectChoice(str(n), f"{n} 星 {word}") for n, word in enumerate(("很差", "较差", "一般", "满意", "很满意"), 1)]


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


class BookingForm(Form):
    """One unit at one dealer. The code is asked for only when the number is not proved yet."""

    dealer = StringField("提车门店", validators=[DataRequired("请选择一家参与门店。")])
    name = StringField("姓名", validators=[DataRequired("请填写姓名。"), Length(max=40, message="姓名最多 40 个字。")])
    phone = StringField("手机号")
    code = StringField("验证码")
    terms = BooleanField("预订条款", validators=[DataRequired("请阅读并勾选预订条款。")])
    share = BooleanField("提供给门店", validators=[DataRequired("门店需要您的姓名和手机号才能办理，请勾选同意。")])
    colour = StringField("颜色")
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
    def paint(self) -> tuple[str, int]:
        """The chosen colour and what it was said to cost more; an empty name is chosen in the store."""
        fen, _, name = (self.colour.data or "").partition(":")
        return name[:40], _number(fen)

    @property
    def dealer_id(self) -> int:
        """The chosen dealer; 0, which is nobody, for anything that is no number."""
        return _number(self.dealer.data)


class CancelForm(FlaskForm):
    """Nothing but the wish."""


class TimeForm(FlaskForm):
    """A time to come, as the phone's own picker gives it: a wall clock in Shanghai."""

    at = DateTimeLocalField("到店时间", format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], validators=[Optional()])
    seen = HiddenField()

    @property
    def moment(self) -> datetime | None:
        """The chosen time as aware UTC, None when none was chosen; TimeWrong for what is no time."""
        if self.at.data is None and any(self.at.raw_data or ()):
            raise TimeWrong
        try:
            return clock.from_local(self.at.data) if self.at.data else None
        except OverflowError:  # the first or last day of the calendar
            raise TimeWrong from None

    @property
    def seen_moment(self) -> datetime | None:
        """The proposal that was read when somebody agreed to it."""
        try:
            return datetime.fromisoformat(self.seen.data or "").astimezone(UTC)
        except (ValueError, OverflowError):
            return None


class CarForm(FlaskForm):
    vin = StringField("车架号（VIN）")


class BalanceForm(FlaskForm):
    """The receipt of a balance; with a reason it puts a former record right."""

    document = StringField("收款单据号")
    reason = StringField("更正原因")


class ReturnForm(FlaskForm):
    document = StringField("退款凭据号")


class NoShowForm(FlaskForm):
    reason = StringField("未到店情况")


class QueueForm(FlaskForm):
    """Standing in the queue needs nothing; being called by a dealer needs to name it and to agree."""

    dealer = StringField("门店")
    lead = BooleanField("提供给门店")

    def validate_lead(self, field: BooleanField) -> None:
        if self.dealer.data and not field.data:
            raise ValidationError("请勾选同意，门店才能联系您；不需要联系就不用提交。")
        if field.data and not self.dealer_id:
            raise ValidationError("请选择一家门店。")

    @property
    def dealer_id(self) -> int:
        """The chosen dealer; 0, which is nobody, for anything that is no number."""
        return _number(self.dealer.data)


class DisputeForm(FlaskForm):
    """In own words, what headquarters should look at."""

    reason = TextAreaField("请说明情况", render_kw={"rows": 3, "maxlength": 300})


class CouponsForm(FlaskForm):
    """Which coupons (their numbers), the price that was read with them, and whether to use them or only to look."""

    coupon = SelectMultipleField("优惠券", validate_choice=False)
    seen_fen = IntegerField(widget=HiddenInput(), validators=[Optional()])
    do = HiddenField()

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(code[:16] for code in (self.coupon.data or [])[:60])


class ReviewForm(FlaskForm):
    """One to five stars for the car and for the dealer, and a text if somebody wants to."""

    car_stars = RadioField("车辆", choices=STARS, validators=[InputRequired("请为车辆选择 1 到 5 星。")])
    dealer_stars = RadioField("门店", choices=STARS, validators=[InputRequired("请为门店选择 1 到 5 星。")])
    text = TextAreaField("说说用车和提车的感受", validators=[Length(max=500, message="评价最多 500 个字。")])


class ChangeForm(FlaskForm):
    """One change: of what (`kind`), to what (`to`), as it was read (`seen`); the tick is for a new dealer."""

    kind = HiddenField()
    to = StringField("更改为")
    seen = HiddenField()
    share = BooleanField("提供给门店")

    @property
    def wanted(self) -> Wanted | None:
        """What is asked for, or None for a kind nobody knows."""
        kind, to = self.kind.data or "", self.to.data or ""
        if kind not in set(ChangeKind) or not to:
            return None
        return Wanted(ChangeKind(kind), colour=to[:40], dealer_id=_number(to), owner=to[:80], share=self.share.data)
