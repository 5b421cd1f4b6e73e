/* 适合你: the model pages opened in this browser, newest first, four at most, in localStorage alone (series.js notes them); one tap on 清除 forgets them.
   They are named to the fragment that answers with cars like them, and to nobody else. */
(function () {
  "use strict";
  var doc = document, KEY = "seen", box = doc.getElementById("for-you");
  function seen() {
    try { var kept = JSON.parse(localStorage.getItem(KEY)); return Array.isArray(kept) ? kept : []; } catch (e) { return []; }
  }
  if (!box || !window.htmx || !(seen().length || (box.dataset.from && /(^|; )shop=/.test(doc.cookie)))) return;
  window.htmx.ajax("GET", (box.dataset.from || "/series/for-you") + "?seen=" + encodeURIComponent(seen().join(",")), { target: box, swap: "innerHTML" });
  box.addEventListener("click", function (event) {
    if (!event.target.closest("[data-forget]")) return;
    localStorage.removeItem(KEY);
    box.replaceChildren();
    window.zhanting.toast("已清除看过的车型");
  });
})();
