"""置换: one question per screen without login, then the range with what it rests on."""

from typing import Any

from flask import Blueprint, Response, abort, g, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import limiter
from app.dealers.queries import list_cities
from app.members.rules import mask_phone, normalise_phone
from app.members.session import current_member, mark_typed, was_typed_here
from app.tradein import queries, rules, services
from app.tradein.models import TradeInEstimate
from app.visits.session import touch

blueprint = Blueprint("tradein", __name__)
TITLES = {
    "brand": "您的旧车是什么品牌？",
    "series": "是哪个车系？",
    "year": "是哪一年的款？",
    "registration": "什么时候、在哪里上的牌？",
    "mileage": "开了多少公里？",
    "condition": "车况最接近哪一种？",
    "transfers": "过户过几次？",
    "phone": "留个手机号吗？",
}


@blueprint.get("/trade-in")
@access("public")
def start() -> Response:
    """The first question; nothing is kept before it is answered."""
    return _page("brand", None)


@blueprint.post("/trade-in")
@access("public")
@limiter.limit("20/minute")
def begin() -> Response:
    try:
        no = services.begin(request.form.get("brand", ""), request.form.get("buying", ""), clock.now())
    except DomainError as refusal:
        return _page("brand", None, refusal)
    return go(url_for("tradein.ask", no=no, step="series"))


@blueprint.get("/trade-in/<no>")
@access("public")
def show_estimate(no: str) -> Response:
    """The range; before every question is answered, the first that is not."""
    row = queries.get_estimate(no, _me())
    missing = queries.first_open(row)
    if missing or row.fair_fen is None:
        return go(url_for("tradein.ask", no=no, step=missing or "phone"))
    table = queries.find_table(row.table_version)
    return _private(
        render(
            "tradein/estimate.html",
            row=row,
            car=queries.car_name(row),
            facts=queries.list_facts(row, table)[:-1],
            table=table,
            expired=queries.is_expired(row, clock.now()),
        )
    )


@blueprint.post("/trade-in/<no>/renewal")
@access("public")
@limiter.limit("20/minute")
def renew(no: str) -> Response:
    try:
        services.renew(no, clock.now(), member_id=_me())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return go(url_for("tradein.ask", no=no, step="series"))
    return go(url_for("tradein.show_estimate", no=no))


@blueprint.get("/trade-in/<no>/<step>")
@access("public")
def ask(no: str, step: str) -> Response:
    """One question with the answer it had."""
    if step not in rules.STEPS:
        abort(404)
    row = queries.get_estimate(no, _me())
    missing = queries.first_open(row)
    if missing and rules.STEPS.index(missing) < rules.STEPS.index(step):
        return go(url_for("tradein.ask", no=no, step=missing))
    return _page(step, row)


@blueprint.post("/trade-in/<no>/<step>")
@access("public")
@limiter.limit("60/minute")
def answer(no: str, step: str) -> Response:
    if step not in rules.STEPS:
        abort(404)
    try:
        given, me = request.form.to_dict(), _me()
        following = services.answer(no, step, given, clock.now(), member_id=me, touch=touch(request))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(step, queries.get_estimate(no, _me()), refusal)
    number = queries.get_estimate(no, me).phone if step == "phone" else ""
    if number and number == normalise_phone(given.get("phone", "")):
        mark_typed(no, number)
    if not following:
        return go(url_for("tradein.show_estimate", no=no))
    return go(url_for("tradein.ask", no=no, step=following))


def _me() -> int | None:
    """Whose estimates open here besides nobody's: no page of this room is the same for everyone."""
    member = current_member()
    return member.id if member else None


def _page(step: str, row: TradeInEstimate | None, refusal: DomainError | None = None) -> Response:
    table = queries.table_on(clock.today())
    before = rules.previous_step(step)
    typed: dict[str, Any] = request.form.to_dict() if refusal else {}
    return _private(
        render(
            "tradein/question.html",
            status=refusal.status if refusal else 200,
            step=step,
            row=row,
            title=TITLES[step],
            screen=rules.SCREEN[step],
            screens=rules.SCREENS,
            table=table,
            back=url_for("tradein.ask", no=row.no, step=before) if row and before else "",
            problem=refusal.message if refusal else "",
            field=refusal.field if refusal else "",
            typed=typed,
            cities=[name for name, _ in list_cities()] if step == "registration" else [],
            phone=mask_phone(row.phone) if row and row.phone and was_typed_here(row.no, row.phone) else "",
            buying=request.values.get("series", request.form.get("buying", ""))[:64],
        )
    )


def _private(response: Response) -> Response:
    """A draft belongs to whoever knows its number, an estimate to whoever booked with it; none to a cache."""
    g.private = True
    response.headers["Cache-Control"] = "no-store"
    return response
