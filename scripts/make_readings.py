"""Write app/core/readings.txt, the pinyin of Chinese characters without tones, from pypinyin's tables.

One line per syllable: the syllable, a space, every character mostly read so; then the further readings. A search
accepts every reading of a character, so that no dictionary of phrases is needed at run time (pypinyin's weighs 57 MB
in each worker and takes two milliseconds for a store's name).
"""

import unicodedata
from collections import defaultdict
from pathlib import Path

from pypinyin.pinyin_dict import pinyin_dict

TARGET = Path(__file__).resolve().parents[1] / "app" / "core" / "readings.txt"
FIRST, LAST = 0x4E00, 0x9FA5


def plain(reading: str) -> str:
    """xiù → xiu, lǜ → lv."""
    marked = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(letter for letter in marked if letter.isascii() and letter.isalpha())


def table() -> str:
    first: dict[str, list[str]] = defaultdict(list)
    further: dict[str, list[str]] = defaultdict(list)
    for code in range(FIRST, LAST + 1):
        given = [plain(reading) for reading in pinyin_dict.get(code, "").split(",")]
        for place, syllable in enumerate(dict.fromkeys(syllable for syllable in given if syllable)):
            (further if place else first)[syllable].append(chr(code))
    head = "# From pypinyin 0.55.0 (MIT, its licence is kept with the package); written by scripts/make_readings.py.\n"
    lines = [f"{syllable} {''.join(chars)}\n" for part in (first, further) for syllable, chars in sorted(part.items())]
    return head + "".join(lines)


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
    print(TARGET, TARGET.stat().st_size)
