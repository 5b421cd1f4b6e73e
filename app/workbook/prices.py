"""Price honesty in a workbook: checked against the ledger before, written into it with the change."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from app.catalog.pricing import Basis, PriceKind, PriceRow, periods, strike_through_problem
from app.catalog.queries.prices import list_price_rows
from app.catalog.services.prices import NewPrice
from app.workbook import rules
from app.workbook.checks import Findings
from app.workbook.references import Aftermath
from app.workbook.rules import Change, Content, DealRow, SheetPlan, Stored, TrimRow

# A change of one of these publishes an offer anew.
OFFER_FIELDS = frozenset({"price_fen", "starts_at", "trim", "withdrawn"})
WINDOW_FIELDS = OFFER_FIELDS | {"ends_at"}
Present = Mapping[str, Mapping[str, Stored]]


def check_prices(content: Content, present: Present, found: Findings, now: datetime) -> None:
    """A finding where an import would show a one-price beside a guide price that was raised for it.

    Judged are offers that the workbook publishes, and those still to start whose car's guide price it changes.
    """
    if not content.sheets & {rules.TRIMS, rules.DEALS}:
        return
    after = Aftermath(content, present, found)
    wanted: list[tuple[DealRow, TrimRow, bool]] = []
    for deal in after.rows(rules.DEALS):
        trim = after.get(rules.TRIMS, deal.trim)
        if trim is None or deal.ends_at <= now:
            continue
        published = _is_published(deal, present)
        if published or (deal.starts_at > now and _is_repriced(trim, present)):
            wanted.append((deal, trim, published))
    known = present[rules.TRIMS]
    history = list_price_rows(known[trim.slug].id for _, trim, _ in wanted if trim.slug in known)
    for deal, trim, published in wanted:
        rows = history.get(known[trim.slug].id, []) if trim.slug in known else []
        if _is_repriced(trim, present):
            rows = [*rows, PriceRow(PriceKind.GUIDE, "", trim.msrp_fen, now, None, now)]
        start = max(deal.starts_at, now)
        problem = strike_through_problem(trim.msrp_fen, Basis.GUIDE, start, periods(rows), trim.msrp_fen)
        if problem and (published or not trim.at):
            found.at(rules.DEALS, deal.at, "starts_at", problem)
        elif problem:
            found.at(rules.TRIMS, trim.at, "msrp_fen", f"一口价“{deal.slug}”：{problem}")


def guide_prices(plan: SheetPlan, rows: Mapping[str, Any], ids: Mapping[str, int], now: datetime) -> list[NewPrice]:
    """What the ledger gets for the trims of a plan."""
    changed = [*plan.added, *(change for change in plan.changed if "msrp_fen" in change.fields)]
    return [NewPrice(ids[change.key], PriceKind.GUIDE, rows[change.key].msrp_fen, now) for change in changed]


def offer_prices(
    plan: SheetPlan, rows: Mapping[str, DealRow], before: Mapping[str, Stored], trims: Mapping[str, int], now: datetime
) -> list[NewPrice]:
    """What the ledger gets for the one-prices of a plan; one that is withdrawn, or moves to another car, ends now."""
    changed = [change for change in plan.changed if change.fields.keys() & WINDOW_FIELDS]
    gone = [*plan.withdrawn, *(change for change in changed if "trim" in change.fields)]
    written = [rows[change.key] for change in (*plan.added, *changed)]
    return [
        *(_ended(row, trims, now) for row in _rows_before(gone, before)),
        *(_offer(row, trims, row.ends_at) for row in written),
    ]


def _rows_before(changes: Iterable[Change], before: Mapping[str, Stored]) -> list[DealRow]:
    return [before[change.key].row for change in changes]


def _ended(row: DealRow, trims: Mapping[str, int], now: datetime) -> NewPrice:
    return _offer(row, trims, max(row.starts_at, min(now, row.ends_at)))


def _offer(row: DealRow, trims: Mapping[str, int], ends_at: datetime) -> NewPrice:
    return NewPrice(trims[row.trim], PriceKind.DEAL, row.price_fen, row.starts_at, ends_at, row.slug)


def _is_published(deal: DealRow, present: Present) -> bool:
    before = present[rules.DEALS].get(deal.slug)
    if not deal.at:
        return False
    return before is None or before.withdrawn or bool(rules.differences(before.row, deal).keys() & OFFER_FIELDS)


def _is_repriced(trim: TrimRow, present: Present) -> bool:
    before = present[rules.TRIMS].get(trim.slug)
    return before is not None and before.row.msrp_fen != trim.msrp_fen
