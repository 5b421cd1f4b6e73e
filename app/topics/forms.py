"""What editors type about a page, and how the fields of a block come out of a form."""

from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, Length, ValidationError

from app.core.forms import WallTimeField
from app.topics import rules
from app.topics.rules import AUDIENCES, BlockType, Input

SPARE_ROWS = 3


class NewTopicForm(FlaskForm):
    title = StringField("名称", validators=[DataRequired("请填写名称。"), Length(max=40, message="名称最多 40 个字。")])
    slug = StringField("地址", validators=[DataRequired("请填写地址。")])

    def validate_slug(self, field: StringField) -> None:
        try:
            rules.check_slug((field.data or "").strip())
        except ValueError as problem:
            raise ValidationError(str(problem)) from None


class DetailsForm(FlaskForm):
    title = StringField("名称", validators=[DataRequired("请填写名称。"), Length(max=40, message="名称最多 40 个字。")])
    description = TextAreaField("搜索与分享的简介", validators=[Length(max=160, message="简介最多 160 个字。")])


class PublishForm(FlaskForm):
    """Now, or between two moments."""

    when = RadioField(
        "什么时候",
        choices=[SelectChoice("now", "现在"), SelectChoice("later", "定时")],
        default="now",
        validate_choice=False,
    )
    start = WallTimeField("开始")
    until = WallTimeField("结束")

    def validate_start(self, field: WallTimeField) -> None:
        if self.when.data == "later" and field.data is None and not field.process_errors:
            raise ValidationError("定时发布请填写开始时间。")


class StepForm(FlaskForm):
    """One small step of an editor: nothing but its token."""


def read_block(kind: BlockType, given: MultiDict[str, str]) -> dict[str, Any]:
    """The fields of a block as they were typed, for the rules to check."""
    raw: dict[str, Any] = {"type": kind.key, "for": [key for key in given.getlist("for") if key in AUDIENCES]}
    for field in kind.fields:
        if field.input is Input.PICKS:
            raw[field.name] = given.getlist(field.name)[: field.limit + 1]
        elif field.input is Input.ROWS:
            columns = [given.getlist(f"{field.name}.{column.name}") for column in field.columns]
            names = [column.name for column in field.columns]
            raw[field.name] = [
                dict(zip(names, row, strict=True)) for row in zip(*columns, strict=False) if any(map(str.strip, row))
            ][: field.limit + SPARE_ROWS]
        else:
            raw[field.name] = given.get(field.name, "")
    return raw
