"""What the shop holds at present, in the words of the workbook. Used for comparing and for the export."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from sqlalchemy import select

from app.booking.models import DealDealer, OnePriceDeal
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.rules import SaleStatus
from app.core.db import db, stream
from app.core.money import Fen
from app.coupons.models import CampaignDealer, CampaignSeries, CouponCampaign
from app.dealers.models import Dealer
from app.workbook import rules
from app.workbook.galleries import KnownPicture
from app.workbook.rules import (
    BrandRow,
    CampaignRow,
    ColourRow,
    DealerRow,
    DealRow,
    SeriesRow,
    Spec,
    Stored,
    TrimRow,
    Validity,
)

WITHDRAWN = SaleStatus.WITHDRAWN.value
T = TypeVar("T", str, tuple[str, int])


def list_pictures() -> dict[str, KnownPicture]:
    """Every stored picture by its name in the workbook."""
    columns = select(Picture.name, Picture.id, Picture.digest, Picture.width, Picture.widths, Picture.forms)
    return {row[0]: KnownPicture(row[1], row[2], row[3], row[4], row[5]) for row in db.session.execute(columns)}


def list_rows() -> dict[str, dict[str, Stored]]:
    """Every row of every sheet but 参数, withdrawn ones included, in the order of an export."""
    names = {picture.id: name for name, picture in list_pictures().items()}
    names[0] = ""
    rows = {
        rules.BRANDS: list(_brands(names)),
        rules.SERIES: list(_series(names)),
        rules.COLOURS: list(_colours(names)),
        rules.TRIMS: list(_trims()),
        rules.DEALERS: list(_dealers(names)),
        rules.DEALS: list(_deals()),
        rules.CAMPAIGNS: list(_campaigns()),
    }
    return {sheet: {stored.row.key: stored for stored in found} for sheet, found in rows.items()}


def list_taken() -> dict[str, dict[str, int]]:
    """How many units of each deal and coupons of each campaign people hold."""
    deals = select(OnePriceDeal.slug, OnePriceDeal.units_total - OnePriceDeal.units_left)
    campaigns = select(CouponCampaign.slug, CouponCampaign.claimed)
    return {
        rules.DEALS: {row[0]: row[1] for row in db.session.execute(deals)},
        rules.CAMPAIGNS: {row[0]: row[1] for row in db.session.execute(campaigns)},
    }


def stream_specs() -> Iterator[tuple[str, list[Spec]]]:
    """(trim's slug, its values in order) of every trim that is not withdrawn; read as a stream."""
    statement = (
        select(Trim.slug, SpecItem.group_name, SpecItem.name, SpecItem.value, SpecItem.unit)
        .join(SpecItem, SpecItem.trim_id == Trim.id)
        .where(Trim.status != WITHDRAWN)
        .order_by(Trim.id, SpecItem.position)
    )
    for slug, lines in groupby(stream(statement, 5000), key=lambda line: line[0]):
        yield slug, [(line[1], line[2], line[3], line[4]) for line in lines]


def _brands(names: dict[int, str]) -> Iterator[Stored]:
    for brand in db.session.scalars(select(Brand).order_by(Brand.id)):
        row = BrandRow(brand.slug, brand.name, brand.english_name, names[brand.logo_id or 0])
        yield Stored(brand.id, row, brand.withdrawn)


def _series(names: dict[int, str]) -> Iterator[Stored]:
    brands = _slugs(Brand)
    views: dict[tuple[int, str], list[str]] = defaultdict(list)
    for view in db.session.scalars(select(SeriesPicture).order_by(SeriesPicture.position)):
        views[view.series_id, view.kind].append(names[view.picture_id])
    for one in db.session.scalars(select(Series).order_by(Series.position, Series.id)):
        row = SeriesRow(
            one.slug,
            brands[one.brand_id],
            one.name,
            one.english_name,
            one.body_class,
            one.energy,
            one.seats,
            one.highlights,
            one.intro,
            names[one.cover_id or 0],
            tuple(views[one.id, "gallery"]),
            one.turntable,
            one.position,
            one.status,
            one.successor_slug,
            one.on_sale_on,
            tuple(views[one.id, "frame"]),
        )
        yield Stored(one.id, row, one.status == WITHDRAWN)


def _colours(names: dict[int, str]) -> Iterator[Stored]:
    series = _slugs(Series)
    for colour in db.session.scalars(select(Colour).order_by(Colour.series_id, Colour.position, Colour.id)):
        row = ColourRow(
            series[colour.series_id],
            colour.name,
            colour.hex,
            colour.side,
            Fen(colour.surcharge_fen),
            names[colour.picture_id or 0],
            colour.position,
        )
        yield Stored(colour.id, row, colour.withdrawn)


def _trims() -> Iterator[Stored]:
    series = _slugs(Series)
    for trim in db.session.scalars(select(Trim).order_by(Trim.series_id, Trim.position, Trim.id)):
        row = TrimRow(
            trim.slug,
            series[trim.series_id],
            trim.model_year,
            trim.name,
            Fen(trim.msrp_fen),
            trim.purchase_tax,
            trim.status,
            trim.position,
        )
        yield Stored(trim.id, row, trim.status == WITHDRAWN)


def _dealers(names: dict[int, str]) -> Iterator[Stored]:
    for dealer in db.session.scalars(select(Dealer).order_by(Dealer.id)):
        row = DealerRow(
            dealer.slug,
            dealer.name,
            dealer.province,
            dealer.city,
            dealer.district,
            dealer.address,
            dealer.lng,
            dealer.lat,
            dealer.phone,
            dealer.hours,
            dealer.services,
            names[dealer.photo_id or 0],
            dealer.status,
            dealer.source_system,
        )
        yield Stored(dealer.id, row, dealer.status == WITHDRAWN)


def _deals() -> Iterator[Stored]:
    trims, dealers = _slugs(Trim), _slugs(Dealer)
    places = _grouped(
        (row[0], dealers[row[1]]) for row in db.session.execute(select(DealDealer.deal_id, DealDealer.dealer_id))
    )
    own = select(DealDealer.deal_id, DealDealer.dealer_id, DealDealer.units_total)
    pairs: list[tuple[int, tuple[str, int]]] = [
        (deal_id, (dealers[dealer_id], total or 0))
        for deal_id, dealer_id, total in db.session.execute(own.where(DealDealer.units_total.is_not(None)))
    ]
    units = _grouped(pairs)
    for deal in db.session.scalars(select(OnePriceDeal).order_by(OnePriceDeal.id)):
        row = DealRow(
            deal.slug,
            trims[deal.trim_id],
            deal.title,
            Fen(deal.price_fen),
            deal.earnest_kind,
            Fen(deal.earnest_fen),
            deal.units_total,
            deal.per_person,
            deal.starts_at,
            deal.ends_at,
            None if deal.all_dealers else places.get(deal.id, ()),
            deal.terms,
            deal.queue_when_sold_out,
            deal.included,
            deal.excluded,
            deal.confirm_hours,
            deal.ready_days,
            deal.balance_starts_at,
            deal.balance_ends_at,
            units.get(deal.id, ()) if deal.stock_by_dealer else (),
        )
        yield Stored(deal.id, row, deal.withdrawn)


def _campaigns() -> Iterator[Stored]:
    all_series, dealers = _slugs(Series), _slugs(Dealer)
    series_links = db.session.execute(select(CampaignSeries.campaign_id, CampaignSeries.series_id))
    for_series = _grouped((row[0], all_series[row[1]]) for row in series_links)
    dealer_links = db.session.execute(select(CampaignDealer.campaign_id, CampaignDealer.dealer_id))
    at_dealers = _grouped((row[0], dealers[row[1]]) for row in dealer_links)
    for campaign in db.session.scalars(select(CouponCampaign).order_by(CouponCampaign.id)):
        row = CampaignRow(
            campaign.slug,
            campaign.title,
            campaign.kind,
            None if campaign.face_fen is None else Fen(campaign.face_fen),
            campaign.discount_permille,
            Fen(campaign.threshold_fen),
            campaign.total,
            campaign.per_person,
            campaign.way,
            campaign.passphrase,
            campaign.claim_from,
            campaign.claim_until,
            Validity(campaign.valid_until, campaign.valid_days),
            for_series.get(campaign.id),
            None if campaign.all_dealers else at_dealers.get(campaign.id, ()),
            campaign.usage,
            campaign.stackable,
            campaign.terms,
            most_fen=None if campaign.most_fen is None else Fen(campaign.most_fen),
            worth_fen=None if campaign.worth_fen is None else Fen(campaign.worth_fen),
            per_day=campaign.per_day,
            daily_total=campaign.daily_total,
            channels=campaign.channels,
            scope=campaign.scope,
            stack_group=campaign.stack_group,
            alone=campaign.alone,
            priority=campaign.priority,
            payer=campaign.payer,
            dealer_permille=campaign.dealer_permille,
            shake_permille=campaign.shake_permille,
            near_m=campaign.near_m,
            state=campaign.state,
        )
        yield Stored(campaign.id, row, campaign.withdrawn)


def _slugs(model: type[Brand] | type[Series] | type[Trim] | type[Dealer]) -> dict[int, str]:
    return {row[0]: row[1] for row in db.session.execute(select(model.id, model.slug))}


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, tuple[T, ...]]:
    groups: dict[int, list[T]] = defaultdict(list)
    for owner, slug in pairs:
        groups[owner].append(slug)
    return {owner: tuple(sorted(slugs)) for owner, slugs in groups.items()}
