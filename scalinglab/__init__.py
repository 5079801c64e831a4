"""Fit neural scaling laws, and know how far to trust the answer.

``L(N, D) = E + A/N**alpha + B/D**beta``, its compute-optimal frontier, the ways to fit it, what each
gets wrong, and what an error costs. Every public name is importable from here and loaded when first
used; the book explains each.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
