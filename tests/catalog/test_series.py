"""The model page: what it says, that it is new at once, small, and has a way on in every state."""

import gzip
import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from app.catalog.calendar import launch_calendar
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.rules import Launch, key_specs, launch, likeness, range_words
from app.core import publishing
from app.core.db import db, transaction
from tests.booking import shop
from tests.catalog.test_pages import statements
from tests.client import Shopper

FRAMES = 24


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


def series(slug: str = "s5") -> Series:
    return db.session.scalars(select(Series).where(Series.slug == slug)).one()


def add_trim(slug: str, name: str, fen: int, status: str = "在售", specs: dict[str, str] | None = None) -> Trim:
    trim = Trim(slug=slug, series_id=series().id, model_year="2026款", name=name, msrp_fen=fen, status=status)
    trim.position = 50
    db.session.add(trim)
    db.session.flush()
    add_specs(trim, specs or {"长": "4631"})
    return trim


def add_specs(trim: Trim, specs: dict[str, str], unit: str = "mm") -> None:
    for position, (name, value) in enumerate(specs.items()):
        item = SpecItem(trim_id=trim.id, group_name="车身", name=name, value=value, unit=unit, position=position)
        db.session.add(item)


def add_picture(name: str) -> Picture:
    digest = (name.encode().hex() * 64)[:64]
    picture = Picture(name=name, digest=digest, width=1280, height=720, widths="320,640,960", forms="webp", bytes=1)
    db.session.add(picture)
    db.session.flush()
    return picture


def add_series(slug: str, name: str, **values: object) -> Series:
    given: dict[str, object] = {"body_class": "中型SUV", "energy": "纯电", "status": "在售", "updated_at": shop.NOW}
    brand = db.session.scalars(select(Brand)).one()
    row = Series(slug=slug, brand_id=brand.id, name=name, **{**given, **values})
    db.session.add(row)
    db.session.flush()
    return row


def change(**values: object) -> None:
    with transaction():
        for name, value in values.items():
            setattr(series(), name, value)
        publishing.bump()


def test_a_new_price_is_shown_at_once_with_the_cache_on(app, shopper):
    before = shopper.http.get("/series/s5")
    kept = shopper.http.get("/series/s5")
    assert kept.text == before.text
    with transaction():
        series().trims[0].msrp_fen = 9_990_000
        publishing.bump()
    after = shopper.http.get("/series/s5", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "9.99" in after.text


def test_kept_page_costs_one_statement_and_a_fresh_one_five_whatever_the_number_of_trims(app, shopper):
    with transaction():
        row = series()
        for n in range(12):
            add_trim(f"t{n}", f"版本 {n}", 9_000_000 + n * 100_000, specs={f"项目 {i}": str(i * n) for i in range(40)})
            picture = add_picture(f"p{n}")
            db.session.add(Colour(series_id=row.id, name=f"色 {n}", hex="#112233", side="外观", picture_id=picture.id))
            db.session.add(SeriesPicture(series_id=row.id, picture_id=picture.id, kind="gallery", position=n))
        publishing.bump()
    with statements(app) as fresh:
        shopper.page("/series/s5")
    assert len(fresh) <= 5, fresh
    with statements(app) as kept:
        shopper.page("/series/s5")
    assert len(kept) <= 1, kept


@pytest.mark.parametrize(
    "query", ["?trim=none", "?colour=" + "x" * 500, "?trim='; DROP TABLE trims; --", "?trim=&colour=", "?🚗=🚗"]
)
def test_unknown_choices_fall_back_and_are_not_repeated(shopper, query):
    page = shopper.page(f"/series/s5{query}")
    assert "长续航版" in page
    assert "DROP" not in page
    assert "xxx" not in page


def test_cheapest_trim_is_specified_and_what_is_no_longer_sold_is_not_listed(app, shopper):
    with transaction():
        add_trim("s5-b", "入门版", 9_000_000)
        add_trim("s5-c", "旧款", 8_000_000, status="停售")
        publishing.bump()
    page = shopper.page("/series/s5")
    assert "旧款" not in page
    assert re.search(r'aria-current="true">入门版<', page)
    assert "9.00 至 10.58 万元" in page
    assert page.count("厂商指导价") >= 3


def test_each_trim_leads_to_its_own_specification_comparison_price_and_loan(app, shopper):
    with transaction():
        add_trim("s5-b", "入门版", 9_000_000)
        publishing.bump()
    page = shopper.page("/series/s5")
    for slug in ("s5-a", "s5-b"):
        for address in (f"/series/s5?trim={slug}#specs", f"/compare?trims={slug}"):
            assert f'href="{address}"' in page, address
        for tool in ("landing-price", "loan"):
            assert f'href="/tools/{tool}?trim={slug}"' in page, tool
    assert 'href="/compare?trims=s5-b,s5-a"' in page or 'href="/compare?trims=s5-a,s5-b"' in page


def test_specification_says_once_what_is_common_and_by_name_what_differs(app, shopper):
    with transaction():
        add_specs(series().trims[0], {"长": "4631", "天窗": "●", "对外放电": "●"}, unit="")
        add_trim("s5-b", "入门版", 9_000_000, specs={"长": "4631", "天窗": "○ 4500"})
        publishing.bump()
    page = shopper.page("/series/s5")
    assert "2</span> 项有差异" in page
    assert re.search(r"天窗</dt><dd>选配 ¥4,500[^<]*\s*<ul class=\"others\"><li>长续航版：标配", page)
    assert re.search(r"对外放电</dt><dd>无\s*<ul class=\"others\"><li>长续航版：标配", page)
    assert "入门版：" in shopper.page("/series/s5?trim=s5-a")


def test_colours_are_links_with_names_and_the_others_wait_without_being_loaded(app, shopper):
    with transaction():
        row = series()
        for position, (name, surcharge) in enumerate((("砂岩银", 0), ("绯云红", 200_000))):
            colour = Colour(series_id=row.id, name=name, hex="#7A1722", side="外观", surcharge_fen=surcharge)
            colour.position, colour.picture_id = position, add_picture(name).id
            db.session.add(colour)
        publishing.bump()
    page = shopper.page("/series/s5")
    assert 'aria-label="绯云红 加 ¥2,000"' in page
    assert page.count("<template>") == 1
    red = shopper.page("/series/s5?colour=绯云红")
    assert 'role="status">绯云红 加 ¥2,000</span>' in red
    assert re.search(r'aria-label="绯云红 加 ¥2,000" aria-current="true"', red)


def test_turntable_is_asked_for_apart_and_names_every_frame(app, shopper):
    assert shopper.http.get("/series/s5/turntable").status_code == 404
    with transaction():
        series().turntable = "frames"
        for n in range(FRAMES):
            picture = add_picture(f"f{n:02d}")
            picture.forms = "avif,webp"
            db.session.add(SeriesPicture(series_id=series().id, picture_id=picture.id, kind="frame", position=n))
        publishing.bump()
    assert 'data-turn="/series/s5/turntable"' in shopper.page("/series/s5")
    answer = shopper.http.get("/series/s5/turntable")
    frames = answer.json["frames"]
    assert len(frames) == FRAMES
    assert all(address.startswith("/media/") and width > 0 for widths in frames for width, address in widths)
    assert answer.headers["Cache-Control"].startswith("public")
    light = shopper.http.get("/series/s5/turntable?form=avif").json["frames"]
    assert len(light) == FRAMES
    assert all(address.endswith(".avif") for widths in light for _, address in widths)


def test_page_is_small_even_with_many_trims_and_colours(app, shopper):
    with transaction():
        row = series()
        for n in range(8):
            trim = add_trim(f"t{n}", f"版本 {n}", 9_000_000 + n * 100_000, specs={})
            add_specs(trim, {f"项目 {i}": str(i if i % 3 else i * n) for i in range(80)})
            db.session.add(Colour(series_id=row.id, name=f"色{n}", hex="#112233", side="外观"))
        publishing.bump()
    assert len(gzip.compress(shopper.page("/series/s5").encode(), 6)) <= 20 * 1024


def test_unknown_car_is_404_with_cars_to_look_at(shopper):
    page = shopper.page("/series/none", status=404)
    assert "没有找到这款车" in page
    assert 'href="/series/s5"' in page


@pytest.mark.parametrize("status", ["停售", "下架"])
def test_withdrawn_car_is_gone_and_leads_to_its_successor_and_to_cars_like_it(app, shopper, status):
    with transaction():
        old = add_series("s3", "岫 S3", status=status, successor_slug="s4")
        add_series("s4", "岫 S4", status="停售", successor_slug="s5")
        add_series("m6", "岫 M6", body_class="MPV", energy="插电混动", position=1)
        add_series("s7", "岫 S7", position=2)
        assert old.id
        publishing.bump()
    page = shopper.page("/series/s3", status=410)
    assert "岫 S3 已停售" in page
    assert "它的后继车型是 岫 S5" in page
    assert page.index("岫 S7</h3>") < page.index("岫 M6</h3>")
    assert 'content="noindex"' in page


def test_successors_in_a_circle_end(app, shopper):
    with transaction():
        add_series("s3", "岫 S3", status="停售", successor_slug="s4")
        add_series("s4", "岫 S4", status="停售", successor_slug="s3")
        publishing.bump()
    page = shopper.page("/series/s3", status=410)
    assert "后继车型" not in page
    assert "相近车型" in page


def test_upcoming_car_says_what_is_known_and_reminds_without_an_account(app, shopper):
    with transaction():
        add_series("r", "岫 R", status="即将上市", on_sale_on=date(2027, 1, 15))
        add_series("r2", "岫 R2", status="即将上市")
        publishing.bump()
    page = shopper.page("/series/r")
    assert "价格待公布" in page
    assert "2027 年 1 月 15 日" in page
    assert 'href="/series/r/launch.ics"' in page
    assert "图片准备中" in page
    assert "算落地价" not in page
    assert "/tools/hint/r" not in page
    answer = shopper.http.get("/series/r/launch.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "DTSTART;VALUE=DATE:20270115\r\n" in answer.text
    assert "时间待公布" in shopper.page("/series/r2")
    for path, status in (("/", 200), ("/series/nothing", 404)):
        cards = shopper.page(path, status).split('class="car"')[1:]
        assert [card.count("即将上市") for card in cards if "岫 R" in card] == [1, 1], path
        assert not any("即将上市" in card for card in cards if "岫 S5" in card)
    for slug in ("r2", "s5", "none"):
        assert shopper.http.get(f"/series/{slug}/launch.ics").status_code == 404


def test_upcoming_car_with_prices_labels_them_and_takes_the_month_from_its_specification(app, shopper):
    with transaction():
        add_specs(series().trims[0], {"上市时间": "2027.01"}, unit="")
    change(status="即将上市")
    page = shopper.page("/series/s5")
    assert "厂商指导价，以上市公告为准" in page
    assert "预计 2027 年 1 月" in page
    assert "预计本月上市" in shopper.http.get("/series/s5/launch.ics").text


def test_car_without_trims_on_sale_still_has_a_page(app, shopper):
    with transaction():
        series().trims[0].status = "停售"
        publishing.bump()
    page = shopper.page("/series/s5")
    assert "价格待公布" in page
    assert 'id="trims"' not in page
    assert "参数待公布" in shopper.page("/series/s5/specs")


def test_specification_sheet_is_a_real_table_of_one_trim(app, shopper):
    with transaction():
        add_specs(series().trims[0], {"长": "4631", "天窗": "●", "露营灯": "-"})
        publishing.bump()
    page = shopper.page("/series/s5/specs?trim=s5-a")
    assert '<th scope="row">长</th><td>4631\u00a0mm</td>' in page
    assert "<td>无</td>" in page
    assert "105,800" in page
    assert "资料更新于 2026-11-22" in page
    assert "/series/s5" in page
    shopper.page("/series/none/specs", status=404)


@pytest.mark.parametrize(
    ("on", "text", "expected"),
    [
        (date(2027, 1, 15), "2030.01", Launch(date(2027, 1, 15), True)),
        (None, "2027.01", Launch(date(2027, 1, 1), False)),
        (None, "2027 年 3 月 8 日", Launch(date(2027, 3, 8), True)),
        (None, "2027-02-30", None),
        (None, "2027.13", None),
        (None, "明年春天", None),
        (None, "", None),
    ],
)
def test_launch_is_read_from_the_day_or_the_words(on, text, expected):
    assert launch(on, text) == expected


def test_calendar_file_keeps_its_format():
    changed = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    name = "岫, R; 反斜\\" + "长" * 60
    text = launch_calendar("r", name, Launch(date(2027, 1, 31), True), "https://example.test/series/r", changed)
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = text.replace("\r\n ", "")
    assert "SUMMARY:岫\\, R\\; 反斜\\\\" in unfolded
    assert "DTEND;VALUE=DATE:20270201" in unfolded
    assert "DTSTAMP:20261122T040000Z" in unfolded


def test_key_specs_take_the_first_three_a_car_has():
    values = {
        "长": ("4631", "mm"),
        "官方 0–100 km/h 加速": ("6.9", "s"),
        "CLTC 纯电续航": ("-", ""),
        "轴距": ("2760", "mm"),
    }
    assert key_specs(values) == [("0–100km/h", "6.9", "s"), ("车长", "4,631", "mm"), ("轴距", "2,760", "mm")]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("605", "520", "605"), "520–605"),
        (("6.9", "10"), "6.9–10"),
        (("4631", "4631"), "4631"),
        (("482-1468", "500"), "482-1468"),
        (("-", "605"), "605"),
        (("-", "-"), "-"),
    ],
)
def test_range_of_numbers_is_said_as_one(values, words):
    assert range_words(values) == words


def test_likeness_prefers_class_then_body_then_energy():
    rank = [("中型SUV", "纯电"), ("中型SUV", "汽油"), ("大型SUV", "纯电"), ("大型SUV", "汽油"), ("中型车", "纯电")]
    scores = [likeness("中型SUV", "纯电", *other) for other in rank]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
