"""`python -m sandbox`: make keys and `shop.env`, then serve until Ctrl-C."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from sandbox import constants, keys
from sandbox.server import PortTaken, create_app, listen, make
from sandbox.settings import Settings, load
from sandbox.world import World


def main(arguments: list[str] | None = None) -> int:
    """Run the command; answers the exit code."""
    options = _parser().parse_args(arguments)
    if os.getenv("ZHANTING_ENV") == "production":
        print("微信沙箱不能启动：ZHANTING_ENV=production，沙箱仅供开发。", file=sys.stderr)
        return 1
    try:
        settings = _settings(options)
        if options.command == "init":
            keys.ensure(settings)
            print(f"微信沙箱的密钥和配置在 {settings.directory}/{keys.SHOP_ENV}")
            return 0
        return _serve(settings, options.host, options.port)
    except PortTaken as error:
        print(f"微信沙箱不能启动：{error} 已被占用，请关掉占用它的程序，或用 --port 换一个端口。", file=sys.stderr)
    except OSError as error:
        print(f"微信沙箱不能启动：无法写入 {options.dir}（{error.strerror}）。", file=sys.stderr)
    except ValueError as error:
        print(f"微信沙箱不能启动：{options.dir} 里的文件已损坏（{error}），删除该目录即可重建。", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="微信沙箱，仅供开发")
    parser.add_argument("command", nargs="?", choices=["init", "serve"], default="serve")
    parser.add_argument("--host", default=os.getenv("HOST") or constants.DEFAULT_HOST)
    parser.add_argument("--port", type=int, default=int(os.getenv("SANDBOX_PORT") or constants.DEFAULT_PORT))
    parser.add_argument("--dir", type=Path, default=Path(constants.DEFAULT_DIR), help="密钥、配置和数据所在目录")
    parser.add_argument("--public-url", help="手机和商城访问沙箱的地址")
    parser.add_argument("--shop-url", help="商城的地址，决定授权回调和支付页面的域名")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    host = constants.DEFAULT_HOST if options.host in {"0.0.0.0", "::"} else options.host
    return load(
        options.dir,
        public_url=options.public_url,
        shop_url=options.shop_url,
        fallback_url=f"http://{host}:{options.port}",
    )


def _serve(settings: Settings, host: str, port: int) -> int:
    listener = listen(host, port)
    app = create_app(settings)
    here: World = app.extensions["sandbox"]
    server = make(app, listener)
    signal.signal(signal.SIGTERM, _interrupt)
    here.notifier.start()
    here.pusher.start()
    print(f"微信沙箱（仅供开发）：{settings.public_url}/ ，短信收件箱：{settings.public_url}/sms", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("微信沙箱已停止。")
    finally:
        # Whoever asks again while we finish must wait: a notice on its way takes at most five seconds.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        here.notifier.stop()
        here.pusher.stop()
        server.server_close()
        listener.close()
        here.store.close()
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
