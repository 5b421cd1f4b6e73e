/* Opens WeChat Pay from a [data-pay] element. "ok" is no proof: it only leads to the page that asks the server.
   script[data-jssdk], WeChat's SDK, may come late or never: the client's own bridge pays as well. */
(function () {
  "use strict";
  var box = document.querySelector("[data-pay]");
  if (!box) return;
  var data = box.dataset, button = box.querySelector("[data-pay-button]"), words = box.querySelector("[data-pay-message]");
  var sdkReady = false, sdk = document.querySelector("script[data-jssdk]"), outside = box.querySelector("[data-outside]");

  function setUp() {
    if (!window.wx || !window.wx.config || !data.configSignature) return;
    window.wx.config({
      debug: false, appId: data.configAppId, timestamp: data.configTimestamp, nonceStr: data.configNonceStr,
      signature: data.configSignature, jsApiList: ["chooseWXPay"]
    });
    var refused = false; /* wx.ready comes after wx.error too */
    window.wx.error(function () { refused = true; });
    window.wx.ready(function () { sdkReady = !refused; });
  }
  if (window.wx) setUp();
  else if (sdk) sdk.addEventListener("load", setUp);
  function say(text) { words.textContent = text; }
  function busy(yes) { button.disabled = yes; button.classList.toggle("is-busy", yes); }
  function finish(message) {
    var result = /:(ok|cancel)$/.exec(message || "");
    if (result && result[1] === "ok") {
      say("正在确认付款结果…");
      location.assign(data.resultUrl);
      return;
    }
    busy(false);
    say(result ? "已取消，可重新支付" : "支付没有完成，请重试；如已扣款请勿重复支付，可查看订单");
  }
  function bySdk() {
    window.wx.chooseWXPay({
      timestamp: data.timeStamp, nonceStr: data.nonceStr, package: data.package, signType: data.signType, paySign: data.paySign,
      success: function (answer) { finish((answer && answer.errMsg) || "chooseWXPay:ok"); },
      cancel: function () { finish("chooseWXPay:cancel"); },
      fail: function () { finish("chooseWXPay:fail"); }
    });
  }
  function byBridge() {
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", {
      appId: data.appId, timeStamp: data.timeStamp, nonceStr: data.nonceStr, package: data.package, signType: data.signType, paySign: data.paySign
    }, function (answer) { finish(answer && answer.err_msg); });
  }
  function pay() { if (sdkReady) bySdk(); else byBridge(); }
  function noBridge() {
    busy(false);
    if (outside) { outside.hidden = false; button.hidden = true; say(""); } else say("请在微信中打开本页完成支付");
  }
  /* The bridge may come late: at most 3 s from now, then the way for people outside WeChat. */
  function whenBridge(found, missing) {
    if (window.WeixinJSBridge) { found(); return; }
    var timer = setTimeout(function () { document.removeEventListener("WeixinJSBridgeReady", ready); missing(); }, 3000);
    function ready() { clearTimeout(timer); found(); }
    document.addEventListener("WeixinJSBridgeReady", ready, { once: true });
  }
  button.addEventListener("click", function () {
    busy(true);
    say("");
    whenBridge(pay, noBridge);
  });
  whenBridge(function () {}, noBridge);
})();
