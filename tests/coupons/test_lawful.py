"""A campaign that breaks a rule is not published, and the rule is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.coupons.rules import ClaimWay, CouponKind, Payer, Terms, Usage
from app.coupons.rules.lawful import Offer, breaches

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GOOD = Offer(
    title="到店试驾礼券",
    way=ClaimWay.DIRECT,
    total=100,
    per_person=1,
    per_day=None,
    daily_total=None,
    claim_from=NOW,
    claim_until=NOW + timedelta(days=9),
    valid_until=NOW + timedelta(days=30),
    valid_days=None,
    passphrase="",
    shake_permille=None,
    terms=Terms(kind=CouponKind.CASH, title="到店试驾礼券", face_fen=300_000, text="购车抵扣。"),
)


def rules(offer: Offer) -> list[str]:
    return [breach.rule for breach in breaches(offer, NOW)]


def test_a_plain_campaign_may_go_online() -> None:
    assert rules(GOOD) == []
    assert rules(replace(GOOD, way=ClaimWay.PASSPHRASE, passphrase="山色入座")) == []
    assert rules(replace(GOOD, way=ClaimWay.SHAKE, shake_permille=50, valid_until=None, valid_days=7)) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"title": "分享到朋友圈领券"}, "微信外链规范：诱导分享和关注"),
        ({"title": "关注公众号领券"}, "微信外链规范：诱导分享和关注"),
        ({"title": "全网最低价券"}, "广告法：绝对化用语"),
        ({"claim_until": NOW - timedelta(days=1), "claim_from": NOW - timedelta(days=3)}, "领取时间"),
        ({"claim_until": NOW}, "领取时间"),
        ({"valid_until": None}, "规范促销：有效期要事先公示"),
        ({"valid_until": NOW + timedelta(days=8)}, "规范促销：领到就要能用"),
        ({"valid_until": None, "valid_days": 400}, "有效期"),
        ({"total": 0}, "规范促销：数量要事先公示"),
        ({"daily_total": 101}, "数量"),
        ({"per_day": 2}, "数量"),
        ({"way": ClaimWay.PASSPHRASE, "passphrase": "abc"}, "口令"),
        ({"way": ClaimWay.SHAKE}, "规范促销：抽奖要公示概率"),
    ],
)
def test_each_breach_of_an_offer_names_its_rule(change: dict[str, Any], rule: str) -> None:
    assert rules(replace(GOOD, **change)) == [rule]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"text": "最终解释权归本公司所有"}, "消费者权益保护法：格式条款"),
        ({"text": "集赞 20 个可再领一张"}, "微信外链规范：诱导分享和关注"),
        ({"face_fen": None}, "明码标价：券面要写明价值"),
        ({"kind": CouponKind.DISCOUNT, "discount_permille": 1000}, "明码标价：券面要写明价值"),
        ({"threshold_fen": 100}, "明码标价：门槛要大于面值"),
        ({"payer": Payer.SHARED}, "结算：共担要有比例"),
        ({"usage": Usage.ONLINE}, "适用范围"),
        ({"series": ()}, "适用范围"),
        ({"dealers": ()}, "适用范围"),
    ],
)
def test_each_breach_of_the_terms_names_its_rule(change: dict[str, Any], rule: str) -> None:
    assert rules(replace(GOOD, terms=replace(GOOD.terms, **change))) == [rule]
