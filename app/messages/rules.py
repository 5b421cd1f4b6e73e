"""What holds for messages without asking anybody: purposes, windows, replies."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

# WeChat's windows for customer messages: five in 48 hours after a message, three in a minute after a tap.
WROTE_WINDOW, WROTE_LIMIT = timedelta(hours=48), 5
TAPPED_WINDOW, TAPPED_LIMIT = timedelta(minutes=1), 3
TAPS = frozenset({"subscribe", "SCAN", "CLICK"})
EVENT_LIFE = timedelta(days=30)
INBOX_PAGE = 20
MAX_VALUE = 20
TEMPLATE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

SUBSCRIBE, CUSTOMER, SMS = "subscribe", "customer", "sms"
CHANNEL_WORDS = {SUBSCRIBE: "订阅通知", CUSTOMER: "客服消息", SMS: "短信"}
STATE_WORDS = {
    "waiting": "等待发送",
    "sending": "发送中",
    "sent": "已发出",
    "arrived": "已送达",
    "refused": "被拒收",
    "unknown": "结果不明，不重发",
}
REPLY_WORDS = {"text": "收到文字", "click": "点了菜单", "follow": "新关注"}
RESULT_WORDS = {
    "43101": "用户拒收或授权已用完",
    "43004": "用户未关注",
    "45015": "超出可回复时间",
    "45047": "回复条数已用完",
    "40003": "openid 无效",
    "40037": "模板编号无效",
    "47003": "模板内容不符",
    "45009": "当日次数用完",
    "no_window": "超出可回复时间",
    "no_template": "没有设置模板",
    "no_identity": "没有微信身份",
    "timeout": "等待回答超时",
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a notice is about: its title, its sentence with `{words}`, and whether a text message also goes out."""

    title: str
    body: str
    words: tuple[str, ...]
    sms: bool = False


PURPOSES: dict[str, Purpose] = {
    "deal_starts": Purpose("一口价即将开始", "{car}：{note}。", ("car", "note")),
    "deposit_paid": Purpose(
        "已收到付款", "{car}：{note}。门店会在承诺时间内确认，没有确认会自动退款。", ("car", "note")
    ),
    "hold_over": Purpose("预订名额已释放", "{car}：{note}，没有产生费用。仍想要可以重新预订。", ("car", "note")),
    "confirmed": Purpose("门店已确认", "{car}：{note}。", ("car", "note")),
    "time_proposed": Purpose("门店提议了到店时间", "{car}：{note}。请在预订页同意或另约时间。", ("car", "note")),
    "time_agreed": Purpose("到店时间已约定", "{car}：{note}到店，请带上证件和取车码。", ("car", "note")),
    "car_ready": Purpose("车已备好", "{car}：{note}。到店时间在预订页约定和查看。", ("car", "note"), sms=True),
    "balance_due": Purpose("余款待支付", "{car}：{note}。", ("car", "note"), sms=True),
    "balance_paid": Purpose("余款已收到", "{car}：{note}。", ("car", "note")),
    "no_show": Purpose(
        "没有等到您",
        "{car}：门店记录您未按约到店（{note}）。请在预订页另约时间，或提出异议。",
        ("car", "note"),
        sms=True,
    ),
    "dealer_missed": Purpose(
        "门店超时，自动退款", "{car}：{note}。已付款项原路退回，无需申请。", ("car", "note"), sms=True
    ),
    "changed": Purpose("预订已更改", "{car}：{note}。", ("car", "note")),
    "case_opened": Purpose("总部正在处理", "{car}：{note}。", ("car", "note")),
    "case_settled": Purpose("总部已处理", "{car}：{note}。", ("car", "note"), sms=True),
    "given_up": Purpose("预订已取消并退款", "{car}：{note}。如有异议，请在预订页提出。", ("car", "note"), sms=True),
    "given_back": Purpose("总部决定退款", "{car}：{note}。", ("car", "note"), sms=True),
    "forfeited": Purpose("定金按条款处理", "{car}：{note}。如有异议，请在预订页提出。", ("car", "note"), sms=True),
    "late_money": Purpose("付款将退回", "{car}：{note}。", ("car", "note"), sms=True),
    "money_returned": Purpose("退款已完成", "{car}：{note}，请留意微信支付账单。", ("car", "note"), sms=True),
    "money_handled": Purpose("退款已由人工办理", "{car}：{note}。", ("car", "note"), sms=True),
    "store_returned": Purpose("门店已退还余款", "{car}：{note}。", ("car", "note"), sms=True),
    "handed_over": Purpose("已交车", "{car} 已在 {note} 交付，祝您用车愉快。", ("car", "note")),
    "offer": Purpose("候补有名额了", "{car}：{note}，请尽快预订。", ("car", "note"), sms=True),
    "offer_ending": Purpose("候补名额快到期", "{car}：{note}，请尽快预订。", ("car", "note"), sms=True),
    "offer_lapsed": Purpose("候补名额已释放", "{car}：{note}。仍想要可以重新加入候补。", ("car", "note")),
    "offer_withdrawn": Purpose("候补继续排队", "{car}：{note}。", ("car", "note")),
    "queue_over": Purpose("候补已结束", "{car}：{note}。", ("car", "note")),
    "queued_first": Purpose("已排在候补最前", "{car}：{note}。", ("car", "note"), sms=True),
    "rescued": Purpose("付款已到账，预订保住了", "{car}：{note}。", ("car", "note"), sms=True),
    "review_asked": Purpose("用车还满意吗", "{car}：{note}。", ("car", "note")),
    "drive_booked": Purpose("试驾时间", "{car}：{note}。请带驾驶证原件。", ("car", "note")),
    "drive_soon": Purpose("试驾提醒", "{car}：{note}。来不了请提前改约或取消。", ("car", "note")),
    "drive_displaced": Purpose("试驾请改约", "{car}：{note}。", ("car", "note"), sms=True),
    "drive_cancelled": Purpose("试驾已取消", "{car}：{note}。", ("car", "note"), sms=True),
    "drive_missed": Purpose("没有等到您", "{car}：{note}。", ("car", "note")),
    "drive_ended": Purpose("试驾感觉怎么样", "{car}：{note}。", ("car", "note")),
    "drive_thanked": Purpose("试驾谢礼", "{car}：{note}已放进“我的卡券”。", ("car", "note")),
    "store_news": Purpose("门店待办", "{car}：{note}。", ("car", "note")),
    "lead_answered": Purpose("门店有回复", "{car}：{note}。", ("car", "note")),
    "lead_moved": Purpose("已改由其他门店回复", "{car}：{note}。", ("car", "note")),
    "lead_closed": Purpose("门店营业有变化", "{car}：{note}。", ("car", "note")),
    "lead_closed_visit": Purpose("检测预约有变化", "{car}：{note}。", ("car", "note"), sms=True),
    "wish_answered": Purpose("愿望有回音了", "{car}：{note}。", ("car", "note")),
    "draw_result": Purpose("夺券结果", "{car}：{note}。", ("car", "note")),
    "draw_money": Purpose("夺券参与金", "{car}：{note}。", ("car", "note")),
    "coupon_given": Purpose("收到一张优惠券", "{car}：{note}。", ("car", "note")),
    "coupon_ends": Purpose("优惠券快到期", "{car}：{note}。", ("car", "note")),
    "account": Purpose("账号提醒", "{note}", ("note",)),
}
# The approved text message reads: {1}：{2}，{3}。
_STOPS = "。；，、"
TEXT_WORDS = ("car", "note")
WORD_LABELS = {"car": "车款", "note": "说明"}


def plain(value: object, limit: int = 60) -> str:
    """One line for a message: no control characters, bounded."""
    return " ".join("".join(c for c in str(value) if c.isprintable()).split())[:limit]


def clipped(value: object, limit: int) -> str:
    """The same, ending with a whole clause where one fits: what is cut in a word reads like another word."""
    text = plain(value, 500).rstrip(_STOPS)
    if len(text) <= limit:
        return text
    end = max((text.rfind(stop, 0, limit + 1) for stop in _STOPS), default=-1)
    return text[:end] if end >= limit // 3 else text[: limit - 1] + "…"


def say(purpose: str, data: dict[str, str]) -> tuple[str, str]:
    """Title and sentence of a notice. KeyError for a purpose nobody knows or a word that is missing."""
    known = PURPOSES[purpose]
    return known.title, known.body.format(**{word: plain(data[word]).rstrip(_STOPS) for word in known.words})


def template_values(fields: dict[str, str], data: dict[str, str]) -> dict[str, str]:
    """What goes into the approved template: its keys with our words, twenty characters each at most."""
    return {key: plain(data.get(word, ""), MAX_VALUE) or "无" for word, key in fields.items() if key}


def window_after(event: str, now: datetime) -> dict[str, object]:
    """What an interaction opens, as column values of a contact."""
    if event == "message":
        return {"wrote_until": now + WROTE_WINDOW, "wrote_left": WROTE_LIMIT}
    return {"tapped_until": now + TAPPED_WINDOW, "tapped_left": TAPPED_LIMIT} if event in TAPS else {}
