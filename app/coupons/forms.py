"""Shape of a claim as it is sent."""

from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

from app.core.forms import Form


class ClaimForm(Form):
    """One coupon. `p` is the code of a poster or store that led here."""

    key = HiddenField(validators=[DataRequired(), Length(min=8, max=64)])
    p = HiddenField(validators=[Length(max=16)])
    passphrase = StringField("口令", validators=[Length(max=40, message="口令最多 40 个字。")])
