"""Shape of an invitation, a PIN, a shared phone."""

from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
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


class PinForm(FlaskForm):
    pin = PasswordField("PIN", validators=[DataRequired("请填写 4 到 6 位数字。"), Length(max=12)])


class DeskForm(FlaskForm):
    """Who picks up the shared phone."""

    staff = RadioField("姓名", validators=[DataRequired("请选择您的姓名。")], validate_choice=False, coerce=int)
    pin = PasswordField("PIN", validators=[DataRequired("请输入您的 PIN。"), Length(max=12)])

    def __init__(self, people: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.staff.choices = people
        if self.staff.data not in dict(people):
            self.staff.data = None


class PhoneForm(FlaskForm):
    phone_name = StringField(
        "手机名称", validators=[DataRequired("请给这部手机起个名字。"), Length(max=40, message="名称最多 40 个字。")]
    )
