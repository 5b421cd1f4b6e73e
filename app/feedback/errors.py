"""Refusals of the feedback."""

from app.core.errors import DomainError, NotFound


class ContactWithoutConsent(DomainError):
    code = "feedback_contact_without_consent"
    message = "留下联系方式需要您勾选同意；也可以不留，凭编号查看回复。"
    field = "consent"


class TextUnfit(DomainError):
    code = "feedback_text_unfit"
    message = "请写下您的意见，2 到 500 个字。"
    field = "text"


class AnswerUnfit(DomainError):
    code = "feedback_answer_unfit"
    message = "请填写回复，最多 1000 个字。"
    field = "answer"


class FeedbackNotFound(NotFound):
    code = "feedback_not_found"
    message = "没有找到这条反馈，请核对链接或编号。"
