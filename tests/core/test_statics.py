"""Static files travel packed, are never older than themselves, and come plain where packing is impossible."""

import gzip
from pathlib import Path

import brotli
import pytest
from flask import Flask

from app.core import logs
from app.core.statics import StaticFiles, lean

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=[False, True], ids=["production", "development"])
def shop(tmp_path: Path, request):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "app.css").write_text("a{color:red}" * 200)
    (folder / "font.woff2").write_bytes(b"wOF2" * 50)
    app = Flask("statics")
    app.wsgi_app = StaticFiles(app.wsgi_app, folder, tmp_path / "packed", watch=request.param)
    return app


def ask(app: Flask, path: str, accepted: str):
    return app.test_client().get(path, headers={"Accept-Encoding": accepted}, buffered=True)


@pytest.mark.parametrize(
    ("accepted", "kind", "unpack"),
    [("gzip, deflate, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress), ("identity", None, bytes)],
)
def test_text_is_packed_as_the_browser_wants_it(shop, accepted, kind, unpack):
    answer = ask(shop, "/static/app.css", accepted)
    assert answer.headers.get("Content-Encoding") == kind
    assert unpack(answer.data) == b"a{color:red}" * 200
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "max-age=31536000, public"
    assert kind is None or len(answer.data) < 100


def test_a_font_is_packed_already(shop):
    assert "Content-Encoding" not in ask(shop, "/static/font.woff2", "gzip, br").headers


def test_a_changed_file_is_never_answered_by_its_old_twin(tmp_path: Path):
    folder = tmp_path / "static"
    folder.mkdir()
    for text in ("old" * 99, "new" * 99):
        (folder / "app.js").write_text(text)
        app = Flask("statics")
        app.wsgi_app = StaticFiles(app.wsgi_app, folder, tmp_path / "packed", watch=False)
        assert brotli.decompress(ask(app, "/static/app.js", "br").data) == text.encode()
    assert len(list((tmp_path / "packed").iterdir())) == 4


def test_without_a_place_for_twins_files_come_as_they_are(tmp_path: Path):
    logs.configure(production=False)  # its lines go to this test's own stderr
    (tmp_path / "packed").write_text("a file where the folder should be")
    app = Flask("statics")
    app.wsgi_app = StaticFiles(app.wsgi_app, ROOT / "static", tmp_path / "packed", watch=False)
    answer = ask(app, "/static/css/app.css", "br, gzip")
    assert answer.status_code == 200
    assert answer.data == (ROOT / "static/css/app.css").read_bytes()


def test_people_read_comments_and_browsers_do_not(tmp_path: Path):
    script, style = tmp_path / "a.js", tmp_path / "a.css"
    script.write_text('/* why\n   so */\nvar a = "/* kept */";\n  // one line\n  a += `\n  kept`; /* gone */\n')
    assert lean(script) == b'var a="/* kept */";a+=`\n  kept`;'
    style.write_text("/* why */\na {\n  width: calc(1px + 2em);\n  color: red;\n}\n")
    assert lean(style) == b"a{width:calc(1px + 2em);color:red}"
    for vendored in (ROOT / "static/vendor").rglob("*.js"):
        assert lean(vendored) == vendored.read_bytes()


def test_the_shop_sends_its_style_sheet_packed(app):
    answer = ask(app, "/static/css/app.css", "gzip, br")
    assert answer.headers["Content-Encoding"] == "br"
    assert len(answer.data) <= 14 * 1024
