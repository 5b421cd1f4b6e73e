"""Who may do what at a store: roles, and who may invite or dismiss whom."""

from datetime import timedelta

ROLES = {"clerk": "店员", "supervisor": "店长", "manager": "经销商管理员"}
RANK = {"clerk": 1, "supervisor": 2, "manager": 3}
INVITATION_LIFE = timedelta(days=3)


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
