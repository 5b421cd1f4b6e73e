/* [data-print] holds a button that prints the page; without scripts the browser's own menu does. */
(function () {
  "use strict";
  var box = document.querySelector("[data-print]");
  if (!box) return;
  box.hidden = false;
  box.addEventListener("click", function () { window.print(); });
})();
