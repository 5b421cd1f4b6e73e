"""Bring a workbook in: read, check everything, compare, and apply all of it or nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.catalog.pictures import StoredPicture
from app.core import audit, clock, publishing
from app.core.db import db, transaction
from app.core.errors import GatewayError
from app.core.security import SYSTEM, Actor
from app.coupons.queries import draws
from app.dealers import hours
from app.gateways.storage.port import Storage
from app.workbook import galleries, queries, rules
from app.workbook.changes import Writer
from app.workbook.checks import Findings, read_content
from app.workbook.errors import WorkbookRefused
from app.workbook.galleries import KnownPicture
from app.workbook.prices import check_prices
from app.workbook.reading import Unreadable, opened
from app.workbook.references import check_draws, check_references, check_taken
from app.workbook.rules import Change, Content, Plan, Problem, SheetPlan, Stored

# One import at a time on PostgreSQL; SQLite lets only one writer in anyway.
IMPORT_LOCK = 7_309_461


def import_workbook(
    path: Path,
    storage: Storage,
    *,
    pictures: Path | None = None,
    dry_run: bool = False,
    move_days: int = 0,
    actor: Actor = SYSTEM,
) -> Plan:
    """Make the shop say what the workbook says; the plan tells what was (or, in a dry run, would be) changed.

    Raises WorkbookRefused with every problem, and then nothing has changed. Importing the same workbook again changes
    nothing. `pictures` is a further folder of pictures; `move_days` moves every window, for the demo.
    """
    found = Findings()
    try:
        with opened(path, pictures) as source:
            content = read_content(source, found)
            present, known = queries.list_rows(), queries.list_pictures()
            move_dates(content, move_days)
            rules.keep_unsaid(content, present)  # not before the dates moved: what is kept stands where it is
            check_references(content, present, found)
            check_taken(content, queries.list_taken(), found)
            check_draws(content, present[rules.CAMPAIGNS], draws.list_promised(), found)
            galleries.gather(content, source.pictures, known, present[rules.SERIES], storage, found)
            if found.problems:
                raise WorkbookRefused(found.sorted())
            check_prices(content, present, found, clock.now())
            if found.problems:
                raise WorkbookRefused(found.sorted())
            if dry_run:
                return make_plan(content, present, known)
            # Files are named by their content and harmless alone, so they go first and the transaction stays short.
            stored = galleries.store_all(content.pictures.values(), storage)
    except GatewayError as error:
        message = f"图片存储没有响应（{error.code}），请稍后重新导入"
        raise WorkbookRefused([Problem(path.name, 1, "A1", message)]) from error
    except Unreadable as error:
        raise WorkbookRefused([Problem(path.name, 1, error.cell, str(error))]) from None
    except OSError as error:
        name = Path(error.filename).name if error.filename else path.name
        raise WorkbookRefused([Problem(path.name, 1, "A1", f"读写“{name}”失败：{error.strerror}")]) from error
    return apply_content(content, stored, found, actor)


def apply_content(content: Content, stored: Mapping[str, StoredPicture], found: Findings, actor: Actor) -> Plan:
    """Write a checked workbook in one transaction and leave a line in the audit trail.

    What others did since the checks is checked again; `found` (empty so far) knows where the columns stand.
    """
    with transaction() as session:
        _wait_for_other_imports(session)
        now = clock.now()
        present = queries.list_rows()
        rules.keep_unsaid(content, present)
        check_references(content, present, found)
        check_taken(content, queries.list_taken(), found)
        check_prices(content, present, found, now)
        plan = make_plan(content, present, queries.list_pictures())
        if not found.problems:
            Writer(session, content, plan, present, now, found, actor).write(stored)
            # What was changed is locked by now, and a draw is published with its campaign locked: none comes between.
            check_draws(content, present[rules.CAMPAIGNS], draws.list_promised(), found)
        if found.problems:
            raise WorkbookRefused(found.sorted())
        if plan.changes:
            publishing.bump()
            counts = {
                name: [len(sheet.added), len(sheet.changed), len(sheet.withdrawn)]
                for name, sheet in plan.sheets.items()
                if sheet.changes
            }
            audit.record(actor, "workbook_imported", "workbook", None, changes=counts)
    return plan


def make_plan(content: Content, present: Mapping[str, Mapping[str, Stored]], known: Mapping[str, KnownPicture]) -> Plan:
    """Compare what the workbook says with what the shop holds."""
    plan = Plan()
    files = SheetPlan()
    for name in content.pictures:
        (files.changed if name in known else files.added).append(Change(name))
    if content.pictures:
        plan.sheets[rules.PICTURES] = files
    for sheet in rules.SHEETS:
        if sheet not in content.sheets:
            continue
        if sheet == rules.SPECS:
            plan.sheets[sheet] = _plan_specs(content)
        else:
            plan.sheets[sheet] = rules.plan_sheet(content.rows[sheet], present[sheet])
    return plan


def move_dates(content: Content, days: int) -> None:
    """Move the windows of deals and campaigns and the holidays of dealers by whole days."""
    if not days:
        return
    for sheet in (rules.DEALS, rules.CAMPAIGNS):
        rows = content.rows.get(sheet, {})
        rows.update({key: rules.moved(row, days) for key, row in rows.items()})
    dealers = content.rows.get(rules.DEALERS, {})
    dealers.update({key: replace(row, hours=hours.move_dates(row.hours, days)) for key, row in dealers.items()})


def _plan_specs(content: Content) -> SheetPlan:
    """Compare trim by trim as the database is read; `content.specs` keeps only trims that differ."""
    plan = SheetPlan()
    unseen = set(content.specs)
    for trim, before in queries.stream_specs():
        wanted = content.specs.get(trim, [])
        unseen.discard(trim)
        # A trim that is withdrawn by this import keeps its values: old bookings are read with them.
        if rules.TRIMS in content.sheets and trim not in content.rows[rules.TRIMS]:
            continue
        if not rules.plan_specs(trim, wanted, before, plan):
            content.specs.pop(trim, None)
        elif not wanted:
            content.specs[trim] = []
    for trim in [trim for trim in content.specs if trim in unseen]:
        rules.plan_specs(trim, content.specs[trim], [], plan)
    return plan


def _wait_for_other_imports(session: Session) -> None:
    if db.engine.dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
