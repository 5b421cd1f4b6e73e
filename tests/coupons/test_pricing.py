"""The explainable price: its lines add up, its reasons are true, and the order of claiming changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.coupons.rules import CouponKind, CouponState, Scope, Terms, Usage
from app.coupons.rules.pricing import Candidate, Line, Purchase, Why, own_reasons, price, takes_off

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
CAR = Purchase(base_fen=8_880_000, series_id=1, dealer_id=7, usage=Usage.ONLINE, at=NOW, on_deal=True, scope=Scope.CAR)


def coupon(number: int, *, campaign: int | None = None, state: str = CouponState.ISSUED, **terms: object) -> Candidate:
    values: dict[str, Any] = {
        "kind": CouponKind.CASH,
        "title": f"券{number}",
        "face_fen": 100_00,
        "scope": Scope.CAR,
    } | terms
    return Candidate(
        number,
        campaign or number,
        Terms(**values),
        state,
        NOW - timedelta(days=1),
        NOW + timedelta(days=9),
    )


def whys(found: list[Candidate], number: int, purchase: Purchase = CAR, chosen: set[int] | None = None) -> list[Why]:
    unused = {each.candidate.coupon_id: each for each in price(purchase, found, chosen).unused}
    return [reason.why for reason in unused[number].reasons]


def test_lines_stand_in_the_order_in_which_they_are_applied() -> None:
    found = [
        coupon(1, stackable=True, face_fen=500_00, priority=10),
        coupon(2, stackable=True, kind=CouponKind.DISCOUNT, face_fen=None, discount_permille=950, most_fen=2000_00),
        coupon(3, stackable=True, face_fen=300_00),
    ]
    shown = price(CAR, found)
    assert [(line.label, line.amount_fen) for line in shown.lines] == [
        ("车价", 8_880_000),
        ("券1", -500_00),
        ("券2", -2000_00),
        ("券3", -300_00),
    ]
    assert shown.payable_fen == 8_880_000 - 500_00 - 2000_00 - 300_00
    assert shown.used == (1, 2, 3)
    assert shown.off_fen == 2800_00


def test_a_discount_never_rounds_against_the_customer() -> None:
    shown = price(
        replace(CAR, base_fen=999), [coupon(1, kind=CouponKind.DISCOUNT, face_fen=None, discount_permille=880)]
    )
    assert shown.payable_fen == 879  # 879.12 fen


def test_the_choice_that_saves_most_is_made() -> None:
    found = [
        coupon(1, face_fen=250_00),
        coupon(2, stackable=True, face_fen=100_00),
        coupon(3, stackable=True, face_fen=160_00),
    ]
    assert price(CAR, found).used == (2, 3) or price(CAR, found).used == (3, 2)
    assert price(CAR, [*found, coupon(4, face_fen=900_00)]).used == (4,)


def test_one_coupon_of_a_group_and_one_of_a_campaign() -> None:
    found = [
        coupon(1, stackable=True, group="精品", face_fen=100_00),
        coupon(2, stackable=True, group="精品", face_fen=300_00),
        coupon(3, campaign=9, stackable=True, face_fen=50_00),
        coupon(4, campaign=9, stackable=True, face_fen=50_00),
    ]
    assert set(price(CAR, found).used) == {2, 3}
    assert whys(found, 1) == [Why.GROUP]
    assert whys(found, 4) == [Why.GROUP]


def test_what_the_customer_chose_is_used_and_the_rest_says_so() -> None:
    found = [coupon(1, stackable=True), coupon(2, stackable=True)]
    assert price(CAR, found, {2}).used == (2,)
    assert whys(found, 1, chosen={2}) == [Why.NOT_CHOSEN]
    assert price(CAR, found, set()).payable_fen == CAR.base_fen


def test_a_price_does_not_fall_below_what_must_stay() -> None:
    shown = price(replace(CAR, base_fen=50_00, least_fen=20_00), [coupon(1, stackable=True), coupon(2, stackable=True)])
    assert shown.payable_fen == 20_00
    assert shown.off_fen == 30_00
    assert shown.used == (1,)


@pytest.mark.parametrize(
    ("changes", "state", "why"),
    [
        ({}, CouponState.HELD, Why.HELD),
        ({}, CouponState.REDEEMED, Why.REDEEMED),
        ({}, CouponState.REVOKED, Why.REVOKED),
        ({}, CouponState.EXPIRED, Why.EXPIRED),
        ({"kind": CouponKind.PARKING}, CouponState.ISSUED, Why.KIND),
        ({"scope": Scope.ACCESSORIES}, CouponState.ISSUED, Why.SCOPE),
        ({"scope": ""}, CouponState.ISSUED, Why.SCOPE),
        ({"usage": Usage.IN_STORE}, CouponState.ISSUED, Why.USAGE),
        ({"series": (2, 3)}, CouponState.ISSUED, Why.SERIES),
        ({"dealers": (1,)}, CouponState.ISSUED, Why.DEALER),
        ({"alone": True}, CouponState.ISSUED, Why.ON_DEAL),
        ({"threshold_fen": 8_880_001}, CouponState.ISSUED, Why.THRESHOLD),
        ({"face_fen": 0}, CouponState.ISSUED, Why.NOTHING_LEFT),
    ],
)
def test_each_reason_is_named(changes: dict[str, Any], state: str, why: Why) -> None:
    assert whys([coupon(1, state=state, **changes)], 1) == [why]


def test_every_thing_that_stands_against_a_coupon_is_said_at_once() -> None:
    found = [coupon(1, series=(2,), dealers=(1,), threshold_fen=9_000_000)]
    assert whys(found, 1) == [Why.SERIES, Why.DEALER, Why.THRESHOLD]
    (unused,) = price(CAR, found).unused
    assert [reason.remedy for reason in unused.reasons] == [
        "预订适用的车系时可用",
        "换一家适用的门店",
        "还差¥1,200",
    ]


# ---- for any stack ----

SLOTS = st.integers(min_value=0, max_value=3)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    found: list[Candidate] = []
    for number in range(1, draw(st.integers(0, 7)) + 1):
        kind = draw(st.sampled_from([CouponKind.CASH, CouponKind.CASH, CouponKind.DISCOUNT, CouponKind.SERVICE]))
        starts = draw(st.sampled_from([-3, -1, 0, 1]))
        found.append(
            Candidate(
                number,
                draw(st.integers(1, 4)),
                Terms(
                    kind=kind,
                    title=f"券{number}",
                    face_fen=draw(st.sampled_from([0, 1, 99, 5_000, 20_000])),
                    discount_permille=draw(st.sampled_from([None, 1, 500, 880, 999, 1000])),
                    most_fen=draw(st.sampled_from([None, None, 0, 3_000])),
                    threshold_fen=draw(st.sampled_from([0, 0, 1_000, 30_000])),
                    usage=draw(st.sampled_from([Usage.ANYWHERE, Usage.ANYWHERE, Usage.ONLINE, Usage.IN_STORE])),
                    scope=draw(st.sampled_from([Scope.CAR, Scope.CAR, Scope.WORKSHOP, ""])),
                    series=draw(st.sampled_from([None, None, (1,), (2,)])),
                    dealers=draw(st.sampled_from([None, None, (7,), (8,)])),
                    stackable=draw(st.sampled_from([True, True, False])),
                    group=draw(st.sampled_from(["", "", "甲", "乙"])),
                    alone=draw(st.sampled_from([False, False, True])),
                    priority=draw(st.sampled_from([10, 100])),
                ),
                draw(st.sampled_from([CouponState.ISSUED] * 6 + list(CouponState))),
                NOW + timedelta(days=starts),
                NOW + timedelta(days=starts + draw(st.sampled_from([1, 4]))),
            )
        )
    return found


PURCHASES = st.builds(
    Purchase,
    base_fen=st.sampled_from([0, 1, 999, 10_000, 31_337]),
    series_id=st.sampled_from([1, 2, None]),
    dealer_id=st.sampled_from([7, 8, None]),
    usage=st.sampled_from([Usage.ONLINE, Usage.IN_STORE]),
    at=st.just(NOW),
    on_deal=st.booleans(),
    least_fen=st.sampled_from([0, 0, 1, 500]),
    scope=st.sampled_from([Scope.CAR, Scope.UNSAID]),
)


@settings(max_examples=80, deadline=None)
@given(PURCHASES, candidates())
def test_lines_add_up_to_what_is_payable(purchase: Purchase, found: list[Candidate]) -> None:
    shown = price(purchase, found)
    assert sum(line.amount_fen for line in shown.lines) == shown.payable_fen
    assert 0 <= shown.payable_fen <= purchase.base_fen
    assert shown.payable_fen >= min(purchase.least_fen, purchase.base_fen)
    assert all(line.amount_fen < 0 for line in shown.lines[1:])
    assert sorted([*shown.used, *(each.candidate.coupon_id for each in shown.unused)]) == sorted(
        each.coupon_id for each in found
    )


@settings(max_examples=50, deadline=None)
@given(PURCHASES, candidates(), st.randoms())
def test_the_order_of_claiming_does_not_change_the_price(
    purchase: Purchase, found: list[Candidate], chance: Random
) -> None:
    before = price(purchase, found)
    numbers = [each.coupon_id for each in found]
    chance.shuffle(numbers)
    again = [replace(each, coupon_id=number) for each, number in zip(found, numbers, strict=True)]
    chance.shuffle(again)
    assert price(purchase, again).payable_fen == before.payable_fen


@settings(max_examples=50, deadline=None)
@given(PURCHASES, candidates())
def test_no_other_choice_saves_more(purchase: Purchase, found: list[Candidate]) -> None:
    best = price(purchase, found).payable_fen
    for each in found:
        assert price(purchase, found, {each.coupon_id}).payable_fen >= best
        others = {other.coupon_id for other in found} - {each.coupon_id}
        assert price(purchase, found, others).payable_fen >= best


@settings(max_examples=120, deadline=None)
@given(PURCHASES, candidates())
def test_every_stated_reason_is_true(purchase: Purchase, found: list[Candidate]) -> None:
    """Change what a reason names, and the coupon applies."""
    shown = price(purchase, found)
    for unused in shown.unused:
        each, said = unused.candidate, [reason.why for reason in unused.reasons]
        at, mended, wanted = purchase, each, set(shown.used) | {each.coupon_id}
        for why in said:
            at, mended, wanted = _mend(why, at, mended, wanted, shown.used, found)
        stack = [mended if other is each else other for other in found]
        if said == [Why.NOTHING_LEFT]:
            assert own_reasons(each, purchase) == []
            assert price(purchase, found, wanted).payable_fen == shown.payable_fen
            continue
        if said[0] in (Why.GROUP, Why.NOT_STACKABLE, Why.OTHER_NOT_STACKABLE, Why.NOT_CHOSEN):
            assert each.coupon_id in price(at, stack, wanted).used
            continue
        assert own_reasons(mended, at) == []
        worth = takes_off(mended, [Line("", at.base_fen)], at)
        assert price(at, stack, {each.coupon_id}).used == ((each.coupon_id,) if worth else ())


def _mend(
    why: Why, at: Purchase, each: Candidate, wanted: set[int], used: tuple[int, ...], found: list[Candidate]
) -> tuple[Purchase, Candidate, set[int]]:
    terms = each.terms
    match why:
        case Why.HELD | Why.REDEEMED | Why.REVOKED:
            each = replace(each, state=CouponState.ISSUED)
        case Why.EXPIRED:
            state = CouponState.ISSUED if each.state == CouponState.EXPIRED else each.state
            each = replace(each, state=state, valid_until=NOW + timedelta(days=30))
        case Why.NOT_STARTED:
            at = replace(at, at=each.valid_from)
        case Why.KIND:
            each = replace(each, terms=replace(terms, kind=CouponKind.CASH, scope=Scope.CAR))
        case Why.SCOPE:
            each = replace(each, terms=replace(terms, scope=Scope.CAR))
        case Why.USAGE:
            at = replace(at, usage=Usage.ONLINE if terms.usage == Usage.ONLINE else Usage.IN_STORE)
        case Why.SERIES:
            at = replace(at, series_id=terms.series[0] if terms.series else None)
        case Why.DEALER:
            at = replace(at, dealer_id=terms.dealers[0] if terms.dealers else None)
        case Why.ON_DEAL:
            at = replace(at, on_deal=False)
        case Why.THRESHOLD:
            at = replace(at, base_fen=terms.threshold_fen)
        case Why.GROUP:
            rivals = {other.coupon_id for other in found if other.group == each.group} - {each.coupon_id}
            wanted = wanted - rivals
        case Why.NOT_STACKABLE:
            wanted = {each.coupon_id}
        case Why.OTHER_NOT_STACKABLE:
            wanted = {each.coupon_id}
        case Why.NOT_CHOSEN:
            wanted = {*used, each.coupon_id}
        case Why.NOTHING_LEFT:
            pass
    return at, each, wanted
