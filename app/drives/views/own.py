"""One's own test drives: the list, the page of one, another time or store, cancelling, the calendar file."""

from flask import Response, g, make_response, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor, settings
from app.dealers import queries as dealers
from app.drives.calendar import drive_calendar
from app.drives.errors import DriveOver, JoinExpired, SlotUnknown
from app.drives.forms import AnswersForm, MoveForm, PhotoForm, PlainForm, moment_of
from app.drives.joining import check_join_token
from app.drives.models import TestDrive
from app.drives.queries import cars, own
from app.drives.queries.reviewing import is_reviewed
from app.drives.queries.slots import Plan
from app.drives.rules import OPEN, state_word
from app.drives.rules.states import PHOTO_TEXT, SHARING_TEXT
from app.drives.services import change, desk
from app.drives.views import blueprint
from app.drives.views.book import day_of, onto
from app.visits.session import touch

OFFERED, REACH_M = 3, 200_000  # how many other stores are offered, and how far away at most


@blueprint.get("/me/test-drives")
@access("member")
def list_drives() -> Response:
    rows = own.list_own(g.member.id)
    coming = [drive for drive in rows if drive.state in OPEN]
    over = [drive for drive in rows if drive.state not in OPEN]
    return render("drives/list.html", coming=coming, over=over, word=state_word)


@blueprint.get("/me/test-drives/<no>")
@access("member")
def show_drive(no: str) -> Response:
    return drive_page(no)


@blueprint.get("/me/test-drives/<no>/status")
@access("member")
def show_status(no: str) -> Response:
    """Asked every five seconds in the store: nothing while the state is the one that is seen."""
    page = own.get_drive_page(no, g.member.id, clock.now())
    if wants_fragment() and request.args.get("seen") == page.mark:
        return make_response("", 204)
    return drive_page(no)


def drive_page(no: str, status: int = 200, problem: str = "", photo_form: PhotoForm | None = None) -> Response:
    """The page of one's own drive, or the part of it that changes."""
    now = clock.now()
    page = own.get_drive_page(no, g.member.id, now)
    same_day = clock.local(page.drive.starts_at).date() == clock.local(now).date()
    return render(
        "drives/show.html",
        "drives/_drive.html",
        status=status,
        view=page,
        drive=page.drive,
        problem=problem,
        form=PlainForm(formdata=None),
        photo_form=photo_form or PhotoForm(formdata=None),
        photos_on=bool(settings().licence_keys) and page.takes_photo,
        photo_text=PHOTO_TEXT,
        follows=page.drive.state in OPEN and (same_day or page.drive.walk_in),
        answers=AnswersForm(formdata=None),
        reviewed=page.answered and is_reviewed(page.drive.id),
    )


@blueprint.post("/me/test-drives/<no>/cancellation")
@access("member")
def cancel_drive(no: str) -> Response:
    try:
        change.cancel(actor(), no, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return drive_page(no, 422, refusal.message)
    return go(url_for("drives.show_drive", no=no))


@blueprint.get("/me/test-drives/<no>/change")
@access("member")
def show_change(no: str) -> Response:
    drive = own.get_own(no, g.member.id)
    if not own.get_drive_page(no, g.member.id, clock.now()).may_change:
        return drive_page(no, 422, DriveOver.message)
    at = request.args.get("at", "")[:40]
    return _change_page(drive, MoveForm(formdata=None, dealer=request.args.get("dealer", "")[:64], at=at))


@blueprint.post("/me/test-drives/<no>/change")
@access("member")
def move_drive(no: str) -> Response:
    form, drive = MoveForm(), own.get_own(no, g.member.id)
    try:
        at = moment_of(form.at.data)
        if at is None:
            raise SlotUnknown
        to = dealers.get_dealer(form.dealer.data[:64]) if form.dealer.data else drive.dealer
        change.move(actor(), no, at, clock.now(), dealer_id=to.id, share=bool(form.share.data))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _change_page(own.get_own(no, g.member.id), onto(form, refusal), 422)
    return go(url_for("drives.show_drive", no=no))


def _change_page(drive: TestDrive, form: MoveForm, status: int = 200) -> Response:
    now = clock.now()
    store = dealers.get_dealer(form.dealer.data) if form.dealer.data else drive.dealer
    plan, at = Plan(store, drive.series_id, now, but=drive.id), moment_of(form.at.data)
    on = day_of(plan, clock.local(at).date().isoformat() if at else None)
    return render(
        "drives/change.html",
        "drives/_change.html",
        status=status,
        drive=drive,
        form=form,
        store=store,
        other=store.id != drive.dealer_id,
        days=plan.days(),
        slots=plan.slots(on),
        on=on,
        has_cars=bool(plan.cars),
        offers=_offers(drive, store.id),
        sharing_text=SHARING_TEXT,
        word=state_word(drive.state, drive.displaced_at),
    )


def _offers(drive: TestDrive, but: int) -> list[tuple[str, str, str, str]]:
    """Stores nearest to the present one that lend the same series: slug, name, next free time, distance."""
    now, here = clock.now(), drive.dealer
    ids = [i for i in cars.list_store_ids(drive.series_id, now) if i != but]
    if not ids:
        return []
    found, _ = dealers.nearest(here.lat, here.lng, now, among=ids, limit=OFFERED)
    rows: list[tuple[str, str, str, str]] = []
    for row in found:
        if (row.distance_m or 0) > REACH_M:
            continue
        free = Plan(row.dealer, drive.series_id, now).next_free()
        away = "" if row.dealer.id == here.id else f"相距 {(row.distance_m or 0) / 1000:.1f}km"
        rows.append(
            (row.dealer.slug, row.dealer.name, f"最早 {clock.say(free.starts_at)}" if free else "暂无空档", away)
        )
    return rows


@blueprint.get("/me/test-drives/<no>/calendar.ics")
@access("member")
def show_calendar(no: str) -> Response:
    """The appointment for one's own calendar."""
    drive = own.get_own(no, g.member.id)
    address = settings().public_base_url.rstrip("/") + url_for("drives.show_drive", no=no)
    response = make_response(drive_calendar(drive, address, clock.now()))
    response.headers["Content-Type"] = "text/calendar; charset=utf-8"
    response.headers["Content-Disposition"] = f"attachment; filename=test-drive-{no}.ics"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/test-drives/join/<token>")
@access("member")
def show_join(token: str) -> Response:
    """What the clerk's screen led to: follow this drive on the own phone."""
    return render("drives/join.html", no=_joined(token), token=token, form=PlainForm(formdata=None))


@blueprint.post("/test-drives/join/<token>")
@access("member")
def join(token: str) -> Response:
    no = _joined(token)
    desk.join(actor(), no, clock.now(), touch=touch(request))
    return go(url_for("drives.show_drive", no=no))


def _joined(token: str) -> str:
    no = check_join_token(settings().secret_key.get_secret_value(), token[:80], clock.now())
    if no is None:
        raise JoinExpired
    return no
