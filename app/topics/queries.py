"""The read side of the special pages: which version is shown now, and all that its blocks show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from app.booking import queries as booking
from app.booking.models import OnePriceDeal
from app.booking.queries import DealCard
from app.catalog import queries as catalog
from app.catalog.models import Picture, Series, SeriesPicture, Trim
from app.catalog.queries import SeriesCard
from app.catalog.rules import BodyClass, Energy, SaleStatus
from app.core.db import db
from app.core.outside import Address, PosterFacts
from app.coupons.models import CouponCampaign
from app.coupons.rules import CampaignState, ClaimWay
from app.topics import rules
from app.topics.errors import TopicNotFound
from app.topics.models import Topic, TopicVersion
from app.topics.rules import HOME, Block, Phase, Window

SHOWN_SERIES = (SaleStatus.ON_SALE, SaleStatus.UPCOMING)


@dataclass(frozen=True, slots=True)
class Content:
    """A page as it is to be shown: what it says of itself, its blocks, until when nothing about it changes by time."""

    slug: str
    title: str
    description: str
    blocks: list[Block]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Material:
    """What the blocks of one page show, gathered with one statement for each kind."""

    series: list[SeriesCard] = field(default_factory=list[SeriesCard])
    deals: list[DealCard] = field(default_factory=list[DealCard])
    coupons: list[CouponCampaign] = field(default_factory=list[CouponCampaign])
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])

    def find_series(self, slug: str | None) -> SeriesCard | None:
        return next((card for card in self.series if card.slug == slug), None)

    def hero_of(self, block: Block) -> tuple[Block, SeriesCard | None]:
        """A hero and its car. Where that car is gone the next one on sale takes its place, with words of its own."""
        car = self.find_series(block.get("series"))
        if car or not block.get("series"):
            return block, car
        following = next((card for card in self.series if card.from_fen is not None), None)
        if following is None:
            return block, None
        words = f"{following.body_class} · {following.energy}"
        own = {"eyebrow": words, "title": following.name, "picture": None, "link": None}
        return {**block, **own, "action": "看这台车"}, following

    def series_of(self, block: Block) -> list[SeriesCard]:
        """The cards of a 车系 block: the chosen ones in their order, or all of an energy and class."""
        if chosen := block.get("series"):
            return [card for slug in chosen if (card := self.find_series(slug))]
        energy, body = block.get("energy"), block.get("body")
        return [c for c in self.series if energy in (None, c.energy) and body in (None, c.body_class)]

    def deals_of(self, block: Block) -> list[DealCard]:
        """The cards of a 一口价 block: the chosen ones that run, or those that end first."""
        chosen: list[str] = block.get("deals") or []
        running = [d for d in self.deals if d.slug in chosen] if chosen else self.deals
        return running[: block.get("limit") or len(running)]

    def coupons_of(self, block: Block) -> list[CouponCampaign]:
        return self.coupons[: block.get("limit") or 3]

    @property
    def energies(self) -> list[str]:
        """Kinds of energy that occur, in the maker's order."""
        return list(dict.fromkeys(card.energy for card in self.series))

    @property
    def until(self) -> datetime | None:
        """When the first of the deals ends."""
        return min((deal.ends_at for deal in self.deals), default=None)


@dataclass(frozen=True, slots=True)
class TopicRow:
    """One line of the back office's list."""

    topic: Topic
    phase: Phase | None
    live_no: int | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: TopicVersion
    phase: Phase


def _window(version: TopicVersion) -> Window:
    return Window(version.no, version.from_at, version.until_at, version.taken_down_at is not None)


def find_live(slug: str, now: datetime) -> Content | None:
    """The version of a page that is to be shown now, in one statement."""
    versions = db.session.scalars(
        select(TopicVersion)
        .join(Topic, Topic.id == TopicVersion.topic_id)
        .where(
            Topic.slug == slug,
            TopicVersion.taken_down_at.is_(None),
            or_(TopicVersion.until_at.is_(None), TopicVersion.until_at > now),
        )
    ).all()
    windows = [_window(version) for version in versions]
    live = rules.choose_live(windows, now)
    shown = next((version for version in versions if version.no == live), None)
    if shown is None:
        return None
    return Content(slug, shown.title, shown.description, list(shown.blocks), rules.next_change(windows, now))


def find_next_start(slug: str, now: datetime) -> datetime | None:
    """When a page that is not shown yet will be: the answer "there is none" holds until then."""
    return db.session.scalar(
        select(func.min(TopicVersion.from_at))
        .join(Topic, Topic.id == TopicVersion.topic_id)
        .where(Topic.slug == slug, TopicVersion.taken_down_at.is_(None), TopicVersion.from_at > now)
    )


def get_live(slug: str, now: datetime) -> Content:
    """TopicNotFound before its time, after it, and when there never was one."""
    content = find_live(slug, now)
    if content is None:
        raise TopicNotFound
    return content


def list_addresses(now: datetime) -> list[Address]:
    """The special pages that are shown now, for the sitemap; the home page is there already."""
    rows = db.session.execute(
        select(Topic.slug, func.max(TopicVersion.published_at))
        .join(TopicVersion, TopicVersion.topic_id == Topic.id)
        .where(
            Topic.slug != HOME,
            TopicVersion.taken_down_at.is_(None),
            TopicVersion.from_at <= now,
            or_(TopicVersion.until_at.is_(None), TopicVersion.until_at > now),
        )
        .group_by(Topic.slug)
        .order_by(Topic.slug)
    )
    return [Address(f"/topics/{slug}", changed_at) for slug, changed_at in rows]


def find_poster(slug: str, now: datetime) -> PosterFacts | None:
    """A special page: its title and words, the first picture that it names."""
    content = find_live(slug, now) if slug != HOME else None
    if content is None:
        return None
    names = [block["picture"] for block in content.blocks if block.get("picture")]
    picture = _pictures(set(names[:1])).get(names[0]) if names else None
    return PosterFacts(
        path=f"/topics/{slug}",
        title=content.title,
        subtitle=content.description,
        digest=picture.digest if picture else None,
        widths=picture.widths if picture else "",
    )


def get_home(now: datetime) -> tuple[Content, Material]:
    """首页: the published page called home, or the built-in arrangement of what there is."""
    content = find_live(HOME, now)
    if content is not None:
        return content, gather(content.blocks, now)
    everything = catalog.list_series()
    star = next((card for card in everything if card.from_fen is not None), None)
    hero = (star.slug, star.name, f"{star.body_class} · {star.energy}") if star else None
    blocks = rules.default_home(hero)
    material = Material(series=everything, deals=booking.list_running_deals(now, 6))
    return Content(HOME, "首页", "", blocks, find_next_start(HOME, now)), material


def gather(blocks: list[Block], now: datetime) -> Material:
    """Everything these blocks show: at most one statement for series, deals, coupons and pictures each."""
    kinds = {block["type"] for block in blocks}
    names = {block["picture"] for block in blocks if block.get("picture")}
    named_series = any(block["type"] == "hero" and block.get("series") for block in blocks)
    wanted_deals = {slug for block in blocks if block["type"] == "deals" for slug in block.get("deals", ())}
    return Material(
        series=catalog.list_series() if "series" in kinds or named_series else [],
        deals=_deals(wanted_deals, now) if "deals" in kinds else [],
        coupons=_coupons(now) if "coupons" in kinds else [],
        pictures=_pictures(names) if names else {},
    )


def _deals(wanted: set[str], now: datetime) -> list[DealCard]:
    """Running deals, enough of them that the chosen ones are among them."""
    return booking.list_running_deals(now, 200 if wanted else 6)


def _coupons(now: datetime) -> list[CouponCampaign]:
    """Campaigns that hand out coupons now; what one must know or be given to get is not advertised."""
    return list(
        db.session.scalars(
            select(CouponCampaign)
            .where(
                CouponCampaign.withdrawn.is_(False),
                CouponCampaign.claim_from <= now,
                CouponCampaign.claim_until > now,
                CouponCampaign.claimed < CouponCampaign.total,
                CouponCampaign.state == CampaignState.PUBLISHED.value,
                CouponCampaign.way.in_([ClaimWay.DIRECT, ClaimWay.NEW_MEMBER, ClaimWay.SCAN]),
            )
            .order_by(CouponCampaign.claim_until, CouponCampaign.id)
            .limit(6)
        )
    )


def _pictures(names: set[str]) -> dict[str, Picture]:
    return {p.name: p for p in db.session.scalars(select(Picture).where(Picture.name.in_(names)))}


# ---- back office ----


def list_topics(now: datetime) -> list[TopicRow]:
    """Every page, the home page first, then those edited last; two statements."""
    topics = db.session.scalars(select(Topic).order_by(Topic.slug != HOME, Topic.updated_at.desc()).limit(200)).all()
    found = db.session.execute(
        select(
            TopicVersion.topic_id,
            TopicVersion.no,
            TopicVersion.from_at,
            TopicVersion.until_at,
            TopicVersion.taken_down_at,
        )
    )
    windows: dict[int, list[Window]] = {}
    for topic_id, no, from_at, until_at, taken_down_at in found:
        windows.setdefault(topic_id, []).append(Window(no, from_at, until_at, taken_down_at is not None))
    return [_topic_row(topic, windows.get(topic.id, []), now) for topic in topics]


def _topic_row(topic: Topic, windows: list[Window], now: datetime) -> TopicRow:
    live = rules.choose_live(windows, now)
    phases = {w.no: rules.phase(w, live, now) for w in windows}
    last = max(windows, key=lambda w: w.no, default=None)
    state = Phase.LIVE if live else next((p for p in phases.values() if p is Phase.SCHEDULED), None)
    return TopicRow(topic, state or (phases[last.no] if last else None), live, rules.next_change(windows, now))


def get_topic(topic_id: int) -> Topic:
    """One page, read afresh; NotFound."""
    topic = db.session.get(Topic, topic_id, populate_existing=True)
    if topic is None:
        raise TopicNotFound
    return topic


def find_topic(slug: str) -> Topic | None:
    return db.session.scalar(select(Topic).where(Topic.slug == slug).execution_options(populate_existing=True))


def list_versions(topic_id: int, now: datetime, limit: int = 50) -> list[VersionRow]:
    """The history of a page, newest first."""
    versions = db.session.scalars(
        select(TopicVersion).where(TopicVersion.topic_id == topic_id).order_by(TopicVersion.no.desc()).limit(limit)
    ).all()
    windows = {version.no: _window(version) for version in versions}
    live = rules.choose_live(windows.values(), now)
    return [VersionRow(version, rules.phase(windows[version.no], live, now)) for version in versions]


def get_version(topic_id: int, no: int) -> TopicVersion:
    """One publication; NotFound."""
    version = db.session.scalar(
        select(TopicVersion)
        .where(TopicVersion.topic_id == topic_id, TopicVersion.no == no)
        .execution_options(populate_existing=True)
    )
    if version is None:
        raise TopicNotFound
    return version


def list_choices() -> dict[str, dict[str, str]]:
    """What blocks may name, with words for editors: series, deals, pictures, energies, classes."""
    series = db.session.execute(
        select(Series.slug, Series.name).where(Series.status.in_(SHOWN_SERIES)).order_by(Series.position, Series.id)
    )
    deals = db.session.scalars(
        select(OnePriceDeal)
        .where(OnePriceDeal.withdrawn.is_(False))
        .options(joinedload(OnePriceDeal.trim).joinedload(Trim.series))
        .order_by(OnePriceDeal.ends_at.desc())
        .limit(200)
    )
    frames = select(SeriesPicture.picture_id).where(SeriesPicture.kind == "frame")
    pictures = db.session.scalars(select(Picture.name).where(Picture.id.not_in(frames)).order_by(Picture.name))
    return {
        "series": {row[0]: row[1] for row in series},
        "deals": {deal.slug: deal.title for deal in deals},
        "pictures": {name: name for name in pictures},
        "energies": {str(word): str(word) for word in Energy},
        "bodies": {str(word): str(word) for word in BodyClass},
    }


def export_topics() -> list[dict[str, Any]]:
    """Every page's draft as plain values, for a file."""
    topics: Sequence[Topic] = db.session.scalars(select(Topic).order_by(Topic.slug)).all()
    return [
        {"slug": topic.slug, "title": topic.title, "description": topic.description, "blocks": topic.draft}
        for topic in topics
    ]
