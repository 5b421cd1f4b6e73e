"""`make bench`: pages of the shop against a bare page of the same size, rounds interleaved, under the same server.

Limits: CPU(bare) ÷ CPU(ours) ≥ 0.35 for a page that is made anew (RESPONSE_CACHE_BYTES=0), ≥ 2 for one that is kept;
memory ≤ 1.2 × a process with the same imports; Lighthouse as in `lighthouse`. Exit 1 when one is missed.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import lighthouse, load, notices
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
NOT_KEPT = {"dealers"}
ROUNDS, REQUESTS, CLIENTS = 5, int(os.environ.get("BENCH_REQUESTS", "600")), 8
MADE_LIMIT, KEPT_LIMIT, MEMORY_LIMIT = 0.35, 2.0, 1.2


def demo_environment(folder: Path) -> dict[str, str]:
    """A shop of its own with the demo data."""
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "MEDIA_PATH": str(folder / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "SECRET_KEY": "bench-only-" + "0" * 32,
    }
    flask = [str(Path(sys.executable).parent / "flask"), "--app", "wsgi"]
    demo = str(ROOT / "demo")
    for command in (
        ["db", "upgrade"],
        ["import-workbook", f"{demo}/yunxiu.xlsx", "--pictures", f"{demo}/pictures", "--move-dates-to", "today"],
    ):
        subprocess.run(flask + command, env={**os.environ, **environment}, cwd=ROOT, check=True, capture_output=True)
    return environment


def compare(name: str, path: str, shop: Server, least: float) -> bool:
    """Interleave rounds of ours and of the bare page; print the row; say whether the limit is kept."""
    size = load.run(shop.port, path, requests=80, clients=4).body_bytes
    ours: list[float] = []
    bare: list[float] = []
    rates: list[float] = []
    p99: list[float] = []
    with Server("bench.bare:app", {"BARE_BYTES": str(size)}) as limit:
        load.run(limit.port, "/", requests=80, clients=4)
        bare_rates: list[float] = []
        for _ in range(ROUNDS):
            for server, target, costs in ((limit, "/", bare), (shop, path, ours)):
                before = server.cpu_seconds()
                result = load.run(server.port, target, requests=REQUESTS, clients=CLIENTS)
                costs.append((server.cpu_seconds() - before) / result.requests * 1000)
                if result.failed:
                    print(f"{name}: {result.failed} answers were not 200")
                    return False
                if server is shop:
                    rates.append(result.requests / result.seconds)
                    p99.append(result.p99_ms)
                else:
                    bare_rates.append(result.requests / result.seconds)
    middle = statistics.median
    ratio = middle(bare) / middle(ours)
    print(f"{name:18} {size:7,} B   CPU ms/request ours {middle(ours):5.2f} bare {middle(bare):5.2f}   ", end="")
    print(f"ratio {ratio:4.2f} (limit {least})   req/s {middle(rates):5.0f} of {middle(bare_rates):5.0f}   ", end="")
    print(f"p99 {middle(p99):4.0f} ms", flush=True)
    return ratio >= least


def main() -> int:
    kept = []
    with tempfile.TemporaryDirectory(prefix="zhanting-bench-") as folder:
        environment = demo_environment(Path(folder))
        with Server("wsgi:app", {**environment, "RESPONSE_CACHE_BYTES": "0"}) as shop:
            kept += [compare(name, path, shop, MADE_LIMIT) for name, path in PAGES.items()]
        with Server("wsgi:app", environment) as shop:
            kept += [
                compare(f"{name}, kept", path, shop, KEPT_LIMIT) for name, path in PAGES.items() if name not in NOT_KEPT
            ]
            ours_mb = shop.resident_mb()
            kept.append(lighthouse.measure(shop.port))
        with Server("bench.bare:app", {**environment, "BARE_IMPORTS": "1"}) as limit:
            load.run(limit.port, "/", requests=400, clients=8)
            same_mb = limit.resident_mb()
        with Server("bench.bare:app", {}) as limit:
            load.run(limit.port, "/", requests=400, clients=8)
            bare_mb = limit.resident_mb()
    print(
        f"memory       worker {ours_mb:.0f} MB, same imports {same_mb:.0f} MB, bare {bare_mb:.0f} MB   "
        f"ratio {ours_mb / same_mb:.2f} (limit {MEMORY_LIMIT}); to bare {ours_mb / bare_mb:.2f}"
    )
    kept.append(ours_mb / same_mb <= MEMORY_LIMIT)
    kept.append(notices.main() == 0)
    start()
    return 0 if all(kept) else 1


def start() -> None:
    """How long `make run` takes when everything is there already."""
    environment = {**os.environ, "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    command = [sys.executable, "scripts/run.py", "--check"]
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        begun = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        print(f"make run     second start {time.perf_counter() - begun:.1f} s, to the first answer and back down")
        return
    print("make run     did not start; run it by hand to see why")


if __name__ == "__main__":
    sys.exit(main())
