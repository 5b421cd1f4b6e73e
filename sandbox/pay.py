"""WeChat Pay API v3 over HTTP: JSAPI, H5 and Native order, query, close, refunds, bills. All verified and signed."""

import json
from typing import Any

from flask import Blueprint, Response, g, request

from sandbox import bills, constants, keys, orders, refunds
from sandbox.signing import PayError, check_request, sealed, signed_headers
from sandbox.world import World, rfc3339, world

blueprint = Blueprint("pay", __name__, url_prefix="/v3")


@blueprint.before_request
def verify_request() -> None:
    """Nothing is read before the signature over the raw bytes holds."""
    check_request(world(), request)


@blueprint.after_request
def sign_answer(response: Response) -> Response:
    """All five headers, also on an answer without a body. A planned new field is signed like the rest."""
    here = world()
    fault = g.get("weather")
    if fault is not None and fault["do"] == "new_field" and response.get_data().startswith(b"{"):
        g.pop("weather")
        response.set_data(b'{"brand_new":{"a":[1,null]},' + response.get_data()[1:])
    response.headers.update(signed_headers(here, response.get_data()))
    response.headers["Request-ID"] = here.request_id()
    return response


@blueprint.errorhandler(PayError)
def refuse(error: PayError) -> Response:
    """The refusal in WeChat Pay's form."""
    world().store.log("refused", path=request.path, code=error.code, message=error.message)
    data: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.detail is not None:
        data["detail"] = error.detail
    return _json(data, error.status)


@blueprint.post("/pay/transactions/jsapi")
def place() -> Response:
    """Order, or repeat the order; answers prepay_id."""
    return _json({"prepay_id": orders.place_order(world(), _body())})


@blueprint.post("/pay/transactions/h5")
def place_h5() -> Response:
    """The same for a phone's browser; answers h5_url, good for five minutes."""
    here = world()
    prepay_id = orders.place_order(here, _body(), "H5")
    return _json({"h5_url": f"{here.settings.public_url}/h5pay?prepay_id={prepay_id}&package={here.hexes('h5', 10)}"})


@blueprint.post("/pay/transactions/native")
def place_native() -> Response:
    """The same for scanning; answers code_url, good for two hours."""
    prepay_id = orders.place_order(world(), _body(), "NATIVE")
    return _json({"code_url": f"weixin://wxpay/bizpayurl?pr={prepay_id}"})


@blueprint.get("/pay/transactions/out-trade-no/<out_trade_no>")
def query(out_trade_no: str) -> Response:
    """Ask by the merchant's number."""
    _own_mchid(request.args.get("mchid"))
    here = world()
    return _json(orders.describe(here, orders.get_order(here, out_trade_no)))


@blueprint.get("/pay/transactions/id/<transaction_id>")
def query_by_id(transaction_id: str) -> Response:
    """Ask by WeChat Pay's number."""
    _own_mchid(request.args.get("mchid"))
    here = world()
    return _json(orders.describe(here, orders.get_order_by_transaction(here, transaction_id)))


@blueprint.post("/pay/transactions/out-trade-no/<out_trade_no>/close")
def close(out_trade_no: str) -> Response:
    """Close an unpaid order; 204."""
    _own_mchid(_body().get("mchid"))
    orders.close_order(world(), out_trade_no)
    return Response(status=204)


@blueprint.post("/refund/domestic/refunds")
def refund() -> Response:
    """Give money back; PROCESSING first, the outcome follows."""
    here = world()
    return _json(refunds.describe(here, refunds.request_refund(here, _body())))


@blueprint.get("/refund/domestic/refunds/<out_refund_no>")
def query_refund(out_refund_no: str) -> Response:
    """Ask for one refund."""
    here = world()
    return _json(refunds.describe(here, refunds.get_refund(here, out_refund_no)))


@blueprint.post("/refund/domestic/refunds/<refund_id>/apply-abnormal-refund")
def apply_abnormal_refund(refund_id: str) -> Response:
    """Send a refund that became ABNORMAL to a bank card; PROCESSING again."""
    here = world()
    return _json(refunds.describe(here, refunds.apply_abnormal(here, refund_id, _body())))


@blueprint.get("/bill/tradebill")
def trade_bill() -> Response:
    """Where the trade bill of a day is, from 10:00 on the next."""
    return _json(bills.announce(world(), "trade", request.args.to_dict()))


@blueprint.get("/bill/fundflowbill")
def fund_flow_bill() -> Response:
    """Where the fund-flow bill of a day is."""
    return _json(bills.announce(world(), "fundflow", request.args.to_dict()))


@blueprint.get("/certificates")
def certificates() -> Response:
    """The platform certificates; a merchant in public-key mode has none."""
    here = world()
    found = keys.certificates(here)
    if found:
        return _json({"data": [_certificate(here, one) for one in found]})
    raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")


def _certificate(here: World, one: keys.Certificate) -> dict[str, Any]:
    sealed_pem = sealed(here, one.pem, "certificate")
    sealed_pem.pop("original_type")
    return {
        "serial_no": one.serial,
        "effective_time": rfc3339(one.not_before),
        "expire_time": rfc3339(one.not_after),
        "encrypt_certificate": sealed_pem,
    }


def _body() -> dict[str, Any]:
    try:
        data = json.loads(request.get_data())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise PayError(400, "PARAM_ERROR", "请求体不是 JSON 对象")
    return data


def _own_mchid(value: object) -> None:
    if value != constants.MCH_ID:
        raise PayError(400, "PARAM_ERROR", "mchid 缺失或与签名的商户号不一致")


def _json(data: dict[str, Any], status: int = 200) -> Response:
    return Response(
        json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        status,
        content_type="application/json; charset=utf-8",
    )
