"""What no rule decides alone: the list of what waits, one case, settled with an amount or refused with an answer."""

from typing import Any

from flask import g, request, url_for

from app.booking.admin_views import blueprint
from app.booking.queries import cases
from app.booking.rules import state_words
from app.booking.rules.cases import CASE_STATE_WORDS, CASE_WORDS, CaseKind
from app.booking.services import settling
from app.core import actors, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.money import parse_yuan, yuan
from app.core.security import access
from app.members import rules as members

OPENED_BY = {"system": "系统", "member": "客户", "staff": "门店", "operator": "总部"}


@blueprint.get("/cases")
@access("admin")
def list_cases() -> Any:
    done, kind = request.args.get("done") == "1", request.args.get("kind", "")
    rows = cases.list_cases(open_=not done, kind=kind if kind in CASE_WORDS else "")
    return render(
        "booking/admin/cases.html",
        here="cases",
        done=done,
        kind=kind if kind in CASE_WORDS else "",
        rows=rows,
        who=actors.names((case.settled_by_kind, case.settled_by) for case in rows),
        counts=cases.count_open(),
        words=CASE_WORDS,
        state_names=CASE_STATE_WORDS,
        now=clock.now(),
    )


@blueprint.get("/cases/<int:case_id>")
@access("admin")
def show_case(case_id: int) -> Any:
    return _page(case_id)


@blueprint.post("/cases/<int:case_id>/settlement")
@access("admin")
def settle_case(case_id: int) -> Any:
    form = request.form
    try:
        amount = parse_yuan(form.get("amount", "").strip() or "0")
    except ValueError:
        return _page(case_id, 422, "请填写金额，单位元，例如 1000 或 1000.50。")
    verdict = settling.Verdict(amount, form.get("answer", ""), form.get("document", ""), form.get("ends") == "1")
    try:
        settling.settle(g.actor, case_id, verdict, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(case_id, 422, refusal.message)
    return go(url_for("booking_admin.show_case", case_id=case_id))


@blueprint.post("/cases/<int:case_id>/refusal")
@access("admin")
def refuse_case(case_id: int) -> Any:
    try:
        settling.refuse(g.actor, case_id, request.form.get("answer", ""), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(case_id, 422, refusal.message)
    return go(url_for("booking_admin.show_case", case_id=case_id))


def _page(case_id: int, status: int = 200, problem: str = "") -> Any:
    page = cases.get_case(case_id)
    purse = settling.purse_of(page.booking)
    return render(
        "booking/admin/case.html",
        status=status,
        here="cases",
        page=page,
        case=page.case,
        booking=page.booking,
        money=page.money,
        purse=purse,
        suggested=yuan(_suggested(page.case.kind, purse)).replace(",", ""),
        by_hand=page.case.kind in (CaseKind.DOUBLE_RETURN, CaseKind.STORE_RETURN),
        words=CASE_WORDS,
        state_names=CASE_STATE_WORDS,
        opened_by=OPENED_BY,
        who=actors.names([(page.case.settled_by_kind, page.case.settled_by)]),
        booking_words=state_words(page.booking.state, page.booking.earnest_kind),
        mask=members.mask_phone,
        problem=problem,
        typed=request.form if status == 422 else {},
    )


def _suggested(kind: str, purse: settling.Purse) -> int:
    """What the rule asks for: the other half, the balance of the store, the balance that always goes back."""
    match CaseKind(kind):
        case CaseKind.DOUBLE_RETURN:
            return purse.agreed_earnest_fen
        case CaseKind.STORE_RETURN:
            return purse.store_fen
        case CaseKind.FORFEIT:
            return purse.balance_fen
        case CaseKind.DISPUTE:
            return 0 if purse.binding else purse.online_fen
