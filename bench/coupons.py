"""`python -m bench.coupons`: a crowd claims coupons, and comes when they are gone; on SQLite and on PostgreSQL.

A claim is the whole request: session cookie, CSRF token, form, the campaign's guarded UPDATE, the person's place, the
coupon with its terms, a row of the ledger, one durable commit. The limit is `bare_booking` (one conditional UPDATE, one
INSERT) under the same server in the same run, rounds interleaved, 32 and 64 connections in turn, two workers.

Level: claims a second ÷ those of the bare view ≥ 0.3. Exit 1 when it is missed.
"""

import json
import statistics
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from bench import databases, load, report
from bench.bookings import CROWDS, ROOT, ROUNDS, _signed_in, environment
from bench.server import Server

CLAIMS, LATE = 512, 512
LEAST = 0.3
BUSY, OVER = "busy", "over"


def seed(people: int) -> None:
    """Runs with the shop's environment: two campaigns and signed-in people; prints what each would post."""
    from flask_migrate import upgrade
    from sqlalchemy import insert

    from app.core.db import db, transaction
    from app.coupons.models import CouponCampaign
    from app.factory import create_app
    from app.members.models import Member

    now, app = datetime.now(UTC), create_app()
    day = timedelta(days=1)
    with app.app_context():
        upgrade()
        with transaction() as session:
            for slug, total, claimed in ((BUSY, 10**6, 0), (OVER, 100, 100)):
                session.add(
                    CouponCampaign(
                        slug=slug, title="样例", kind="代金券", face_fen=10**5, total=total, claimed=claimed,
                        way="直接领取", claim_from=now - day, claim_until=now + 9 * day,
                        valid_days=30, published_at=now,
                    )
                )  # fmt: skip
            session.execute(
                insert(Member),
                [
                    {
                        "id": n, "name": "周样例", "created_at": now, "last_login_at": now, "session_version": 1,
                        "nickname": "",
                    }
                    for n in range(1, people + 1)
                ],
            )  # fmt: skip
        db.session.remove()
    for n in range(1, people + 1):
        cookie, token = _signed_in(app, n, now)
        print(json.dumps([cookie, urlencode({"csrf_token": token, "key": f"bench-form-{n:08d}", "p": ""})]))


def ours(slug: str, cookie: str, form: str) -> bytes:
    return load.post(f"/coupons/{slug}/claims", form.encode(), f"Cookie: zt={cookie}")


def one_by_one(name: str, folder: Path, shop_url: str, bare_url: str) -> None:
    """Everything on one database."""
    around = environment(folder, shop_url, bare_url)
    command = [sys.executable, "-m", "bench.coupons", "seed", str((ROUNDS + 1) * CLAIMS)]
    made = subprocess.run(command, env=around, cwd=ROOT, check=True, capture_output=True, text=True)
    forms = [json.loads(line) for line in made.stdout.splitlines()]
    tables = [sys.executable, "-c", "from bench.bare_booking import make_tables; make_tables()"]
    subprocess.run(tables, env=around, cwd=ROOT, check=True)
    with Server("wsgi:app", around) as shop, Server("bench.bare_booking:app", around) as limit:
        crowd(name, shop, limit, forms)


def crowd(name: str, shop: Server, limit: Server, forms: list[list[str]]) -> None:
    """Claims against the bare view, and the answers to people who come when all are gone."""
    found: dict[str, list[load.Sent]] = {"bare": [], "claimed": [], "late": []}
    costs: dict[str, list[float]] = {kind: [] for kind in found}
    for number in range(ROUNDS + 1):
        mine = forms[number * CLAIMS : (number + 1) * CLAIMS]
        bare = [load.post("/bookings", f"member={number}-{n}".encode()) for n in range(CLAIMS)]
        for kind, server, requests, status in (
            ("bare", limit, bare, 201),
            ("claimed", shop, [ours(BUSY, *one) for one in mine], 303),
            ("late", shop, [ours(OVER, *mine[n % CLAIMS]) for n in range(LATE)], 422),
        ):
            before = server.cpu_seconds()
            sent = load.send(server.port, requests, clients=CROWDS[number % 2])
            if set(sent.statuses) != {status}:
                raise RuntimeError(f"{name}, {kind}: {sent.statuses}")
            if number:  # the first warms up
                found[kind].append(sent)
                costs[kind].append((server.cpu_seconds() - before) / len(requests) * 1000)
    middle = statistics.median
    rate = {kind: middle([sent.rate for sent in rounds]) for kind, rounds in found.items()}
    p99 = {kind: middle([sent.p99_ms for sent in rounds]) for kind, rounds in found.items()}
    ratio = rate["claimed"] / rate["bare"]
    report.row(
        f"claims, {name}",
        f"{ratio:.2f}",
        f"≥ {LEAST}",
        ratio >= LEAST,
        f"{rate['claimed']:.0f} req/s of {rate['bare']:.0f}, p99 {p99['claimed']:.0f} ms of {p99['bare']:.0f}, "
        f"CPU ms {middle(costs['claimed']):.2f} of {middle(costs['bare']):.2f}",
    )
    report.row(
        f"all claimed, {name}",
        f"{rate['late'] / rate['claimed']:.1f} x",
        "-",
        None,
        f"as fast as a claim; {rate['late']:.0f} req/s, p99 {p99['late']:.0f} ms",
    )


def measure(*chosen: str) -> None:
    """On the databases named (sqlite, postgresql), or on both."""
    databases.measure("claims", one_by_one, *chosen)


def main() -> int:
    measure(*sys.argv[1:])
    return report.show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(int(sys.argv[2]))
    else:
        sys.exit(main())
