"""What headquarters see of all stores' test drives."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select

from app.core import clock
from app.core.db import db
from app.coupons.models import CouponCampaign
from app.coupons.rules import CampaignState, ClaimWay
from app.dealers.models import Dealer
from app.drives.models import DemoCar, DriveAnswer, TestDrive
from app.drives.queries.cars import lent_now
from app.drives.rules import DriveState

SPAN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class StoreLine:
    """One store over thirty days."""

    name: str
    slug: str
    cars: int
    coming: int
    waiting: int  # whose slot no longer stands
    finished: int
    no_show: int
    stars: str


def list_stores(now: datetime) -> list[StoreLine]:
    """Stores with cars or drives, the busiest first."""
    counts = {i: (a, b, c, d) for i, a, b, c, d in db.session.execute(_counts(now))}
    lent = select(DemoCar.dealer_id, func.count()).where(*lent_now(clock.local(now).date()))
    cars = {row[0]: row[1] for row in db.session.execute(lent.group_by(DemoCar.dealer_id))}
    stars: dict[int, float] = {
        i: float(mean)
        for i, mean in db.session.execute(
            select(DriveAnswer.dealer_id, func.avg(DriveAnswer.dealer_stars)).group_by(DriveAnswer.dealer_id)
        )
    }
    names = db.session.execute(select(Dealer.id, Dealer.name, Dealer.slug).where(Dealer.id.in_({*counts, *cars})))
    lines = [
        StoreLine(
            name,
            slug,
            cars.get(i, 0),
            *counts.get(i, (0, 0, 0, 0)),
            stars=f"{stars[i]:.1f}" if i in stars else "—",
        )
        for i, name, slug in names
    ]
    return sorted(lines, key=lambda line: (-line.waiting, -line.coming, -line.finished, line.slug))


def _counts(now: datetime) -> Select[int, int, int, int, int]:
    booked, since = TestDrive.state == DriveState.BOOKED, TestDrive.starts_at > now - SPAN
    wanted = (
        booked & TestDrive.displaced_at.is_(None),
        booked & TestDrive.displaced_at.is_not(None),
        (TestDrive.state == DriveState.FINISHED) & since,
        (TestDrive.state == DriveState.NO_SHOW) & since,
    )
    counted = [func.count().filter(condition) for condition in wanted]
    return select(TestDrive.dealer_id, *counted).where(since | booked).group_by(TestDrive.dealer_id)  # pyright: ignore


def list_thanks(now: datetime) -> list[tuple[str, str]]:
    """(slug, title) of what headquarters may thank with: handed out by staff at every store."""
    rows = db.session.execute(
        select(CouponCampaign.slug, CouponCampaign.title)
        .where(
            CouponCampaign.way == ClaimWay.STAFF.value,
            CouponCampaign.state == CampaignState.PUBLISHED.value,
            CouponCampaign.claim_until > now,
            CouponCampaign.all_dealers,
        )
        .order_by(CouponCampaign.slug)
    )
    return [(slug, title) for slug, title in rows]
