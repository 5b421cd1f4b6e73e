"""Headquarters: campaigns written, rehearsed, published, edited while people claim, paused, ended; lists and boards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import SYSTEM, Actor
from app.coupons import errors
from app.coupons.models import CampaignRehearsal, CampaignTerms, Coupon, CouponCampaign, GivingRun, GivingTarget
from app.coupons.queries import admin, board
from app.coupons.queries.claims import Claimed
from app.coupons.rules import Terms
from app.coupons.rules.rehearsal import judge_storm, storm_of
from app.coupons.services import campaigns, giving_runs, rehearsal, state
from app.coupons.services.campaigns import Seen
from app.evidence.queries.settlement import settle
from app.members.models import Consent
from app.members.services.consents import withdraw_consent
from app.messages.models import InboxMessage
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.coupons.test_admin_rules import draft

NOW = c.NOW
CHIEF = Actor("operator", 1)
DAY = timedelta(days=1)
pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def seen(campaign_id: int) -> Seen:
    return Seen(campaign_id, admin.draft_of(campaign_id).fingerprint)


def green(campaign_id: int) -> None:
    """As if it had been rehearsed as it is."""
    with transaction():
        db.session.add(
            CampaignRehearsal(
                campaign_id=campaign_id, fingerprint=admin.draft_of(campaign_id).fingerprint, green=True, findings={},
                rehearsed_at=NOW,
            )
        )  # fmt: skip


def online(**given: Any) -> int:
    number = campaigns.create_campaign(CHIEF, draft(**given), NOW)
    green(number)
    campaigns.publish_campaign(CHIEF, seen(number), NOW)
    return number


def test_who_claimed_keeps_the_terms_and_an_edit_is_for_those_to_come() -> None:
    number = online(per_person=2)
    first = c.claim(c.member(), "autumn")
    better = draft(per_person=2, face_fen=500_000, total=120, claim_until=NOW + 9 * DAY)
    campaigns.edit_campaign(CHIEF, seen(number), better, NOW, "加码")
    second = c.claim(c.member("13900000001"), "autumn")
    promised = [Terms.from_json(c.coupon(one.coupon_id).promise.rules).face_fen for one in (first, second)]
    assert promised == [300_000, 500_000]
    entry = db.session.query(AuditEntry).filter_by(action="campaign_edited").one()
    assert entry.detail["reason"] == "加码"
    assert entry.detail["changed"]["face_fen"] == [300_000, 500_000]
    assert db.session.get_one(CouponCampaign, number).claimed == 2


def test_an_edit_of_a_running_campaign_needs_a_reason_and_stays_lawful() -> None:
    number = online(total=3)
    with pytest.raises(errors.ReasonMissing):
        campaigns.edit_campaign(CHIEF, seen(number), draft(total=5), NOW, " ")
    with pytest.raises(errors.CampaignUnlawful, match="诱导分享"):
        campaigns.edit_campaign(CHIEF, seen(number), draft(total=5, terms="转发可领"), NOW, "加量")
    with pytest.raises(errors.CampaignWorse, match="发放总量不能减少"):
        campaigns.edit_campaign(CHIEF, seen(number), draft(total=2), NOW, "减量")
    stale = seen(number)
    campaigns.edit_campaign(CHIEF, stale, draft(total=5), NOW, "加量")
    with pytest.raises(errors.CampaignEdited):
        campaigns.edit_campaign(CHIEF, stale, draft(total=6), NOW, "再加")
    campaigns.end_campaign(CHIEF, number, "到此为止", NOW)
    with pytest.raises(errors.CampaignStep):
        campaigns.edit_campaign(CHIEF, seen(number), draft(total=9), NOW, "晚了")
    other = campaigns.create_campaign(CHIEF, draft(slug="other", total=5), NOW)
    with transaction():
        db.session.get_one(CouponCampaign, other).claimed = 4
    with pytest.raises(errors.TotalBelowClaimed):
        campaigns.edit_campaign(CHIEF, seen(other), draft(slug="other", total=3), NOW)
    with pytest.raises(errors.CampaignSlugTaken):
        campaigns.edit_campaign(CHIEF, seen(other), draft(total=5), NOW)


def test_only_a_lawful_and_rehearsed_campaign_goes_online_and_the_rule_is_named() -> None:
    number = campaigns.create_campaign(CHIEF, draft(terms="最终解释权归本公司所有", face_fen=None), NOW)
    with pytest.raises(errors.CampaignUnlawful) as caught:
        campaigns.publish_campaign(CHIEF, seen(number), NOW)
    assert {rule for rule, _ in caught.value.problems} == {"消费者权益保护法：格式条款", "明码标价：券面要写明价值"}
    assert "格式条款" in caught.value.message
    campaigns.edit_campaign(CHIEF, seen(number), draft(), NOW)
    with pytest.raises(errors.NotRehearsed):
        campaigns.publish_campaign(CHIEF, seen(number), NOW)
    green(number)
    campaigns.edit_campaign(CHIEF, seen(number), draft(total=101), NOW)
    with pytest.raises(errors.NotRehearsed):  # changed since
        campaigns.publish_campaign(CHIEF, seen(number), NOW)
    green(number)
    with pytest.raises(errors.CampaignUnlawful, match="领取结束要晚于开始"):  # lawful yesterday, over today
        campaigns.publish_campaign(CHIEF, seen(number), NOW + 9 * DAY)
    for nobody in (SYSTEM, Actor("staff", 1, "manager", 1)):
        with pytest.raises(NotAllowed):
            campaigns.publish_campaign(nobody, seen(number), NOW)
    version = publishing.version()
    campaigns.publish_campaign(CHIEF, seen(number), NOW)
    assert publishing.version() > version
    with pytest.raises(errors.CampaignStep):
        campaigns.publish_campaign(CHIEF, seen(number), NOW)
    campaigns.pause_campaign(CHIEF, number, "核对", NOW)
    with pytest.raises(errors.CampaignPaused):
        c.claim(c.member(), "autumn")
    with pytest.raises(errors.CampaignUnlawful):
        campaigns.resume_campaign(CHIEF, number, NOW + 9 * DAY)


def test_a_rehearsal_finds_what_to_mend_and_touches_nothing_of_the_shop() -> None:
    s.build()
    c.campaign("running", title="秋季购车券", scope="整车", stackable=True, face_fen=900_000, passphrase="秋天来了")
    number = campaigns.create_campaign(
        CHIEF, draft(stackable=True, payer="共担", dealer_permille=335, total=1000, per_person=3, daily_total=500), NOW
    )
    report = rehearsal.rehearse(CHIEF, number, NOW)
    said = {each.title: each for each in [*report.cost, *report.conflicts, *report.storm]}
    assert said["由谁承担"].text == "总部 ¥1,995,000，门店 ¥1,005,000"
    assert "共减 ¥12,000" in said["与“秋季购车券”可以叠加"].text
    assert said["标题与另一个活动相同"].light == "amber"
    assert said["应发 60 张，实发 60 张"].text.startswith("64 人各点 4 次，共 256 次")
    assert said["一人最多领到 3 张"].light == "green"
    assert report.green
    assert (c.counts("autumn"), c.counts("running")) == ((0, 0), (0, 0))
    kept = admin.find_rehearsal(number)
    assert kept
    assert kept.green
    campaigns.publish_campaign(CHIEF, seen(number), NOW)


def test_a_campaign_for_a_draw_is_rehearsed_and_published_like_any_other() -> None:
    number = campaigns.create_campaign(CHIEF, draft(way="夺券"), NOW)
    report = rehearsal.rehearse(CHIEF, number, NOW)
    assert [each.light for each in report.storm] == ["green"] * 4
    campaigns.publish_campaign(CHIEF, seen(number), NOW)
    assert admin.draft_of(number).way == "夺券"


def test_the_storm_sees_an_engine_that_gives_too_much() -> None:
    """The same crowd at a claim without its guard: red."""
    storm = storm_of(draft())
    counter = iter(range(10_000))

    def careless(actor: Actor, slug: str, now: Any, **given: Any) -> Claimed:
        with transaction() as session:
            row = session.query(CouponCampaign).one()
            session.add(CampaignTerms(campaign_id=row.id, digest=str(n := next(counter)), rules={}, created_at=now))
            session.flush()
            session.add(
                Coupon(
                    code=f"C{n}", campaign_id=row.id, terms_id=n + 1, member_id=actor.id or 0, claimed_on=now.date(),
                    claim_key=given["key"], claimed_at=now, way="直接领取", valid_from=now, valid_until=now + DAY,
                    state="issued", state_at=now,
                )
            )  # fmt: skip
        return Claimed(n, f"C{n}", now)

    found = judge_storm(storm, rehearsal.run_storm(draft(), storm, NOW, claim=careless))
    assert [each.light for each in found] == ["red", "red", "red", "green"]
    assert found[0].title == "应发 60 张，实发 128 张"


# ---- lists ----


def give(number: int, *entries: str, start: bool = True) -> int:
    run = giving_runs.prepare_run(CHIEF, number, entries, "回访", NOW)
    if start:
        giving_runs.start_run(CHIEF, run, NOW)
    return run


def states(run: int) -> list[tuple[str, str]]:
    db.session.rollback()
    rows = db.session.query(GivingTarget).filter_by(run_id=run).order_by(GivingTarget.id)
    return [(row.state, row.reason) for row in rows]


def test_a_list_gives_once_to_each_person_also_when_it_is_worked_off_twice() -> None:
    number = c.campaign(way="店员发放", channels="页面", per_person=5)
    people = [c.member(f"1390000010{n}") for n in range(3)]
    for who in people:
        c.agree(who)
    run = give(number, *(f"M{who.id}" for who in people))
    work = giving_runs._list_open()[0]  # two workers read the same line at the same moment
    line = giving_runs._next(run, set())[0]
    giving_runs._give(work, *line, NOW)
    giving_runs._give(work, *line, NOW)
    giving_runs.work_off(NOW)
    giving_runs.work_off(NOW)
    assert (c.counts(), states(run)) == ((3, 3), [("given", "")] * 3)
    coupon = db.session.query(Coupon).first()
    assert coupon
    assert (coupon.channel, c.events(coupon.id)) == ("名单", ["claimed"])
    told = db.session.query(InboxMessage).filter_by(purpose="coupon_given")
    assert told.count() == 3
    assert db.session.get_one(GivingRun, run).finished_at == NOW


@pytest.mark.both_databases
def test_two_workers_give_a_list_once(app: Flask) -> None:
    number = c.campaign(per_person=3, total=40)
    people = [c.member(f"139000006{n:02}") for n in range(12)]
    for who in people:
        c.agree(who)
    run = give(number, *(f"M{who.id}" for who in people))
    db.session.rollback()

    def work(_worker: int) -> None:
        with app.app_context():
            giving_runs.work_off(NOW)

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(work, range(3)))
    giving_runs.work_off(NOW)
    assert (c.counts(), states(run)) == ((12, 12), [("given", "")] * 12)


def test_a_list_waits_for_a_pause_goes_on_and_names_why_not() -> None:
    number = c.campaign(total=2)
    people = [c.member(f"1390000020{n}") for n in range(4)]
    for who in people:
        c.agree(who)
    c.claim(people[0])
    run = give(number, *(f"M{who.id}" for who in people))
    c.change(state="paused")
    assert giving_runs.work_off(NOW) == 0
    assert states(run) == [("waiting", "")] * 4
    c.change(state="published")
    giving_runs.stop_run(CHIEF, run, NOW)
    assert giving_runs.work_off(NOW) == 0
    giving_runs.start_run(CHIEF, run, NOW)
    consent = db.session.query(Consent).filter_by(member_id=people[1].id).one()
    withdraw_consent(people[1].id or 0, consent.id, NOW)
    giving_runs.work_off(NOW)
    assert states(run) == [
        ("refused", "person_limit"),
        ("refused", "no_consent"),
        ("given", ""),
        ("refused", "all_claimed"),
    ]
    assert c.counts() == (2, 2)


def test_a_list_that_was_dropped_gives_nothing_and_forgets_who_waited() -> None:
    number, who = c.campaign(), c.member("13900000301")
    c.agree(who)
    run = give(number, "13900000301", start=False)
    giving_runs.drop_run(CHIEF, run, NOW)
    with pytest.raises(errors.CampaignStep):
        giving_runs.start_run(CHIEF, run, NOW)
    giving_runs.work_off(NOW)
    assert (states(run), c.counts()) == ([], (0, 0))
    with pytest.raises(errors.NobodyToGive):
        give(number, "13900000302")
    with pytest.raises(NotAllowed):
        giving_runs.prepare_run(Actor("staff", 1, "manager", 1), number, ["13900000301"], "x", NOW)


def test_a_day_that_is_full_keeps_the_rest_for_tomorrow() -> None:
    number = c.campaign(daily_total=1)
    people = [c.member(f"1390000040{n}") for n in range(2)]
    for who in people:
        c.agree(who)
    run = give(number, *(f"M{who.id}" for who in people))
    giving_runs.work_off(NOW)
    assert states(run) == [("given", ""), ("waiting", "")]
    giving_runs.work_off(NOW + DAY)
    assert states(run) == [("given", "")] * 2


def test_the_board_says_what_the_coupons_and_the_ledger_say() -> None:
    shop = s.build()
    number = c.campaign(payer="共担", dealer_permille=335, per_person=3)
    used, held = c.claim(c.member(), channel="页面"), c.claim(c.member("13900000501"))
    c.claim(c.member("13900000502"), dealer_id=shop.west, channel="门店码:ABC")
    state.redeem(used.coupon_id, shop.west, 299_999, c.clerk(shop.west), NOW)
    state.revoke(held.coupon_id, "测试", CHIEF, NOW)
    found = board.get_board(number, NOW)
    assert (found.issued, found.open, found.redeemed, found.revoked, found.left, found.today) == (3, 1, 1, 1, 97, 3)
    assert found.adds_up
    line = settle(NOW.date(), NOW.date()).lines[0]
    assert (found.redeemed_fen, found.dealer_fen) == (line.fen, line.dealer_fen) == (299_999, 100_499)
    assert {row.name for row in found.channels} >= {"直接领取 · 页面", "直接领取 · 门店码 ABC"}
    assert board.get_board(number, NOW + 60 * DAY).expired == 1
