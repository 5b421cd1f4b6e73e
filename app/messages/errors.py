"""Refusals of the messages' room."""

from app.core.errors import DomainError


class KeywordTaken(DomainError):
    code = "keyword_taken"
    message = "这个关键词已经有回复了，请直接修改那一条。"
    field = "keyword"


class AnswerMissing(DomainError):
    code = "answer_missing"
    message = "请填写要回复的内容，最多 600 字。"
    field = "answer"


class FieldsMissing(DomainError):
    code = "fields_missing"
    message = "请至少填写一个字段对应的键，例如 thing1；没有内容的通知微信不会发送。"
    field = "fields"


class TemplateUnreadable(DomainError):
    code = "template_unreadable"
    message = "模板编号只有字母、数字、横线和下划线，最多 64 位；请从公众平台复制。"
    field = "template_id"
