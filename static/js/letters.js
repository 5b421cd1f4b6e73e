/* The city picker: a finger sliding down the letters shows and reaches one; the place is asked for on a tap and sent once. */
(function () {
  "use strict";
  var doc = document, busy = false;
  function lead(rail, y) {
    var links = rail.querySelectorAll("a"), box = rail.getBoundingClientRect();
    var link = links[Math.max(0, Math.min(links.length - 1, Math.floor((y - box.top) / box.height * links.length)))];
    var part = link && doc.getElementById(link.hash.slice(1));
    if (!part || rail.dataset.at === link.textContent) return;
    rail.dataset.at = link.textContent;
    part.scrollIntoView();
  }
  function slide(event) {
    var rail = event.target.closest && event.target.closest(".letters");
    if (!rail || rail.scrollWidth > rail.clientWidth + 1) return;
    event.preventDefault();
    lead(rail, event.touches[0].clientY);
  }
  doc.addEventListener("touchstart", slide, { passive: false });
  doc.addEventListener("touchmove", slide, { passive: false });
  doc.addEventListener("touchend", function () { var rail = doc.querySelector(".letters[data-at]"); if (rail) delete rail.dataset.at; });

  doc.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-locate-city]"), box = link && doc.getElementById("located");
    if (!box || !window.htmx) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    function say(text) { busy = false; var note = doc.createElement("span"); note.className = "meta"; note.textContent = text; box.replaceChildren(link, note); }
    function refused() { say("没有定位也可以：请选择所在城市"); }
    function send(lat, lng, system) {
      busy = false;
      window.htmx.ajax("GET", box.dataset.citiesHere + "?lat=" + lat + "&lng=" + lng + "&system=" + system, { target: box, swap: "innerHTML" });
    }
    say("正在定位…");
    busy = true;
    window.zhanting.locate(send, refused);
  });
})();
