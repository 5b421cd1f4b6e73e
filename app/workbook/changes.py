"""Write a plan's rows inside the transaction of an import. Scarce numbers move by guarded updates only."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.booking.models import OnePriceDeal
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.pictures import StoredPicture
from app.catalog.rules import SaleStatus
from app.catalog.services.prices import NewPrice, record_prices
from app.core.db import changed_rows
from app.core.security import Actor
from app.coupons.models import CampaignDealer, CampaignSeries, CouponCampaign
from app.coupons.rules import CampaignState
from app.dealers.models import Dealer
from app.workbook import prices, rules, units
from app.workbook.checks import Findings
from app.workbook.rules import (
    BrandRow,
    CampaignRow,
    Change,
    ColourRow,
    Content,
    DealerRow,
    DealRow,
    Plan,
    SeriesRow,
    SheetPlan,
    Stored,
    TrimRow,
)

Values = dict[str, Any]
SPEC_BATCH = 5000
PICTURE_FIELDS = ("digest", "width", "height", "widths", "forms", "bytes")


class Writer:
    """Knows the ids of everything named so far; writes sheets in the order of their references.

    Campaigns before deals: the order in which buyers lock them.
    """

    def __init__(
        self,
        session: Session,
        content: Content,
        plan: Plan,
        present: Mapping[str, Mapping[str, Stored]],
        now: datetime,
        found: Findings,
        actor: Actor,
    ) -> None:
        self._actor = actor
        self._session, self._content, self._plan, self._present = session, content, plan, present
        self._now, self._found = now, found
        self._ids = {sheet: {key: row.id for key, row in rows.items()} for sheet, rows in present.items()}
        self._pictures: dict[str, int] = {}
        self._touched: set[str] = set()

    def write(self, stored: Mapping[str, StoredPicture]) -> None:
        """Write everything; a number that cannot be moved is a finding and the caller rolls back."""
        self._write_pictures(stored)
        self._write_sheet(rules.BRANDS, Brand, self._brand)
        self._write_sheet(rules.SERIES, Series, self._series)
        self._write_galleries()
        self._write_sheet(rules.COLOURS, Colour, self._colour)
        self._write_trims()
        self._write_specs()
        self._write_sheet(rules.DEALERS, Dealer, self._dealer)
        self._write_campaigns()
        self._write_deals()
        self._touch_series()

    def _write_pictures(self, stored: Mapping[str, StoredPicture]) -> None:
        known = {row[0]: row[1] for row in self._session.execute(select(Picture.name, Picture.id))}
        for name, picture in stored.items():
            values = {field: getattr(picture, field) for field in PICTURE_FIELDS}
            if name in known:
                changed_rows(update(Picture).where(Picture.id == known[name]).values(**values))
            else:
                known[name] = self._insert(Picture, [{"name": name, **values}])[0]
        self._pictures = known

    def _write_sheet(self, sheet: str, model: Any, values: Callable[[Any], Values]) -> None:
        """Insert, change and withdraw the rows of one sheet."""
        plan = self._plan.sheets.get(sheet)
        if plan is None:
            return
        rows = self._content.rows[sheet]
        ids = self._insert(model, [values(rows[change.key]) for change in plan.added])
        self._ids[sheet] |= {change.key: new for change, new in zip(plan.added, ids, strict=True)}
        for change in plan.changed:
            self._update(model, sheet, change, values(rows[change.key]))
        for change in plan.withdrawn:
            gone = {"withdrawn": True} if hasattr(model, "withdrawn") else {"status": SaleStatus.WITHDRAWN.value}
            self._update(model, sheet, change, gone)
        if sheet in (rules.SERIES, rules.COLOURS, rules.TRIMS):
            self._note_touched(sheet, plan)

    def _insert(self, model: Any, values: list[Values]) -> list[int]:
        if not values:
            return []
        statement = insert(model).returning(model.id, sort_by_parameter_order=True)
        return list(self._session.scalars(statement, values))

    def _update(self, model: Any, sheet: str, change: Change, values: Values) -> None:
        changed_rows(update(model).where(model.id == self._ids[sheet][change.key]).values(**values))

    def _note_touched(self, sheet: str, plan: SheetPlan) -> None:
        """Remember the series whose pages now read differently."""
        for change in (*plan.added, *plan.changed, *plan.withdrawn):
            row = self._content.rows[sheet].get(change.key) or self._present[sheet][change.key].row
            self._touched.add(row.slug if sheet == rules.SERIES else row.series)

    def _touch_series(self) -> None:
        ids = [self._ids[rules.SERIES][slug] for slug in self._touched]
        if ids:
            changed_rows(update(Series).where(Series.id.in_(ids)).values(updated_at=self._now))

    def _picture(self, name: str) -> int | None:
        return self._pictures[name] if name else None

    def _brand(self, row: BrandRow) -> Values:
        return {
            "slug": row.slug,
            "name": row.name,
            "english_name": row.english_name,
            "logo_id": self._picture(row.logo),
            "withdrawn": False,
        }

    def _series(self, row: SeriesRow) -> Values:
        plain = ("slug", "name", "english_name", "body_class", "energy", "seats", "highlights", "intro", "turntable")
        return _fields(row, *plain, "position", "status", "on_sale_on") | {
            "successor_slug": row.successor,
            "brand_id": self._ids[rules.BRANDS][row.brand],
            "cover_id": self._picture(row.cover),
            "updated_at": self._now,
        }

    def _colour(self, row: ColourRow) -> Values:
        return _fields(row, "name", "hex", "side", "surcharge_fen", "position") | {
            "series_id": self._ids[rules.SERIES][row.series],
            "picture_id": self._picture(row.picture),
            "withdrawn": False,
        }

    def _trim(self, row: TrimRow) -> Values:
        plain = ("slug", "model_year", "name", "msrp_fen", "purchase_tax", "status", "position")
        return _fields(row, *plain) | {"series_id": self._ids[rules.SERIES][row.series]}

    def _write_trims(self) -> None:
        self._write_sheet(rules.TRIMS, Trim, self._trim)
        if plan := self._plan.sheets.get(rules.TRIMS):
            rows = self._content.rows[rules.TRIMS]
            self._record(prices.guide_prices(plan, rows, self._ids[rules.TRIMS], self._now))

    def _record(self, written: list[NewPrice]) -> None:
        record_prices(written, self._now, source="import", actor=self._actor)

    def _dealer(self, row: DealerRow) -> Values:
        plain = ("slug", "name", "province", "city", "district", "address", "phone", "hours", "services", "status")
        values = _fields(row, *plain, "lng", "lat") | {
            "photo_id": self._picture(row.photo),
            "updated_at": self._now,
        }
        before = self._present[rules.DEALERS].get(row.key)
        if before is None or (before.row.lng, before.row.lat) != (row.lng, row.lat):
            values["source_system"] = row.system
        return values

    def _write_galleries(self) -> None:
        """Lay the views and frames of new and changed series out again."""
        plan = self._plan.sheets.get(rules.SERIES)
        if plan is None:
            return
        changed = [c.key for c in plan.changed if c.fields.keys() & {"gallery", "frames"}]
        for key in changed:
            self._session.execute(delete(SeriesPicture).where(SeriesPicture.series_id == self._ids[rules.SERIES][key]))
        values: list[Values] = []
        for key in [*(c.key for c in plan.added), *changed]:
            row = self._content.rows[rules.SERIES][key]
            for kind, names in (("gallery", row.gallery), ("frame", row.frames)):
                for position, name in enumerate(names, start=1):
                    link = {"series_id": self._ids[rules.SERIES][key], "picture_id": self._pictures[name]}
                    values.append({**link, "kind": kind, "position": position})
        if values:
            self._session.execute(insert(SeriesPicture), values)

    def _write_specs(self) -> None:
        """Lay the values of every trim that differs out again, in batches."""
        if rules.SPECS not in self._content.sheets:
            return
        trims = self._ids[rules.TRIMS]
        before = {key for key, stored in self._present[rules.TRIMS].items() if key in self._content.specs}
        for key in before:
            self._session.execute(delete(SpecItem).where(SpecItem.trim_id == trims[key]))
        lines = self._spec_values()
        while batch := list(islice(lines, SPEC_BATCH)):
            self._session.execute(insert(SpecItem), batch)
        for key in self._content.specs:
            stored = self._present[rules.TRIMS].get(key)
            row = self._content.rows.get(rules.TRIMS, {}).get(key) or (stored.row if stored else None)
            if row is not None:
                self._touched.add(row.series)

    def _spec_values(self) -> Iterator[Values]:
        for trim, specs in self._content.specs.items():
            trim_id = self._ids[rules.TRIMS][trim]
            for position, (group, name, value, unit) in enumerate(specs, start=1):
                yield {
                    "trim_id": trim_id,
                    "group_name": group,
                    "name": name,
                    "value": value,
                    "unit": unit,
                    "position": position,
                }

    def _write_campaigns(self) -> None:
        def values(row: CampaignRow) -> Values:
            plain = ("slug", "title", "kind", "face_fen", "discount_permille", "threshold_fen", "per_person", "way")
            window = ("passphrase", "claim_from", "claim_until", "usage", "stackable", "terms")
            paid = ("most_fen", "worth_fen", "scope", "stack_group", "alone", "priority", "payer", "dealer_permille")
            given = ("per_day", "daily_total", "channels", "shake_permille", "near_m")
            before = self._present[rules.CAMPAIGNS].get(row.key)
            return _fields(row, *plain, *window, *paid, *given) | {
                "valid_until": row.valid.until,
                "valid_days": row.valid.days,
                "all_dealers": row.dealers is None,
                "withdrawn": False,
                **({"total": row.total, "claimed": 0} if before is None else {}),
                **self._campaign_state(row, before),
            }

        plan = self._plan.sheets.get(rules.CAMPAIGNS)
        if plan is None:
            return
        self._write_sheet(rules.CAMPAIGNS, CouponCampaign, values)
        self._link(plan, rules.CAMPAIGNS, "series", rules.SERIES, CampaignSeries, ("campaign_id", "series_id"))
        self._link(plan, rules.CAMPAIGNS, "dealers", rules.DEALERS, CampaignDealer, ("campaign_id", "dealer_id"))
        for change in plan.changed:
            if "total" in change.fields:
                self._move_total(change)

    def _campaign_state(self, row: CampaignRow, before: Stored | None) -> Values:
        """What headquarters says now; the reason of an earlier stop stays with a state that stays."""
        if before is not None and before.row.state == row.state:
            return {}
        first = row.state == CampaignState.PUBLISHED and (before is None or before.row.state == CampaignState.DRAFT)
        return {"state": row.state, "state_reason": "", **({"published_at": self._now} if first else {})}

    def _move_total(self, change: Change) -> None:
        row: CampaignRow = self._content.rows[rules.CAMPAIGNS][change.key]
        campaign = self._ids[rules.CAMPAIGNS][change.key]
        statement = update(CouponCampaign).where(CouponCampaign.id == campaign, CouponCampaign.claimed <= row.total)
        if changed_rows(statement.values(total=row.total)) != 1:
            message = "发放总量改不了，刚刚又有人领取，请重新导入"
            self._found.at(rules.CAMPAIGNS, row.at, "total", message)

    def _write_deals(self) -> None:
        def values(row: DealRow) -> Values:
            plain = ("slug", "title", "price_fen", "earnest_kind", "earnest_fen", "per_person", "starts_at", "ends_at")
            new = row.key not in self._present[rules.DEALS]
            promise = ("included", "excluded", "confirm_hours", "ready_days", "balance_starts_at", "balance_ends_at")
            return _fields(row, *plain, *promise, "terms", "queue_when_sold_out") | {
                "stock_by_dealer": bool(row.dealer_units),
                "trim_id": self._ids[rules.TRIMS][row.trim],
                "all_dealers": row.dealers is None,
                "withdrawn": False,
                **({"units_total": row.units_total, "units_left": row.units_total} if new else {}),
            }

        plan = self._plan.sheets.get(rules.DEALS)
        if plan is None:
            return
        self._write_sheet(rules.DEALS, OnePriceDeal, values)
        rows, before = self._content.rows[rules.DEALS], self._present[rules.DEALS]
        self._record(prices.offer_prices(plan, rows, before, self._ids[rules.TRIMS], self._now))
        for change in plan.changed:
            if "units_total" in change.fields:
                self._move_units(change)
        for change in (*plan.added, *plan.changed):
            if change in plan.added or change.fields.keys() & {"dealers", "dealer_units"}:
                deal_id, dealers = self._ids[rules.DEALS][change.key], self._ids[rules.DEALERS]
                units.lay_out(self._session, deal_id, rows[change.key], dealers, self._found)

    def _move_units(self, change: Change) -> None:
        """Units that were added or taken away change what is left by as much, never below what is taken."""
        row: DealRow = self._content.rows[rules.DEALS][change.key]
        before, after = change.fields["units_total"]
        delta = after - before
        left = OnePriceDeal.units_left + delta
        statement = update(OnePriceDeal).where(
            OnePriceDeal.id == self._ids[rules.DEALS][change.key], OnePriceDeal.units_total == before, left >= 0
        )
        if changed_rows(statement.values(units_total=after, units_left=left)) != 1:
            self._found.at(rules.DEALS, row.at, "units_total", "台数改不了，刚刚又有人预订，请重新导入")

    def _link(self, plan: SheetPlan, sheet: str, field: str, target: str, model: Any, columns: tuple[str, str]) -> None:
        """Write a list of references of new and changed rows again; None (all) has no rows."""
        changed = [change.key for change in plan.changed if field in change.fields]
        owner = getattr(model, columns[0])
        for key in changed:
            self._session.execute(delete(model).where(owner == self._ids[sheet][key]))
        links = [
            {columns[0]: self._ids[sheet][key], columns[1]: self._ids[target][slug]}
            for key in [*(change.key for change in plan.added), *changed]
            for slug in getattr(self._content.rows[sheet][key], field) or ()
        ]
        if links:
            self._session.execute(insert(model), links)


def _fields(row: Any, *names: str) -> Values:
    return {name: getattr(row, name) for name in names}
