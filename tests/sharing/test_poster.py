"""Posters: a picture with the present price, its day, and a code that leads to the page."""

import io
from datetime import date, timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from app.booking.models import OnePriceDeal
from app.catalog.models import Trim
from app.core.db import db, transaction
from app.core.outside import PosterFacts
from app.core.typeface import covered
from app.sharing import poster as posters
from app.sharing.poster import Poster, draw, font_for, wrap
from tests.booking import shop
from tests.client import Shopper


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


def picture(shopper: Shopper, path: str) -> Image.Image:
    answer = shopper.http.get(path + "/poster.jpg")
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"
    assert len(answer.data) < 300_000
    return Image.open(io.BytesIO(answer.data))


@pytest.mark.parametrize("path", ["series/s5", "deal/d1", "dealer/west"])
def test_a_poster_of_each_kind(shopper, path):
    page = shopper.page(f"/share/poster/{path}")
    assert "长按图片保存" in page
    assert picture(shopper, f"/share/poster/{path}").size == (posters.WIDTH, posters.HEIGHT)


@pytest.mark.parametrize("path", ["series/none", "deal/none", "dealer/none", "topic/none", "nothing/s5"])
def test_no_poster_of_what_is_not_shown(shopper, path):
    assert shopper.http.get(f"/share/poster/{path}").status_code == 404
    assert shopper.http.get(f"/share/poster/{path}/poster.jpg").status_code == 404


def test_no_poster_of_a_deal_that_is_over(shopper):
    with transaction():
        deal = db.session.scalars(select(OnePriceDeal)).one()
        deal.starts_at, deal.ends_at = deal.starts_at - timedelta(days=400), deal.ends_at - timedelta(days=400)
    assert shopper.http.get("/share/poster/deal/d1").status_code == 404


def test_an_old_price_never_lives_on(shopper):
    address = "/share/poster/series/s5/poster.jpg"
    before = shopper.http.get(address)
    assert shopper.http.get(address, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    assert "no-cache" in before.headers["Cache-Control"] or "max-age=0" in before.headers["Cache-Control"]
    with transaction():
        db.session.scalars(select(Trim)).first().msrp_fen = 9_990_000
    after = shopper.http.get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.data != before.data


def test_a_poster_is_drawn_once(shopper, monkeypatch):
    shopper.http.get("/share/poster/series/s5/poster.jpg")
    monkeypatch.setattr("app.sharing.views.draw", lambda *_: pytest.fail("drawn again"))
    assert shopper.http.get("/share/poster/series/s5/poster.jpg").status_code == 200


def test_the_code_is_as_large_as_a_phone_needs():
    facts = PosterFacts("/series/s5", "岫 S5", "中型SUV", None, "", "厂商指导价", 16_980_000, 22_580_000)
    poster = Poster(facts, "https://shop.example/series/s5", "云岫汽车", date(2026, 11, 22))
    assert poster.price == "16.98–22.58万"
    drawn = Image.open(io.BytesIO(draw(poster, None))).convert("L")
    left, top = posters.WIDTH - posters.EDGE - posters.QR_SIZE, posters.HEIGHT - posters.EDGE - posters.QR_SIZE
    card = drawn.crop((left, top, left + posters.QR_SIZE, top + posters.QR_SIZE))
    rows = list(posters.segno.make(poster.url, error="m", micro=False).matrix_iter(border=posters.QR_QUIET))
    scale = posters.QR_SIZE // len(rows)
    assert scale >= 5, "a module of a phone's picture of a phone"
    edge = (posters.QR_SIZE - scale * len(rows)) // 2
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            place = (edge + x * scale + scale // 2, edge + y * scale + scale // 2)
            assert (card.getpixel(place) < 128) == bool(dark)


def test_every_character_of_gb2312_has_a_drawing():
    font = font_for("岫", 20)
    nothing = bytes(font.getmask("\ue000"))
    for text in "岫云堂¥–…·（）":
        assert covered(text)
        assert bytes(font.getmask(text)) != nothing, text
    assert not covered("堃")


def test_long_names_are_cut_with_an_ellipsis():
    font = font_for("岫", 40)
    lines = wrap("很长的名字" * 20, font, 300, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(font.getlength(line) <= 300 for line in lines)
    assert wrap("", font, 300, 2) == []
