"""A database of its own for the length of a block: the same tables, empty, in a temporary SQLite file.

What is tried out there runs through the very services of the shop and never touches the shop's own database, whichever
that is.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from app.core.db import db, transaction
from app.core.publishing import ONLY, PublishedVersion


@contextmanager
def scratch_database(threads: int = 8) -> Iterator[Callable[[], AbstractContextManager[Any]]]:
    """Hand out `enter`: within `with enter():` (in any thread) the session is one on the scratch database.

    The file is gone when the block is left, also by an exception.
    """
    with tempfile.TemporaryDirectory(prefix="zhanting-scratch-") as folder:
        app = Flask("scratch")
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{Path(folder) / 'scratch.db'}"
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 15}, "pool_size": threads + 1}
        db.init_app(app)
        with app.app_context():
            db.create_all()
            with transaction() as session:
                session.add(PublishedVersion(id=ONLY, number=1))
        try:
            yield app.app_context
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
