"""Settings and key files, looked at without any network."""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask import Flask

from app.core.config import Settings, production_problems
from app.gateways.pay.keys import load_private_key, load_ring, normal_serial

Finding = tuple[str, str, str]
CERTIFICATE = "apiclient_cert.pem"
_REFUSALS = [
    (re.compile(rf"(\w+): {words}"), found, advice)
    for words, found, advice in (
        (r"missing; it must name a PEM file", "没有设置 {0}", "写上 PEM 文件的路径"),
        (r"cannot read (.+) \(.+\)", "{0}：读不到 {1}", "核对路径，并让运行商城的用户能读这个文件"),
        (r"(.+) holds no private key; .+", "{0}：{1} 不是商户私钥", "用商户平台下载的 apiclient_key.pem"),
        (r"(.+) is damaged or has a pass phrase; .+", "{0}：{1} 已损坏或带口令", "换成不带口令的 PEM 私钥"),
        (r"(.+) holds no public key .+", "{0}：{1} 不是微信支付的公钥或证书", "下载商户平台 → API安全 → 微信支付公钥"),
        (r"(.+) is the certificate (\w+), not (\w+)", "{0}：{1} 是证书 {2}，不是 {3}", "ID 和文件要成对"),
        (r"(.+) must (?:be|hold) an RSA key .+", "{0}：{1} 不是 2048 位以上的 RSA 密钥", "在商户平台重新申请"),
    )
]


def settings_complete(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """Production's own rules; a development shop is told apart."""
    if not settings.production:
        yield "warning", "ZHANTING_ENV 不是 production，按开发环境检查", "正式上线时设置 ZHANTING_ENV=production"
        return
    problems = production_problems(settings)
    for problem in problems:
        yield "failed", problem, "补上或改正这一项环境变量"
    if not problems:
        yield "ok", "必填项齐全，没有沙箱的值", ""


def account_settings(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """The form of the official account's four values."""
    problems: list[Finding] = []
    if not re.fullmatch(r"wx[0-9a-z]{16,}", settings.wechat_app_id):
        problems.append(("failed", "WECHAT_APP_ID 不是 wx 开头的 AppID", "公众平台 → 设置与开发 → 基本配置"))
    if len(settings.wechat_app_secret.get_secret_value()) != 32:
        problems.append(("failed", "WECHAT_APP_SECRET 应为 32 个字符", "公众平台 → 基本配置 → 重置 AppSecret"))
    if not re.fullmatch(r"[0-9A-Za-z]{3,32}", settings.wechat_token.get_secret_value()):
        problems.append(("failed", "WECHAT_TOKEN 应为 3 到 32 个字母或数字", "与公众平台 → 服务器配置 → 令牌 保持一致"))
    if not _aes_key(settings.wechat_aes_key.get_secret_value()):
        problems.append(
            ("failed", "WECHAT_AES_KEY 应为 43 个字符", "与公众平台 → 服务器配置 → 消息加解密密钥 保持一致")
        )
    yield from problems or [("ok", "AppID、密钥、令牌和消息密钥的格式正确", "")]


def merchant_keys(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """The private key can be read, fits the certificate where that is at hand, and the APIv3 key has 32 bytes."""
    if len(settings.wechatpay_api_v3_key.get_secret_value().encode()) != 32:
        yield "failed", "WECHATPAY_API_V3_KEY 应为 32 字节", "商户平台 → 账户中心 → API安全 → 设置 APIv3 密钥"
    if not re.fullmatch(r"[0-9]{8,10}", settings.wechatpay_mch_id):
        yield "failed", "WECHATPAY_MCH_ID 应为 8 到 10 位数字", "商户平台 → 账户中心 → 商户信息"
    if not re.fullmatch(r"[0-9A-Fa-f]{40}", settings.wechatpay_cert_serial):
        yield (
            "failed",
            "WECHATPAY_CERT_SERIAL 应为 40 位十六进制",
            "商户平台 → API安全 → 商户API证书 → 查看证书序列号",
        )
    key = load_private_key(settings.wechatpay_private_key_path)
    path = Path(str(settings.wechatpay_private_key_path))
    if path.stat().st_mode & 0o077:
        yield "warning", f"{path} 可被其他用户读取", f"chmod 600 {path}"
    certificate = path.with_name(CERTIFICATE)
    if not certificate.is_file():
        yield "ok", f"私钥可读；旁边没有 {CERTIFICATE}，是否与序列号匹配由下面的接口检查证明", ""
        return
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        yield "failed", f"{certificate} 不是证书", "从商户平台重新下载证书包"
        return
    public = found.public_key()
    if not isinstance(public, RSAPublicKey) or public.public_numbers() != key.public_key().public_numbers():
        yield "failed", "私钥与同目录的证书不是一对", "使用同一次申请下载的 apiclient_key.pem 和 apiclient_cert.pem"
    elif f"{found.serial_number:040X}" != settings.wechatpay_cert_serial.upper().zfill(40):
        yield (
            "failed",
            "WECHATPAY_CERT_SERIAL 不是这张证书的序列号",
            f"改为 {found.serial_number:X}",
        )
    else:
        yield "ok", "私钥、证书和序列号互相匹配", ""


def platform_key(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """WeChat Pay's keys (two, while a rotation lasts) can be read, have proper ids, and are not the merchant's own."""
    serials = [part.strip() for part in settings.wechatpay_public_key_id.split(",")]
    if not all(re.fullmatch(r"PUB_KEY_ID_[0-9A-Z]+|[0-9A-Fa-f]{40}", normal_serial(serial)) for serial in serials):
        yield (
            "failed",
            "WECHATPAY_PUBLIC_KEY_ID 应以 PUB_KEY_ID_ 开头（或是平台证书序列号）",
            "商户平台 → API安全 → 微信支付公钥",
        )
    ring, _ = load_ring(settings)
    own = load_private_key(settings.wechatpay_private_key_path).public_key().public_numbers()
    if any(key is not None and key.public_numbers() == own for key in map(ring.get, serials)):
        yield (
            "failed",
            "WECHATPAY_PUBLIC_KEY_PATH 是商户自己的公钥",
            "下载商户平台 → API安全 → 微信支付公钥 的 pub_key.pem",
        )
    else:
        yield "ok", "公钥可读，ID 格式正确", ""


def sms_settings(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """Every value of the text messages is there and looks as the console shows it."""
    missing = [
        name.upper()
        for name in ("sms_secret_id", "sms_sdk_app_id", "sms_sign_name", "sms_template_code")
        if not getattr(settings, name)
    ]
    if not settings.sms_secret_key.get_secret_value():
        missing.append("SMS_SECRET_KEY")
    if missing:
        yield "failed", f"缺少 {'、'.join(missing)}", "腾讯云 → 短信 → 应用管理、签名管理、正文模板管理"
    elif not re.fullmatch(r"[0-9]{10}", settings.sms_sdk_app_id) or not settings.sms_template_code.isdigit():
        yield "failed", "SMS_SDK_APP_ID 应为 10 位数字，SMS_TEMPLATE_CODE 应为数字", "腾讯云 → 短信 → 应用管理"
    else:
        yield "ok", "五项齐全", ""


def explain(text: str) -> tuple[str, str]:
    """A refused setting in the operator's words, with what to do; one that is not known here as it stands."""
    for pattern, found, advice in _REFUSALS:
        if match := pattern.fullmatch(text):
            return found.format(*match.groups()), advice
    return text, "改正这一项设置后重试"


def _aes_key(text: str) -> bool:
    try:
        return len(text) == 43 and len(base64.b64decode(text + "=", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False
