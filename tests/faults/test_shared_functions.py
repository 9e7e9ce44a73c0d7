"""R14, R15: many threads share one function, many compile at once, and processes fork while others
call."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, shared

if TYPE_CHECKING:
    from faults.conftest import Tally

BACKENDS = ("cgen", "numpy_ref")
THREADS = 64


def in_threads(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """What was raised by ``work`` in so many threads that start together."""
    barrier = threading.Barrier(count)
    problems: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as problem:  # noqa: BLE001 (handed on)
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_function_in_many_threads(backend: str, tally: Tally) -> None:
    """Short calls, and one in a hundred that is long enough to let others run."""
    x, a = T.dvector("x"), T.dscalar("a")
    total, count = shared(np.zeros(4)), shared(0)
    with config.change_flags(backend=backend):
        f = function(
            [x, a], [x * a + 1, T.sum(x) * a], updates={total: total + a, count: count + 1}
        )
    calls = tally.size(60, 15_625)
    held = [0] * THREADS
    long = np.ones(60_000)

    def work(number: int) -> None:
        short = np.arange(3.0 + number % 5)
        for k in range(calls):
            given, factor = long if k % 100 == 7 else short, float(number * 3 + k % 11)
            values, product = f(given, factor)
            right = product == given.sum() * factor and values.shape == given.shape
            held[number] += bool(right and (values == given * factor + 1).all())

    problems = in_threads(THREADS, work)
    assert not problems, problems[:3]
    factors = sum(float(n * 3 + k % 11) for n in range(THREADS) for k in range(calls))
    assert total.get_value().tolist() == [factors] * 4
    assert int(count.get_value()) == THREADS * calls
    tally.held(f"R14 threads share a function: {backend}", THREADS * calls, sum(held))


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_threads_compile_at_once(backend: str, tally: Tally) -> None:
    rounds = tally.size(1, 12)
    held = [0] * 16
    for turn in range(rounds):
        number = float(np.random.default_rng(os.getpid() + turn).random())

        def work(k: int) -> None:
            x = T.dvector("x")
            f = function([x], T.exp(x * number).sum() + number, backend=backend)  # noqa: B023
            found = f(np.arange(3.0))
            held[k] += bool(np.isclose(found, np.exp(np.arange(3.0) * number).sum() + number))  # noqa: B023

        problems = in_threads(16, work)
        assert not problems, problems[:3]
    tally.held(f"R14 16 threads compile at once: {backend}", 16 * rounds, sum(held))


def forked(work: Callable[[], bool], seconds: int = 10) -> Any:
    """The exit code of a child that does the work: 0 where it says True."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)  # one that hangs is killed
        code = 9
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_forks_while_others_call(backend: str, tally: Tally) -> None:
    """The child may call and update, although threads of its parent did so at that moment."""
    x = T.dvector("x")
    large, small = shared(np.zeros(300_000)), shared(0)
    with config.change_flags(backend=backend):
        f = function(
            [x], T.sum(T.exp(x)), updates={large: T.sqrt(large * large) + 1, small: small + 1}
        )
        g = function([x], T.exp(x) * 2)
    given = np.zeros(100_000)
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            f(given)
            large.get_value()

    def right() -> bool:
        before = large.get_value()
        f(given)
        after = large.get_value()
        whole = before.min() == before.max() and (after == before + 1).all()
        return bool(whole and g(given)[7] == 2 and small.get_value() > 0)

    threads = [threading.Thread(target=call) for _ in range(2)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    for thread in threads:
        thread.start()
    try:
        tried = tally.size(8, 100)
        codes = [forked(right) for _ in range(tried)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(usual)
    tally.held(f"R15 forks while others call: {backend}", tried, codes.count(0), str(set(codes)))
