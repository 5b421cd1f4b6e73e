"""The WSGI entry point: `gunicorn wsgi:app`."""

import sys

from app.core.errors import ConfigError
from app.factory import create_app

try:
    app = create_app()
except ConfigError as exc:
    sys.exit(f"Zhanting cannot start:\n{exc}")
