"""Refusals of the reviews."""

from app.core.errors import DomainError, NotAllowed, NotFound


class ReviewNotFound(NotFound):
    code = "review_not_found"
    message = "没有这条评价。"


class NotReviewable(NotFound):
    code = "not_reviewable"
    message = "没有找到这次到店记录。交车、试驾完成或到店用券以后可以评价。"


class AlreadyReviewed(DomainError):
    code = "already_reviewed"
    message = "这次到店已经评价过了，感谢您的意见。"


class StarsMissing(DomainError):
    code = "review_stars_missing"
    message = "请选择 1 到 5 星。"
    field = "stars"


class ReviewAnswered(DomainError):
    code = "review_answered"
    message = "这条评价已经回复过了。"


class LeadersAnswer(NotAllowed):
    """The store has one public answer, and a clerk is not its voice."""

    code = "review_leaders_answer"
    message = "评价只能公开回复一次，由店长或经销商管理员用自己的手机回复。"


class AnswerMissing(DomainError):
    code = "review_answer_missing"
    message = "请写下回复，最多 500 个字。"
    field = "text"


class HidingReasonMissing(DomainError):
    code = "review_hiding_reason_missing"
    message = "请写明隐藏原因，至少 4 个字。"
    field = "reason"
