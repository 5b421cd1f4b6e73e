"""资金 → 结算依据 and 交易 → 存证包: what headquarters settles by, and the pack of any booking or coupon."""

from typing import Any

from flask import Blueprint, Flask, Response, g, request

from app.core import audit, backoffice, clock, ids
from app.core.db import transaction
from app.core.errors import DomainError, NotFound
from app.core.htmx import render
from app.core.security import access
from app.core.web import actor
from app.evidence import files
from app.evidence.errors import NoSuchNumber, ReasonMissing
from app.evidence.forms import PackForm, period
from app.evidence.queries.packs import Wanted, booking_pack, coupon_pack
from app.evidence.queries.settlement import Settlement, settle
from app.evidence.rules import Pack

blueprint = Blueprint("evidence_admin", __name__, url_prefix="/admin")
MIN_REASON = 4


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "资金", "结算依据", "evidence_admin.show_settlement", "settlement")
    backoffice.register(app, "交易", "存证包", "evidence_admin.find_pack", "dispute-packs")


@blueprint.get("/settlement")
@access("admin")
def show_settlement() -> Response:
    problem, found = "", None
    try:
        found = _settlement()
    except DomainError as refusal:
        problem = refusal.message
    status = 422 if problem else 200
    return render("evidence/admin/settlement.html", status=status, **_frame("settlement"), found=found, problem=problem)


@blueprint.get("/settlement.csv")
@access("admin")
def download_csv() -> Response:
    found = _settlement()
    return files.answer(files.settlement_csv(found).encode(), "text/csv; charset=utf-8", _name(found, "csv"))


@blueprint.get("/settlement.xlsx")
@access("admin")
def download_xlsx() -> Response:
    found = _settlement()
    return files.answer(files.settlement_xlsx(found), files.XLSX, _name(found, "xlsx"))


@blueprint.get("/dispute-packs")
@access("admin")
def find_pack() -> Response:
    """The masked pack of one number, to look at."""
    form, pack = PackForm(formdata=request.args), None
    if form.number.data is not None:
        try:
            pack = _find(form.number.data, Wanted())
        except DomainError as refusal:
            form.number.errors = [refusal.message]
    return _pack_page(form, pack, 422 if form.number.errors else 200)


@blueprint.post("/dispute-packs")
@access("admin")
def download_pack() -> Response:
    """The whole pack with name and number, as a file: with a reason, and recorded."""
    form = PackForm()
    try:
        reason = " ".join((form.reason.data or "").split())
        pack = _find(form.number.data or "", Wanted(clear=True))
        if len(reason) < MIN_REASON:
            raise ReasonMissing
    except DomainError as refusal:
        if refusal.field not in {"number", "reason"}:
            raise
        form[refusal.field].errors = [refusal.message]
        return _pack_page(form, None, 422)
    with transaction():
        audit.record(actor(), "dispute_pack_made", pack.kind, None, number=pack.number, reason=reason)
    name = f"dispute-pack-{pack.number}-{clock.local(clock.now()):%Y%m%d}.zip"
    return files.answer(files.zip_of(pack), "application/zip", name)


def _find(number: str, wanted: Wanted) -> Pack:
    number, now = ids.as_typed(number), clock.now()
    if not number:
        raise NoSuchNumber("请填写预订号或券号。")
    for make in (booking_pack, coupon_pack):
        try:
            return make(number, wanted, now)
        except NotFound:
            continue
    raise NoSuchNumber


def _settlement() -> Settlement:
    since, until = request.args.get("since", ""), request.args.get("until", "")
    return settle(*period(since, until, clock.today()))


def _pack_page(form: PackForm, pack: Pack | None, status: int) -> Response:
    return render("evidence/admin/packs.html", status=status, **_frame("dispute-packs"), form=form, pack=pack)


def _frame(here: str) -> dict[str, Any]:
    return {"here": here, "operator": g.operator}


def _name(found: Settlement, ending: str) -> str:
    return f"settlement-{found.since.isoformat()}-{found.until.isoformat()}.{ending}"
