"""What stores say of themselves in the demo: an introduction, an activity, prices of today; sample data, made once.

Called by `scripts.stage_demo`. It goes the way that everything goes: handed in, compared, approved; one more waits.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError
from app.core.security import Actor
from app.dealers.models import Dealer, Submission
from app.dealers.queries import submissions as read
from app.dealers.services import reviewing, submitting
from app.dealers.services.submitting import ActivityWish, Hand, PromoWish

STORES = 6
INTRO = "样例介绍：两层展厅，在售车型都有展车；门前有停车位和快充桩，周末请提前预约试驾。"
OFFICE = Actor("operator")


def stage(now: datetime) -> int:
    """Publish what the first open stores hand in, unless something was handed in already; how many stores."""
    if db.session.scalar(select(Submission.id).limit(1)) is not None:
        return 0
    chosen = select(Dealer.id, Dealer.slug).where(Dealer.status == "营业").order_by(Dealer.slug).limit(STORES)
    stores = db.session.execute(chosen).all()
    for number, (dealer_id, slug) in enumerate(stores):
        _store(Actor("staff", None, "manager", dealer_id), slug, number, now)
    return len(stores)


def _store(manager: Actor, slug: str, number: int, now: datetime) -> None:
    dealer = db.session.get_one(Dealer, manager.dealer_id)
    seen, cars = read.edition_of(dealer), read.list_choices()
    _publish(
        lambda: submitting.submit_facts(manager, {"intro": INTRO}, seen, Hand(f"demo-facts-{slug}"[:40]), now), now
    )
    start = clock.local(now).replace(hour=9, minute=30, second=0, microsecond=0)
    activity = ActivityWish(
        "周末试驾日（样例）",
        "在售车型都可以试驾，每人约 30 分钟。\n不需要购车，带上驾驶证即可。",
        start,
        start + timedelta(days=20),
    )
    _publish(lambda: submitting.submit_activity(manager, activity, Hand(f"demo-day-{slug}"[:40]), now), now)
    for step, car in enumerate(cars[number : number + 2] if cars else []):
        cut = (6_000 + 2_000 * step) * 100
        promo = PromoWish(
            car.slug,
            car.guide_fen - cut,
            start,
            start + timedelta(days=30),
            "限现车；不含税费和保险",
            "年末让利（样例）",
        )
        hand = Hand(f"demo-price-{step}-{slug}"[:40])
        _publish(
            lambda promo=promo, hand=hand: submitting.submit_promo(manager, promo, hand, now),
            now,
            wait=number + step == 1,
        )


def _publish(hand_in: Callable[[], str], now: datetime, *, wait: bool = False) -> None:
    """Hand in and approve; what the rules refuse today is left, what is to wait waits for headquarters."""
    try:
        no = hand_in()
        if not wait:
            reviewing.approve(OFFICE, no, read.diff_of(read.get_submission(no), now).seen, now)
    except DomainError as refusal:
        print(f"  demo: {refusal.message}")
