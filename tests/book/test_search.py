"""The search of the built site, in a real browser, from disk."""

#: A question -> the page that answers it, which must be among the first three.
QUESTIONS = {
    "MoE": "book/guide",
    "quickstart": "book/intro",
    "confidence interval": "notebooks/uncertainty",
    "own runs": "book/guide",
    "how many tokens": "notebooks/frontier",
    "mixture of experts": "book/guide",
    "tokens per parameter": "notebooks/frontier",
    "error bars": "notebooks/uncertainty",
    "outliers": "notebooks/screening",
    "epochs": "notebooks/data_runs_out",
    "Huber": "notebooks/five_parameters",
    "parabola": "notebooks/isoflop",
    "bits per byte": "book/guide",
    "inference cost": "book/guide",
    "install": "book/intro",
    "cite": "book/cite",
    "what changed": "book/changes",
    "wandb csv": "book/guide",
    "embedding parameters": "notebooks/kaplan_or_chinchilla",
    "own law": "notebooks/more_variables",
    "fit_vpnls": "book/api/fitting",
    "power law": "notebooks/learning_curves",
    "global minimum": "notebooks/certificate",
    "homework": "book/teaching",
}
FIRST_THREE = """questions => questions.map(question => {
  const found = Search._performSearch(...Search._parseQuery(question)).reverse();
  return [...new Set(found.map(one => one[0]))].slice(0, 3);
})"""


def test_search_quotes_pages_without_a_server(sheet, site):
    """Readers' questions have the right page among the first three answers, quoted though from disk."""
    sheet.go((site / "search.html").as_uri() + "?q=confidence+interval")
    first = sheet.tab.locator("#search-results ul.search li").first
    first.locator("a", has_text="How sure are we?").wait_for()
    first.locator("p.context", has_text="interval").wait_for()
    sheet.tab.wait_for_function(
        "!document.querySelector('#search-results ul.search li:not(:has(p.context, span))')"
    )
    named = "Search._performSearch(...Search._parseQuery('MoE')).pop()[1]"
    assert sheet.tab.evaluate(named) == "From a table to a decision > Mixtures of experts"
    answers = sheet.tab.evaluate(FIRST_THREE, list(QUESTIONS))
    missed = [
        (question, found)
        for (question, page), found in zip(QUESTIONS.items(), answers, strict=True)
        if page not in found
    ]
    assert not missed
    assert sheet.complaints() == []


def test_search_survives_words_of_its_own_language(sheet, site):
    for word in ("constructor", "__proto__", "constructor vertex"):
        sheet.go((site / "search.html").as_uri() + f"?q={word}")
        sheet.tab.locator("#search-results", has_text="did not match any documents").wait_for()
        assert sheet.complaints() == [], word


def test_the_lens_stands_beside_the_words_and_not_upon_them(sheet, site):
    sheet.go((site / "search.html").as_uri())
    form = sheet.tab.locator(".bd-article form.bd-search, main form.bd-search").first
    lens, words = form.locator("i").bounding_box(), form.locator("input").bounding_box()
    assert 0 < lens["x"] + lens["width"] <= words["x"]
