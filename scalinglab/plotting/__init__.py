"""Pictures: one function each; they take results and return the Axes, and fit nothing."""

from typing import Any

import lazy_loader

from scalinglab._extras import needs

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with needs("plot"):
        return _load(name)
