"""What a law says: surfaces, power laws, compute laws, counts, repetition, published constants."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
