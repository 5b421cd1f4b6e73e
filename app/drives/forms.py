"""Shape of a test drive as it is typed."""

from datetime import UTC, datetime

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from app.drives.rules.states import PLANS
from app.members import rules as members

STARS = [SelectChoice(str(n), f"{n} 星 {word}") for n, word in enumerate(("很差", "较差", "一般", "满意", "很满意"), 1)]
PLAN_CHOICES = [SelectChoice(*each) for each in PLANS.items()]
LEADS = {"30": "30 分钟", "60": "1 小时", "120": "2 小时", "240": "4 小时", "1440": "1 天"}
LEAD_CHOICES = [SelectChoice(*each) for each in LEADS.items()]
LENGTH_CHOICES = [SelectChoice("30", "30 分钟"), SelectChoice("45", "45 分钟"), SelectChoice("60", "60 分钟")]


def moment_of(text: str | None) -> datetime | None:
    """The moment a time chip stands for; None for anything else."""
    try:
        found = datetime.fromisoformat((text or "")[:40])
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


class DriveForm(FlaskForm):
    """Car and store come filled in; time, name, phone and its code are asked for."""

    series = HiddenField()
    dealer = HiddenField()
    at = StringField("试驾时间", validators=[DataRequired("请选择一个试驾时间。")])
    name = StringField("姓名", validators=[DataRequired("请填写姓名。"), Length(max=40, message="姓名最多 40 个字。")])
    phone = StringField("手机号")
    code = StringField("验证码")
    share = BooleanField("提供给门店", validators=[DataRequired("门店需要您的姓名和手机号才能安排，请勾选同意。")])
    idempotency_key = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])

    def validate_phone(self, field: StringField) -> None:
        if members.normalise_phone(field.data or "") is None:
            raise ValidationError("请输入 11 位手机号，例如 139 0000 0000。")

    def validate_at(self, field: StringField) -> None:
        if moment_of(field.data) is None:
            raise ValidationError("请选择一个试驾时间。")

    @property
    def number(self) -> str:
        """The eleven digits, however they were typed."""
        return members.normalise_phone(self.phone.data or "") or ""

    @property
    def moment(self) -> datetime | None:
        return moment_of(self.at.data)


class MoveForm(FlaskForm):
    """Another time; at another store also the tick for it."""

    dealer = HiddenField()
    at = StringField("试驾时间", validators=[DataRequired("请选择一个试驾时间。")])
    share = BooleanField("提供给门店")


class PlainForm(FlaskForm):
    """Nothing but the wish."""


class SignForm(FlaskForm):
    """A drawing of the signature pad, or the name typed."""

    typed_name = StringField("输入姓名代替手写", validators=[Length(max=40, message="姓名最多 40 个字。")])
    drawing = HiddenField(validators=[Length(max=20_000)])
    digest = HiddenField()
    read = BooleanField("已阅读", validators=[DataRequired("请阅读协议并勾选。")])


class PhotoForm(FlaskForm):
    photo = FileField("驾驶证照片")
    agree = BooleanField("同意上传")


class AnswersForm(FlaskForm):
    """三个问题."""

    car_stars = RadioField("这台车开起来怎么样？", choices=STARS, validators=[InputRequired("请为车打 1 到 5 星。")])
    dealer_stars = RadioField("门店的接待怎么样？", choices=STARS, validators=[InputRequired("请为门店打 1 到 5 星。")])
    plan = RadioField(
        "接下来您打算？",
        choices=[SelectChoice(*each) for each in PLANS.items()],
        validators=[InputRequired("请选一项。")],
    )


class StartForm(FlaskForm):
    route = StringField("路线")


class ReasonForm(FlaskForm):
    reason = StringField("原因", validators=[Length(max=60, message="原因最多 60 个字。")])


class WalkInForm(FlaskForm):
    """Who stands there, and the car."""

    name = StringField(
        "客户称呼", validators=[DataRequired("请填写称呼，例如周先生。"), Length(max=40, message="最多 40 个字。")]
    )
    car = StringField("试驾车", validators=[DataRequired("请选择一台车。")])

    @property
    def car_id(self) -> int:
        text = self.car.data or ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class CarForm(FlaskForm):
    trim = SelectField("车款", coerce=str, validators=[InputRequired("请选择车款。")])
    colour = StringField("颜色", validators=[DataRequired("请填写颜色。"), Length(max=40)])
    plate_tail = StringField(
        "车牌尾号", validators=[DataRequired("请填写车牌后三位。"), Length(max=8, message="只写车牌尾号，最多 8 位。")]
    )
    minutes = SelectField("每次时长", choices=[SelectChoice("", "同门店设置"), *LENGTH_CHOICES])
    active_from = DateField("可试驾，从", validators=[InputRequired("请选择开始日期。")])
    active_until = DateField("可试驾，到", validators=[Optional()])


class ClosureForm(FlaskForm):
    car = SelectField("哪台车", coerce=str)
    from_on = DateField("从", validators=[InputRequired("请选择开始日期。")])
    until_on = DateField("到", validators=[InputRequired("请选择结束日期。")])
    reason = StringField("原因（客户会看到）", validators=[Length(max=60, message="最多 60 个字。")])


class DeskForm(FlaskForm):
    """How the store lends its cars."""

    minutes = SelectField("每次试驾时长", choices=LENGTH_CHOICES)
    lead_minutes = SelectField("最晚提前多久预约", choices=LEAD_CHOICES)
    days_ahead = IntegerField(
        "可预约未来几天", validators=[InputRequired("请填写天数。"), NumberRange(1, 30, "请填 1 到 30 天。")]
    )
    thanks_slug = SelectField("试驾谢礼券", coerce=str)
    routes = TextAreaField("试驾路线，每行一条", validators=[Length(max=400, message="路线最多 400 个字。")])
    licence_photos = BooleanField("请客户上传驾驶证照片")


class ThanksForm(FlaskForm):
    thanks_slug = SelectField("默认谢礼券", coerce=str)
