"""What the tools read from their addresses: every field has a default, and a sentence for what it cannot be."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from wtforms import BooleanField, Form, HiddenField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import ValidationError

from app.core.money import FEN_PER_YUAN, parse_yuan
from app.costs.rules.landing import Choice
from app.costs.rules.loan import METHOD_WORDS, Method

MIN_PRICE, MAX_PRICE = 10_000 * FEN_PER_YUAN, 50_000_000 * FEN_PER_YUAN
MIN_DOWN, MAX_DOWN, MAX_RATE = 20, 80, 36
TERMS: Final = (12, 24, 36, 48, 60)
MAX_LENGTH = 20
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,4})?", re.ASCII)


class CarForm(Form):
    """The car and its price; empty means the guide price."""

    trim = SelectField("车款", validate_choice=False)
    price = StringField("成交价（元）", default="")

    def validate_price(self, field: StringField) -> None:
        if field.data and not MIN_PRICE <= (amount(field.data) or 0) <= MAX_PRICE:
            raise ValidationError("车价请填 1 万到 5,000 万元之间的金额，例如 169800。")

    def offer(self, trims: list[tuple[str, str]]) -> None:
        self.trim.choices = [SelectChoice(slug, name) for slug, name in trims]  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def price_fen(self) -> int | None:
        return amount(self.price.data or "") if self.price.data else None


class LoanForm(CarForm):
    """首付比例, 期限, 年利率, 还款方式, 手续费"""

    down = StringField("首付比例（%）", default="20")
    months = RadioField(
        "贷款期限", choices=[SelectChoice(str(n), f"{n}期") for n in TERMS], default="60", validate_choice=False
    )
    rate = StringField("年利率（%）", default="")
    method = RadioField(
        "还款方式",
        choices=[SelectChoice(m.value, METHOD_WORDS[m]) for m in Method],
        default=Method.EQUAL.value,
        validate_choice=False,
    )
    fee = StringField("一次性手续费（元）", default="")

    def validate_down(self, field: StringField) -> None:
        value = number(field.data)
        if value is None or not MIN_DOWN <= value <= MAX_DOWN:
            raise ValidationError(f"首付比例请填 {MIN_DOWN} 到 {MAX_DOWN} 之间的数，例如 30。")

    def validate_months(self, field: RadioField) -> None:
        if field.data not in {str(n) for n in TERMS}:
            raise ValidationError("贷款期限请在 12、24、36、48、60 期中选择。")

    def validate_rate(self, field: StringField) -> None:
        value = number(field.data)
        if value is None or value > MAX_RATE:
            raise ValidationError(f"年利率请填 0 到 {MAX_RATE} 之间的数，例如 4 或 3.85。")

    def validate_method(self, field: RadioField) -> None:
        if field.data not in {m.value for m in Method}:
            raise ValidationError("还款方式请选择等额本息或先息后本。")

    def validate_fee(self, field: StringField) -> None:
        if field.data and (amount(field.data) is None or (amount(field.data) or 0) > MAX_PRICE):
            raise ValidationError("手续费请填 0 元以上的金额，例如 3000，没有就留空。")

    @property
    def down_share(self) -> Fraction:
        return Fraction(number(self.down.data) or 0) / 100

    @property
    def annual_rate(self) -> Fraction:
        return Fraction(number(self.rate.data) or 0) / 100

    @property
    def fee_fen(self) -> int:
        return amount(self.fee.data or "") or 0


class LandingForm(CarForm):
    """开票日期 and what is insured. `set` tells an unticked box from an address that says nothing."""

    on = StringField("预计开票日期", default="")
    third = RadioField(
        "第三者责任险",
        choices=[SelectChoice("0", "不投保"), *(SelectChoice(n, f"{n} 万") for n in ("100", "200", "300"))],
        default="200",
        validate_choice=False,
    )
    damage = BooleanField("车辆损失险", default=True)
    seats = BooleanField("车上人员责任险", default=True)
    plate = BooleanField("上牌工本费", default=True)
    set = HiddenField(default="1")

    def __init__(self, given: Any, **defaults: Any) -> None:
        super().__init__(given, **defaults)
        if "set" not in given:
            for field in (self.damage, self.seats, self.plate):
                if field.name not in given:
                    field.data = True
        self.set.data = "1"

    def validate_on(self, field: StringField) -> None:
        if day(field.data) is None:
            raise ValidationError("日期请按“2026-12-31”的样子填写。")

    def validate_third(self, field: RadioField) -> None:
        if field.data not in {"0", "100", "200", "300"}:
            raise ValidationError("第三者责任险请选择不投保、100 万、200 万或 300 万。")

    @property
    def day(self) -> date:
        return day(self.on.data) or date.min

    @property
    def choice(self) -> Choice:
        return Choice(int(self.third.data or 0), bool(self.damage.data), bool(self.seats.data), bool(self.plate.data))


def plain(text: str | None) -> str:
    """Full-width digits and signs as the plain ones, no blanks."""
    return "".join(unicodedata.normalize("NFKC", (text or "")[: MAX_LENGTH + 1]).split())


def amount(text: str) -> int | None:
    """169800, 16.98万, １６９，８００ as fen; None for anything else."""
    cleaned = plain(text)
    if len(cleaned) > MAX_LENGTH:
        return None
    try:
        return int(parse_yuan(cleaned))
    except ValueError:
        return None


def number(text: str | None) -> Decimal | None:
    """A number that is not negative, with up to four decimals; a trailing % is read over."""
    cleaned = plain(text).removesuffix("%")
    return Decimal(cleaned) if _NUMBER.fullmatch(cleaned) else None


def day(text: str | None) -> date | None:
    """2026-12-31"""
    cleaned = plain(text)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", cleaned, re.ASCII):
        return None
    try:
        return date.fromisoformat(cleaned)
    except ValueError:
        return None
