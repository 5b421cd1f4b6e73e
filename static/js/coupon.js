/* Coupons. A tap on [data-claim] that leads through the login goes on by itself on the way back, once (kept in this tab alone).
   [data-poll] asks only while the page is looked at. */
(function () {
  "use strict";
  var doc = document, KEY = "claim";
  function kept(value) {
    try {
      var old = sessionStorage.getItem(KEY);
      if (value) sessionStorage.setItem(KEY, value); else sessionStorage.removeItem(KEY);
      return old;
    } catch (e) { return null; } /* storage switched off: one tap more */
  }
  var before = (kept() || "").split(" ");
  if (before[0] && Date.now() - before[1] < 600000) {
    var name = CSS.escape(before[0]), form = doc.querySelector('[data-claim-form="' + name + '"]'), link = doc.querySelector('[data-claim="' + name + '"][hx-get]');
    if (form && !form.querySelector("[name=passphrase],.errsum")) form.requestSubmit();
    else if (link && window.htmx) window.htmx.ajax("GET", link.getAttribute("href") + "&again=1", { target: link.closest("article"), swap: "outerHTML" });
  }
  doc.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-claim]");
    if (link) kept(link.dataset.claim + " " + Date.now());
  });
  doc.addEventListener("htmx:afterSwap", function () { kept(); });
  doc.addEventListener("htmx:beforeRequest", function (event) {
    if (doc.hidden && event.target.hasAttribute && event.target.hasAttribute("data-poll")) event.preventDefault();
  });
})();
