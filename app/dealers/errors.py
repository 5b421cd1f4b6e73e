"""Refusals of the dealers."""

from app.core.errors import DomainError, NotAllowed, NotFound


class DealerNotFound(NotFound):
    code = "dealer_not_found"
    message = "没有找到这家门店，请从门店列表中选择。"


class PlaceUnreadable(DomainError):
    code = "place_unreadable"
    message = "位置无法识别，请选择所在城市。"


class NotManager(NotAllowed):
    code = "dealer_not_manager"
    message = "只有经销商管理员可以提交门店内容，请联系您的管理员。"


class StoreShut(DomainError):
    code = "dealer_store_shut"
    message = "门店已关闭或下架，不能提交内容。请联系总部。"


class SubmissionNotFound(NotFound):
    code = "dealer_submission_not_found"
    message = "没有找到这份提交，请从列表中选择。"


class SubmissionUnfit(DomainError):
    """`problems` has a sentence for each thing that is wrong, with the rule's name where there is one."""

    code = "dealer_submission_unfit"
    message = "请修改以下内容后再提交。"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("".join(text for _, text in problems) or None)


class NothingChanged(DomainError):
    code = "dealer_nothing_changed"
    message = "没有任何改动，不需要提交。"


class FactsChangedMeanwhile(DomainError):
    code = "dealer_facts_changed"
    message = "您填写期间门店资料已经更新，下面标出了现在的内容。您填写的还在，请核对后再提交。"


class TooManyWaiting(DomainError):
    code = "dealer_too_many_waiting"
    message = "已经有 30 份内容在等待审核，请等总部处理后再提交，或先撤回一些。"


class AlreadyDecided(DomainError):
    code = "dealer_submission_decided"
    message = "这份提交刚刚已经处理过了，请看最新的状态。"


class ChangedSinceSeen(DomainError):
    code = "dealer_changed_since_seen"
    message = "您打开这一页以后，门店现在的内容有了变化。已为您载入最新的对比，请核对后再通过。"


class RulesBroken(DomainError):
    """The sentence names the rules."""

    code = "dealer_rules_broken"
    message = "这份提交不符合发布规则，请退回门店修改。"


class ReviewReasonMissing(DomainError):
    code = "dealer_reason_missing"
    message = "请写明原因，至少 4 个字，门店会看到。"
    field = "reason"
