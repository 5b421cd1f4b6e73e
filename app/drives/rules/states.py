"""Where a test drive stands, in one word each, and the limits and times of the room."""

from datetime import datetime, timedelta
from enum import StrEnum


class DriveState(StrEnum):
    BOOKED = "booked"
    ARRIVED = "arrived"
    DRIVING = "driving"
    FINISHED = "finished"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


STATE_WORDS = {
    DriveState.BOOKED: "待到店",
    DriveState.ARRIVED: "已到店",
    DriveState.DRIVING: "试驾中",
    DriveState.FINISHED: "已完成",
    DriveState.NO_SHOW: "未到店",
    DriveState.CANCELLED: "已取消",
}
WAITING_WORD = "待改约"  # booked, but its slot no longer stands
OPEN = frozenset({DriveState.BOOKED, DriveState.ARRIVED, DriveState.DRIVING})

BOOKED_AT_ONCE = 2  # open appointments of one person
MOVES = 3  # times a person may move one appointment of their own accord
LATE = timedelta(minutes=15)  # after this the desk may note a no-show
NO_SHOW_AFTER = timedelta(minutes=30)  # after the end of the slot the worker does
LEFT_OVER = timedelta(hours=12)  # what the desk forgot to end
REMIND_DAY, REMIND_SOON = timedelta(hours=24), timedelta(hours=2)
PHOTO_LIFE = timedelta(days=30)
CONTACT_LIFE = timedelta(days=180)  # traffic offences reach the store within months

PLANS = {"order": "想订这台车", "compare": "还要再比较", "later": "暂时不买"}
SHARING_VERSION = "2026-11"
SHARING_TEXT = "我同意把姓名和手机号提供给这家门店，只用于安排这次试驾，不给其他门店；可随时在“隐私与授权”撤回。"
PHOTO_VERSION = "2026-11"
PHOTO_TEXT = "我同意上传驾驶证照片，只供这家门店核验这次试驾的驾驶资格；加密保存，30 天后自动删除，可随时撤回并删除。"
DEFAULT_ROUTES = "城市路线 · 约 20 分钟\n快速路线 · 约 30 分钟"


def state_word(state: str, displaced_at: datetime | None = None) -> str:
    """The one word that every screen uses for a state."""
    if state == DriveState.BOOKED and displaced_at is not None:
        return WAITING_WORD
    return STATE_WORDS[DriveState(state)]


def routes_of(text: str) -> list[str]:
    """The store's routes, one a line; those of the house where it names none."""
    named = [line.strip()[:60] for line in (text.strip() or DEFAULT_ROUTES).splitlines()]
    return [line for line in named if line][:6]
