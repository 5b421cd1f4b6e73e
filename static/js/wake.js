/* Keeps the screen on while a [data-wake] element (a code to show) is in view; best effort, H5 has no brightness. */
(function () {
  "use strict";
  var lock = null;
  function update() {
    var box = document.querySelector("[data-wake]"), wanted = box && box.offsetParent !== null && document.visibilityState === "visible";
    if (wanted && !lock && navigator.wakeLock) {
      navigator.wakeLock.request("screen").then(function (got) {
        lock = got;
        got.addEventListener("release", function () { lock = null; });
      }, function () { lock = null; });
    } else if (!wanted && lock) lock.release();
  }
  document.addEventListener("visibilitychange", update);
  document.addEventListener("htmx:afterSettle", update);
  update();
})();
