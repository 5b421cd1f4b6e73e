/* What every page needs: sheets, toasts, the offline banner, double submits, prefetch. Each page works without it. */
(function () {
  "use strict";
  var doc = document, $ = function (selector, from) { return (from || doc).querySelector(selector); };
  var on = function (name, action, options) { doc.addEventListener(name, action, options); };

  /* toasts: success only; a failure is a banner that stays until it is closed */
  function toast(text) {
    var region = $("#toasts");
    if (!region || !text) return;
    var box = doc.createElement("p");
    box.className = "toast";
    box.textContent = text;
    region.append(box);
    setTimeout(function () { box.remove(); }, 2400);
  }
  function banner(text) {
    var region = $("#banner");
    if (!region) return;
    var box = doc.createElement("div"), close = doc.createElement("button");
    box.className = "banner";
    close.type = "button";
    close.textContent = "知道了";
    close.onclick = function () { region.replaceChildren(); };
    box.append(text, close);
    region.replaceChildren(box);
  }
  /* Where somebody is, asked on a tap: found(lat, lng, system) or refused(). Inside WeChat its own place, GCJ-02, as soon as share.js has
     signed the page, for which three seconds are waited; else the browser's, WGS-84, which the server is told by system=wgs84. */
  var shared = /MicroMessenger/i.test(navigator.userAgent) && $("link[data-share]");
  function locate(found, refused) {
    var tries = 0, geo = navigator.geolocation;
    function byBrowser() {
      if (!geo) return refused();
      geo.getCurrentPosition(function (p) { found(p.coords.latitude, p.coords.longitude, "wgs84"); }, refused, { timeout: 8000, maximumAge: 60000 });
    }
    (function ask() {
      if (zhanting.signed) window.wx.getLocation({ type: "gcj02", success: function (r) { found(r.latitude, r.longitude, ""); }, fail: byBrowser, cancel: refused });
      else if (shared && zhanting.signed === undefined && tries++ < 12) setTimeout(ask, 250);
      else byBrowser();
    })();
  }
  var zhanting = window.zhanting = { toast: toast, banner: banner, locate: locate };
  /* what a question asked by itself failed with ends with its next answer; that one ends no words about a tap.
     that an answer is lost is said until its own form is answered or gone */
  var byItself = false, lost = null;
  function asker(event) { return event.detail.requestConfig.elt; }
  function asksByItself(event) { return asker(event).matches('[hx-trigger*="every "]'); }
  function stands(event) { return lost && lost.isConnected && asker(event) !== lost; }
  on("toast", function (event) {
    var detail = event.detail || {}, text = detail.text || detail.message || detail.value;
    if (/^err/.test(detail.kind)) banner(text); else toast(text);
  });
  on("htmx:afterRequest", function (event) {
    var region = $("#banner");
    if (!region || !event.detail.successful || stands(event) || (!byItself && asksByItself(event))) return;
    lost = null;
    region.replaceChildren();
  });
  on("htmx:responseError", function (event) {
    if (stands(event)) return;
    byItself = asksByItself(event);
    var status = event.detail.xhr.status;
    if (event.detail.xhr.getResponseHeader("HX-Trigger")) return; /* the answer brought its own words */
    banner(status === 419 || status === 401 ? "登录已过期，请重新登录后继续" : status === 429 ? "操作太频繁，请稍后再试" : "刚才没有成功，您填写的内容还在。请重试");
  });
  ["htmx:sendError", "htmx:timeout"].forEach(function (name) {
    on(name, function (event) {
      if (stands(event)) return;
      byItself = asksByItself(event);
      lost = asker(event).matches("[data-lost]") ? asker(event) : null;
      banner(lost ? lost.dataset.lost : "网络不稳定，刚才没有成功。请重试");
    });
  });

  /* offline */
  function connection() { var bar = $("#offline"); if (bar) bar.hidden = navigator.onLine; }
  addEventListener("online", connection);
  addEventListener("offline", connection);

  /* sheets: #id in the address, so the back gesture closes them */
  function sheetNamed(id) { var box = id && doc.getElementById(id); return box && box.matches("dialog.sheet") && box.showModal ? box : null; }
  function show(box) {
    if (box.open) return;
    box.showModal();
    var title = $("h2", box);
    if (title) title.focus();
  }
  function shut(box) {
    if (history.state && history.state.sheet === box.id) history.back();
    else {
      box.close();
      if (location.hash === "#" + box.id) history.replaceState(null, "", location.pathname + location.search);
    }
  }
  function sync() {
    var wanted = sheetNamed(location.hash.slice(1));
    doc.querySelectorAll("dialog.sheet[open]").forEach(function (box) { if (box !== wanted) box.close(); });
    if (wanted) show(wanted);
  }
  addEventListener("popstate", sync);
  on("click", function (event) {
    var target = event.target, opener = target.closest("[data-sheet]"), box;
    if (opener && (box = sheetNamed(opener.dataset.sheet))) {
      event.preventDefault();
      if (box.open) return;
      history.pushState({ sheet: box.id }, "", "#" + box.id);
      show(box);
    } else if (target.closest("[data-sheet-close]") || target.matches("dialog.sheet")) {
      box = target.closest("dialog.sheet");
      if (box && box.open) { event.preventDefault(); shut(box); }
    }
  });
  on("cancel", function (event) { if (event.target.matches("dialog.sheet")) { event.preventDefault(); shut(event.target); } }, true);

  /* one submit at a time; htmx has its own class */
  on("submit", function (event) {
    var form = event.target, button = event.submitter || $("[type=submit]", form);
    if (form.method === "dialog" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.matches("[hx-post],[hx-get],[data-hx-post]") || (button && button.matches("[hx-post]"))) return;
    form.dataset.sent = "1";
    if (button) button.classList.add("is-busy");
    if (form.hasAttribute("data-file")) setTimeout(fresh, 3000, form); /* the answer is a file, this page stays */
  });
  function fresh(root) {
    root.parentNode.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
    root.querySelectorAll(".is-busy").forEach(function (button) { button.classList.remove("is-busy"); });
  }

  /* after a swap or a full page with errors: to the summary */
  function settle(root) {
    var summary = $("[data-errors]", root);
    if (summary) { summary.focus(); summary.scrollIntoView({ block: "center" }); }
    root.querySelectorAll("[data-toast]").forEach(function (box) { toast(box.textContent); box.remove(); });
    root.querySelectorAll("[data-wait]").forEach(wait);
  }
  on("htmx:afterSettle", function (event) { settle(event.target.parentNode || doc); });

  /* 验证码: words for the seconds left */
  function wait(button) {
    var left = +button.dataset.wait, words = $(".idle", button) || button, text = words.textContent;
    button.removeAttribute("data-wait");
    button.disabled = true;
    (function tick() {
      if (left <= 0) { button.disabled = false; words.textContent = text; return; }
      words.textContent = left-- + " 秒后可重发";
      setTimeout(tick, 1000);
    })();
  }
  /* 139 0000 0000 while typing, only at the end of the field so that the caret never jumps */
  on("input", function (event) {
    var box = event.target;
    if (!box.matches || !box.matches("[data-phone]") || box.selectionStart !== box.value.length) return;
    if (event.inputType && event.inputType.indexOf("delete") === 0) return;
    var digits = box.value.replace(/\D/g, "");
    if (digits.length <= 11) box.value = digits.replace(/^(\d{3})(\d)/, "$1 $2").replace(/^(\d{3} \d{4})(\d)/, "$1 $2");
  });

  /* 意见反馈 takes along which request made this page; without the API the form says so without it */
  on("click", function (event) {
    var link = event.target.closest("[data-feedback]"), load = link && performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
    ((load && load.serverTiming) || []).forEach(function (entry) { if (entry.name === "r") link.href = "/feedback/new?r=" + entry.description; });
  });

  /* prefetch on touch, once, only pages that are the same for everybody: anything else may begin a login */
  var asked = {};
  function prefetch(event) {
    var link = event.target.closest && event.target.closest("a[href]");
    if (!link || link.origin !== location.origin || link.pathname === location.pathname || asked[link.href]) return;
    if (!/^\/(((series|deals|dealers|topics|coupons)(\/[\w-]+)?|compare)\/?)?$/.test(link.pathname)) return;
    if (navigator.connection && navigator.connection.saveData) return;
    asked[link.href] = 1;
    var hint = doc.createElement("link");
    hint.rel = "prefetch";
    hint.href = link.href;
    doc.head.append(hint);
  }
  on("touchstart", prefetch, { passive: true });
  on("pointerover", function (event) { if (event.pointerType === "mouse") prefetch(event); }, { passive: true });

  /* the tapped car flies to the next page's stage */
  on("click", function (event) {
    var link = event.target.closest("[data-fly]"), img = link && $("img", link);
    if (img && img.style) img.style.viewTransitionName = "car";
  });

  /* back from the cache: only what changes by itself */
  addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    fresh(doc.body);
    doc.querySelectorAll("img").forEach(function (img) { if (img.style.viewTransitionName) img.style.viewTransitionName = ""; });
    if (window.htmx) doc.querySelectorAll(".volatile").forEach(function (box) { window.htmx.trigger(box, "refresh"); });
  });

  /* [data-watch] asks again by itself: never while the page is hidden, and no longer than so many seconds after the last touch */
  var seen = Date.now();
  function look() { seen = Date.now(); }
  on("pointerdown", look, { passive: true });
  on("keydown", look);
  on("visibilitychange", function () {
    if (doc.hidden || !window.htmx) return;
    look();
    doc.querySelectorAll("[data-watch]").forEach(function (box) { window.htmx.trigger(box, "refresh"); });
  });
  on("htmx:beforeRequest", function (event) {
    var limit = event.target.dataset && event.target.dataset.watch;
    if (limit !== undefined && (doc.hidden || (limit && Date.now() - seen > limit * 1e3))) event.preventDefault();
  });

  /* what WeChat shows when the page is shared: inside WeChat only, after everything else */
  addEventListener("load", function () {
    var script = doc.createElement("script");
    if (!shared) return;
    script.src = shared.dataset.share;
    script.onerror = function () { zhanting.signed = false; };
    doc.head.append(script);
  });

  /* keyboard open: bars out of the way */
  var view = window.visualViewport;
  if (view) view.addEventListener("resize", function () { doc.body.classList.toggle("kb", window.innerHeight - view.height > 150); });

  connection();
  sync();
  settle(doc);
})();
