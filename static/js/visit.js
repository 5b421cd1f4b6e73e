/* A scanned code's page. [data-check-place]: a form whose tap asks for the place, once, and forgets it.
   [data-car]: the trim in front of the visitor; of the last ones seen in this tab's sessionStorage, two offer the comparison in #pair. */
(function () {
  "use strict";
  var doc = document, car = doc.querySelector("[data-car]"), pair = doc.getElementById("pair"), KEY = "scanned", MOST = 4;
  function reveal() { doc.querySelectorAll("[data-check-place]").forEach(function (form) { form.hidden = false; }); }
  function say(text) { var box = doc.getElementById("place"); if (box) box.textContent = text; }
  function refused() { say("没有定位也可以：请向店员核实，或拨打门店电话。"); }
  function send(form, lat, lng, system) {
    form.elements.lat.value = lat;
    form.elements.lng.value = lng;
    form.elements.system.value = system;
    form.dataset.placed = "1";
    window.htmx.trigger(form, "submit");
  }
  /* before htmx sees it: without a place there is nothing to ask */
  doc.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches("[data-check-place]")) return;
    if (form.dataset.placed) { delete form.dataset.placed; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    say("正在定位…");
    window.zhanting.locate(function (lat, lng, system) { send(form, lat, lng, system); }, refused);
  }, true);
  doc.addEventListener("htmx:afterSettle", reveal);
  reveal();
  if (!car || !car.dataset.car) return;
  var seen = [], here = [car.dataset.car, car.dataset.name];
  try { seen = JSON.parse(sessionStorage.getItem(KEY)) || []; } catch (error) { seen = []; }
  if (!Array.isArray(seen)) seen = [];
  seen = [here].concat(seen.filter(function (one) { return one[0] !== here[0]; })).slice(0, MOST);
  try { sessionStorage.setItem(KEY, JSON.stringify(seen)); } catch (error) { /* private mode: this page only */ }
  if (seen.length < 2 || !pair) return;
  var link = doc.createElement("a");
  link.href = "/compare?trims=" + seen.map(function (one) { return encodeURIComponent(one[0]); }).join(",");
  link.textContent = "一起比较";
  pair.append("您还扫了 " + seen.slice(1).map(function (one) { return one[1]; }).join("、") + "，", link);
  pair.hidden = false;
})();
