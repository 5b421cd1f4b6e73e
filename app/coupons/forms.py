"""Shape of a claim, a shake, a wish and an entry as they are sent."""

import math
from typing import NamedTuple

from flask import request
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.forms import Form

LEAST_KEY, MOST_KEY, MOST_CODE, MOST_PASSPHRASE = 8, 64, 16, 40


class ClaimForm(Form):
    """One coupon. `p` is the code of a poster or store that led here."""

    key = HiddenField(validators=[DataRequired(), Length(min=LEAST_KEY, max=MOST_KEY)])
    p = HiddenField(validators=[Length(max=MOST_CODE)])
    passphrase = StringField(
        "口令", validators=[Length(max=MOST_PASSPHRASE, message=f"口令最多 {MOST_PASSPHRASE} 个字。")]
    )


class Claim(NamedTuple):
    """What a good ClaimForm says."""

    key: str
    p: str
    passphrase: str


def read_claim() -> Claim | None:
    """What the request says, if ClaimForm would find it good: a crowd sends it, and form objects cost a statement.

    The CSRF token of every write is checked before.
    """
    key, p, passphrase = (request.form.get(name, "") for name in Claim._fields)
    good = LEAST_KEY <= len(key) <= MOST_KEY and key.strip() and len(p) <= MOST_CODE
    return Claim(key, p, passphrase) if good and len(passphrase) <= MOST_PASSPHRASE else None


class ShakeForm(Form):
    """One shake. `p` is the code of a store that led here; the place, if one was given, is used once and forgotten."""

    key = HiddenField(validators=[DataRequired(), Length(min=8, max=64)])
    p = HiddenField(validators=[Length(max=16)])
    lat = HiddenField(validators=[Length(max=24)])
    lng = HiddenField(validators=[Length(max=24)])
    system = HiddenField(validators=[Length(max=8)])

    def place(self) -> tuple[float, float] | None:
        """(latitude, longitude) as they were given, or None."""
        try:
            lat, lng = float(self.lat.data or ""), float(self.lng.data or "")
        except ValueError:
            return None
        return (lat, lng) if math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180 else None


class WishForm(Form):
    """A wish: what kind of benefit, for which model, in one's own words."""

    key = HiddenField(validators=[DataRequired(), Length(min=8, max=64)])
    campaign = HiddenField(validators=[Length(max=64)])
    kind = RadioField("想要哪种优惠", validators=[DataRequired("请选择想要哪种优惠。")])
    series = SelectField("想买的车系", validate_choice=False, coerce=lambda slug: str(slug or "")[:64])
    city = StringField("所在城市", validators=[Length(max=24, message="城市最多 24 个字。")])
    text = TextAreaField("愿望", validators=[Length(max=400, message="愿望最多 100 个字。")])


class EntryForm(Form):
    """One entry of a draw: free, or with the yuan that comes back."""

    def kind(self) -> str:
        """`free` or `paid`, as the button says."""
        return str(request.form.get("kind", ""))[:8]
