"""Fifty cases that the workbench and the package must agree about: studies, sweeps of runs, and tables."""

import numpy as np

from scalinglab import CHINCHILLA, IsoflopDesign, LossSurface, Runs, load_chinchilla, load_llama3


def studies():
    """Twenty random surfaces and designs, some with equal exponents, some centred."""
    rng = np.random.default_rng(18)
    for k in range(20):
        alpha, beta = np.exp(rng.uniform(np.log(0.05), np.log(1.0), 2))
        A, B = np.exp(rng.uniform(3, 12, 2))
        surface = LossSurface(rng.uniform(1, 3), A, B, alpha, alpha if k % 7 == 3 else beta)
        budgets = np.geomspace(1e17, 10 ** rng.uniform(19, 23), int(rng.integers(2, 10)))
        offset, drift = np.exp(rng.uniform(-1.5, 1.5, 2)) if k % 5 else (1.0, 1.0)
        reach, points = np.exp(rng.uniform(0.2, 3.4)), int(rng.integers(3, 32))
        yield surface, IsoflopDesign(budgets, float(reach), points, float(offset), float(drift))


def sweeps():
    """Eighteen tables of runs: the two of the package, and random sweeps on IsoFLOP curves and scattered."""
    yield load_llama3()
    yield load_chinchilla()
    rng = np.random.default_rng(1808)
    for k in range(16):
        alpha, beta = rng.uniform(0.2, 0.6, 2)
        A, B = np.exp([alpha * rng.uniform(16, 20), beta * rng.uniform(18, 22)])
        surface = LossSurface(rng.uniform(0.5, 2), A, B, alpha, beta)
        noise = float(rng.choice([1e-3, 3e-3, 1e-2]))
        if k % 2:
            design = IsoflopDesign(np.geomspace(1e18, 1e21, 4 + k % 4), reach=6, points=9, drift=1.5)
            yield design.runs(surface, noise=noise, rng=rng)
        else:
            N, D = np.exp(rng.uniform(np.log([[2e7], [1e9]]), np.log([[4e9], [2e11]]), (2, 30 + 4 * k)))
            yield Runs(N, D, surface.loss(N, D) + noise * rng.standard_normal(len(N)))


SIZES = [(25, 1), (50, 0.5), (101, 3), (210, 2), (405, 9), (800, 4), (1601, 30), (3200, 20)]
GOOD = "params,tokens,loss\n" + "".join(
    f"{n}M,{d}B,{CHINCHILLA.loss(n * 1e6, d * 1e9) + 0.002 * (-1) ** n:.6f}\n" for n, d in SIZES
)
#: Tables as people have them: the first four are read, the others are refused.
TABLES = [
    GOOD,
    "# mine\nmodel size;tokens (B);val_loss\n12M;0,24;5,1\n\n25M;0,5;4,2\n1.3B;2,5;3,3\n",
    'run,n_params,total_gflops,loss\na,"25,165,824",1.2e9,3.1\nb,"50,331,648",4.8e9,3.0\n',
    "N\tD\tL\tC\n1e8\t2e9\t3.1\t1.2e18\n2e8\t4e9\t3.0\t4.8e18\n",
    GOOD.replace("50M,0.5B", "50M,"),
    GOOD.replace("101M,3B", "101M,3x"),
    GOOD.replace(",3.", ",3.O", 1),
    GOOD + "# late\n-4e9,1e9,3.0\n",
    GOOD.replace("800M,", "0,"),
    GOOD + "1e9,2e9,3.0,7\n",
    GOOD.replace("params", "width"),
    GOOD.replace("loss", "tokens", 1),
]
READ = TABLES[:4]
