"""What was redeemed: today's list with live tallies, the search by the last four of a phone, the file for the desk."""

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Response, make_response, request, url_for

from app.booking.queries.store import count_waiting
from app.core import clock
from app.core.errors import NotAllowed
from app.core.htmx import go, render
from app.core.money import yuan
from app.core.security import access
from app.core.web import actor
from app.redemption import queries
from app.redemption.errors import DaysWrong
from app.redemption.forms import TailForm
from app.redemption.queries import Receipt
from app.redemption.rules import EXPORT_DAYS, SUPERVISORS
from app.redemption.views import blueprint

HEAD = ("时间", "类型", "内容", "券号或订单号", "客户", "手机", "消费金额", "优惠金额", "经办", "公用手机", "状态")


@blueprint.get("/staff/redemptions")
@access("staff")
def list_redemptions() -> Response:
    mine, kind = request.args.get("who") == "mine", request.args.get("kind", "")
    receipts = queries.list_today(actor(), clock.now(), mine=mine, kind=kind)
    return _list(receipts, TailForm(formdata=None), mine=mine, kind=kind if kind in queries.KINDS else "")


@blueprint.get("/staff/redemptions/today")
@access("staff")
def show_counts() -> Response:
    """The counters of the staff home, a fragment."""
    return render("redemption/_counts.html", **counts())


@blueprint.get("/staff/redemptions/search")
@access("staff")
def reopen_search() -> Response:
    """Where a reload of the search ends: what was typed stands in no address."""
    return go(url_for("redemption.list_redemptions"))


@blueprint.post("/staff/redemptions/search")
@access("staff")
def search() -> Response:
    """The store's redemptions of the last 30 days by the last four of the customer's phone."""
    form = TailForm()
    tail = (form.tail.data or "").strip()
    good = form.validate()
    if good and not (len(tail) == 4 and tail.isascii() and tail.isdecimal()):
        form.tail.errors, good = ["请填写 4 位数字，例如 2086。"], False
    if not good:  # below what is wrong stands the day, as before
        return _list(queries.list_today(actor(), clock.now()), form, status=422)
    return _list(queries.list_by_tail(actor(), tail, clock.now()), form, searched=True)


@blueprint.get("/staff/redemptions/export")
@access("staff")
def export() -> Response:
    """A file for the desk: everything of some days (today unless said otherwise), names and phones masked."""
    if actor().role != "manager":
        raise NotAllowed
    now = clock.now()
    today = clock.local(now).date()
    try:
        start, end = _period(today)
    except DaysWrong as refusal:
        return _list(queries.list_today(actor(), now), TailForm(formdata=None), status=422, problem=refusal.message)
    rows = queries.list_between(actor(), _midnight(start), _midnight(end + timedelta(days=1)), now)
    response = make_response("\ufeff" + _csv(rows))
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="redemptions-{start}-{end}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def counts() -> dict[str, Any]:
    """Today's tallies; whoever leads also sees how many scans were refused and why."""
    now, dealer_id = clock.now(), actor().dealer_id or 0
    failures = queries.list_failures_today(dealer_id, now) if actor().role in SUPERVISORS else None
    return {
        "tallies": queries.tally_today(dealer_id, now),
        "waiting": count_waiting(dealer_id),
        "failures": failures,
    }


def _list(receipts: list[Receipt], form: TailForm, *, status: int = 200, **shown: Any) -> Response:
    given = {"mine": False, "kind": "", "searched": False, "problem": "", **shown}
    return render(
        "redemption/today.html",
        "redemption/_today.html",
        status=status,
        receipts=receipts,
        form=form,
        kinds=queries.KINDS,
        exports=actor().role == "manager",
        today=clock.today().isoformat(),
        **given,
        **counts(),
    )


def _period(today: date) -> tuple[date, date]:
    """The days asked for, today without any. DaysWrong."""
    try:
        start, end = (clock.read_day(request.args.get(name, today.isoformat())) for name in ("from", "to"))
    except ValueError:
        raise DaysWrong from None
    if not start <= end < start + timedelta(days=EXPORT_DAYS):
        raise DaysWrong
    return start, end


def _midnight(day: date) -> datetime:
    return clock.from_local(datetime.combine(day, time()))


def _csv(receipts: list[Receipt]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for r in receipts:
        coupon = r.kind == "coupon"
        writer.writerow(
            _plain(text)
            for text in (
                clock.local(r.redeemed_at).strftime("%Y-%m-%d %H:%M:%S"), r.kind_words, r.what, r.no, r.who, r.phone,
                "" if r.bill_fen is None else yuan(r.bill_fen).replace(",", ""),
                yuan(r.amount_fen or 0).replace(",", "") if coupon else "",
                r.staff_name, r.phone_name, r.undo_text or "有效",
            )
        )  # fmt: skip
    return out.getvalue()


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
