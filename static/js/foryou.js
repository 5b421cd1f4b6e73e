/* 适合你: the model pages opened in this browser, newest first, four at most, in localStorage alone; one tap on 清除 forgets them.
   They are named to the fragment that answers with cars like them, and to nobody else. */
(function () {
  "use strict";
  var doc = document, KEY = "seen", box = doc.getElementById("for-you"), own = doc.querySelector("[data-series]");
  function seen() {
    try { var kept = JSON.parse(localStorage.getItem(KEY)); return Array.isArray(kept) ? kept : []; } catch (e) { return []; }
  }
  if (own) try {
    var slug = own.dataset.series;
    localStorage.setItem(KEY, JSON.stringify([slug].concat(seen().filter(function (s) { return s !== slug; })).slice(0, 4)));
  } catch (e) { /* storage switched off: nothing is remembered */ }
  if (!box || !seen().length || !window.htmx) return;
  window.htmx.ajax("GET", "/series/for-you?seen=" + encodeURIComponent(seen().join(",")), { target: box, swap: "innerHTML" });
  box.addEventListener("click", function (event) {
    if (!event.target.closest("[data-forget]")) return;
    localStorage.removeItem(KEY);
    box.replaceChildren();
    window.zhanting.toast("已清除看过的车型");
  });
})();
