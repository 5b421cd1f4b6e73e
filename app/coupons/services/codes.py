"""领券码: made and stopped by headquarters; what stands on posters, leaflets and in stores."""

from datetime import datetime

from sqlalchemy import select, update

from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.models import ClaimCode, CouponCampaign


def make_code(actor: Actor, slug: str, label: str, now: datetime, *, dealer_id: int | None = None) -> ClaimCode:
    """A new code of the campaign; its address is `/coupons/<slug>/claims/new?p=<code>`. NotFound."""
    with transaction() as session:
        campaign_id = session.scalar(select(CouponCampaign.id).where(CouponCampaign.slug == slug))
        if campaign_id is None:
            raise NotFound
        row = ClaimCode(
            code=ids.public_code(10),
            campaign_id=campaign_id,
            dealer_id=dealer_id,
            label=label.strip()[:40],
            created_at=now,
            created_by=f"{actor.kind}:{actor.id}",
        )
        session.add(row)
        session.flush()
        audit.record(actor, "claim_code_made", "claim_code", row.id, campaign=slug)
        return row


def stop_code(actor: Actor, code_id: int, now: datetime) -> None:
    """From now on it hands out nothing; twice is as good as once. NotFound."""
    with transaction():
        stop = update(ClaimCode).where(ClaimCode.id == code_id, ClaimCode.stopped_at.is_(None))
        if changed_rows(stop.values(stopped_at=now)) == 1:
            audit.record(actor, "claim_code_stopped", "claim_code", code_id)
        elif db.session.get(ClaimCode, code_id) is None:
            raise NotFound
