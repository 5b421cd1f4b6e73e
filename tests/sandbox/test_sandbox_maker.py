"""The maker's lead system: keeps a signed event once, refuses a forged, stale or renamed one, and can be down."""

import json
import time

import requests

from app.gateways.leadsystem.client import EVENT, SIGNATURE, TIMESTAMP, LeadWebhook, sign


def test_events_are_kept_once_and_forgeries_refused(sandbox) -> None:
    url, secret = sandbox.env["LEADS_WEBHOOK_URL"], sandbox.env["LEADS_WEBHOOK_SECRET"]
    body = json.dumps({"event": "lead.created", "event_id": "L1-1"}).encode()

    def post(stamp: float, given: bytes, key: str = secret, name: str = "L1-1") -> int:
        heads = {EVENT: name, TIMESTAMP: str(int(stamp)), SIGNATURE: sign(key, str(int(stamp)), body)}
        return requests.post(url, data=given, headers=heads, timeout=5).status_code

    now = time.time()
    assert post(now, body, "x" * 32) == 401
    assert post(now, body.replace(b"created", b"erased.")) == 401
    assert post(now - 3600, body) == 401
    assert post(now, body, name="L1-2") == 401
    requests.post(f"{sandbox.url}/sim/maker/down", json={"times": 1}, timeout=5)
    assert post(now, body) == 503
    system = LeadWebhook(url, secret)
    system.tell("L1-1", body)
    system.tell("L1-1", body)
    kept = requests.get(f"{sandbox.url}/sim/maker/leads", timeout=5).json()["events"]
    assert [(event["event_id"], event["deliveries"]) for event in kept] == [("L1-1", 2)]
