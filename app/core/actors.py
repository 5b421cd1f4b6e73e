"""Who acted, in words, for the back office: each room that knows its people by name says so."""

from collections.abc import Callable, Collection, Iterable, Mapping

Named = tuple[str, int | None]
_WORDS = {"member": "客户", "staff": "店员", "operator": "总部", "system": "系统", "visitor": "访客"}
_rooms: dict[str, Callable[[Collection[int]], Mapping[int, str]]] = {}


def register(kind: str, names: Callable[[Collection[int]], Mapping[int, str]]) -> None:
    """Say what people of this kind are called, by their rows' numbers; one who is gone is absent. One statement."""
    _rooms[kind] = names


def names(actors: Iterable[Named]) -> dict[Named, str]:
    """What each of them (kind, number) is called; somebody whose name is not known keeps the number.

    Customers are never named: a trail is read by more people than may know who bought.
    """
    wanted = set(actors)
    known = {
        kind: look(numbers)
        for kind, look in _rooms.items()
        if (numbers := {number for own, number in wanted if own == kind and number is not None})
    }
    return {(kind, number): _words(kind, number, known.get(kind, {})) for kind, number in wanted}


def _words(kind: str, number: int | None, known: Mapping[int, str]) -> str:
    words = _WORDS.get(kind, kind)
    if number is None:
        return words
    return f"{words} {known.get(number) or number}"
