"""Anybody recomputes a drawn result on their own phone, and sees when what was published does not fit."""

from datetime import timedelta

from playwright.sync_api import expect

from app.core import clock
from app.core.db import db, transaction
from app.core.security import Actor
from app.coupons.models import CouponCampaign
from app.coupons.services import draw, draw_office
from app.coupons.services.draw_office import Plan
from app.members.models import Member
from tests.browser.test_pages import problems
from tests.payments.wechat_pay import Bank

OPERATOR, SLUG = Actor("operator", 1), "browser-draw"


def drawn(house) -> None:
    """Published a week ago, entered by seven people, closed two days ago, drawn yesterday."""
    begun = clock.now() - timedelta(days=7)
    closes, draws = begun + timedelta(days=5), begun + timedelta(days=6)
    with house.inside():
        with transaction():
            db.session.add(
                CouponCampaign(
                    slug=SLUG, title="夺券（样例）", kind="代金券", face_fen=300_000, total=2, per_person=1, way="夺券",
                    claim_from=begun - timedelta(days=1), claim_until=closes, valid_until=draws + timedelta(days=30),
                    all_dealers=True, published_at=begun,
                )
            )  # fmt: skip
            people = [Member(name="周样例", created_at=begun, last_login_at=begun) for _ in range(7)]
            db.session.add_all(people)
        plan = Plan(2, draws, "双色球 2026140 期红球号码", "展厅（样例）客服 057188880000", {})
        draw_office.prepare(OPERATOR, SLUG, plan, begun)
        draw_office.publish(OPERATOR, SLUG, begun, enabled=True)
        for number in [person.id for person in people]:
            draw.enter_free(Actor("member", number), SLUG, begun + draw_office.LEAD)
        draw_office.close_due(Bank(), closes)
        draw_office.reveal(OPERATOR, SLUG, "03 09 12", draws)


def test_anybody_recomputes_the_result(house, phone):
    drawn(house)
    page = phone()
    page.goto(f"{house.url}/coupons/{SLUG}/draw")
    expect(page.get_by_text("中奖编号，按名次")).to_be_visible()
    page.get_by_role("button", name="重新计算").click()
    expect(page.get_by_text("核对一致", exact=True)).to_be_visible()
    expect(page.get_by_text("参与名单共 7 人，没有被增删改动")).to_be_visible()
    found = problems(page)

    def put_in(route):  # somebody is added to what was published
        told = route.fetch()
        record = told.json()
        record["entries"].append([8, "ZZZZZZZZZZZZ", record["entries"][-1][2]])
        route.fulfill(response=told, json=record)

    page.route("**/draw/record", put_in)
    page.get_by_role("button", name="重新计算").click()
    expect(page.get_by_text("核对不一致")).to_be_visible()
    expect(page.get_by_text("✗ 不符合：参与名单共 8 人")).to_be_visible()
    page.goto(f"{house.url}/coupons/{SLUG}")
    expect(page.get_by_role("link", name="去夺券")).to_have_count(0)
    assert not found
