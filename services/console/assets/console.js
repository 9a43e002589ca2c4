// What the page does besides htmx: says when it hears nothing, keeps what was chosen, chooses all.
(function () {
  "use strict";
  var line = document.getElementById("line");
  var chosen = [];

  function clock() {
    var format = { timeZone: "Asia/Ho_Chi_Minh", hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" };
    return new Date().toLocaleTimeString("vi-VN", format);
  }
  var again = null;
  function refresh() {
    var live = document.getElementById("live");
    if (live) htmx.trigger(live, "refresh");
  }
  function lost() {
    if (line && line.hidden) {
      line.querySelector("time").textContent = clock();
      line.hidden = false;
      // Whoever was logged out meanwhile is led to the door by the answer.
      again = setInterval(refresh, 3000);
    }
  }
  function found() {
    if (line) line.hidden = true;
    clearInterval(again);
  }
  var leaving = false;
  window.addEventListener("beforeunload", function () { leaving = true; });
  document.addEventListener("htmx:sseError", function () { if (!leaving) lost(); });
  document.addEventListener("htmx:sendError", function () { if (!leaving) lost(); });
  document.addEventListener("htmx:sseOpen", function () {
    if (line && !line.hidden) refresh();
    found();
    document.documentElement.dataset.hears = "changes";
  });

  // A swap brings what the broker says; what a person has chosen, opened or typed stays.
  document.addEventListener("htmx:beforeSwap", function () {
    chosen = Array.from(document.querySelectorAll("input[type=checkbox]:checked, details[open]"), function (it) { return it.id; });
    chosen.texts = Array.from(document.querySelectorAll("#live input:not([type=hidden]):not([type=checkbox]), #live select, #live textarea"), function (it) { return [it.id, it.value]; });
  });
  document.addEventListener("htmx:afterSwap", function () {
    chosen.forEach(function (id) {
      var it = id && document.getElementById(id);
      if (!it) return;
      if (it.tagName === "DETAILS") it.open = true; else it.checked = true;
    });
    (chosen.texts || []).forEach(function (pair) {
      var it = pair[0] && document.getElementById(pair[0]);
      if (it && it.value !== pair[1]) it.value = pair[1];
    });
  });

  document.addEventListener("change", function (event) {
    var cause = event.target.dataset && event.target.dataset.chooseAll;
    if (!cause) return;
    document.querySelectorAll("input[data-cause]").forEach(function (it) {
      if (it.dataset.cause === cause) it.checked = event.target.checked;
    });
  });
})();
