"""What a store hands in: nobody sees it before headquarters approve it, the rules on prices are asked by code."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.catalog.errors import PriceRefused
from app.catalog.models import Trim
from app.catalog.pricing import PriceKind
from app.catalog.queries.prices import list_price_rows
from app.catalog.services.prices import NewPrice, change_guide_price, record_prices
from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import SYSTEM, Actor
from app.dealers import errors
from app.dealers.facts import Kind, State
from app.dealers.models import Dealer, PromoPrice, Submission
from app.dealers.queries import store
from app.dealers.queries import submissions as read
from app.dealers.services import reviewing, submitting
from app.dealers.services.submitting import ActivityWish, Hand, PromoWish
from tests.booking import shop as s
from tests.booking.shop import NOW

CHIEF = Actor("operator", 1)
DAY = timedelta(days=1)
GUIDE = 10_580_000


@pytest.fixture
def west(app) -> s.Shop:
    shop = s.build()
    with transaction():
        trim = db.session.scalars(select(Trim)).one()
        record_prices(
            [NewPrice(trim.id, PriceKind.GUIDE, GUIDE, NOW - 30 * DAY)], NOW - 30 * DAY, source="import", actor=SYSTEM
        )
    return shop


def manager(shop: s.Shop, name: str = "王样例") -> Actor:
    return s.clerk(shop.west, "manager", name)


def price(fen: int = 9_980_000, **other) -> PromoWish:
    values = {
        "trim_slug": "s5-a", "fen": fen, "starts_at": NOW, "ends_at": NOW + 9 * DAY, "conditions": "限现车",
        "reason": "年末让利", **other,
    }  # fmt: skip
    return PromoWish(**values)


def activity(**other) -> ActivityWish:
    values = {"title": "周末试驾日", "text": "到店试驾", "starts_at": NOW, "ends_at": NOW + 5 * DAY, **other}
    return ActivityWish(**values)


def seen(no: str, now=NOW) -> str:
    return read.diff_of(read.get_submission(no), now).seen


def approve(no: str, now=NOW) -> None:
    reviewing.approve(CHIEF, no, seen(no, now), now)


def hand(key: str, **other) -> Hand:
    return Hand(key, **other)


def test_a_price_is_seen_by_nobody_before_headquarters_approve_it(west) -> None:
    actor, trim_id = manager(west), db.session.scalars(select(Trim.id)).one()
    no = submitting.submit_promo(actor, price(), hand("a"), NOW)
    assert store.promo_price_of(west.west, trim_id, NOW) is None
    before = publishing.version()
    approve(no)
    assert publishing.version() == before + 1
    shown = store.promo_price_of(west.west, trim_id, NOW)
    assert shown is not None
    assert (shown.fen, shown.guide_fen, shown.saving_fen, shown.conditions) == (9_980_000, GUIDE, 600_000, "限现车")
    assert store.promo_price_of(west.east, trim_id, NOW) is None
    assert store.list_promo_prices(west.west, NOW + 9 * DAY) == []
    [row] = [r for r in list_price_rows([trim_id])[trim_id] if r.kind == PriceKind.PROMO]
    assert (row.fen, row.ends_at) == (9_980_000, NOW + 9 * DAY)
    with pytest.raises(PriceRefused, match="低于门店促销价"):
        change_guide_price("s5-a", 9_000_000, SYSTEM, NOW)
    actions = db.session.scalars(select(AuditEntry.action).where(AuditEntry.subject_kind == "submission")).all()
    assert actions == ["submission_handed_in", "submission_approved"]


RULES = [
    (price(11_000_000), "《汽车销售管理办法》第十条"),
    (price(GUIDE), "第十九条"),
    (price(998_000), "防止填错"),
    (price(ends_at=NOW - DAY), "规范促销"),
    (price(ends_at=NOW - DAY, starts_at=NOW - 2 * DAY), "已经过去"),
    (price(ends_at=NOW + 200 * DAY), "最长 92 天"),
    (price(conditions=" "), "条件要写明"),
    (price(reason=""), "原因要如实"),
    (price(conditions="比原价省一万"), "原价"),
    (price(reason="全网最低"), "绝对化用语"),
    (price(reason="转发有礼"), "诱导分享"),
    (price(trim_slug="nothing"), "请选择一款在售的车"),
    (price(conditions="长" * 201), "最多 200 个字"),
]


def test_a_price_against_a_rule_is_refused_with_its_name(west) -> None:
    actor = manager(west)
    for wish, rule in RULES:
        with pytest.raises(errors.SubmissionUnfit, match=rule):
            submitting.submit_promo(actor, wish, hand("a"), NOW)
    assert db.session.scalar(select(Submission.id)) is None


def test_a_guide_price_raised_within_seven_days_is_not_struck_through(west) -> None:
    actor = manager(west)
    no = submitting.submit_promo(actor, price(), hand("a"), NOW)
    change_guide_price("s5-a", GUIDE + 500_000, SYSTEM, NOW)
    with pytest.raises(errors.ChangedSinceSeen):
        reviewing.approve(CHIEF, no, "as it was", NOW)
    with pytest.raises(errors.RulesBroken, match="第十七条"):
        approve(no)
    with pytest.raises(errors.SubmissionUnfit, match="7 天价格规则"):
        submitting.submit_promo(actor, price(starts_at=NOW + 6 * DAY), hand("b"), NOW)
    submitting.submit_promo(actor, price(starts_at=NOW + 8 * DAY), hand("c"), NOW)


def test_one_price_at_a_time_and_a_new_one_may_take_the_place_of_the_old(west) -> None:
    actor, trim_id = manager(west), db.session.scalars(select(Trim.id)).one()
    approve(submitting.submit_promo(actor, price(), hand("a"), NOW))
    first = db.session.scalars(select(PromoPrice)).one()
    with pytest.raises(errors.SubmissionUnfit, match="同一时间只能有一个"):
        submitting.submit_promo(actor, price(9_900_000), hand("b"), NOW)
    later = price(9_900_000, starts_at=NOW + 2 * DAY, target_id=first.id)
    approve(submitting.submit_promo(actor, later, hand("c"), NOW))
    said = [store.promo_price_of(west.west, trim_id, NOW + n * DAY) for n in (1, 2, 9)]
    assert [shown and shown.fen for shown in said] == [9_980_000, 9_900_000, None]
    assert store.next_change(west.west, NOW) == NOW + 2 * DAY
    stranger = s.clerk(west.east, "manager")
    with pytest.raises(errors.SubmissionNotFound):
        submitting.submit_end(stranger, Kind.PROMO, first.id, hand("d"), NOW)
    last = db.session.scalars(select(PromoPrice.id).order_by(PromoPrice.id.desc())).first()
    approve(submitting.submit_end(actor, Kind.PROMO, last or 0, hand("e"), NOW), NOW + 3 * DAY)
    assert store.promo_price_of(west.west, trim_id, NOW + 3 * DAY) is None
    change_guide_price("s5-a", 9_700_000, SYSTEM, NOW + 6 * DAY)


@pytest.mark.both_databases
def test_two_prices_of_one_car_handed_in_side_by_side_are_both_kept_and_one_is_published(west) -> None:
    one = submitting.submit_promo(manager(west), price(), hand("a"), NOW)
    two = submitting.submit_promo(manager(west, "李样例"), price(9_900_000), hand("b"), NOW)
    mark = seen(two)
    approve(one)
    with pytest.raises(errors.RulesBroken, match="同一时间只能有一个"):
        reviewing.approve(CHIEF, two, mark, NOW)
    with pytest.raises(errors.AlreadyDecided):
        approve(one)
    reviewing.send_back(CHIEF, two, "与已发布的本店价重叠", NOW)
    kept = {row.no: (row.state, row.reason) for row in read.list_of_store(west.west)}
    assert kept == {one: (State.APPROVED, ""), two: (State.RETURNED, "与已发布的本店价重叠")}


def test_facts_change_only_what_was_changed_and_two_who_submit_lose_nothing(west) -> None:
    first, second = manager(west), manager(west, "李样例")
    dealer = db.session.get_one(Dealer, west.west)
    mark = read.edition_of(dealer)
    phone = submitting.submit_facts(first, {"phone": "0571-66660000", "intro": ""}, mark, hand("a"), NOW)
    hours = submitting.submit_facts(second, {"hours": "每天 09:00-20:30"}, mark, hand("b"), NOW)
    other = submitting.submit_facts(second, {"phone": "0571-77770000"}, mark, hand("c"), NOW)
    assert submitting.submit_facts(first, {"phone": "0571-66660000"}, mark, hand("a"), NOW) == phone
    approve(phone)
    with pytest.raises(errors.FactsChangedMeanwhile):
        submitting.submit_facts(second, {"intro": "欢迎"}, mark, hand("d"), NOW)
    approve(hours)
    db.session.refresh(dealer)
    assert (dealer.phone, dealer.hours, dealer.intro) == ("0571-66660000", "每天 09:00-20:30", "")
    [line] = read.diff_of(read.get_submission(other), NOW).lines
    assert (line.old, line.new, line.then) == ("0571-66660000", "0571-77770000", "057188880000")
    with pytest.raises(errors.NothingChanged):
        submitting.submit_facts(first, {"phone": "0571-66660000"}, "x", hand("e"), NOW)


UNFIT = [
    ({"phone": "<script>"}, "电话应为"),
    ({"hours": "看心情"}, "看不懂"),
    ({"intro": "长" * 301}, "最多 300 个字"),
    ({"intro": "史上最强"}, "广告法"),
]


def test_unfit_facts_are_refused(west) -> None:
    actor, mark = manager(west), read.edition_of(db.session.get_one(Dealer, west.west))
    for facts, words in UNFIT:
        with pytest.raises(errors.SubmissionUnfit, match=words):
            submitting.submit_facts(actor, facts, mark, hand("a"), NOW)


@pytest.mark.both_databases
def test_facts_are_published_at_their_time_by_the_worker_and_can_be_called_back_before(west) -> None:
    actor, dealer = manager(west), db.session.get_one(Dealer, west.west)
    mark, later = read.edition_of(dealer), NOW + 3 * DAY
    one = submitting.submit_facts(actor, {"intro": "春节照常"}, mark, hand("a", publish_at=later), NOW)
    two = submitting.submit_facts(actor, {"phone": "0571-66660000"}, mark, hand("b", publish_at=later), NOW)
    for no in (one, two):
        approve(no)
    assert reviewing.publish_due(later - timedelta(seconds=1)) == 0
    reviewing.send_back(CHIEF, two, "电话打不通，请核对", NOW)
    assert reviewing.publish_due(later) == 1
    assert reviewing.publish_due(later) == 0
    dealer = db.session.get_one(Dealer, west.west)
    assert (dealer.intro, dealer.phone) == ("春节照常", "057188880000")
    with pytest.raises(errors.AlreadyDecided):
        reviewing.send_back(CHIEF, one, "已经发布了", NOW)


def test_an_activity_is_shown_from_its_time_and_taken_down_at_once(west) -> None:
    actor = manager(west)
    no = submitting.submit_activity(actor, activity(), hand("a", publish_at=NOW + DAY), NOW)
    approve(no)
    assert store.list_activities(west.west, NOW) == []
    assert store.next_change(west.west, NOW) == NOW + DAY
    [shown] = store.list_activities(west.west, NOW + DAY)
    assert (shown.title, shown.running) == ("周末试驾日", True)
    new = submitting.submit_activity(
        actor, activity(title="周末试驾日（延期）", target_id=shown.id), hand("b"), NOW + DAY
    )
    approve(new, NOW + 2 * DAY)
    [shown] = store.list_activities(west.west, NOW + 2 * DAY)
    assert shown.title == "周末试驾日（延期）"
    with pytest.raises(errors.ReviewReasonMissing):
        reviewing.take_down(CHIEF, Kind.ACTIVITY, shown.id, "x", NOW + 2 * DAY)
    assert reviewing.take_down(CHIEF, Kind.ACTIVITY, shown.id, "门店装修", NOW + 2 * DAY)
    assert not reviewing.take_down(CHIEF, Kind.ACTIVITY, shown.id, "门店装修", NOW + 2 * DAY)
    assert store.list_activities(west.west, NOW + 2 * DAY) == []
    for wish, words in (
        (activity(title=""), "标题"),
        (activity(text="关注公众号领券"), "诱导"),
        (activity(title="长" * 41), "40"),
    ):
        with pytest.raises(errors.SubmissionUnfit, match=words):
            submitting.submit_activity(actor, wish, hand(words), NOW)


def test_only_the_manager_hands_in_only_headquarters_decide_and_a_closed_store_shows_nothing(west) -> None:
    trim_id = db.session.scalars(select(Trim.id)).one()
    for stranger in (s.clerk(west.west), s.clerk(west.west, "supervisor"), s.member(), CHIEF):
        with pytest.raises(errors.NotManager):
            submitting.submit_promo(stranger, price(), hand("a"), NOW)
    actor = manager(west)
    no = submitting.submit_promo(actor, price(), hand("a"), NOW)
    with pytest.raises(NotAllowed):
        reviewing.approve(actor, no, seen(no), NOW)
    with pytest.raises(errors.SubmissionNotFound):
        submitting.withdraw(s.clerk(west.east, "manager"), no, NOW)
    submitting.withdraw(actor, no, NOW)
    with pytest.raises(errors.AlreadyDecided):
        approve(no)
    approve(submitting.submit_promo(actor, price(), hand("b"), NOW))
    for status, count in (("暂停", 0), ("关闭", 0), ("营业", 1)):
        with transaction():
            db.session.get_one(Dealer, west.west).status = status
        assert len(store.list_promo_prices(west.west, NOW)) == count
    with transaction():
        db.session.get_one(Dealer, west.west).status = "关闭"
    with pytest.raises(errors.StoreShut):
        submitting.submit_end(actor, Kind.PROMO, 1, hand("c"), NOW)
    assert store.promo_price_of(west.west, trim_id, NOW) is None
