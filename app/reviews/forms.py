"""Shape of a review and of the store's answer."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, InputRequired, Length

from app.reviews.rules import MAX_ANSWER, MAX_TEXT

STARS = [SelectChoice(str(n), f"{n} 星") for n in (5, 4, 3, 2, 1)]


class ReviewForm(FlaskForm):
    of = HiddenField()
    no = HiddenField()
    stars = RadioField("这次到店", choices=STARS, validators=[InputRequired("请选择 1 到 5 星。")])
    text = TextAreaField("说说这次到店的感受", validators=[Length(max=MAX_TEXT, message="评价最多 500 个字。")])


class AnswerForm(FlaskForm):
    text = TextAreaField(
        "回复", validators=[DataRequired("请填写回复。"), Length(max=MAX_ANSWER, message="回复最多 500 个字。")]
    )
