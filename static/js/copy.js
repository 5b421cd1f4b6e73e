// [data-copy]: puts its text on the clipboard; where that is not allowed the text can still be pressed and held.
document.addEventListener("click", function (event) {
  var button = event.target.closest("[data-copy]");
  if (!button) return;
  function say(text) { window.zhanting.toast(text); }
  function refused() { say("请长按文字复制"); }
  if (!navigator.clipboard) return refused();
  navigator.clipboard.writeText(button.dataset.copy).then(function () { say("已复制"); }, refused);
});
