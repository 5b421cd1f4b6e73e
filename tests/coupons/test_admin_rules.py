"""What may change after publishing, what a campaign costs and meets, which rules are gone through. Pure."""

import inspect
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.coupons.rules import lawful
from app.coupons.rules.editing import ANNOUNCED, Draft, differences, worsened
from app.coupons.rules.rehearsal import CHECKED, Car, Other, checklist, conflicts, cost_of
from tests.coupons.campaigns import NOW

DAY = timedelta(days=1)


def draft(**given: Any) -> Draft:
    """A lawful campaign as it is typed."""
    values: dict[str, Any] = {
        "slug": "autumn", "title": "秋季购车券", "kind": "代金券", "face_fen": 300_000, "total": 100, "way": "直接领取",
        "claim_from": NOW - DAY, "claim_until": NOW + 5 * DAY, "valid_until": NOW + 30 * DAY, "scope": "整车",
    }  # fmt: skip
    return Draft(**values | given)


WORSE: list[dict[str, Any]] = [
        {"face_fen": 1}, {"threshold_fen": 1}, {"total": 99}, {"per_person": 1}, {"per_day": 1}, {"daily_total": 50},
        {"claim_from": NOW}, {"claim_until": NOW + DAY}, {"valid_until": NOW + 29 * DAY}, {"valid_days": 3},
        {"usage": "到店"}, {"series": (1,)}, {"dealers": (1,)}, {"channels": "页面"}, {"stackable": False},
        {"alone": True}, {"stack_group": "x"}, {"kind": "服务券"}, {"way": "扫码"}, {"slug": "other"},
        {"scope": "精品"},
    ]  # fmt: skip


def test_what_was_announced_may_only_become_better() -> None:
    before = draft(per_person=2, stackable=True)
    for worse in WORSE:
        found = worsened(before, replace(before, **worse))
        assert found, worse
        assert all(each.rule == ANNOUNCED for each in found)
        assert not worsened(replace(before, **worse), replace(before, **worse))


def test_better_is_not_called_worse() -> None:
    before = draft(
        per_day=1, daily_total=9, per_person=2, usage="到店", series=(1,), dealers=(1,), channels="页面", alone=True,
        stack_group="x", threshold_fen=9, valid_days=9, kind="折扣券", face_fen=None, discount_permille=900, most_fen=5,
        shake_permille=5, near_m=5, scope="",
    )  # fmt: skip
    after = draft(
        per_person=3, usage="通用", stackable=True, kind="折扣券", face_fen=None, discount_permille=880, total=200,
        title="新名", payer="门店", priority=1, claim_from=NOW - 2 * DAY, valid_until=NOW + 31 * DAY, shake_permille=9,
        passphrase="换过的口令", scope="整车",
    )  # fmt: skip
    assert worsened(before, after) == []
    assert differences(before, after)["passphrase"] == ("", "已更换")


def test_costs_that_nobody_can_know_are_said() -> None:
    cars = [Car(1, "岫 S5", 18_580_000, 16_980_000)]
    open_end = draft(kind="折扣券", face_fen=None, discount_permille=880)
    cost, found = cost_of(open_end, 0, cars, 1, 4)
    assert (cost.each_fen, cost.likely_fen, found[0].light) == (2_229_600, 55_740_000, "amber")
    assert cost_of(replace(open_end, scope="精品"), 0, cars, 0, 0)[0].worst_fen is None
    assert cost_of(draft(kind="服务券", face_fen=None), 0, cars, 0, 0)[1][0].title == "没有填单张成本"
    assert cost_of(draft(face_fen=17_000_000), 0, cars, 0, 0)[1][0].light == "red"
    assert cost_of(draft(), 40, cars, 0, 0)[0].worst_fen == 60 * 300_000
    free = Other(2, "大额券", draft(face_fen=16_900_000, stackable=True).promise, "", NOW, NOW + DAY)
    found = conflicts(draft(stackable=True), [free], cars, NOW)
    assert found[-1].title == "叠加后车价为 0"
    same = replace(free, terms=draft(stackable=True, stack_group="g").promise)
    assert conflicts(draft(stackable=True, stack_group="g"), [same], cars, NOW)[0].title == "与“大额券”同组"


def test_every_rule_that_can_be_broken_is_on_the_checklist() -> None:
    source = inspect.getsource(lawful)
    named = set(re.findall(r'Breach\("([^"]+)"', source)) | set(re.findall(r'    rule = "([^"]+)"', source))
    assert named <= set(CHECKED)
    assert len(checklist(draft(), NOW)) == len(CHECKED)
