"""Games that a student has played to the end."""

import json

from scalinglab.course import Oracle, hidden_surface


def play(name="Ada Lovelace", surface=None, width=0.05, size=1.0, **options):
    """A short game that ends with the best plan of a surface, the true one when absent."""
    oracle = Oracle(name, **options)
    for N in (1e8, 2e8, 4e8):
        oracle.query(N, 5e9)
    surface = surface or hidden_surface(oracle.student, oracle.term)
    C = 0.999999 * oracle.target
    N, D = size * surface.N_opt(C), surface.D_opt(C) / size
    L = surface.loss(N, D)
    oracle.predict(N, D, L, L - width, L + width)
    return oracle


def edited(oracle, tmp_path, change):
    oracle.save(tmp_path / "edited.json")
    record = json.loads((tmp_path / "edited.json").read_text())
    change(record)
    (tmp_path / "edited.json").write_text(json.dumps(record))
    return tmp_path / "edited.json"
