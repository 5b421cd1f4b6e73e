"""Refusals of the special pages."""

from app.core.errors import DomainError, NotFound


class TopicNotFound(NotFound):
    code = "topic_not_found"
    message = "这个专题还没有开始，或者已经结束。看看首页正在进行的活动吧。"


class SlugTaken(DomainError):
    code = "topic_slug_taken"
    message = "这个地址已经有页面在用，请换一个。"
    field = "slug"


class SlugUnfit(DomainError):
    code = "topic_slug_unfit"
    message = "地址只能用小写字母、数字和连字符。"
    field = "slug"


class EditedMeanwhile(DomainError):
    code = "topic_edited_meanwhile"
    message = "刚才有人修改了这个页面，已为您载入最新内容。您填写的还在，请核对后再保存。"


class BlockUnfit(DomainError):
    """One or more fields of a block are wrong; `problems` has a sentence for each."""

    code = "topic_block_unfit"
    message = "请检查标出的内容。"

    def __init__(self, problems: dict[str, str] | None = None) -> None:
        self.problems = problems or {}
        super().__init__("；".join(self.problems.values()) or None)


class PageTooLarge(DomainError):
    code = "topic_too_large"
    message = "页面内容太多了，请删减文字或拆成两个页面。"


class PageEmpty(DomainError):
    code = "topic_empty"
    message = "页面还没有内容，请先添加内容块再发布。"


class WindowUnfit(DomainError):
    code = "topic_window_unfit"
    message = "结束时间应晚于开始时间，并且晚于现在。"
    field = "until"


class PreviewExpired(NotFound):
    code = "topic_preview_expired"
    message = "预览链接已过期，请在后台重新打开预览。"
