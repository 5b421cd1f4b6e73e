"""The WSGI entry point: `gunicorn wsgi:app`."""

import sys

from app.core.errors import ConfigError
from app.factory import create_app

try:
    app = create_app()
except ConfigError as exc:
    # 3 is the code at which gunicorn stops instead of starting the same worker again and again.
    print(f"展厅不能启动（退出码 3）：\n{exc}", file=sys.stderr)  # noqa: T201
    sys.exit(3)
