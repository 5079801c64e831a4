"""A page in a real browser: opened, made narrow, dark, and judged by axe."""

from axe_playwright_python.sync_playwright import Axe

WIDE, NARROW = 1280, 390

#: (rule, where) of accessibility findings that are not ours to mend, with the reason.
KNOWN = {
    ("aria-required-children", ".citation-list"): "docutils calls each entry a biblioentry, not a listitem",
}

#: What every page begins with: a reader who has searched for nothing yet, axe, and no colour that is on its
#: way to another, for what fades in is pale until it has.
BEGIN = (
    Axe().axe_script
    + """
if (location.protocol === "file:") localStorage.clear();
axe.configure({rules: [
  {id: "color-contrast", selector: "[data-look]"}, {id: "link-in-text-block", selector: "[data-link]"}]});
const still = new CSSStyleSheet();
still.replaceSync("*, ::before, ::after { animation: none !important; transition: none !important }");
document.adoptedStyleSheets.push(still);
"""
)

#: Marks of the words, and of the links, that look alike one to three: the first, the last and one between.
#: A word's look is its colour, size and weight, and whatever is painted under it, up to the page;
#: a link has a line under it, too, and stands among words of a colour. What is inside a formula is MathJax's.
MARK_LOOKS = """() => {
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
  const mark = (name, parts, more) => {
    const looks = new Map();
    document.querySelectorAll(`[${name}]`).forEach(part => part.removeAttribute(name));
    for (const part of parts) {
      if (part.closest("mjx-container, script, style, noscript")) continue;
      if (!part.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
      const style = getComputedStyle(part);
      const look = [below(part), style.color, style.fontSize, style.fontWeight, more(style, part)].join(";");
      looks.set(look, [...(looks.get(look) ?? []), part]);
    }
    for (const alike of looks.values())
      for (const place of [0, alike.length >> 1, alike.length - 1]) alike[place].setAttribute(name, "");
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), parts = new Set();
  while (words.nextNode()) if (words.currentNode.data.trim()) parts.add(words.currentNode.parentElement);
  mark("data-look", parts, style => style.textShadow);
  mark("data-link", document.querySelectorAll("a[href]"), (style, link) =>
    [style.textDecoration, style.border, style.outline, style.fontFamily, style.fontStyle,
      getComputedStyle(link.parentElement).color]);
}"""

#: Violations that axe finds by the rules about colours, or by all others. It makes a tree of all there is and
#: looks at each part for each rule, so it is not shown what cannot matter: of a formula, a drawing and a
#: listing what has neither name nor role; for colours all but what is marked, what that stands in and might
#: lie upon, and the paragraphs of marked links.
VIOLATIONS = """async colours => {
  const childNodes = Object.getOwnPropertyDescriptor(Node.prototype, "childNodes");
  const formula = document.createTextNode("formula"), marked = new Set();
  const looks = [...document.querySelectorAll("[data-look], [data-link]")];
  const places = looks.map(part => part.getBoundingClientRect());
  const lies = part => {
    const { left, right, top, bottom } = part.getBoundingClientRect();
    return places.some(at => at.left < right && at.right > left && at.top < bottom && at.bottom > top);
  };
  const painted = part => {
    const { backgroundColor, backgroundImage } = getComputedStyle(part);
    return backgroundColor !== "rgba(0, 0, 0, 0)" || backgroundImage !== "none";
  };
  const boxes = [...document.querySelectorAll("body :not(mjx-container *, svg *, pre *)")].filter(lies);
  for (let part of [...looks, ...boxes.filter(painted)])
    for (; part && !marked.has(part); part = part.parentElement) marked.add(part);
  for (let part of document.querySelectorAll("[data-link]")) {
    while (getComputedStyle(part).display.startsWith("inline")) part = part.parentElement;
    part.querySelectorAll("*").forEach(inner => marked.add(inner));
  }
  const says = ":is(a, title, desc, [role], [tabindex], [aria-label], [lang])";
  const omitted = part => {
    const around = part.parentElement;
    if (part.nodeType !== Node.ELEMENT_NODE || !around) return false;
    if (around.localName === "mjx-container") return true;
    if (colours) return !marked.has(part);
    return around.matches("svg, pre") && !part.matches(says) && !part.querySelector(says);
  };
  Object.defineProperty(Node.prototype, "childNodes", {configurable: true, get() {
    const inside = [...childNodes.get.call(this)].filter(part => !omitted(part));
    return this.localName === "mjx-container" ? [formula] : inside;
  }});
  const coloured = ["color-contrast", "link-in-text-block"];
  let found;
  try {
    found = axe.run({include: ["html"], exclude: ["mjx-container"]}, {
      preload: false,
      resultTypes: ["violations"],
      ...(colours ? {runOnly: coloured} : {rules: Object.fromEntries(
        // the findings of region are moderate, and it takes long
        ["region", ...coloured].map(rule => [rule, {enabled: false}]))}),
    });
  } finally {
    Object.defineProperty(Node.prototype, "childNodes", childNodes);  // the tree is made
  }
  document.createTreeWalker = (root, what) => Document.prototype.createTreeWalker.call(document, root, what,
    part => omitted(part) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  await found;
  delete document.createTreeWalker;
  return (await found).violations.filter(one => ["serious", "critical"].includes(one.impact)).flatMap(
    one => one.nodes.map(node => [one.id, node.target, node.failureSummary, node.html.slice(0, 200)]));
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
        self.tab.evaluate(MARK_LOOKS)
        return self._violations(colours=True)

    def findings(self):
        """Serious and critical findings of axe that KNOWN does not list."""
        return self._violations(colours=False) + self.pale()

    def _violations(self, colours):
        found = self.tab.evaluate(VIOLATIONS, colours)
        return [one for one in map(tuple, found) if (one[0], one[1][-1]) not in KNOWN]
