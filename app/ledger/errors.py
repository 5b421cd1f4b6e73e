"""Refusals of the ledger."""

from app.core.errors import DomainError


class DayNotOver(DomainError):
    code = "day_not_over"
    message = "只能日结已经过去的日期，当天的记录要到次日零点十分以后。"


class ObjectionMissing(DomainError):
    code = "objection_missing"
    message = "请写明哪里不符，至少 4 个字，例如“少一笔 15:20 的核销”。"
    field = "reason"


class CloseFileWrong(DomainError):
    code = "close_file_wrong"
    message = "这不是日结文件，请使用页面上下载的 JSON 文件。"
