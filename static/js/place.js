/* WeChat's own map for a store: [data-place] holds data-lat, data-lng (GCJ-02), data-name, data-address and a hidden button.
   The button shows once WeChat can do it; the links beside it work everywhere. share.js signs the page. */
(function () {
  "use strict";
  var box = document.querySelector("[data-place]"), button = box && box.querySelector("button");
  if (!button || !/micromessenger/i.test(navigator.userAgent)) return;
  var data = box.dataset, tries = 0;
  /* Before the page is signed the question stays unanswered, and wx.ready keeps one handler, share.js's: so ask again. */
  function look() {
    if (!box.hidden || tries++ > 20) return;
    setTimeout(look, 500);
    if (!window.wx || !window.wx.checkJsApi) return;
    window.wx.checkJsApi({ jsApiList: ["openLocation"], success: function (answer) {
      var can = answer.checkResult;
      if (typeof can === "string") can = JSON.parse(can);
      box.hidden = !(can && can.openLocation);
    } });
  }
  button.addEventListener("click", function () {
    window.wx.openLocation({ latitude: Number(data.lat), longitude: Number(data.lng), name: data.name, address: data.address, scale: 16 });
  });
  look();
})();
