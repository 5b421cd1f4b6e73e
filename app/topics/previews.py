"""预览链接: shows a draft to whoever holds it, for a day."""

from flask import url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.core.web import settings
from app.topics.errors import PreviewExpired

SECONDS = 24 * 3600


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.get_secret_value(), salt="topic-preview")


def preview_path(topic_id: int) -> str:
    """The address at which the draft of this page can be seen until tomorrow."""
    return url_for("topics.show_preview", token=_signer().dumps(topic_id))


def read_token(token: str) -> int:
    """The page that a token is for. PreviewExpired when it is forged or a day old."""
    try:
        return int(_signer().loads(token, max_age=SECONDS))
    except (BadSignature, ValueError, TypeError):
        raise PreviewExpired from None
