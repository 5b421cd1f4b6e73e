"""店内码: made, reassigned and retired by the store on a phone, or by headquarters."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.catalog.models import Colour, Trim
from app.catalog.rules import ColourSide
from app.core import audit, ids, publishing
from app.core.db import changed_rows, db, insert_new, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.models import ClaimCode, CouponCampaign
from app.coupons.services.codes import make_code as make_claim_code
from app.coupons.services.codes import stop_code as stop_claim_code
from app.dealers.models import Dealer
from app.instore import rules
from app.instore.errors import (
    CampaignMissing,
    CarMissing,
    CodeRetired,
    ColourUnknown,
    ConsultantMissing,
    VinUnreadable,
)
from app.instore.models import CodeKey, StoreCode
from app.instore.queries.desk import list_campaigns
from app.instore.queries.keys import ONLY
from app.instore.rules import CodeDraft, Kind, Stock
from app.staff.models import StaffMember
from app.staff.rules import leads

_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{4,6}")


def may_change(actor: Actor, dealer_id: int) -> bool:
    """Headquarters and the leading people of the store itself."""
    return actor.kind in ("operator", "system") or (
        actor.kind == "staff" and actor.dealer_id == dealer_id and leads(actor.role)
    )


def make_code(actor: Actor, dealer_id: int, draft: CodeDraft, now: datetime) -> StoreCode:
    """A new code of a store; its address is `/q/<code>`.

    NotAllowed, NotFound, CarMissing, ColourUnknown, VinUnreadable, ConsultantMissing, CampaignMissing.
    """
    _allow(actor, dealer_id)
    with transaction() as session:
        if session.get(Dealer, dealer_id) is None:
            raise NotFound
        code = rules.sign(_key(now), ids.public_code(rules.BODY))
        row = StoreCode(
            code=code,
            kind=draft.kind,
            dealer_id=dealer_id,
            created_at=now,
            changed_at=now,
            created_by=f"{actor.kind}:{actor.id}",
            **_columns(actor, dealer_id, draft, now),
        )
        session.add(row)
        session.flush()
        audit.record(actor, "store_code_made", "store_code", row.id, kind=draft.kind.value, dealer_id=dealer_id)
        publishing.bump()
        return row


def change_code(actor: Actor, code_id: int, draft: CodeDraft, now: datetime) -> None:
    """Reassign a code: another car on the same stand, another name. Its kind stays. CodeRetired and as above."""
    with transaction():
        row = _locked(code_id)
        _allow(actor, row.dealer_id)
        if row.retired_at is not None:
            raise CodeRetired
        before = {"trim_id": row.trim_id, "stock": row.stock, "staff_id": row.staff_id, "campaign_id": row.campaign_id}
        for name, value in _columns(actor, row.dealer_id, draft, now, row).items():
            setattr(row, name, value)
        row.changed_at = now
        after = {name: getattr(row, name) for name in before}
        audit.record(actor, "store_code_changed", "store_code", row.id, before=before, after=after)
        publishing.bump()


def set_stock(actor: Actor, code_id: int, stock: Stock, now: datetime) -> None:
    """Say whether the car can be had; anybody who works in the store may, since they know first. NotFound."""
    with transaction():
        row = _locked(code_id)
        if actor.kind == "staff" and actor.dealer_id != row.dealer_id:
            raise NotFound
        if actor.kind not in ("staff", "operator", "system") or row.kind != Kind.CAR:
            raise NotAllowed
        if row.retired_at is not None:
            raise CodeRetired
        if row.stock == stock:
            return
        audit.record(actor, "store_code_stock", "store_code", row.id, before=row.stock, after=stock.value)
        row.stock, row.changed_at = stock.value, now
        publishing.bump()


def retire_code(actor: Actor, code_id: int, reason: str, now: datetime) -> None:
    """From now on the paper says that it is void, and why; twice is as good as once. NotAllowed, NotFound."""
    with transaction():
        row = _locked(code_id)
        _allow(actor, row.dealer_id)
        if row.retired_at is not None:
            return
        row.retired_at, row.retired_reason = now, reason.strip()[: rules.REASON_TEXT]
        _stop_claims(actor, row.claim_code, now)
        audit.record(actor, "store_code_retired", "store_code", row.id, dealer_id=row.dealer_id)
        publishing.bump()


def _allow(actor: Actor, dealer_id: int) -> None:
    if actor.kind == "staff" and actor.dealer_id != dealer_id:
        raise NotFound
    if not may_change(actor, dealer_id):
        raise NotAllowed


def _locked(code_id: int) -> StoreCode:
    row = db.session.scalar(select(StoreCode).where(StoreCode.id == code_id).with_for_update())
    if row is None:
        raise NotFound
    return row


def _key(now: datetime) -> str:
    """The shop's key, made by whoever makes the first code."""
    insert_new(CodeKey, "id", {"id": ONLY, "secret": rules.new_secret(ids.token(20)), "created_at": now})
    return db.session.scalars(select(CodeKey.secret).where(CodeKey.id == ONLY)).one()


def _columns(
    actor: Actor, dealer_id: int, draft: CodeDraft, now: datetime, old: StoreCode | None = None
) -> dict[str, Any]:
    kind = Kind(old.kind) if old else draft.kind
    columns: dict[str, Any] = {
        "label": (draft.label.strip() or rules.KIND_WORDS[kind])[: rules.LABEL_TEXT],
        "note": draft.note.strip()[: rules.NOTE_TEXT],
    }
    match kind:
        case Kind.CAR:
            return columns | _car(draft)
        case Kind.CARD:
            return columns | {"staff_id": _consultant(dealer_id, draft.staff_id)}
        case Kind.POSTER:
            return columns | _poster(actor, dealer_id, draft, now, old, columns["label"])
        case Kind.DESK:
            wifi = draft.wifi_name.strip()[: rules.WIFI_TEXT], draft.wifi_password.strip()[: rules.WIFI_TEXT]
            return columns | {"wifi_name": wifi[0], "wifi_password": wifi[1] if wifi[0] else ""}
        case _:
            return columns


def _car(draft: CodeDraft) -> dict[str, Any]:
    trim = db.session.scalar(select(Trim).where(Trim.slug == draft.trim_slug)) if draft.trim_slug else None
    if trim is None:
        raise CarMissing
    colour = draft.colour.strip()
    if colour:
        painted = select(Colour.id).where(
            Colour.series_id == trim.series_id, Colour.side == ColourSide.EXTERIOR, Colour.name == colour
        )
        if db.session.scalar(painted) is None:
            raise ColourUnknown
    vin = draft.vin_tail.strip().upper()
    if vin and not _VIN.fullmatch(vin):
        raise VinUnreadable
    return {"trim_id": trim.id, "colour": colour, "vin_tail": vin, "stock": draft.stock.value}


def _consultant(dealer_id: int, staff_id: int | None) -> int:
    one = select(StaffMember.id).where(
        StaffMember.id == staff_id, StaffMember.dealer_id == dealer_id, StaffMember.left_at.is_(None)
    )
    found = db.session.scalar(one) if staff_id is not None else None
    if found is None:
        raise ConsultantMissing
    return found


def _poster(
    actor: Actor, dealer_id: int, draft: CodeDraft, now: datetime, old: StoreCode | None, label: str
) -> dict[str, Any]:
    """The poster's own claim code tells the campaign which paper brought people."""
    campaign_id = db.session.scalar(select(CouponCampaign.id).where(CouponCampaign.slug == draft.campaign_slug))
    if campaign_id is not None and old is not None and old.campaign_id == campaign_id:
        return {}
    if campaign_id is None or draft.campaign_slug not in dict(list_campaigns(dealer_id, now)):
        raise CampaignMissing
    if old is not None:
        _stop_claims(actor, old.claim_code, now)
    made = make_claim_code(actor, draft.campaign_slug, f"海报 {label}", now, dealer_id=dealer_id)
    return {"campaign_id": campaign_id, "claim_code": made.code}


def _stop_claims(actor: Actor, claim_code: str, now: datetime) -> None:
    found = db.session.scalar(select(ClaimCode.id).where(ClaimCode.code == claim_code)) if claim_code else None
    if found is not None:
        stop_claim_code(actor, found, now)


def keep_scene(actor: Actor, code_id: int, url: str, now: datetime) -> None:
    """What WeChat's picture for this code holds; asked for outside any transaction (`scenes`)."""
    with transaction():
        own = update(StoreCode).where(StoreCode.id == code_id, StoreCode.scene_url == "")
        if changed_rows(own.values(scene_url=url, changed_at=now)) == 1:
            audit.record(actor, "store_code_scene", "store_code", code_id)
