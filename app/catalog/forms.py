"""Shape of the back office's forms on the catalog."""

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.core.money import parse_yuan


class PictureForm(FlaskForm):
    """Where the picture goes is one of the series' own places."""

    place = SelectField("用在哪里", validate_choice=True)
    file = FileField("图片文件", validators=[FileRequired("请选择一张图片。")])


class PriceForm(FlaskForm):
    price = StringField(
        "新的厂商指导价（元）",
        validators=[InputRequired("请填写价格。"), Length(max=20, message="价格太长了。")],
    )

    def validate_price(self, field: Any) -> None:
        """Also leaves the amount in `fen`."""
        try:
            self.fen = int(parse_yuan((field.data or "").strip()))
        except ValueError:
            raise ValidationError("应为大于 0、最多两位小数的元，如 169800。") from None
        if not 0 < self.fen <= 10_000_000_000:
            raise ValidationError("应为大于 0、不超过 1 亿元的价格，如 169800。")
