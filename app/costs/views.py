"""落地价 and 贷款计算: the address holds everything, so that it can be shared; pages work without JavaScript."""

from datetime import timedelta
from fractions import Fraction
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, request

from app.core import clock
from app.core.caching import cached_page, good_until, public
from app.core.htmx import render
from app.core.security import access
from app.core.web import settings
from app.costs import queries
from app.costs.forms import MAX_DOWN, MIN_DOWN, CarForm, LandingForm, LoanForm
from app.costs.queries import CostCar
from app.costs.rules.book import NoRule, rule_book
from app.costs.rules.landing import landing_price
from app.costs.rules.loan import Loan, Method, half_up, lend, said_fen

blueprint = Blueprint("costs", __name__, url_prefix="/tools")
NO_CAR = "没有找到这款车，可能已停售。请重新选择车款，或直接填写车价。"
NO_PRICE = "请填写车价，或从车型页选择一款车。"


@blueprint.get("/landing-price")
@access("public")
def show_landing_price() -> Response:
    """落地价: every amount with its reason, source and days of validity."""
    car = _car()
    form = LandingForm(request.args, on=clock.today().isoformat())
    price = _price(form, car)
    result, book = None, rule_book()
    if car is None:
        form.trim.errors = [*form.trim.errors, NO_CAR if form.trim.data else "请先选择一款车，再计算落地价。"]
    if price is not None and car is not None and not form.errors:
        try:
            result = landing_price(car.facts, price, form.day, form.choice, book)
        except NoRule as error:
            form.on.errors = [str(error)]
    return public(
        render(
            "costs/landing.html",
            "costs/_landing.html",
            form=form,
            car=car,
            result=result,
            day=form.day,
            book=book,
            starts=[] if car else queries.list_starts(),
            sentences=_sentences(form),
            links=_links(car, form),
            history=queries.price_history(car.trim_id) if car and result else [],
        )
    )


@blueprint.get("/loan")
@access("public")
def show_loan() -> Response:
    """贷款计算"""
    car, rule = _car(), rule_book().on("loan", clock.today())
    form = LoanForm(request.args, rate=f"{rule.number('annual_rate_bp') / 100:g}")
    price = _price(form, car)
    if form.trim.data and car is None:
        form.trim.errors = [NO_CAR]
    elif price is None and not form.errors and request.args:  # Who has just come here did nothing wrong.
        form.price.errors = [NO_PRICE]
    loan = down = None
    if price is not None and not form.errors:
        down = half_up(price * form.down_share)
        if form.fee_fen >= price - down:
            form.fee.errors = ["手续费应少于贷款金额，请核对后再填。"]
        else:
            loan = _lend(form, price - down)
    return public(
        render(
            "costs/loan.html",
            "costs/_loan.html",
            form=form,
            car=car,
            loan=loan,
            price=price,
            down=down,
            rule=rule,
            limits=(MIN_DOWN, MAX_DOWN),
            starts=[] if car else queries.list_starts(),
            sentences=_sentences(form),
            links=_links(car, form),
        )
    )


@blueprint.get("/hint/<slug>")
@access("public")
@cached_page()
def show_hint(slug: str) -> Response:
    """首付 … 起，月供 … 起 ⓘ of a series' cheapest trim; nothing where there is no price."""
    found = queries.find_cheapest(slug)
    if found is None:
        return make_response("", 204)
    trim, name, price = found
    today = clock.today()
    rule = rule_book().on("loan", today)
    down = half_up(price * _percent(rule.number("down_percent")))
    rate = _percent(rule.number("annual_rate_bp")) / 100
    loan = lend(price - down, rate, rule.number("months"), Method.EQUAL)
    midnight = clock.local(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    good_until(midnight)
    return render(
        "costs/_hint.html",
        slug=slug,
        trim=trim,
        name=name,
        price=price,
        down=down,
        loan=loan,
        rule=rule,
        said=(said_fen(down), said_fen(loan.first.amount_fen)),
    )


def _car() -> CostCar | None:
    slug = request.args.get("trim", "")
    return queries.find_car(slug) if 0 < len(slug) <= 64 else None


def _price(form: CarForm, car: CostCar | None) -> int | None:
    """Validate, fill the list of trims, and say what the car costs: as typed, else its guide price."""
    form.offer(car.siblings if car else [])
    form.validate()
    return form.price_fen or (car.msrp_fen if car else None)


def _percent(value: int) -> Fraction:
    return Fraction(value, 100)


def _lend(form: LoanForm, principal: int) -> Loan:
    return lend(principal, form.annual_rate, int(form.months.data), Method(form.method.data), form.fee_fen)


def _sentences(form: CarForm) -> list[tuple[str, str]]:
    """(field, sentence) of everything that is wrong."""
    return [(field.name, str(field.errors[0])) for field in form if field.errors]


def _links(car: CostCar | None, form: CarForm) -> dict[str, str]:
    """This state as an address to share, and the same car in the other tool."""
    kept = [(k, v[:64]) for k, v in request.args.items(multi=True) if k in form]
    both = urlencode([(k, v) for k, v in kept if k in ("trim", "price") and v])
    query = urlencode([(k, v) for k, v in kept if v])
    return {
        "share": f"{str(settings().public_base_url).rstrip('/')}{request.path}" + (f"?{query}" if query else ""),
        "loan": "/tools/loan" + (f"?{both}" if both else ""),
        "landing": "/tools/landing-price" + (f"?{both}" if both else ""),
        "series": f"/series/{car.series_slug}" if car else "/series",
    }
