"""Pictures lie in a folder or in a bucket; the shop cannot tell which, and a shopper never sees that it is down."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from PIL import Image
from structlog.testing import capture_logs

from app.core.config import Settings, production_problems
from app.core.db import db
from app.core.errors import ConfigError, GatewayError
from app.factory import create_app
from app.gateways.storage.objects import ObjectStorage
from app.operations import doctor_house
from app.workbook import services
from app.workbook.errors import WorkbookRefused
from tests.admin.test_operators import NOW, operator, sign_in
from tests.conftest import Browser, make_settings
from tests.members.wechat import csrf
from tests.workbook import book

BUCKET = {
    "media_s3_bucket": "zhanting",
    "media_s3_access_key": "testing",
    "media_s3_secret_key": "testing-secret",
}


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """A server on loopback that speaks S3, with an empty bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    import requests

    assert requests.put(f"http://{host}:{port}/zhanting", timeout=10).status_code == 200
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket in the path", "bucket in the host", "host with its bucket"])
def storage(request, tmp_path, monkeypatch) -> ObjectStorage:
    if request.param == "folder":
        return ObjectStorage.in_folder(tmp_path / "media")
    url = request.getfixturevalue("s3_url")
    if request.param == "bucket in the path":
        return bucket(tmp_path, media_s3_endpoint=url)
    # Names like zhanting.s3.amazonaws.com lead to the server on loopback, which reads the bucket from them.
    monkeypatch.setenv("HTTP_PROXY", url)
    monkeypatch.setenv("http_proxy", url)
    host = "zhanting.s3.amazonaws.com" if request.param == "host with its bucket" else "s3.amazonaws.com"
    return bucket(tmp_path, media_s3_endpoint=f"http://{host}", media_s3_path_style=False)


def bucket(folder: Path, **changed: object) -> ObjectStorage:
    return ObjectStorage.from_settings(make_settings("sqlite://", folder, **{**BUCKET, **changed}))


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def shop(app, s3_url, tmp_path) -> Iterator[Flask]:
    """A shop on the test's database whose pictures lie in the bucket."""
    settings = make_settings(app.config["SQLALCHEMY_DATABASE_URI"], tmp_path, media_s3_endpoint=s3_url, **BUCKET)
    shop = create_app(settings)
    shop.testing, shop.test_client_class = True, Browser
    with shop.app_context():
        yield shop
        db.session.remove()
        db.engine.dispose()


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((700, 400)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_what_is_put_is_found_again(storage):
    storage.put("one/320.avif", b"picture")
    storage.put("one/original.png", b"original")
    assert storage.get("one/320.avif") == b"picture"
    assert storage.names("one") == {"320.avif", "original.png"}


def test_what_was_never_put_is_absent(storage):
    assert storage.get("two/320.avif") is None
    assert storage.names("two") == set()


def test_file_is_replaced_whole(storage):
    storage.put("three/a.avif", b"first, and longer")
    storage.put("three/a.avif", b"second")
    assert storage.get("three/a.avif") == b"second"


@pytest.mark.parametrize("call", [lambda s: s.get("a/b"), lambda s: s.put("a/b", b"1"), lambda s: s.names("a")])
def test_storage_that_does_not_answer_is_a_gateway_error(tmp_path, call):
    settings = make_settings("sqlite://", tmp_path, media_s3_endpoint=closed_port(), **BUCKET)
    with pytest.raises(GatewayError) as error:
        call(ObjectStorage.from_settings(settings))
    assert error.value.provider == "storage"


def test_wrong_key_is_no_way_out_of_the_folder(tmp_path):
    (tmp_path / "secret").write_text("no")
    with pytest.raises(GatewayError):
        ObjectStorage.in_folder(tmp_path / "media").get("../secret")


def test_upload_goes_to_the_bucket_and_is_served_for_a_year(shop, tmp_path):
    book.draw_pictures(tmp_path)
    services.import_workbook(book.save_xlsx(book.small(), tmp_path / "book.xlsx"), shop.extensions["storage"])
    client = shop.test_client()
    with time_machine.travel(NOW, tick=False):
        sign_in(client, operator())
        token = csrf(client, "/admin/series/s1")
        form = {"csrf_token": token, "place": "cover", "file": (io.BytesIO(photo()), "new.jpg")}
        assert client.post("/admin/series/s1/pictures", data=form).status_code == 303
    from app.catalog.queries.desk import get_desk

    cover = get_desk("s1").series.cover
    assert cover is not None
    assert cover.name == "s1/new.jpg"
    for name, kind in (("640.avif", "avif"), ("640.webp", "webp"), ("640.jpg", "jpeg"), ("share.jpg", "jpeg")):
        answer = client.get(f"/media/{cover.digest}/{name}")
        assert (answer.status_code, answer.mimetype) == (200, f"image/{kind}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = client.get(f"/media/{cover.digest}/{name}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    assert client.get(f"/media/{cover.digest}/960.avif").status_code == 404
    assert client.get(f"/media/{cover.digest}/original.jpg").status_code == 404
    assert not Path(tmp_path / "media").exists()


def test_storage_that_is_down_is_a_sentence(app, tmp_path):
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    shop = create_app(make_settings(url, tmp_path, media_s3_endpoint=closed_port(), **BUCKET))
    answer = shop.test_client().get(f"/media/{'0' * 64}/320.avif")
    assert answer.status_code == 503
    assert "图片存储暂时不可用，请稍后再试。" in answer.text
    book.draw_pictures(tmp_path)
    with shop.app_context(), pytest.raises(WorkbookRefused) as refused:
        services.import_workbook(book.save_xlsx(book.small(), tmp_path / "b.xlsx"), shop.extensions["storage"])
    assert "图片存储没有响应" in str(refused.value.problems[0])


@pytest.mark.parametrize("style", [True, False], ids=["path", "host"])
def test_a_wrong_bucket_is_said_at_the_first_upload(s3_url, tmp_path, monkeypatch, style):
    monkeypatch.setenv("HTTP_PROXY", s3_url)
    monkeypatch.setenv("http_proxy", s3_url)
    endpoint = s3_url if style else "http://s3.amazonaws.com"
    wrong = bucket(tmp_path, media_s3_bucket="elsewhere", media_s3_endpoint=endpoint, media_s3_path_style=style)
    with pytest.raises(GatewayError) as error:
        wrong.put("a/b.avif", b"1")
    assert (error.value.code, error.value.retryable) == ("NoSuchBucket", False)


def test_a_wrong_bucket_is_told_apart_from_a_missing_picture(app, s3_url, tmp_path):
    """Readers hear of it too: 503 with a sentence and a line in the log, not a 404 for each picture."""
    wrong = bucket(tmp_path, media_s3_bucket="elsewhere", media_s3_endpoint=s3_url)
    for call in (lambda: wrong.get("a/b.avif"), lambda: wrong.names("a")):
        with pytest.raises(GatewayError) as error:
            call()
        assert (error.value.code, error.value.retryable) == ("NoSuchBucket", False)
    address = f"/media/{'0' * 64}/320.avif"
    app.extensions["storage"] = bucket(tmp_path, media_s3_endpoint=s3_url)
    assert app.test_client().get(address).status_code == 404
    app.extensions["storage"] = wrong
    with capture_logs() as logs:
        answer = app.test_client().get(address)
    assert (answer.status_code, "请稍后再试" in answer.text) == (503, True)
    assert [line["provider_error"] for line in logs if line["event"] == "gateway_failed"] == ["NoSuchBucket"]
    settings = make_settings("sqlite://", tmp_path, **{**BUCKET, "media_s3_bucket": "elsewhere"})
    level, sentence, _ = next(iter(doctor_house.media(app, settings)))
    assert (level, "没有名为 elsewhere 的存储桶" in sentence) == ("failed", True)


def test_a_refused_key_is_one_sentence(app, s3_url, tmp_path):
    """The server looks at signatures for the length of this test."""
    import requests

    assert requests.post(f"{s3_url}/moto-api/reset-auth", data="0", timeout=10).status_code == 200
    try:
        refused = bucket(tmp_path, media_s3_endpoint=s3_url, media_s3_secret_key="wrong")
        with pytest.raises(GatewayError) as error:
            refused.put("a/b.avif", b"1")
        assert (error.value.code, error.value.retryable) == ("PermissionDeniedError", False)
        shop = create_app(
            make_settings(
                app.config["SQLALCHEMY_DATABASE_URI"],
                tmp_path,
                **{**BUCKET, "media_s3_endpoint": s3_url, "media_s3_secret_key": "wrong"},
            )
        )
        answer = shop.test_client().get(f"/media/{'0' * 64}/320.avif")
        assert answer.status_code == 503
        assert "图片存储暂时不可用，请稍后再试。" in answer.text
    finally:
        requests.post(f"{s3_url}/moto-api/reset-auth", data="inf", timeout=10)


def test_bucket_named_by_halves_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="MEDIA_S3_ENDPOINT: missing"):
        ObjectStorage.from_settings(make_settings("sqlite://", tmp_path, media_s3_bucket="zhanting"))
    production = Settings(_env_file=None, zhanting_env="production", media_s3_endpoint="http://127.0.0.1:9000")  # pyright: ignore
    problems = production_problems(production)
    assert "MEDIA_S3_BUCKET: missing" in problems
    assert "MEDIA_S3_ENDPOINT: must be https and not this machine" in problems
