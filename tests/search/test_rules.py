"""What finds what: characters, pinyin, initials and mixtures, every reading of a character, one slip."""

import sys
from pathlib import Path

import pytest

from app.core.pinyin import readings
from app.search.rules import MAX_LETTERS, find, find_with_slip, near, prepare, read_query


def hit(typed: str, text: str):
    return find(read_query(typed), prepare(text))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("岫s5", "岫 S5"),
        ("岫 S5", "岫 S5"),
        ("ＸＳ５", "岫 S5"),
        ("xs5", "岫 S5"),
        ("xius5", "岫 S5"),
        ("xiu", "岫 S5"),
        ("xi", "岫 S5"),
        ("S5", "岫 S5"),
        ("haohua", "1.5T 双离合 豪华版"),
        ("hhb", "1.5T 双离合 豪华版"),
        ("豪hua", "1.5T 双离合 豪华版"),
        ("haohb", "1.5T 双离合 豪华版"),
        ("15t", "1.5T 双离合 豪华版"),
        ("chongqing", "重庆渝北店"),
        ("zhongqing", "重庆渝北店"),
        ("cqyb", "重庆渝北店"),
        ("changan", "长安店"),
        ("leshan", "乐山店"),
        ("hang zhou xihu", "杭州西湖文三路店"),
        ("s5 605", "岫 S5 2026款 605 悦享版"),
        ("lvse", "绿色"),
    ],
)
def test_found(typed, text):
    assert hit(typed, text) is not None


@pytest.mark.parametrize(
    ("typed", "text"),
    [("s6", "岫 S5"), ("iu", "岫 S5"), ("xiang", "岫 S5"), ("x5", "岫 S5"), ("s5 706", "岫 S5 605"), ("", "岫 S5")],
)
def test_not_found(typed, text):
    assert hit(typed, text) is None


@pytest.mark.parametrize(
    ("typed", "text", "rank"), [("xius5", "岫 S5", 0), ("xiu", "岫 S5", 1), ("s5", "岫 S5", 2), ("5 岫", "岫 S5", 2)]
)
def test_whole_before_beginning_before_inside(typed, text, rank):
    found = hit(typed, text)
    assert found is not None
    assert found.rank == rank


def test_marks_are_the_letters_meant():
    found = hit("yxb", "605 悦享版")
    assert found is not None
    assert found.marks == {4, 5, 6}


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("xui", "岫 S5"),  # swapped
        ("xiv", "岫 S5"),  # another letter
        ("xiius5", "岫 S5"),  # one too many
        ("xis5", "岫 S5"),  # one missing
        ("xius6", "岫 S5"),
        ("秀S5", "岫 S5"),  # another character of the same sound
        ("yunxui", "云岫汽车"),
        ("hangzhuo", "杭州市西湖区"),
    ],
)
def test_one_slip_is_forgiven(typed, text):
    assert hit(typed, text) is None
    found = find_with_slip(read_query(typed), prepare(text))
    assert found is not None
    assert found.rank == 3


@pytest.mark.parametrize(("typed", "text"), [("zzs5", "岫 S5"), ("abcdef", "岫 S5"), ("xx", "岫 S5"), ("s", "岫 S5")])
def test_two_slips_or_a_short_word_are_not(typed, text):
    assert find_with_slip(read_query(typed), prepare(text)) is None


def test_near_is_one_edit_exactly():
    from itertools import product

    def distance(a: str, b: str) -> int:  # optimal string alignment, the textbook table
        rows = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
        for i, j in product(range(1, len(a) + 1), range(1, len(b) + 1)):
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
        return rows[-1][-1]

    words = ["".join(w) for w in product("abc", repeat=3)]
    for word in words:
        for text in ("abcab", "bca", "ccb", "ab"):
            parts = {text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1)}
            if near(word, text):
                assert any(distance(word, part) <= 1 for part in parts), (word, text)
            elif any(distance(word, part) <= 1 and len(part) == 3 for part in parts):
                raise AssertionError((word, text))


@pytest.mark.parametrize(
    ("typed", "words"),
    [("  岫　S5 ", ("岫", "s5")), ("🚗🚗", ()), ("<b>s5</b>", ("b", "s5", "b")), ("a-b_c", ("a", "b", "c")), ("", ())],
)
def test_query_is_cut_into_words(typed, words):
    assert read_query(typed).words == words


def test_query_is_cut_to_size():
    query = read_query("岫s5 " * 500)
    assert query.cut
    assert len(query.text) <= MAX_LETTERS
    assert not read_query("岫 S5").cut


def test_readings_are_those_of_the_tables():
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root / "scripts"))
    try:
        from make_readings import TARGET, table  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    assert TARGET.read_text("utf-8") == table()
    assert readings()["岫"] == ("xiu",)
    assert set(readings()["重"]) >= {"zhong", "chong"}
