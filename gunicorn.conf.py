"""How the server reads requests; gunicorn finds this file in the folder it starts in.

2,000 Chinese characters in an address are 18,000 bytes. gunicorn stops at 8,190 with a page in English, whatever the
setting says, so the search could not answer them; its bound is moved, not removed.
"""

import gc
import sys

import gunicorn.http.message

from app.core.config import load_settings
from app.core.errors import ConfigError
from app.gateways.pay import keys

limit_request_line = gunicorn.http.message.MAX_REQUEST_LINE = 32 * 1024


def on_starting(_server: object) -> None:
    """Nobody is served with a merchant's key that cannot sign, also outside production; the doctor still runs."""
    try:
        settings = load_settings()
        if settings.wechatpay_private_key_path is not None:
            keys.check_files(settings)
    except ConfigError as exc:
        print(f"展厅不能启动（退出码 3）：\n{exc}", file=sys.stderr)  # noqa: T201
        sys.exit(3)


def post_worker_init(_worker: object) -> None:
    """What was loaded at the start lives as long as the worker: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
