"""Refusals of the packs."""

from app.core.errors import DomainError


class NoSuchNumber(DomainError):
    code = "no_such_number"
    message = "没有这个预订号或券号，请核对后再试。"
    field = "number"


class ReasonMissing(DomainError):
    code = "pack_reason_missing"
    message = "请写明用途，至少 4 个字，例如“12315 投诉 2026-118”。"
    field = "reason"


class PeriodWrong(DomainError):
    code = "period_wrong"
    message = "请选择开始和结束日期，结束不早于开始，最长 366 天。"
    field = "since"
