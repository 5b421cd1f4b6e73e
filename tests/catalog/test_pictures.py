"""Pictures are checked, kept, and derived once."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from app.catalog import pictures
from app.catalog.pictures import (
    PictureError,
    checking,
    encoding,
    picture_sources,
    planned_widths,
    share_path,
    store,
)
from app.core.errors import GatewayError
from app.gateways.storage.objects import ObjectStorage


def save(path: Path, size: tuple[int, int], kind: str = "PNG", **options) -> Path:
    Image.radial_gradient("L").convert("RGB").resize(size).save(path, kind, **options)
    return path


@pytest.fixture
def media(tmp_path: Path) -> ObjectStorage:
    return ObjectStorage.in_folder(tmp_path / "media")


def derived(media: ObjectStorage, digest: str, name: str) -> Image.Image:
    content = media.get(f"{digest}/{name}")
    assert content is not None
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_each_allowed_format_is_stored_and_derived(tmp_path, media, kind):
    stored = store(save(tmp_path / "a.bin", (700, 400), kind), media)
    assert (stored.width, stored.height, stored.widths, stored.forms) == (700, 400, "320,480,640", pictures.FORMS)
    names = {"320.avif", "480.avif", "640.avif", "480.webp", "640.webp", "480.jpg", "640.jpg", "share.jpg"}
    assert media.names(stored.digest) == names | {f"original.{pictures.FORMATS[kind]}"}
    for name, form in (("640.avif", "AVIF"), ("640.webp", "WEBP"), ("640.jpg", "JPEG")):
        with derived(media, stored.digest, name) as small:
            assert (small.format, small.size) == (form, (640, 366))
    assert picture_sources(stored, "avif")[0] == (320, f"/media/{stored.digest}/320.avif")
    assert picture_sources(stored) == [(w, f"/media/{stored.digest}/{w}.webp") for w in (480, 640)]
    assert pictures.original_key(media, stored.digest) == f"{stored.digest}/original.{pictures.FORMATS[kind]}"


def test_second_storing_writes_nothing(tmp_path, media):
    source = save(tmp_path / "a.png", (700, 400))
    first = store(source, media)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")}
    assert store(source.read_bytes(), media) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "media").rglob("*")} == before


def test_widths_never_exceed_the_original():
    assert planned_widths(1280, frame=False) == [320, 480, 640, 960, 1280]
    assert planned_widths(1279, frame=False) == [320, 480, 640, 960]
    assert planned_widths(720, frame=True) == [480, 720]
    assert planned_widths(200, frame=False) == [200]


@pytest.mark.parametrize(
    ("widths", "forms", "names"),
    [
        ("320,480,640,960,1280", "webp,jpg", ["480.webp", "960.webp", "480.jpg", "960.jpg"]),
        ("320,480,640", "jpg", ["480.jpg", "640.jpg"]),
        ("480,720", "avif,webp", ["480.avif", "720.avif", "480.webp", "720.webp"]),
        ("200", "webp,share", ["200.webp", "share.jpg"]),
    ],
)
def test_old_browsers_have_a_cards_and_a_phones_width(widths, forms, names):
    assert pictures.file_names(widths, forms) == names


def test_metadata_is_gone_and_the_picture_upright(tmp_path, media):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "camera"
    exif.get_ifd(0x8825)[1] = "N"
    source = save(tmp_path / "a.jpg", (800, 400), "JPEG", exif=exif, comment=b"at home", icc_profile=b"0" * 200)
    stored = store(source, media)
    assert (stored.width, stored.height) == (400, 800)
    for name in pictures.file_names(stored.widths, stored.forms):
        with derived(media, stored.digest, name) as small:
            assert small.size[0] * 2 == small.size[1] or name == "share.jpg"
            assert not small.getexif()
            assert not {"exif", "xmp", "icc_profile", "comment"} & {k for k, v in small.info.items() if v}
    assert media.get(f"{stored.digest}/original.jpg") == source.read_bytes()


def test_transparency_is_kept_and_a_jpeg_stands_on_the_stage(tmp_path, media):
    Image.new("RGBA", (400, 300), (10, 20, 30, 0)).save(tmp_path / "a.png")
    stored = store(tmp_path / "a.png", media)
    for form in ("avif", "webp"):
        with derived(media, stored.digest, f"320.{form}") as small:
            assert small.mode == "RGBA"
    with derived(media, stored.digest, "320.jpg") as flat:
        assert all(abs(a - b) <= 2 for a, b in zip(flat.getpixel((9, 9)), encoding.STAGE, strict=True))


def noise(path: Path, size: tuple[int, int]) -> Path:
    Image.effect_noise(size, 90).convert("RGB").save(path)
    return path


def test_square_for_share_cards_is_small_whatever_the_picture(tmp_path, media):
    stored = store(noise(tmp_path / "a.png", (900, 600)), media)
    with derived(media, stored.digest, "share.jpg") as square:
        assert square.size == (500, 500)
    assert len(media.get(f"{stored.digest}/share.jpg") or b"") <= pictures.SHARE_BYTES
    assert share_path(stored) == f"/media/{stored.digest}/share.jpg"
    frame = store(save(tmp_path / "b.png", (720, 405)), media, frame=True)
    assert (share_path(frame), share_path(None)) == (None, None)


COVERS = sorted((Path(__file__).parents[2] / "demo" / "pictures" / "cars").glob("*/cover-*.webp"))


@pytest.mark.parametrize(
    "source", COVERS[:: max(1, len(COVERS) // 4)], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_first_picture_of_the_demo_is_small_on_a_phone(source):
    """A phone of 390 px takes 960 or 1280, by its pixels and the page."""
    picture, _ = checking.opened(source)
    for form, widths in (("avif", (960, 1280)), ("webp", (960,)), ("jpg", (960,))):
        for width in widths:
            assert len(encoding.encode(encoding.scaled(picture, width), form)) <= pictures.PHONE_BYTES


def test_files_of_an_older_picture_are_derived_from_its_original(tmp_path, media):
    stored = store(save(tmp_path / "a.png", (700, 400)), media)
    for path in (tmp_path / "media" / stored.digest).glob("*.avif"):
        path.unlink()
    assert not pictures.is_complete(media, stored)
    assert pictures.derive_again(stored.digest, media, frame=False) == stored
    assert pictures.is_complete(media, stored)
    with pytest.raises(GatewayError):
        pictures.derive_again("0" * 64, media, frame=False)


@pytest.mark.parametrize("extra", [b"<script>alert(1)</script>", b"EXIF\x04\0\0\0abcd"])
def test_what_hangs_on_a_picture_is_not_handed_out(tmp_path, media, extra):
    source = save(tmp_path / "a.webp", (320, 200), "WEBP")
    source.write_bytes(source.read_bytes() + extra)
    stored = store(source, media)
    for name in pictures.file_names(stored.widths, stored.forms):
        assert extra not in (media.get(f"{stored.digest}/{name}") or extra)


def animation() -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((800, 600)).save(buffer, "JPEG", quality=95)
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
        (declared(20_000, 20_000), "像素"),
        (declared(60_000, 60_000), "像素"),
        (b"PK\x03\x04" + bytes(60), "不是图片"),
        (photo()[:4000], "不是图片或已损坏"),
        (b"", "不是图片"),
        (declared(900, 100), "细长"),
        (declared(1, 1), "不少于 32 像素"),
        (declared(400, 300), "不是图片或已损坏"),
    ],
    ids=[
        "animated",
        "gif",
        "svg",
        "html",
        "forty_megapixels",
        "twenty_thousand",
        "bomb",
        "zip",
        "truncated",
        "empty",
        "strip",
        "pixel",
        "cut_off",
    ],
)
def test_what_is_no_usable_picture_is_refused(tmp_path, media, content, words):
    (tmp_path / "a.jpg").write_bytes(content)
    for source in (tmp_path / "a.jpg", content):
        with pytest.raises(PictureError, match=words):
            store(source, media)
    assert not list((tmp_path / "media").iterdir())


def test_a_light_webp_of_pixels_alone_is_handed_out_as_it_came(tmp_path, media):
    bare = save(tmp_path / "bare.webp", (480, 270), "WEBP", quality=80)
    stored = store(bare, media)
    assert media.get(f"{stored.digest}/480.webp") == bare.read_bytes()


def test_a_webp_that_says_where_it_was_taken_is_encoded_anew(tmp_path, media):
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (30.0, 16.0, 48.0)}
    told = save(tmp_path / "told.webp", (480, 270), "WEBP", quality=80, exif=exif)
    stored = store(told, media)
    content = media.get(f"{stored.digest}/480.webp")
    assert content is not None
    assert b"EXIF" not in content
    assert content != told.read_bytes()
