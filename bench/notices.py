"""`python -m bench.notices`: signed payment notices through the server, each paying for a held booking, against a bare
view with the same cryptography and one commit. Two workers, SQLite, rounds interleaved.

Level: requests a second of ours ÷ of the bare view ≥ 0.4, the median of rounds in pairs: the machine's own speed
changes between two rounds by more than the level leaves. The CPU of both is printed beside it. Exit 1 when missed.
"""

import base64
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench import report
from bench.server import Server

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, NOTICES, CLIENTS = 15, 120, 8
LIMIT = 0.4
APP_ID, MCH_ID, API_KEY, KEY_ID = "wxbench000000000001", "1900000001", "b" * 32, "PUB_KEY_ID_BENCH"
PATH = "/pay/wechat/notices/payment"
TOTAL = 100_000


@dataclass(frozen=True)
class Round:
    """Requests a second, the 99th percentile and the CPU of one request, both in milliseconds."""

    rate: float
    p99_ms: float
    cpu_ms: float


def prepare(folder: Path, count: int) -> tuple[dict[str, str], RSAPrivateKey, list[str]]:
    """Keys, a migrated database and `count` held bookings that wait for their money: environment, key, numbers."""
    platform, merchant = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    public = platform.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)
    private = merchant.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "merchant.pem").write_bytes(private)
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "MEDIA_PATH": str(folder / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "SECRET_KEY": "bench-only-" + "0" * 32,
        "WECHAT_APP_ID": APP_ID,
        "WECHATPAY_MCH_ID": MCH_ID,
        "WECHATPAY_API_V3_KEY": API_KEY,
        "WECHATPAY_CERT_SERIAL": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        "WECHATPAY_PRIVATE_KEY_PATH": str(folder / "merchant.pem"),
        "WECHATPAY_PUBLIC_KEY_ID": KEY_ID,
        "WECHATPAY_PUBLIC_KEY_PATH": str(folder / "public.pem"),
        "BARE_DATABASE": str(folder / "bare.db"),
    }
    command = [sys.executable, "-m", "bench.notices", "seed", str(count)]
    made = subprocess.run(command, env={**_path(), **environment}, cwd=ROOT, check=True, capture_output=True, text=True)
    return environment, platform, made.stdout.split()


def _path() -> dict[str, str]:
    import os

    return dict(os.environ)


def seed(count: int) -> None:
    """Runs with the shop's environment: prints the numbers of the payments it made."""
    from flask_migrate import upgrade

    from app.booking.models import Booking, OnePriceDeal
    from app.catalog.models import Brand, Series, Trim
    from app.core.db import db, transaction
    from app.dealers.models import Dealer
    from app.factory import create_app
    from app.members.models import Member
    from app.payments.models import Payment

    now = datetime.now(UTC)
    with create_app().app_context():
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
            store = add(
                Dealer(
                    slug="d", name="样例店", province="浙江省", city="杭州市", address="样例路 1 号", lat=30.2,
                    lng=120.1, phone="057188880000", status="营业", updated_at=now,
                )
            )  # fmt: skip
            deal = add(
                OnePriceDeal(
                    slug="x", trim_id=trim.id, title="样例", price_fen=8 * 10**6, earnest_kind="订金",
                    earnest_fen=TOTAL, units_total=count, units_left=0, per_person=1,
                    starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1),
                )
            )  # fmt: skip
            for n in range(count):
                member = add(Member(name="样例", created_at=now, last_login_at=now))
                booking = add(
                    Booking(
                        no=f"B{n:08d}", deal_id=deal.id, member_id=member.id, dealer_id=store.id, slot=1,
                        idempotency_key=f"k{n}", car_name="样例", msrp_fen=10**7, price_fen=8 * 10**6,
                        earnest_kind="订金", earnest_fen=TOTAL, contact_name="样例", contact_phone="13900000000",
                        terms_version="1", terms_hash="0" * 64, state="held", hold_until=now + timedelta(hours=2),
                        created_at=now, state_at=now,
                    )
                )  # fmt: skip
                session.add(
                    Payment(
                        out_trade_no=f"P{n:010d}", payable_kind="booking", payable_id=booking.id, member_id=member.id,
                        app_id=APP_ID, mch_id=MCH_ID, openid="", description="样例", amount_fen=TOTAL,
                        channel="native", state="pending", expires_at=now + timedelta(hours=2), created_at=now,
                    )
                )  # fmt: skip
                print(f"P{n:010d}")
        db.session.remove()


def signed(number: str, key: RSAPrivateKey) -> tuple[bytes, dict[str, str]]:
    """A notice as WeChat Pay sends it, signed just now."""
    moment = datetime.now(UTC)
    plain = {
        "appid": APP_ID, "mchid": MCH_ID, "out_trade_no": number, "transaction_id": f"42000{number}",
        "trade_type": "NATIVE", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS",
        "attach": "", "success_time": moment.isoformat(timespec="seconds"), "payer": {"openid": "o" + "0" * 27},
        "amount": {"total": TOTAL, "payer_total": TOTAL, "currency": "CNY", "payer_currency": "CNY"},
    }  # fmt: skip
    secret = AESGCM(API_KEY.encode()).encrypt(b"abcdefghijkl", json.dumps(plain).encode(), b"transaction")
    notice = {
        "id": str(uuid.uuid4()), "create_time": moment.isoformat(timespec="seconds"),
        "resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS", "summary": "支付成功",
        "resource": {
            "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction",
            "nonce": "abcdefghijkl", "ciphertext": base64.b64encode(secret).decode(),
        },
    }  # fmt: skip
    body = json.dumps(notice, ensure_ascii=False).encode()
    stamp = str(int(moment.timestamp()))
    signature = key.sign(f"{stamp}\nn\n".encode() + body + b"\n", PKCS1v15(), SHA256())
    return body, {
        "Content-Type": "application/json",
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": KEY_ID,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    }


def post_all(server: Server, notices: list[tuple[bytes, dict[str, str]]]) -> Round:
    """Send them from several connections; every answer must be 200."""
    latencies: list[float] = []
    failed: list[int] = []

    def client(mine: list[tuple[bytes, dict[str, str]]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for body, headers in mine:
            begun = time.perf_counter()
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            latencies.append(time.perf_counter() - begun)
            if answer.status != 200:
                failed.append(answer.status)

    before, begun = server.cpu_seconds(), time.perf_counter()
    threads = [threading.Thread(target=client, args=(notices[n::CLIENTS],)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if failed:
        raise RuntimeError(f"{len(failed)} notices were not accepted: {sorted(set(failed))}")
    cpu = (server.cpu_seconds() - before) / len(notices) * 1000
    return Round(len(notices) / seconds, sorted(latencies)[int(len(latencies) * 0.99) - 1] * 1000, cpu)


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="zhanting-bench-") as name:
        environment, key, numbers = prepare(Path(name), (ROUNDS + 1) * NOTICES)
        ours: list[Round] = []
        bare: list[Round] = []
        with Server("wsgi:app", environment) as shop, Server("bench.bare_notice:app", environment) as limit:
            for number in range(ROUNDS + 1):
                mine = numbers[number * NOTICES : (number + 1) * NOTICES]
                for server, found in ((limit, bare), (shop, ours)):
                    found.append(post_all(server, [signed(one, key) for one in mine]))
    rates = [statistics.median([r.rate for r in rounds[1:]]) for rounds in (ours, bare)]
    costs = [statistics.median([r.cpu_ms for r in rounds[1:]]) for rounds in (ours, bare)]
    waits = [statistics.median([r.p99_ms for r in rounds[1:]]) for rounds in (ours, bare)]
    ratio = statistics.median([one.rate / other.rate for one, other in zip(ours[1:], bare[1:], strict=True)])
    detail = (
        f"{rates[0]:.0f} req/s of {rates[1]:.0f}, p99 {waits[0]:.0f} ms of {waits[1]:.0f}, "
        f"CPU ms/notice {costs[0]:.2f} of {costs[1]:.2f}"
    )
    report.row("notices", f"{ratio:.2f}", f"≥ {LIMIT}", ratio >= LIMIT, detail)


def main() -> int:
    measure()
    return report.show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(int(sys.argv[2]))
    else:
        sys.exit(main())
