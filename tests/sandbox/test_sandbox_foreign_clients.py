"""Clients that are not ours, in another language: npm packages, unmodified but for their base URL."""

import re
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.server import RunningSandbox
from sandbox.world import CHINA
from tests.npm import install, node
from tests.sandbox.conftest import WAIT_S, ListeningShop
from tests.sandbox.test_sandbox_messages import TEMPLATE, people, sim

NUMBER = "FOREIGN0000001"


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the pinned packages."""
    return install(Path(__file__).parent / "npm", "npm")


def test_a_node_client_orders_queries_refunds_and_reads_the_notice(
    installed: Path, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    given = {"env": sandbox.env, "number": NUMBER, "openid": openid, "notifyUrl": shop.url + "/notices"}
    assert node(installed, "pay.mjs", step="order", **given)["prepay"].startswith("wx")
    assert node(installed, "pay.mjs", step="query", **given)["state"] == "NOTPAY"
    requests.post(f"{sandbox.url}/sim/orders/{NUMBER}/pay", timeout=WAIT_S)
    assert node(installed, "pay.mjs", step="query", **given) == {"state": "SUCCESS", "total": 50000}
    assert node(installed, "pay.mjs", step="unknown", **given) == {"code": "ORDER_NOT_EXIST"}
    notice = shop.wait_for(1)[0]
    read = node(
        installed, "pay.mjs", step="notice", notice={"headers": notice.headers, "body": notice.body.decode()}, **given
    )
    assert (read["genuine"], read["forged"]) == (True, False)
    assert (read["out_trade_no"], read["amount"]["total"], read["trade_state"]) == (NUMBER, 50000, "SUCCESS")
    assert node(installed, "pay.mjs", step="refund", **given) == {"status": "PROCESSING", "refund": 20000}


def test_a_node_client_closes_an_order_and_trusts_no_other_key(
    installed: Path, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    other = generate_private_key(65537, 2048).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    given = {"env": sandbox.env, "number": NUMBER, "openid": openid, "notifyUrl": shop.url + "/notices"}
    node(installed, "pay.mjs", step="order", **given)
    assert "Verify the response" in node(installed, "pay.mjs", step="distrust", otherKey=pem, **given)["message"]
    assert node(installed, "pay.mjs", step="close", **given) == {"status": 204}
    assert node(installed, "pay.mjs", step="query", **given)["state"] == "CLOSED"


def test_a_node_client_downloads_a_bill_that_matches_its_digest(
    installed: Path, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    given = {"env": sandbox.env, "number": NUMBER, "openid": openid, "notifyUrl": shop.url + "/notices"}
    node(installed, "pay.mjs", step="order", **given)
    two_days = 2 * 86400
    # Paid the day before yesterday, so that the bill is made whatever the hour.
    sim(sandbox, "/clock", offset=-two_days)
    paid_on = datetime.fromtimestamp(sandbox.world.now(), CHINA).date().isoformat()
    requests.post(f"{sandbox.url}/sim/orders/{NUMBER}/pay", json={"notify": "none"}, timeout=WAIT_S)
    sim(sandbox, "/clock", offset=0)
    bill = node(installed, "pay.mjs", step="bill", date=paid_on, **given)
    assert bill["matches"] is True
    assert f"`{NUMBER}" in bill["text"]
    assert "`500.00" in bill["text"]


def test_a_node_client_gets_tokens_codes_and_sends_messages(installed: Path, sandbox: RunningSandbox) -> None:
    stranger, follower = people(sandbox)[:2]
    answer = node(
        installed,
        "account.mjs",
        step="account",
        env=sandbox.env,
        stranger=stranger,
        follower=follower,
        template=TEMPLATE,
    )
    assert (answer["token"], answer["ticket"], answer["seconds"]) == (136, 86, 1800)
    assert (answer["stranger"], answer["subscribed"]) == (43004, 1)
    assert answer["msgid"]


def test_a_node_library_opens_our_encrypted_push(installed: Path, sandbox: RunningSandbox, shop: ListeningShop) -> None:
    shop.statuses[:] = [200]
    sim(sandbox, "/push", url=shop.url + "/wechat/events", mode="safe")
    who = people(sandbox)[1]
    sim(sandbox, f"/people/{who}/say", text="在吗")
    pushed = shop.wait_for(1)[0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(pushed.path).query).items()}
    found = re.search(r"<Encrypt><!\[CDATA\[(.+?)]]>", pushed.body.decode())
    assert found is not None
    opened = node(installed, "account.mjs", step="push", env=sandbox.env, query=query, sealed=found[1])
    assert opened["genuine"] is True
    assert opened["id"] == sandbox.env["WECHAT_APP_ID"]
    assert "<Content><![CDATA[在吗]]></Content>" in opened["message"]


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (Path(__file__).parent / "npm" / "package-lock.json").read_text("utf-8")
