/* Recomputes a draw on this device from what is published: promise, chain, seed, ranking. docs/draws.md says the same for other programs. */
(function () {
  "use strict";
  var doc = document, box = doc.querySelector("[data-verify]"), subtle = window.crypto && window.crypto.subtle;
  if (!box || !window.TextEncoder) return;
  var button = box.querySelector("[data-verify-run]"), out = box.querySelector("[data-verify-result]"), plain = box.querySelector("[data-verify-plain]");
  if (!subtle) { plain.textContent = "这个浏览器不能在本页计算。可以下载数据，按公开的算法自己计算。"; return; }
  var text = new TextEncoder();
  function hex(buffer) { return Array.from(new Uint8Array(buffer), function (b) { return b.toString(16).padStart(2, "0"); }).join(""); }
  function bytes(value) { return new Uint8Array((value.match(/../g) || []).map(function (pair) { return parseInt(pair, 16); })); }
  function sha(data) { return subtle.digest("SHA-256", data).then(hex); }
  function hash(fields) { return sha(text.encode(JSON.stringify(fields))); }
  async function recompute(r) {
    var lines = [], digest = await hash(r.promise), root = digest, scores = [], n;
    lines.push([digest === r.digest, "公示内容与承诺指纹一致"]);
    lines.push([r.promise[8] === r.commitment && (await sha(bytes(r.seed))) === r.commitment, "种子与开放前公布的指纹一致"]);
    for (n = 0; n < r.entries.length; n++) {
      if (r.entries[n][0] !== n + 1) root = "";
      root = await hash([1, r.entries[n][0], r.entries[n][1], r.entries[n][2], root]);
    }
    lines.push([root === r.root, "参与名单共 " + r.entries.length + " 人，没有被增删改动"]);
    var key = await subtle.importKey("raw", bytes(r.seed), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    for (n = 0; n < r.entries.length; n++) scores.push([hex(await subtle.sign("HMAC", key, text.encode(r.root + "|" + r.beacon + "|" + r.entries[n][1]))), r.entries[n][1]]);
    scores.sort(function (a, b) { return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0; });
    var best = scores.slice(0, r.count).map(function (pair) { return pair[1]; });
    lines.push([best.join() === r.winners.join(), "重新排序的前 " + r.count + " 位与中奖名单一致"]);
    return lines;
  }
  function show(lines) {
    var all = lines.every(function (line) { return line[0]; }), head = doc.createElement("p"), list = doc.createElement("ul");
    head.className = all ? "c-ok" : "c-err";
    head.textContent = all ? "核对一致" : "核对不一致，请联系客服";
    list.className = "prose";
    lines.forEach(function (line) {
      var item = doc.createElement("li");
      item.textContent = (line[0] ? "✓ " : "✗ 不符合：") + line[1];
      list.append(item);
    });
    out.replaceChildren(head, list);
  }
  plain.hidden = true;
  button.hidden = false;
  button.addEventListener("click", function () {
    button.disabled = true;
    out.textContent = "正在计算…";
    fetch(box.dataset.verify).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(recompute).then(show).catch(function () { out.textContent = "没有取到数据，请再点一次。"; }).then(function () { button.disabled = false; });
  });
})();
