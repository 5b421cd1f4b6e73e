"""预览链接: shows a campaign to whoever holds it, for a day, whatever its state."""

from flask import url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.core.web import settings
from app.coupons.errors import PreviewOver

SECONDS = 24 * 3600


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="campaign-preview")


def preview_path(campaign_id: int) -> str:
    """The address at which this campaign can be seen until tomorrow."""
    return url_for("coupons.show_preview", token=_signer().dumps(campaign_id))


def read_token(token: str) -> int:
    """The campaign that a token is for. PreviewOver when it is forged or a day old."""
    try:
        return int(_signer().loads(token, max_age=SECONDS))
    except (BadSignature, ValueError, TypeError):
        raise PreviewOver from None
