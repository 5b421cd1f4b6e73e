/* What WeChat shows when this page is shared: title, words, canonical address and square picture from the page's own head.
   app.js fetches this inside WeChat alone, after the page has loaded; the signature is asked for, since public pages are the same for everyone. */
(function () {
  "use strict";
  var link = document.querySelector("link[rel=canonical]"), source = link.dataset.sdk;
  function said(name) { var meta = document.querySelector('meta[property="og:' + name + '"]'); return meta ? meta.content : ""; }
  var zhanting = window.zhanting;
  /* app.js waits for this before it asks WeChat for a place */
  function failed() { zhanting.signed = false; }
  function set() {
    if (zhanting.signed === false) return; /* wx.ready comes after wx.error too */
    zhanting.signed = true;
    var data = { title: said("title"), desc: said("description"), link: link.href, imgUrl: said("image") };
    window.wx.updateAppMessageShareData(data);
    window.wx.updateTimelineShareData({ title: data.title, link: data.link, imgUrl: data.imgUrl });
  }
  function start() {
    fetch("/share/config?url=" + encodeURIComponent(location.href.split("#")[0])).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (config) {
      if (!config || !window.wx || !window.wx.config) return failed();
      /* the abilities of public pages: one signature and one list for all their scripts */
      config.jsApiList = ["updateAppMessageShareData", "updateTimelineShareData", "getLocation", "openLocation", "previewImage"];
      window.wx.config(config);
      window.wx.error(failed);
      window.wx.ready(set);
    }, failed /* no signature: WeChat shares the plain address */);
  }
  function load() {
    if (window.wx && window.wx.config) { start(); return; }
    var script = document.createElement("script");
    script.src = source;
    script.onload = start;
    script.onerror = failed;
    document.head.append(script);
  }
  load();
})();
