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
