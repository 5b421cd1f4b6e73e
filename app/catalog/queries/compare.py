"""What the comparison needs beside the line-up: the specification sheets of at most four trims."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.catalog.comparing import MOST, Group, Pick, cheaper, table
from app.catalog.models import SpecItem
from app.catalog.queries.lineup import Lineup, LineupSeries, LineupTrim, get_lineup
from app.core.db import db

PICKER_TRIMS = 120


@dataclass(frozen=True, slots=True)
class ComparePage:
    """`trims` are those found and kept; `unknown` were not found, `surplus` were more than four."""

    pick: Pick
    trims: list[LineupTrim]
    groups: list[Group]
    cheaper: tuple[str, ...]
    all_rows: int
    shown_rows: int
    unknown: int
    surplus: int
    choices: list[tuple[LineupSeries, list[LineupTrim]]]


def get_compare_page(asked: Pick) -> ComparePage:
    """The comparison of what is on sale of the asked trims; one statement beside the line-up's."""
    lineup = get_lineup()
    found = [lineup.trims[slug] for slug in asked.slugs if slug in lineup.trims]
    trims = found[:MOST]
    at = asked.at if 0 < asked.at <= len(trims) else 0
    pick = Pick(tuple(trim.slug for trim in trims), asked.differences, at)
    sheets = _sheets([trim.id for trim in trims])
    everything = table(sheets)
    groups = table(sheets, differences=True) if pick.differences and len(trims) > 1 else everything
    return ComparePage(
        pick=pick,
        trims=trims,
        groups=groups,
        cheaper=cheaper([trim.msrp_fen for trim in trims]),
        all_rows=sum(len(group.rows) for group in everything),
        shown_rows=sum(len(group.rows) for group in groups),
        unknown=len(asked.slugs) - len(found),
        surplus=max(0, len(found) - MOST),
        choices=_choices(lineup, trims),
    )


def _sheets(trim_ids: Sequence[int]) -> list[list[tuple[str, str, str, str]]]:
    by_trim: dict[int, list[tuple[str, str, str, str]]] = {trim_id: [] for trim_id in trim_ids}
    if trim_ids:
        rows = db.session.execute(
            select(SpecItem.trim_id, SpecItem.group_name, SpecItem.name, SpecItem.value, SpecItem.unit)
            .where(SpecItem.trim_id.in_(trim_ids))
            .order_by(SpecItem.position, SpecItem.id)
        )
        for trim_id, group, name, value, unit in rows:
            by_trim[trim_id].append((group, name, value, unit))
    return list(by_trim.values())


def _choices(lineup: Lineup, trims: list[LineupTrim]) -> list[tuple[LineupSeries, list[LineupTrim]]]:
    """What can be added, the series of the chosen trims first; no more than a sheet can hold."""
    taken = {trim.slug for trim in trims}
    near = list({trim.car.slug: trim.car for trim in trims}.values())
    left = PICKER_TRIMS
    choices: list[tuple[LineupSeries, list[LineupTrim]]] = []
    for car in near + [car for car in lineup.series if car not in near]:
        offered = [trim for trim in car.trims if trim.slug not in taken][: max(0, left)]
        left -= len(offered)
        if offered:
            choices.append((car, offered))
    return choices
