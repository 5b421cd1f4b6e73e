"""Words that no page of the shop may say, whoever wrote them: a coupon's rules, a store's activity. Pure.

Sources: WeChat's rules for shared pages, 广告法, 消费者权益保护法. An engineer's reading, to be confirmed by counsel.
"""

import re
from typing import Final

SHARE_BAIT: Final = re.compile(
    r"分享|转发|集赞|点赞|助力|砍价|拼团|邀请好友|裂变|朋友圈|拉新|集卡|关注(公众号|后)?(领|可领|即送)"
)
ABSOLUTE: Final = re.compile(r"最(低价|便宜|优惠|划算|强|好)|全网(最低|第一)|国家级|史上")
FINAL_SAY: Final = re.compile(r"最终解释权")


def problems(text: str) -> list[tuple[str, str]]:
    """(the rule that is broken, what to change) for everything in a text that may not be published."""
    found: list[tuple[str, str]] = []
    if bait := SHARE_BAIT.search(text):
        found.append(("微信外链规范：诱导分享和关注", f"“{bait[0]}”：不能以分享、助力、集赞或关注换券，请删除"))
    if absolute := ABSOLUTE.search(text):
        found.append(("广告法：绝对化用语", f"“{absolute[0]}”不能使用，请改成具体的说明"))
    if FINAL_SAY.search(text):
        found.append(("消费者权益保护法：格式条款", "“最终解释权归本公司所有”无效，请删除"))
    return found
