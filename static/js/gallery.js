/* The gallery: buttons and a counter for the snapping list, and the same list large in a sheet. In WeChat, its own viewer where it may be used. */
(function () {
  "use strict";
  var part = document.getElementById("gallery");
  if (!part) return;
  var calm = matchMedia("(prefers-reduced-motion: reduce)"), viewer = document.getElementById("viewer"), denied = false;

  /* root has [data-count] and two [data-step] */
  function slides(root, list) {
    var count = root.querySelector("[data-count]"), steps = root.querySelectorAll("[data-step]"), at = 0, timer = 0;
    function say() {
      count.textContent = (at + 1) + " / " + list.children.length;
      steps.forEach(function (b) { b.setAttribute("aria-disabled", String(at + +b.dataset.step < 0 || at + +b.dataset.step >= list.children.length)); });
    }
    function go(to, calmly) {
      at = Math.max(0, Math.min(list.children.length - 1, to));
      var item = list.children[at];
      if (item) list.scrollTo({ left: item.offsetLeft - list.firstElementChild.offsetLeft, behavior: calmly || calm.matches ? "auto" : "smooth" });
      say();
    }
    list.addEventListener("scroll", function () {
      clearTimeout(timer);
      timer = setTimeout(function () {
        var best = 0, least = Infinity, left = list.scrollLeft + list.firstElementChild.offsetLeft;
        if (list.scrollLeft + list.clientWidth >= list.scrollWidth - 2 && list.scrollLeft > 0) best = list.children.length - 1;
        else Array.prototype.forEach.call(list.children, function (item, i) { var d = Math.abs(item.offsetLeft - left); if (d < least) { least = d; best = i; } });
        at = best;
        say();
      }, 80);
    }, { passive: true });
    list.addEventListener("keydown", function (event) {
      var by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) { event.preventDefault(); go(at + by); }
    });
    steps.forEach(function (b) { b.hidden = false; b.addEventListener("click", function () { go(at + +b.dataset.step); }); });
    return { go: go, say: say };
  }

  var rail = part.querySelector(".slides"), links = Array.prototype.slice.call(rail.querySelectorAll("a"));
  var large = viewer.querySelector(".slides"), small = slides(part.querySelector(".sec-h"), rail), big = null;
  small.say();
  function fill() {
    if (big) return;
    links.forEach(function (link) {
      var item = document.createElement("li"), figure = link.firstElementChild.cloneNode(true);
      figure.querySelectorAll("[sizes]").forEach(function (box) { box.sizes = "(min-width: 990px) 960px, 100vw"; });
      item.append(figure);
      large.append(item);
    });
    big = slides(viewer, large);
  }
  links.forEach(function (link, i) {
    link.dataset.sheet = "viewer";
    link.setAttribute("aria-haspopup", "dialog");
    link.addEventListener("click", function (event) {
      var wx = window.wx;
      if (!denied && wx && wx.previewImage && window.WeixinJSBridge) {
        event.preventDefault();
        event.stopPropagation();
        wx.previewImage({ current: link.href, urls: links.map(function (a) { return a.href; }), fail: function () { denied = true; link.click(); } });
        return;
      }
      fill();
      /* after app.js has opened the sheet: before, nothing in it has a size */
      requestAnimationFrame(function () { big.go(i, true); });
    });
  });
})();
