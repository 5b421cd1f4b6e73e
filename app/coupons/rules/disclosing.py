"""夺券: the eleven disclosures as they follow from the campaign, for headquarters to read and complete. Pure."""

from datetime import datetime

from app.core.clock import say
from app.core.money import format_yuan
from app.coupons.rules.draws import MOST_FEE_FEN
from app.coupons.rules.plain import validity_words
from app.coupons.rules.terms import Terms


def suggest(
    terms: Terms,
    *,
    winners: int,
    opens_at: datetime,
    closes_at: datetime,
    draws_at: datetime,
    valid_until: datetime | None,
    valid_days: int | None,
    beacon_source: str,
    organiser: str,
) -> dict[str, str]:
    """A sentence for each thing the law wants said before the first entry."""
    fee = format_yuan(MOST_FEE_FEN)
    return {
        "kind": f"优惠券（{terms.kind}）",
        "conditions": "登录本店的会员，每人参与一次。不需要购买、分享或关注。",
        "method": f"免费参与，或用微信支付 {fee} 参与；两种方式机会相同，{fee} 一律在参与结束后原路退回。",
        "draw_time": f"{say(opens_at)}至{say(closes_at)}参与，{say(draws_at)}以后开奖。",
        "draw_method": (
            f"开放前公布种子指纹，开奖时取{beacon_source or '公开随机数'}，按公开算法排序，最前 {winners} 位中奖，"
            "任何人都可以重新计算。"
        ),
        "prize": f"{terms.title}，价值 {format_yuan(prize_worth(terms))}",
        "quantity": (
            f"{winners} 张。每人机会相同，概率 = {winners} ÷ 参与人数（少于 {winners} 人时人人有奖），人数实时公布。"
        ),
        "claim_time": f"开奖后自动放进中奖人的卡券，{validity_words(valid_until, valid_days)}。",
        "delivery": "无需另外兑奖，在“我的卡券”查看，按券面规则使用。",
        "forfeiture": "券在有效期内未使用视为放弃，不折现。",
        "organiser": organiser,
    }


def prize_worth(terms: Terms) -> int:
    """What one prize is worth, in fen; 0: it is not said."""
    return terms.face_fen or terms.worth_fen or terms.most_fen or 0
