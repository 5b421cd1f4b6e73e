"""What operators type about a campaign, and how it becomes values: yuan, 折, percent, the clock in Shanghai."""

import re
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField
from wtforms import TextAreaField as Text
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]
from wtforms.validators import DataRequired, Length, ValidationError

from app.core import clock
from app.core.forms import DayField, WallTimeField
from app.core.money import parse_yuan, yuan
from app.coupons.rules import Channel, ClaimWay, CouponKind, Payer, Scope, Usage
from app.coupons.rules.editing import Draft

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_NUMBER = 10_000_000
SCOPES = [
    SelectChoice("", "未指定（到店由店员核对）"),
    *(SelectChoice(each.value, each.value) for each in Scope if each),
]
CHANNELS = [channel.value for channel in Channel]
MOST_STEP = 9_999


def _one() -> Any:
    return 1


def _hundred() -> Any:
    return 100


class _Parsed(StringField):
    """A text that stands for a value; an empty one is None."""

    wrong = "请核对"

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw_text = valuelist[0].strip() if valuelist else ""
        self.data: Any = None
        if not self.raw_text:
            return
        try:
            self.data = self.parse(self.raw_text)
        except (ValueError, InvalidOperation):
            raise ValueError(f"{self.label.text}{self.wrong}") from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.words(self.data)

    def parse(self, text: str) -> int:
        raise NotImplementedError

    def words(self, value: int) -> str:
        return str(value)


class YuanField(_Parsed):
    wrong = "看不懂，请填写金额，单位元，例如 3000"

    def parse(self, text: str) -> int:
        return int(parse_yuan(text))

    def words(self, value: int) -> str:
        return yuan(value).replace(",", "")


class NumberField(_Parsed):
    wrong = "请填写整数"

    def parse(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= MOST_NUMBER):
            raise ValueError(text)
        return int(text)


class FoldField(_Parsed):
    """8.8 折 is 880 permille."""

    wrong = "请填写 0 到 10 之间的数，例如 8.8"

    def parse(self, text: str) -> int:
        return _permille(text.removesuffix("折"), 100, Decimal(10))

    def words(self, value: int) -> str:
        return f"{value / 100:g}"


class PercentField(_Parsed):
    wrong = "请填写 0 到 100 之间的数，最多一位小数"

    def parse(self, text: str) -> int:
        return _permille(text.removesuffix("%"), 10, Decimal(100))

    def words(self, value: int) -> str:
        return f"{value / 10:g}"


def _permille(text: str, scale: int, most: Decimal) -> int:
    number = Decimal(text.strip())
    if not (number.is_finite() and 0 <= number <= most and number * scale == int(number * scale)):
        raise ValueError(text)
    return int(number * scale)


class OneOf(SelectField):
    """One of the words; what is none of them is refused in a sentence and never read."""

    def pre_validate(self, form: Any) -> None:
        if self.data not in self.known:
            raise ValidationError(f"请选择{self.label.text}。")

    @property
    def known(self) -> list[str]:
        choices: Any = self.choices
        return [str(choice.value) for choice in choices]

    @property
    def word(self) -> str:
        return self.data if self.data in self.known else self.known[0]


def _choices(words: Any) -> list[Any]:
    return [SelectChoice(word.value, word.value) for word in words]


class SlugForm(FlaskForm):
    """What a copy is called."""

    title = StringField("标题", validators=[DataRequired("请填写标题。"), Length(max=80, message="标题最多 80 个字。")])
    slug = StringField("编号", validators=[DataRequired("请填写编号。")])

    def validate_slug(self, field: StringField) -> None:
        field.data = (field.data or "").strip().lower()
        if not SLUG.fullmatch(field.data) or len(field.data) > 64:
            raise ValidationError("编号只用小写字母、数字和连字符，例如 autumn-gift。")


class CampaignForm(SlugForm):
    """Everything of a campaign. `reason` is asked for once it is public."""

    kind = OneOf("类型", choices=_choices(CouponKind), default=CouponKind.CASH.value)
    face = YuanField("面值（元）")
    discount = FoldField("折扣（折）")
    most = YuanField("最高抵扣（元）")
    threshold = YuanField("使用门槛（元）")
    worth = YuanField("单张成本（元）")
    total = NumberField("发放总量")
    per_person = NumberField("每人限领", default=_one)
    per_day = NumberField("每人每日限领")
    daily_total = NumberField("每日总量")
    way = OneOf("领取方式", choices=_choices(ClaimWay), default=ClaimWay.DIRECT.value)
    passphrase = StringField("口令", validators=[Length(max=40, message="口令最多 40 个字。")])
    shake = PercentField("摇中概率（%）")
    near_m = NumberField("距店米数")
    channels = SelectMultipleField("领取渠道", choices=[SelectChoice(c, c) for c in CHANNELS], validate_choice=False)
    claim_from = WallTimeField("领取开始")
    claim_until = WallTimeField("领取结束")
    valid_on = DayField("有效期到")
    valid_days = NumberField("领取后天数")
    usage = OneOf("使用场景", choices=_choices(Usage), default=Usage.ANYWHERE.value)
    scope = OneOf("适用范围", choices=SCOPES, default="")
    series = SelectMultipleField("适用车系", validate_choice=False)
    dealers = SelectMultipleField("适用门店", validate_choice=False)
    every_store = BooleanField("全部门店", default=True)
    stackable = BooleanField("可与其他可叠加的券一起用")
    stack_group = StringField("叠加组", validators=[Length(max=20, message="叠加组最多 20 个字。")])
    alone = BooleanField("不与一口价同享")
    priority = NumberField("优先级", default=_hundred)
    payer = OneOf("承担方", choices=_choices(Payer), default=Payer.HEADQUARTERS.value)
    share = PercentField("门店承担比例（%）")
    terms = Text("补充说明", validators=[Length(max=2000, message="补充说明最多 2000 个字。")])
    reason = StringField("修改原因", validators=[Length(max=120, message="原因最多 120 个字。")])

    def validate_total(self, field: NumberField) -> None:
        _at_least(field, 1)

    def validate_per_person(self, field: NumberField) -> None:
        _at_least(field, 1)

    def validate_claim_from(self, field: WallTimeField) -> None:
        if field.data is None and not field.process_errors:
            raise ValidationError("请填写领取开始的时间。")

    def validate_claim_until(self, field: WallTimeField) -> None:
        if field.data is None:
            if not field.process_errors:
                raise ValidationError("请填写领取结束的时间。")
        elif self.claim_from.data is not None and field.data <= self.claim_from.data:
            raise ValidationError("领取结束要晚于领取开始。")

    def validate_priority(self, field: NumberField) -> None:
        if field.data is not None and field.data > MOST_STEP:
            raise ValidationError(f"优先级是 0 到 {MOST_STEP} 的整数，数小的先用。")

    def draft(self, now: datetime, before: Draft | None = None) -> Draft:
        """The values, also of a form that is not finished: what is missing reads as the plainest value.

        A moment `before` that the form shows by its minute or day stays the moment it was.
        """
        picked = tuple(sorted({int(one) for one in self.dealers.data or () if one.isdecimal()}))
        wall = clock.local(now).replace(tzinfo=None)
        begins = self.claim_from.data or wall
        kind, way, payer = self.kind.word, self.way.word, self.payer.word
        starts, ends = clock.from_local(begins), clock.from_local(self.claim_until.data or begins)
        until = _end_of(self.valid_on.data)
        if before is not None:
            starts, ends = _kept(before.claim_from, starts), _kept(before.claim_until, ends)
            shown = filled(before)["valid_on"]
            until = before.valid_until if shown is not None and shown == self.valid_on.data else until
        return Draft(
            slug=(self.slug.data or "").strip(),
            title=(self.title.data or "").strip(),
            kind=kind,
            total=self.total.data or 0,
            way=way,
            claim_from=starts,
            claim_until=ends,
            face_fen=self.face.data if kind != CouponKind.DISCOUNT else None,
            discount_permille=self.discount.data if kind == CouponKind.DISCOUNT else None,
            most_fen=self.most.data if kind == CouponKind.DISCOUNT else None,
            threshold_fen=self.threshold.data or 0,
            worth_fen=self.worth.data,
            per_person=self.per_person.data or 0,
            per_day=self.per_day.data,
            daily_total=self.daily_total.data,
            channels="；".join(one for one in CHANNELS if one in (self.channels.data or ())),
            passphrase=(self.passphrase.data or "").strip() if way == ClaimWay.PASSPHRASE else "",
            valid_until=until,
            valid_days=self.valid_days.data or None,
            usage=self.usage.word,
            scope=self.scope.word,
            stackable=bool(self.stackable.data),
            stack_group=(self.stack_group.data or "").strip(),
            alone=bool(self.alone.data),
            priority=100 if self.priority.data is None else self.priority.data,
            payer=payer,
            dealer_permille=(self.share.data or 0) if payer == Payer.SHARED else 0,
            terms=(self.terms.data or "").replace("\r\n", "\n").strip(),
            shake_permille=self.shake.data if way == ClaimWay.SHAKE else None,
            near_m=self.near_m.data if way == ClaimWay.SHAKE else None,
            series=tuple(sorted({int(one) for one in self.series.data or () if one.isdecimal()})),
            dealers=None if self.every_store.data else picked,
        )


def filled(draft: Draft) -> dict[str, Any]:
    """What the form of a campaign that stands shows."""
    last = draft.valid_until - timedelta(microseconds=1) if draft.valid_until is not None else None
    return {
        "title": draft.title, "slug": draft.slug, "kind": draft.kind, "face": draft.face_fen,
        "discount": draft.discount_permille, "most": draft.most_fen, "threshold": draft.threshold_fen or None,
        "worth": draft.worth_fen, "total": draft.total, "per_person": draft.per_person, "per_day": draft.per_day,
        "daily_total": draft.daily_total, "way": draft.way, "passphrase": draft.passphrase,
        "shake": draft.shake_permille, "near_m": draft.near_m, "channels": draft.channels.split("；"),
        "claim_from": _wall(draft.claim_from), "claim_until": _wall(draft.claim_until),
        "valid_on": clock.local(last).date() if last else None, "valid_days": draft.valid_days, "usage": draft.usage,
        "scope": draft.scope, "series": [str(one) for one in draft.series],
        "dealers": [str(one) for one in draft.dealers or ()], "every_store": draft.dealers is None,
        "stackable": draft.stackable, "stack_group": draft.stack_group, "alone": draft.alone,
        "priority": draft.priority, "payer": draft.payer, "share": draft.dealer_permille or None, "terms": draft.terms,
    }  # fmt: skip


class CodeForm(FlaskForm):
    """领券码: where it will hang."""

    label = StringField(
        "用在哪里", validators=[DataRequired("请写明用在哪里。"), Length(max=40, message="最多 40 个字。")]
    )
    dealer = SelectField("门店", default="", validate_choice=False)


class ListForm(FlaskForm):
    """名单: a file, and why."""

    file = FileField("名单文件", validators=[FileRequired("请选择名单文件。")])
    reason = StringField(
        "发放原因", validators=[DataRequired("请填写发放原因。"), Length(max=120, message="原因最多 120 个字。")]
    )


def _at_least(field: NumberField, least: int) -> None:
    if (field.data is None or field.data < least) and not field.process_errors:
        raise ValidationError(f"{field.label.text}至少是 {least}。")


def _end_of(day: Any) -> datetime | None:
    return clock.from_local(datetime.combine(day + timedelta(days=1), time())) if day else None


def _wall(moment: datetime) -> datetime:
    return clock.local(moment).replace(tzinfo=None, second=0, microsecond=0)


def _kept(before: datetime, typed: datetime) -> datetime:
    return before if before.replace(second=0, microsecond=0) == typed else typed
