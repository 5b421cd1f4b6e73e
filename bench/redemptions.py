"""`python -m bench.redemptions`: a queue at the counter, preview and confirmation, on SQLite and on PostgreSQL.

Both are whole requests as a phone sends them: session cookie, CSRF token, guard, the scanned code or the ticket of the
preview, the answer that replaces the middle of the page; the confirmation writes coupon, redemption and ledger in one
durable commit. The limit is `bare_redemption` under the same server in the same run, rounds interleaved, 64
connections, two workers; it too looks with one request and confirms with another. A redemption is both requests one
after the other, so seconds for so many previews and as many confirmations are added on either side; the ratio is that
of redemptions a second, and each of the two steps is reported beside it.

Levels: redemptions a second ÷ those of the bare views, and the p99 of the bare views' two requests ÷ that of ours,
each ≥ 0.3. Exit 1 when one is missed.
"""

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from bench import databases, load, report
from bench.server import Server

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
COUPONS, CLIENTS, STAFF, STORES = 384, 64, 64, 8
LEAST = 0.3
SECRET = "bench-only-" + "0" * 32


def environment(folder: Path, shop: str, bare: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": shop,
        "BARE_REDEMPTIONS": bare,
        "MEDIA_PATH": str(folder / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "SECRET_KEY": SECRET,
        "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
    }


def seed(coupons: int) -> None:
    """Runs with the shop's environment: stores, their staff, and coupons in wallets; prints sessions, then coupons."""
    from flask_migrate import upgrade
    from sqlalchemy import insert

    from app.core.db import db, transaction
    from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
    from app.coupons.rules import Terms
    from app.dealers.models import Dealer
    from app.factory import create_app
    from app.members.models import Member
    from app.staff.models import StaffMember
    from bench.bookings import _signed_in

    now, app = datetime.now(UTC), create_app()
    day = timedelta(days=1)
    with app.app_context():
        upgrade()
        with transaction() as session:
            session.execute(
                insert(Dealer),
                [
                    {
                        "id": n, "slug": f"d{n}", "name": f"样例{n}店", "province": "浙江省", "city": "杭州市",
                        "address": "样例路 1 号", "lat": 30.2, "lng": 120.1, "phone": "057188880000", "status": "营业",
                        "updated_at": now,
                    }
                    for n in range(1, STORES + 1)
                ],
            )  # fmt: skip
            session.execute(
                insert(Member),
                [
                    {"id": n, "name": "周样例", "phone": f"139{n:08d}", "phone_verified_at": now, "created_at": now,
                     "last_login_at": now, "session_version": 1}
                    for n in range(1, STAFF + coupons + 1)
                ],
            )  # fmt: skip
            session.execute(
                insert(StaffMember),
                [
                    {"id": n, "dealer_id": n % STORES + 1, "member_id": n, "name": "王样例", "role": "clerk",
                     "joined_at": now}
                    for n in range(1, STAFF + 1)
                ],
            )  # fmt: skip
            campaign = CouponCampaign(
                slug="c", title="到店礼", kind="代金券", face_fen=30_000, total=coupons, claimed=coupons,
                way="直接领取", claim_from=now - day, claim_until=now + day, valid_until=now + 30 * day,
                published_at=now,
            )  # fmt: skip
            session.add(campaign)
            session.flush()
            terms = Terms(kind="代金券", title="到店礼", face_fen=30_000)
            promise = CampaignTerms(campaign_id=campaign.id, digest=terms.digest, rules=terms.as_json(), created_at=now)
            session.add(promise)
            session.flush()
            session.execute(
                insert(Coupon),
                [
                    {
                        "code": _code(n), "campaign_id": campaign.id, "terms_id": promise.id,
                        "member_id": STAFF + 1 + n, "slot": 1, "claimed_on": now.date(),
                        "day_slot": 1, "claim_key": f"k{n}", "claimed_at": now,
                        "way": "直接领取", "valid_from": now - day, "valid_until": now + 30 * day, "state": "issued",
                        "state_at": now,
                    }
                    for n in range(coupons)
                ],
            )  # fmt: skip
        db.session.remove()
    print(json.dumps([_signed_in(app, n, now) for n in range(1, STAFF + 1)]))


def _code(n: int) -> str:
    """A number as coupons have it: no letter that reads like another."""
    letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
    out = ""
    for _ in range(12):
        n, rest = divmod(n, len(letters))
        out += letters[rest]
    return out


Session = tuple[str, str]


def _post(path: str, session: Session, **form: str) -> bytes:
    body = urlencode({"csrf_token": session[1], **form}).encode()
    return load.post(path, body, f"Cookie: zt={session[0]}", "HX-Request: true")


def previews(numbers: list[int], sessions: list[Session]) -> list[bytes]:
    """What scanners of the counter send now; codes live a minute, so they are made right before."""
    from app.core.security import living_code

    now = datetime.now(UTC)
    tokens = [living_code(SECRET, "C", _code(n), now).token for n in numbers]
    return [
        _post("/staff/redemptions/preview", sessions[n % STAFF], code=f"http://127.0.0.1:8000/r/{token}", tail="")
        for n, token in enumerate(tokens)
    ]


def confirmations(numbers: list[int], sessions: list[Session]) -> list[bytes]:
    """The forms of those previews: tickets as the server writes them, a nonce for each."""
    from app.core.security import Actor
    from app.redemption.services.tickets import write_ticket

    now, out = datetime.now(UTC), []
    for place, n in enumerate(numbers):
        clerk = place % STAFF + 1
        actor = Actor("staff", clerk, "clerk", clerk % STORES + 1)
        ticket = write_ticket("C", _code(n), actor, now, SECRET)
        out.append(_post("/staff/redemptions", sessions[place % STAFF], ticket=ticket, nonce=f"nonce-{n}"))
    return out


def one_by_one(name: str, folder: Path, shop_url: str, bare_url: str) -> None:
    """Everything on one database."""
    around = environment(folder, shop_url, bare_url)
    coupons = (ROUNDS + 1) * COUPONS
    command = [sys.executable, "-m", "bench.redemptions", "seed", str(coupons)]
    made = subprocess.run(command, env=around, cwd=ROOT, check=True, capture_output=True, text=True)
    sessions: list[Session] = [(cookie, token) for cookie, token in json.loads(made.stdout.splitlines()[-1])]
    tables = [sys.executable, "-c", f"from bench.bare_redemption import make_tables; make_tables({coupons})"]
    subprocess.run(tables, env=around, cwd=ROOT, check=True)
    with Server("wsgi:app", around) as shop, Server("bench.bare_redemption:app", around) as limit:
        queue(name, shop, limit, sessions)


def queue(name: str, shop: Server, limit: Server, sessions: list[Session]) -> None:
    """Rounds of previews and confirmations, ours and the bare ones in turn."""
    found: dict[str, list[load.Sent]] = {}
    costs: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):
        mine = list(range(number * COUPONS, (number + 1) * COUPONS))
        for kind, server, path in (
            ("bare look", limit, "/preview"),
            ("bare take", limit, "/redemptions"),
            ("look", shop, ""),
            ("take", shop, ""),
        ):
            if path:
                requests = [load.post(path, f"code=C{n}".encode()) for n in mine]
            else:
                requests = (previews if kind == "look" else confirmations)(mine, sessions)
            before = server.cpu_seconds()
            sent = load.send(server.port, requests, clients=CLIENTS)
            if set(sent.statuses) != {200}:
                raise RuntimeError(f"{name}, {kind}: {sent.statuses}")
            if number:  # the first warms up
                found.setdefault(kind, []).append(sent)
                costs.setdefault(kind, []).append((server.cpu_seconds() - before) / COUPONS * 1000)
    tell(name, found, {kind: statistics.median(some) for kind, some in costs.items()})


def tell(name: str, found: dict[str, list[load.Sent]], cpu: dict[str, float]) -> None:
    middle = statistics.median
    rate = {kind: middle([sent.rate for sent in some]) for kind, some in found.items()}
    p99 = {kind: middle([sent.p99_ms for sent in some]) for kind, some in found.items()}

    def pairs(look: str, take: str) -> float:
        return middle([COUPONS / (a.seconds + b.seconds) for a, b in zip(found[look], found[take], strict=True)])

    ours, bare = pairs("look", "take"), pairs("bare look", "bare take")
    detail = f"{ours:.0f} redemptions/s of {bare:.0f}"
    report.row(f"redemptions, {name}", f"{ours / bare:.2f}", f"≥ {LEAST}", ours / bare >= LEAST, detail)
    slowest, bare_slowest = p99["look"] + p99["take"], p99["bare look"] + p99["bare take"]
    quick = bare_slowest / slowest
    detail = f"{slowest:.0f} ms of {bare_slowest:.0f}, preview {p99['look']:.0f}, confirm {p99['take']:.0f}"
    report.row(f"p99 of a redemption, {name}", f"{quick:.2f}", f"≥ {LEAST}", quick >= LEAST, detail)
    for step, kind in (("preview", "look"), ("confirm", "take")):
        report.row(
            f"{step}, {name}",
            f"{rate[kind] / rate['bare ' + kind]:.2f}",
            "-",
            None,
            f"{rate[kind]:.0f} req/s of {rate['bare ' + kind]:.0f}, p99 {p99[kind]:.0f} ms of "
            f"{p99['bare ' + kind]:.0f}, CPU ms {cpu[kind]:.2f} of {cpu['bare ' + kind]:.2f}",
        )


def measure(*chosen: str) -> None:
    """On the databases named (sqlite, postgresql), or on both."""
    databases.measure("redemptions", one_by_one, *chosen)


def main() -> int:
    measure(*sys.argv[1:])
    return report.show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(int(sys.argv[2]))
    else:
        sys.exit(main())
