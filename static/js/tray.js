/* 对比: up to four trims of this tab, [[slug, picture], …] in sessionStorage; the pill above the bar leads to their comparison. */
(function () {
  "use strict";
  var doc = document, tray = doc.getElementById("tray"), KEY = "compare", MOST = 4;
  if (!tray) return;
  function read() {
    try { var kept = JSON.parse(sessionStorage.getItem(KEY)); return Array.isArray(kept) ? kept.slice(0, MOST) : []; } catch (e) { return []; }
  }
  function keep(cars) { try { sessionStorage.setItem(KEY, JSON.stringify(cars)); } catch (e) { /* private mode: this page only */ } }
  function has(cars, slug) { return cars.some(function (car) { return car[0] === slug; }); }
  var cars = read();
  function show() {
    doc.querySelectorAll("[data-compare]").forEach(function (link) {
      var chosen = has(cars, link.dataset.compare);
      if (!link.dataset.words) link.dataset.words = link.getAttribute("aria-label") || "";
      link.setAttribute("role", "button");
      link.setAttribute("aria-pressed", chosen);
      link.textContent = chosen ? "✓ 已加入" : "＋对比";
    });
    if (tray.dataset.trims !== undefined) return;
    tray.hidden = !cars.length;
    tray.href = "/compare?trims=" + cars.map(function (car) { return encodeURIComponent(car[0]); }).join(",");
    tray.replaceChildren();
    cars.forEach(function (car) {
      if (!car[1]) return;
      var img = doc.createElement("img");
      img.src = car[1];
      img.alt = "";
      img.width = img.height = 36;
      tray.append(img);
    });
    tray.append("对比 " + cars.length + "/" + MOST);
  }
  doc.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-compare]");
    if (!link) return;
    event.preventDefault();
    var slug = link.dataset.compare, box = link.closest("li,article"), img = box && box.querySelector("img");
    if (has(cars, slug)) cars = cars.filter(function (car) { return car[0] !== slug; });
    else if (cars.length >= MOST) { window.zhanting.toast("最多对比 " + MOST + " 款，请先去掉一款"); return; }
    else cars.push([slug, img ? img.currentSrc || img.src : ""]);
    keep(cars);
    show();
  });
  doc.addEventListener("keydown", function (event) {
    if (event.key === " " && event.target.matches && event.target.matches("[data-compare]")) { event.preventDefault(); event.target.click(); }
  });
  doc.addEventListener("htmx:afterSettle", show);
  addEventListener("pageshow", function () { if (tray.dataset.trims === undefined) { cars = read(); show(); } });
  /* the comparison itself: what its address says is the choice */
  if (tray.dataset.trims !== undefined) {
    var known = {};
    cars.forEach(function (car) { known[car[0]] = car[1]; });
    cars = tray.dataset.trims.split(",").filter(Boolean).map(function (slug) {
      var head = doc.querySelector('[data-car="' + slug + '"] img');
      return [slug, head ? head.currentSrc || head.src : known[slug] || ""];
    });
    keep(cars);
    /* group headings stick below the head, whatever its height */
    var box = doc.querySelector(".cmp-box"), head = box && box.querySelector("thead");
    if (head && window.ResizeObserver) new ResizeObserver(function () { box.style.setProperty("--head", head.offsetHeight - 1 + "px"); }).observe(head);
  }
  show();
})();
