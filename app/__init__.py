"""Zhanting 展厅: the mobile storefront that a car maker and its dealers open inside WeChat.

The map of the house, top to bottom; arrows run downwards only (import-linter keeps it):

factory                     the one module that knows everyone
admin | pages | search | sharing | topics | operations | workbook
                            back office 后台 · 首页 我的 · 搜索 · 分享 · 专题 · 运维 · data in and out 数据导入
redemption | feedback       核销 scan, preview, redeem · 意见反馈
booking                     一口价 deals, holds, bookings, hand-over
coupons                     优惠券 campaigns
reconciliation              对账   our payments against WeChat Pay's bills
payments                    支付   attempts, notices, refunds
staff                       店员   staff members, invitations, roles
messages                    消息   event push, notices to people
members | dealers | costs   会员 · 门店 · 落地价与贷款
catalog                     车型库
gateways                    微信, 微信支付, 短信 over HTTP
core                        config, clock, ids, money, db, errors, audit, outbox, htmx, security

A room appears when it has something to do; leads, instore and ledger are not built yet.
"""
