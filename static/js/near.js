// Nearest stores: asks for the place on a tap only, converts nothing itself, never stores it.
// WeChat gives GCJ-02; a browser gives WGS-84, which the server is told by system=wgs84.
(function () {
  var box = document.getElementById("near");
  var button = box && box.querySelector("[data-locate]");
  if (!button) return;
  var note = box.querySelector("[data-locate-note]");
  var sdk = window.wx && window.wx.getLocation && window.WeixinJSBridge;
  if (!sdk && !navigator.geolocation) return;
  button.hidden = false;
  function refused() { button.disabled = false; note.textContent = "没有定位也可以：请选择所在城市"; }
  function show(lat, lng, system) {
    var url = box.dataset.near + "?lat=" + encodeURIComponent(lat) + "&lng=" + encodeURIComponent(lng) + (system ? "&system=" + system : "");
    window.htmx.ajax("GET", url, { target: "#dealers", swap: "innerHTML" }).then(function () { button.disabled = false; note.textContent = "已按距离排序，位置不会被保存"; });
  }
  button.addEventListener("click", function () {
    button.disabled = true;
    note.textContent = "正在定位…";
    if (sdk) return window.wx.getLocation({ type: "gcj02", success: function (r) { show(r.latitude, r.longitude); }, fail: refused, cancel: refused });
    navigator.geolocation.getCurrentPosition(function (p) { show(p.coords.latitude, p.coords.longitude, "wgs84"); }, refused, { timeout: 8000, maximumAge: 60000 });
  });
})();
