"""Shape of what a store hands in: required, length, format. What the law says is asked by the services."""

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from app.core import clock
from app.core.forms import WallTimeField
from app.core.money import parse_yuan
from app.dealers import timetable
from app.dealers.hours import DAYS
from app.dealers.promoting import MAX_CONDITIONS, MAX_INTRO, MAX_REASON, MAX_TEXT, MAX_TITLE

SPARE = 3
Special = tuple[str, str, str]  # first day, last day, hours, as typed


class SubmissionForm(FlaskForm):
    """What every submission carries."""

    key = HiddenField(validators=[DataRequired("请刷新页面后重试。"), Length(max=40)])
    publish_at = WallTimeField("发布时间")
    note = StringField("给总部的说明", validators=[Length(max=200, message="说明最多 200 个字。")])


class WindowForm(SubmissionForm):
    starts_at = WallTimeField("开始时间")
    ends_at = WallTimeField("结束时间")

    def validate_starts_at(self, field: WallTimeField) -> None:
        if not field.process_errors and field.moment is None:
            raise ValidationError("请填写开始时间。")

    def validate_ends_at(self, field: WallTimeField) -> None:
        if not field.process_errors and field.moment is None:
            raise ValidationError("请填写结束时间。")


class FactsForm(SubmissionForm):
    """`day0` … `day6` are Monday to Sunday; the special days come as rows beside the form."""

    seen = HiddenField()
    phone = StringField(
        "门店电话", validators=[DataRequired("请填写门店电话。"), Length(max=24, message="电话太长了。")]
    )
    intro = TextAreaField("门店简介", validators=[Length(max=MAX_INTRO, message=f"简介最多 {MAX_INTRO} 个字。")])
    photo = FileField("门店照片")
    day0 = StringField("周一")
    day1 = StringField("周二")
    day2 = StringField("周三")
    day3 = StringField("周四")
    day4 = StringField("周五")
    day5 = StringField("周六")
    day6 = StringField("周日")

    @property
    def days(self) -> list[Any]:
        return [self[f"day{n}"] for n in range(len(DAYS))]

    def hours(self, special: list[Special]) -> str | None:
        """The workbook's notation of what was typed; None where it cannot be read, with a sentence at its field."""
        texts = [str(field.data or "")[:80] for field in self.days]
        for field, text in zip(self.days, texts, strict=True):
            try:
                timetable.compose([text] * 7, ())
            except ValueError as error:
                field.errors = [str(error).replace("周一", field.label.text) + "。"]
        if any(field.errors for field in self.days):
            return None
        try:
            return timetable.compose(texts, [_special(row) for row in special])
        except ValueError as error:
            self.day6.errors = [f"{error}。"]
            return None


def read_special(given: MultiDict[str, str]) -> list[Special]:
    """The rows of special days that say anything."""
    columns = [given.getlist(f"special_{name}")[: timetable.MAX_SPECIAL] for name in ("from", "until", "text")]
    rows = [
        (first.strip()[:10], last.strip()[:10], text.strip()[:60]) for first, last, text in zip(*columns, strict=False)
    ]
    return [row for row in rows if any(row)]


def _special(row: Special) -> tuple[date, date, str]:
    first, last, text = row
    try:
        start = clock.read_day(first)
        end = clock.read_day(last) if last else start
    except ValueError:
        raise ValueError(f"特殊日期“{first or last}”看不懂，应选择一个日期") from None
    return start, end, text


class ActivityForm(WindowForm):
    title = StringField(
        "标题",
        validators=[DataRequired("请填写活动标题。"), Length(max=MAX_TITLE, message=f"标题最多 {MAX_TITLE} 个字。")],
    )
    text = TextAreaField("内容", validators=[Length(max=MAX_TEXT, message=f"内容最多 {MAX_TEXT} 个字。")])
    photo = FileField("图片")
    no_picture = BooleanField("不要图片")


class PromoForm(WindowForm):
    trim = SelectField("车款", validate_choice=False)
    price = StringField(
        "本店价（元）", validators=[DataRequired("请填写本店价。"), Length(max=20, message="价格太长了。")]
    )
    conditions = TextAreaField(
        "享受条件",
        validators=[
            DataRequired("请写明享受条件；没有条件就写“无附加条件”。"),
            Length(max=MAX_CONDITIONS, message=f"条件最多 {MAX_CONDITIONS} 个字。"),
        ],
    )
    reason = StringField(
        "优惠原因",
        validators=[DataRequired("请写明优惠原因。"), Length(max=MAX_REASON, message=f"原因最多 {MAX_REASON} 个字。")],
    )

    fen = 0

    def validate_price(self, field: Any) -> None:
        """Also leaves the amount in `fen`."""
        try:
            self.fen = int(parse_yuan((field.data or "").strip()))
        except ValueError:
            raise ValidationError("应为大于 0、最多两位小数的元，如 169800。") from None
        if not 0 < self.fen <= 10_000_000_000:
            raise ValidationError("应为大于 0、不超过 1 亿元的价格，如 169800。")
