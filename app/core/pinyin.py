"""拼音 without tones, from a table of characters; pypinyin, which made it, would take 57 MB in each worker."""

from functools import cache
from pathlib import Path

# How characters are read in the names of places, where that is not their usual reading.
IN_PLACES = {"长": "chang", "都": "du", "厦": "xia", "重": "chong", "佛": "fo", "蚌": "beng"}
NAMES = {"六安": ("lu", "an"), "喀什": ("ka", "shi"), "乐清": ("yue", "qing"), "番禺": ("pan", "yu")}


@cache
def readings() -> dict[str, tuple[str, ...]]:
    """Every reading of every character, without tones, the usual one first."""
    found: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "readings.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        syllable, _, characters = line.partition(" ")
        for character in characters:
            found.setdefault(character, []).append(syllable)
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    return {character: shared.setdefault(tuple(all_), tuple(all_)) for character, all_ in found.items()}


def read_place(name: str) -> list[str]:
    """How a place's name is read: one syllable for each character, anything else as it is."""
    known = next((place for place in NAMES if name.startswith(place)), "")
    rest = name[len(known) :]
    return [*NAMES.get(known, ()), *(IN_PLACES.get(sign) or readings().get(sign, (sign,))[0] for sign in rest)]
