"""Pictures: one function each; they take results and return the Axes, and fit nothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
