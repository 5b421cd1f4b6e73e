"""WeChat Pay in a dictionary: what the services see of it, with every misfortune on demand."""

import itertools
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core.errors import GatewayError
from app.gateways.pay.port import (
    CashierParams,
    H5Order,
    JsapiOrder,
    NativeOrder,
    Order,
    OrderClosed,
    OrderNotFound,
    OrderPaid,
    PaymentNoticeData,
    PrepayId,
    RefundNoticeData,
    RefundRequest,
    RefundState,
    RefundStatus,
    TradeState,
    Transaction,
)

APP_ID, MCH_ID = "wxsandbox0000000001", "1900000109"


@dataclass
class Bank:
    """Orders, refunds and calls as WeChat Pay keeps them. `down` lists the calls that fail."""

    orders: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, Transaction] = field(default_factory=dict)
    refunds: dict[str, RefundState] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    finish_refunds: bool = False

    def __post_init__(self) -> None:
        self._ids, self._lock = itertools.count(1), threading.Lock()

    # what the shop calls

    def create_jsapi(self, order: JsapiOrder) -> PrepayId:
        return PrepayId(self._create(order))

    def _create(self, order: Order) -> str:
        with self._lock:
            self._call("create", order.out_trade_no)
            known = self.orders.setdefault(order.out_trade_no, order)
            assert known == order, "the same number must come with the same values"
            self._refuse_settled(order.out_trade_no)
            self.trades.setdefault(order.out_trade_no, self._trade(order))
            return f"wx{next(self._ids)}"

    def create_h5(self, order: H5Order) -> str:
        return f"https://pay.example/h5?prepay_id={self._create(order)}"

    def create_native(self, order: NativeOrder) -> str:
        return f"weixin://wxpay/bizpayurl?pr={self._create(order)}"

    def cashier_params(self, prepay_id: PrepayId) -> CashierParams:
        return CashierParams(APP_ID, "1", "n", f"prepay_id={prepay_id}", "RSA", "signature")

    def query(self, out_trade_no: str) -> Transaction:
        self._call("query", out_trade_no)
        if out_trade_no not in self.trades:
            raise OrderNotFound("wechatpay", "ORDER_NOT_EXIST")
        return self.trades[out_trade_no]

    def close(self, out_trade_no: str) -> None:
        with self._lock:
            self._call("close", out_trade_no)
            if out_trade_no not in self.trades:
                raise OrderNotFound("wechatpay", "ORDER_NOT_EXIST")
            if self.trades[out_trade_no].state is TradeState.SUCCESS:
                raise OrderPaid("wechatpay", "ORDERPAID")
            self.trades[out_trade_no] = replace(self.trades[out_trade_no], state=TradeState.CLOSED)

    def refund(self, request: RefundRequest) -> RefundState:
        self._call("refund", request.out_refund_no)
        assert self.trades[request.out_trade_no].state is TradeState.SUCCESS
        status = RefundStatus.SUCCESS if self.finish_refunds else RefundStatus.PROCESSING
        found = self.refunds.setdefault(
            request.out_refund_no,
            RefundState(
                f"rf{next(self._ids)}", request.out_refund_no, request.out_trade_no, "t", status,
                request.refund_fen, request.total_fen,
            ),
        )  # fmt: skip
        assert sum(r.refund_fen for r in self.refunds.values() if r.out_trade_no == request.out_trade_no) <= (
            request.total_fen
        )
        return found

    def query_refund(self, out_refund_no: str) -> RefundState:
        self._call("query_refund", out_refund_no)
        if out_refund_no not in self.refunds:
            raise OrderNotFound("wechatpay", "RESOURCE_NOT_EXISTS")
        return self.refunds[out_refund_no]

    def parse_notice(self, headers: object, body: bytes, now: datetime) -> PaymentNoticeData | RefundNoticeData:
        raise NotImplementedError("notices are given to the services directly, or signed for the real client")

    # what the payer and time do

    def pay(self, out_trade_no: str) -> Transaction:
        with self._lock:
            self._refuse_settled(out_trade_no)
            paid = replace(
                self.trades[out_trade_no], state=TradeState.SUCCESS, transaction_id=f"42000{next(self._ids):023d}"
            )
            self.trades[out_trade_no] = paid
            return paid

    def pay_although_closed(self, out_trade_no: str) -> None:
        """What must not happen and does: the order was closed, the money came all the same."""
        self.trades[out_trade_no] = replace(self.trades[out_trade_no], state=TradeState.NOTPAY)
        self.pay(out_trade_no)

    def only_order(self) -> str:
        (number,) = self.orders
        return number

    def notice(self, out_trade_no: str, now: datetime, /, **changes: object) -> PaymentNoticeData:
        found = replace(self.trades[out_trade_no], **changes)  # pyright: ignore[reportArgumentType]
        return PaymentNoticeData(f"EV-{next(self._ids)}", "TRANSACTION.SUCCESS", now, found)

    def finish(self, out_refund_no: str, now: datetime) -> RefundNoticeData:
        self.refunds[out_refund_no] = replace(self.refunds[out_refund_no], status=RefundStatus.SUCCESS)
        return RefundNoticeData(f"EV-{next(self._ids)}", "REFUND.SUCCESS", now, MCH_ID, self.refunds[out_refund_no])

    def count(self, call: str) -> int:
        return sum(1 for line in self.calls if line.startswith(f"{call} "))

    def _call(self, name: str, number: str) -> None:
        if name in self.down:
            raise GatewayError("wechatpay", "unreachable", retryable=True)
        self.calls.append(f"{name} {number}")

    def _refuse_settled(self, number: str) -> None:
        state = self.trades[number].state if number in self.trades else None
        if state is TradeState.SUCCESS:
            raise OrderPaid("wechatpay", "ORDERPAID")
        if state is TradeState.CLOSED:
            raise OrderClosed("wechatpay", "ORDER_CLOSED")

    def _trade(self, order: Order) -> Transaction:
        return Transaction(
            APP_ID, MCH_ID, order.out_trade_no, TradeState.NOTPAY, None, order.total_fen, order.total_fen, "CNY"
        )
