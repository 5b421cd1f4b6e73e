"""Where a bench of orders runs: SQLite, and PostgreSQL where it is installed, with a database for either side."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import report
from tests import postgres

OneByOne = Callable[[str, Path, str, str], object]


def measure(what: str, one_by_one: OneByOne, *chosen: str) -> None:
    """Run the bench on the databases named (sqlite, postgresql), or on both; `what` names its rows."""
    with tempfile.TemporaryDirectory(prefix="zhanting-bench-") as name, _databases(what, Path(name)) as known:
        for kind, shop, bare in known:
            if not chosen or kind.lower() in chosen:
                report.part(kind, lambda k=kind, s=shop, b=bare: one_by_one(k, Path(name), s, b))


@contextlib.contextmanager
def _databases(what: str, folder: Path) -> Iterator[list[tuple[str, str, str]]]:
    """Name, the shop's address, the bare view's address."""
    import psycopg

    found = [("SQLite", f"sqlite:///{folder / 'shop.db'}", str(folder / "bare.db"))]
    if postgres.find_bin() is None:
        report.row(f"{what}, PostgreSQL", "-", "-", None, "not measured: PostgreSQL is not installed")
        yield found
        return
    with postgres.cluster(durable=True) as server:
        with psycopg.connect(server + "postgres", autocommit=True) as connection:
            for name in ("shop", "bare"):
                connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore
        yield [*found, ("PostgreSQL", server + "shop", server + "bare")]
