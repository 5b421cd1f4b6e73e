/* 360°: frames as they come, coarse first, drawn over the still picture. When they do not come the still picture stays.
   zhanting.turntable(box, hint, event): box is role=slider with data-turn, the address of {frames: [[[width, src], …], …]}, the front first,
   turning right; the still picture is at 315°. 12 px are one frame; a flick runs out by itself unless motion is unwanted. */
window.zhanting.turntable = function (box, hint, event) {
  "use strict";
  var STEP = 12, START = 315, words = hint.querySelector("[data-turn-words]"), still = matchMedia("(prefers-reduced-motion: reduce)");
  var net = navigator.connection || {}, thrifty = net.saveData || /2g|3g/.test(net.effectiveType || "");
  var canvas = document.createElement("canvas"), pen = canvas.getContext("2d"), frames = [], total = 0, coarse = 8, come = 0, failed = 0, drawn = -1;
  var place = 0, from = null, speed = 0, glide = 0, shown = false, waiting = "";
  var SIDES = ["正前", "右前", "右侧", "右后", "正后", "左后", "左侧", "左前"];

  function say(text) { words.textContent = text; }
  function off() { return box.hasAttribute("data-still"); }
  function angle() { return Math.round(((Math.round(place) % total) + total) % total * 360 / total) % 360; }
  function spoken(degrees) {
    if (degrees % 90 === 0) return SIDES[degrees / 45];
    var part = Math.floor(degrees / 90), turned = degrees % 90;
    return SIDES[part * 2 + 1] + " " + (part % 2 ? 90 - turned : turned) + " 度";
  }
  /* the nearest frame that is here */
  function nearest(wanted) {
    for (var away = 0; away <= total / 2; away++)
      for (var sign = 1; sign >= -1; sign -= 2) {
        var i = (((wanted + sign * away) % total) + total) % total;
        if (frames[i]) return i;
      }
    return -1;
  }
  function draw() {
    if (!total || !come || off()) return;
    var i = nearest(Math.round(place)), img = frames[i], degrees = angle();
    if (i >= 0 && i !== drawn) {
      if (!canvas.width || canvas.width !== img.naturalWidth) { canvas.width = img.naturalWidth; canvas.height = img.naturalHeight; }
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(img, 0, 0);
      drawn = i;
      if (!shown) { shown = true; box.append(canvas); box.classList.add("turns"); }
    }
    box.setAttribute("aria-valuenow", degrees);
    box.setAttribute("aria-valuetext", spoken(degrees));
  }
  function hide() {
    cancelAnimationFrame(glide);
    from = null;
    if (shown) { shown = false; drawn = -1; canvas.remove(); box.classList.remove("turns"); }
    place = START / 360 * total;
  }
  function turn(by) { cancelAnimationFrame(glide); place += by; draw(); }

  function run() {
    speed *= 0.94;
    place += speed;
    draw();
    if (Math.abs(speed) > 0.02) glide = requestAnimationFrame(run);
  }
  function down(e) {
    if (off() || (e.button !== undefined && e.button > 0)) return;
    cancelAnimationFrame(glide);
    from = { x: e.clientX, at: e.timeStamp, place: place };
    speed = 0;
  }
  function move(e) {
    if (!from) return;
    var gone = e.clientX - from.x;
    if (!from.held && Math.abs(gone) > 4) { from.held = true; if (box.setPointerCapture) try { box.setPointerCapture(e.pointerId); } catch (error) { /* the finger has left already */ } }
    if (!from.held) return;
    var next = from.place + gone / STEP, time = Math.max(1, e.timeStamp - from.at);
    speed = 0.6 * speed + 0.4 * (next - place) * 16 / time;
    from.at = e.timeStamp;
    place = next;
    draw();
  }
  function up(e) {
    if (!from) return;
    var late = e.timeStamp - from.at > 80;
    from = null;
    if (!still.matches && !late && Math.abs(speed) > 0.05 && e.type === "pointerup") glide = requestAnimationFrame(run);
  }
  function press(name) {
    var by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[name];
    if (by) return turn(by * (thrifty ? 3 : 1));
    place = name === "Home" ? 0 : total / 2;
    turn(0);
  }
  function key(e) {
    if (off() || !/^(Arrow|Home$|End$)/.test(e.key)) return;
    e.preventDefault();
    if (total) press(e.key); else waiting = e.key;
  }
  function button(sign, label) {
    var b = document.createElement("button");
    b.type = "button";
    b.className = "arrow turn-" + (sign < 0 ? "l" : "r");
    b.setAttribute("aria-label", label);
    b.textContent = sign < 0 ? "‹" : "›";
    b.onclick = function () { turn(sign * total / coarse); };
    box.after(b);
  }

  function order(n) {
    var seen = {}, list = [];
    [n / 2, n / 4, n / 8, 1].forEach(function (step, nth) {
      if (nth === 3 && thrifty) return;
      for (var i = 0; i < n; i += step) { var at = Math.round(i); if (!seen[at]) { seen[at] = 1; list.push(at); } }
    });
    return list;
  }
  function ready() {
    box.removeAttribute("aria-busy");
    if (come < 2) { say("360° 暂时打不开"); hide(); box.removeEventListener("pointerdown", down); return; }
    say("拖动看 360°");
  }
  function fetchFrames(sources) {
    total = sources.length;
    place = START / 360 * total;
    if (from) from.place = place;
    if (waiting) press(waiting);
    coarse = Math.min(8, total);
    var wide = box.clientWidth * (window.devicePixelRatio || 1), list = order(total), first = Math.min(coarse, list.length), busy = 0, next = 0;
    function src(widths) { return (thrifty ? widths[0] : widths.filter(function (w) { return w[0] >= wide * 0.8; })[0] || widths[widths.length - 1])[1]; }
    function more() {
      while (busy < 4 && next < list.length) one(list[next++]);
    }
    function one(i) {
      var img = new Image();
      busy++;
      img.onload = function () { frames[i] = img; come++; end(); };
      img.onerror = function () { failed++; end(); };
      img.src = src(sources[i]);
    }
    function end() {
      busy--;
      var done = come + failed;
      if (done < first) say("正在加载 360° " + done + "/" + first);
      if (done === first) ready();
      if (done >= first && come < 2) return;
      if (come >= 2 && (from || shown || document.activeElement === box)) draw();
      more();
    }
    say("正在加载 360°");
    more();
  }

  box.setAttribute("aria-busy", "true");
  box.addEventListener("pointerdown", down);
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", up);
  box.addEventListener("pointercancel", up);
  box.addEventListener("keydown", key);
  box.addEventListener("dragstart", function (e) { e.preventDefault(); });
  box.addEventListener("still", function (e) { if (e.detail) hide(); });
  canvas.className = "turn-c";
  if (event) (event.type === "keydown" ? key : down)(event);
  say("正在加载 360°");
  var shownAs = (box.querySelector("img") || {}).currentSrc || "";
  fetch(box.dataset.turn + (/\.avif$/.test(shownAs) ? "?form=avif" : "")).then(function (answer) {
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }).then(function (found) { fetchFrames(found.frames); button(-1, "向左转"); button(1, "向右转"); }).catch(ready);
};
