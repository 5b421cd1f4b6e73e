/* Sound and vibration for [data-result]: enhancements, every state is told in words. Goes on by itself after 20 s. */
(function () {
  "use strict";
  var tones = { ok: [[880, 0, 0.12]], used: [[440, 0, 0.12], [440, 0.2, 0.12]], needs: [[440, 0, 0.12], [440, 0.2, 0.12]], invalid: [[220, 0, 0.3]] };
  var shakes = { ok: 60, used: [60, 60, 60], needs: [60, 60, 60], invalid: [200] }, audio = null, done = null;
  function unlock() {
    var Context = window.AudioContext || window.webkitAudioContext;
    if (!audio && Context) audio = new Context();
    if (audio && audio.state === "suspended") audio.resume();
  }
  function play(kind) {
    if (navigator.vibrate && navigator.userActivation && navigator.userActivation.hasBeenActive) navigator.vibrate(shakes[kind]);
    unlock();
    if (!audio) return;
    tones[kind].forEach(function (tone) {
      var wave = audio.createOscillator(), gain = audio.createGain();
      wave.frequency.value = tone[0];
      gain.gain.value = 0.2;
      wave.connect(gain).connect(audio.destination);
      wave.start(audio.currentTime + tone[1]);
      wave.stop(audio.currentTime + tone[1] + tone[2]);
    });
  }
  function look() {
    var box = document.querySelector("[data-result]");
    if (!box || box === done) return;
    done = box;
    if (tones[box.dataset.result]) play(box.dataset.result);
    if (box.dataset.returnUrl) setTimeout(function () {
      /* by its own link, so that the page, and with it the sound, stays; nobody is torn away from a reason being typed */
      var next = box.isConnected && document.querySelector("[data-back]");
      if (next && !document.activeElement.matches("input")) next.click();
    }, 20000);
  }
  document.addEventListener("pointerdown", unlock, { once: true });
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
