"""The back office puts pictures in their places and changes prices; every refusal is one sentence beside its field."""

import gc
import io
from datetime import datetime, timedelta

import pytest
import time_machine
from PIL import Image
from sqlalchemy import select, update
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.catalog import pictures
from app.catalog.models import Picture, Trim
from app.catalog.queries.desk import SeriesDesk, get_desk
from app.catalog.services.pictures import derive_missing
from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from tests.admin.test_operators import NOW, operator, sign_in
from tests.client import check
from tests.members.wechat import csrf
from tests.workbook import book
from tests.workbook.conftest import bring, folder  # noqa: F401


def png(colour: str = "red", size: tuple[int, int] = (600, 400)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def client(app, bring):  # noqa: F811
    """An operator at the back office of a small shop."""
    client = app.test_client()
    with time_machine.travel(NOW, tick=False):
        bring(book.small())
        sign_in(client, operator())
        yield client


def desk() -> SeriesDesk:
    db.session.rollback()
    db.session.expire_all()
    return get_desk("s1")


def gallery() -> list[str]:
    return [view.picture.name for view in desk().gallery]


def upload(client, place: str, content: bytes, name: str = "new.png", path: str = "/admin/series/s1", **more: str):
    form = {"csrf_token": csrf(client, path), "place": place, "file": FileStorage(io.BytesIO(content), name), **more}
    return post_form(client, f"{path}/pictures", form)


def post_form(client, address: str, form: dict):
    """As bytes: the test client would put a large form into a file of its own and not close it."""
    boundary, body = encode_multipart(form)
    return client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def send(client, path: str, **form: str):
    return client.post(path, data={"csrf_token": csrf(client, "/admin/series/s1"), **form})


@pytest.mark.parametrize("path", ["/admin/series", "/admin/series/s1", "/admin/trims/t1/price", "/admin/pictures"])
def test_pages_are_whole_and_for_operators_only(app, client, path):
    page = client.get(path)
    assert page.status_code == 200
    check(page.text, whole=True)
    stranger = app.test_client().get(path)
    assert (stranger.status_code, stranger.location.split("?")[0]) == (302, "/admin/login")


def test_unknown_names_are_no_error_page(client):
    for path in ("/admin/series/none", "/admin/trims/none/price"):
        assert client.get(path).status_code == 404
    assert "没有这样的图片" in client.get("/admin/pictures?q=%F0%9F%9A%97&page=99999999").text


@pytest.mark.both_databases
def test_picture_goes_to_its_place_and_is_new_at_once(client):
    version = publishing.version()
    assert upload(client, "cover", png("red"), "红 色.png").status_code == 303
    assert upload(client, "gallery", png("blue"), "b.png").status_code == 303
    colour = desk().colours[1]
    assert upload(client, str(colour.id), png("green"), "c.png").status_code == 303
    found = desk()
    assert found.series.cover is not None
    assert (found.series.cover.name, found.series.cover.forms) == ("s1/红 色.png", pictures.FORMS)
    assert gallery() == ["cars/a.png", "cars/b.png", "s1/b.png"]
    assert found.colours[1].picture is not None
    assert found.colours[1].picture.name == "s1/c.png"
    assert publishing.version() == version + 3
    assert f"/media/{found.series.cover.digest}/480.avif" in client.get("/series").text
    audits = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "series_picture_placed")).all()
    assert [(entry.actor_kind, entry.detail["place"]) for entry in audits][:2] == [
        ("operator", "cover"),
        ("operator", "gallery"),
    ]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a.jpg", "不是图片或已损坏"),
        (b"<html><script>alert(1)</script></html>", "a.png", "不是图片或已损坏"),
        (b"PK\x03\x04" + bytes(100), "a.webp", "不是图片或已损坏"),
        (png()[:-40], "a.png", "不是图片或已损坏"),
        (b"", "a.png", "是空的"),
        (png(size=(900, 90)), "a.png", "过于细长"),
    ],
    ids=["svg", "html", "zip", "truncated", "empty", "strip"],
)
def test_what_is_no_picture_is_refused_beside_the_field(client, content, name, sentence):
    answer = upload(client, "cover", content, name)
    assert answer.status_code == 422
    assert f"这个文件{sentence}" in answer.text
    check(answer.text, whole=True)
    assert db.session.scalar(select(Picture.id).where(Picture.name.startswith("s1/"))) is None


def test_form_without_a_file_or_a_known_place_is_refused(client):
    assert "请选择一张图片" in upload(client, "cover", b"", "").text
    for place in ("elsewhere", "999999", ""):
        assert upload(client, place, png()).status_code == 422


def test_name_that_exists_is_refused_unless_it_is_the_same_picture(client):
    upload(client, "cover", png("red"))
    assert upload(client, "gallery", png("red")).status_code == 303
    assert "这张图片已经在图集里了" in upload(client, "gallery", png("red")).text
    assert "已经有另一张图片叫“new.png”" in upload(client, "cover", png("blue")).text


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "s1/passwd.png"),
        ("cars/a；b:c.png", "s1/a-b-c.png"),
        ("...", None),
        ("车" * 150 + ".png", "s1/" + "车" * 96 + ".png"),
    ],
)
def test_file_name_becomes_one_that_a_workbook_can_hold(client, name, kept):
    upload(client, "cover", png("red"), name)
    cover = desk().series.cover
    assert cover is not None
    assert cover.name == (kept or f"s1/{cover.digest[:12]}")


def test_uploaded_pictures_survive_an_export_and_its_import(client, app, tmp_path):
    from app.workbook import services
    from app.workbook.exporting import export_workbook

    upload(client, "cover", png("red"), "a；b c.png")
    upload(client, "gallery", png("blue"), "d.png")
    storage = app.extensions["storage"]
    for name in ("out.xlsx", "out.zip"):
        book.draw_pictures(tmp_path / "beside")
        export_workbook(tmp_path / name, storage)
    where = book.media_at(tmp_path / "media")
    assert services.import_workbook(tmp_path / "out.zip", where, dry_run=True).changes == 0
    assert services.import_workbook(tmp_path / "out.xlsx", where, dry_run=True).changes == 0


@pytest.mark.both_databases
def test_gallery_is_ordered_and_shortened(client):
    upload(client, "gallery", png("blue"), "c.png")
    third = desk().gallery[2].id
    assert send(client, f"/admin/series/s1/gallery/{third}/position", to="up").status_code == 303
    assert gallery() == ["cars/a.png", "s1/c.png", "cars/b.png"]
    send(client, f"/admin/series/s1/gallery/{third}/position", to="up")
    send(client, f"/admin/series/s1/gallery/{third}/position", to="up")
    assert gallery() == ["s1/c.png", "cars/a.png", "cars/b.png"]
    send(client, f"/admin/series/s1/gallery/{third}/position", to="down")
    assert gallery() == ["cars/a.png", "s1/c.png", "cars/b.png"]
    version = publishing.version()
    assert send(client, f"/admin/series/s1/gallery/{third}/removal").status_code == 303
    assert gallery() == ["cars/a.png", "cars/b.png"]
    assert publishing.version() == version + 1
    again = send(client, f"/admin/series/s1/gallery/{third}/removal")
    assert (again.status_code, "刚刚被移走了" in again.text) == (422, True)
    assert send(client, f"/admin/series/s1/gallery/{third}/position", to="aside").status_code == 404


def test_form_from_elsewhere_is_refused(client):
    answer = client.post("/admin/series/s1/pictures", data={"place": "cover", "file": (io.BytesIO(png()), "a.png")})
    assert answer.status_code == 419


def test_upload_may_be_large_for_an_operator_alone(app, client):
    big = png() + bytes(5_000_000)
    assert upload(client, "cover", big).status_code == 303
    assert upload(client, "cover", png() + bytes(21_500_000)).status_code == 413
    file = {"file": FileStorage(io.BytesIO(big), "a.png")}
    stranger = post_form(app.test_client(), "/admin/series/s1/pictures", file)
    assert (stranger.status_code, stranger.location) == (303, "/admin/login")
    file = {"file": FileStorage(io.BytesIO(big), "a.png")}
    assert post_form(client, "/admin/trims/t1/price", file).status_code == 413
    gc.collect()


def price(client, text: str, trim: str = "t1"):
    path = f"/admin/trims/{trim}/price"
    return client.post(path, data={"csrf_token": csrf(client, path), "price": text})


@pytest.mark.both_databases
def test_changed_price_is_on_the_next_request_of_every_page(app, client):
    shopper = app.test_client()
    pages = ("/series", "/series/s1", "/series/s1?trim=t1")
    before = {path: shopper.get(path).text for path in pages}
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert price(client, "16.21万").status_code == 303
        ledger = client.get("/admin/trims/t1/price").text
    for path in pages:
        page = shopper.get(path).text
        assert page != before[path]
        assert "16.21" in page or "162,100" in page
    assert all(words in ledger for words in ("¥162,100", "¥169,800", "一口价 p1"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "请填写价格"),
        ("-1", "应为大于 0"),
        ("0", "应为大于 0"),
        ("便宜", "应为大于 0"),
        ("169800.555", "应为大于 0"),
        ("9" * 19, "应为大于 0"),
        ("9" * 99, "价格太长了"),
        ("100000", "低于一口价“p1”的 ¥158,800"),
    ],
)
def test_price_that_cannot_be_is_refused_beside_the_field(client, text, sentence):
    answer = price(client, text)
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert db.session.scalar(select(Trim.msrp_fen).where(Trim.slug == "t1")) == 16_980_000


def test_rise_before_an_offer_is_refused_with_the_rule(client, bring):  # noqa: F811
    bring(book.set_cell(book.small(), "一口价", 2, "开始时间", datetime(2026, 11, 5, 10)))
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        answer = price(client, "179800")
    assert answer.status_code == 422
    assert "《明码标价和禁止价格欺诈规定》第十七条" in answer.text


@pytest.mark.both_databases
def test_pictures_from_before_get_their_formats_in_the_background(app, client):
    storage = app.extensions["storage"]
    book_cover = desk().series.cover
    assert book_cover is not None
    digest = book_cover.digest
    with transaction():
        db.session.execute(update(Picture).values(forms="webp"))
        db.session.execute(update(Picture).where(Picture.name == "cars/b.png").values(digest="f" * 64))
    page = client.get("/series/s1").text
    assert f"/media/{digest}/320.webp" in page
    assert ".avif" not in page
    version = publishing.version()
    assert derive_missing(storage) == 5
    assert publishing.version() > version
    forms = {row[0]: row[1] for row in db.session.execute(select(Picture.name, Picture.forms))}
    assert (forms["cars/a.png"], forms["spin/f00.png"]) == (pictures.FORMS, pictures.FRAME_FORMS)
    assert forms["cars/b.png"] == "webp"  # its original is gone
    assert derive_missing(storage) == 0
