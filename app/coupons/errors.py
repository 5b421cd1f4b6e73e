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
