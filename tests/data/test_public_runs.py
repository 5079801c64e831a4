"""Public tables: nine of them, from copies and from a server that may fail, each failure with its words."""

import csv
import errno
import functools
import gzip
import hashlib
import http.server
import os
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalinglab import (
    FitError,
    best_of_repeats,
    data_card,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
    open_runs,
)
from scalinglab._text import typeset
from scalinglab.data import cards, catalogue, fetching
from scalinglab.laws import published_law

COPIES = Path(__file__).parents[2].parent / "shared" / "data" / "public"
BIBLIOGRAPHY = Path(__file__).parents[2] / "book" / "references.bib"
each = pytest.mark.parametrize("name", tuple(catalogue()))
needs_copies = pytest.mark.skipif(
    not COPIES.is_dir(), reason="copies of the public tables are not beside the repository (../shared/data)"
)

opened = functools.cache(functools.partial(open_runs, folder=COPIES))


@functools.cache
def columns_of(name):
    """Columns of a copy, read without the package."""
    path = COPIES / data_card(name).file
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def numbers(name, column):
    return np.array([float(entry or "nan") for entry in columns_of(name)[column]])


# Cards.


@each
def test_a_card_is_whole(name):
    card = data_card(name)
    assert card is catalogue()[name]
    assert card.url == f"https://raw.githubusercontent.com/{card.repository}/{card.commit}/{card.path}"
    assert (len(card.sha256), len(card.commit)) == (64, 40)
    assert f"{{{card.citation}," in BIBLIOGRAPHY.read_text(encoding="utf-8")
    assert set(card.letters) >= set("NDLC")
    text = card._repr_markdown_()
    for part in (card.title, card.licence, card.fitted, card.repository, *card.options, "Caveat"):
        assert typeset(part) in text


def test_the_catalogue_is_a_table_of_its_cards():
    for text in (repr(catalogue()), catalogue()._repr_markdown_()):
        assert all(name in text and card.licence in text for name, card in catalogue().items())


@needs_copies
@each
def test_a_card_tells_the_file(name):
    card = data_card(name)
    assert (COPIES / card.file).stat().st_size == card.bytes
    assert list(columns_of(name)) == list(card.columns)
    assert {len(entries) for entries in columns_of(name).values()} == {card.rows}


# Runs of the nine tables.

#: Rows that are runs, their budgets where the table has some, and the columns of N, D, L in the file.
EXPECTED = {
    "epoch-chinchilla": (245, None, ("Model Size", None, "loss")),
    "kyo-takano": (234, None, ("N", "D", "loss")),
    "misfitting": (261, None, ("N", "D", "C4 Eval Loss")),
    "steplaw-dense": (1911, None, ("N", "D", "loss")),
    "routing": (223, None, ("dense_parameter_count", None, "loss_validation")),
    "vocabulary": (1200, None, ("Non_vocab_parameters", "num_characters", "Lossu")),
    "marin-dclm": (85, 7, ("parameter_count", "throughput/total_tokens", "eval/paloma/macro_loss")),
    "marin-nemotron": (88, 8, ("parameter_count", "throughput/total_tokens", "eval/paloma/macro_loss")),
    "fineweb-c4": (176, 26, ("params", "tokens", "loss")),
}


@needs_copies
@each
def test_a_table_opens(name):
    runs = opened(name)
    count, budgets, columns = EXPECTED[name]
    assert len(runs) == count
    rows = [int(runs.label(row).rpartition("line ")[2].split()[0]) - 2 for row in range(count)]
    for letter, column in zip("NDL", columns, strict=True):
        if column is not None:
            np.testing.assert_array_equal(getattr(runs, letter), numbers(name, column)[rows])
    assert runs.notes[0].startswith(f"public table '{name}'")
    assert set(data_card(name).letters) - set("NDLC") <= set(runs.extra)
    if budgets is not None:
        assert len(runs.budgets) == budgets
        assert fit_approach2(runs).a == pytest.approx(0.45, abs=0.06)


@needs_copies
@pytest.mark.parametrize("name", ["marin-dclm", "marin-nemotron"])
def test_a_budget_of_marin_is_the_counted_compute_and_three_times_the_name(name):
    runs = opened(name)
    named = [float(text.split("-")[1]) for text in runs.extra["Name"]]
    np.testing.assert_allclose(runs.C, 3 * np.array(named), rtol=1e-12)
    counted = dict(zip(columns_of(name)["Name"], numbers(name, "throughput/total_gflops"), strict=True))
    np.testing.assert_allclose(runs.C, [1e9 * counted[text] for text in runs.extra["Name"]], rtol=2e-5)


@needs_copies
def test_validations_of_marin_are_asked_for():
    runs = opened("marin-nemotron", rows="validation")
    named = [float(text.split("-optimal-")[1].rpartition("-")[0]) for text in runs.extra["Name"]]
    np.testing.assert_allclose(runs.C, named)
    assert not set(runs.extra["Name"]) & set(opened("marin-nemotron").extra["Name"])
    assert len(runs) + len(opened("marin-nemotron")) == data_card("marin-nemotron").rows


@needs_copies
def test_a_count_and_a_loss_are_chosen():
    total, without = opened("misfitting"), opened("misfitting", counting="non-embedding")
    assert (without.N < total.N).all()
    np.testing.assert_allclose(without.C, 6 * without.N * without.D)
    np.testing.assert_array_equal(without.L, total.L)
    smooth = opened("steplaw-dense", loss="smooth")
    np.testing.assert_array_equal(smooth.L, numbers("steplaw-dense", "smooth loss"))


@needs_copies
def test_sweeps_of_rates_have_one_best_run_for_each_pair():
    assert len(best_of_repeats(opened("misfitting"))) == 81
    assert len(best_of_repeats(opened("steplaw-dense"))) == 17


@needs_copies
def test_the_last_checkpoint_of_each_routed_run():
    runs, curves = opened("routing"), opened("routing", checkpoints="all")
    assert len(set(runs.extra["hyper_id"])) == len(runs) == 223
    assert (524288 * runs.extra["step"] == runs.D).all()
    assert curves.extra["step"].min() > 0
    for run in (0, 100, 222):
        one = curves.take(curves.extra["hyper_id"] == run)
        assert runs.D[runs.extra["hyper_id"] == run] == one.D.max()


@needs_copies
@pytest.mark.parametrize(("name", "law"), [("vocabulary", "tao"), ("routing", "clark")])
def test_columns_have_the_names_that_the_authors_law_calls(name, law):
    runs, one = opened(name), published_law(law)
    columns = {"N": runs.N, "D": runs.D, **runs.extra}
    assert one.loss(**{column: columns[column] for column in one.columns}).shape == (len(runs),)


@needs_copies
def test_negative_losses_are_refused_where_they_make_no_sense():
    runs = opened("vocabulary")
    assert (runs.L < 0).all()
    for fit in (fit_vpnls, fit_approach3):
        with pytest.raises(FitError, match="only positive losses; correct or drop the run, or undo"):
            fit(runs)


# What is asked wrongly.


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("dclm", {}, "did you mean 'marin-dclm'"),
        ("zzz", {}, r"no public table\. See catalogue"),
        (None, {}, "name is None"),
        ("marin-dclm", {"rows": "all"}, "'marin-dclm' has no option 'rows'; it has no options"),
        ("misfitting", {"count": "total"}, "has no option 'count'; it has counting"),
        ("misfitting", {"counting": "all"}, "counting is 'all'; 'misfitting' has 'total', 'non-embedding'"),
        ("misfitting", {"counting": True}, "counting is True"),
        ("misfitting", {"folder": 3}, "folder is 3; give the path"),
    ],
)
def test_a_wrong_question_is_answered_in_words(name, options, words):
    with pytest.raises(ValueError, match=words):
        open_runs(name, **options)


# Copies, and what may be wrong with them.

CONTENT = b"N,D,loss\n" + b"".join(b"%d00000,%d0000000,3.%d\n" % (k, k, k) for k in range(10, 99))
CARD = replace(
    data_card("marin-dclm"),
    name="toy",
    repository="someone/runs",
    path="data/last.csv",
    bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.mark.parametrize("name", ["toy.csv", "last.csv"])
def test_a_copy_has_the_name_of_the_table_or_of_the_file(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(CONTENT)
    assert fetching.file_of(CARD, tmp_path) == tmp_path / name
    monkeypatch.setenv("SCALINGLAB_DATA", str(tmp_path))
    assert fetching.file_of(CARD) == tmp_path / name


def test_a_folder_without_the_file_is_told_where_it_is(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"folder is .* neither toy\.csv nor last\.csv; save https:"):
        fetching.file_of(CARD, tmp_path)
    monkeypatch.setenv("SCALINGLAB_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="leave SCALINGLAB_DATA out"):
        fetching.file_of(CARD)


def test_a_changed_copy_is_refused(tmp_path):
    (tmp_path / "toy.csv").write_bytes(CONTENT + b"1,1,1\n")
    with pytest.raises(OSError, match=r"not the file that the catalogue knows .* read_runs"):
        fetching.file_of(CARD, tmp_path)


# A server on loopback stands for the net.


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by the last word of the path's first folder."""

    behaviour = "right"
    asked = 0

    def do_GET(self):
        cls = type(self)
        cls.asked += 1
        if cls.behaviour == "missing":
            return self.send_error(404)
        if cls.behaviour == "circle" or (cls.behaviour.startswith("moved") and "elsewhere" not in self.path):
            self.send_response(302)
            self.send_header("Location", "/elsewhere" if cls.behaviour != "circle" else self.path)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = {
            "changed": CONTENT[:-1] + b" " + b"more",
            "short": CONTENT[:100],
            "moved to a login": b"<html>Log in</html>",
        }.get(cls.behaviour, CONTENT)
        if cls.behaviour == "copies":
            body = (COPIES / self.path.rpartition("/")[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100] if cls.behaviour == "cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, no folder of copies, and no proxy between it and the server."""
    monkeypatch.setattr(fetching, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("SCALINGLAB_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def server(address, cache, monkeypatch):
    monkeypatch.setattr(cards, "HOST", address)
    monkeypatch.setattr(Server, "asked", 0)

    def behave(behaviour):
        monkeypatch.setattr(Server, "behaviour", behaviour)

    return behave


def left_in(cache):
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


@pytest.mark.parametrize("behaviour", ["right", "moved"])
def test_a_file_is_fetched_once_and_a_redirect_to_it_is_followed(server, cache, behaviour):
    server(behaviour)
    for _ in range(2):
        assert fetching.file_of(CARD).read_bytes() == CONTENT
    assert Server.asked == {"right": 1, "moved": 2}[behaviour]
    assert left_in(cache) == ["toy.csv"]


def test_a_file_that_was_changed_in_the_cache_is_fetched_anew(server, cache):
    server("right")
    cache.mkdir()
    (cache / "toy.csv").write_bytes(b"changed")
    assert fetching.file_of(CARD).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("behaviour", "what", "cure"),
    [
        ("missing", "the server answered 404 Not Found", "whether https://github.com/someone/runs is"),
        (
            "changed",
            "what arrived is another file, of [0-9,]+ bytes for [0-9,]+",
            "Try again without a proxy",
        ),
        ("short", "only 100 of [0-9,]+ bytes arrived, or another file", "Try again"),
        ("cut", "the transfer broke off before all of its 2,056 bytes", "Try again"),
        (
            "moved to a login",
            "what arrived is another file, .*after a redirect to http://127.0.0.1:.*/elsewhere",
            "browser",
        ),
        ("circle", "Exceeded 30 redirects", "whether https://github.com/someone/runs"),
    ],
)
def test_what_a_server_does_wrong_is_told_and_nothing_stays(server, cache, behaviour, what, cure):
    server(behaviour)
    with pytest.raises(ConnectionError, match=f"'toy' could not be fetched from http.*: {what}") as told:
        fetching.file_of(CARD)
    assert cure in str(told.value)
    assert "folder=, or the environment variable SCALINGLAB_DATA" in str(told.value)
    assert left_in(cache) == []


def test_a_machine_without_a_net_is_told_so(cache, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setattr(cards, "HOST", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ConnectionError, match=r"could not be fetched .* Connect to the net"):
            fetching.file_of(CARD)
    assert left_in(cache) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_told_and_nothing_stays(server, cache, monkeypatch, code):
    server("right")

    def write_a_little(self, url, output_file, pooch):
        Path(output_file).write_bytes(CONTENT[:50])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", write_a_little)
    with pytest.raises(OSError, match=rf"'toy' could not be kept in .*{os.strerror(code)}.*Make room"):
        fetching.file_of(CARD)
    assert left_in(cache) == []


def test_a_cache_that_cannot_be_made_is_told(server, cache):
    server("right")
    cache.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(OSError, match=r"'toy' could not be kept in .* give folder="):
        fetching.file_of(CARD)


def test_pooch_is_asked_for_by_its_extra(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match=r"A public table needs pooch.*scalinglab\[data\]"):
        fetching.file_of(CARD)


@needs_copies
def test_all_nine_come_from_a_server_and_then_from_the_cache(server, cache, monkeypatch):
    server("copies")
    monkeypatch.setattr(
        cards.DataCard, "url", property(lambda card: f"{cards.HOST}/{card.file}"), raising=True
    )
    for name in catalogue():
        runs, again = open_runs(name), opened(name)
        np.testing.assert_array_equal([runs.N, runs.D, runs.L, runs.C], [again.N, again.D, again.L, again.C])
    assert left_in(cache) == sorted(card.file for card in catalogue().values())
    assert Server.asked == len(catalogue())
