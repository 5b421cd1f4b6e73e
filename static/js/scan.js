/* Staff scan. [data-scan] is a form with an input named code: WeChat's scanner when there is one, else the camera, else typing.
   data-scanner-src: qr-scanner; data-config-*: wx.config of this page. Inside: [data-scan-start] button, [data-scan-video] holder (hidden),
   [data-scan-message]. A hardware scanner types into the field: typing anywhere goes there, Enter submits. */
(function () {
  "use strict";
  var form = document.querySelector("[data-scan]");
  if (!form) return;
  var data = form.dataset, input = form.querySelector("[name=code]"), words = form.querySelector("[data-scan-message]");
  var start = form.querySelector("[data-scan-start]"), holder = form.querySelector("[data-scan-video]"), wxReady = false, camera = null;

  if (window.wx && window.wx.config && data.configSignature) {
    window.wx.config({
      debug: false, appId: data.configAppId, timestamp: data.configTimestamp, nonceStr: data.configNonceStr,
      signature: data.configSignature, jsApiList: ["scanQRCode"]
    });
    window.wx.ready(function () { wxReady = true; });
    window.wx.error(function () { wxReady = false; });
  }
  function say(text) { if (words) words.textContent = text; }
  function typed() { say("打不开摄像头，请输入数字码"); input.focus(); }
  function submit(text) {
    if (camera) { camera.stop(); holder.hidden = true; }
    input.value = text;
    if (form.requestSubmit) form.requestSubmit(); else form.submit();
  }
  /* Android answers with plain text, iOS with JSON around it; a bar code has its kind before a comma. */
  function plain(answer) {
    var text = String((answer && answer.resultStr) || "");
    try { text = JSON.parse(text).scan_code.scan_result; } catch (error) { if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error; }
    return text.replace(/^[A-Z0-9_]+,/, "");
  }
  function byCamera() {
    if (!navigator.mediaDevices || !data.scannerSrc || !holder) { typed(); return; }
    if (window.QrScanner) { open(); return; }
    var script = document.createElement("script");
    script.src = data.scannerSrc;
    script.onload = open;
    script.onerror = typed;
    document.head.append(script);
  }
  function open() {
    var video = holder.querySelector("video");
    holder.hidden = false;
    camera = camera || new window.QrScanner(video, function (found) { submit(found.data); }, { preferredCamera: "environment", returnDetailedScanResult: true });
    camera.start().then(function () { say("将二维码放入框内"); }, function () { holder.hidden = true; typed(); });
  }
  if (start) start.addEventListener("click", function () {
    say("");
    if (wxReady) window.wx.scanQRCode({ needResult: 1, scanType: ["qrCode", "barCode"], success: function (answer) { submit(plain(answer)); }, fail: byCamera });
    else byCamera();
  });
  document.addEventListener("keydown", function (event) {
    if (event.target.matches("input,textarea,select,button,a") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") input.value = "";
    else if (event.key.length === 1) input.focus();
  });
})();
