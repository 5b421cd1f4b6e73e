"""Shape of the operators' forms."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length


class LoginForm(FlaskForm):
    login = StringField("账号", validators=[DataRequired("请输入账号。"), Length(max=40, message="账号最多 40 个字。")])
    password = PasswordField("密码", validators=[DataRequired("请输入密码。"), Length(max=200, message="密码太长了。")])
    code = StringField("动态码", validators=[DataRequired("请输入动态码。"), Length(6, 6, "动态码是 6 位数字。")])
    next = HiddenField()


class ManagerForm(FlaskForm):
    name = StringField(
        "姓名", validators=[DataRequired("请填写对方的姓名。"), Length(max=40, message="姓名最多 40 个字。")]
    )
