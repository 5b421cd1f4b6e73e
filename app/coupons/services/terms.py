"""What a campaign promises, written down once and pointed at by every coupon."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from app.core import publishing
from app.core.db import execute, table_of
from app.coupons.models import CampaignTerms
from app.coupons.queries.claims import read_terms

_terms = table_of(CampaignTerms)
_FIND = select(_terms.c.id).where(
    _terms.c.campaign_id == bindparam("campaign"), _terms.c.digest == bindparam("digest_of")
)
_ADD = insert(_terms).returning(_terms.c.id)


def keep_terms(campaign_id: int, number: int, now: datetime) -> int:
    """The id of what the campaign promises now, in the present transaction, which has the campaign locked.

    What was found is remembered under the published `number`, which was read with the lock held: who edits a campaign
    raises it in the same transaction, and has either committed by now or waits for the lock.
    """
    with publishing.as_of(number):
        kept: dict[int, int] = publishing.remembered("coupon_terms", _none)
        if campaign_id in kept:
            return kept[campaign_id]
        terms = read_terms(campaign_id)
        found = execute(_FIND, {"campaign": campaign_id, "digest_of": terms.digest}).scalar()
        if found is not None:
            kept[campaign_id] = int(found)
            return int(found)
        # Not remembered: it may be undone with the claim.
        row: dict[str, Any] = {
            "campaign_id": campaign_id,
            "digest": terms.digest,
            "rules": terms.as_json(),
            "created_at": now,
        }
        return int(execute(_ADD, row).scalar_one())


def _none() -> dict[int, int]:
    return {}
