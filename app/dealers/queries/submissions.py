"""What stores have handed in: a store's own list, headquarters' queue, and what each would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from app.catalog.models import Picture, Series, Trim
from app.catalog.queries.prices import price_history
from app.catalog.rules import SaleStatus
from app.core.clock import local, say
from app.core.db import db
from app.core.money import format_yuan
from app.dealers.errors import SubmissionNotFound
from app.dealers.facts import FACTS, Kind, State, digest_of, fact_problems
from app.dealers.models import Dealer, DealerActivity, PromoPrice, Submission
from app.dealers.promoting import Breach, Promo, Window, activity_breaches, promo_breaches
from app.dealers.queries.store import Activity, StorePrice, car_name

Content = dict[str, Any]
PAGE = 50
PICTURES = frozenset({"photo_id", "picture_id"})


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One thing that changes. `then` is set where what stood there at handing in is not what stands there now."""

    label: str
    old: str
    new: str
    then: str | None = None
    old_picture: Picture | None = None
    new_picture: Picture | None = None

    @property
    def changed(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Diff:
    """What a submission would change at this moment; `seen` is the mark of it, `breaches` what forbids it."""

    title: str
    lines: list[DiffLine]
    breaches: list[str]
    seen: str
    ends: bool = False
    past: bool = False  # decided and done: compared with what stood there when it was handed in


@dataclass(frozen=True, slots=True)
class Choice:
    """A car that a store may set a price for."""

    slug: str
    name: str
    guide_fen: int


def facts_of(dealer: Dealer) -> Content:
    """What a store may change itself, as it stands now."""
    return {name: getattr(dealer, name) for name in FACTS}


def edition_of(dealer: Dealer) -> str:
    """The mark of a store's facts, for a form that is filled in meanwhile."""
    return digest_of(facts_of(dealer))


def list_of_store(dealer_id: int, limit: int = PAGE) -> Sequence[Submission]:
    """What a store handed in, newest first; nothing is ever dropped."""
    mine = select(Submission).where(Submission.dealer_id == dealer_id).order_by(Submission.id.desc()).limit(limit)
    return db.session.scalars(mine).all()


def get_submission(no: str, dealer_id: int | None = None) -> Submission:
    """One by its number, for a store only its own. SubmissionNotFound."""
    wanted = select(Submission).where(Submission.no == no).options(joinedload(Submission.dealer))
    if dealer_id is not None:
        wanted = wanted.where(Submission.dealer_id == dealer_id)
    row = db.session.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        raise SubmissionNotFound
    return row


def list_queue(state: str, text: str = "", limit: int = PAGE, offset: int = 0) -> Sequence[Submission]:
    """What headquarters look at: what waits, oldest first; what was decided, latest first."""
    wanted = select(Submission).join(Dealer).where(Submission.state == state).options(joinedload(Submission.dealer))
    wanted = wanted.order_by(Submission.id if state == State.WAITING else Submission.decided_at.desc())
    if word := text.strip():
        said = Dealer.name.contains(word, autoescape=True) | Dealer.slug.contains(word, autoescape=True)
        wanted = wanted.where(said | (Submission.no == word.upper()))
    return db.session.scalars(wanted.offset(offset).limit(limit)).all()


def count_states() -> dict[str, int]:
    """How many submissions are in each state, of all stores."""
    rows = db.session.execute(select(Submission.state, func.count()).group_by(Submission.state))
    counted = {row[0]: row[1] for row in rows}
    return {state: counted.get(state, 0) for state in State}


def count_waiting(dealer_id: int) -> int:
    """How many of a store wait for headquarters."""
    mine = Submission.dealer_id == dealer_id, Submission.state == State.WAITING
    return db.session.scalar(select(func.count()).select_from(Submission).where(*mine)) or 0


def list_live(dealer_id: int, now: datetime) -> tuple[list[DealerActivity], list[PromoPrice]]:
    """What a store has published and is not over: what runs and what is still to come."""
    activities = (
        select(DealerActivity)
        .where(DealerActivity.dealer_id == dealer_id, DealerActivity.ends_at > now)
        .where(or_(DealerActivity.ended_at.is_(None), DealerActivity.ended_at > now))
        .order_by(DealerActivity.starts_at)
    )
    prices = (
        select(PromoPrice)
        .where(PromoPrice.dealer_id == dealer_id, PromoPrice.ends_at > now)
        .where(or_(PromoPrice.ended_at.is_(None), PromoPrice.ended_at > now))
        .options(joinedload(PromoPrice.trim).joinedload(Trim.series))
        .order_by(PromoPrice.starts_at)
    )
    return list(db.session.scalars(activities)), list(db.session.scalars(prices))


def find_target(kind: str, target_id: int, dealer_id: int) -> DealerActivity | PromoPrice | None:
    """The published thing that a submission replaces or ends, of this store."""
    model = DealerActivity if kind == Kind.ACTIVITY else PromoPrice
    return db.session.scalar(select(model).where(model.id == target_id, model.dealer_id == dealer_id))


def content_of(row: DealerActivity | PromoPrice) -> Content:
    """A published thing in the shape of a submission."""
    window = {"starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat()}
    if isinstance(row, DealerActivity):
        return {"title": row.title, "text": row.text, "picture_id": row.picture_id, **window}
    return {"trim_id": row.trim_id, "fen": row.fen, "conditions": row.conditions, "reason": row.reason, **window}


def list_choices() -> list[Choice]:
    """Every car on sale, in the maker's order."""
    wanted = (
        select(Trim)
        .join(Series)
        .where(Trim.status == SaleStatus.ON_SALE, Series.status == SaleStatus.ON_SALE)
        .options(joinedload(Trim.series))
        .order_by(Series.position, Series.id, Trim.position, Trim.id)
    )
    return [Choice(trim.slug, car_name(trim), trim.msrp_fen) for trim in db.session.scalars(wanted)]


def find_choice(slug: str) -> Trim | None:
    """A car on sale by its address."""
    return db.session.scalar(select(Trim).where(Trim.slug == slug, Trim.status == SaleStatus.ON_SALE))


def window_of(content: Content) -> Window:
    return Window(datetime.fromisoformat(content["starts_at"]), datetime.fromisoformat(content["ends_at"]))


def window_from(content: Content, now: datetime) -> Window:
    """The window as it would be published now: what has begun begins now, so that no price is shown backwards."""
    said = window_of(content)
    return Window(max(said.starts_at, now), said.ends_at) if said.ends_at > now else said


def promo_problems(dealer_id: int, content: Content, target_id: int | None, now: datetime) -> list[Breach]:
    """What forbids a store's price at this moment; three statements."""
    trim = db.session.get(Trim, content["trim_id"], populate_existing=True)
    if trim is None or trim.status != SaleStatus.ON_SALE:
        return [Breach("明码标价", "这款车已经停售，不能发布价格")]
    wanted = select(PromoPrice).where(
        PromoPrice.dealer_id == dealer_id, PromoPrice.trim_id == trim.id, PromoPrice.ends_at > now
    )
    others = [
        Window(row.starts_at, min(row.ends_at, row.ended_at or row.ends_at))
        for row in db.session.scalars(wanted.execution_options(populate_existing=True))
        if row.id != target_id and (row.ended_at is None or row.ended_at > max(row.starts_at, now))
    ]
    promo = Promo(content["fen"], window_from(content, now), content["conditions"], content["reason"])
    return promo_breaches(promo, trim.msrp_fen, price_history(trim.id), others, now)


def activity_problems(content: Content, now: datetime) -> list[Breach]:
    return activity_breaches(content["title"], content["text"], window_of(content), now)


def problems_of(row: Submission, now: datetime) -> list[str]:
    """What forbids publishing a submission now, each sentence with its rule."""
    if row.content.get("end"):
        return []
    if row.kind == Kind.FACTS:
        return [text for _, text in fact_problems(row.content)]
    if row.kind == Kind.ACTIVITY:
        return [str(breach) for breach in activity_problems(row.content, now)]
    return [str(breach) for breach in promo_problems(row.dealer_id, row.content, row.target_id, now)]


def diff_of(row: Submission, now: datetime) -> Diff:
    """Old and new beside each other, as of now, with the rules asked again."""
    past = row.state != State.WAITING and not (row.state == State.APPROVED and row.applied_at is None)
    current = row.before if past else _current(row)
    names = _labels(row.kind)
    ends = bool(row.content.get("end"))
    shown = current if ends else row.content
    lines = [
        _line(names[key], key, (current.get(key), None if ends else row.content.get(key)), row.before, bool(current))
        for key in names
        if key in shown
    ]
    if row.kind == Kind.PROMO and (trim := db.session.get(Trim, (current or row.before or row.content)["trim_id"])):
        lines.append(DiffLine("厂商指导价", format_yuan(trim.msrp_fen), format_yuan(trim.msrp_fen)))
        current = {**current, "guide_fen": trim.msrp_fen}
    breaches = [] if past else problems_of(row, now)
    return Diff(_title(row, ends), lines, breaches, digest_of(current, row.content), ends, past)


def _current(row: Submission) -> Content:
    """What stands now where the submission would write; empty for something new."""
    if row.kind == Kind.FACTS:
        facts = facts_of(row.dealer)
        return {key: facts[key] for key in row.content}
    target = find_target(row.kind, row.target_id, row.dealer_id) if row.target_id else None
    return content_of(target) if target else {}


def _labels(kind: str) -> dict[str, str]:
    if kind == Kind.FACTS:
        return FACTS
    window = {"starts_at": "开始", "ends_at": "结束"}
    if kind == Kind.ACTIVITY:
        return {"title": "标题", "text": "内容", "picture_id": "图片", **window}
    return {"trim_id": "车款", "fen": "本店价", "conditions": "条件", "reason": "优惠原因", **window}


def _title(row: Submission, ends: bool) -> str:
    if row.kind == Kind.FACTS:
        return "修改门店资料"
    what = "活动" if row.kind == Kind.ACTIVITY else "本店价"
    return f"提前结束{what}" if ends else f"修改{what}" if row.target_id else f"新{what}"


def _line(label: str, key: str, values: tuple[Any, Any], before: Content, known: bool) -> DiffLine:
    then = before.get(key)
    changed = known and then is not None and then != values[0]
    texts = [say_value(key, value) for value in values]
    pictures = [db.session.get(Picture, value) if key in PICTURES and value else None for value in values]
    return DiffLine(label, texts[0], texts[1], say_value(key, then) if changed else None, pictures[0], pictures[1])


def say_value(key: str, value: Any) -> str:
    """A value of a submission as a person reads it."""
    if value is None or value == "":
        return ""
    if key == "fen":
        return format_yuan(value)
    if key == "trim_id":
        trim = db.session.get(Trim, value)
        return car_name(trim) if trim else ""
    if key in PICTURES:
        picture = db.session.get(Picture, value)
        return f"{picture.width}×{picture.height}，{picture.digest[:8]}" if picture else ""
    if key in {"starts_at", "ends_at"}:
        moment = datetime.fromisoformat(value)
        return f"{local(moment).year}年{say(moment)}"
    return str(value)


def find_picture(picture_id: int | None) -> Picture | None:
    return db.session.get(Picture, picture_id) if picture_id else None


def slug_of(trim_id: int | None) -> str:
    """The address of a car; empty for none."""
    trim = db.session.get(Trim, trim_id) if trim_id else None
    return trim.slug if trim else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a submission would look like on the store's page; facts need none."""

    price: StorePrice | None = None
    activity: Activity | None = None


def preview_of(row: Submission, now: datetime) -> Preview:
    if row.content.get("end") or row.kind == Kind.FACTS:
        return Preview()
    window, said = window_of(row.content), row.content
    if row.kind == Kind.ACTIVITY:
        picture = find_picture(said["picture_id"])
        span = (window.starts_at, window.ends_at)
        return Preview(activity=Activity(0, said["title"], said["text"], picture, *span, window.starts_at <= now))
    trim = db.session.get(Trim, said["trim_id"])
    if trim is None:
        return Preview()
    car = (trim.id, trim.slug, trim.series.slug, car_name(trim))
    words = (window.starts_at, window.ends_at, said["conditions"], said["reason"], trim.series.cover)
    return Preview(price=StorePrice(0, *car, said["fen"], trim.msrp_fen, *words))


def find_published(row: Submission, now: datetime) -> DealerActivity | PromoPrice | None:
    """What an approved submission put online and is not over, so that it can be taken down."""
    model = DealerActivity if row.kind == Kind.ACTIVITY else PromoPrice
    wanted = select(model).where(model.submission_id == row.id, model.ends_at > now)
    return db.session.scalar(wanted.where(or_(model.ended_at.is_(None), model.ended_at > now)))
