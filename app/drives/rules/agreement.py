"""试驾协议: the text that is signed, its version and digest; and what counts as a drawn signature."""

import hashlib
import re
from typing import Final

AGREEMENT_VERSION: Final = "2026-11"
AGREEMENT: Final = "\n".join(
    (
        "本人持有与试驾车型相符、在有效期内的机动车驾驶证，并已出示给门店核验。",
        "试驾前没有饮酒，没有服用影响驾驶的药物，身体状况适合驾驶。",
        "试驾中遵守道路交通安全法律法规，全程系安全带，不拨打或接听手持电话。",
        "按选定的路线行驶，听从陪驾人员的安全提示，不把车辆交给他人驾驶。",
        "试驾车辆由门店投保；发生事故时立即停车、报警并通知门店，按保险和法律规定处理。",
        "试驾期间因本人违反交通法规产生的罚款和记分由本人承担。",
        "姓名和签名只用于证明本次试驾的约定，保存 180 天后删除。",
    )
)
_DRAWN: Final = re.compile(r"(?:M\d{1,3} \d{1,3}(?:L\d{1,3} \d{1,3})*)+")
SHORTEST, LONGEST = 60, 20_000


def agreement_digest(text: str = AGREEMENT) -> str:
    """What names the exact words that were signed."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_drawing(path: str) -> bool:
    """Whether this is what the signature pad writes (lines on 600 by 200), and more than a dot."""
    return SHORTEST <= len(path) <= LONGEST and _DRAWN.fullmatch(path) is not None
