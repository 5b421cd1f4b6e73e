"""How words are found: by the characters themselves, their pinyin, their initials, or a mixture; one slip forgiven.

A text is a row of tokens. A Chinese character is its own token and may be typed as itself, as any of its readings in
full, or as the initial of one; the last syllable of a query may be unfinished. Anything else is one token per letter.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from app.core.pinyin import readings

MAX_LETTERS = 40
MAX_WORDS = 5
# A slip in a shorter word would find everything.
SLIP_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, cut to size: `words` without spaces, `joined` as one; `cut` when it was longer."""

    text: str
    words: tuple[str, ...]
    cut: bool = False

    @property
    def joined(self) -> str:
        return "".join(self.words)


def read_query(typed: str) -> Query:
    """Full-width becomes plain, capitals small; what is neither letter nor figure separates words."""
    folded = unicodedata.normalize("NFKC", typed[: MAX_LETTERS * 5]).casefold()
    spaced = "".join(letter if letter.isalnum() else " " for letter in folded)
    text = " ".join(spaced.split())
    kept = text[:MAX_LETTERS].strip()
    words = kept.split(" ")[:MAX_WORDS] if kept else []
    return Query(" ".join(words), tuple(words), len(typed.strip()) > MAX_LETTERS and bool(kept))


@dataclass(frozen=True, slots=True)
class Text:
    """A text ready to be searched. `tokens` are the ways to type each letter, `places` where it stands in `shown`."""

    shown: str
    tokens: tuple[tuple[str, ...], ...]
    places: tuple[int, ...]
    letters: frozenset[str]
    spellings: tuple[str, ...]


@lru_cache(maxsize=20_000)
def prepare(shown: str) -> Text:
    """A text cut into tokens; kept, since names stay the same when prices change."""
    tokens: list[tuple[str, ...]] = []
    places: list[int] = []
    plain = full = first = ""
    for place, raw in enumerate(shown):
        letter = unicodedata.normalize("NFKC", raw).casefold()
        if not letter.isalnum() or len(letter) != 1:
            continue
        ways = readings().get(letter, ())
        tokens.append((letter, *ways, *dict.fromkeys(way[0] for way in ways)) if ways else (letter,))
        places.append(place)
        usual = ways[0] if ways else letter
        plain, full, first = plain + letter, full + usual, first + usual[0]
    letters = frozenset(letter for way in tokens for word in way for letter in word)
    return Text(shown, tuple(tokens), tuple(places), letters, tuple(dict.fromkeys((plain, full, first))))


@dataclass(frozen=True, slots=True)
class Hit:
    """A find: lower `rank` is better (0 whole, 1 from the start, 2 inside, 3 with a slip); `marks` are places found."""

    rank: int
    marks: frozenset[int]


def find(query: Query, text: Text) -> Hit | None:
    """The query in one piece, or each of its words somewhere; None when a word is missing."""
    if not query.words:
        return None
    if (span := _span(query.joined, text)) is not None:
        start, end = span
        rank = 2 if start else 0 if end == len(text.tokens) else 1
        return Hit(rank, frozenset(text.places[start:end]))
    if len(query.words) == 1:
        return None
    marks: set[int] = set()
    for word in query.words:
        if (span := _span(word, text)) is None:
            return None
        marks.update(text.places[span[0] : span[1]])
    return Hit(2, frozenset(marks))


def find_with_slip(query: Query, text: Text) -> Hit | None:
    """Whether the query with one letter wrong, missing, added or swapped is in a spelling of the text.

    Characters typed for others of the same sound count too: 秀S5 finds 岫S5.
    """
    typed = _as_typed(query.joined)
    if len(typed) < SLIP_LETTERS or len(set(typed) - text.letters) > 1:
        return None
    if any(near(typed, spelling) for spelling in text.spellings):
        return Hit(3, frozenset())
    return None


def near(word: str, text: str) -> bool:
    """Whether some part of the text is one edit from the word; its first letter counts as much as the others."""
    for start in range(len(text)):
        part = text[start : start + len(word) + 1]
        if len(part) < len(word) - 1:
            return False
        if _one_edit(word, part):
            return True
    return False


def _one_edit(word: str, part: str) -> bool:
    """Whether the word is a beginning of `part` after at most one edit."""
    same = 0
    while same < len(word) and same < len(part) and word[same] == part[same]:
        same += 1
    rest = word[same:]
    return (
        not rest
        or rest[1:] == part[same + 1 :][: len(rest) - 1]  # another letter
        or rest[1:] == part[same:][: len(rest) - 1]  # one too many
        or rest == part[same + 1 :][: len(rest)]  # one missing
        or (len(rest) > 1 and rest[1] + rest[0] + rest[2:] == part[same:][: len(rest)])  # two swapped
    )


def _as_typed(word: str) -> str:
    known = readings()
    return "".join(known[letter][0] if letter in known else letter for letter in word)


def _span(word: str, text: Text) -> tuple[int, int] | None:
    """The first tokens that spell the word, as (from, to)."""
    if not text.letters.issuperset(word):
        return None
    for start in range(len(text.tokens)):
        if (end := _spell(word, 0, text.tokens, start)) is not None:
            return start, end
    return None


def _spell(word: str, done: int, tokens: tuple[tuple[str, ...], ...], place: int) -> int | None:
    """The token after the ones, from `place`, that spell the rest of the word."""
    if done == len(word):
        return place
    if place == len(tokens):
        return None
    for way in tokens[place]:
        if word.startswith(way, done):
            if (end := _spell(word, done + len(way), tokens, place + 1)) is not None:
                return end
        elif len(word) - done < len(way) and way.startswith(word[done:]):
            return place + 1
    return None
