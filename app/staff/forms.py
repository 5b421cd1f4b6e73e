"""Shape of an invitation."""

from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.validators import DataRequired, Length


class InvitationForm(FlaskForm):
    name = StringField(
        "姓名", validators=[DataRequired("请填写对方的姓名。"), Length(max=40, message="姓名最多 40 个字。")]
    )
    role = RadioField("岗位", validators=[DataRequired("请选择岗位。")], default="clerk", validate_choice=False)

    def __init__(self, roles: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role.choices = list(roles.items())
        if self.role.data not in roles:
            self.role.data = None
