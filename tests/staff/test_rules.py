import pytest

from app.staff.rules import may_manage, roles_to_give


@pytest.mark.parametrize(
    ("role", "gives"),
    [("clerk", []), ("supervisor", ["clerk"]), ("manager", ["clerk", "supervisor"]), ("", [])],
)
def test_staff_invite_lower_ranks_only(role, gives):
    assert list(roles_to_give("staff", role)) == gives


def test_headquarters_manage_every_role_and_nobody_else_another_store():
    assert list(roles_to_give("operator", "")) == ["clerk", "supervisor", "manager"]
    assert not may_manage("staff", "manager", "clerk", same_dealer=False)
    assert not may_manage("member", "manager", "clerk", same_dealer=True)
    assert not may_manage("operator", "", "emperor", same_dealer=True)
