/* The list's address follows its filters. While a sheet is open the present history entry is the sheet's own, so the address waits until it is closed. */
(function () {
  "use strict";
  var doc = document, form = doc.getElementById("filters"), late = false;
  if (!form) return;
  form.classList.add("live");
  function write() {
    var list = doc.getElementById("list");
    if (!late || !list || doc.querySelector("dialog.sheet[open]")) return;
    late = false;
    history.replaceState(history.state, "", list.dataset.address);
  }
  doc.addEventListener("htmx:afterSettle", function () {
    var list = doc.getElementById("list");
    if (list && !list.dataset.seen) { list.dataset.seen = late = true; write(); }
  });
  form.addEventListener("close", write, true);
  var first = doc.getElementById("list");
  if (first) first.dataset.seen = true;
})();
