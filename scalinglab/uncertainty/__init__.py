"""Standard errors and intervals of a fit: covariance, profile, bootstrap, proven region."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
