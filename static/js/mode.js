/* Before the first paint: care mode (关怀模式) from its cookie. Public pages are the same for everyone, so the server cannot do it.
   And whatever is tapped before the scripts are there: what only a script answers waits for them. */
(function () {
  var root = document.documentElement;
  if (/(?:^|;\s*)mode=care(?:;|$)/.test(document.cookie)) root.dataset.mode = "care";
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-mode-set]");
    if (!link) return;
    event.preventDefault();
    var care = link.dataset.modeSet === "care";
    document.cookie = "mode=" + (care ? "care" : "standard") + ";path=/;max-age=31536000;samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
    if (care) root.dataset.mode = "care"; else delete root.dataset.mode;
    scrollTo(0, 0);
  });
  var tapped;
  function wait(event) {
    var early = event.target.closest && event.target.closest("[type=button],[data-locate],[data-locate-here],[data-locate-city]");
    if (!early) return;
    event.preventDefault();
    tapped = early;
  }
  document.addEventListener("click", wait, true);
  document.addEventListener("DOMContentLoaded", function () {
    /* after the other listeners of this moment, htmx among them */
    setTimeout(function () {
      document.removeEventListener("click", wait, true);
      if (tapped) tapped.click();
    });
  });
})();
