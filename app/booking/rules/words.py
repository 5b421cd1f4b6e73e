"""What the timeline of a booking says. Pure."""

# The timeline's words: what happened. What comes next says `path`.
REFUND_TROUBLE = "refund_trouble"
REFUND_TROUBLE_WORDS = "退款遇到问题，我们会尽快人工处理"
EVENT_WORDS = {
    "held": "已为您保留 1 台",
    "deposit_paid": "已付订金",
    "confirmed": "门店已确认",
    "car_ready": "车已备好",
    "handed_over": "已交车",
    "hand_over_undone": "交车已撤销",
    "cancelled": "已取消",
    "expired": "超时未付，已释放",
    "refunding": "已申请取消，退款中",
    "refunded": "已退款",
    "extended": "保留时间已延长",
    "time_proposed": "门店提议了到店时间",
    "time_asked": "您希望的到店时间已发给门店",
    "time_agreed": "到店时间已约定",
    "car_assigned": "已为您分配车辆",
    "balance_due": "余款待支付",
    "balance_paid": "余款已付",
    "balance_corrected": "余款登记已更正",
    "given_up": "未按约办理，已取消并退款",
    "no_show": "未按约到店",
    "coupons_used": "已选用优惠券",
    "colour_changed": "已更换颜色",
    "dealer_changed": "已更换提车门店",
    "owner_changed": "已更换登记车主",
    "dealer_missed": "门店未按承诺办理，自动退款",
    "rescued": "付款到账较晚，已为您保住名额",
    "queued_first": "名额已被订走，已为您排在候补最前",
    "case_opened": "已提交总部处理",
    "case_settled": "总部已处理",
    "given_back": "总部决定退款",
    "forfeited": "未按约提车，定金按条款处理",
    "corrected": "记录已更正",
    "reviewed": "已评价",
    "late_payment": "付款到账较晚，自动退款",
    "double_payment": "重复付款，自动退款",
    "money_returned": "退款已到账",
    "money_handled": "退款已由人工办理",
    "refunded_by_hand": "已退款",
    "store_returned": "门店已退还余款",
    REFUND_TROUBLE: REFUND_TROUBLE_WORDS,
}
BAD_EVENTS = frozenset(
    {
        "dealer_missed",
        "no_show",
        "given_up",
        "forfeited",
        "expired",
        "cancelled",
        "late_payment",
        "double_payment",
        "hand_over_undone",
        REFUND_TROUBLE,
    }
)


# What the trail of a booking says was done.
AUDIT_WORDS = {
    "booking_placed": "提交预订", "booking_deposit_paid": "首款到账", "booking_confirmed": "门店确认",
    "booking_time_proposed": "提议时间", "booking_time_agreed": "约定时间", "booking_car_assigned": "分配车辆",
    "booking_car_ready": "车已备好", "booking_no_show": "标记未到店", "booking_handed_over": "交车",
    "booking_hand_over_undone": "撤销交车", "booking_cancelled": "取消", "booking_expired": "超时释放",
    "booking_refunding": "申请退款", "booking_refunded": "退款完成", "booking_rescued": "迟付补救",
    "booking_balance_recorded": "登记余款", "booking_balance_corrected": "更正余款", "booking_balance_paid": "余款到账",
    "booking_corrected": "更正", "booking_forfeited": "违约不退", "booking_given_back": "总部退款",
    "booking_dealer_missed": "门店违约", "booking_extended": "延长保留", "booking_looked_at": "查看完整资料",
    "hold_extended": "延长保留", "redeemed": "扫码交车", "booking_contact_opened": "门店查看姓名和电话",
}  # fmt: skip
