"""The arithmetic that nobody can leave out."""

from __future__ import annotations

import numpy as np


def map_product(in_N, in_D):
    """Inner products of every column of N with every column of D: the map's one matrix product."""
    return in_N.T @ in_D


def one_pass(n, d, L, alpha, beta, rows=4096):
    """The Gram matrix of [1, p, q, n p, d q, L], p = exp(-alpha n), q = exp(-beta d), in blocks of runs.

    A step of any method with exact first derivatives looks at every run at least this much.
    """
    gram = np.zeros((6, 6))
    columns = np.empty((6, rows))
    columns[0] = 1
    for start in range(0, len(L), rows):
        block = slice(start, start + rows)
        c = columns[:, : len(L[block])]
        np.exp(np.multiply(n[block], -alpha, out=c[1]), out=c[1])
        np.exp(np.multiply(d[block], -beta, out=c[2]), out=c[2])
        np.multiply(n[block], c[1], out=c[3])
        np.multiply(d[block], c[2], out=c[4])
        c[5] = L[block]
        gram += c @ c.T
    return gram
