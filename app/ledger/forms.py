"""Shape of the ledger's forms."""

from flask_wtf import FlaskForm
from wtforms import StringField


class WordsForm(FlaskForm):
    """Why a day is not right, or what headquarters answers."""

    reason = StringField("哪里不符", render_kw={"maxlength": 300})
