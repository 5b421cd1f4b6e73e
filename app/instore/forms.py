"""Shape of a store code's form."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, Length

from app.instore.models import StoreCode
from app.instore.queries.landing import Stand
from app.instore.rules import (
    KIND_WORDS,
    LABEL_TEXT,
    NOTE_TEXT,
    REASON_TEXT,
    STOCK_WORDS,
    WIFI_TEXT,
    CodeDraft,
    Kind,
    Stock,
)


def _most(n: int) -> Length:
    return Length(max=n, message=f"最多 {n} 个字。")


class CodeForm(FlaskForm):
    """One code; a kind shows its own fields, the others stay empty."""

    label = StringField("名称", validators=[DataRequired("请写明这个码放在哪里。"), _most(LABEL_TEXT)])
    trim = SelectField("车款", validate_choice=False)
    colour = StringField("外观颜色", validators=[_most(40)])
    vin_tail = StringField("车架尾号", validators=[_most(6)])
    stock = RadioField(
        "库存状态", choices=[SelectChoice(s.value, STOCK_WORDS[s]) for s in Stock], default=Stock.DISPLAY.value
    )
    staff = SelectField("顾问", validate_choice=False)
    campaign = SelectField("优惠券活动", validate_choice=False)
    wifi_name = StringField("Wi-Fi 名称", validators=[_most(WIFI_TEXT)])
    wifi_password = StringField("Wi-Fi 密码", validators=[_most(WIFI_TEXT)])
    note = TextAreaField("页面上的补充说明", validators=[_most(NOTE_TEXT)])

    def offer(
        self, trims: list[tuple[str, str]], staff: list[tuple[int, str]], campaigns: list[tuple[str, str]]
    ) -> None:
        """What can be chosen; a car that is no longer sold stays choosable on the code that stands on it."""
        self.trim.choices = [("", "请选择车款"), *trims]
        self.staff.choices = [("", "请选择顾问"), *((str(number), name) for number, name in staff)]
        self.campaign.choices = [("", "请选择活动"), *campaigns]

    def draft(self, kind: Kind) -> CodeDraft:
        stock = self.stock.data
        return CodeDraft(
            kind=kind,
            label=self.label.data or "",
            trim_slug=self.trim.data or "",
            colour=self.colour.data or "",
            vin_tail=self.vin_tail.data or "",
            stock=Stock(stock) if stock in STOCK_WORDS else Stock.DISPLAY,
            staff_id=int(self.staff.data) if (self.staff.data or "").isdecimal() else None,
            campaign_slug=self.campaign.data or "",
            wifi_name=self.wifi_name.data or "",
            wifi_password=self.wifi_password.data or "",
            note=self.note.data or "",
        )


def values_of(stand: Stand) -> dict[str, Any]:
    """The form's values for a code that stands."""
    code: StoreCode = stand.code
    return {
        "label": code.label,
        "trim": stand.trim.slug if stand.trim else "",
        "colour": code.colour,
        "vin_tail": code.vin_tail,
        "stock": code.stock or Stock.DISPLAY.value,
        "staff": str(code.staff_id or ""),
        "campaign": stand.campaign_slug,
        "wifi_name": code.wifi_name,
        "wifi_password": code.wifi_password,
        "note": code.note,
    }


class RetireForm(FlaskForm):
    reason = StringField("停用原因", validators=[DataRequired("请写明原因，扫到旧码的人会看到。"), _most(REASON_TEXT)])


NAMES = {
    Kind.CAR: "例如：展厅 1 号车位",
    Kind.DESK: "例如：前台接待",
    Kind.POSTER: "例如：门口易拉宝",
    Kind.DRIVE: "例如：试驾接待台",
    Kind.SERVICE: "例如：3 号工位",
    Kind.PARKING: "例如：地面停车场入口",
    Kind.CARD: "例如：王顾问的名片",
}
assert set(NAMES) == set(KIND_WORDS)
