/* Home and special pages. 我要买车 · 我是车主 · 随便看看: remembered on this device alone, changes the order of the blocks only.
   使用我的位置: asks on a tap, sends the place once, keeps only the city and the store's address in cookies. */
(function () {
  "use strict";
  var box = document.getElementById("blocks"), kinds = document.getElementById("kinds"), busy = false;
  function stored(kind) {
    try {
      if (kind === undefined) return localStorage.getItem("for");
      if (kind) localStorage.setItem("for", kind); else localStorage.removeItem("for");
    } catch (e) { return null; } /* storage switched off: the choice lasts as long as the page */
  }
  function arrange(kind) {
    function place(block) { return +block.dataset.n + (kind && block.dataset.for.split(" ").indexOf(kind) < 0 ? 1000 : 0); }
    [].slice.call(box.children).sort(function (a, b) { return place(a) - place(b); }).forEach(function (block) { box.append(block); });
    kinds.querySelectorAll("a").forEach(function (link) {
      if (link.dataset.kind === kind) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    });
  }
  if (kinds) {
    if (/[?&]for=/.test(location.search)) stored((kinds.querySelector("[aria-current]") || { dataset: {} }).dataset.kind || "");
    else if (kinds.querySelector("[data-kind='" + stored() + "']")) arrange(stored());
    kinds.addEventListener("click", function (event) {
      var link = event.target.closest("[data-kind]");
      if (!link) return;
      event.preventDefault();
      var kind = link.hasAttribute("aria-current") ? "" : link.dataset.kind;
      stored(kind);
      arrange(kind);
      if (window.zhanting) window.zhanting.toast(kind ? "已按“" + link.textContent + "”排列" : "已恢复默认排列");
    });
  }
  function keep(name, value) {
    document.cookie = name + "=" + encodeURIComponent(value) + ";path=/;max-age=31536000;samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-locate-here]"), mine = link && link.closest(".mine");
    if (!mine || !window.htmx) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    function say(text) { busy = false; var note = mine.querySelector("[data-locate-note]"); if (note) note.textContent = text; }
    say("正在定位…");
    busy = true;
    window.zhanting.locate(function (lat, lng, system) {
      var where = "?lat=" + lat + "&lng=" + lng + "&system=" + system;
      window.htmx.ajax("GET", "/dealers/mine" + where, { target: mine, swap: "innerHTML" }).then(function () {
        busy = false;
        var found = mine.querySelector("[data-city]");
        if (!found) return;
        keep("city", found.dataset.city);
        keep("shop", found.dataset.shop);
        if (document.getElementById("here")) window.htmx.ajax("GET", "/dealers/here" + where, { target: "#here", swap: "innerHTML" });
      });
    }, function () { say("没有定位也可以：请选择所在城市"); });
  });
})();
