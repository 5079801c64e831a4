"""Searches memory rarely for what nobody holds: nearly all that a page makes lives as long as its kernel.

At the end it is not searched at all. What is forked after this was imported does the same.
"""

import atexit
import gc

gc.set_threshold(100_000, 50, 20)
atexit.register(gc.freeze)
