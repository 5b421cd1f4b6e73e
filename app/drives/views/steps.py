"""What a customer does in the store on the own phone: licence, agreement, route, and afterwards three questions."""

from collections.abc import Callable

from flask import Response, g, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, answers_early, limiter, settings, uploads
from app.drives.errors import PhotoTooBig, PhotoWrong
from app.drives.forms import AnswersForm, PhotoForm, SignForm
from app.drives.models import TestDrive
from app.drives.queries import own
from app.drives.rules import AGREEMENT, AGREEMENT_VERSION, agreement_digest
from app.drives.rules.sealing import read_drawing
from app.drives.services import answers, desk, photos, sign
from app.drives.views import blueprint
from app.drives.views.book import onto
from app.drives.views.own import drive_page
from app.members.session import current_member

# A photo that is too big is read and named as such; what is far beyond that is turned away unread.
UPLOAD_BYTES = 40 * 1024 * 1024
UPLOADS = "20/hour"  # of one person


def _look(no: str) -> Response | None:
    """Whose drive it is, and whether there were many photos lately, is asked before a photo is read."""
    member = current_member()
    with limiter.limit(UPLOADS):
        own.get_own(no, member.id if member is not None else 0)
    return None


@blueprint.post("/me/test-drives/<no>/licence-photo")
@access("member")
@uploads(UPLOAD_BYTES)
@answers_early(_look)
def send_photo(no: str) -> Response:
    form = PhotoForm()

    def act() -> None:
        given = request.files.get("photo")
        content = b""
        if given is not None:
            content = given.stream.read(photos.MOST_BYTES + 1)
            given.close()
        if not content:
            raise PhotoWrong("请先选择一张照片。")
        if len(content) > photos.MOST_BYTES:
            raise PhotoTooBig
        keys = settings().licence_keys
        photos.add_photo(actor(), no, content, bool(form.agree.data), clock.now(), keys=keys)

    return _act(no, act, form)


@blueprint.post("/me/test-drives/<no>/licence-photo/withdrawal")
@access("member")
def withdraw_photo(no: str) -> Response:
    return _act(no, lambda: photos.withdraw_photo(actor(), no, clock.now()))


@blueprint.post("/me/test-drives/<no>/route")
@access("member")
def choose_route(no: str) -> Response:
    return _act(no, lambda: desk.choose_route(actor(), no, request.form.get("route", "")[:60], clock.now()))


@blueprint.get("/me/test-drives/<no>/agreement")
@access("member")
def show_agreement(no: str) -> Response:
    """The words to read and the place to sign, or what was signed."""
    return sign_page(own.get_own(no, g.member.id), staff=False)


@blueprint.post("/me/test-drives/<no>/agreement")
@access("member")
def sign_agreement(no: str) -> Response:
    drive, form = own.get_own(no, g.member.id), SignForm()
    if form.validate():
        try:
            _sign(no, form)
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            onto(form, refusal)
        else:
            return go(url_for("drives.show_drive", no=no))
    return sign_page(drive, staff=False, form=form)


def _sign(no: str, form: SignForm) -> None:
    drawing, digest = form.drawing.data or "", form.digest.data or ""
    keys = settings().licence_keys
    sign.sign(actor(), no, form.typed_name.data or "", drawing, digest, clock.now(), keys=keys)


def sign_page(drive: TestDrive, *, staff: bool, form: SignForm | None = None) -> Response:
    """The agreement on whichever phone, or what was signed; a typed name is never filled in for anybody."""
    status = 422 if form is not None else 200
    signature = own.find_signature(drive.id)
    form = form or SignForm(formdata=None, digest=agreement_digest())
    if form.digest.data != agreement_digest():  # newer words: they are read and ticked anew
        form.digest.raw_data, form.digest.data, form.read.data = None, agreement_digest(), False
    return render(
        "drives/staff/agreement.html" if staff else "drives/agreement.html",
        status=status,
        no=drive.no,
        car=drive.car_name,
        store=drive.dealer.name,
        signature=signature,
        drawn=read_drawing(signature.drawing, settings().licence_keys) if signature else "",
        text=own.signed_text(signature) if signature else None,
        form=form,
        lines=AGREEMENT.split("\n"),
        version=AGREEMENT_VERSION,
    )


@blueprint.post("/me/test-drives/<no>/answers")
@access("member")
def answer(no: str) -> Response:
    form = AnswersForm()
    if not form.validate():
        return drive_page(no, 422, "请回答三个问题，每题选一项。")
    said = answers.Answers(int(form.car_stars.data), int(form.dealer_stars.data), form.plan.data)
    return _act(no, lambda: answers.answer(actor(), no, said, clock.now()))


def _act(no: str, act: Callable[[], None], photo_form: PhotoForm | None = None) -> Response:
    """Do it and show the drive; a refusal stands above it."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return drive_page(no, 422, refusal.message, photo_form)
    return go(url_for("drives.show_drive", no=no))
