"""Ctrl-C ends a call that takes long, soon, and leaves nothing half done (R16)."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import skip_unless_ready
from tensorcore_cgen import runtime

import tensorcore.tensor as T
from tensorcore import config, function, shared
from tensorcore.tensor import Tensor

if TYPE_CHECKING:
    from faults.conftest import Tally

v, m, i = T.dvector("v"), T.dmatrix("m"), T.lmatrix("i")
slow = lambda x: T.gammaln(T.gammaln(x) + 2)  # noqa: E731

#: Seconds that the exception may take: as promised, and in the small form on a machine that is
#: busy with something else. Whoever ignores the signal takes until the end of the call.
PROMISED, SMALL = 0.2, 1.0
#: Each takes about a second and more; what the user wants meanwhile must not wait for its end.
SLOW: dict[str, tuple[Tensor, Callable[[Tensor], Tensor], Callable[[], np.ndarray]]] = {
    "a map": (v, lambda x: T.gammaln(T.exp(x) + 1), lambda: np.full(40_000_000, 0.5)),
    "a reduction": (v, lambda x: T.sum(T.gammaln(T.exp(x) + 1)), lambda: np.full(40_000_000, 0.5)),
    "rows": (m, lambda x: T.sum(slow(x), axis=1), lambda: np.full((4000, 9000), 0.5)),
    "columns": (m, lambda x: T.sum(slow(x), axis=0), lambda: np.full((4000, 9000), 0.5)),
    "running totals": (v, lambda x: T.cumsum(T.cumsum(x)), lambda: np.full(60_000_000, 0.5)),
    "a product": (i, lambda x: T.dot(x, x), lambda: np.ones((2000, 2000), "int64")),
    "sorting": (v, T.argsort, lambda: np.random.default_rng(0).random(6_000_000)),
}


@pytest.fixture
def _heeds_signals() -> Iterator[None]:
    """A process that a shell starts in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeds_signals")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SLOW)
def test_control_c(name: str, threads: int, tally: Tally) -> None:
    skip_unless_ready("cgen")
    runtime._native()  # calls that go round the C runtime are interrupted by other means
    variable, expression, make = SLOW[name]
    state = shared(np.zeros(3))
    with config.change_flags(backend="cgen", num_threads=threads):
        f = function([variable], expression(variable), updates={state: state + 1})
    given = make()
    small = given[:3].copy() if given.ndim == 1 else given[:3, :3].copy()
    expected = np.asarray(f(small)).tobytes()
    rng, tried = np.random.default_rng(1), tally.size(1, 100)
    held, delays = 0, []
    for _ in range(tried):
        state.set_value(np.zeros(3))
        delay = _interrupted(f, given, float(rng.uniform(0.02, 0.4)))
        whole = state.get_value().tolist() == [0.0] * 3
        soon = delay is not None and delay < (PROMISED if tally.long else SMALL)
        if delay is not None and soon and whole and np.asarray(f(small)).tobytes() == expected:
            held += 1
            delays.append(delay)
    slowest = sorted(delays)[int(0.99 * (len(delays) - 1))] if delays else 0.0
    tally.held(f"R16 Ctrl-C in {name}, {threads} threads", tried, held, f"p99 {slowest:.3f} s")


def _interrupted(
    f: Callable[[np.ndarray], object], given: np.ndarray, after: float
) -> float | None:
    """Seconds from the signal to the exception; None when there was none."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        f(given)
        timer.join()
        time.sleep(0.05)  # the signal may still come, behind the call
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    finally:
        timer.join()
    return None
