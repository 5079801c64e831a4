"""Reports of a fit for its readers: what they must know to judge and to reproduce it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
