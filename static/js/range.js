/* [data-range=id]: a slider beside a number field. The field is what is sent; without JavaScript it is alone. */
(function () {
  "use strict";
  document.querySelectorAll("[data-range]").forEach(function (slider) {
    var field = document.getElementById(slider.dataset.range);
    slider.hidden = false;
    slider.value = field.value;
    /* capture: the field has its new value before the form's own listener sends it */
    slider.form.addEventListener("input", function (event) {
      if (event.target === slider) field.value = slider.value;
      else if (event.target === field && field.value) slider.value = field.value;
    }, true);
  });
})();
