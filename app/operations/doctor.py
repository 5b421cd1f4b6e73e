"""`flask doctor`: looks at a deployment from outside and inside, and says for each thing what to do.

Nothing is changed: the token is asked for without forcing a new one, the order that is queried does not exist, the
text message has no receiver. A check that cannot be made says so; it never counts as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask

from app.core.config import Settings
from app.core.errors import ConfigError
from app.operations import doctor_calls, doctor_house, doctor_keys


class Level(StrEnum):
    """How a line is to be read."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: what was found and, unless it is well, what to do."""

    subject: str
    level: Level
    found: str
    advice: str = ""


Check = Callable[[Flask, Settings], Iterator[tuple[str, str, str]]]
"""Yields (level, found, advice); an exception is a failure of its own."""

CHECKS: list[tuple[str, Check]] = [
    ("设置", doctor_keys.settings_complete),
    ("公众号设置", doctor_keys.account_settings),
    ("商户密钥", doctor_keys.merchant_keys),
    ("微信支付公钥", doctor_keys.platform_key),
    ("短信设置", doctor_keys.sms_settings),
    ("数据库", doctor_house.database),
    ("Redis", doctor_house.redis),
    ("图片", doctor_house.media),
    ("磁盘", doctor_house.disk),
    ("后台任务", doctor_house.worker),
    ("发件箱", doctor_house.outbox),
    ("账本", doctor_house.ledger),
    ("本站地址", doctor_calls.own_address),
    ("消息推送", doctor_calls.push_address),
    ("支付通知", doctor_calls.notice_address),
    ("公众号接口", doctor_calls.account_api),
    ("JS-SDK", doctor_calls.js_ticket),
    ("微信支付接口", doctor_calls.pay_api),
    ("短信接口", doctor_calls.sms_api),
]


def examine(app: Flask, settings: Settings) -> Iterator[Line]:
    """Every check in order. One that breaks is a failed line; the others go on."""
    known: dict[str, str] = {}
    for subject, check in CHECKS:
        try:
            for level, found, advice in check(app, settings):
                yield Line(subject, Level(level), found, advice)
        except ConfigError as error:
            text = str(error)
            if text in known:  # one cause, told once
                yield Line(subject, Level.FAILED, "检查没有完成", f"先解决上面的“{known[text]}”，再运行一次")
                continue
            known[text] = subject
            for found, advice in map(doctor_keys.explain, text.splitlines()):
                yield Line(subject, Level.FAILED, found, advice)
        except Exception as error:
            # The class alone: a message may quote a secret.
            yield Line(subject, Level.FAILED, f"检查没有完成：{type(error).__name__}", "先解决上面的问题，再运行一次")
