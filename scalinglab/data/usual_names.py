"""Names that people give to columns of runs, and the letter and unit that each says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scalinglab.data.units import COUNTS, UNITS, flops_of, power_of_ten

#: Folders of a logger's metrics, that say nothing of what a column holds.
FOLDERS = re.compile(
    r"^(metrics|params|parameters|summary|config|throughput|model|data|train|trainer)\s*[./:]\s*"
)

#: Words that name a quantity, and those that may stand beside them without changing which it is.
CORES = {
    "N": {"n", "param", "params", "parameter", "parameters", "nparams"},
    "D": {"d", "token", "tokens", "ntokens"},
    "C": {"c", "compute", "budget"},
}
BESIDE = {
    "N": "n num number of in count total model size non no without with embedding embeddings embed emb embd "
    "vocab active activated dense trainable nonembedding noembed excl incl",
    "D": "d n num number of in count total train training trained seen processed consumed",
    "C": "c flop flops of in total train training model budget used nominal estimated approx num n 6nd 6n no "
    "non emb embedding isoflop theoretical",
}
WHOLE = {"N": {"model size", "modelsize"}, "D": set(), "C": set()}

#: Parts of a model that are not the whole, and what loggers call a speed.
PARTS = {"embedding", "embeddings", "embed", "emb", "embd", "vocab"}
SPEED = re.compile("[mgtp]flops")
PER_SECOND = re.compile(r"(/|per[ _])\s*s(ec|econds?)?(\b|_)(?!.*(day|hour))", re.IGNORECASE)

#: Words that make a loss of a column, and words that make something else of a loss.
LOSSES = {"loss", "losses", "nll", "bpb", "xent"}
NO_LOSS = {
    *(
        "scale",
        "fn",
        "func",
        "function",
        "std",
        "stderr",
        "stdev",
        "se",
        "sem",
        "var",
        "variance",
        "min",
        "max",
    ),
    *(
        "weight",
        "weights",
        "coef",
        "aux",
        "z",
        "balance",
        "balancing",
        "load",
        "router",
        "type",
        "name",
        "step",
    ),
    *(
        "steps",
        "count",
        "id",
        "error",
        "spike",
        "spikes",
        "ratio",
        "delta",
        "diff",
        "ema",
        "grad",
        "per",
        "at",
    ),
    *("perplexity", "ppl"),
}


@dataclass(frozen=True)
class Meaning:
    """What a column's name says: a letter, and the unit that it is counted in."""

    letter: str
    size: float = 1.0
    unit: str = ""


#: What a note calls a unit of counts.
SCALES = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: total_gflops, ModelSize, eval/loss and tokens (B) are two each."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip())
    return re.findall(r"[^\W_]+(?:\^\d+)?", text.lower())


def meaning_of(name: str) -> Meaning | None:
    """What a column's name says it holds; None if it says nothing.

    Case, blanks, underscores and a logger's folder do not matter. Qualifiers that do not change which
    quantity is named are let through, and a word that is not known lets a name pass for nothing: tokens per
    second, max_tokens and d_model are no tokens.

    Examples
    --------
    >>> meaning_of("throughput/total_gflops")
    Meaning(letter='C', size=1000000000.0, unit='GFLOP')
    >>> meaning_of("n_params").letter, meaning_of("Tokens (B)").size, meaning_of("tokens_per_second")
    ('N', 1000000000.0, None)
    """
    if PER_SECOND.search(name):
        return None
    while True:
        bare = FOLDERS.sub("", name.strip(), count=1)
        if (found := _of_words(words_of(name))) is not None or bare == name.strip() or not bare:
            return found
        name = bare


def _of_words(words: list[str]) -> Meaning | None:
    text = " ".join(words)
    if set(words) & PARTS and not set(words) & {"non", "no", "with", "without", "incl", "excl"}:
        return None
    for letter, names in WHOLE.items():
        if text in names:
            return Meaning(letter)
    if loss := _loss(words, text):
        return loss
    if compute := _compute(words):
        return compute
    for letter in ("N", "D"):
        rest, size, unit = _scaled(words)
        beside = [word for word in rest if word not in CORES[letter]]
        allowed = set(BESIDE[letter].split())
        if not {word for word in rest if len(word) > 1} & CORES[letter]:
            allowed -= {"n", "d", "c"}  # D/N is a ratio
        if len(beside) < len(rest) and set(beside) <= allowed:
            return Meaning(letter, size, unit)
    return None


def _loss(words: list[str], text: str) -> Meaning | None:
    if set(words) & NO_LOSS - ({"per"} if "bits per" in text or "nats per" in text else set()):
        return None
    unit = next(
        (
            unit
            for unit, pattern in (
                ("bits per byte", r"\b(bpb|bits per byte)\b"),
                ("bits per token", r"\b(bits per token|bits)\b"),
                ("nats per token", r"\bnats?\b"),
            )
            if re.search(pattern, text)
        ),
        "",
    )
    named = set(words) & LOSSES or "cross entropy" in text or text in ("l", "bits per byte", "bits per token")
    return Meaning("L", unit=unit) if named else None


def _compute(words: list[str]) -> Meaning | None:
    """Compute, in the unit that one of the words, or a run of them, names."""
    known = set(BESIDE["C"].split()) | CORES["C"]
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            said = "".join(words[start:end])
            size = flops_of(said)
            rest = words[:start] + words[end:]
            if size is None or not set(rest) - {word for word in rest if power_of_ten(word)} <= known:
                continue
            if not rest and SPEED.fullmatch(said):
                continue
            scale = next((ten for word in rest if (ten := power_of_ten(word))), 1.0)
            if size * scale == 1.0:
                return Meaning("C")
            return Meaning("C", size * scale, _written(said, size) if scale == 1.0 else f"{size * scale:g}")
    rest, size, unit = words, 1.0, ""
    for word in words:
        if ten := power_of_ten(word):
            rest, size, unit = [other for other in words if other != word], ten, f"{ten:g}"
    cores = CORES["C"] & set(rest)
    return Meaning("C", size, unit) if cores and set(rest) <= known else None


def _written(said: str, size: float) -> str:
    """A unit of compute as it is usually written."""
    return next((name for name, flops in UNITS.items() if flops == size), said)


def _scaled(words: list[str]) -> tuple[list[str], float, str]:
    """A count's words without those that say millions or billions, and what they say."""
    for place in range(len(words) - 1, 0, -1):
        if size := COUNTS.get(words[place]) or power_of_ten(words[place]):
            return words[:place] + words[place + 1 :], size, SCALES.get(size, f"{size:g}")
    return words, 1.0, ""
