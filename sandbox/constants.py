"""Fixed values of the sandbox. The shop refuses the identifiers below in production."""

from typing import Final, NamedTuple

APP_ID: Final = "wxsandbox0000000001"
ACCOUNT_ID: Final = "gh_sandbox00000001"
MCH_ID: Final = "1900000109"
PUBLIC_KEY_ID: Final = "PUB_KEY_ID_SANDBOX0000000000000001"
SMS_SDK_APP_ID: Final = "1400000000"
SMS_SIGN_NAME: Final = "展厅沙箱"
SMS_TEMPLATE_CODE: Final = "1000001"
SMS_TEMPLATE_NOTICE: Final = "1000002"
SMS_TEMPLATES: Final = {
    SMS_TEMPLATE_CODE: "您的验证码是{1}，{2}分钟内有效。如非本人操作，请忽略本短信。",
    SMS_TEMPLATE_NOTICE: "{1}：{2}，{3}。",
}

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8001
DEFAULT_DIR: Final = "instance/sandbox"
DEFAULT_SHOP_URL: Final = "http://127.0.0.1:8000"

SIGN_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
CLOCK_SKEW_S: Final = 300
CODE_LIFETIME_S: Final = 300
TOKEN_LIFETIME_S: Final = 7200
TOKEN_OVERLAP_S: Final = 300
PREPAY_LIFETIME_S: Final = 7200
ORDER_LIFETIME_S: Final = 7 * 86400
NOTICE_TIMEOUT_S: Final = 5
# Seconds between the first attempt and each of the 15 repetitions of a notice that was not acknowledged.
RETRY_INTERVALS_S: Final = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)

FAULTS: Final = {
    "wrong_amount": "金额改成 1 分",
    "other_mchid": "换成别的商户号",
    "bad_signature": "签名错误",
    "old_timestamp": "一小时前的时间戳",
    "duplicate": "成功后再发一次",
    "drop": "第一次丢失，15 秒后重试",
    "delay": "晚 30 秒到达",
    "signtest": "先发一次签名探测",
    "unknown_serial": "没见过的公钥编号",
    "reordered": "晚于后面的通知",
    "past_close": "订单关闭很久以后才到",
}


class SamplePerson(NamedTuple):
    """A made-up account that the chooser offers; labelled 示例 wherever it is shown."""

    nickname: str
    note: str
    colour: str
    follows: bool = False
    snapshot: bool = False


SAMPLE_PEOPLE: Final = (
    SamplePerson("示例顾客甲", "买车的人，没有关注", "#0a7d5a"),
    SamplePerson("示例顾客乙", "已关注公众号", "#2b5fad", follows=True),
    SamplePerson("示例店员丙", "门店里核销的人，已关注", "#a1561b", follows=True),
    SamplePerson("示例店长丁", "门店主管", "#7a3f8f"),
    SamplePerson("示例访客戊", "总是从快照页进来", "#5b6662", snapshot=True),
)
