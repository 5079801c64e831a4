/* What every page does first; the theme's own scripts come after. */
(function () {
  // the theme starts from an empty mode, complains of it on the console, and paints the page light before dark
  var page = document.documentElement.dataset;
  page.mode = page.mode || "auto";
  page.theme = page.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  // the search quotes from every page that it finds; what pages say is kept in scripts, which load from disk as
  // well, where no page may read another, and weigh less than the pages
  var tell = {}, texts = {};
  window.said = function (page, text) { tell[page](text); };
  function quoted(address) {
    var page = String(address).replace(/\.html$/, "").replace(/^(\.\/)+/, "");
    return texts[page] = texts[page] || new Promise(function (done) {
      tell[page] = done;
      var script = document.createElement("script");
      script.src = "_static/said/" + page + ".js";
      script.onerror = function () { done(""); };
      document.head.append(script);
    });
  }

  // a result that leads to a section names it, and a page that stands higher up does not come again as a whole
  function named(found) {
    var index = Search._index, sections = {}, seen = {};
    Object.keys(index.alltitles).forEach(function (title) {
      index.alltitles[title].forEach(function (place) {
        sections[index.docnames[place[0]] + "#" + place[1]] = index.titles[place[0]] + " > " + title;
      });
    });
    return found.reverse().filter(function (one) {
      var again = seen[one[0]] && !one[2];
      seen[one[0]] = true;
      if (!one[3]) one[1] = sections[one[0] + one[2]] || one[1];
      return !again;
    }).reverse();
  }

  // the index of the search is a plain object: asked for "constructor" it answers with the language's own and
  // the search stops; a dictionary without ancestors knows its own words only
  function ownWords(words) {
    var has = { value: Object.prototype.hasOwnProperty };
    return Object.assign(Object.create(null, { hasOwnProperty: has }), words);
  }
  document.addEventListener("load", function (event) {
    if (!/searchtools\.js/.test(event.target.src || "")) return;
    window.fetch = function (address) { return Promise.resolve({ text: function () { return quoted(address); } }); };
    Search.htmlToText = function (text) { return text; };
    var perform = Search._performSearch, setIndex = Search.setIndex;
    Search._performSearch = function () { return named(perform.apply(Search, arguments)); };
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
    var near = target.matches("dt.sig") ? target.parentElement.querySelector("details.api-fold") :
      target.matches("section section, section section > span") && target.closest("section").querySelector("details.api-members");
    var folds = [near];
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
    unfold();
  });

  // paper has no folds
  addEventListener("beforeprint", function () {
    document.querySelectorAll(".bd-article details").forEach(function (fold) { fold.open = true; });
  });

  // what is wider than its place fades out where it goes on
  document.addEventListener("DOMContentLoaded", function () {
    var places = document.querySelectorAll(
      ".bd-article :is(pre, div.math, .output.text_html:not(:has(.explorer)), .pst-scrollable-table-container)");
    function look(place) {
      var left = place.scrollLeft, right = place.scrollWidth - place.clientWidth - left;
      place.classList.toggle("more-left", left > 3);
      place.classList.toggle("more-right", right > 3);
    }
    var watch = new ResizeObserver(function (seen) { seen.forEach(function (one) { look(one.target); }); });
    places.forEach(function (place) {
      place.addEventListener("scroll", function () { look(place); }, { passive: true });
      watch.observe(place);
    });
  });

  // the arrows that unfold the list of pages have no name
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".bd-links summary:not([aria-label])").forEach(function (arrow) {
      var link = arrow.closest("li").querySelector("a");
      arrow.setAttribute("aria-label", "Pages of " + link.textContent.trim());
    });
  });
})();
