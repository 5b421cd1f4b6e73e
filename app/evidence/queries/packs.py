"""Putting a dispute pack together: every fact from the room that keeps it, nobody's data but the customer's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import String, cast, literal, select

from app.booking.models import Booking
from app.booking.queries import find_booking_by_no
from app.booking.queries.agreed import list_agreed_lines
from app.booking.queries.money import get_money, list_cases, refund_moment, refund_words
from app.booking.rules import EVENT_WORDS, KIND, state_words
from app.booking.rules.cases import CASE_STATE_WORDS, CASE_WORDS
from app.booking.rules.promises import BALANCE
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.queries import plain_of_terms
from app.coupons.queries.candidates import list_held
from app.coupons.rules import STATE_WORDS, CouponState
from app.coupons.rules import Terms as CouponTerms
from app.coupons.rules.plain import last_day
from app.dealers.models import Dealer
from app.evidence.queries.others import without_others
from app.evidence.rules import Pack, Person, Reader, Table, Terms, clerk, who
from app.ledger import queries as ledger
from app.ledger.models import DailyClose, LedgerEntry
from app.ledger.rules import HEADQUARTERS, LedgerEvent, event_words
from app.ledger.rules.lines import moment
from app.members import queries as members
from app.members.models import Member
from app.members.rules import PURPOSES
from app.payments import queries as payments
from app.redemption.models import Redemption


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose pack it is and who reads it. Without a member or a dealer, headquarters does; `clear`: unmasked."""

    member_id: int | None = None
    dealer_id: int | None = None
    clear: bool = False

    @property
    def reader(self) -> Reader:
        if self.member_id is not None:
            return Reader.OWNER
        return Reader.STORE if self.dealer_id is not None else Reader.HEADQUARTERS

    def person(self, name: str, phone: str) -> Person:
        return Person(name, phone, self.member_id is not None or self.clear)

    def sees(self, chain: int) -> bool:
        """A store reads its own chain and headquarters', never another store's."""
        return self.dealer_id is None or chain in (HEADQUARTERS, self.dealer_id)


def booking_pack(no: str, wanted: Wanted, now: datetime) -> Pack:
    """Everything about one booking. NotFound for whoever it does not concern."""
    booking = find_booking_by_no(no)
    if booking is None or not _concerns(wanted, booking.member_id, {booking.dealer_id}):
        raise NotFound
    person = wanted.person(booking.contact_name, booking.contact_phone)
    own = f"{KIND}:{booking.id}"
    held = list_held(booking.id)
    rows = _ledger_rows([own, *(f"coupon:{coupon_id}" for coupon_id, _, _ in held)], wanted)
    back = _given_back(booking, {coupon_id for coupon_id, _, _ in held})
    moments = {event.at for event in booking.events}  # of a coupon that went on, what it had to do with this booking
    of_back = _ledger_rows({f"coupon:{one.coupon_id}" for one in back}, wanted)
    rows += [pair for pair in of_back if pair[0].at in moments and pair[0].event != LedgerEvent.CLAIMED]
    rows.sort(key=lambda pair: (pair[0].at, pair[0].id))
    pack = Pack(
        KIND, booking.no, wanted.reader, _at(now), _booking_facts(booking, person),
        [Terms(f"预订条款 {booking.terms_version}", booking.terms_hash, list(list_agreed_lines(booking)))],
        [
            _prices(booking, held, back),
            _booking_timeline(booking, wanted.reader),
            _scans(KIND, booking.id, wanted),
            _payments(booking),
            _cases(booking),
            _consents(booking.member_id, booking.no if wanted.reader is Reader.STORE else ""),
            *_ledger_tables(rows, wanted.reader),
        ],
    )  # fmt: skip
    return without_others(pack, booking.member_id, person)


def coupon_pack(code: str, wanted: Wanted, now: datetime) -> Pack:
    """Everything about one coupon. NotFound for whoever it does not concern."""
    row = db.session.execute(
        select(Coupon, CouponCampaign, CampaignTerms, Member)
        .join(CouponCampaign, CouponCampaign.id == Coupon.campaign_id)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .join(Member, Member.id == Coupon.member_id)
        .where(Coupon.code == code.strip().upper())
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise NotFound
    coupon, campaign, kept, member = row[0], row[1], row[2], row[3]
    dealers = _dealers_of(coupon)
    if not _concerns(wanted, coupon.member_id, dealers):
        raise NotFound
    person = wanted.person(member.name, member.phone or "")
    terms = CouponTerms.from_json(kept.rules)
    rows = _ledger_rows([f"coupon:{coupon.id}"], wanted)
    lines = plain_of_terms(terms)  # until when it is good is a fact: time may come back
    pack = Pack(
        "coupon", coupon.code, wanted.reader, _at(now), _coupon_facts(coupon, campaign, person),
        [Terms(f"券规则 {terms.title}", kept.digest, lines)],
        [
            Table("prices", "价值", ("项目", "金额"), _worth(terms, coupon)),
            _coupon_timeline(rows, wanted.reader),
            _scans("coupon", coupon.id, wanted, takes_off=terms.lowers_price),
            _consents(coupon.member_id, coupon.code if wanted.reader is Reader.STORE else ""),
            *_ledger_tables(rows, wanted.reader),
        ],
    )  # fmt: skip
    return without_others(pack, coupon.member_id, person)


def _concerns(wanted: Wanted, member_id: int, dealers: set[int]) -> bool:
    if wanted.member_id is not None:
        return wanted.member_id == member_id
    return wanted.dealer_id is None or wanted.dealer_id in dealers


def _dealers_of(coupon: Coupon) -> set[int]:
    """The stores a coupon concerns: who handed it out, who redeemed it (also if undone), whose booking used it."""
    wanted = select(Redemption.dealer_id).where(Redemption.subject_kind == "coupon", Redemption.subject_id == coupon.id)
    found = set(db.session.scalars(wanted)) | {coupon.dealer_id, coupon.redeemed_dealer_id}
    if coupon.held_by is not None:
        found.add(db.session.scalar(select(Booking.dealer_id).where(Booking.id == coupon.held_by)))
    return {one for one in found if one is not None}


def _booking_facts(booking: Booking, person: Person) -> list[tuple[str, str]]:
    return [
        ("预订号", booking.no),
        ("车型", booking.car_name),
        ("门店", booking.dealer.name),
        ("联系人", person.say_name()),
        ("手机号", person.say_phone()),
        ("状态", state_words(booking.state, booking.earnest_kind)),
        ("下单时间", _at(booking.created_at)),
        *([("车架号", booking.vin)] if booking.vin else []),
    ]


def _coupon_facts(coupon: Coupon, campaign: CouponCampaign, person: Person) -> list[tuple[str, str]]:
    state = "已过期" if coupon.state == CouponState.EXPIRED else STATE_WORDS[CouponState(coupon.state)]
    return [
        ("券号", coupon.code),
        ("活动", f"{campaign.title}（{campaign.slug}）"),
        ("持有人", person.say_name() if person.name else "会员"),
        *([("手机号", person.say_phone())] if person.phone else []),
        ("状态", state),
        ("领取", f"{_at(coupon.claimed_at)}，{coupon.way}"),
        ("有效期", _validity(coupon)),
        *([("作废原因", coupon.revoked_reason)] if coupon.revoked_reason else []),
    ]


def _validity(coupon: Coupon) -> str:
    """As the customer reads it; to the second where it does not end with a day: an undo gives time back."""
    whole = clock.local(coupon.valid_until).time() == time.min
    exact = "" if whole else f"（准确到 {_at(coupon.valid_until)}，含撤销核销、取消预订补还的时间）"
    return f"{_at(coupon.valid_from)} 至 {last_day(coupon.valid_until)}{exact}"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A coupon that a booking held and gave back: what it took off there, since when."""

    coupon_id: int
    title: str
    off_fen: int
    held_at: datetime


def _given_back(booking: Booking, still: set[int]) -> list[GivenBack]:
    """A coupon itself forgets which booking held it; the ledger's row has the moment of the booking's own line."""
    chosen = [event.at for event in booking.events if event.kind == "coupons_used"]
    rows = db.session.execute(
        select(Coupon.id, CampaignTerms.rules, LedgerEntry.amount_fen, LedgerEntry.at)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .join(LedgerEntry, LedgerEntry.subject == literal("coupon:") + cast(Coupon.id, String))
        .where(Coupon.member_id == booking.member_id, Coupon.id.not_in(still))
        .where(LedgerEntry.event == LedgerEvent.HELD.value, LedgerEntry.at.in_(chosen))
        .order_by(LedgerEntry.at, LedgerEntry.id)
    )
    return [GivenBack(row[0], CouponTerms.from_json(row[1]).title, row[2], row[3]) for row in rows]


def _prices(booking: Booking, held: list[tuple[int, str, int]], back: list[GivenBack]) -> Table:
    last = back[-1].held_at if back and not held else None  # the price stays as it was agreed when the booking ended
    gone = [one for one in back if one.held_at == last and booking.coupon_fen]
    allowance = get_money(booking).allowance_fen
    lines = [
        ("厂商指导价", format_yuan(booking.msrp_fen)),
        ("一口价", format_yuan(booking.price_fen)),
        *([("颜色加价", format_yuan(booking.surcharge_fen))] if booking.surcharge_fen else []),
        *((f"券 {title}", f"-{format_yuan(off)}") for _, title, off in held),
        *((f"券 {one.title}（已退回）", f"-{format_yuan(one.off_fen)}") for one in gone),
        ("合计", format_yuan(booking.total_fen)),
        (booking.earnest_kind, format_yuan(booking.earnest_fen)),
        ("余款", format_yuan(booking.balance_fen)),
        *([("退款（不用补交）", f"-{format_yuan(allowance)}")] if allowance else []),
        *([("全部车款", format_yuan(booking.total_fen - allowance))] if allowance else []),
    ]
    return Table("prices", "价格", ("项目", "金额"), lines)


def _worth(terms: CouponTerms, coupon: Coupon) -> list[tuple[str, ...]]:
    lines = [("面值", terms.value_words())]
    if terms.threshold_fen:
        lines.append(("使用门槛", format_yuan(terms.threshold_fen)))
    if coupon.redeemed_fen is not None:
        lines.append(("核销价值", format_yuan(coupon.redeemed_fen)))
        bill = db.session.scalar(
            select(Redemption.bill_fen).where(
                Redemption.subject_kind == "coupon", Redemption.subject_id == coupon.id, Redemption.undone_at.is_(None)
            )
        )
        if bill is not None:
            lines += [("消费金额", format_yuan(bill)), ("优惠后", format_yuan(bill - coupon.redeemed_fen))]
    return [tuple(line) for line in lines]


def _booking_timeline(booking: Booking, reader: Reader) -> Table:
    rows = [
        (
            _at(e.at),
            EVENT_WORDS.get(e.kind, e.kind).replace("订金", booking.earnest_kind),
            who(e.actor_kind, None, own=reader is Reader.OWNER),
            e.note,
        )
        for e in booking.events
    ]
    return Table("timeline", "经过", ("时间", "事项", "谁", "说明"), rows)


def _coupon_timeline(rows: list[tuple[LedgerEntry, DailyClose | None]], reader: Reader) -> Table:
    told = [
        (
            _at(row.at),
            event_words("coupon", row.event),
            _actor(row.actor, reader),
            ledger.name_of(row.chain) if row.chain else "线上",
        )
        for row, _ in rows
    ]
    return Table("timeline", "经过", ("时间", "事项", "谁", "哪里"), told)


def _scans(kind: str, subject_id: int, wanted: Wanted, *, takes_off: bool = True) -> Table:
    """Each scan that was confirmed, and each undo. Refused scans are kept without what was scanned."""
    rows = db.session.execute(
        select(Redemption, Dealer.name)
        .join(Dealer, Dealer.id == Redemption.dealer_id)
        .where(Redemption.subject_kind == kind, Redemption.subject_id == subject_id)
        .order_by(Redemption.id)
    )
    lines: list[tuple[str, ...]] = []
    for row, dealer in rows:
        if not wanted.sees(row.dealer_id):
            continue
        worth = format_yuan(row.amount_fen) if row.amount_fen else ""
        if worth and not takes_off:  # what a thing costs is between headquarters and the store
            worth = "" if wanted.reader is Reader.OWNER else f"结算 {worth}"
        lines.append((_at(row.redeemed_at), "核销", dealer, clerk(row.staff_id), worth))
        if row.undone_at is not None:
            lines.append((_at(row.undone_at), "撤销", dealer, clerk(row.undone_by) or "总部", row.undo_reason))
    return Table("scans", "门店扫码", ("时间", "事项", "门店", "店员", "金额或原因"), lines)


def _payments(booking: Booking) -> Table:
    lines: list[tuple[datetime, tuple[str, ...]]] = []
    for kind, what in ((KIND, booking.earnest_kind), (BALANCE, "余款")):
        for paid in payments.list_succeeded(kind, booking.id):
            at = paid.paid_at or paid.succeeded_at or paid.created_at
            numbers = (paid.out_trade_no, paid.transaction_id or "")
            lines.append((at, (_at(at), f"支付{what}", format_yuan(paid.amount_fen), "微信支付成功", *numbers)))
        for back in payments.list_refunds(kind, booking.id):
            numbers = (back.out_refund_no, back.refund_id or "")
            words, at = f"{back.reason}：{refund_words(back)}", refund_moment(back)
            lines.append((at, (_at(at), f"退{what}", f"-{format_yuan(back.amount_fen)}", words, *numbers)))
    if booking.balance_channel == "store" and booking.balance_paid_at is not None:
        at, document = booking.balance_paid_at, booking.balance_document
        amount = format_yuan(booking.balance_fen)
        lines.append(
            (at, (_at(at), "支付余款", amount, f"到店支付，{clerk(booking.balance_staff_id)}登记", document, ""))
        )
    rows = [line for _, line in sorted(lines, key=lambda pair: pair[0])]
    return Table("payments", "收款与退款", ("时间", "事项", "金额", "状态", "商户单号", "微信单号"), rows)


def _cases(booking: Booking) -> Table:
    rows = [
        (
            _at(case.opened_at), CASE_WORDS[case.kind], CASE_STATE_WORDS[case.state], case.reason,
            f"{case.answer}{' 单据号 ' + case.document if case.document else ''}",
        )
        for case in list_cases(booking.id)
    ]  # fmt: skip
    return Table("cases", "总部处理", ("时间", "事项", "状态", "事由", "答复"), rows)


def _consents(member_id: int, only: str) -> Table:
    """What this person agreed to; a store reads only what was agreed to for this very thing."""
    rows = [
        (
            _at(row.given_at), PURPOSES.get(row.purpose, row.purpose), row.text_version, row.text_hash,
            row.reference or row.subject,
            _at(row.withdrawn_at) if row.withdrawn_at else "",
        )
        for row in members.list_consents(member_id)
        if not only or only in (row.subject, row.reference)
    ]  # fmt: skip
    return Table("consents", "同意记录", ("时间", "用途", "版本", "文本摘要", "对象", "撤回时间"), rows)


def _ledger_rows(subjects: Iterable[str], wanted: Wanted) -> list[tuple[LedgerEntry, DailyClose | None]]:
    found = [pair for subject in subjects for pair in ledger.list_entries_of(subject)]
    return sorted((pair for pair in found if wanted.sees(pair[0].chain)), key=lambda pair: (pair[0].at, pair[0].id))


def _ledger_tables(rows: list[tuple[LedgerEntry, DailyClose | None]], reader: Reader) -> list[Table]:
    lines = [
        (
            str(row.chain), str(row.seq), moment(row.at), row.event, row.subject, row.campaign, str(row.amount_fen),
            str(row.dealer_permille), row.actor, row.previous, row.digest,
            close.on.isoformat() if close else "",
            f"{_at(row.at)} {event_words(row.subject.partition(':')[0], row.event)}，{_actor(row.actor, reader)}",
        )
        for row, close in rows
    ]  # fmt: skip
    closes = {close.id: close for _, close in rows if close is not None}
    signed = [
        (
            str(close.chain), close.on.isoformat(), str(close.first_seq), str(close.last_seq), close.content["head"],
            close.digest, close.key_id, close.signature,
        )
        for close in closes.values()
    ]  # fmt: skip
    columns = (
        "账本", "行号", "时间(UTC)", "事项", "对象", "活动编号", "金额(分)", "门店承担(‰)", "经手",
        "前一行摘要", "摘要", "日结", "含义",
    )  # fmt: skip
    heads = ("账本", "日期", "首行", "末行", "末行摘要", "日结摘要", "公钥", "签名")
    return [
        Table("ledger", "账本记录", columns, lines),
        Table("closes", "覆盖的日结", heads, signed, "当日还没有日结，次日零点后签发"),
    ]


def _actor(actor: str, reader: Reader) -> str:
    kind, _, number = actor.partition(":")
    return who(kind, int(number) if number else None, own=reader is Reader.OWNER)


def _at(at: datetime) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M:%S")
