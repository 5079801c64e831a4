/* What every page does first; the theme's own scripts come after. */
(function () {
  // the theme starts from an empty mode, complains of it on the console, and paints the page light before dark
  var page = document.documentElement.dataset;
  page.mode = page.mode || "auto";
  page.theme = page.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  // search works from the file system, but there no page may read another to quote from it
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // the arrows that unfold the list of pages have no name
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".bd-links summary:not([aria-label])").forEach(function (arrow) {
      var link = arrow.closest("li").querySelector("a");
      arrow.setAttribute("aria-label", "Pages of " + link.textContent.trim());
    });
  });
})();
