"""Who may do what at a store: roles, and who may invite or dismiss whom."""

import re
from datetime import timedelta

ROLES = {"clerk": "店员", "supervisor": "店长", "manager": "经销商管理员"}
RANK = {"clerk": 1, "supervisor": 2, "manager": 3}
INVITATION_LIFE = timedelta(days=3)
PHONE_LINK_LIFE = timedelta(minutes=10)
DESK_IDLE = timedelta(minutes=5)  # how long somebody acts on a shared phone without touching it
PIN_TRIES = 5
PIN_LOCK = timedelta(minutes=15)

_PIN = re.compile(r"[0-9]{4,6}")
_YEAR = re.compile(r"(19[3-9]|20[0-3])[0-9]")
_UP, _DOWN = "01234567890123456789", "98765432109876543210"


def leads(role: str) -> bool:
    """Whether this role may invite and dismiss at all."""
    return RANK.get(role, 0) >= RANK["supervisor"]


def may_manage(actor_kind: str, actor_role: str, target_role: str, *, same_dealer: bool) -> bool:
    """Headquarters manage everybody; a leading person only lower ranks of the own store."""
    if actor_kind in {"operator", "system"}:
        return target_role in ROLES
    if actor_kind != "staff" or not same_dealer or not leads(actor_role):
        return False
    return 0 < RANK.get(target_role, 0) < RANK[actor_role]


def roles_to_give(actor_kind: str, actor_role: str) -> dict[str, str]:
    """The roles this person may invite to, with their names."""
    return {role: name for role, name in ROLES.items() if may_manage(actor_kind, actor_role, role, same_dealer=True)}


def pin_problem(pin: str, phone: str = "") -> str:
    """Why a PIN is none: the form, or that anybody would try it first; empty when it is good."""
    if not _PIN.fullmatch(pin):
        return "PIN 是 4 到 6 位数字。"
    half = len(pin) // 2
    easy = (
        len(set(pin)) < 2
        or pin in _UP
        or pin in _DOWN
        or (len(pin) % 2 == 0 and pin[:half] == pin[half:])
        or (len(pin) == 4 and _YEAR.fullmatch(pin) is not None)
        or (len(pin) == 4 and pin[0] == pin[1] and pin[2] == pin[3])
        or pin in {"2580", "0852", "1314", "5201", "147258", "258369", "520520", "5201314"}
    )
    if easy:
        return "这个 PIN 太容易猜（连号、重复或年份），请换一个。"
    return "请不要用自己手机号里的数字作 PIN。" if phone and pin in phone else ""
