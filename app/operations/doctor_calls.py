"""What only a call can show: our own address from outside, WeChat's and the text messages' answers."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask

from app.core import clock, ids
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.pay.keys import load_private_key, load_ring, normal_serial
from app.gateways.transport import limit_session

Finding = tuple[str, str, str]
PUSH_PATH = "/wechat/events"
NOTICE_PATHS = ("/pay/wechat/notices/payment", "/pay/wechat/notices/refund")
NO_ORDER = "DOCTOR0000000000"
SKEW_S, TOO_FAR_S = 60, 300
LATER = "多半是对方暂时不可用：过几分钟再运行一次；一直如此就查本机出口的代理"
TOKEN_ADVICE = {
    40164: "公众平台 → 基本配置 → IP白名单，加入本机出口 IP（错误信息里的地址）",
    40013: "核对 WECHAT_APP_ID",
    40125: "核对 WECHAT_APP_SECRET；重置后旧的立即失效",
    40243: "AppSecret 已冻结，到公众平台解冻",
    45009: "今天的次数用完了，到公众平台清零",
    48001: "账号没有这个接口的权限，需认证的服务号",
}
PAY_ADVICE = {
    "SIGN_ERROR": "核对 WECHATPAY_CERT_SERIAL 与私钥是否同一张证书，并校准本机时钟",
    "MCH_NOT_EXISTS": "核对 WECHATPAY_MCH_ID",
    "INVALID_REQUEST": "核对 WECHATPAY_PUBLIC_KEY_ID（商户平台 → API安全），再核对 WECHATPAY_MCH_ID",
    "PARAM_ERROR": "核对 WECHATPAY_MCH_ID 和 WECHATPAY_PUBLIC_KEY_ID 的写法",
    "NO_AUTH": "商户号没有这个产品的权限：商户平台 → 产品中心 → 开通 JSAPI 支付",
}


def own_address(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """PUBLIC_BASE_URL is https and this shop answers there; then what the consoles need to know."""
    parts = urlsplit(settings.public_base_url)
    if parts.scheme != "https":
        level = "failed" if settings.production else "warning"
        yield level, f"PUBLIC_BASE_URL 是 {parts.scheme}", "微信只接受已备案域名的 https 地址"
    reply = _ask("GET", _own(settings, "/healthz"))
    if isinstance(reply, str):
        yield "failed", f"{_own(settings, '/healthz')} 没有回应：{reply}", "检查域名解析、证书链和反向代理"
        return
    if reply.status_code != 200 or "ok" not in reply.text:
        yield "failed", f"{_own(settings, '/healthz')} 回答 {reply.status_code}", "反向代理没有指向本店"
        return
    yield "ok", f"{settings.public_base_url} 可以访问", ""
    host = parts.hostname or ""
    yield (
        "ok",
        f"公众平台填 {host}（网页授权域名、JS接口安全域名），商户平台填 https://{host}/（支付授权目录）",
        "",
    )


def push_address(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """The address for pushes answers a properly signed echo, and refuses a forged one."""
    stamp, nonce, echo = str(int(clock.now().timestamp())), ids.token(8), ids.token(8)
    query = {"timestamp": stamp, "nonce": nonce, "echostr": echo}
    token = settings.wechat_token.get_secret_value()
    signature = hashlib.sha1("".join(sorted((token, stamp, nonce))).encode(), usedforsecurity=False).hexdigest()
    url = _own(settings, PUSH_PATH)
    good = _ask("GET", url, params={**query, "signature": signature})
    if isinstance(good, str):
        yield "failed", f"{url} 没有回应：{good}", "检查反向代理是否放行这个地址"
    elif good.status_code != 200 or good.text != echo:
        yield "failed", f"{url} 没有原样回答 echostr（{good.status_code}）", "核对 WECHAT_TOKEN，并重启全部进程"
    else:
        bad = _ask("GET", url, params={**query, "signature": "0" * 40})
        if not isinstance(bad, str) and bad.status_code == 200:
            yield "failed", f"{url} 接受了伪造的签名", "这个地址前面有缓存或改写，检查反向代理"
        else:
            mode = {"compatible": "兼容模式", "plain": "明文模式"}.get(settings.wechat_push_mode, "安全模式")
            yield "ok", f"公众平台 → 服务器配置 → 服务器地址 填 {url}，选{mode}", ""
            if mode != "安全模式":
                advice = "公众平台改选安全模式，再删去 WECHAT_PUSH_MODE"
                yield "warning", f"{mode}：没有加密的推送也算数，签名管不到它的内容", advice


def notice_address(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """Notices reach us without a login, and an unsigned one is refused."""
    for path in NOTICE_PATHS:
        url = _own(settings, path)
        reply = _ask("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
        if isinstance(reply, str):
            yield "failed", f"{url} 没有回应：{reply}", "检查反向代理是否放行这个地址"
        elif reply.status_code in {400, 401} and "FAIL" in reply.text:
            yield "ok", f"{url} 可以到达，没有签名的通知被拒绝", ""
        else:
            yield (
                "failed",
                f"{url} 回答 {reply.status_code}，应拒绝没有签名的通知",
                "反向代理不能要求登录、跳转或缓存",
            )


def account_api(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """A token can be had (the present one, nothing is renewed), and our clock is WeChat's."""
    body = {
        "grant_type": "client_credential",
        "appid": settings.wechat_app_id,
        "secret": settings.wechat_app_secret.get_secret_value(),
    }
    reply = _ask("POST", f"{settings.wechat_api_base_url.rstrip('/')}/cgi-bin/stable_token", json=body)
    if isinstance(reply, str):
        yield "failed", f"{settings.wechat_api_base_url} 没有回应：{reply}", "检查本机能否访问外网"
        return
    yield from _skew("微信", reply)
    answer = _object(reply)
    if isinstance(answer.get("access_token"), str):
        yield "ok", "AppID 和 AppSecret 正确，本机 IP 在白名单里", ""
        return
    if reply.status_code != 200 or not answer:
        yield "failed", f"微信没有正常回应（HTTP {reply.status_code}）", LATER
        return
    code = answer.get("errcode")
    number = code if isinstance(code, int) else 0
    address = re.search(r"\d{1,3}(?:\.\d{1,3}){3}", str(answer.get("errmsg", "")))
    shown = f"，本机出口 IP 是 {address[0]}" if number == 40164 and address else ""
    advice = TOKEN_ADVICE.get(number, "在微信文档里查这个错误码；-1 表示系统繁忙，稍后再试")
    yield "failed", f"取不到 access_token：{number}{shown}", advice


def js_ticket(app: Flask, settings: Settings) -> Iterator[Finding]:
    """A page of ours can be signed, with the token all workers share."""
    try:
        app.extensions["wechat"].js_config(settings.public_base_url.rstrip("/") + "/")
    except GatewayError as error:
        yield "failed", f"页面签名失败：{error.code}", TOKEN_ADVICE.get(_number(error.code), "先解决公众号接口的问题")
        return
    yield "ok", "jsapi_ticket 可用，本店页面可以签名", ""


def pay_api(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """A signed question for an order that does not exist; the signed answer proves the keys of both sides."""
    key = load_private_key(settings.wechatpay_private_key_path)
    path = f"/v3/pay/transactions/out-trade-no/{NO_ORDER}?mchid={settings.wechatpay_mch_id}"
    stamp, nonce = str(int(clock.now().timestamp())), ids.token(16)
    signature = key.sign(f"GET\n{path}\n{stamp}\n{nonce}\n\n".encode(), PKCS1v15(), SHA256())
    fields = {
        "mchid": settings.wechatpay_mch_id,
        "nonce_str": nonce,
        "signature": base64.b64encode(signature).decode(),
        "timestamp": stamp,
        "serial_no": settings.wechatpay_cert_serial,
    }
    headers = {
        "Authorization": "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{text}"' for name, text in fields.items()),
        "Accept": "application/json",
        "User-Agent": "zhanting-doctor",
        "Wechatpay-Serial": normal_serial(settings.wechatpay_public_key_id.split(",")[0]),
    }
    reply = _ask("GET", settings.wechatpay_base_url.rstrip("/") + path, headers=headers)
    if isinstance(reply, str):
        yield "failed", f"{settings.wechatpay_base_url} 没有回应：{reply}", "检查本机能否访问外网"
        return
    yield from _skew("微信支付", reply)
    code = str(_object(reply).get("code", ""))
    if reply.status_code >= 500 or reply.status_code == 429 or not code:
        said = f"HTTP {reply.status_code} {code}".rstrip()
        yield "failed", f"微信支付没有正常回应（{said}）", LATER
        return
    if reply.status_code != 404 or code.replace("_", "") not in {"ORDERNOTEXIST", "RESOURCENOTEXISTS"}:
        advice = PAY_ADVICE.get(code, "在微信支付文档里查这个错误码")
        yield "failed", f"签名的查询得到 {reply.status_code} {code}", advice
        return
    yield "ok", "商户号、证书序列号和私钥正确", ""
    yield from _answer_signed(settings, reply)


def sms_api(app: Flask, _settings: Settings) -> Iterator[Finding]:
    """A signed request without receivers: it is refused after the keys were found to be right."""
    code = str(app.extensions["sms"].probe())
    if code.startswith("AuthFailure"):
        yield "failed", f"短信接口拒绝了密钥：{code}", "核对 SMS_SECRET_ID 和 SMS_SECRET_KEY，并校准本机时钟"
    elif code in {"timeout", "unreachable"}:
        yield "failed", f"短信接口没有回应：{code}", "检查本机能否访问外网"
    elif code in {"cut_off", "bad_answer"} or code.startswith("http_"):
        yield "failed", f"短信接口没有正常回应：{code}", LATER
    elif code.startswith(("InvalidParameter", "MissingParameter")):
        yield "ok", "短信密钥正确；签名和模板要到第一条短信才知道", ""
    else:
        yield "warning", f"短信接口回答 {code}", "在腾讯云短信文档里查这个错误码"


def _answer_signed(settings: Settings, reply: requests.Response) -> Iterator[Finding]:
    serial = reply.headers.get("Wechatpay-Serial", "")
    if not serial:
        yield "warning", "这个回答没有签名，微信支付公钥要到第一次下单才能证实", ""
        return
    public = load_ring(settings)[0].get(serial)
    if public is None:
        yield (
            "failed",
            f"微信支付用 {serial} 签名，不是设置的公钥",
            "商户平台 → API安全 → 微信支付公钥，核对 ID 并下载",
        )
        return
    names = ("Wechatpay-Timestamp", "Wechatpay-Nonce")
    head = "".join(reply.headers.get(name, "") + "\n" for name in names).encode()
    try:
        signature = base64.b64decode(reply.headers.get("Wechatpay-Signature", ""))
        public.verify(signature, head + reply.content + b"\n", PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        yield "failed", "微信支付的签名用设置的公钥验不过", "重新下载 pub_key.pem，ID 和文件要成对"
        return
    yield "ok", "微信支付公钥正确，回答的签名验证通过", ""


def _skew(whose: str, reply: requests.Response) -> Iterator[Finding]:
    try:
        skew = abs((clock.now() - parsedate_to_datetime(reply.headers.get("Date", ""))).total_seconds())
    except (TypeError, ValueError):
        yield "warning", f"{whose}的回答没有时间，时钟无法核对", "确认本机打开了 NTP 校时"
        return
    if skew > SKEW_S:
        level = "failed" if skew > TOO_FAR_S else "warning"
        yield level, f"本机时钟与{whose}相差 {skew:.0f} 秒", "打开 NTP 校时；超过 5 分钟所有支付请求都会被拒绝"


def _ask(method: str, url: str, **options: Any) -> requests.Response | str:
    """The answer, or the class of what went wrong: messages quote addresses with secrets."""
    with limit_session(requests.Session()) as session:
        session.trust_env = False
        try:
            return session.request(method, url, allow_redirects=False, **options)
        except requests.RequestException as error:
            return type(error).__name__


def _object(reply: requests.Response) -> dict[str, Any]:
    try:
        answer: object = json.loads(reply.content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _own(settings: Settings, path: str) -> str:
    return settings.public_base_url.rstrip("/") + path


def _number(code: str) -> int:
    return int(code) if code.lstrip("-").isdigit() else 0
