"""Refusals of the coupons: what happened and what to do next."""

from app.core.errors import DomainError


class CampaignNotRunning(DomainError):
    code = "campaign_not_running"
    message = "这张券现在不在领取时间内，请看看其他可领的券。"


class CampaignNotStarted(CampaignNotRunning):
    code = "campaign_not_started"

    def __init__(self, when: str) -> None:
        super().__init__(f"这张券{when}开始领取，请到时再来。")


class CampaignPaused(CampaignNotRunning):
    code = "campaign_paused"
    message = "这张券暂停领取，恢复后可以继续。已领的券不受影响。"


class WishersFirst(CampaignNotRunning):
    code = "wishers_first"

    def __init__(self, when: str) -> None:
        super().__init__(f"这张券先由许过愿的会员领取，{when}起向所有人开放。")


class AllClaimed(DomainError):
    code = "all_claimed"
    message = "刚刚被领完了，请看看其他可领的券。"


class AllClaimedToday(AllClaimed):
    code = "all_claimed_today"
    message = "今天的份额已经领完，明天 0 点起可以再来领取。"


class PersonLimit(DomainError):
    code = "person_limit"
    message = "您已领过这张券，达到每人限领张数，可在「我的卡券」查看。"


class DayLimit(PersonLimit):
    code = "day_limit"
    message = "您今天已经领过这张券了，明天 0 点起可以再领。"


class WrongWay(DomainError):
    code = "wrong_way"

    def __init__(self, way: str) -> None:
        self.way = way
        super().__init__(f"这张券不能这样领取，请按页面写明的方式（{way}）领取。")


class WrongChannel(DomainError):
    code = "wrong_channel"

    def __init__(self, channels: str) -> None:
        super().__init__(f"这张券只通过以下渠道发放：{channels}。")


class NotEligible(DomainError):
    code = "not_eligible"
    message = "您暂时不符合这张券的领取条件，请看页面上的说明。"


class CouponRefused(DomainError):
    """A coupon cannot do what was asked of it now."""

    code = "coupon_refused"
    message = "这张券现在不能使用，请刷新查看最新状态。"


class CouponUsed(CouponRefused):
    code = "coupon_used"

    def __init__(self, when: str, where: str) -> None:
        super().__init__(f"这张券已于{when}在{where}核销，如有疑问请联系门店。")


class CouponHeld(CouponRefused):
    code = "coupon_held"
    message = "这张券已用于一笔预订，取消预订后会自动退回。"


class CouponRevoked(CouponRefused):
    code = "coupon_revoked"

    def __init__(self, reason: str) -> None:
        super().__init__(f"这张券已失效：{reason or '由总部作废'}。如有疑问请联系客服。")


class CouponExpired(CouponRefused):
    code = "coupon_expired"

    def __init__(self, when: str) -> None:
        super().__init__(f"这张券的有效期到{when}为止，已经过期，不能使用。")


class CouponTooEarly(CouponRefused):
    code = "coupon_too_early"

    def __init__(self, when: str) -> None:
        super().__init__(f"这张券从{when}起可以使用，还没有到时间。")


class CouponElsewhere(CouponRefused):
    code = "coupon_elsewhere"

    def __init__(self, stores: str) -> None:
        super().__init__(f"此券仅限{stores}使用，请引导客户到店。")


class CouponOnlineOnly(CouponRefused):
    code = "coupon_online_only"
    message = "此券只能在线上预订时使用，不能到店核销。"


class NotRedeemed(CouponRefused):
    code = "coupon_not_redeemed"
    message = "这张券没有已核销的记录，不能撤销，请刷新查看。"


class PassphraseWrong(DomainError):
    """The same words for a wrong one, one of another campaign and one of a campaign that does not run."""

    code = "passphrase_wrong"
    message = "口令不对，或者活动不在领取时间内。请核对后再输入。"
    field = "passphrase"


class TooManyTries(DomainError):
    code = "too_many_claim_tries"
    message = "口令输入次数过多，请 10 分钟后再试。"
    field = "passphrase"


class NotNewcomer(NotEligible):
    code = "not_newcomer"

    def __init__(self, days: int) -> None:
        super().__init__(f"这张券发给首次登录 {days} 天内的新会员。请看看其他可领的券。")


class NewcomerBefore(NotEligible):
    code = "newcomer_before"
    message = "新会员券每人一次，您已经领过了，可在「我的卡券」查看。"


class CodeStopped(NotEligible):
    code = "claim_code_stopped"
    message = "这个领券码已停用，或不属于这张券。请向门店询问，或看看其他可领的券。"


class GiftGone(NotEligible):
    code = "gift_gone"
    message = "这张券的领取码已被领取或已过期，请让店员重新出示。"


class CannotGive(DomainError):
    code = "cannot_give"
    message = "这个活动现在不能由本店发放，请核对活动时间和适用门店。"


# ---- headquarters ----


class CampaignSlugTaken(DomainError):
    code = "campaign_slug_taken"
    message = "这个编号已被另一个券活动使用，请换一个。"
    field = "slug"


class CampaignEdited(DomainError):
    code = "campaign_edited"
    message = "另一位操作员刚刚修改了这个活动，请刷新看过最新内容后再保存。"


class CampaignUnlawful(DomainError):
    code = "campaign_unlawful"
    message = "这个活动违反了规则，不能发布，请按提示修改。"

    def __init__(self, problems: list[tuple[str, str]] | None = None) -> None:
        self.problems = problems or []
        said = "；".join(f"{text}（{rule}）" for rule, text in self.problems)
        super().__init__(f"不能发布：{said}。" if said else self.message)


class CampaignWorse(CampaignUnlawful):
    code = "campaign_worse"
    message = "已公布的活动不能改得对消费者不利，请结束后复制成新活动。"

    def __init__(self, problems: list[tuple[str, str]] | None = None) -> None:
        super().__init__(problems)
        said = "；".join(text for _rule, text in self.problems)
        self.message = f"{said}（{self.problems[0][0]}）。" if said else type(self).message


class NotRehearsed(DomainError):
    code = "campaign_not_rehearsed"
    message = "发布前请先预演：上次预演以后内容改过，或预演没有通过。"


class ReasonMissing(DomainError):
    code = "campaign_reason_missing"
    message = "请填写原因，留作查核。"
    field = "reason"


class CampaignStep(DomainError):
    code = "campaign_step"
    message = "活动现在的状态不能这样操作，请刷新查看最新状态。"


class TotalBelowClaimed(DomainError):
    code = "total_below_claimed"
    field = "total"

    def __init__(self, claimed: int = 0) -> None:
        super().__init__(f"已经领出 {claimed} 张，发放总量不能少于它。")


class CodeNotForWay(DomainError):
    code = "code_not_for_way"
    message = "只有“直接领取”“扫码”和“摇一摇”的活动可以印领券码，请换一个活动。"


class CodeNeedsStore(DomainError):
    """A shake near a store is allowed by a code that hangs in one."""

    code = "code_needs_store"
    message = "摇一摇的领券码放在门店里才有用，请选择门店。"


class ListUnreadable(DomainError):
    code = "giving_list_unreadable"
    message = "看不懂这个文件，请上传一列手机号或会员号的 CSV 或 Excel 文件。"
    field = "file"


class NobodyToGive(DomainError):
    code = "giving_nobody"
    message = "名单里没有可以发放的会员，没有建立发放任务。"
    field = "file"


class PreviewOver(DomainError):
    code = "campaign_preview_over"
    message = "预览链接已过期或不完整，请在后台重新打开预览。"
    status = 404


class ShakesUsed(NotEligible):
    code = "shakes_used"

    def __init__(self, most: int) -> None:
        super().__init__(f"今天的 {most} 次已经摇完，明天 0 点起可以再摇。")


class PlaceNeeded(NotEligible):
    code = "place_needed"

    def __init__(self, metres: int) -> None:
        super().__init__(f"这张券要在适用门店 {metres} 米内摇。请先点“确认我在门店附近”，或扫店内的领券码进入。")


class TooFar(NotEligible):
    code = "too_far"


class NoChance(NotEligible):
    code = "no_chance"
    message = "这张券的中奖概率还没有公布，暂时不能摇。"


class WishRefused(DomainError):
    code = "wish_refused"
    field = "text"


class TooManyWishes(DomainError):
    code = "too_many_wishes"

    def __init__(self, most: int) -> None:
        super().__init__(f"最多同时有 {most} 个愿望在等回音，可以先收回一个再许。")


class WishesOfDay(DomainError):
    code = "wishes_of_day"
    message = "今天许的愿望已经够多了，明天 0 点起可以再许。"


class WishGone(DomainError):
    code = "wish_gone"
    message = "这个愿望已经收回或已有结果，请刷新查看。"


class NotWished(NotEligible):
    code = "not_wished"
    message = "这张券留给许过这个愿的会员，请先许愿。"


class NotAnswerable(DomainError):
    """Why a group of wishes cannot be answered like that."""

    code = "not_answerable"


class DrawOff(DomainError):
    code = "draw_off"
    message = "夺券功能没有开启（DRAWS_ENABLED），不能公示新的夺券。"


class DrawUnlawful(DomainError):
    """What stands against publishing a draw, a sentence each."""

    code = "draw_unlawful"


class DrawNotOpen(DomainError):
    code = "draw_not_open"
    message = "现在不能参与这次夺券，请看页面上的参与时间。"


class DrawNotStarted(DrawNotOpen):
    code = "draw_not_started"

    def __init__(self, when: str) -> None:
        super().__init__(f"这次夺券{when}开始参与，请到时再来。")


class DrawPaused(DrawNotOpen):
    code = "draw_paused"
    message = "这次夺券暂停参与，恢复后可以继续。已参与的不受影响。"


class DrawBusy(DomainError):
    """A draw is not in the state for what was asked."""

    code = "draw_busy"
    message = "这次夺券的状态已经变化，请刷新查看。"


class NoOffersConsent(DomainError):
    code = "no_consent"
    message = "这位会员没有同意接收优惠通知，不能发放。"
