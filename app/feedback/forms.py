"""Shape of what visitors and operators type about a page."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from app.feedback import rules

TOO_LONG = f"最多 {rules.MAX_TEXT} 个字，请精简后再提交。"


class MessageForm(FlaskForm):
    """Words, and a contact only with its own tick. `website` is seen by machines alone: who fills it in is one."""

    text = TextAreaField("您的意见")
    contact = StringField("联系方式", validators=[Length(max=rules.MAX_CONTACT, message="联系方式最多 60 个字。")])
    consent = BooleanField("同意联系", validators=[Optional()])
    website = StringField("网址")
    page = HiddenField()
    request_id = HiddenField()
    idempotency_key = HiddenField(validators=[DataRequired(), Length(min=8, max=40)])

    def validate_text(self, field: TextAreaField) -> None:
        length = len(rules.clean_text(field.data or ""))
        if not length:
            if not self.may_be_silent:
                raise ValidationError("请写下您的意见。")
            return
        if length > rules.MAX_TEXT:
            raise ValidationError(f"{TOO_LONG}现在有 {length} 个字。")
        if length < rules.MIN_TEXT:
            raise ValidationError("请再写几个字，让我们知道发生了什么。")

    def validate_consent(self, field: BooleanField) -> None:
        if rules.clean_contact(self.contact.data or "") and not field.data:
            raise ValidationError("留下联系方式需要您勾选同意；也可以不留，凭编号查看回复。")

    @property
    def may_be_silent(self) -> bool:
        """Whether nothing has to be written."""
        return False

    @property
    def by_machine(self) -> bool:
        return bool(self.website.data)


class FeedbackForm(MessageForm):
    kind = RadioField(
        "关于什么",
        choices=[SelectChoice(key, word) for key, word in rules.KINDS.items()],
        default=rules.DEFAULT_KIND,
        validate_choice=False,
    )

    @property
    def may_be_silent(self) -> bool:
        return rules.may_be_silent(self.kind.data or "", self.page.data or "")

    def validate_kind(self, field: RadioField) -> None:
        if field.data not in rules.KINDS:
            raise ValidationError("请选择是关于什么的意见。")


class AnswerForm(FlaskForm):
    answer = TextAreaField(
        "回复", validators=[DataRequired("请填写回复。"), Length(max=rules.MAX_ANSWER, message="回复最多 1000 个字。")]
    )
