"""What a law says: surfaces, power laws, parameter counts, repeated data, and constants from papers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
