import pytest

from app.members import rules


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/me",
        "/%2F%2Fevil.example",
        "/／／evil.example",
        "/a..b/c.",
        "/deals/a-1?trim=2&x=%2F",
        "/search?q=岫",
        "/series/yx-s5#price",
    ],
)
def test_a_path_of_the_shop_may_be_returned_to(path):
    assert rules.local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "me",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/deals\\..\\x",
        "http://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        " //evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/\x00/evil",
        "/a//evil.example",
        "/wechat/login?next=/me",
        "/./wechat/login",
        "/x/../wechat/login",
        "/x/%2E%2e/wechat/callback?code=1",
        "/wechat/callback?code=1",
        "/logout",
        "/" + "a" * 400,
    ],
)
def test_everything_else_is_refused_as_a_place_to_return_to(path):
    assert rules.local_path(path) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("13900000000", "13900000000"),
        ("139 0000 0000", "13900000000"),
        ("+86 139-0000-0000", "13900000000"),
        ("8613900000000", "13900000000"),
        ("1390000000", None),
        ("12900000000", None),
        ("139000000001", None),
        ("１３９００００００００", None),
        ("", None),
    ],
)
def test_a_phone_number_is_understood_however_it_is_typed(typed, number):
    assert rules.normalise_phone(typed) == number
