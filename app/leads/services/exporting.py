"""导出: a list leaves the house only with a mark on every row, a reason and a trace; numbers only by consent."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core import audit, ids
from app.core.clock import local
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.leads import rules
from app.leads.errors import ReasonMissing
from app.leads.models import LeadExport
from app.leads.queries import office
from app.leads.queries.office import Filters, OfficeLine
from app.leads.services.telling import note

HEAD = (
    "线索号", "类型", "来源", "门店编号", "门店", "车款", "状态", "姓名（含水印）", "手机号", "同意时间",
    "同意文本哈希", "提交时间", "承诺回复", "首次回复", "分配原因", "导出水印",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file to be saved, and the mark it carries."""

    mark: str
    content: str
    rows: int


def export_office(actor: Actor, filters: Filters, reason: str, now: datetime) -> Sheet:
    """Headquarters' list. NotAllowed, ReasonMissing."""
    if actor.kind != "operator":
        raise NotAllowed
    if not reason.strip():
        raise ReasonMissing
    return _export(actor, office.search(filters, now, office.EXPORTED), filters.plain(), reason.strip(), None, now)


def export_store(actor: Actor, now: datetime) -> Sheet:
    """A store's own list, for its manager. NotAllowed."""
    if actor.kind != "staff" or actor.role != "manager" or actor.dealer_id is None:
        raise NotAllowed
    lines = office.search_store(actor.dealer_id, now)
    return _export(actor, lines, {}, "门店导出", actor.dealer_id, now)


def _export(
    actor: Actor,
    lines: Sequence[OfficeLine],
    filters: dict[str, str],
    reason: str,
    dealer_id: int | None,
    now: datetime,
) -> Sheet:
    mark = ids.public_code(10)
    with transaction():
        row = LeadExport(
            mark=mark, dealer_id=dealer_id, actor_kind=actor.kind, actor_id=actor.id or 0, reason=reason[:120],
            filters=filters, rows=len(lines), at=now,
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        for line in lines:
            if line.contact is not None:
                note(
                    line.lead, "number_exported", now, staff_id=actor.id if actor.kind == "staff" else None, words=mark
                )
        audit.record(actor, "leads_exported", "lead_export", row.id, rows=len(lines), reason=reason, filters=filters)
    return Sheet(mark, _csv(lines, mark), len(lines))


def _csv(lines: Sequence[OfficeLine], mark: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(HEAD)
    for line in lines:
        writer.writerow([rules.csv_cell(value) for value in _row(line, mark)])
    return "\ufeff" + out.getvalue()  # spreadsheets take it for UTF-8 only with this


def _row(line: OfficeLine, mark: str) -> list[object]:
    lead, enquiry, contact = line.lead, line.enquiry, line.contact
    return [
        lead.no,
        rules.KINDS[enquiry.kind],
        rules.SOURCES.get(enquiry.source, enquiry.source),
        line.dealer.slug,
        line.dealer.name,
        enquiry.subject,
        rules.STAFF_WORDS[lead.state],  # pyright: ignore[reportArgumentType]
        rules.marked_name(contact.name if contact else "", lead.mark),
        contact.phone if contact else "未提供",
        _at(contact.given_at) if contact else "",
        contact.text_hash if contact else "",
        _at(lead.created_at),
        _at(lead.due_at),
        _at(lead.answered_at) if lead.answered_at else "",
        lead.reason,
        mark,
    ]


def _at(moment: datetime) -> str:
    return local(moment).strftime("%Y-%m-%d %H:%M")
