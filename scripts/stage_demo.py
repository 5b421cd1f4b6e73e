"""Bring the demo's deals into states that no workbook tells: one sold out with a queue, one paused.

`python -m scripts.stage_demo` after the import; by the shop's own services, with sample people. Run again it puts back
what time has undone: an unpaid hold ends after a quarter of an hour, and then the queue is offered the unit for a day.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app.booking import queries
from app.booking.queries.taking_part import list_taking_part
from app.booking.rules import terms_of
from app.booking.services import pause, queue
from app.booking.services.place import Wish, place_booking
from app.core import clock
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import Actor
from app.members.models import Member
from scripts import stage_codes, stage_drives, stage_games, stage_leads, stage_stores

SOLD_OUT, PAUSED = "yx-deal-s5-sold", "yx-deal-h3-pause"
REASON = "门店价格牌核对中（样例）"
HOLDERS, WAITING = ("13900090001", "13900090002"), ("13900090003", "13900090004", "13900090005")


def main() -> None:
    """Do what is still to be done; what cannot be done today (the deal is over) is left."""
    now = clock.now()
    stage_drives.stage(now)
    stage_codes.stage(now)
    stage_games.stage(now)
    stage_stores.stage(now)
    _try(lambda: stage_leads.stage(_person(WAITING[0], now), now))
    if queries.find_deal(SOLD_OUT) is not None:
        for number, phone in enumerate(HOLDERS):
            _try(lambda phone=phone, number=number: _hold(phone, number, now))
        for phone in WAITING:
            _try(lambda phone=phone: queue.join(_person(phone, now), SOLD_OUT, now))
    if queries.find_deal(PAUSED) is not None:
        pause.pause_deal(Actor("operator"), PAUSED, REASON, now)


def _hold(phone: str, number: int, now: datetime) -> object:
    deal = queries.find_deal(SOLD_OUT)
    assert deal is not None
    dealer = list_taking_part(deal, now)[number]
    key = f"sample-{now:%Y%m%d}-{phone}"
    wish = Wish(SOLD_OUT, dealer.id, "示例客户", phone, key, deal.price_fen, terms_of(deal).version)
    return place_booking(_person(phone, now), wish, now)


def _person(phone: str, now: datetime) -> Actor:
    """A sample member with this number, made once."""
    known = db.session.scalar(select(Member.id).where(Member.phone == phone))
    if known is None:
        with transaction():
            row = Member(name="示例客户", phone=phone, phone_verified_at=now, created_at=now, last_login_at=now)
            db.session.add(row)
            db.session.flush()
            known = row.id
    return Actor("member", known)


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except DomainError as refusal:
        print(f"  demo: {refusal.message}")


if __name__ == "__main__":
    from wsgi import app

    with app.app_context():
        main()
