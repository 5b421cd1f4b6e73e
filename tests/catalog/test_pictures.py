"""Pictures are checked, kept, and derived once."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from app.catalog import pictures
from app.catalog.pictures import PictureError, picture_sources, planned_widths, store


def save(path: Path, size: tuple[int, int], kind: str = "PNG", **options) -> Path:
    Image.radial_gradient("L").convert("RGB").resize(size).save(path, kind, **options)
    return path


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_each_allowed_format_is_stored_and_derived(tmp_path, kind):
    stored = store(save(tmp_path / "a.bin", (700, 400), kind), tmp_path / "media")
    assert (stored.width, stored.height, stored.widths) == (700, 400, "320,480,640")
    folder = tmp_path / "media" / stored.digest
    names = {path.name for path in folder.iterdir()}
    assert names == {f"original.{pictures.FORMATS[kind]}", "320.webp", "480.webp", "640.webp"}
    with Image.open(folder / "320.webp") as small:
        assert (small.format, small.size) == ("WEBP", (320, 183))
    assert picture_sources(stored)[0] == (320, f"/media/{stored.digest}/320.webp")


def test_second_storing_writes_nothing(tmp_path):
    source = save(tmp_path / "a.png", (700, 400))
    first = store(source, tmp_path / "media")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")}
    assert store(source, tmp_path / "media") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")} == before


def test_widths_never_exceed_the_original():
    assert planned_widths(1280, frame=False) == [320, 480, 640, 960, 1280]
    assert planned_widths(1279, frame=False) == [320, 480, 640, 960]
    assert planned_widths(720, frame=True) == [480, 720]
    assert planned_widths(200, frame=False) == [200]


def test_metadata_is_gone_and_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "camera"
    stored = store(save(tmp_path / "a.jpg", (800, 400), "JPEG", exif=exif), tmp_path / "media")
    assert (stored.width, stored.height) == (400, 800)
    with Image.open(tmp_path / "media" / stored.digest / "320.webp") as small:
        assert small.size == (320, 640)
        assert not small.getexif()


def test_transparency_is_kept(tmp_path):
    Image.new("RGBA", (400, 300), (10, 20, 30, 0)).save(tmp_path / "a.png")
    stored = store(tmp_path / "a.png", tmp_path / "media")
    with Image.open(tmp_path / "media" / stored.digest / "320.webp") as small:
        assert small.mode == "RGBA"


def test_phone_pictures_of_the_demo_stay_small(tmp_path):
    source = Path(__file__).parents[2] / "demo" / "pictures" / "cars" / "yx-r" / "cover-copper.webp"
    stored = store(source, tmp_path / "media")
    for width in (640, 960):
        assert (tmp_path / "media" / stored.digest / f"{width}.webp").stat().st_size <= pictures.PHONE_BYTES


def test_webp_of_pixels_alone_is_handed_out_as_it_came(tmp_path):
    source = save(tmp_path / "a.webp", (320, 200), "WEBP")
    stored = store(source, tmp_path / "media")
    assert (tmp_path / "media" / stored.digest / "320.webp").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("extra", [b"<script>alert(1)</script>", b"EXIF\x04\0\0\0abcd"])
def test_webp_that_carries_more_is_encoded_again(tmp_path, extra):
    source = save(tmp_path / "a.webp", (320, 200), "WEBP")
    source.write_bytes(source.read_bytes() + extra)
    stored = store(source, tmp_path / "media")
    assert extra not in (tmp_path / "media" / stored.digest / "320.webp").read_bytes()


def animation() -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (40, 40)).save(buffer, "GIF")
    return buffer.getvalue()


def declared(width: int, height: int) -> bytes:
    """A PNG that only says how large it is."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")[:-2])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (animation(), "动图"),
        (gif(), "不是图片"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "不是图片"),
        (b"<html></html>", "不是图片"),
        (declared(8000, 5001), "像素"),
        (declared(60_000, 60_000), "像素"),
        (declared(900, 100), "细长"),
        (declared(400, 300), "不是图片或已损坏"),
    ],
    ids=["animated", "gif", "svg", "html", "forty_megapixels", "bomb", "strip", "cut_off"],
)
def test_what_is_no_usable_picture_is_refused(tmp_path, content, words):
    (tmp_path / "a.webp").write_bytes(content)
    with pytest.raises(PictureError, match=words):
        store(tmp_path / "a.webp", tmp_path / "media")
    assert not (tmp_path / "media").exists()
