"""`python -m bench.bookings`: a crowd books, comes too late, and watches the countdown; on SQLite and on PostgreSQL.

A booking is the whole request: session cookie, CSRF token, form, consents, audit, one durable commit. Making the order
at WeChat Pay is the cashier's request, not this one. The limit is `bare_booking` under the same server in the same run,
rounds interleaved, 32 and 64 connections in turn, two workers.

Levels: bookings a second ÷ those of the bare view ≥ 0.2 (aim 0.3); people who come too late are answered ≥ 4 times as
fast as bookings are made; a crowd at the countdown costs the database at most a few statements a second, and sees stock
no older than 2 s. Exit 1 when one is missed.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from bench import databases, load, report
from bench.server import Server

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
BOOKINGS, LATE, READERS = 384, 1536, 5000
CROWDS = (32, 64)
LEAST, AIM, LATE_LEAST, STOCK_SECONDS = 0.2, 0.3, 4.0, 2.0
CALM = 4  # as app.core.caching has it
REPORTED = 11  # seconds after which also an idle process of PostgreSQL has reported its transactions
BUSY, OVER, SOON = "busy", "over", "soon"


def environment(folder: Path, shop: str, bare: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": shop,
        "BARE_BOOKINGS": bare,
        "MEDIA_PATH": str(folder / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "SECRET_KEY": "bench-only-" + "0" * 32,
        "TRUSTED_PROXIES": "1",  # as in production, where unpaid holds are counted for each address
    }


def seed(people: int) -> None:
    """Runs with the shop's environment: a shop with three deals, and signed-in people; prints what each would post."""
    from flask_migrate import upgrade
    from sqlalchemy import insert

    from app.booking.models import OnePriceDeal
    from app.booking.rules import terms_of
    from app.catalog.models import Brand, Series, Trim
    from app.core.db import db, transaction
    from app.dealers.models import Dealer
    from app.factory import create_app
    from app.members.models import Member

    now, app = datetime.now(UTC), create_app()
    with app.app_context():
        upgrade()
        with transaction() as session:

            def add(row):
                session.add(row)
                session.flush()
                return row

            brand = add(Brand(slug="b", name="样例"))
            series = add(
                Series(
                    slug="s", brand_id=brand.id, name="样例", body_class="中型SUV", energy="纯电", status="在售",
                    updated_at=now,
                )
            )  # fmt: skip
            trim = add(
                Trim(slug="t", series_id=series.id, model_year="2026款", name="版", msrp_fen=10**7, status="在售")
            )
            stores = [
                add(
                    Dealer(
                        slug=f"d{n}", name=f"样例{n}店", province="浙江省", city="杭州市", address="样例路 1 号",
                        lat=30.2, lng=120.1, phone="057188880000", status="营业", updated_at=now,
                    )
                )
                for n in range(20)
            ]  # fmt: skip
            day = timedelta(days=1)
            for slug, total, left, starts in ((BUSY, 10**6, 10**6, -day), (OVER, 100, 0, -day), (SOON, 100, 100, day)):
                deal = add(
                    OnePriceDeal(
                        slug=slug, trim_id=trim.id, title="样例", price_fen=8 * 10**6, earnest_kind="订金",
                        earnest_fen=10**5, units_total=total, units_left=left, per_person=1,
                        starts_at=now + starts, ends_at=now + 2 * day,
                    )
                )  # fmt: skip
            session.execute(
                insert(Member),
                [
                    {
                        "id": n, "name": "周样例", "phone": f"139{n:08d}", "phone_verified_at": now, "created_at": now,
                        "last_login_at": now, "session_version": 1,
                    }
                    for n in range(1, people + 1)
                ],
            )  # fmt: skip
            store_ids, version = [store.id for store in stores], terms_of(deal).version
        db.session.remove()
    for n in range(1, people + 1):
        cookie, token = _signed_in(app, n, now)
        form = {
            "csrf_token": token, "dealer": store_ids[n % len(store_ids)], "name": "周样例", "phone": f"139{n:08d}",
            "terms": "y", "share": "y", "idempotency_key": f"bench-form-{n:08d}", "seen_price_fen": 8 * 10**6,
            "terms_version": version, "city": "杭州市",
        }  # fmt: skip
        print(json.dumps([cookie, urlencode(form)]))


def _signed_in(app, member_id: int, now: datetime) -> tuple[str, str]:
    """A session cookie as a login leaves it, and the CSRF token of a form opened under it."""
    from flask import session
    from flask_wtf.csrf import generate_csrf

    with app.test_request_context():
        session.permanent = True
        session.update(device="d" * 32, sid=f"{member_id:032d}", seen=int(now.timestamp()), _fresh=True)
        session["_user_id"] = f"m:{member_id}:1"
        token = generate_csrf()
        return app.session_interface.get_signing_serializer(app).dumps(dict(session)), token


def ours(slug: str, cookie: str, form: str) -> bytes:
    form = form.replace("bench-form", f"form-{slug}")  # another deal is another form
    from_where = f"X-Forwarded-For: 10.{zlib.crc32(cookie.encode()) % 256}.{len(form) % 256}.{ord(cookie[-1])}"
    return load.post(f"/deals/{slug}/bookings", form.encode(), f"Cookie: zt={cookie}", from_where)


def one_by_one(name: str, folder: Path, shop_url: str, bare_url: str) -> None:
    """Everything on one database."""
    around = environment(folder, shop_url, bare_url)
    people = (ROUNDS + 1) * BOOKINGS
    command = [sys.executable, "-m", "bench.bookings", "seed", str(people)]
    made = subprocess.run(command, env=around, cwd=ROOT, check=True, capture_output=True, text=True)
    forms = [json.loads(line) for line in made.stdout.splitlines()]
    tables = [sys.executable, "-c", "from bench.bare_booking import make_tables; make_tables()"]
    subprocess.run(tables, env=around, cwd=ROOT, check=True)
    with Server("wsgi:app", around) as shop, Server("bench.bare_booking:app", around) as limit:
        crowd(name, shop, limit, forms)
        readers(name, shop, shop_url)


def crowd(name: str, shop: Server, limit: Server, forms: list[list[str]]) -> None:
    """Bookings against the bare view, and the answers to people who come too late."""
    found: dict[str, list[load.Sent]] = {"bare": [], "booked": [], "late": []}
    costs: dict[str, list[float]] = {kind: [] for kind in found}
    for number in range(ROUNDS + 1):
        mine = forms[number * BOOKINGS : (number + 1) * BOOKINGS]
        late = [ours(OVER, *mine[n % BOOKINGS]) for n in range(LATE)]
        bare = [load.post("/bookings", f"member={number}-{n}".encode()) for n in range(BOOKINGS)]
        for kind, server, requests, status in (
            ("bare", limit, bare, 201),
            ("booked", shop, [ours(BUSY, *one) for one in mine], 303),
            ("late", shop, late, 422),
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
    ratio, faster = rate["booked"] / rate["bare"], rate["late"] / rate["booked"]
    report.row(
        f"bookings, {name}",
        f"{ratio:.2f}",
        f"≥ {LEAST}",
        ratio >= LEAST,
        f"aim {AIM}; {rate['booked']:.0f} req/s of {rate['bare']:.0f}, p99 {p99['booked']:.0f} ms of "
        f"{p99['bare']:.0f}, CPU ms {middle(costs['booked']):.2f} of {middle(costs['bare']):.2f}",
    )
    report.row(
        f"too late, {name}",
        f"{faster:.1f} x",
        f"≥ {LATE_LEAST}",
        faster >= LATE_LEAST,
        f"as fast as a booking; {rate['late']:.0f} req/s, p99 {p99['late']:.0f} ms, CPU ms {middle(costs['late']):.2f}",
    )


def readers(name: str, shop: Server, url: str) -> None:
    """A crowd at the countdown: what it costs the database, and how old the stock is that it sees."""
    load.send(shop.port, [load.get(f"/deals/{SOON}")] * 64, clients=32)
    before = transactions(url)
    sent = load.send(
        shop.port, [load.get(f"/deals/{SOON}"), load.get(f"/deals/{SOON}/stock")] * (READERS // 2), clients=64
    )
    if set(sent.statuses) != {200}:
        raise RuntimeError(f"{name}, readers: {sent.statuses}")
    asked = None if before is None else (transactions(url) or 0) - before
    # Two workers, two addresses, each looked up a few times a second however many read; four transactions at most.
    allowed = 2 * 2 * (CALM + 1) * (sent.seconds + 1) * 4
    report.row(
        f"countdown, {name}",
        "-" if asked is None else str(asked),
        "-" if asked is None else f"≤ {allowed:.0f}",
        None if asked is None else asked <= allowed,
        f"transactions for {READERS} readers; {sent.rate:.0f} req/s, p99 {sent.p99_ms:.0f} ms",
    )


def transactions(url: str) -> int | None:
    """How many the database has seen so far; SQLite does not count."""
    if not url.startswith("postgresql"):
        return None
    import psycopg

    time.sleep(REPORTED)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        row = connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row
    return int(row[0])


def measure(*chosen: str) -> None:
    """On the databases named (sqlite, postgresql), or on both."""
    databases.measure("bookings", one_by_one, *chosen)


def main() -> int:
    measure(*sys.argv[1:])
    return report.show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(int(sys.argv[2]))
    else:
        sys.exit(main())
