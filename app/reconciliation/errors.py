"""Refusals of the reconciliation."""

from app.core.errors import DomainError


class DayNotReconcilable(DomainError):
    code = "day_not_reconcilable"
    message = "只能对账昨天及以前三个月内的日期。"


class ReasonMissing(DomainError):
    code = "difference_reason_missing"
    message = "请写明处理结果，至少 4 个字，例如“已向微信支付核实，系测试交易”。"


class NothingToHandle(DomainError):
    code = "nothing_to_handle"
    message = "这一条已不在待处理列表，请刷新查看。"


class BillTrouble(DomainError):
    code = "bill_trouble"
    message = "账单没有取到，请稍后再试。"
    status = 503
