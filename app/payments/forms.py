"""Shape of the back office's forms about money."""

from flask_wtf import FlaskForm
from wtforms import StringField


class StuckForm(FlaskForm):
    """What was done about a refund that did not go back by itself."""

    reason = StringField("处理说明")


class CardForm(FlaskForm):
    """Where an abnormal refund goes instead; sent encrypted, kept nowhere."""

    bank_type = StringField("银行编码")
    account = StringField("银行卡号")
    name = StringField("户名")
