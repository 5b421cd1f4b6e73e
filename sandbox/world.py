"""The running sandbox: settings, keys, store and the things every part asks for (ids, people, time)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from sqlite3 import Row
from typing import TYPE_CHECKING

from flask import current_app

from sandbox import constants, keys
from sandbox.settings import Settings
from sandbox.store import Store

if TYPE_CHECKING:
    from sandbox.notifier import Notifier
    from sandbox.push import Pusher

CHINA = timezone(timedelta(hours=8))
WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


@dataclass
class World:
    """One sandbox in memory; the Flask app carries it as its extension."""

    settings: Settings
    keys: keys.Keys
    store: Store
    notifier: "Notifier"
    pusher: "Pusher"

    @property
    def seed(self) -> str:
        """What every id is derived from: the same seed and the same steps give the same ids."""
        return self.store.get_meta("seed") or self.settings.seed or self.keys.seed

    def now(self) -> float:
        """Seconds since 1970 by the sandbox's clock."""
        return self.store.now()

    def word(self, kind: str, length: int) -> str:
        """The next unguessable word of letters, digits, _ and -."""
        return derive(self.seed, f"{kind}:{self.store.count(kind)}", length)

    def hexes(self, kind: str, length: int) -> str:
        """The next unguessable hexadecimal string."""
        return derive_hex(self.seed, f"{kind}:{self.store.count(kind)}", length)

    def request_id(self) -> str:
        """A request id in the form of WeChat's `rid`."""
        text = self.hexes("rid", 24)
        return f"{text[:8]}-{text[8:16]}-{text[16:]}"


def world() -> World:
    """The sandbox of the current request."""
    return current_app.extensions["sandbox"]


def derive(seed: str, name: str, length: int) -> str:
    """A word that follows from seed and name."""
    raw = hashlib.shake_256(_mac(seed, name)).digest(length)
    return "".join(WORD[byte & 63] for byte in raw)


def derive_hex(seed: str, name: str, length: int) -> str:
    """A hexadecimal string that follows from seed and name."""
    return hashlib.shake_256(_mac(seed, name)).hexdigest((length + 1) // 2)[:length]


def _mac(seed: str, name: str) -> bytes:
    return hmac.digest(seed.encode(), name.encode(), "sha256")


def rfc3339(timestamp: float) -> str:
    """A moment as WeChat Pay writes it: Chinese time with its offset."""
    return datetime.fromtimestamp(int(timestamp), CHINA).isoformat()


def clock_text(timestamp: float) -> str:
    """A moment for the sandbox's own pages."""
    return datetime.fromtimestamp(timestamp, CHINA).strftime("%m-%d %H:%M:%S")


def ensure_people(here: World) -> None:
    """The sample people exist, with the same openid after every reset."""
    for number, person in enumerate(constants.SAMPLE_PEOPLE, 1):
        openid = "o" + derive(here.seed, f"sample-openid:{number}", 27)
        if not find_person(here, openid):
            add_person(here, person.nickname, openid=openid, note=person.note, colour=person.colour, sample=True)
            here.store.insert(
                "followers",
                openid=openid,
                subscribed=int(person.follows),
                scene="ADD_SCENE_SEARCH" if person.follows else "",
                since=here.now(),
                blocks=0,
                snapshot=int(person.snapshot),
            )


def add_person(
    here: World, nickname: str, *, openid: str = "", note: str = "", colour: str = "#4a5568", sample: bool = False
) -> str:
    """One more WeChat account; answers its openid."""
    openid = openid or "o" + here.word("openid", 27)
    here.store.insert(
        "people",
        openid=openid,
        unionid="o" + derive(here.seed, f"unionid:{openid}", 27),
        nickname=nickname,
        note=note,
        colour=colour,
        sample=int(sample),
        created_at=here.now(),
    )
    return openid


def find_person(here: World, openid: str) -> Row | None:
    """The account behind an openid."""
    return here.store.one("SELECT * FROM people WHERE openid = ?", openid)


def list_people(here: World) -> list[Row]:
    """Everybody, samples first."""
    return here.store.rows("SELECT * FROM people ORDER BY sample DESC, rowid")
