"""城市: found by name, full pinyin or initials, listed under their first letter."""

from collections.abc import Iterable
from functools import lru_cache

from app.core.pinyin import read_place

City = tuple[str, int]
POPULAR = 12


@lru_cache(maxsize=2048)
def spellings(name: str) -> tuple[str, str]:
    """hangzhoushi and hzs."""
    read = [syllable.lower() for syllable in read_place(name)]
    return "".join(read), "".join(syllable[:1] for syllable in read)


def letter(name: str) -> str:
    """The letter a city is listed under; # for what has none."""
    first = spellings(name)[1][:1].upper()
    return first if first.isascii() and first.isalpha() else "#"


def search(cities: Iterable[City], text: str) -> list[City]:
    """The cities that fit what was typed, all of them for nothing."""
    word = "".join(text.split()).lower()
    if not word:
        return list(cities)
    return [
        (name, count)
        for name, count in cities
        if word in name or any(spelling.startswith(word) for spelling in spellings(name))
    ]


def by_letter(cities: Iterable[City]) -> list[tuple[str, list[City]]]:
    """(letter, cities) in the order of the alphabet."""
    groups: dict[str, list[City]] = {}
    for city in sorted(cities, key=lambda c: (letter(c[0]), spellings(c[0])[0], c[0])):
        groups.setdefault(letter(city[0]), []).append(city)
    return list(groups.items())
