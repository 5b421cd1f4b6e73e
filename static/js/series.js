/* The model page. Everything here works without it: colours are links, parts have links in them, headings have anchors.
   [data-colour] swaps the picture; [data-part] is a fragment that says when it could not come; [data-script] fetches its own script
   when it is near; #stores lists those of the remembered city or near a place; [data-print] prints. */
(function () {
  "use strict";
  var doc = document, $ = function (selector, from) { return (from || doc).querySelector(selector); };
  var all = function (selector, act) { doc.querySelectorAll(selector).forEach(act); };

  function load(src, then, failed) {
    var script = $("script[src='" + src + "']");
    if (!script) {
      script = doc.createElement("script");
      script.src = src;
      script.onload = function () { script.there = true; };
      script.onerror = function () { script.remove(); };
      doc.head.append(script);
    }
    if (script.there) { if (then) then(); return; }
    if (then) script.addEventListener("load", then);
    if (failed) script.addEventListener("error", failed);
  }

  /* 适合你: the last four model pages opened in this browser; foryou.js reads them. Storage switched off: nothing is noted */
  try {
    var own = $("[data-series]").dataset.series, before = JSON.parse(localStorage.getItem("seen"));
    before = (Array.isArray(before) ? before : []).filter(function (slug) { return slug !== own; });
    localStorage.setItem("seen", JSON.stringify([own].concat(before).slice(0, 4)));
  } catch (e) { /* see above */ }

  /* colours: the waiting picture takes the old one's place once it can be drawn, so nothing blinks and nothing moves */
  var turn = $("#turn"), kept = new Map(), shown = $(".dot[aria-current]"), wish = null;
  function paint(dot) {
    var waiting = $("template", dot), figure = kept.get(dot) || (waiting && waiting.content.firstElementChild.cloneNode(true));
    if (!figure) return false;
    kept.set(dot, figure);
    if (shown) kept.set(shown, turn.firstElementChild);
    wish = dot;
    function swap() {
      if (wish !== dot || shown === dot) return;
      turn.firstElementChild.replaceWith(figure);
      if (shown) shown.removeAttribute("aria-current");
      dot.setAttribute("aria-current", "true");
      shown = dot;
      $("#colour").textContent = dot.dataset.colour;
      turn.dispatchEvent(new CustomEvent("still", { detail: !dot.hasAttribute("data-turns") }));
      history.replaceState(history.state, "", dot.href);
      turn.classList.remove("waits");
    }
    var img = $("img", figure) || figure;
    turn.classList.add("waits");
    if (img.decode) img.decode().then(swap, swap); else swap();
    return true;
  }
  all(".dot[data-colour]", function (dot) {
    dot.addEventListener("click", function (event) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (dot === shown) { wish = dot; turn.classList.remove("waits"); event.preventDefault(); } else if (paint(dot)) event.preventDefault();
    });
  });

  /* 360°: on the first touch or key; by itself only where data costs nothing */
  if (turn && turn.dataset.turn) (function () {
    var hint = $("#turn-hint"), net = navigator.connection || {}, started = false;
    function can() { return !turn.hasAttribute("data-still"); }
    function begin(event) {
      if (started || !can()) return;
      started = true;
      load(turn.dataset.script, function () { window.zhanting.turntable(turn, hint, event && event.type ? event : null); });
    }
    function offer() {
      var yes = can();
      if (hint) hint.hidden = !yes;
      turn.classList.toggle("can-turn", yes);
      if (yes) { turn.tabIndex = 0; turn.setAttribute("role", "slider"); } else { turn.removeAttribute("tabindex"); turn.removeAttribute("role"); }
    }
    turn.setAttribute("aria-label", "360° 视角，左右方向键转动");
    turn.setAttribute("aria-valuemin", 0);
    turn.setAttribute("aria-valuemax", 359);
    turn.setAttribute("aria-valuenow", 315);
    turn.setAttribute("aria-valuetext", "左前 45 度");
    turn.addEventListener("still", function (event) { turn.toggleAttribute("data-still", event.detail); offer(); });
    turn.addEventListener("pointerdown", begin);
    turn.addEventListener("keydown", function (event) { if (/^(Arrow|Home|End)/.test(event.key)) { if (!started && can()) event.preventDefault(); begin(event); } });
    offer();
    if (!net.saveData && net.effectiveType === "4g" && /^(wifi|ethernet)$/.test(net.type) && window.requestIdleCallback)
      addEventListener("load", function () { window.requestIdleCallback(begin); });
  })();

  /* scripts of what lies further down, when it is near; a tap before its script is there waits for it, or goes where the link leads */
  all("section[data-script]", function (part) {
    part.addEventListener("click", function (event) {
      var link = event.target.closest("[data-locate]");
      if (!link || event.defaultPrevented || part.there) return;
      event.preventDefault();
      load(part.dataset.script, function () { part.there = true; link.click(); }, function () { location.href = link.href; });
    });
  });
  if (window.IntersectionObserver) {
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        near.unobserve(entry.target);
        load(entry.target.dataset.script);
      });
    }, { rootMargin: "300px" });
    all("section[data-script]", function (part) { near.observe(part); });

    /* which part is being read */
    var links = {};
    all(".anchors a", function (link) { links[link.hash.slice(1)] = link; });
    var reading = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        var link = links[entry.target.id];
        if (!link || !entry.isIntersecting) return;
        all(".anchors [aria-current]", function (old) { old.removeAttribute("aria-current"); });
        link.setAttribute("aria-current", "location");
        link.parentNode.scrollLeft = link.offsetLeft - 60;
      });
    }, { rootMargin: "-30% 0px -65%" });
    Object.keys(links).forEach(function (id) { var part = doc.getElementById(id === "overview" ? "stage" : id); if (part) { links[part.id] = links[id]; reading.observe(part); } });
  } else all("section[data-script]", function (part) { load(part.dataset.script); });

  /* parts: one quiet line instead of the page's banner, the same box, one tap to try again */
  all("[data-part]", function (part) {
    ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach(function (name) {
      part.addEventListener(name, function (event) {
        if (event.target !== part) return;
        event.stopPropagation();
        var again = doc.createElement("button");
        again.type = "button";
        again.className = "textlink";
        again.textContent = (part.dataset.part || "") + "加载失败，点此重试";
        again.onclick = function () { again.textContent = "正在加载…"; window.htmx.trigger(part, "refresh"); };
        part.replaceChildren(again);
      });
    });
  });
  addEventListener("online", function () { all("[data-part]", function (part) { if (part.querySelector(":scope > button.textlink")) window.htmx.trigger(part, "refresh"); }); });
  doc.addEventListener("htmx:afterSwap", function (event) {
    var script = $("script[data-countdown]");
    if (script && $("[data-end]", event.target)) load(script.dataset.countdown);
  });

  /* stores: of the city this device remembers, or near a place; the first is named above */
  var store = $("#store"), list = $("#dealers"), city = (/(?:^|;\s*)city=([^;]+)/.exec(doc.cookie) || [])[1];
  function name(words, text) {
    $("[data-store-name]", store).textContent = words;
    $("[data-store-text]", store).textContent = text;
    $("[data-store-link]", store).textContent = "换门店";
  }
  if (store && list) {
    if (city) {
      try { name(decodeURIComponent(city), "看这里的门店"); } catch (error) { city = ""; /* somebody else's cookie */ }
      list.setAttribute("hx-get", "/dealers?city=" + city);
      if (city && window.htmx) window.htmx.process(list);
    }
    list.addEventListener("htmx:afterSwap", function () {
      var first = $(".dealer", list), words = first && first.querySelectorAll("p");
      if (first) name($("h2,h3", first).textContent, words.length ? words[0].textContent : "");
    });
  }
  all("[data-print]", function (button) { button.addEventListener("click", function () { window.print(); }); });
})();
