"""A process that dies at a chosen line: the n-th line of our own code raises what nothing catches."""

import contextvars
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from app.core import writing

ROOT = str(Path(__file__).resolve().parents[2] / "app")
ROOMS = tuple(f"{ROOT}/{name}" for name in ("payments", "booking", "core/db.py", "core/outbox.py", "reconciliation"))


class Killed(BaseException):
    """The process is gone. No `except Exception` may notice."""


def run_until_line(number: int, work: Callable[[], Any]) -> bool:
    """Run the work and die at its n-th line; False when it was over before.

    What a process holds in its memory dies with it: the transaction it had open, its turn to write.
    """
    seen = 0

    def on_line(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal seen
        if event == "line":
            seen += 1
            if seen == number:
                sys.settrace(None)
                raise Killed
        return on_line

    def on_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return on_line if seen < number and frame.f_code.co_filename.startswith(ROOMS) else None

    before = sys.gettrace()
    sys.settrace(on_call)
    killed = False
    try:
        contextvars.copy_context().run(work)
    except Killed:
        killed = True
    finally:
        sys.settrace(before)
    if killed:  # outside the handler, which still held every frame that died
        writing._turns.clear()  # pyright: ignore[reportPrivateUsage]
        gc.collect()
    return killed
