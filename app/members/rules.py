"""What holds for members without asking anybody: phone numbers, local paths, limits, purposes."""

import re
from datetime import timedelta
from urllib.parse import unquote, urlsplit

PHONE = re.compile(r"1[3-9][0-9]{9}")
CODE = re.compile(r"[0-9]{6}")

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
RESEND = timedelta(seconds=60)
HOUR = timedelta(hours=1)
# Phone networks put many people behind one address; a phone's and a member's own limits are the tight ones.
PER_PHONE, PER_MEMBER, PER_DEVICE, PER_ADDRESS = 5, 5, 10, 200

LOGIN_LIFE = timedelta(minutes=10)
# How long the answer to a code is given again to the same browser (a callback requested twice).
OUTCOME_LIFE = timedelta(minutes=5)

TRACE_LIFE = timedelta(days=1)

# A session's cookie dies thirty days after it was last renewed; what ends it earlier is kept a day longer.
COOKIE_LIFE = timedelta(days=31)
# How long a proof of a number lets two accounts be joined.
PROOF_LIFE = timedelta(minutes=10)
# Networks give a returned number to somebody else after ninety days at the earliest: so long a proof says who has it.
NUMBER_MEMORY = timedelta(days=90)
ERASURE_WAIT = timedelta(days=7)

TYPED = "typed_phone"  # in the session: a number typed elsewhere, to be proved next
TYPED_NAME = "typed_name"  # a name from the form that asked for the code, for the form that follows
PROFILE = "wechat_profile"
OFFERS = "offers"
PURPOSES = {
    "terms": "用户协议与预订条款",
    "share_with_dealer": "把姓名和手机号提供给所选门店",
    "licence_photo": "上传驾驶证照片供试驾门店核验",
    PROFILE: "使用微信头像和昵称",
    OFFERS: "接收优惠券和活动通知",
}
# What withdrawing means for what is going on, read before the tap.
WITHDRAWING = {
    "share_with_dealer": (
        "撤回后门店立即看不到您的姓名和手机号，不能再给您打电话；进行中的预订、试驾照常，进展请在页面里看。"
    ),
    "licence_photo": "撤回后照片在几分钟内删除，试驾当天请带驾驶证原件。",
    PROFILE: "撤回后立即删除昵称和头像。",
    OFFERS: "撤回后不再主动给您发优惠券，已有的优惠券照常使用。",
}
PROFILE_VERSION = "2026-11"
OFFERS_VERSION = "2026-11"
OFFERS_TEXT = (
    "同意总部把优惠券直接放进我的卡券，并用站内消息和已订阅的微信通知告诉我。不打电话，不把手机号提供给他人；"
    "可随时在“隐私与授权”撤回。"
)
PROFILE_TEXT = "从微信获取头像和昵称，只显示在您自己的“我的”页面；撤回后立即删除。"

MAX_PATH = 400
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")


def normalise_phone(text: str) -> str | None:
    """The eleven digits of a mainland mobile number however it was typed, or None."""
    digits = re.sub(r"[\s\-()（）－]", "", text)
    digits = digits.removeprefix("+86").removeprefix("0086")
    if len(digits) == 13:
        digits = digits.removeprefix("86")
    return digits if PHONE.fullmatch(digits) else None


def mask_name(name: str) -> str:
    """周*: enough to greet, not enough to know; who gave no name is a 会员."""
    return name[:1] + "*" if name else "会员"


def mask_phone(phone: str) -> str:
    """139****0000: enough to recognise one's own number."""
    return f"{phone[:3]}****{phone[-4:]}"


def member_no(member_id: int) -> str:
    """会员号, to be quoted to support."""
    return f"M{member_id}"


def local_path(text: str | None) -> str | None:
    """The text if it is a path of this shop that a login may return to; None for everything else.

    Refuses other hosts in every spelling that a browser understands (`//evil`, `/\\evil`, schemes, control characters)
    and the login pages themselves, which would go in circles.
    """
    if not text or len(text) > MAX_PATH or not text.startswith("/") or text.startswith("//") or _UNSAFE.search(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or "//" in parts.path:
        return None
    if any(unquote(part) in {".", ".."} for part in parts.path.split("/")):  # browsers walk them: /x/../wechat/login
        return None
    if parts.path in {"/logout", "/login"} or parts.path.startswith(("/wechat/", "/login/")):
        return None
    return text


def clean_nickname(text: str) -> str:
    """A nickname as one line of at most 64 characters."""
    return " ".join("".join(c for c in text if c.isprintable()).split())[:64]


def surely_not_sent(error_code: str) -> bool:
    """Whether the SMS provider was not reached, or refused for being asked too often: another try may help."""
    return error_code in {"unreachable", "http_429"} or error_code.startswith("RequestLimitExceeded")
