"""One search of Approach 3: what it asks of the processor."""

import threading

import numpy as np
import scipy.optimize  # noqa: F401  (its library of linear algebra is to be there)
from threadpoolctl import threadpool_info, threadpool_limits

from scalinglab import Squared
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.lbfgs import search


class Watching(Squared):
    """The squared loss, which notes how many threads linear algebra has whenever it is asked."""

    seen: set

    def rho(self, r):
        self.seen |= threads_now()
        return super().rho(r)


def threads_now():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_search_takes_one_thread_and_gives_the_others_back(llama3):
    loss, asked = Watching(log=True), (CentredLogs.of(llama3), np.array([0.0, 0.0, 0.0, 0.4, 0.4]))
    object.__setattr__(loss, "seen", set())
    with threadpool_limits(2, user_api="blas"):
        before = threads_now()  # none where linear algebra has no threads to speak of
        search(asked[0], loss, asked[1], 2)
        assert threads_now() == before
        at_once = [
            threading.Thread(target=search, args=(asked[0], Squared(), asked[1], 10)) for _ in range(3)
        ]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
        assert threads_now() == before
    assert loss.seen == ({1} if before else set())
