"""Refusals of the cost tools."""

from app.core.errors import DomainError


class NoRule(DomainError):
    code = "no_rule"
    message = "这一天没有可用的费用规则，请换一个日期。"
    field = "on"
