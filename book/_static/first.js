/* What every page does first; the theme's own scripts come after. */
(function () {
  // the theme starts from an empty mode, complains of it on the console, and paints the page light before dark
  var page = document.documentElement.dataset;
  page.mode = page.mode || "auto";
  page.theme = page.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  // search works from the file system, but there no page may read another to quote from it
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // the index of the search is a plain object: asked for "constructor" it answers with the language's own and
  // the search stops; a dictionary without ancestors knows its own words only
  function ownWords(words) {
    var has = { value: Object.prototype.hasOwnProperty };
    return Object.assign(Object.create(null, { hasOwnProperty: has }), words);
  }
  document.addEventListener("load", function (event) {
    if (!/searchtools\.js/.test(event.target.src || "")) return;
    var setIndex = Search.setIndex;
    Search.setIndex = function (index) {
      index.terms = ownWords(index.terms);
      index.titleterms = ownWords(index.titleterms);
      setIndex(index);
    };
  }, true);

  // a link into a folded part of the reference unfolds it, and so does paper
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    var folds = [target.matches("dt.sig") && target.parentElement.querySelector("details.api-fold")];
    for (var part = target; part; part = part.parentElement) if (part.matches("details")) folds.push(part);
    folds = folds.filter(function (fold) { return fold && !fold.open; });
    folds.forEach(function (fold) { fold.open = true; });
    if (folds.length) target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  document.addEventListener("DOMContentLoaded", function () {
    var folds = document.querySelectorAll("details.api-fold");
    if (!folds.length) return;
    function all(open) { folds.forEach(function (fold) { fold.open = open; }); }
    var button = document.createElement("button");
    button.type = "button";
    button.className = "api-unfold";
    button.textContent = "Unfold all";
    button.addEventListener("click", function () {
      var open = button.textContent === "Unfold all";
      all(open);
      button.textContent = open ? "Fold all" : "Unfold all";
    });
    document.querySelector("article h1").after(button);
    addEventListener("beforeprint", function () { all(true); });
    unfold();
  });

  // the arrows that unfold the list of pages have no name
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".bd-links summary:not([aria-label])").forEach(function (arrow) {
      var link = arrow.closest("li").querySelector("a");
      arrow.setAttribute("aria-label", "Pages of " + link.textContent.trim());
    });
  });
})();
