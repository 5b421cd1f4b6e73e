"""One table at the end: what was measured, the figure, its bound, whether it is kept. Every part adds its rows.

A row without a verdict is reported only: no bound binds it, or the machine could not say (the row says why).
"""

import os
import traceback
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    what: str
    measured: str
    bound: str
    ok: bool | None
    detail: str


ROWS: list[Row] = []
WORDS = {True: "ok", False: "MISSED", None: "-"}


def row(what: str, measured: str, bound: str, ok: bool | None, detail: str = "") -> bool:
    """Remember a figure and print it at once; False when its bound is missed."""
    ROWS.append(Row(what, measured, bound, ok, detail))
    print(f"{what:24} {measured:>8}  {bound:8} {WORDS[ok]:7} {detail}".rstrip(), flush=True)
    return ok is not False


def part(name: str, measure: Callable[[], object]) -> None:
    """Run one part; what breaks is a missed row, and the other parts still run."""
    print(f"--- {name}", flush=True)
    try:
        measure()
    except Exception as error:
        traceback.print_exc()
        row(name, "-", "to run", False, f"{type(error).__name__}: {error}"[:200])


def show() -> int:
    """Print the table; the exit code: 1 when a bound was missed."""
    missed = [one for one in ROWS if one.ok is False]
    lines = [("what", "measured", "bound", "ok", "detail")]
    lines += [(r.what, r.measured, r.bound, WORDS[r.ok], r.detail) for r in ROWS]
    widths = [max(_width(line[n]) for line in lines) for n in range(4)]
    print()
    for n, line in enumerate(lines):
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(line[:4], widths, strict=True)]
        print("  ".join([*cells, line[4]]).rstrip())
        if n == 0:
            print("  ".join("-" * width for width in widths))
    print(f"\n{len(ROWS)} figures, {len(missed)} missed" + "".join(f"\n  {one.what}" for one in missed), flush=True)
    return 1 if missed else 0


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def load_before() -> float:
    """How many processes wanted each processor in the last minute; ask before the bench makes load of its own."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
