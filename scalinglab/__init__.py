"""Fit neural scaling laws, and know how far to trust the answer.

``L(N, D) = E + A/N**alpha + B/D**beta``, its compute-optimal frontier, the ways to fit it, what each
gets wrong, and what an error costs. What a practitioner needs is importable from here, the rest from its
folder, such as ``scalinglab.laws``; a name is loaded when it is first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
