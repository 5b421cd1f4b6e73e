"""场景码: the same code as WeChat's own kind, for stores that want followers. It never replaces the plain one."""

from datetime import datetime
from typing import Protocol

from app.core.errors import NotAllowed
from app.core.security import Actor
from app.gateways.wechat.port import SceneQr
from app.instore import rules
from app.instore.errors import CodeRetired
from app.instore.queries.landing import find_stand, get_stand_of
from app.instore.services.codes import keep_scene, may_change
from app.messages.scenes import Scan

PREFIX = "q:"
LONGEST = 200


class Account(Protocol):
    """What is needed of the official account."""

    def create_scene_qr(self, scene: str, *, seconds: int | None) -> SceneQr: ...


def make_scene(actor: Actor, code_id: int, account: Account, now: datetime) -> None:
    """Ask WeChat for the lasting scene code of one of ours, once. NotAllowed, CodeRetired, GatewayError."""
    stand = get_stand_of(code_id, actor.dealer_id if actor.kind == "staff" else None)
    if not may_change(actor, stand.dealer.id):
        raise NotAllowed
    if stand.retired:
        raise CodeRetired
    if stand.code.scene_url:
        return
    made = account.create_scene_qr(PREFIX + stand.code.code, seconds=None)
    keep_scene(actor, code_id, made.url[:LONGEST], now)


def answer(scan: Scan, page: str) -> str | None:
    """What the account writes back: the address of the page, in two lines. `page` is the shop's own address."""
    stand = find_stand(scan.scene.removeprefix(PREFIX))
    if stand is None:
        return None
    title = rules.PROMISES[stand.kind][0].removeprefix("扫码")
    what = f"{stand.dealer.name} · {stand.code.label}"
    return f"{what}\n{title}：{page.rstrip('/')}/q/{stand.code.code}"
