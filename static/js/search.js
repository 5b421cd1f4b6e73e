/* 搜索过的: the last eight queries that led somewhere, kept in this browser alone; each can be deleted, or all. */
(function () {
  "use strict";
  var doc = document, KEY = "searched", MOST = 8, box = doc.getElementById("recent"), input = doc.getElementById("q");
  if (!box || !input) return;
  function read() {
    try { var kept = JSON.parse(localStorage.getItem(KEY)); return Array.isArray(kept) ? kept.filter(function (t) { return typeof t === "string"; }) : []; } catch (e) { return []; }
  }
  function keep(list) { try { if (list.length) localStorage.setItem(KEY, JSON.stringify(list)); else localStorage.removeItem(KEY); } catch (e) { /* not kept */ } }
  function remember() {
    var text = input.value.trim().slice(0, 40);
    if (text) keep([text].concat(read().filter(function (old) { return old !== text; })).slice(0, MOST));
  }
  function show() {
    var list = read(), chips = box.querySelector(".chips");
    box.hidden = !list.length || !!input.value.trim();
    chips.replaceChildren();
    list.forEach(function (text) {
      var chip = doc.createElement("span"), link = doc.createElement("a"), drop = doc.createElement("button");
      chip.className = "chip";
      link.className = "textlink";
      link.href = "/search?q=" + encodeURIComponent(text);
      link.textContent = text;
      drop.type = "button";
      drop.className = "s-drop";
      drop.textContent = "×";
      drop.setAttribute("aria-label", "删除" + text);
      drop.onclick = function () { keep(read().filter(function (old) { return old !== text; })); show(); };
      chip.append(link, drop);
      chips.append(chip);
    });
  }
  box.querySelector("[data-forget]").onclick = function () { keep([]); show(); };
  doc.addEventListener("click", function (event) { if (event.target.closest("#found a")) remember(); });
  doc.getElementById("search").addEventListener("submit", remember);
  input.addEventListener("input", show);
  addEventListener("pageshow", function () { doc.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; }); show(); });
  show();
})();
