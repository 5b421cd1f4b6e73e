/* [data-end] (epoch ms) becomes boxes: 02 天 06 : 41 : 09. The clock is the server's: data-now, or one question for the
   Date header, since a phone may be a day off. Until the answer is here the sentence stands, and for ever if none comes. */
(function () {
  "use strict";
  var offset = null, asked = false, timer = 0, spoken = {};
  function pad(n) { return (n < 10 ? "0" : "") + n; }
  function say(box, text) {
    var region = document.getElementById("toasts");
    if (!region || spoken[box.dataset.end + text]) return;
    spoken[box.dataset.end + text] = 1;
    var words = document.createElement("span");
    words.className = "vh";
    words.textContent = text;
    region.append(words);
    setTimeout(function () { words.remove(); }, 5000);
  }
  function draw(box) {
    var left = Math.max(0, Math.floor((+box.dataset.end - Date.now() - offset) / 1000)), face = box.firstElementChild;
    var days = Math.floor(left / 86400), parts = [Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
    if (box.dataset.format === "minutes") parts = [Math.floor(left / 60), left % 60], days = 0;
    var nodes = [];
    if (days) nodes.push(cell(pad(days)), "天");
    parts.forEach(function (n, i) { if (i) nodes.push(":"); nodes.push(cell(pad(n))); });
    face.replaceChildren.apply(face, nodes);
    box.classList.toggle("soon", left < 3600);
    if (left <= 600 && left > 590) say(box, "还有 10 分钟");
    if (left <= 60 && left > 50) say(box, "还有 1 分钟");
    if (!left && !box.dataset.ended) {
      box.dataset.ended = "1";
      if (window.htmx) window.htmx.trigger(box, "ended");
    }
    return left;
  }
  function cell(text) { var em = document.createElement("em"); em.textContent = text; return em; }
  function ask() {
    if (asked) return;
    asked = true;
    var sent = Date.now();
    fetch("/healthz", { method: "HEAD", cache: "no-store" }).then(function (answer) {
      var date = Date.parse(answer.headers.get("Date"));
      /* the second began half a second before the middle of it, and the answer took half its way to come */
      if (date && offset === null) { offset = date + 500 - (sent + Date.now()) / 2; tick(); }
    }, function () { asked = false; });
  }
  function tick() {
    clearTimeout(timer);
    var running = 0;
    document.querySelectorAll("[data-end]").forEach(function (box) {
      if (!box.firstElementChild) return;
      if (box.dataset.now) { offset = +box.dataset.now - Date.now(); box.removeAttribute("data-now"); }
      if (offset === null) ask();
      else if (draw(box)) running++;
    });
    if (running) timer = setTimeout(tick, 1000 - (Date.now() + offset) % 1000);
  }
  document.addEventListener("htmx:afterOnLoad", function (event) {
    var xhr = event.detail.xhr, date = xhr.getResponseHeader("Date"), drift = Date.parse(date) - Date.now();
    /* a cached answer carries an old Date; half a minute and more is the phone's clock or no clock at all */
    if (drift === drift && !xhr.getResponseHeader("Age") && Math.abs(drift - offset) > 2000) offset = drift;
  });
  document.addEventListener("htmx:afterSettle", tick);
  addEventListener("pageshow", tick);
  tick();
})();
