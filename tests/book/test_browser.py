"""Every page in a real browser, at two widths, light and dark, with no network.

A page is opened once, wide, and then made narrow as a reader makes a window; two are opened narrow, too.
"""

import re

import pytest
from click.testing import CliRunner
from pages import ADDED, CHAPTERS, PAGES
from sheets import NARROW, WIDE

from scalinglab.cli.commands import main

#: Pages and the width at which each is opened; two also begin narrow, as on a telephone.
CASES = [(page, WIDE) for page in PAGES + ADDED] + [(page, NARROW) for page in (PAGES[0], CHAPTERS[0])]

#: Elements of the text whose right part nobody could see or scroll to.
CUT_OFF = """() => {
  const cut = [];
  for (const part of document.querySelectorAll(
      "article :is(mjx-container, table, pre, img, svg.figure, .explorer, p, li, h1, h2, h3, figcaption, dt)"
  )) {
    const box = part.getBoundingClientRect();
    if (!box.width || !box.height || part.closest("mjx-assistive-mml")) continue;
    let seen = box.right <= innerWidth + 1 && box.left >= -1;
    for (let around = part.parentElement; around !== document.body; around = around.parentElement) {
      const overflow = getComputedStyle(around).overflowX, frame = around.getBoundingClientRect();
      if (overflow === "auto" || overflow === "scroll") { seen = true; break; }
      if (overflow !== "visible" && (box.right > frame.right + 1 || box.left < frame.left - 1)) {
        seen = false; break;
      }
    }
    if (!seen) cut.push(`${part.tagName} ${box.left.toFixed()} to ${box.right.toFixed()}: ` +
                        part.textContent.trim().slice(0, 80));
  }
  return [document.documentElement.scrollWidth, cut];
}"""

#: Formulas that MathJax refused, those that it did not set, and their source where a reader sees it.
UNSET = r"""() => {
  const count = what => document.querySelectorAll(what).length;
  const walker = document.createTreeWalker(
    document.querySelector("article") ?? document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.includes("\\")) texts.push(walker.currentNode);
  return [count("mjx-merror"),
    Math.max(0, count("article .math.notranslate") - count("article mjx-container")),
    texts.filter(text => !text.parentElement.closest("pre, code, script, style, .MathJax"))
      .flatMap(text => text.data.match(/\\[a-zA-Z(\[]+.{0,40}/g) ?? [])];
}"""

#: Where the middle of a slider's left and right end is, as soon as it stays there for a second frame.
ENDS = """async k => {
  const slider = document.querySelectorAll(".explorer input")[k];
  slider.scrollIntoView({block: "center", behavior: "instant"});
  let box, last, frames = 0;
  do {
    if (frames++ > 600) throw new Error("the slider does not rest");
    last = box;
    await new Promise(requestAnimationFrame);
    const { left, top, width, height } = slider.getBoundingClientRect();
    box = [left, top, width, height];
  } while (String(box) !== String(last));
  const [left, top, width, height] = box, y = top + height / 2;
  return [height, [[left + 0.01 * width, y, "0"], [left + 0.99 * width, y, slider.max]]];
}"""

#: What is wrong with an Explorer that a key has moved to its second position, after it went through all.
WALK = """k => {
  const root = document.querySelectorAll(".explorer")[k], slider = root.querySelector("input");
  const look = () => ({
    position: slider.value,
    picture: root.querySelector(".explorer-picture").innerHTML,
    readout: root.querySelector(".explorer-readout").textContent,
    value: root.querySelector("output").textContent,
    spoken: slider.getAttribute("aria-valuetext"),
  });
  const keyed = look(), seen = [], wrong = [];
  for (let at = 0; at <= +slider.max; at++) {
    slider.value = at;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    seen.push(look());
    const now = seen[at], before = seen[at - 1];
    if (now.position !== String(at)) wrong.push(`position ${at} is ${now.position}`);
    if (now.value !== now.spoken) wrong.push(`${now.value} is spoken as ${now.spoken}`);
    for (const part of ["picture", "readout"])
      if (before && now[part] === before[part]) wrong.push(`${part}: ${before.value} to ${now.value}`);
  }
  if (seen.length < 2) wrong.push("it has one position");
  if (JSON.stringify(keyed) !== JSON.stringify(seen[1])) wrong.push("keys lead elsewhere");
  if (new Set(seen.map(one => one.value)).size < seen.length) wrong.push("values repeat");
  return wrong;
}"""

NOT_A_FINDING = re.compile(r"^(a |an |the )?(figure|plot|picture|chart|graph|image|diagram)\b", re.IGNORECASE)


def shows_formulas_and_not_their_source(sheet):
    assert sheet.tab.evaluate(UNSET) == [0, 0, []]


def fits_its_width(sheet):
    reach, cut = sheet.tab.evaluate(CUT_OFF)
    assert reach <= sheet.width
    assert cut == []


def formulas_within_a_line_need_no_scroll_bar(sheet):
    wide = """[...document.querySelectorAll("article span.math")]
                .filter(formula => formula.scrollWidth > formula.clientWidth + 4)
                .map(formula => formula.textContent)"""
    assert sheet.tab.evaluate(wide) == []


def shows_every_picture(sheet):
    broken = sheet.tab.evaluate(
        """async () => {
          const images = [...document.images];
          for (const image of images) image.loading = "eager";
          await Promise.allSettled(images.map(image => image.decode()));
          return images.filter(image => !image.naturalWidth).map(image => image.src.slice(0, 100));
        }"""
    )
    assert not broken


def says_in_words_what_pictures_show(sheet):
    pictures = sheet.tab.evaluate(
        """[...document.querySelectorAll("article :is(img, [role=img])")].map(image => [
             image.alt ?? image.getAttribute("aria-label"),
             image.closest("figure")?.querySelector(".caption-text")?.textContent ?? ""])"""
    )
    for alt, caption in pictures:
        assert len(alt) >= 40, alt
        assert len(alt.split()) >= 8, alt
        assert not NOT_A_FINDING.match(alt), alt
        assert alt.strip(" .") != caption.strip(" ."), alt
        assert alt.strip()[-1] in ".?!", alt
    assert len({alt for alt, _ in pictures}) == len(pictures)


def can_be_used_by_everyone_light_and_dark(sheet):
    assert sheet.findings() == []
    sheet.use("dark")
    assert sheet.pale() == []


def explorer_changes_picture_and_readout_at_every_step(sheet):
    count = sheet.tab.evaluate("document.querySelectorAll('.explorer').length")
    for k in range(count):
        sheet.tab.evaluate("k => document.querySelectorAll('.explorer input')[k].focus()", k)
        sheet.tab.keyboard.press("Home")
        sheet.tab.keyboard.press("ArrowRight")
        assert sheet.tab.evaluate(WALK, k) == []


def explorer_follows_a_finger(sheet):
    count = sheet.tab.evaluate("document.querySelectorAll('.explorer').length")
    for k in range(count):
        height, ends = sheet.tab.evaluate(ENDS, k)
        assert height >= 24
        for x, y, position in ends:
            sheet.tab.touchscreen.tap(x, y)
            value = "k => document.querySelectorAll('.explorer input')[k].value"
            assert sheet.tab.evaluate(value, k) == position


def letters_of_figures_can_be_read(sheet):
    """Nine pixels, but for what stands raised or lowered, and no text reaches beyond its figure."""
    drawings = "article :is(svg.figure, .explorer-picture svg)"
    wrong = """drawings => [...document.querySelectorAll(drawings)].flatMap(svg => {
      const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
      return [...svg.querySelectorAll("text")].filter(text => {
        const sizes = [text, ...text.querySelectorAll("tspan")].map(part => parseFloat(part.style.fontSize));
        const { left, right, top, bottom } = text.getBoundingClientRect();
        return scale * Math.max(...sizes.filter(Boolean)) < 9 ||
          left < box.left - 2 || right > box.right + 2 || top < box.top - 2 || bottom > box.bottom + 2;
      }).map(text => text.textContent);
    })"""
    assert sheet.tab.evaluate(wrong, drawings) == []


#: What is asked of a wide page.
OF_WIDE = [
    shows_formulas_and_not_their_source,
    fits_its_width,
    shows_every_picture,
    formulas_within_a_line_need_no_scroll_bar,
    says_in_words_what_pictures_show,
    explorer_changes_picture_and_readout_at_every_step,
    can_be_used_by_everyone_light_and_dark,
]
#: What is asked of a narrow one: it shows the same elements and words, and a long formula may scroll.
OF_NARROW = [fits_its_width, letters_of_figures_can_be_read, explorer_follows_a_finger]


@pytest.mark.parametrize(("page", "width"), CASES, ids=lambda part: str(part).rpartition("/")[2])
def test_page(sheet, site, page, width):
    """Every question about an open page; all that fail are named together."""
    wrong = []

    def ask(questions):
        for question in questions:
            try:
                question(sheet)
            except Exception as found:
                wrong.append(f"{question.__name__} ({sheet.width}): {type(found).__name__}: {found}")

    sheet.go((site / f"{page}.html").as_uri(), width)
    if width == WIDE:
        ask(OF_WIDE)
        sheet.resize(NARROW)
    ask(OF_NARROW)
    wrong += sheet.complaints()
    assert not wrong, "\n\n".join(wrong)


def test_pale_words_are_found_among_others(sheet):
    """Of its own colour, dark in or over a box, a link like its neighbours; a picture without words, too."""
    sheet.go("about:blank")
    words = "".join(f"<p>Line {k} of many that look alike.</p>" for k in range(30))
    sheet.tab.set_content(
        f"<html lang=en><title>t</title><main><h1>Words</h1>{words}<p id=pale style='color: #bbb'>pale</p>"
        "<div style='background: #555'><p id=grey>dark on grey</p></div>"
        "<p style='display: none; color: #ccc'>hidden</p><img src='data:,'>"
        "<div style='position: absolute; background: #222; width: 9em; height: 4em'></div>"
        f"<p id=over style='position: absolute'>over a box</p>{'<p>Words and <a href=/>a link</a>.</p>' * 9}"
        "<p>Words and <a href=/ id=link style='color: #222; text-decoration: none'>one</a>.</p></main>"
    )
    assert sorted((rule, target[-1]) for rule, target, *_ in sheet.findings()) == [
        ("color-contrast", "#grey"),
        ("color-contrast", "#over"),
        ("color-contrast", "#pale"),
        ("image-alt", "img"),
        ("link-in-text-block", "#link"),
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page that the command line writes."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    done = CliRunner().invoke(main, ["report", "--example", "llama3", "--budget", "3.8e25", "-o", str(path)])
    assert done.exit_code == 0, done.output
    return path


def test_report_is_for_everyone(sheet, report):
    """The report from the file system, wide and narrow, light and dark, on paper, with no network."""
    sheet.go(report.as_uri())
    shows_every_picture(sheet)
    says_in_words_what_pictures_show(sheet)
    for width in (WIDE, NARROW):
        sheet.resize(width)
        fits_its_width(sheet)
        for mode in ("light", "dark"):
            sheet.tab.emulate_media(color_scheme=mode)
            assert sheet.findings() == [], (width, mode)
    sheet.tab.emulate_media(media="print")
    assert sheet.tab.evaluate("getComputedStyle(document.body).color") != "rgb(230, 233, 238)"
    assert sheet.complaints() == []
