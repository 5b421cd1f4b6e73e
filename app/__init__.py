"""Zhanting 展厅: the mobile storefront that a car maker and its dealers open inside WeChat.

The map of the house, top to bottom; arrows run downwards only (import-linter keeps it):

factory                     the one module that knows everyone
admin | pages | search | sharing | topics | operations | workbook | evidence
                            后台 · 首页 我的 · 搜索 · 分享 · 专题 · 运维 · 数据导入 · 存证
instore                     店内   codes in the showroom, their pages and sheets, the call for a consultant
redemption | feedback       核销 scan, preview, redeem · 意见反馈
booking                     一口价 deals, holds, bookings, hand-over
leads | drives | tradein    线索 · 试驾 · 置换
coupons                     优惠券 campaigns, ways to get one, wallet
reconciliation              对账   our payments against WeChat Pay's bills
payments                    支付   attempts, notices, refunds
staff                       店员   staff members, invitations, roles
ledger                      账本   one hash chain for each store
messages                    消息   event push, notices to people
visits | reviews            到访 · 评价 which code brought somebody; what real visits were like
members | dealers | costs   会员 · 门店 · 落地价与贷款
catalog                     车型库
gateways                    微信, 微信支付, 短信, storage, the maker's lead system over HTTP
core                        config, clock, ids, money, db, errors, audit, outbox, htmx, security
"""
