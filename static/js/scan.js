/* The counter. [data-scan] is a form with an input named code: WeChat's scanner when there is one, else the camera, else typing.
   script[data-jssdk]: WeChat's SDK, which may come late or never; data-scanner-src: qr-scanner; data-config-*: wx.config of this page. Inside: [data-scan-start] button, [data-scan-video] holder (hidden),
   [data-scan-message]. A hardware scanner types and ends with Enter: on every step that is the next scan. Esc clears or goes back.
   Steps replace #counter; [data-screen] is the body's class then, [data-title] the title. */
(function () {
  "use strict";
  var doc = document, counter = doc.getElementById("counter"), wechat = "none", tapped = 0, camera = null, typed = "", last = 0;
  if (!counter) return;
  function $(selector) { return doc.querySelector(selector); }
  function form() { return $("[data-scan]"); }
  function say(text) { var words = $("[data-scan-message]"); if (words) words.textContent = text; }
  function typing() { say(form().dataset.typing || "打不开摄像头，请输入数字码"); form().elements.code.focus(); }
  function stop() { if (camera) { camera.destroy(); camera = null; } }
  function submit(text) {
    var box = form();
    stop();
    if (box) {
      box.elements.code.value = text;
      if (box.requestSubmit) box.requestSubmit(); else box.submit();
    } else if (window.htmx) window.htmx.ajax("POST", counter.dataset.previewUrl, { target: "#counter", swap: "innerHTML", values: { code: text } });
  }
  /* Android answers with plain text, iOS with JSON around it; a bar code has its kind before a comma. */
  function plain(answer) {
    var text = String((answer && answer.resultStr) || "");
    try { text = JSON.parse(text).scan_code.scan_result; } catch (error) { if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error; }
    return text.replace(/^[A-Z0-9_]+,/, "");
  }
  function byCamera() {
    var source = form().dataset.scannerSrc;
    if (!navigator.mediaDevices || !source) { typing(); return; }
    if (window.QrScanner) { open(); return; }
    var script = doc.createElement("script");
    script.src = source;
    script.onload = open;
    script.onerror = typing;
    doc.head.append(script);
  }
  function open() {
    var holder = $("[data-scan-video]");
    if (!holder) return;
    holder.hidden = false;
    stop();
    camera = new window.QrScanner(holder.querySelector("video"), function (found) { submit(found.data); }, { preferredCamera: "environment", returnDetailedScanResult: true });
    camera.start().then(function () { say("将二维码放入框内"); }, function () { holder.hidden = true; typing(); });
  }
  /* wechat: "none", "asked" while WeChat looks at the signature, "ready". A tap waits three seconds for the answer, then takes the camera. */
  function answered(state) {
    wechat = state;
    if (!tapped) return;
    clearTimeout(tapped);
    tapped = 0;
    begin();
  }
  function begin() {
    if (!form()) return; /* typed meanwhile: the next step is there */
    say("");
    if (wechat === "ready") window.wx.scanQRCode({ needResult: 1, scanType: ["qrCode", "barCode"], success: function (answer) { submit(plain(answer)); }, fail: byCamera });
    else byCamera();
  }
  function inWechat() { return /micromessenger/i.test(navigator.userAgent); }
  function setUp() {
    var data = form() && form().dataset;
    if (!data || !window.wx || !window.wx.config || !data.configSignature || !inWechat()) { answered("none"); return; }
    wechat = "asked";
    window.wx.config({
      debug: false, appId: data.configAppId, timestamp: data.configTimestamp, nonceStr: data.configNonceStr,
      signature: data.configSignature, jsApiList: ["scanQRCode"]
    });
    var refused = false; /* wx.ready comes after wx.error too */
    window.wx.error(function () { refused = true; answered("none"); });
    window.wx.ready(function () { if (!refused) answered("ready"); });
  }
  doc.addEventListener("click", function (event) {
    if (!event.target.closest("[data-scan-start]")) return;
    if (wechat !== "asked") { begin(); return; }
    if (tapped) return;
    say("正在打开微信扫一扫…");
    tapped = setTimeout(answered, 3000, "none");
  });
  doc.addEventListener("keydown", function (event) {
    var field = event.target.matches("input,textarea,select"), key = event.key;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape") {
      typed = "";
      var back = $("[data-back]");
      if (back) back.click();
      else if (form()) { form().reset(); form().elements.code.focus(); }
    } else if (field) return;
    else if (key === "Enter") {
      /* what a scanner typed while a button had the focus must not press it */
      if (typed.length > 5) { event.preventDefault(); submit(typed); }
      else if (!event.target.matches("button,a")) { var next = $("[data-confirm] [type=submit],[data-back]"); if (next) { event.preventDefault(); next.click(); } }
      typed = "";
    } else if (key.length === 1) {
      if (event.timeStamp - last > 500) typed = "";
      last = event.timeStamp;
      if (form() && !event.target.matches("button,a")) form().elements.code.focus();
      else { typed += key; if (key === " ") event.preventDefault(); }
    }
  });
  doc.addEventListener("htmx:afterSwap", function (event) {
    var screen = event.target === counter && $("[data-screen]");
    if (!screen) return;
    stop();
    typed = "";
    doc.body.className = screen.dataset.screen;
    doc.title = screen.dataset.title;
  });
  var sdk = $("script[data-jssdk]");
  if (window.wx || !sdk) setUp();
  else {
    if (inWechat()) wechat = "asked";
    sdk.addEventListener("load", setUp);
    sdk.addEventListener("error", function () { answered("none"); });
  }
})();
