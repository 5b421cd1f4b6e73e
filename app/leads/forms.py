"""Shape of what is typed about leads."""

from datetime import date, datetime

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.core import clock
from app.core.money import parse_yuan
from app.leads import rules
from app.leads.errors import PriceWrong, TimeWrong


def number_of(text: str | None) -> int:
    """A row's number as typed by a form; 0, which is nobody, for what is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else 0


class AskForm(FlaskForm):
    """A price of up to three stores; nothing about the person."""

    trim = HiddenField(validators=[DataRequired("请先选择车款。"), Length(max=64)])
    source = HiddenField(validators=[Length(max=24)])
    idempotency_key = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])
    note = TextAreaField("想问什么", validators=[Length(max=rules.NOTE_LENGTH, message="最多 300 个字。")])


class CallForm(FlaskForm):
    """One store calls back. The consent names the store, so it is ticked for the store that is shown."""

    trim = HiddenField(validators=[Length(max=64)])
    estimate = HiddenField(validators=[Length(max=24)])
    source = HiddenField(validators=[Length(max=24)])
    idempotency_key = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])
    dealer = HiddenField("门店", validators=[DataRequired("请先选择门店。")])
    name = StringField("怎么称呼您", validators=[DataRequired("请填写怎么称呼您。"), Length(max=40)])
    wanted = DateTimeLocalField("希望什么时候", format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], validators=[Optional()])
    share = BooleanField("提供给门店", validators=[DataRequired("请勾选同意，门店才能联系您。")])

    @property
    def moment(self) -> datetime | None:
        """The wanted time as aware UTC. TimeWrong."""
        if self.wanted.data is None:
            if any(self.wanted.raw_data or ()):
                raise TimeWrong
            return None
        try:
            return clock.from_local(self.wanted.data)
        except OverflowError:
            raise TimeWrong from None


class LineForm(FlaskForm):
    """One line of the conversation."""

    body = TextAreaField("留言", validators=[DataRequired("请写一句话再发送。"), Length(max=rules.BODY_LENGTH)])
    nonce = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])


class RevealForm(FlaskForm):
    """The tap that shows the number to one store."""

    name = StringField("怎么称呼您", validators=[Length(max=40)])
    text = HiddenField(validators=[DataRequired()])


class QuoteForm(FlaskForm):
    """A store's offer."""

    kind = RadioField(
        "报的是", choices=[SelectChoice(key, words) for key, words in rules.QUOTE_WORDS.items()], default="bare",
        validators=[DataRequired("请选择裸车价或落地价。")],
    )  # fmt: skip
    price = StringField("价格（元）", validators=[DataRequired("请填写报价，单位元，例如 165800。")])
    included = SelectMultipleField(
        "包含", choices=[SelectChoice(key, words) for key, words in rules.INCLUDED.items()],
        option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False),
    )  # fmt: skip
    valid_until = DateField("有效期至", validators=[DataRequired("请选择有效期。")])
    conditions = TextAreaField("条件与说明", validators=[Optional(), Length(max=rules.CONDITIONS_LENGTH)])

    @property
    def fen(self) -> int:
        """The price in fen. PriceWrong."""
        try:
            return parse_yuan(self.price.data or "")
        except ValueError:
            raise PriceWrong from None

    @property
    def day(self) -> date:
        return self.valid_until.data or clock.today()


class StepForm(FlaskForm):
    """How far a store got."""

    step = HiddenField(validators=[DataRequired()])
    reason = SelectField(
        "关闭原因", choices=[SelectChoice("", "请选择"), *(SelectChoice(word, word) for word in rules.ENDINGS)],
        validate_choice=False,
    )  # fmt: skip


class MoveForm(FlaskForm):
    """Headquarters give a lead to another store."""

    dealer = StringField("门店")
    reason = StringField("原因", validators=[DataRequired("请填写原因。"), Length(max=rules.REASON_LENGTH)])


class PromiseForm(FlaskForm):
    dealer = HiddenField(validators=[DataRequired()])
    hours = IntegerField("承诺小时")
    takes = BooleanField("接收线索")
