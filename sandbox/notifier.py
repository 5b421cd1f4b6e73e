"""Notices: signed, encrypted, repeated on WeChat's schedule, and faulty on request."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests

from sandbox import constants, refunds
from sandbox.signing import sealed, signed_headers
from sandbox.world import rfc3339

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
OTHER_MCHID = "1900000999"
DELAY_S = 30
REORDER_S = 8  # whatever happens in the next seconds is told before
PAST_CLOSE_S = 3600  # long after any order's time_expire
IDLE_S = 2.0
PROBE = "WECHATPAY/SIGNTEST/"


class Notifier:
    """Sends what is due from a background thread; rows in the store survive a restart."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-notifier", daemon=True)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="sandbox-notice")
        self._http = requests.Session()
        self._http.trust_env = False

    @property
    def world(self) -> "World":
        """The sandbox this notifier works for."""
        assert self._world is not None
        return self._world

    def attach(self, here: "World") -> None:
        """Belong to a sandbox; what was being sent when the last one died is sent again."""
        self._world = here
        here.store.execute("UPDATE notices SET state = 'pending' WHERE state = 'sending'")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is on its way and end."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(10)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def enqueue(
        self,
        event_type: str,
        *,
        ref: str,
        url: str,
        plaintext: dict[str, Any],
        faults: list[str] | None = None,
        held: bool = False,
    ) -> str:
        """Store one notice; a held one waits until somebody sends it by hand."""
        here = self.world
        with here.store.transaction():
            if faults is None and not held:
                faults = self._planned_faults()
            faults = faults or []
            unknown = set(faults) - set(constants.FAULTS)
            if unknown:
                raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
            text = here.hexes("notice", 32)
            notice_id = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
            lost, late = "drop" in faults and not held, "delay" in faults and not held
            wait = constants.RETRY_INTERVALS_S[0] if lost else DELAY_S if late else 0
            if "reordered" in faults and not held:
                wait = REORDER_S
            if "past_close" in faults and not held:
                wait = PAST_CLOSE_S
            here.store.insert(
                "notices",
                id=notice_id,
                event_type=event_type,
                ref=ref,
                url=url,
                plaintext=json.dumps(plaintext, ensure_ascii=False),
                faults=json.dumps(faults),
                state="held" if held else "pending",
                attempts=int(lost),
                created_at=here.now(),
                next_at=here.now() + wait / here.settings.time_scale,
            )
        self.wake()
        return notice_id

    def send_now(self, notice_id: str) -> dict[str, Any]:
        """Send at once, whatever the state, and say how the shop answered."""
        self.world.store.execute("UPDATE notices SET state = 'sending' WHERE id = ?", notice_id)
        return self._attempt(notice_id)

    def _planned_faults(self) -> list[str]:
        store = self.world.store
        plan: list[list[str]] = store.get_meta("next_notice", [])
        if not plan:
            return []
        store.set_meta("next_notice", plan[1:])
        return plan[0]

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            refunds.settle_due(self.world)
            for notice_id in self._claim_due():
                self._pool.submit(self._guarded_attempt, notice_id)
            self._wake.wait(self._pause())

    def _claim_due(self) -> list[str]:
        store, claimed = self.world.store, list[str]()
        for row in store.rows("SELECT id FROM notices WHERE state = 'pending' AND next_at <= ?", self.world.now()):
            if store.execute("UPDATE notices SET state = 'sending' WHERE id = ? AND state = 'pending'", row["id"]):
                claimed.append(row["id"])
        return claimed

    def _pause(self) -> float:
        row = self.world.store.one(
            "SELECT MIN(at) AS at FROM (SELECT next_at AS at FROM notices WHERE state = 'pending'"
            " UNION ALL SELECT settle_at FROM refunds WHERE status = 'PROCESSING')"
        )
        if row is None or row["at"] is None:
            return IDLE_S
        return min(max(row["at"] - self.world.now(), 0.02), IDLE_S)

    def _guarded_attempt(self, notice_id: str) -> None:
        """A failure inside one attempt is logged; it must not end the sender's thread in silence."""
        try:
            self._attempt(notice_id)
        except Exception as error:
            self.world.store.log("notice", id=notice_id, error=repr(error))
            raise

    def _attempt(self, notice_id: str) -> dict[str, Any]:
        here = self.world
        row = here.store.one("SELECT * FROM notices WHERE id = ?", notice_id)
        if row is None:  # the sandbox was reset meanwhile
            return {"status": None, "answer": "gone"}
        faults: list[str] = json.loads(row["faults"])
        body = self._body(notice_id, row["event_type"], row["created_at"], row["plaintext"], faults)
        if "signtest" in faults and row["attempts"] == 0:
            self._post(notice_id, row["url"], body, [], probe=True)
        status, answer = self._post(notice_id, row["url"], body, faults)
        if status in {200, 204}:
            if "duplicate" in faults:
                self._post(notice_id, row["url"], body, [])
            state, next_at = "done", row["next_at"]
        elif row["attempts"] >= len(constants.RETRY_INTERVALS_S):
            state, next_at = "failed", row["next_at"]
        else:
            wait = constants.RETRY_INTERVALS_S[row["attempts"]] / here.settings.time_scale
            state, next_at = "pending", here.now() + wait
        here.store.execute(
            "UPDATE notices SET state = ?, next_at = ?, attempts = attempts + 1, last_status = ?, last_answer = ?"
            " WHERE id = ?",
            state,
            next_at,
            status,
            answer,
            notice_id,
        )
        self.wake()
        return {"status": status, "answer": answer}

    def _body(self, notice_id: str, event_type: str, created_at: float, plaintext: str, faults: list[str]) -> bytes:
        data = json.loads(plaintext)
        if "wrong_amount" in faults:
            data["amount"] = {**data["amount"], "total": 1, "payer_total": 1}
        if "other_mchid" in faults:
            data["mchid"] = OTHER_MCHID
        kind = "refund" if event_type.startswith("REFUND") else "transaction"
        notice = {
            "id": notice_id,
            "create_time": rfc3339(created_at),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": SUMMARIES[event_type],
            "resource": sealed(self.world, json.dumps(data, ensure_ascii=False), kind),
        }
        return json.dumps(notice, ensure_ascii=False, separators=(",", ":")).encode()

    def _post(
        self, notice_id: str, url: str, body: bytes, faults: list[str], *, probe: bool = False
    ) -> tuple[int | None, str]:
        here = self.world
        moment = int(here.now()) - 3600 if "old_timestamp" in faults else None
        headers = signed_headers(here, body, timestamp=moment)
        signature = headers["Wechatpay-Signature"]
        if "bad_signature" in faults:
            headers["Wechatpay-Signature"] = ("B" if signature[0] == "A" else "A") + signature[1:]
        if "unknown_serial" in faults:
            headers["Wechatpay-Serial"] = "PUB_KEY_ID_SANDBOX_NOBODY_KNOWS"
        if probe:
            headers["Wechatpay-Signature"] = PROBE + signature[len(PROBE) :]
        headers |= {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "Mozilla/4.0"}
        try:
            reply = self._http.post(
                url, data=body, headers=headers, timeout=constants.NOTICE_TIMEOUT_S, allow_redirects=False
            )
            status, answer = reply.status_code, reply.text[:500]
        except requests.RequestException as error:
            status, answer = None, type(error).__name__
        here.store.log("notice", id=notice_id, url=url, faults=faults, probe=probe, status=status, answer=answer)
        return status, answer
