"""A page in a real browser: opened, made narrow, dark, and judged by axe."""

from axe_playwright_python.sync_playwright import Axe

WIDE, NARROW = 1280, 390

#: (rule, where) of accessibility findings that are not ours to mend, with the reason.
KNOWN = {
    ("aria-required-children", ".citation-list"): "docutils calls each entry a biblioentry, not a listitem",
}

#: What every page begins with: a reader who has searched for nothing yet, axe, and no colour that is on its
#: way to another, for what fades in is pale until it has. Axe does not ask what it finds minor or moderate,
#: and does not write down every element that it looks at.
BEGIN = (
    Axe().axe_script
    + """
if (location.protocol === "file:") localStorage.clear();
axe.configure({noHtml: true, rules: [
  {id: "color-contrast", selector: "[data-look]"}, {id: "link-in-text-block", selector: "[data-link]"},
  ...axe._audit.rules.filter(({ impact }) => ["minor", "moderate"].includes(impact))
    .map(({ id }) => ({id, enabled: false}))]});
const still = new CSSStyleSheet();
still.replaceSync("*, ::before, ::after { animation: none !important; transition: none !important }");
document.adoptedStyleSheets.push(still);
"""
)

#: Marks of the words, and of the links, that look alike one to three: the first, the last and one between;
#: none of a look that axe has found fine, three of three. A word's look is its colour, size and weight, and
#: whatever is painted under it, up to the page; a link's is also how it and the block of words around it are
#: written. What touches a painted box that it neither stands in nor holds is fine in no other place. Axe says
#: nothing of a single letter, of punctuation, of what is beyond the page's edge and of words in a drawing;
#: what is inside a formula is MathJax's.
MARK_LOOKS = r"""known => {
  const clear = "rgba(0, 0, 0, 0);none;1;none;normal;static", under = new Map([[null, ""]]);
  const below = part => {
    if (!under.has(part)) {
      const style = getComputedStyle(part);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter,
        style.mixBlendMode, style.position.replace("relative", "static")].join(";");
      under.set(part, below(part.parentElement) + (own === clear ? "" : "|" + own));
    }
    return under.get(part);
  };
  const rows = new Map(), height = 50;
  window.painted = [];
  const through = ({ top, bottom }) => {
    const first = Math.floor(top / height), last = Math.floor(bottom / height);
    return Array.from({length: last - first + 1}, (_, k) => first + k);
  };
  for (const part of document.querySelectorAll("body :not(mjx-container *, svg *, pre *)")) {
    const { backgroundColor, backgroundImage } = getComputedStyle(part);
    if (backgroundColor === "rgba(0, 0, 0, 0)" && backgroundImage === "none") continue;
    const place = part.getBoundingClientRect();
    window.painted.push([part, place]);
    for (const row of through(place)) rows.set(row, [...(rows.get(row) ?? []), [part, place]]);
  }
  const touches = part => [...part.getClientRects()].some(at => through(at).some(row => rows.get(row)?.some(
    ([box, { left, right, top, bottom }]) =>
      at.left < right && at.right > left && at.top < bottom && at.bottom > top &&
      !box.contains(part) && !part.contains(box))));
  const fine = new Set(known.split("\n"));
  window.marked = [];
  const mark = (name, parts, more) => {
    const looks = new Map();
    document.querySelectorAll(`[${name}]`).forEach(part => part.removeAttribute(name));
    for (const part of parts) {
      if (part.closest("mjx-container, svg, script, style, noscript")) continue;
      if (!part.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
      const { right, bottom } = part.getBoundingClientRect(), style = getComputedStyle(part);
      if (right + scrollX <= 0 || bottom + scrollY <= 0) continue;
      const { color, fontSize, fontWeight } = style;
      let look = [name, below(part), color, fontSize, fontWeight, more(style, part)].join(";");
      if (touches(part)) look += ";touches";
      else if (fine.has(look)) continue;
      looks.set(look, [...(looks.get(look) ?? []), part]);
    }
    for (const [look, alike] of looks) {
      const chosen = [0, alike.length >> 1, alike.length - 1].map(place => alike[place]);
      chosen.forEach(part => part.setAttribute(name, ""));
      window.marked.push([look, chosen]);
    }
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), words = new Map();
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (data.trim()) words.set(parentElement, (words.get(parentElement) ?? "") + data.trim());
  }
  for (const [part, text] of words)
    if (text.length < 2 || !/[^!-\/:-@[-`{-~\s]/.test(text)) words.delete(part);
  mark("data-look", words.keys(), style => style.textShadow);
  const written = ({ color, fontSize, fontWeight, fontFamily, fontStyle, textDecoration, border, outline }) =>
    [color, fontSize, fontWeight, fontFamily, fontStyle, textDecoration, border, outline];
  const block = /^(block|list-item|table|flex|grid|inline-block)$/;
  const links = [...document.querySelectorAll("a[href]")];
  mark("data-link", links.filter(link => !block.test(getComputedStyle(link).display)), (style, link) => {
    let around = link.parentElement;
    const { color } = getComputedStyle(around);
    while (getComputedStyle(around).display.startsWith("inline")) around = around.parentElement;
    return [...written(style), ...written(getComputedStyle(around)), color];
  });
  return window.marked.length;
}"""

#: Violations that axe finds by the rules about colours, or by all others, and the looks that it finds fine.
#: It makes a tree of all there is and looks at each part for each rule, so it is not shown what cannot
#: matter: a formula is a word; of a drawing and a listing it sees what has a name or a role, of words within
#: a line that have nothing but a class the letters alone; for colours what is marked, what that stands in and
#: might lie upon, and the paragraphs of marked links.
VIOLATIONS = """async colours => {
  const childNodes = Object.getOwnPropertyDescriptor(Node.prototype, "childNodes");
  const formula = document.createTextNode("formula"), marked = new Set();
  const looks = [...document.querySelectorAll("[data-look], [data-link]")];
  const places = looks.map(part => part.getBoundingClientRect());
  const lies = ({ left, right, top, bottom }) =>
    places.some(at => at.left < right && at.right > left && at.top < bottom && at.bottom > top);
  const boxes = colours ? window.painted.filter(([, place]) => lies(place)).map(([part]) => part) : [];
  for (let part of [...looks, ...boxes])
    for (; part && !marked.has(part); part = part.parentElement) marked.add(part);
  for (let part of document.querySelectorAll("[data-link]")) {
    while (getComputedStyle(part).display.startsWith("inline")) part = part.parentElement;
    part.querySelectorAll("*").forEach(inner => marked.add(inner));
  }
  const says = ":is(a, title, desc, [role], [tabindex], [aria-label], [lang])";
  const omitted = part => {
    const around = part.parentElement;
    if (part.nodeType !== Node.ELEMENT_NODE || !around) return false;
    if (colours) return !marked.has(part);
    return around.matches("svg, pre") && !part.matches(says) && !part.querySelector(says);
  };
  const plain = part => {
    if (colours || !["span", "em", "strong", "code"].includes(part.localName)) return false;
    if ([...part.attributes].some(({ name }) => name !== "class")) return false;
    const { display, visibility } = getComputedStyle(part);
    return display === "inline" && visibility === "visible" &&
      !part.parentElement.matches("ul, ol, dl, table, tr, select");
  };
  Object.defineProperty(Node.prototype, "childNodes", {configurable: true, get() {
    return [...childNodes.get.call(this)].filter(part => !omitted(part)).flatMap(part =>
      part.localName === "mjx-container" ? [formula] : plain(part) ? part.childNodes : [part]);
  }});
  const coloured = ["color-contrast", "link-in-text-block"];
  let found;
  try {
    found = axe.run(document, {
      preload: false,
      elementRef: true,
      ...(colours ? {runOnly: coloured} : {resultTypes: ["violations"],
        rules: Object.fromEntries(coloured.map(rule => [rule, {enabled: false}]))}),
    });
  } finally {
    Object.defineProperty(Node.prototype, "childNodes", childNodes);  // the tree is made
  }
  document.createTreeWalker = (root, what) => Document.prototype.createTreeWalker.call(document, root, what,
    part => omitted(part) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const { violations, passes } = await found;
  delete document.createTreeWalker;
  const wrong = violations.filter(one => ["serious", "critical"].includes(one.impact)).flatMap(one =>
    one.nodes.map(node => [one.id, node.target, node.failureSummary, node.element.outerHTML.slice(0, 200)]));
  if (!colours) return [wrong, []];
  const passed = new Set(passes.flatMap(one => one.nodes.map(node => node.element)));
  const fine = window.marked.filter(([look, chosen]) =>
    !look.endsWith(";touches") && chosen.every(part => passed.has(part)));
  return [wrong, fine.map(([look]) => look)];
}"""

#: Two frames have been drawn.
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

#: The page is light or dark, as asked.
TURNED = """async mode => {
  for (let frames = 0; document.documentElement.dataset.theme !== mode; frames++) {
    if (frames > 600) throw new Error(`the page does not turn ${mode}`);
    await new Promise(requestAnimationFrame);
  }
}"""

#: Formulas are set, and what is folded is unfolded.
READY = """async () => {
  await window.MathJax?.startup.promise;
  document.querySelectorAll("article details").forEach(fold => fold.open = true);
}"""


class Sheet:
    """A tab that goes from page to page, and what each complained of."""

    def __init__(self, window):
        self.tab = window.new_page()
        self.tab.add_init_script(BEGIN)
        self.said, self.failed = [], []
        self.fine = set()  # looks of words and links
        self.tab.on("console", lambda m: m.type in ("error", "warning") and self.said.append(m.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("requestfailed", lambda request: self.failed.append(request.url))

    def go(self, address, width=WIDE):
        """Open an address in a light window of a width, wait until it is ready, and listen to it alone."""
        self.tab.goto("about:blank")
        self.said.clear()
        self.failed.clear()
        self.width = width
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.emulate_media(media="screen", color_scheme="light")
        self.tab.goto(address)
        self.tab.evaluate(READY)

    def resize(self, width):
        """Make the window as wide as this, and wait until the page has taken note."""
        self.width = width
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.evaluate(DRAWN)

    def use(self, mode):
        """Switch to light or dark as the reader's system does."""
        self.tab.emulate_media(color_scheme=mode)
        self.tab.evaluate(TURNED, mode)

    def complaints(self):
        """What the page complained of since it was opened."""
        return [f"the page complains: {text}" for text in self.said] + [
            f"the page asks in vain for {address}" for address in self.failed
        ]

    def pale(self):
        """Serious findings of axe about colours."""
        if not self.tab.evaluate(MARK_LOOKS, "\n".join(self.fine)):
            return []
        return self._violations(colours=True)

    def findings(self):
        """Serious and critical findings of axe that KNOWN does not list."""
        return self._violations(colours=False) + self.pale()

    def _violations(self, colours):
        found, fine = self.tab.evaluate(VIOLATIONS, colours)
        self.fine.update(fine)
        return [one for one in map(tuple, found) if (one[0], one[1][-1]) not in KNOWN]
