/* The event log writes itself: new lines arrive every second while the page is looked at. */
(function () {
  "use strict";
  var list = document.getElementById("log"), live = document.getElementById("live");
  var last = Number(list.dataset.last);

  function clock(at) {
    var text = new Date((at + 8 * 3600) * 1000).toISOString();
    return text.slice(5, 10) + " " + text.slice(11, 19);
  }

  function show(line) {
    var item = document.createElement("li"), time = document.createElement("time"), kind = document.createElement("b");
    time.textContent = clock(line.at);
    kind.textContent = line.kind;
    item.append(time, " ", kind, " ", JSON.stringify(line.detail));
    item.className = "new";
    list.prepend(item);
    while (list.children.length > 40) list.lastChild.remove();
  }

  function ask() {
    if (document.hidden) return;
    fetch("/sim/log?limit=40&after=" + last)
      .then(function (reply) { return reply.json(); })
      .then(function (data) {
        live.textContent = "实时";
        data.log.reverse().forEach(function (line) { last = line.id; show(line); });
      })
      .catch(function () { live.textContent = "沙箱没有回应"; });
  }
  setInterval(ask, 1000);
})();
