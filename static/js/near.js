// Nearest stores: asks for the place on a tap only (app.js), converts nothing itself, never stores it. Without it the link leads to the cities.
(function () {
  var box = document.getElementById("near");
  var link = box && box.querySelector("[data-locate]");
  if (!link || !window.htmx) return;
  var note = box.querySelector("[data-locate-note]"), count = document.getElementById("count");
  var busy = false;
  function say(text) { busy = false; note.textContent = text; }
  function refused() { say("没有定位也可以：请选择所在城市"); }
  function show(lat, lng, system) {
    var url = box.dataset.near + (box.dataset.near.indexOf("?") < 0 ? "?" : "&") + "lat=" + encodeURIComponent(lat) + "&lng=" + encodeURIComponent(lng) + (system ? "&system=" + system : "");
    var list = document.getElementById("dealers");
    function arrived() { say("已按距离排序，位置不会被保存"); if (count) count.textContent = "离您最近的门店"; }
    list.addEventListener("htmx:afterSwap", arrived, { once: true });
    window.htmx.ajax("GET", url, { target: "#dealers", swap: "innerHTML" }).then(function () {
      list.removeEventListener("htmx:afterSwap", arrived);
      if (busy) say("加载失败，请再点一次");
    }, function () { say("加载失败，请再点一次"); });
  }
  link.addEventListener("click", function (event) {
    event.preventDefault();
    if (busy) return;
    busy = true;
    note.textContent = "正在定位…";
    window.zhanting.locate(show, refused);
  });
})();
