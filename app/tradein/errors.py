"""Refusals of the trade-in."""

from app.core.errors import DomainError, NotFound


class EstimateNotFound(NotFound):
    code = "estimate_not_found"
    message = "这次估价已过期或不存在，请重新估价。"


class AnswerWrong(DomainError):
    code = "answer_wrong"
    message = "请选择一项。"
    field = "answer"


class NoTable(DomainError):
    code = "no_table"
    message = "估价暂时不可用，请直接预约门店检测。"
    status = 503
