"""试驾车 on the manager's phone: cars, closed days, and how the store lends them."""

from collections.abc import Callable

from flask import Response, g, url_for

from app.core import clock
from app.core.errors import DomainError, NotAllowed, NotFound
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, settings
from app.coupons.services.giving import list_giveable
from app.drives.forms import CarForm, ClosureForm, DeskForm, PlainForm
from app.drives.models import DemoCar
from app.drives.queries import cars as queries
from app.drives.rules.states import DEFAULT_ROUTES
from app.drives.services import cars
from app.drives.views import blueprint
from app.drives.views.book import onto
from app.drives.views.desk import dealer_id


@blueprint.get("/staff/demo-cars")
@access("staff")
def list_store_cars() -> Response:
    return _page()


@blueprint.get("/staff/demo-cars/new")
@access("staff")
def new_car() -> Response:
    return _car_page(CarForm(formdata=None, active_from=clock.today()), None)


@blueprint.post("/staff/demo-cars")
@access("staff")
def add_car() -> Response:
    return _save(None)


@blueprint.get("/staff/demo-cars/<int:car_id>")
@access("staff")
def edit_car(car_id: int) -> Response:
    car = _own(car_id)
    form = CarForm(
        formdata=None,
        trim=str(car.trim_id),
        colour=car.colour,
        plate_tail=car.plate_tail,
        minutes=str(car.minutes or ""),
        active_from=car.active_from,
        active_until=car.active_until,
    )
    return _car_page(form, car)


@blueprint.post("/staff/demo-cars/<int:car_id>")
@access("staff")
def save_car(car_id: int) -> Response:
    return _save(_own(car_id))


@blueprint.post("/staff/demo-cars/<int:car_id>/closing")
@access("staff")
def close_car(car_id: int) -> Response:
    cars.close_car(actor(), _own(car_id).id, clock.now())
    return go(url_for("drives.list_store_cars"))


@blueprint.post("/staff/demo-cars/closures")
@access("staff")
def close_days() -> Response:
    form = _closure_form()
    if not form.validate() or form.from_on.data is None or form.until_on.data is None:
        return _page(closure=form, status=422)
    car_id = int(form.car.data) if form.car.data else None
    days = form.from_on.data, form.until_on.data
    reason = form.reason.data or ""
    return _act(
        lambda: cars.close_days(actor(), car_id, *days, reason, clock.now()),
        lambda refusal: _page(closure=onto(form, refusal), status=422),
    )


@blueprint.post("/staff/demo-cars/closures/<int:closure_id>/removal")
@access("staff")
def open_days(closure_id: int) -> Response:
    cars.open_days(actor(), closure_id, clock.now())
    return go(url_for("drives.list_store_cars"))


@blueprint.post("/staff/demo-cars/settings")
@access("staff")
def save_desk() -> Response:
    form = _desk_form()
    if not form.validate():
        return _page(desk=form, status=422)
    facts = cars.DeskFacts(
        minutes=int(form.minutes.data),
        lead_minutes=int(form.lead_minutes.data),
        days_ahead=form.days_ahead.data or 14,
        licence_photos=bool(form.licence_photos.data),
        thanks_slug=form.thanks_slug.data or "",
        routes=form.routes.data or "",
    )
    allowed = bool(settings().licence_keys)
    return _act(
        lambda: cars.save_desk(actor(), facts, clock.now(), photos_allowed=allowed),
        lambda refusal: _page(desk=onto(form, refusal), status=422),
    )


def _act(act: Callable[[], object], refused: Callable[[DomainError], Response]) -> Response:
    try:
        act()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return refused(refusal)
    return go(url_for("drives.list_store_cars"))


def _save(car: DemoCar | None) -> Response:
    form = CarForm()
    form.trim.choices = queries.list_trims()
    if not form.validate() or form.active_from.data is None:
        return _car_page(form, car, 422)
    facts = cars.CarFacts(
        trim_id=int(form.trim.data),
        colour=form.colour.data or "",
        plate_tail=form.plate_tail.data or "",
        minutes=int(form.minutes.data) if form.minutes.data else None,
        active_from=form.active_from.data,
        active_until=form.active_until.data,
    )
    car_id = car.id if car else None
    return _act(
        lambda: cars.save_car(actor(), car_id, facts, clock.now()),
        lambda refusal: _car_page(onto(form, refusal), car, 422),
    )


def _own(car_id: int) -> DemoCar:
    _manager_only()
    car = next((car for car in queries.list_all_cars(dealer_id()) if car.id == car_id), None)
    if car is None:
        raise NotFound
    return car


def _manager_only() -> None:
    if actor().role != "manager":
        raise NotAllowed("试驾车由本店的经销商管理员维护。")


def _car_page(form: CarForm, car: DemoCar | None, status: int = 200) -> Response:
    _manager_only()
    form.trim.choices = queries.list_trims()
    return render(
        "drives/staff/car.html",
        status=status,
        form=form,
        car=car,
        colours=queries.list_colours(),
        plain=PlainForm(formdata=None),
    )


def _closure_form(**given: object) -> ClosureForm:
    form = ClosureForm(**given)  # pyright: ignore[reportArgumentType]
    cars_of = [(str(car.id), f"{car.trim.series.name} {car.colour} {car.plate_tail}") for car in _cars()]
    form.car.choices = [("", "全部试驾车"), *cars_of]
    return form


def _cars() -> list[DemoCar]:
    if "demo_cars" not in g:
        g.demo_cars = queries.list_all_cars(dealer_id())
    return g.demo_cars


def _desk_form(**given: object) -> DeskForm:
    form = DeskForm(**given)  # pyright: ignore[reportArgumentType]
    giveable = [(row.slug, row.title) for row in list_giveable(dealer_id(), clock.now())]
    form.thanks_slug.choices = [("", "不送券，也不承诺"), *giveable]
    return form


def _page(closure: ClosureForm | None = None, desk: DeskForm | None = None, status: int = 200) -> Response:
    _manager_only()
    row, today = queries.get_desk(dealer_id()), clock.today()
    desk = desk or _desk_form(
        formdata=None,
        minutes=str(row.minutes),
        lead_minutes=str(row.lead_minutes),
        days_ahead=row.days_ahead,
        thanks_slug=row.thanks_slug,
        routes=row.routes or DEFAULT_ROUTES,
        licence_photos=row.licence_photos,
    )
    return render(
        "drives/staff/cars.html",
        status=status,
        cars=_cars(),
        closures=queries.list_closures(dealer_id(), today),
        closure_form=closure or _closure_form(formdata=None),
        desk_form=desk,
        photos_allowed=bool(settings().licence_keys),
        plain=PlainForm(formdata=None),
        today=today,
        problem=status == 422,
    )
