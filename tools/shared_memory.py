"""Searches memory rarely for what nobody holds: nearly all that a page makes lives as long as its kernel.

What is forked after this was imported does the same.
"""

import gc

gc.set_threshold(100_000, 50, 20)
