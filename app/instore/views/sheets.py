"""打印件: the paper of one code, or of every code of the store."""

from flask import Response, make_response, request

from app.core import clock
from app.core.errors import NotFound
from app.core.security import access
from app.instore import paper, rules
from app.instore.errors import CodeRetired
from app.instore.paper import Printed, Sheet
from app.instore.queries import desk, landing
from app.instore.queries.landing import Stand
from app.instore.views import blueprint
from app.instore.views.codes import address
from app.staff.session import current_staff

MOST = 60


@blueprint.get("/staff/codes/<int:code_id>/sheets/<name>.pdf")
@access("staff")
def print_code(code_id: int, name: str) -> Response:
    """`follow=1`: with the official account's code beside ours, if the store made one."""
    stand, sheet = landing.get_stand_of(code_id, current_staff().dealer_id), _sheet(name)
    if stand.retired:
        raise CodeRetired
    item = printed(stand, follow=request.args.get("follow") == "1")
    items = [item] * 10 if sheet is Sheet.STICKERS else [item]
    return _pdf(paper.draw(sheet, items), paper.named(sheet, stand.code.code))


@blueprint.get("/staff/codes/sheets/<name>.pdf")
@access("staff")
def print_all(name: str) -> Response:
    """Every code in use, in the order of the list, sixty at most."""
    dealer_id, sheet = current_staff().dealer_id, _sheet(name)
    lines = desk.list_codes(dealer_id, clock.now())[:MOST]
    if not lines:
        raise NotFound
    items = [printed(landing.get_stand_of(line.code.id, dealer_id)) for line in lines]
    return _pdf(paper.draw(sheet, items), paper.named(sheet, "all"))


def printed(stand: Stand, *, follow: bool = False) -> Printed:
    """What the paper of a code says. A price is not printed: paper does not change with it."""
    promise, detail = rules.PROMISES[stand.kind]
    code = stand.code
    vin = f"车架尾号 {code.vin_tail}" if code.vin_tail else ""
    paint = " · ".join(part for part in (code.colour, vin) if part)
    about = "\n".join(part for part in (stand.car_name, paint) if part)
    if stand.kind is rules.Kind.POSTER:
        about = stand.campaign_title
    elif stand.kind is rules.Kind.CARD:
        about = stand.consultant
    return Printed(
        store=stand.dealer.name,
        promise=promise,
        detail=detail,
        about=about,
        place=code.label,
        code=code.code,
        url=address(stand),
        free=rules.FREE_WORDS if stand.kind is not rules.Kind.POSTER else "无需关注，领券时用微信登录",
        follow_url=code.scene_url if follow else "",
    )


def _sheet(name: str) -> Sheet:
    if name not in paper.SHEET_WORDS:
        raise NotFound
    return Sheet(name)


def _pdf(content: bytes, name: str) -> Response:
    response = make_response(content)
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
