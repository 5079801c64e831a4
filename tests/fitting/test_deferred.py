"""What a fit has to say is worked out when it is first read, once, and travels with its copies."""

import copy
import dataclasses
import pickle

import pytest

from scalinglab import fit_vpnls
from scalinglab.fitting import vpnls
from scalinglab.fitting.deferred import Deferred


@dataclasses.dataclass(frozen=True)
class Result:
    words: Deferred[str] = Deferred("none")  # noqa: RUF009


def test_a_function_is_called_once_and_not_before():
    calls = []
    result = Result(lambda: calls.append(1) or "worked out")
    assert calls == []
    assert [result.words, result.words] == ["worked out"] * 2
    assert calls == [1]
    assert Result().words == "none"
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.words = "changed"


def test_a_fit_nobody_asks_looks_for_no_concerns(noisy, monkeypatch):
    calls = []
    monkeypatch.setattr(vpnls, "surface_concerns", lambda *arguments: calls.append(1) or ("a doubt",))
    fit = fit_vpnls(noisy)
    assert calls == []
    assert fit.concerns == ("a doubt",)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda fit: pickle.loads(pickle.dumps(fit))])
def test_a_copy_has_the_concerns_of_its_original(llama3, copied):
    fit = fit_vpnls(llama3)
    assert copied(fit).concerns == fit.concerns
    assert len(copied(fit).concerns) == 2
