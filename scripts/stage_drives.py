"""Demonstration cars for the demo's stores, so that test drives can be booked; sample data, made once.

Called by `scripts.stage_demo`. Sixteen open stores that offer 试驾 lend two cars each, of four series in turn.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.catalog.models import Colour, Series, Trim
from app.core import clock
from app.core.db import db, transaction
from app.coupons.rules import ClaimWay
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.drives.models import DemoCar, DriveDesk
from scripts import stage_games

STORES, LINES, THANKS = 16, 4, "demo-thanks"
# The tests and the walk through the house begin here.
FIRST = "yx-330106-01"


def stage(now: datetime) -> int:
    """Lend the cars, unless some are lent already; how many."""
    if db.session.scalar(select(DemoCar.id).limit(1)) is not None:
        return 0
    lines = [(trim.id, colour) for trim, colour in _lines()]
    if not lines:
        return 0
    with transaction() as session:
        for number, dealer_id in enumerate(_stores()):
            for step in range(2):
                trim_id, colour = lines[(number + step) % len(lines)]
                since = clock.local(now).date() - timedelta(days=30)
                tail = f"{(number * 37 + step * 11 + 8) % 1000:03d}"
                session.add(
                    DemoCar(
                        dealer_id=dealer_id,
                        trim_id=trim_id,
                        colour=colour,
                        plate_tail=tail,
                        active_from=since,
                        updated_at=now,
                    )
                )
            if number == 0:
                session.add(DriveDesk(dealer_id=dealer_id, licence_photos=True, lead_minutes=30))
        stage_games.campaign(
            THANKS,
            now,
            way=ClaimWay.STAFF.value,
            title="试驾谢礼：精品 100 元券",
            face_fen=10_000,
            total=500,
            scope="精品",
        )
        session.add(DriveDesk(dealer_id=None, thanks_slug=THANKS))
    return STORES * 2


def _lines() -> list[tuple[Trim, str]]:
    """The first trim on sale of four series, each with the first of its colours."""
    found: list[tuple[Trim, str]] = []
    for series in db.session.scalars(
        select(Series).where(Series.status == "在售").order_by(Series.position).limit(LINES)
    ):
        trim = next((trim for trim in series.trims if trim.status == "在售"), None)
        paint = (
            select(Colour.name).where(Colour.series_id == series.id, Colour.side == "外观").order_by(Colour.position)
        )
        colour = db.session.scalar(paint.limit(1))
        if trim is not None:
            found.append((trim, colour or "白色"))
    return found


def _stores() -> list[int]:
    """Half of them in the city where the tests and the walk begin, the others everywhere."""
    open_ = select(Dealer.id, Dealer.city).where(Dealer.status == DealerStatus.OPEN, Dealer.services.contains("试驾"))
    rows = db.session.execute(open_.order_by(Dealer.slug != FIRST, Dealer.slug)).all()
    near = [row.id for row in rows if row.city == rows[0].city][: STORES // 2]
    elsewhere = [row.id for row in rows if row.city != rows[0].city]
    step = max(len(elsewhere) // (STORES - len(near)), 1)
    return near + elsewhere[::step][: STORES - len(near)]
