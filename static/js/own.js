/* A page of one's own inside WeChat: its address is not for others, so copying and opening it elsewhere leave the menu,
   and [data-subscribe] gets WeChat's own button that asks consent for one notice. script[data-sdk] names the SDK.
   Without a signature, or when wx.ready never comes, the page is as it was. */
(function () {
  "use strict";
  var own = document.currentScript;
  if (!/micromessenger/i.test(navigator.userAgent) || /wxwork/i.test(navigator.userAgent)) return;
  var failed = false;
  function draw(box) {
    var place = box.querySelector("[data-subscribe-place]"), tag = document.createElement("wx-open-subscribe"), inner = document.createElement("script");
    if (place.firstChild) return;
    tag.setAttribute("template", box.dataset.subscribe);
    inner.type = "text/wxtag-template";
    inner.textContent = '<button style="min-height:44px;padding:0 16px;border:1px solid #8a5a2b;border-radius:22px;background:none;color:#8a5a2b;font-size:15px">订阅微信通知</button>';
    tag.append(inner);
    tag.addEventListener("success", function () { place.textContent = "已收到您的选择"; });
    tag.addEventListener("error", function () { place.textContent = ""; });
    place.append(tag);
  }
  function ready() {
    if (failed) return;
    window.wx.hideMenuItems({ menuList: ["menuItem:copyUrl", "menuItem:openWithSafari", "menuItem:openWithQQBrowser", "menuItem:share:timeline"] });
    document.querySelectorAll("[data-subscribe]").forEach(draw);
    document.addEventListener("htmx:load", function () { document.querySelectorAll("[data-subscribe]").forEach(draw); });
  }
  function start() {
    fetch("/share/config?url=" + encodeURIComponent(location.href.split("#")[0])).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (config) {
      if (!config || !window.wx) return;
      config.jsApiList = ["hideMenuItems"];
      config.openTagList = ["wx-open-subscribe"];
      window.wx.config(config);
      window.wx.error(function () { failed = true; });
      window.wx.ready(ready);
    }, function () { failed = true; });
  }
  if (window.wx && window.wx.config) { start(); return; }
  var script = document.createElement("script");
  script.src = own.dataset.sdk;
  script.onload = start;
  document.head.append(script);
})();
