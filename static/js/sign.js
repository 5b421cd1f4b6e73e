// The signature pad: lines as a short path in the form's hidden field. Without this script the name is typed.
(function () {
  "use strict";
  var box = document.querySelector("[data-sign]");
  if (!box) return;
  var pad = box.querySelector("canvas"), field = box.querySelector("[name=drawing]"), pen = pad.getContext("2d");
  var path = field.value, drawing = false, MOST = 19000;
  box.hidden = false;
  pen.lineWidth = 4;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#111";
  function at(event) {
    var edge = pad.getBoundingClientRect();
    return [Math.round((event.clientX - edge.left) / edge.width * 600), Math.round((event.clientY - edge.top) / edge.height * 200)].map(function (n, i) {
      return Math.max(0, Math.min(n, i ? 200 : 600));
    });
  }
  function draw() { pen.clearRect(0, 0, 600, 200); if (path) pen.stroke(new Path2D(path)); }
  pad.addEventListener("pointerdown", function (event) {
    var p = at(event);
    if (path.length > MOST) return;
    drawing = true;
    pad.setPointerCapture(event.pointerId);
    path += "M" + p[0] + " " + p[1];
    event.preventDefault();
  });
  pad.addEventListener("pointermove", function (event) {
    if (!drawing || path.length > MOST) return;
    var p = at(event);
    path += "L" + p[0] + " " + p[1];
    draw();
  });
  ["pointerup", "pointercancel"].forEach(function (name) {
    pad.addEventListener(name, function () { drawing = false; field.value = path; });
  });
  box.querySelector("button").addEventListener("click", function () { path = field.value = ""; draw(); });
  draw();
})();
