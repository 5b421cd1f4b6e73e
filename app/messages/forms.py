"""Shape of what the headquarters types about messages."""

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import Length

from app.messages import rules


class ReplyForm(FlaskForm):
    """One automatic answer."""

    kind = SelectField("什么时候回复", choices=[SelectChoice(*pair) for pair in rules.REPLY_WORDS.items()])
    keyword = StringField("关键词或菜单键", validators=[Length(max=64, message="最多 64 个字。")])
    answer = TextAreaField("回复内容", validators=[Length(max=600, message="最多 600 字。")])
