"""Put the sandbox together and serve it, alone or in a thread of a test."""

import json
import logging
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox import (
    account,
    bills,
    bridge,
    constants,
    control,
    control_account,
    desk,
    h5,
    keys,
    maker,
    oauth,
    pages,
    pay,
    sharing,
    sms,
    tokens,
    weather,
)
from sandbox.notifier import Notifier
from sandbox.push import Pusher
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.world import World, clock_text, ensure_people


class PortTaken(Exception):
    """Somebody else listens there."""


class QuietHandler(WSGIRequestHandler):
    """Errors only; what happened is on `/` and in `/sim/log`."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about an answered request."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of an answer by the sandbox's clock, as of a server whose clock is off."""
        here: World = self.server.app.extensions["sandbox"]  # type: ignore[attr-defined]
        return super().date_time_string(here.now() if timestamp is None else timestamp)


def create_app(settings: Settings) -> Flask:
    """The sandbox as a Flask app; its notifier is not running yet."""
    made = keys.ensure(settings)
    here = World(settings, made, Store(settings.directory / "sandbox.sqlite3"), Notifier(), Pusher())
    here.notifier.attach(here)
    here.pusher.attach(here)
    with here.store.transaction():
        ensure_people(here)
    app = Flask(__name__)
    app.extensions["sandbox"] = here
    app.url_map.strict_slashes = False
    app.jinja_env.filters["yuan"] = lambda fen: f"{fen / 100:,.2f}"
    app.jinja_env.filters["clock"] = clock_text
    app.jinja_env.filters["compact"] = lambda value: json.dumps(value, ensure_ascii=False)
    app.before_request(weather.before)
    app.after_request(weather.after)
    doors = (oauth, tokens, account, pay, bills, sharing, h5, bridge, sms, maker)
    for part in (*doors, control, control_account, desk, pages):
        app.register_blueprint(part.blueprint)
    return app


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, or PortTaken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(f"{host}:{port}") from error
    return listener


def make(app: Flask, listener: socket.socket) -> BaseWSGIServer:
    """A threaded server on a bound socket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = listener.getsockname()[:2]
    server = make_server(host, port, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno())
    server.daemon_threads = True  # type: ignore[attr-defined]
    return server


@dataclass
class RunningSandbox:
    """A sandbox in a thread of this process, for tests."""

    url: str
    env: dict[str, str]
    world: World
    server: BaseWSGIServer
    thread: threading.Thread
    listener: socket.socket

    def stop(self) -> None:
        """End server and notifier and release the files."""
        self.server.shutdown()
        self.thread.join(10)
        self.world.notifier.stop()
        self.world.pusher.stop()
        self.server.server_close()
        self.listener.close()
        self.world.store.close()


def start_in_thread(
    directory: Path,
    *,
    port: int = 0,
    shop_url: str = constants.DEFAULT_SHOP_URL,
    time_scale: float = 1.0,
    refund_seconds: float = 0.0,
    seed: str = "",
) -> RunningSandbox:
    """Serve on a loopback port (0 = a free one); `env` holds the settings of `shop.env`."""
    listener = listen("127.0.0.1", port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings(directory, url, shop_url, time_scale, refund_seconds, seed)
    app = create_app(settings)
    here: World = app.extensions["sandbox"]
    server = make(app, listener)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    here.notifier.start()
    here.pusher.start()
    return RunningSandbox(url, keys.shop_env(settings, here.keys), here, server, thread, listener)
