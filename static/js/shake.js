/* A shaken phone presses the button 摇一下. Motion is listened to after a tap alone, and after the permission where a phone asks for one.
   The place is asked on a tap, kept in this page's memory, and sent along with a shake; nothing stores it. */
(function () {
  "use strict";
  var doc = document, STRONG = 18, PAUSE = 1500, last = 0, listening = false, place = null;
  function $(name) { return doc.querySelector("[data-shake-" + name + "]"); }
  function say(name, text) { var box = $(name); if (box) box.textContent = text; }
  function moved(event) {
    var a = event.acceleration && event.acceleration.x !== null ? event.acceleration : null, g = event.accelerationIncludingGravity;
    var v = a || g, form = $("form");
    if (!v || !form || doc.hidden) return;
    var force = Math.sqrt(v.x * v.x + v.y * v.y + v.z * v.z) - (a ? 0 : 9.8), now = Date.now();
    if (force < STRONG || now - last < PAUSE || form.querySelector("button:disabled")) return;
    last = now;
    if (navigator.vibrate) navigator.vibrate(60);
    form.requestSubmit(form.querySelector("button[type=submit]"));
  }
  function listen() {
    listening = true;
    addEventListener("devicemotion", moved);
    draw();
  }
  function ask() {
    var motion = window.DeviceMotionEvent;
    if (!motion || !motion.requestPermission) return listen();
    motion.requestPermission().then(function (answer) {
      if (answer === "granted") listen(); else say("note", "没有开启也可以：点“摇一下”，概率一样");
    }, function () { say("note", "没有开启也可以：点“摇一下”，概率一样"); });
  }
  function fill() {
    var form = $("form");
    if (!form || !place) return;
    ["lat", "lng", "system"].forEach(function (name) { form.elements[name].value = place[name]; });
    say("place-note", "位置已确认，只用于这一次，不保存");
  }
  function refused() { say("place-note", "没有定位也可以：扫店内的领券码进入，就能摇"); }
  function found(lat, lng, system) { place = { lat: lat, lng: lng, system: system }; fill(); }
  function locate() {
    say("place-note", "正在定位…");
    window.zhanting.locate(found, refused);
  }
  function draw() {
    var button = $("motion"), near = $("place");
    if (button) button.hidden = listening || !window.DeviceMotionEvent || !matchMedia("(pointer: coarse)").matches || doc.documentElement.dataset.mode === "care";
    if (near) near.hidden = false;
    if (listening) say("note", "摇一摇手机，或点“摇一下”");
    fill();
  }
  doc.addEventListener("click", function (event) {
    if (!event.target.closest) return;
    if (event.target.closest("[data-shake-motion]")) ask();
    else if (event.target.closest("[data-shake-place]")) locate();
  });
  doc.addEventListener("htmx:afterSettle", draw);
  draw();
})();
