"""The developer's desk: the bills to look at, and forms for the weather, the place and the tokens."""

from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox import bills, bridge, refunds, tokens, weather
from sandbox.world import CHINA, World, world

blueprint = Blueprint("desk", __name__)
PATHS = {
    "/cgi-bin/stable_token": "公众号令牌",
    "/cgi-bin/ticket/getticket": "JS-SDK 票据",
    "/cgi-bin/message": "公众号消息",
    "/sns/": "网页授权",
    "/v3/pay/transactions": "下单、查单、关单",
    "/v3/refund": "退款",
    "/v3/bill": "账单",
    "/": "所有接口",
}
OUTCOMES = {"ABNORMAL": "异常", "CLOSED": "关闭", "NOT_ENOUGH": "余额不足（重试后成功）"}
DIFFERENCES = {"missing": "少一笔", "extra": "多一笔", "amount": "金额不同", "state": "状态不同"}


def settings_of(here: World) -> dict[str, object]:
    """What the forms show as chosen now."""
    where = here.store.get_meta("place")
    names = {(lat, lng): name for name, lat, lng in bridge.PLACES}
    return {
        "paths": PATHS,
        "outcomes": OUTCOMES,
        "places": bridge.PLACES,
        "place": "refuse" if where == "refuse" else names.get(tuple(where), "别处") if where else "",
        "planned": here.store.get_meta("api_faults", []),
        "next_refund": here.store.get_meta("next_refund"),
    }


@blueprint.get("/bills")
def show_bills() -> str | tuple[str, int]:
    """The trade and fund-flow bill of a day, as a table; a day's bill can be made to differ here."""
    here = world()
    today = datetime.fromtimestamp(here.now(), CHINA).date()
    try:
        day = date.fromisoformat(request.args.get("day") or (today - timedelta(days=1)).isoformat())
    except ValueError:
        return "日期应为 YYYY-MM-DD", 400
    return render_template(
        "bills.html",
        day=day,
        tables=[("交易账单", bills.table(here, "trade", day)), ("资金账单", bills.table(here, "fund", day))],
        differences=here.store.get_meta(f"bill:{day}", []),
        kinds=DIFFERENCES,
        early=day >= today,
        said=request.args.get("said", ""),
    )


@blueprint.post("/play/differences")
def differ() -> BaseResponse:
    """One more difference in a day's trade bill, or none any more."""
    here, day = world(), request.form.get("day", "")
    number, kind = request.form.get("number", "").strip(), request.form.get("kind", "")
    try:
        date.fromisoformat(day)
        fen = int(request.form.get("fen") or 1)
    except ValueError:
        return _home("日期或金额看不懂。")
    plan = here.store.get_meta(f"bill:{day}", [])
    if request.form.get("clear"):
        plan = []
    elif number and kind in DIFFERENCES:
        plan = [*plan, {"kind": kind, "number": number, "fen": fen}]
    here.store.set_meta(f"bill:{day}", plan)
    return redirect("/bills?" + urlencode({"day": day}), 303)


@blueprint.post("/play/faults")
def plan() -> BaseResponse:
    """One more planned fault; or all of them are lifted."""
    here, form = world(), request.form
    if form.get("clear"):
        here.store.set_meta("api_faults", [])
        return _home("计划中的故障已清空。")
    fault: dict[str, object] = {name: form.get(name, "") for name in ("path", "do")}
    try:
        fault |= {"times": int(form.get("times") or 1), "when": form.get("when") or "before"}
        here.store.set_meta("api_faults", weather.check_plan([*here.store.get_meta("api_faults", []), fault]))
    except ValueError as error:
        return _home(f"做不到：{error}")
    return _home("故障已安排。")


@blueprint.post("/play/next-refund")
def next_refund() -> BaseResponse:
    """How the coming refund ends."""
    outcome = request.form.get("outcome", "")
    if outcome and outcome not in {*refunds.OUTCOMES, "NOT_ENOUGH"}:
        return _home("没有这种结果。")
    world().store.set_meta("next_refund", outcome or None)
    return _home("下一笔退款的结果已安排。" if outcome else "下一笔退款照常成功。")


@blueprint.post("/play/place")
def place() -> BaseResponse:
    """Where everybody is from now on."""
    wanted = request.form.get("place", "")
    found = {name: [lat, lng] for name, lat, lng in bridge.PLACES}
    world().store.set_meta("place", "refuse" if wanted == "refuse" else found.get(wanted))
    return _home("位置已设定。")


@blueprint.post("/play/tokens")
def expire() -> BaseResponse:
    """Every access_token and ticket is expired now."""
    tokens.expire_all(world())
    return _home("所有令牌和票据已过期，商城下次调用会得到 42001。")


def _home(said: str) -> BaseResponse:
    return redirect("/?" + urlencode({"said": said}), 303)
