/* 微信沙箱的 WeixinJSBridge: what the original JS-SDK expects from the WeChat client, answered by the sandbox. */
(function () {
  "use strict";
  if (window.__wechatSandbox) return;
  var source = new URL(document.currentScript.src);
  var origin = source.origin;
  var landing = location.href;
  var realAgent = navigator.userAgent;
  var android = /android/i.test(realAgent);
  var ios = /iphone|ipad/i.test(realAgent);
  var verified = null;
  var dialog = null;
  var handlers = {};
  // Open to everybody without wx.config, as in the client.
  var base = ["checkJsApi", "getNetworkType", "closeWindow", "hideOptionMenu", "showOptionMenu"];
  var quiet = [
    "updateAppMessageShareData", "updateTimelineShareData", "hideMenuItems", "showMenuItems", "hideOptionMenu",
    "showOptionMenu", "hideAllNonBaseMenuItem", "showAllNonBaseMenuItem"
  ];
  var pictures = {};
  var tags = [];
  var state = (window.__wechatSandbox = { calls: [], share: {}, hidden: [], verified: function () { return verified; } });

  // A desktop browser has no MicroMessenger in its name and the SDK would sleep; lend it one.
  if (!/micromessenger/i.test(realAgent)) {
    Object.defineProperty(navigator, "userAgent", {
      configurable: true,
      get: function () { return realAgent + " MicroMessenger/8.0.48(0x28003052) NetType/WIFI Language/zh_CN"; }
    });
  }

  function pageUrl() {
    // Android signs the current address, iOS the one the page was entered by.
    return (ios ? landing : location.href).split("#")[0];
  }

  function ask(path, params, done) {
    fetch(origin + path, {
      method: "POST",
      headers: { "Content-Type": "text/plain" },
      body: JSON.stringify({ params: params, url: pageUrl() })
    })
      .then(function (reply) { return reply.json(); })
      .then(done, function () { done(null); });
  }

  function openDialog(path, query, title, done) {
    var ticket = String(Math.random()).slice(2);
    var frame = document.createElement("iframe");
    var trigger = document.activeElement;
    query.origin = location.origin;
    query.ticket = ticket;
    frame.src = origin + path + "?" + new URLSearchParams(query);
    frame.title = title;
    frame.name = "wechat-sandbox-dialog";
    frame.setAttribute("data-wechat-sandbox", "dialog");
    var style = frame.style;
    style.colorScheme = "light dark"; // as the dialog itself says; else it would not be transparent
    style.position = "fixed";
    style.inset = "0";
    style.width = "100%";
    style.height = "100%";
    style.border = "0";
    style.zIndex = "2147483647";
    style.background = "rgba(0,0,0,.5)";
    style.colorScheme = "light";
    function receive(event) {
      if (event.origin !== origin || event.source !== frame.contentWindow) return;
      if (!event.data || event.data.ticket !== ticket) return;
      window.removeEventListener("message", receive);
      frame.remove();
      dialog = null;
      if (trigger && trigger.focus) trigger.focus();
      done(event.data.result);
    }
    window.addEventListener("message", receive);
    document.body.appendChild(frame);
    dialog = frame;
  }

  function readPicture(file, done) {
    var reader = new FileReader();
    reader.onload = function () {
      var id = (ios ? "wxLocalResource://imageid" : "weixin://resourceid/") + String(Math.random()).slice(2);
      pictures[id] = reader.result;
      done(id);
    };
    reader.readAsDataURL(file);
  }

  function shareable(link) {
    // The link's host must be a JS接口安全域名; here that is the page's own.
    try {
      return new URL(link, location.href).hostname === location.hostname;
    } catch (error) {
      return false;
    }
  }

  // The client draws the open tags once the page is verified for them; others get an error.
  function drawTags() {
    document.querySelectorAll("wx-open-subscribe,wx-open-launch-weapp").forEach(function (element) {
      var name = element.localName;
      if (element.hasAttribute("data-wechat-sandbox")) return;
      element.setAttribute("data-wechat-sandbox", "tag");
      function tell(kind, detail) { element.dispatchEvent(new CustomEvent(kind, { detail: detail })); }
      if (tags.indexOf(name) < 0) return tell("error", { errMsg: name + ":permission denied" });
      var template = element.querySelector('script[type="text/wxtag-template"],template');
      var face = document.createElement("span");
      face.innerHTML = template ? template.innerHTML : "";
      face.style.cursor = "pointer";
      element.attachShadow({ mode: "open" }).appendChild(face);
      tell("ready", {});
      element.addEventListener("click", function () {
        if (name === "wx-open-launch-weapp") return tell("launch", { errMsg: "launch:ok" });
        var ids = element.getAttribute("template") || "";
        openDialog("/sim/dialog/subscribe", { template: ids }, "订阅消息（沙箱）", function (result) {
          tell(result.errMsg === "subscribe:ok" ? "success" : "error", result);
        });
      });
    });
  }
  new MutationObserver(function () { if (tags.length) drawTags(); })
    .observe(document.documentElement, { childList: true, subtree: true });

  function allowed(name, params) {
    if (base.indexOf(name) >= 0) return true;
    // A page may also call the cashier on the bridge directly; then it carries no verify fields.
    if (!("verifySignature" in params)) return name === "getBrandWCPayRequest";
    return !!verified && params.verifySignature === verified.signature && verified.list.indexOf(name) >= 0;
  }

  var api = {
    preVerifyJSAPI: function (params, done) {
      ask("/sim/bridge/verify", params, function (answer) {
        if (!answer) return done({ err_msg: "preVerifyJSAPI:fail_system error" });
        var ok = answer.err_msg === "preVerifyJSAPI:ok";
        verified = ok ? { signature: params.verifySignature, list: (params.verifyJsApiList || []).slice() } : null;
        tags = ok ? (params.verifyOpenTagList || []).slice() : [];
        if (ok) drawTags();
        done(answer);
      });
    },
    getNetworkType: function (params, done) { done({ err_msg: "network_type:wifi" }); },
    checkJsApi: function (params, done) {
      var result = {};
      (params.jsApiList || []).forEach(function (name) {
        result[name] = !!api[name] && (base.indexOf(name) >= 0 || (!!verified && verified.list.indexOf(name) >= 0));
      });
      done({ err_msg: "checkJsApi:ok", checkResult: android ? JSON.stringify(result) : result });
    },
    getBrandWCPayRequest: function (params, done) {
      if (dialog) return done({ err_msg: "get_brand_wcpay_request:fail", err_desc: "另一笔支付正在进行" });
      ask("/sim/bridge/pay", params, function (answer) {
        if (!answer) return done({ err_msg: "get_brand_wcpay_request:fail", err_desc: "系统繁忙，请稍后再试" });
        if (answer.err_msg !== "get_brand_wcpay_request:open") return done(answer);
        openDialog("/sim/cashier", { prepay_id: answer.prepay_id }, "微信支付收银台（沙箱）", done);
      });
    },
    geoLocation: function (params, done) {
      var query = { type: params.type || "wgs84" };
      ask("/sim/bridge/place", query, function (answer) {
        if (answer && answer.err_msg !== "geoLocation:ask") return done(answer);
        openDialog("/sim/dialog/location", query, "位置（沙箱）", done);
      });
    },
    openLocation: function (params, done) {
      var query = { latitude: params.latitude, longitude: params.longitude, name: params.name, address: params.address };
      openDialog("/sim/dialog/map", query, "地图（沙箱）", done);
    },
    scanQRCode: function (params, done) {
      openDialog("/sim/dialog/scan", {}, "扫一扫（沙箱）", function (result) {
        var text = result.resultStr;
        if (text === undefined) return done(result);
        if (String(params.needResult) !== "1") {
          done({ err_msg: "scanQRCode:ok" });
          if (/^https?:\/\//i.test(text)) location.href = text;
          return;
        }
        var shown = ios ? JSON.stringify({ scan_code: { scan_result: text } }) : text;
        done({ err_msg: "scanQRCode:ok", resultStr: shown });
      });
    },
    chooseImage: function (params, done) {
      var input = document.createElement("input"), most = Number(params.count || 9);
      input.type = "file";
      input.accept = "image/jpeg,image/png";
      input.multiple = most > 1;
      input.setAttribute("data-wechat-sandbox", "file");
      input.style.display = "none";
      function finish(result) { input.remove(); done(result); }
      input.addEventListener("cancel", function () { finish({ err_msg: "chooseImage:cancel" }); });
      input.addEventListener("change", function () {
        var files = [].slice.call(input.files, 0, most), ids = [];
        if (!files.length) return finish({ err_msg: "chooseImage:cancel" });
        files.forEach(function (file) {
          readPicture(file, function (id) {
            ids.push(id);
            if (ids.length < files.length) return;
            finish({ err_msg: "chooseImage:ok", localIds: android ? JSON.stringify(ids) : ids });
          });
        });
      });
      document.body.appendChild(input);
      input.click();
    },
    getLocalImgData: function (params, done) {
      var text = pictures[params.localId];
      if (!text) return done({ err_msg: "getLocalImgData:fail" });
      // Android leaves the head of the data address away.
      done({ err_msg: "getLocalImgData:ok", localData: android ? text.split(",")[1] : text });
    },
    uploadImage: function (params, done) {
      var text = pictures[params.localId];
      if (!text) return done({ err_msg: "uploadImage:fail" });
      fetch(origin + "/sim/bridge/upload", { method: "POST", headers: { "Content-Type": "text/plain" }, body: text })
        .then(function (reply) { return reply.json(); })
        .then(function (data) {
          done(data.serverId ? { err_msg: "uploadImage:ok", serverId: data.serverId } : { err_msg: "uploadImage:fail" });
        }, function () { done({ err_msg: "uploadImage:fail" }); });
    },
    downloadImage: function (params, done) {
      fetch(origin + "/sim/bridge/media/" + encodeURIComponent(params.serverId || ""))
        .then(function (reply) {
          if (!reply.ok) throw new Error(String(reply.status));
          return reply.blob();
        })
        .then(function (blob) {
          readPicture(blob, function (id) { done({ err_msg: "downloadImage:ok", localId: id }); });
        })
        .catch(function () { done({ err_msg: "downloadImage:fail" }); });
    },
    imagePreview: function (params, done) {
      var urls = params.urls || [];
      var good = urls.length && urls.every(function (url) { return /^https?:/.test(url); });
      if (!good) return done({ err_msg: "imagePreview:fail" });
      done({ err_msg: "imagePreview:ok" });
      var query = { current: params.current || urls[0], urls: JSON.stringify(urls) };
      openDialog("/sim/dialog/preview", query, "看图（沙箱）", function () {});
    },
    editAddress: function (params, done) {
      openDialog("/sim/dialog/address", {}, "收货地址（沙箱）", done);
    },
    closeWindow: function (params, done) {
      done({ err_msg: "closeWindow:ok" });
      openDialog("/sim/dialog/closed", {}, "页面已关闭（沙箱）", function () {});
    }
  };
  quiet.forEach(function (name) {
    api[name] = function (params, done) {
      if (/ShareData$/.test(name)) {
        if (!shareable(params.link)) return done({ err_msg: name + ":fail_invalid link" });
        state.share[name] = params;
      }
      if (name === "hideMenuItems") state.hidden = state.hidden.concat(params.menuList || []);
      if (name === "showMenuItems") {
        state.hidden = state.hidden.filter(function (item) { return (params.menuList || []).indexOf(item) < 0; });
      }
      done({ err_msg: name + ":ok" });
    };
  });

  var bridge = {
    invoke: function (name, params, callback) {
      var done = function (result) {
        setTimeout(function () {
          state.calls.push({ name: name, err_msg: result.err_msg });
          if (callback) callback(result);
        }, 0);
      };
      var values = typeof params === "string" ? JSON.parse(params) : params || {};
      var prefix = name === "getBrandWCPayRequest" ? "get_brand_wcpay_request" : name;
      if (name !== "preVerifyJSAPI" && !allowed(name, values)) return done({ err_msg: prefix + ":access_denied" });
      if (!api[name]) return done({ err_msg: prefix + ":function_not_exist" });
      api[name](values, done);
    },
    on: function (name, callback) { handlers[name] = callback; },
    call: function () {}
  };
  state.emit = function (name, argument) { if (handlers[name]) handlers[name](argument || {}); };

  function install() {
    window.WeixinJSBridge = bridge;
    document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  }
  // The client is ready after the SDK has registered; ?ready=early tests the other order.
  if (source.searchParams.get("ready") === "early") install();
  else setTimeout(install, 30);
})();
