"""门店主页 on the manager's phone: what is published, what waits, and the forms to hand in more."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, abort, current_app, g, request, url_for

from app.catalog.errors import PictureRefused
from app.catalog.pictures import MAX_BYTES
from app.core import clock, ids
from app.core.db import db
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, uploads
from app.dealers import timetable
from app.dealers.errors import FactsChangedMeanwhile, NotManager, SubmissionUnfit
from app.dealers.facts import KIND_WORDS, STATE_WORDS, Kind, read_phone
from app.dealers.forms import SPARE, ActivityForm, FactsForm, PromoForm, Special, SubmissionForm, read_special
from app.dealers.hours import parse
from app.dealers.models import Dealer, Submission
from app.dealers.queries import submissions as read
from app.dealers.services import submitting
from app.dealers.services.submitting import ActivityWish, Hand, PromoWish
from app.dealers.views import blueprint

UPLOAD = MAX_BYTES + 64 * 1024


def _manager() -> Dealer:
    """The store of the manager who asks; a phone that colleagues pick up hands nothing in."""
    if actor().role != "manager" or g.get("shared_phone") is not None:
        raise NotManager
    return db.session.get_one(Dealer, actor().dealer_id)


@blueprint.get("/staff/store")
@access("staff")
def show_own_store() -> Response:
    """What the store has published, what waits for headquarters, and what came back."""
    dealer, now = _manager(), clock.now()
    activities, prices = read.list_live(dealer.id, now)
    return render(
        "dealers/staff/home.html",
        dealer=dealer,
        activities=activities,
        prices=prices,
        rows=read.list_of_store(dealer.id),
        kinds=KIND_WORDS,
        states=STATE_WORDS,
        now=now,
        key=ids.token(16),
    )


@blueprint.get("/staff/store/submissions/<no>")
@access("staff")
def show_own_submission(no: str) -> Response:
    return _submission_page(no)


def _submission_page(no: str, problem: str = "", status: int = 200) -> Response:
    row, now = read.get_submission(no, _manager().id), clock.now()
    return render(
        "dealers/staff/submission.html",
        status=status,
        row=row,
        diff=read.diff_of(row, now),
        states=STATE_WORDS,
        problem=problem,
        now=now,
    )


@blueprint.post("/staff/store/submissions/<no>/withdrawal")
@access("staff")
def withdraw_submission(no: str) -> Response:
    _manager()
    try:
        submitting.withdraw(actor(), no, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _submission_page(no, refusal.message, 422)
    return go(url_for("dealers.show_own_submission", no=no))


@blueprint.post("/staff/store/endings")
@access("staff")
def end_published() -> Response:
    """Ask for the early end of an activity or a price."""
    _manager()
    kind, number, key = request.form.get("kind", ""), request.form.get("id", ""), request.form.get("key", "")[:40]
    if (
        kind not in (Kind.ACTIVITY, Kind.PROMO)
        or not number.isascii()
        or not number.isdecimal()
        or len(number) > 18
        or not key
    ):
        abort(404)
    # One page shows several buttons under one key: each is a submission of its own.
    hand = Hand(f"{key[:16]}-{kind}-{number}"[:40], note=request.form.get("note", ""))
    return _to(submitting.submit_end(actor(), Kind(kind), int(number), hand, clock.now()))


# ---- 门店资料 ----


@blueprint.get("/staff/store/facts")
@access("staff")
def edit_facts() -> Response:
    dealer = _manager()
    wish = {**read.facts_of(dealer), **_again(dealer, Kind.FACTS)}
    hours = parse(wish["hours"])
    days = {f"day{n}": timetable.spans_text(spans) for n, spans in enumerate(hours.week)} if hours.known else {}
    form = FactsForm(
        formdata=None, key=ids.token(16), seen=read.edition_of(dealer), phone=wish["phone"], intro=wish["intro"], **days
    )
    special = [(f"{d.first}", f"{d.last}", d.text) for d in timetable.special_rows(hours, clock.today(), 366)]
    return _facts_page(dealer, form, special)


def _facts_page(dealer: Dealer, form: FactsForm, special: list[Special], status: int = 200) -> Response:
    rows = [*special, *[("", "", "")] * SPARE]
    return render(
        "dealers/staff/facts.html",
        status=status,
        dealer=dealer,
        form=form,
        special=rows,
        waiting=read.count_waiting(dealer.id),
        photo=read.find_picture(dealer.photo_id),
    )


@blueprint.post("/staff/store/facts")
@access("staff")
@uploads(UPLOAD)
def submit_facts() -> Response:
    dealer, form, special = _manager(), FactsForm(), read_special(request.form)
    good = form.validate()
    hours = form.hours(special) if any(field.data for field in form.days) or dealer.hours else ""
    if not good or hours is None:
        return _facts_page(dealer, form, special, 422)

    def submit() -> str:
        wish: dict[str, Any] = {"hours": _same(hours, dealer.hours), "intro": form.intro.data or ""}
        wish["phone"] = _same_phone(form.phone.data or "", dealer.phone)
        if (picture_id := _picture(form.photo)) is not None:
            wish["photo_id"] = picture_id
        return submitting.submit_facts(actor(), wish, form.seen.data or "", _hand(form), clock.now())

    return _handed_in(submit, form, lambda status: _facts_page(dealer, form, special, status))


def _same(hours: str, present: str) -> str:
    """The present notation when it means the same, so that a form that was not touched changes nothing."""
    return present if parse(hours) == parse(present) else hours


def _same_phone(typed: str, present: str) -> str:
    try:
        return present if typed.strip() == present else read_phone(typed)
    except ValueError:
        return typed.strip()  # the service says what is wrong with it


# ---- 活动 ----


@blueprint.get("/staff/store/activities/new")
@access("staff")
def new_activity() -> Response:
    dealer = _manager()
    target_id, wish = _target(dealer, Kind.ACTIVITY)
    form = ActivityForm(formdata=None, key=ids.token(16), **_filled(wish, "title", "text"))
    return _activity_page(form, target_id)


def _activity_page(form: ActivityForm, target_id: int | None, status: int = 200) -> Response:
    return render("dealers/staff/activity.html", status=status, form=form, target_id=target_id)


@blueprint.post("/staff/store/activities")
@access("staff")
@uploads(UPLOAD)
def submit_activity() -> Response:
    dealer, form = _manager(), ActivityForm()
    target_id, present = _target(dealer, Kind.ACTIVITY)
    starts_at, ends_at = form.starts_at.moment, form.ends_at.moment
    if not form.validate() or starts_at is None or ends_at is None:
        return _activity_page(form, target_id, 422)

    def submit() -> str:
        picture_id = _picture(form.photo) or (None if form.no_picture.data else present.get("picture_id"))
        wish = ActivityWish(form.title.data or "", form.text.data or "", starts_at, ends_at, picture_id, target_id)
        return submitting.submit_activity(actor(), wish, _hand(form), clock.now())

    return _handed_in(submit, form, lambda status: _activity_page(form, target_id, status))


# ---- 本店价 ----


@blueprint.get("/staff/store/prices/new")
@access("staff")
def new_promo() -> Response:
    dealer = _manager()
    target_id, wish = _target(dealer, Kind.PROMO)
    values = _filled(wish, "conditions", "reason")
    if "fen" in wish:
        values["price"] = f"{wish['fen'] / 100:.2f}".removesuffix(".00")
    form = PromoForm(formdata=None, key=ids.token(16), **values)
    return _promo_page(form, target_id, read.slug_of(wish.get("trim_id")) or request.args.get("trim", ""))


def _promo_page(form: PromoForm, target_id: int | None, slug: str, status: int = 200) -> Response:
    choices = read.list_choices()
    form.trim.choices = [(c.slug, f"{c.name}（指导价 {c.guide_fen // 100:,} 元）") for c in choices]
    form.trim.data = slug if slug in {c.slug for c in choices} else (choices[0].slug if choices else "")
    return render("dealers/staff/promo.html", status=status, form=form, target_id=target_id)


@blueprint.post("/staff/store/prices")
@access("staff")
def submit_promo() -> Response:
    dealer, form = _manager(), PromoForm()
    target_id, _ = _target(dealer, Kind.PROMO)
    slug, starts_at, ends_at = form.trim.data or "", form.starts_at.moment, form.ends_at.moment
    if not form.validate() or starts_at is None or ends_at is None:
        return _promo_page(form, target_id, slug, 422)
    words = form.conditions.data or "", form.reason.data or ""

    def submit() -> str:
        wish = PromoWish(slug, form.fen, starts_at, ends_at, *words, target_id)
        return submitting.submit_promo(actor(), wish, _hand(form), clock.now())

    return _handed_in(submit, form, lambda status: _promo_page(form, target_id, slug, status))


# ---- what the forms share ----


def _handed_in(submit: Callable[[], str], form: SubmissionForm, again: Callable[[int], Response]) -> Response:
    """Do it and go to the submission; what is refused stands in the form, with what was typed."""
    try:
        return _to(submit())
    except PictureRefused as refusal:
        form["photo"].errors = [refusal.message]
    except SubmissionUnfit as refusal:
        for name, text in refusal.problems:
            field = {"hours": "day0"}.get(name, name)
            if field in form:
                form[field].errors = [*form[field].errors, text]
            else:
                form.form_errors.append(text)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        form.form_errors.append(refusal.message)
        if isinstance(refusal, FactsChangedMeanwhile):
            form["seen"].data = read.edition_of(db.session.get_one(Dealer, actor().dealer_id, populate_existing=True))
    return again(422)


def _to(no: str) -> Response:
    return go(url_for("dealers.show_own_submission", no=no))


def _hand(form: SubmissionForm) -> Hand:
    return Hand((form.key.data or "")[:40], form.publish_at.moment, form.note.data or "")


def _picture(field: Any) -> int | None:
    """The uploaded picture, kept; None when there is none."""
    file = field.data
    if not getattr(file, "filename", ""):
        return None
    storage = current_app.extensions["storage"]
    return submitting.keep_store_picture(actor(), file.filename, file.read(), storage).id


def _target(dealer: Dealer, kind: Kind) -> tuple[int | None, dict[str, Any]]:
    """What is replaced (`of`), and with what the form begins: that, or a submission that came back (`from`)."""
    text = request.values.get("of", "")
    if not text:
        row = _returned(dealer, kind)
        return (row.target_id, row.content) if row else (None, {})
    target = read.find_target(kind, int(text), dealer.id) if text.isdecimal() and len(text) < 18 else None
    if target is None:
        abort(404)
    return target.id, read.content_of(target)


def _again(dealer: Dealer, kind: Kind) -> dict[str, Any]:
    row = _returned(dealer, kind)
    return row.content if row else {}


def _returned(dealer: Dealer, kind: Kind) -> Submission | None:
    """The store's own submission of this kind that is filled in once more."""
    if not (no := request.args.get("from", "")[:24]):
        return None
    row = read.get_submission(no, dealer.id)
    return row if row.kind == kind and not row.content.get("end") else None


def _filled(wish: dict[str, Any], *names: str) -> dict[str, Any]:
    """A submission's values for a form; moments as the clock in Shanghai shows them."""
    values = {name: wish[name] for name in names if name in wish}
    for name in ("starts_at", "ends_at"):
        if name in wish:
            values[name] = clock.local(datetime.fromisoformat(wish[name])).replace(tzinfo=None)
    return values
