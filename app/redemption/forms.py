"""Shape of what staff type or scan."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length


class ScanForm(FlaskForm):
    """A scanned code, or typed digits (or a number) with the last four of the phone."""

    code = StringField("数字码、订单号或券号", validators=[DataRequired("请扫码或输入数字码。"), Length(max=300)])
    tail = StringField("手机号后四位", validators=[Length(max=8)])


class ConfirmForm(FlaskForm):
    """What the preview gave; the receipt of a balance that was open, or the bill a coupon is judged by."""

    ticket = HiddenField(validators=[DataRequired(), Length(max=120)])
    nonce = HiddenField(validators=[DataRequired(), Length(max=40)])
    document = StringField("余款单据号", validators=[Length(max=60, message="单据号最多 60 个字。")])
    bill = StringField("消费金额（元）", validators=[Length(max=20, message="请填写金额，例如 3280。")])


class UndoForm(FlaskForm):
    reason = StringField("撤销原因", validators=[Length(max=120, message="原因最多 120 个字。")])


class TailForm(FlaskForm):
    """Sent by POST, so that digits of a phone stand in no address and no log."""

    tail = StringField("客户手机号后四位", validators=[DataRequired("请填写手机号后四位。"), Length(max=8)])


class GiftForm(FlaskForm):
    """Which campaign a coupon is given of."""

    campaign = HiddenField(validators=[DataRequired(), Length(max=64)])
