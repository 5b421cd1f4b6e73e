"""Refusals of an import."""

from app.core.errors import DomainError
from app.workbook.rules import Problem


class WorkbookRefused(DomainError):
    """The workbook has problems; nothing was changed. `problems` are all of them."""

    code = "workbook_refused"
    message = "表格有问题，没有导入任何内容，请按提示修改后重试。"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems
