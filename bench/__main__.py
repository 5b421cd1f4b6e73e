"""`make bench`: everything that has a level, each measured beside a limit in the same run; ends with one table.

Pages of the shop against a bare page of the same size, rounds interleaved, under the same server: CPU(bare) ÷ CPU(ours)
≥ 0.35 for a page that is made anew (RESPONSE_CACHE_BYTES=0), ≥ 2 for one that is kept. The bounds bind the list and the
model page; the others are reported (docs/decisions.md says why). Memory ≤ 1.2 × a process
with the same imports. Then `notices`, `bookings`, `coupons`, `redemptions`, `ledger`, `nearest` and `lighthouse`, which
also run alone. About ten minutes on a quiet machine. Exit 1 when a bound is missed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import bookings, coupons, ledger, lighthouse, load, nearest, notices, redemptions, report
from bench.server import Server, free_port

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "home": "/",
    "list page": "/series",
    "series page": "/series/yx-s5",
    "deals": "/deals",
    "deal page": "/deals/yx-deal-s5-605",
    "compare": "/compare?trims=yx-s5-26-520,yx-e7-26-610",
    "dealers": "/dealers",
}
BOUND_MADE = {"list page", "series page"}
BOUND_KEPT = {"list page", "series page"}
ROUNDS, REQUESTS, CLIENTS = 5, int(os.environ.get("BENCH_REQUESTS", "240")), 8
MADE_LIMIT, KEPT_LIMIT, MEMORY_LIMIT = 0.35, 2.0, 1.2


def demo_environment(folder: Path) -> dict[str, str]:
    """A shop of its own with the demo data; its pictures are made once and found again by the next run."""
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "MEDIA_PATH": str(ROOT / ".pytest_cache" / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "METRICS_PATH": str(folder / "metrics"),
        "SECRET_KEY": "bench-only-" + "0" * 32,
    }
    flask = [str(Path(sys.executable).parent / "flask"), "--app", "wsgi"]
    demo = str(ROOT / "demo")
    for command in (
        ["db", "upgrade"],
        ["import-workbook", f"{demo}/yunxiu.xlsx", "--pictures", f"{demo}/pictures", "--move-dates-to", "today"],
        ["import-topics", f"{demo}/topics.json"],
    ):
        done = subprocess.run(
            flask + command, env={**os.environ, **environment}, cwd=ROOT, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"flask {command[0]}: {(done.stderr or done.stdout)[-400:]}")
    return environment


def compare(name: str, path: str, shop: Server, least: float | None) -> None:
    """Interleave rounds of ours and of the bare page; `least` is the bound of the ratio, None reports it."""
    size = load.run(shop.port, path, requests=80, clients=4).body_bytes
    costs: dict[Server, list[float]] = {}
    p99: list[float] = []
    with Server("bench.bare:app", {"BARE_BYTES": str(size)}) as limit:
        load.run(limit.port, "/", requests=80, clients=4)
        for _ in range(ROUNDS):
            for server, target in ((limit, "/"), (shop, path)):
                before = server.cpu_seconds()
                result = load.run(server.port, target, requests=REQUESTS, clients=CLIENTS)
                if result.failed:
                    raise RuntimeError(f"{result.failed} answers were not 200")
                costs.setdefault(server, []).append((server.cpu_seconds() - before) / result.requests * 1000)
            p99.append(result.p99_ms)
    middle = statistics.median
    ours, bare = middle(costs[shop]), middle(costs[limit])
    detail = f"CPU ms {ours:.2f} of {bare:.2f}, {size:,} B, p99 {middle(p99):.0f} ms"
    bound = f"≥ {least}" if least is not None else "-"
    report.row(name, f"{bare / ours:.2f}", bound, None if least is None else bare / ours >= least, detail)


def pages(environment: dict[str, str]) -> None:
    with Server("wsgi:app", {**environment, "RESPONSE_CACHE_BYTES": "0"}) as shop:
        for name, path in PAGES.items():
            least = MADE_LIMIT if name in BOUND_MADE else None
            report.part(f"{name}, made", lambda n=name, p=path, b=least: compare(f"{n}, made", p, shop, b))
    with Server("wsgi:app", environment) as shop:
        for name, path in PAGES.items():
            least = KEPT_LIMIT if name in BOUND_KEPT else None
            report.part(f"{name}, kept", lambda n=name, p=path, b=least: compare(f"{n}, kept", p, shop, b))
        report.part("memory", lambda: memory(environment, shop.resident_mb()))


def memory(environment: dict[str, str], ours: float) -> None:
    """The larger worker after all pages, against one that has only imported the same."""
    sizes: list[float] = []
    for given in ({**environment, "BARE_IMPORTS": "1"}, {}):
        with Server("bench.bare:app", given) as limit:
            load.run(limit.port, "/", requests=400, clients=8)
            sizes.append(limit.resident_mb())
    detail = f"worker {ours:.0f} MB, same imports {sizes[0]:.0f} MB, bare {sizes[1]:.0f} MB"
    report.row("memory", f"{ours / sizes[0]:.2f}", f"≤ {MEMORY_LIMIT}", ours / sizes[0] <= MEMORY_LIMIT, detail)


def start() -> None:
    """How long `make run` takes when everything is there already: to the first answer and back down."""
    environment = {**os.environ, "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    command = [sys.executable, "scripts/run.py", "--check"]
    seconds = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout)[-200:])
        seconds = time.perf_counter() - begun
    report.row("make run, second start", f"{seconds:.1f} s", "-", None)


def main() -> int:
    busy = report.load_before()
    begun = time.perf_counter()
    if busy > lighthouse.BUSY:
        print(f"This machine is busy (load {busy:.1f} for each processor before the bench): figures will swing.")
    with tempfile.TemporaryDirectory(prefix="zhanting-bench-") as folder:
        environment = demo_environment(Path(folder))
        report.part("pages", lambda: pages(environment))
        with Server("wsgi:app", environment) as shop:
            report.part("lighthouse", lambda: lighthouse.measure(shop.port, busy))
    report.part("notices", notices.measure)
    report.part("bookings", bookings.measure)
    report.part("redemptions", redemptions.measure)
    report.part("coupons", coupons.measure)
    report.part("ledger", ledger.measure)
    report.part("nearest", nearest.measure)
    report.part("make run", start)
    print(f"\n{(time.perf_counter() - begun) / 60:.0f} minutes")
    return report.show()


if __name__ == "__main__":
    sys.exit(main())
