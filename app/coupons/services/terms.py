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


def find_terms(campaign_id: int, number: int) -> int | None:
    """The id of what the campaign promises now, if it is written down already.

    What was found is remembered under the published `number`: who edits a campaign raises it in the same transaction.
    The caller has the campaign locked since it read the number, or reads it again once it has.
    """
    with publishing.as_of(number):
        kept: dict[int, int] = publishing.remembered("coupon_terms", _none)
        if campaign_id not in kept:
            found = execute(_FIND, {"campaign": campaign_id, "digest_of": read_terms(campaign_id).digest}).scalar()
            if found is None:
                return None
            kept[campaign_id] = int(found)
        return kept[campaign_id]


def keep_terms(campaign_id: int, number: int, now: datetime) -> int:
    """The same, written down where it is not, in the present transaction, which has the campaign locked."""
    found = find_terms(campaign_id, number)
    if found is not None:
        return found
    # Not remembered: it may be undone with the claim.
    terms = read_terms(campaign_id)
    row: dict[str, Any] = {
        "campaign_id": campaign_id,
        "digest": terms.digest,
        "rules": terms.as_json(),
        "created_at": now,
    }
    return int(execute(_ADD, row).scalar_one())


def _none() -> dict[int, int]:
    return {}
