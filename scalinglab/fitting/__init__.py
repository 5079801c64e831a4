"""Fits of a law to runs: Approaches 1 to 3, VPNLS, the certificate, results and their concerns."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
