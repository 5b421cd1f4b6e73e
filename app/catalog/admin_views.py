"""车系 and 图片 in the back office: pictures are uploaded and ordered, guide prices changed."""

from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, request, url_for

from app.catalog.errors import PictureRefused, PriceRefused
from app.catalog.forms import PictureForm, PriceForm
from app.catalog.pictures import MAX_BYTES
from app.catalog.pricing import PriceKind
from app.catalog.queries.desk import SeriesDesk, get_desk, get_trim, list_desk, list_pictures
from app.catalog.queries.prices import price_history
from app.catalog.services import pictures, prices
from app.core import backoffice, clock
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, uploads

blueprint = Blueprint("catalog_admin", __name__, url_prefix="/admin")
KINDS = {PriceKind.GUIDE: "厂商指导价", PriceKind.DEAL: "一口价", PriceKind.PROMO: "促销价"}
PAGE = 48


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "内容", "车系", "catalog_admin.list_series", "series")
    backoffice.register(app, "内容", "图片", "catalog_admin.list_pictures_page", "pictures")


@blueprint.get("/series")
@access("admin")
def list_series() -> Response:
    return render("catalog/admin/list.html", lines=list_desk())


@blueprint.get("/series/<slug>")
@access("admin")
def show_series(slug: str) -> Response:
    desk = get_desk(slug)
    return _series_page(desk, _picture_form(desk))


@blueprint.post("/series/<slug>/pictures")
@access("admin")
@uploads(MAX_BYTES + 64 * 1024)
def upload_picture(slug: str) -> Response:
    """One picture into its place; what is wrong with it stands beside the field."""
    desk = get_desk(slug)
    form = _picture_form(desk)
    if not form.validate():
        return _series_page(desk, form, 422)
    file: Any = form.file.data
    storage = current_app.extensions["storage"]
    try:
        content = file.read()
        pictures.upload_picture(slug, form.place.data, file.filename or "", content, storage, actor(), clock.now())
    except PictureRefused as refusal:
        field = form.place if refusal.field == "place" else form.file
        field.errors = [refusal.message]
        return _series_page(get_desk(slug), form, 422)
    return go(url_for(".show_series", slug=slug))


@blueprint.post("/series/<slug>/gallery/<int:view_id>/removal")
@access("admin")
def remove_picture(slug: str, view_id: int) -> Response:
    pictures.remove_from_gallery(slug, view_id, actor(), clock.now())
    return go(url_for(".show_series", slug=slug))


@blueprint.post("/series/<slug>/gallery/<int:view_id>/position")
@access("admin")
def move_picture(slug: str, view_id: int) -> Response:
    step = {"up": -1, "down": 1}.get(request.form.get("to", "")) or abort(404)
    pictures.move_in_gallery(slug, view_id, step, actor(), clock.now())
    return go(url_for(".show_series", slug=slug))


@blueprint.get("/trims/<slug>/price")
@access("admin")
def show_price(slug: str) -> Response:
    return _price_page(slug, PriceForm())


@blueprint.post("/trims/<slug>/price")
@access("admin")
def change_price(slug: str) -> Response:
    form = PriceForm()
    if not form.validate():
        return _price_page(slug, form, 422)
    try:
        prices.change_guide_price(slug, form.fen, actor(), clock.now())
    except PriceRefused as refusal:
        form.price.errors = [refusal.message]
        return _price_page(slug, form, 422)
    return go(url_for(".show_price", slug=slug))


@blueprint.get("/pictures")
@access("admin")
def list_pictures_page() -> Response:
    text = request.args.get("q", "")[:60]
    page = min(max(request.args.get("page", 1, type=int), 1), 10_000)
    found = list_pictures(text, (page - 1) * PAGE, PAGE + 1)
    more = url_for(".list_pictures_page", q=text or None, page=page + 1) if len(found) > PAGE else None
    return render("catalog/admin/pictures.html", pictures=found[:PAGE], q=text, more=more)


def _picture_form(desk: SeriesDesk) -> PictureForm:
    form = PictureForm()
    places = [(str(colour.id), f"颜色：{colour.name}（{colour.side}）") for colour in desk.colours]
    form.place.choices = [(pictures.COVER, "封面"), (pictures.GALLERY, "图集"), *places]
    return form


def _series_page(desk: SeriesDesk, form: PictureForm, status: int = 200) -> Response:
    return render("catalog/admin/series.html", status=status, desk=desk, form=form)


def _price_page(slug: str, form: PriceForm, status: int = 200) -> Response:
    trim = get_trim(slug)
    history = list(reversed(price_history(trim.id)))
    return render("catalog/admin/price.html", status=status, trim=trim, form=form, history=history, kinds=KINDS)
