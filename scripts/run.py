"""`make run`: set everything up, load the demo, start shop, worker and WeChat sandbox, print the address.

A second run keeps the data and starts in seconds. Ctrl-C stops all that was started. `--reset` starts over.
"""

import argparse
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

from environment import PYTHON, ROOT, VENV, clean_environment, ensure_venv, fail, require_writable

INSTANCE = ROOT / "instance"
DEMO = ROOT / "demo"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reset", action="store_true", help="forget all data and stop")
    parser.add_argument("--check", action="store_true", help="stop again once everything answers")
    args = parser.parse_args()
    host = os.environ.get("HOST", "127.0.0.1")
    port, sandbox_port = _port("PORT", 8000), _port("SANDBOX_PORT", 8001)
    require_writable(INSTANCE)
    for name, number in (("PORT", port), ("SANDBOX_PORT", sandbox_port)):
        _require_free(host, number, name)
    if args.reset:
        reset()
        return
    started = time.monotonic()
    ensure_venv("requirements.txt")
    shown = _lan_address() if host == "0.0.0.0" else host
    shop_url, sandbox_url = f"http://{shown}:{port}", f"http://{shown}:{sandbox_port}"
    environment = prepare(shop_url, sandbox_url, sandbox_port, port)
    with Processes(environment) as processes:
        processes.start(
            "sandbox",
            [
                PYTHON,
                "-m",
                "sandbox",
                "--host",
                host,
                "--port",
                sandbox_port,
                "--public-url",
                sandbox_url,
                "--dir",
                INSTANCE / "sandbox",
            ],
        )
        processes.start("worker", [VENV / "bin" / "flask", "--app", "wsgi", "worker"])
        processes.start(
            "shop",
            [
                VENV / "bin" / "gunicorn",
                "wsgi:app",
                "--bind",
                f"{host}:{port}",
                "--workers",
                "2",
                "--worker-class",
                "gthread",
                "--threads",
                "8",
                "--no-control-socket",
                "--log-level",
                "warning",
                "--graceful-timeout",
                "5",
            ],
        )
        processes.wait_ready(port, "/readyz", "the shop")
        processes.wait_ready(sandbox_port, "/", "the sandbox")
        welcome(shop_url, sandbox_url, environment, time.monotonic() - started, host)
        if not args.check:
            processes.wait()


def prepare(shop_url, sandbox_url, sandbox_port, port):
    """Keys, settings, tables and demo data; returns the environment of the shop."""
    base = clean_environment()
    base.update(PYTHONUNBUFFERED="1", SANDBOX_PORT=str(sandbox_port), PORT=str(port))
    _call(
        [
            PYTHON,
            "-m",
            "sandbox",
            "init",
            "--dir",
            INSTANCE / "sandbox",
            "--public-url",
            sandbox_url,
            "--shop-url",
            shop_url,
        ],
        base,
    )
    settings = _read_env(INSTANCE / "sandbox" / "shop.env")
    settings.update(PUBLIC_BASE_URL=shop_url, SECRET_KEY=_own_secret(), PORT=str(port), SANDBOX_PORT=str(sandbox_port))
    # Flask commands in another shell read the same file; what the environment says wins over it.
    path = INSTANCE / "development.env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
    flask = [VENV / "bin" / "flask", "--app", "wsgi"]
    _call([*flask, "db", "upgrade"], base)
    _load_demo(flask, base)
    return base


def _load_demo(flask, environment):
    """Import the demo workbook once a day: its dates move with the calendar, so that the shop is alive on any day."""
    stamp = INSTANCE / "demo.stamp"
    today = datetime.now(timezone(timedelta(hours=8))).date().isoformat()
    workbook = DEMO / "yunxiu.xlsx"
    topics = DEMO / "topics.json"
    digest = hashlib.sha256(workbook.read_bytes() + topics.read_bytes()).hexdigest()[:16]
    wanted = f"{digest} {today} {environment.get('DATABASE_URL', '')}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Loading the demo catalogue, dealers and offers (sample data) ...", flush=True)
    _call(
        [*flask, "import-workbook", workbook, "--pictures", DEMO / "pictures", "--move-dates-to", "today"], environment
    )
    _call([*flask, "import-topics", topics], environment)
    _call([PYTHON, "-m", "scripts.stage_demo"], environment)
    stamp.write_text(wanted)


def _own_secret():
    """A SECRET_KEY of this machine, made once."""
    path = INSTANCE / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(os.urandom(32).hex())
    return path.read_text()


def reset():
    """Forget all data: database, pictures, sandbox, keys. The virtual environment stays."""
    for entry in INSTANCE.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    print("All data is forgotten; `make run` starts over.")


def welcome(shop_url, sandbox_url, environment, seconds, host):
    """Print the address, its QR code and how to become each kind of person."""
    code = "import segno,sys; segno.make(sys.argv[1], micro=False).terminal(compact=True, border=2)"
    subprocess.run([str(PYTHON), "-c", code, shop_url], check=False)
    invitation = subprocess.run(
        [
            str(VENV / "bin" / "flask"),
            "--app",
            "wsgi",
            "invite-staff",
            "yx-330106-01",
            "--name",
            "示例店员",
            "--role",
            "supervisor",
        ],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    link = next((w for w in invitation.stdout.split() if w.startswith("http")), "(see: flask invite-staff --help)")
    print(f"  展厅 Zhanting   {shop_url}    (ready in {seconds:.0f} s)")
    if host == "127.0.0.1":
        print("  A phone in the same network: stop, then HOST=0.0.0.0 make run, and scan the code above.")
    print(f"  WeChat sandbox  {sandbox_url}    people, payments; text messages at {sandbox_url}/sms")
    print(f"  Shopper:        open {shop_url}, choose a car, tap 立即预订, pick a person in the sandbox.")
    print(f"  Clerk:          open {link} in another browser, as another person.")
    print(f"  Administrator:  .venv/bin/flask create-operator NAME, then {shop_url}/admin")
    print("  Ctrl-C stops everything.", flush=True)


class Processes:
    """The programs of one run; leaving the block stops every one of them."""

    def __init__(self, environment):
        self.environment = environment
        self.running = {}

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(0))
        # A shell that starts us in the background has us ignore it; Ctrl-C must stop us all the same.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def start(self, name, command):
        self.running[name] = subprocess.Popen(
            [str(part) for part in command], env=self.environment, cwd=ROOT, start_new_session=True
        )

    def wait_ready(self, port, path, what):
        for _ in range(600):
            self._require_alive()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        fail(f"{what} did not answer within a minute; see the messages above.")

    def _require_alive(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                fail(f"the {name} stopped with code {process.returncode}; see the messages above.")

    def wait(self):
        try:
            while True:
                self._require_alive()
                time.sleep(0.5)
        except KeyboardInterrupt:
            print("\nStopping ...", flush=True)

    def __exit__(self, *_exc):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in self.running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 8
        for process in self.running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _call(command, environment):
    done = subprocess.run(
        [str(part) for part in command], env=environment, cwd=ROOT, check=False, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        fail(f"{' '.join(map(str, command[:4]))} failed; see above.")


def _read_env(path):
    pairs = (
        line.split("=", 1) for line in path.read_text("utf-8").splitlines() if "=" in line and not line.startswith("#")
    )
    return {key.strip(): value.strip().strip('"') for key, value in pairs}


def _port(name, default):
    text = os.environ.get(name, "") or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        fail(f"{name}={text} is not a port; give a number from 1 to 65535.")
    return int(text)


def _require_free(host, port, name):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            fail(f"port {port} may not be used by you; choose another: {name}=8080 make run")
        except OSError:
            fail(f"port {port} is taken; stop the other program or choose another: {name}={port + 100} make run")


def _lan_address():
    """This machine's address in its network. Connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
