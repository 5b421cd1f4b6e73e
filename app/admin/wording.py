"""最近操作 in the reader's words: what was done, and to what."""

from app.booking.rules import AUDIT_WORDS as BOOKING_WORDS
from app.coupons.rules import AUDIT_WORDS as CAMPAIGN_WORDS

SUBJECTS = {
    "activity": "门店活动", "booking": "预订", "booking_case": "待办", "campaign": "优惠券活动",
    "claim_code": "领券码", "consent": "授权", "counter_phone": "公用手机", "coupon": "优惠券", "deal": "一口价",
    "dealer": "门店", "demo_car": "试驾车", "draw": "夺券", "draw_entry": "夺券报名", "drive": "试驾",
    "drive_closure": "停驾日", "drive_desk": "试驾设置", "enquiry": "询价", "feedback": "意见反馈",
    "floor_call": "客户呼叫", "gift_ticket": "店员发券", "giving_run": "定向发券", "lead": "线索",
    "lead_export": "线索导出", "ledger": "账本", "ledger_close": "日结", "member": "会员",
    "notice_template": "消息模板", "operator": "后台账号", "payment": "支付", "payment_notice": "支付通知",
    "promo_price": "本店价", "queue_place": "候补", "reconciled_day": "对账日", "reconciled_line": "对账差异",
    "redemption": "核销", "refund": "退款", "reply_rule": "自动回复", "review": "评价", "scan": "手动输入",
    "series": "车系", "staff_invitation": "人员邀请", "staff_member": "门店人员", "store_code": "店内码",
    "submission": "门店提交", "topic": "专题", "trim": "车款", "wish": "许愿", "wish_group": "许愿归组",
    "workbook": "工作簿",
}  # fmt: skip
ACTIONS = {
    **BOOKING_WORDS,
    **{action: f"{word}活动" for action, word in CAMPAIGN_WORDS.items()},
    "booking_case_opened": "提交待办", "booking_case_settled": "处理待办", "call_answered": "应答呼叫",
    "call_closed": "结束呼叫", "claim_code_made": "生成领券码", "claim_code_stopped": "停用领券码",
    "close_answered": "答复日结异议", "close_checked": "确认日结", "close_objected": "对日结提出异议",
    "consent_given": "同意授权", "consent_withdrawn": "撤回授权", "contact_stopped": "设为不再联系",
    "day_reconciled": "完成对账", "deal_paused": "暂停一口价", "deal_resumed": "恢复一口价",
    "dealer_facts_published": "发布门店资料", "demo_car_closed": "停用试驾车", "demo_car_saved": "保存试驾车",
    "desk_opened": "登录公用手机", "difference_handled": "处理对账差异", "difference_healed": "对账差异已自动更正",
    "dispute_pack_made": "导出存证包", "draw_closed": "夺券截止", "draw_drawn": "夺券开奖",
    "draw_entered": "报名夺券", "draw_prepared": "准备夺券", "draw_prize_kept": "奖品保留",
    "draw_prize_waits": "奖品待发", "draw_published": "发布夺券", "draw_void": "夺券作废",
    "drive_answered": "回答试驾问题", "drive_booked": "预约试驾", "drive_cancelled": "取消试驾",
    "drive_cancelled_by_store": "门店取消试驾", "drive_contact_opened": "查看试驾客户姓名和电话",
    "drive_days_closed": "设置停驾日", "drive_days_opened": "取消停驾日", "drive_desk_saved": "保存试驾设置",
    "drive_displaced": "试驾需要改期", "drive_ended": "试驾结束", "drive_joined": "到店登记试驾",
    "drive_licence_seen": "核对驾驶证", "drive_moved": "试驾改期", "drive_no_show": "标记试驾未到",
    "drive_restored": "试驾恢复", "drive_signed": "签署试驾协议", "drive_thanks_saved": "设置试驾谢礼",
    "drive_walk_in": "现场登记试驾", "duty_begun": "开始值班", "duty_ended": "结束值班",
    "enquiry_opened": "提交询价", "erasure_requested": "申请注销", "erasure_withdrawn": "撤回注销申请",
    "feedback_answered": "答复反馈", "feedback_closed": "关闭反馈", "feedback_reopened": "重新打开反馈",
    "feedback_sent": "提交反馈", "gift_opened": "发券给客户", "giving_prepared": "准备定向发券",
    "guide_price_changed": "修改厂商指导价", "identity_joined": "绑定微信",
    "invitation_withdrawn": "撤回邀请", "lead_displaced": "线索门店停业",
    "lead_moved": "转派线索", "lead_number_opened": "查看线索号码", "lead_opened": "查看线索",
    "lead_promise_set": "设置答复时限", "lead_quote_taken_back": "撤回报价", "lead_quoted": "报价",
    "lead_restored": "线索门店恢复营业", "lead_step": "记录跟进", "lead_taken": "认领线索",
    "leads_exported": "导出线索", "ledger_days_closed": "完成日结", "ledger_verified": "校验账本",
    "licence_photo_added": "上传驾驶证照片", "licence_photo_deleted": "删除驾驶证照片",
    "licence_photo_opened": "查看驾驶证照片", "member_erased": "完成注销", "member_joined": "注册",
    "member_looked_at": "查看会员资料", "members_merged": "合并账号", "members_searched": "查找会员",
    "merge_undone": "撤销合并", "notice_consents_withdrawn": "撤回微信通知授权",
    "notice_template_set": "设置消息模板", "offer_withdrawn": "收回候补名额", "operator_created": "新建后台账号",
    "operator_locked": "锁定后台账号", "operator_signed_in": "登录后台", "payment_closed": "关闭支付",
    "payment_succeeded": "支付成功", "phone_link_made": "生成公用手机链接", "phone_registered": "登记公用手机",
    "phone_revoked": "停用公用手机", "phone_verified": "验证手机号", "pin_set": "设置 PIN",
    "pin_unlocked": "解锁 PIN", "profile_adopted": "更新资料", "queue_joined": "加入候补", "queue_left": "退出候补",
    "queue_limit_reached": "候补次数已满", "redeemed": "核销", "redemption_undone": "撤销核销",
    "refund_abnormal": "退款异常", "refund_closed": "退款关闭", "refund_handled": "处理退款",
    "refund_processing": "退款受理", "refund_requested": "申请退款", "refund_sent_to_card": "退款改退银行卡",
    "refund_succeeded": "退款成功", "reply_removed": "删除自动回复", "reply_set": "设置自动回复",
    "review_answered": "答复评价", "review_hidden": "隐藏评价", "review_shown": "恢复评价",
    "review_written": "提交评价", "scan_typed": "手动输入核销码", "staff_dismissed": "移除人员",
    "staff_invited": "邀请人员", "staff_joined": "人员加入", "store_code_changed": "修改店内码",
    "store_code_made": "新建店内码", "store_code_retired": "停用店内码", "store_code_scene": "生成关注码",
    "store_code_stock": "更新展车库存", "submission_approved": "通过门店提交",
    "submission_handed_in": "门店提交审核", "submission_returned": "退回门店提交",
    "submission_withdrawn": "门店撤回提交", "topic_created": "新建专题", "topic_described": "修改专题说明",
    "topic_imported": "导入专题", "topic_published": "发布专题", "topic_restored": "恢复专题",
    "topic_taken_down": "下架专题", "unit_offered": "通知候补有名额", "units_moved": "调整门店台数",
    "wish_group_answered": "答复许愿", "wishes_declined": "婉拒许愿", "wishes_grouped": "许愿归组",
    "workbook_imported": "导入工作簿",
}  # fmt: skip


def action_words(action: str, subject_kind: str) -> str:
    """What was done; a step that has no words of its own is a change of its subject."""
    return ACTIONS.get(action, f"{subject_words(subject_kind)}有变化")


def subject_words(kind: str) -> str:
    return SUBJECTS.get(kind, "其他")
