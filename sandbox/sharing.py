"""Profit sharing (分账), the part a shop with dealers would use: receivers, orders, unfreezing, returns, amounts."""

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox import constants, orders
from sandbox.signing import PayError, check_request, signed_headers
from sandbox.world import World, rfc3339, world

blueprint = Blueprint("sharing", __name__, url_prefix="/v3/profitsharing")
CEILING_PERCENT = 30
EARLIEST_S, LATEST_S = 60, 30 * 86400
MAX_RECEIVERS = 50
KINDS = {"MERCHANT_ID", "PERSONAL_OPENID"}


@blueprint.before_request
def verify_request() -> None:
    """Nothing is read before the signature over the raw bytes holds."""
    check_request(world(), request)


@blueprint.after_request
def sign_answer(response: Response) -> Response:
    """Every answer is signed."""
    response.headers.update(signed_headers(world(), response.get_data()))
    return response


@blueprint.errorhandler(PayError)
def refuse(error: PayError) -> Response:
    """The refusal in WeChat Pay's form."""
    return _json({"code": error.code, "message": error.message}, error.status)


@blueprint.post("/receivers/add")
def add_receiver() -> Response:
    """Somebody money may be shared with."""
    data = _receiver(_body())
    with _book("receivers") as book:
        book[_key(data)] = data
    return _json(data)


@blueprint.post("/receivers/delete")
def delete_receiver() -> Response:
    """And no longer."""
    data = _receiver(_body())
    with _book("receivers") as book:
        book.pop(_key(data), None)
    return _json(data)


@blueprint.post("/orders")
def share() -> Response:
    """Divide a frozen payment: FINISHED, the result stands with each receiver."""
    here, data = world(), _body()
    if data.get("appid") != constants.APP_ID:
        raise PayError(400, "PARAM_ERROR", "appid 错误")
    order, asked = _frozen(here, data), data.get("receivers")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MAX_RECEIVERS:
        raise orders.wrong("receivers", f"应为 1 到 {MAX_RECEIVERS} 个")
    known = here.store.get_meta("sharing:receivers", {})
    total = sum(orders.fen_field({"amount": one.get("amount")}, "amount") for one in asked)
    with _book("orders") as book:
        former = book.get(str(data.get("out_order_no", "")))
        if former:
            if former["request"] != data:
                raise PayError(400, "INVALID_REQUEST", "分账单号重复：请求参数与首次不一致")
            return _json(former["answer"])
        if _shared(book, order["transaction_id"]) + total > order["total"] * CEILING_PERCENT // 100:
            raise PayError(403, "RULE_LIMIT", "分账金额超过最大比例")
        receivers = [_outcome(here, one, _key(one) in known) for one in asked]
        unfrozen = bool(data.get("unfreeze_unsplit"))
        return _json(_keep(here, book, data, {"receivers": receivers, "unfrozen": unfrozen}))


@blueprint.post("/orders/unfreeze")
def unfreeze() -> Response:
    """Release what was not shared."""
    here, data = world(), _body()
    _frozen(here, data)
    orders.text_field(data, "description", 80)
    with _book("orders") as book:
        if data.get("out_order_no") not in book:
            return _json(_keep(here, book, data, {"receivers": [], "unfrozen": True}))
        return _json(book[data["out_order_no"]]["answer"])


@blueprint.get("/orders/<out_order_no>")
def query(out_order_no: str) -> Response:
    """What became of a sharing order."""
    found = world().store.get_meta("sharing:orders", {}).get(out_order_no)
    if found is None or found["answer"]["transaction_id"] != request.args.get("transaction_id"):
        raise PayError(404, "RESOURCE_NOT_EXISTS", "记录不存在")
    return _json(found["answer"])


@blueprint.post("/return-orders")
def give_back() -> Response:
    """A merchant receiver returns its share: needed before the payer is refunded."""
    here, data = world(), _body()
    shared = here.store.get_meta("sharing:orders", {}).get(data.get("out_order_no"))
    fen = orders.fen_field({"amount": data.get("amount")}, "amount")
    if shared is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "原分账单不存在")
    got = sum(
        one["amount"]
        for one in shared["answer"]["receivers"]
        if one["account"] == data.get("return_mchid") and one["type"] == "MERCHANT_ID" and one["result"] == "SUCCESS"
    )
    with _book("returns") as book:
        former = book.get(str(data.get("out_return_no", "")))
        given = sum(one["amount"] for one in book.values() if one["out_order_no"] == data["out_order_no"])
        if former is None and given + fen > got:
            raise PayError(400, "INVALID_REQUEST", "回退金额超过可回退金额，或接收方不是商户")
        book[data["out_return_no"]] = former or {
            "order_id": shared["answer"]["order_id"], "out_order_no": data["out_order_no"],
            "out_return_no": data["out_return_no"], "return_id": here.hexes("return", 28),
            "return_mchid": data["return_mchid"], "amount": fen, "description": data.get("description", ""),
            "result": "SUCCESS", "create_time": rfc3339(here.now()), "finish_time": rfc3339(here.now()),
        }  # fmt: skip
        return _json(book[data["out_return_no"]])


@blueprint.get("/transactions/<transaction_id>/amounts")
def amounts(transaction_id: str) -> Response:
    """What of a payment is not shared yet."""
    here = world()
    order = orders.get_order_by_transaction(here, transaction_id)
    book = here.store.get_meta("sharing:orders", {})
    left = 0 if _released(book, transaction_id) else order["total"] - _shared(book, transaction_id)
    return _json({"transaction_id": transaction_id, "unsplit_amount": left})


class _book:
    """A remembered dictionary, changed all or nothing."""

    def __init__(self, name: str) -> None:
        self._store, self._name = world().store, f"sharing:{name}"

    def __enter__(self) -> dict[str, Any]:
        self._transaction = self._store.transaction()
        self._transaction.__enter__()
        self._data: dict[str, Any] = self._store.get_meta(self._name, {})
        return self._data

    def __exit__(self, *exc: Any) -> None:
        if exc[0] is None:
            self._store.set_meta(self._name, self._data)
        self._transaction.__exit__(*exc)


def _frozen(here: World, data: dict[str, Any]) -> Any:
    orders.text_field(data, "out_order_no", 64)
    order = orders.get_order_by_transaction(here, str(data.get("transaction_id", "")))
    settle = json.loads(order["request"]).get("settle_info") or {}
    if settle.get("profit_sharing") is not True:
        raise PayError(403, "NO_AUTH", "非分账订单不支持分账")
    if not EARLIEST_S <= here.now() - order["paid_at"] <= LATEST_S:
        raise PayError(400, "INVALID_REQUEST", "支付完成 1 分钟后、30 天内才能分账")
    if _released(here.store.get_meta("sharing:orders", {}), order["transaction_id"]):
        known = here.store.get_meta("sharing:orders", {})
        if data["out_order_no"] not in known:
            raise PayError(400, "INVALID_REQUEST", "订单已解冻")
    return order


def _keep(here: World, book: dict[str, Any], data: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "transaction_id": data["transaction_id"], "out_order_no": data["out_order_no"],
        "order_id": here.hexes("sharing", 28), "state": "FINISHED", "receivers": more["receivers"],
    }  # fmt: skip
    book[data["out_order_no"]] = {"request": data, "answer": answer, "unfrozen": more["unfrozen"]}
    here.store.log("sharing", out_order_no=data["out_order_no"])
    return answer


def _outcome(here: World, one: dict[str, Any], known: bool) -> dict[str, Any]:
    data = {name: one.get(name) for name in ("type", "account", "amount", "description")}
    moment = rfc3339(here.now())
    result = {"result": "SUCCESS"} if known else {"result": "CLOSED", "fail_reason": "NO_RELATION"}
    return {**data, **result, "detail_id": here.hexes("detail", 28), "create_time": moment, "finish_time": moment}


def _shared(book: dict[str, Any], transaction_id: str) -> int:
    mine = (one["answer"] for one in book.values() if one["answer"]["transaction_id"] == transaction_id)
    return sum(r["amount"] for one in mine for r in one["receivers"] if r["result"] == "SUCCESS")


def _released(book: dict[str, Any], transaction_id: str) -> bool:
    return any(one["unfrozen"] for one in book.values() if one["answer"]["transaction_id"] == transaction_id)


def _receiver(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("type") not in KINDS:
        raise orders.wrong("type", "应为 MERCHANT_ID 或 PERSONAL_OPENID")
    orders.text_field(data, "account", 64)
    return {name: data[name] for name in ("type", "account", "relation_type") if name in data}


def _key(data: dict[str, Any]) -> str:
    return f"{data.get('type')}:{data.get('account')}"


def _body() -> dict[str, Any]:
    load: Callable[[bytes], Any] = json.loads
    try:
        data = load(request.get_data())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise PayError(400, "PARAM_ERROR", "请求体不是 JSON 对象")
    return data


def _json(data: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(data, ensure_ascii=False), status, content_type="application/json; charset=utf-8")
