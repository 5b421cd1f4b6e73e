"""头像和昵称: taken over from WeChat after a tap, with a consent that can be withdrawn."""

import io
from datetime import datetime

import structlog
from PIL import Image

from app.core import audit
from app.core.db import transaction
from app.core.errors import GatewayError
from app.core.security import Actor
from app.gateways.wechat.port import WeChatGateway, WeChatUser
from app.members import rules
from app.members.models import Member, MemberAvatar
from app.members.services.consents import record_consent

log = structlog.get_logger(__name__)
SIDE, MAX_PIXELS = 132, 4_000_000


def adopt_profile(gateway: WeChatGateway, member_id: int, user: WeChatUser, now: datetime) -> bool:
    """Keep nickname and picture that the person just agreed to show; False when WeChat gave none. GatewayError."""
    profile = gateway.fetch_profile(user.access_token, user.openid)
    nickname = rules.clean_nickname(profile.nickname)
    picture = _picture(gateway, profile.avatar_url) if profile.avatar_url else None
    if not nickname and picture is None:
        return False
    with transaction() as session:
        member = session.get_one(Member, member_id, populate_existing=True)
        member.nickname = nickname or member.nickname
        if picture is not None:
            avatar = session.get(MemberAvatar, member_id) or MemberAvatar(member_id=member_id)
            avatar.content, avatar.fetched_at = picture, now
            session.add(avatar)
        record_consent(member_id, rules.PROFILE, rules.PROFILE_VERSION, rules.PROFILE_TEXT, now=now)
        audit.record(Actor("member", member_id), "profile_adopted", "member", member_id)
    return True


def _picture(gateway: WeChatGateway, url: str) -> bytes | None:
    """A small square of our own making; a name without a picture is better than none."""
    try:
        return shrink(gateway.fetch_avatar(url))
    except (GatewayError, OSError, ValueError, Image.DecompressionBombError) as error:
        log.warning("avatar_unavailable", error=type(error).__name__)
        return None


def shrink(content: bytes) -> bytes:
    """Any picture as a small WebP without whatever else its file carried. ValueError, OSError."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP", "GIF")) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("picture too large")
        small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        small.save(out, "WEBP", quality=82)
        return out.getvalue()
