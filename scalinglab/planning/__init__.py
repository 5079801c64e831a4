"""From a law to a decision: how compute is allocated, what an error wastes, what compute costs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
