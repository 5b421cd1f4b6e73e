"""Answers as they come, the estimate, and what a person may ask of them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, update

from app.core import ids
from app.core.clock import local
from app.core.db import changed_rows, db, transaction
from app.dealers.queries import list_cities
from app.members.rules import normalise_phone
from app.tradein import queries, rules
from app.tradein.errors import AnswerWrong, EstimateNotFound
from app.tradein.models import TradeInEstimate
from app.tradein.rules import Facts, Table
from app.visits.rules import Touch
from app.visits.services import credit

Answers = dict[str, str]
_RESULT: dict[str, Any] = {
    "low_fen": None, "fair_fen": None, "high_fen": None, "steps": [], "subsidies": [], "valid_until": None,
    "table_version": "",
}  # fmt: skip


def begin(brand: str, buying: str, now: datetime) -> str:
    """A draft with its first answer; its number, which nobody can guess. AnswerWrong."""
    if brand not in queries.table_on(local(now).date()).brands():
        raise AnswerWrong("请选择旧车的品牌。")
    with transaction():
        row = TradeInEstimate(no=ids.public_code(14), brand=brand, buying=buying[:64], created_at=now, updated_at=now)
        db.session.add(row)
        return row.no


def answer(
    no: str, step: str, given: Answers, now: datetime, *, member_id: int | None = None, touch: Touch | None = None
) -> str:
    """Keep one answer; the next question, or empty when the estimate is there. Other answers stay as they are.

    EstimateNotFound, AnswerWrong.
    """
    with transaction():
        row = queries.get_estimate(no, member_id)
        _SET[step](row, given, queries.table_on(local(now).date()), now)
        row.updated_at = now
        db.session.flush()
        had = row.fair_fen is not None
        if queries.first_open(row) == "":
            _work_out(row, now)
            if not had:
                credit(touch, "tradein", row.id, None, now)
        else:
            _forget_result(row)
        return rules.next_step(step)


def renew(no: str, now: datetime, *, member_id: int | None = None) -> None:
    """Work the estimate out again by the table of today. EstimateNotFound, AnswerWrong."""
    with transaction():
        row = queries.get_estimate(no, member_id)
        if queries.first_open(row):
            raise AnswerWrong("还有问题没有回答。")
        _work_out(row, now)


def keep_enquiry(no: str, member_id: int, enquiry_no: str) -> None:
    """An inspection was booked with this estimate: it is that person's now, and the number they typed is not needed.

    Of two people at once the second finds it taken. EstimateNotFound.
    """
    table = TradeInEstimate
    free = update(table).where(table.no == no, or_(table.member_id.is_(None), table.member_id == member_id))
    with transaction():
        if changed_rows(free.values(member_id=member_id, enquiry_no=enquiry_no, phone="")) == 0:
            raise EstimateNotFound


def purge(now: datetime) -> int:
    """Drafts nobody finished, numbers nobody used, and old estimates go."""
    table = TradeInEstimate
    draft = and_(table.fair_fen.is_(None), table.updated_at < now - timedelta(days=rules.DRAFT_DAYS))
    old = table.created_at < now - timedelta(days=rules.KEPT_DAYS)
    with transaction():
        gone = changed_rows(delete(table).where(or_(draft, old)))
        stale = update(table).where(table.phone != "", table.updated_at < now - timedelta(days=rules.PHONE_DAYS))
        return gone + changed_rows(stale.values(phone=""))


def erase_own(member_id: int, _now: datetime) -> None:
    """A forgotten person's estimates go."""
    with transaction():
        changed_rows(delete(TradeInEstimate).where(TradeInEstimate.member_id == member_id))


def reassign_own(from_id: int, to_id: int) -> None:
    """Estimates follow the person."""
    with transaction():
        changed_rows(update(TradeInEstimate).where(TradeInEstimate.member_id == from_id).values(member_id=to_id))


def _work_out(row: TradeInEstimate, now: datetime) -> None:
    day = local(now).date()
    table = queries.table_on(day)
    car, condition = table.find(row.brand, row.series, row.model_year), table.condition(row.condition)
    if car is None or condition is None or row.registered_on is None or row.mileage_km is None or row.transfers is None:
        raise AnswerWrong("估价表已更新，请重新选择车型和车况。")
    facts = Facts(car, row.registered_on, row.mileage_km, condition, row.transfers, row.city)
    found = rules.estimate(facts, table, day)
    row.low_fen, row.fair_fen, row.high_fen = found.low_fen, found.fair_fen, found.high_fen
    row.steps = [
        {"name": "新车指导价", "words": queries.car_name(row), "fen": car.price_fen},
        *({"name": step.name, "words": step.words, "bp": step.bp} for step in found.steps),
        {"name": "上下浮动", "words": condition.words, "bp": found.spread_bp},
    ]
    row.subsidies = [
        {"name": one.name, "fen": one.fen, "says": one.says, "until": one.until.isoformat() if one.until else ""}
        for one in found.subsidies
    ]
    row.table_version, row.valid_until = found.version, found.valid_until


def _forget_result(row: TradeInEstimate) -> None:
    for name, value in _RESULT.items():
        setattr(row, name, value)


def _brand(row: TradeInEstimate, given: Answers, table: Table, _now: datetime) -> None:
    brand = given.get("brand", "")
    if brand not in table.brands():
        raise AnswerWrong("请选择旧车的品牌。")
    if brand != row.brand:
        row.brand, row.series, row.model_year = brand, "", None


def _series(row: TradeInEstimate, given: Answers, table: Table, _now: datetime) -> None:
    series = given.get("series", "")
    if series not in table.series_of(row.brand):
        raise AnswerWrong("请选择旧车的车系。")
    if series != row.series:
        row.series, row.model_year = series, None


def _year(row: TradeInEstimate, given: Answers, table: Table, _now: datetime) -> None:
    text = given.get("year", "")
    year = int(text) if text.isascii() and text.isdecimal() and len(text) == 4 else 0
    if year not in table.years_of(row.brand, row.series):
        raise AnswerWrong("请选择旧车的年款。")
    row.model_year = year


def _registration(row: TradeInEstimate, given: Answers, _table: Table, now: datetime) -> None:
    month, city = rules.month_of(given.get("month", "")), given.get("city", "").strip()[:24]
    if month is None or month > local(now).date():
        raise AnswerWrong("请填写上牌年月，例如 2021-06，不能晚于本月。", field="month")
    if row.model_year and month.year < row.model_year - 1:
        raise AnswerWrong(f"{row.model_year} 款车的上牌时间不会早于 {row.model_year - 1} 年，请核对。", field="month")
    known = {name.removesuffix("市"): name for name, _ in list_cities()}
    city = known.get(city.removesuffix("市"), city)
    if not city or not city.isprintable():
        raise AnswerWrong("请填写上牌城市，例如 杭州市。", field="city")
    row.registered_on, row.city = month, city


def _mileage(row: TradeInEstimate, given: Answers, _table: Table, _now: datetime) -> None:
    km = rules.km_of(given.get("mileage", ""))
    if km is None or km > rules.MOST_KM:
        raise AnswerWrong("请填写表显里程，单位万公里，例如 5.2。", field="mileage")
    row.mileage_km = km


def _condition(row: TradeInEstimate, given: Answers, table: Table, _now: datetime) -> None:
    if table.condition(given.get("condition", "")) is None:
        raise AnswerWrong("请选择最接近的一种车况。")
    row.condition = given["condition"]


def _transfers(row: TradeInEstimate, given: Answers, table: Table, _now: datetime) -> None:
    text = given.get("transfers", "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) == 1 else -1
    if not 0 <= number < len(table.transfers_bp):
        raise AnswerWrong("请选择过户次数。")
    row.transfers = number


def _phone(row: TradeInEstimate, given: Answers, _table: Table, _now: datetime) -> None:
    text = given.get("phone", "").strip()
    if text and not given.get("skip"):
        number = normalise_phone(text)
        if number is None:
            raise AnswerWrong("请输入 11 位手机号，例如 139 0000 0000，也可以跳过。", field="phone")
        row.phone = number
    elif given.get("skip"):
        row.phone = ""
    row.phone_asked = True


_SET = {
    "brand": _brand,
    "series": _series,
    "year": _year,
    "registration": _registration,
    "mileage": _mileage,
    "condition": _condition,
    "transfers": _transfers,
    "phone": _phone,
}
