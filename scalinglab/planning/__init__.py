"""From a law to a decision: how compute is allocated, what an error wastes and costs, which runs to make."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
