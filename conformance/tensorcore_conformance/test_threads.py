"""Threads: one compiled function is called from many at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from tensorcore import TensorType, shared
from tensorcore import tensor as T

from .subject import Subject

THREADS = 8


def together(work: Callable[[int], None]) -> None:
    """Run ``work`` in THREADS threads that start at the same moment and take turns often; raise
    what they raised."""
    barrier = threading.Barrier(THREADS)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as cause:  # noqa: BLE001  # handed to the caller
            errors.append(cause)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(THREADS)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    if errors:
        raise errors[0]


@pytest.fixture(autouse=True)
def _float64(subject: Subject) -> None:
    if not subject.takes("float64", "int64"):
        pytest.skip("float64 or int64 is not among the declared dtypes")


def test_distinct_inputs(subject: Subject, full: bool) -> None:
    """Each thread gets the answer to its own question."""
    m = TensorType("float64", (False, False))("m")
    f = subject.function([m], [T.sum(m * 2 + 1, axis=1), T.exp(m - 5.0), T.dot(m, m.T)])
    wrong: list[int] = []

    def work(number: int) -> None:
        array = np.full((20 + number, 30), 1.0 + number)
        for _ in range(200 if full else 50):
            rows, powers, products = f(array)
            right = (
                (rows == 30 * (2.0 * (number + 1) + 1)).all()
                and rows.shape == (20 + number,)
                and np.allclose(powers, np.exp(number - 4.0), rtol=1e-12)
                and (products == 30.0 * (number + 1) ** 2).all()
            )
            if not right:
                wrong.append(number)

    together(work)
    assert wrong == []


def test_no_update_is_lost(subject: Subject, full: bool) -> None:
    """A counter that all threads update counts every call."""
    count, total = shared(0), shared(np.zeros(3))
    x = TensorType("float64", (False,))("x")
    f = subject.function([x], count, {count: count + 1, total: total + x})
    calls = 500 if full else 100
    seen: list[list[int]] = [[] for _ in range(THREADS)]

    def work(number: int) -> None:
        for _ in range(calls):
            seen[number].append(int(f(np.ones(3))))

    together(work)
    assert int(count.get_value()) == THREADS * calls
    assert total.get_value().tolist() == [float(THREADS * calls)] * 3
    assert sorted(v for row in seen for v in row) == list(range(THREADS * calls))


@pytest.mark.parametrize("size", [4, 200_000])
def test_a_snapshot_is_consistent(size: int, subject: Subject) -> None:
    """A reader never sees one state from before a call and another from after it, nor half of
    one, however long the call takes."""
    a, b = shared(np.zeros(size)), shared(np.zeros(size))
    write = subject.function([], None, {a: a + 1, b: b - 1})
    read = subject.function([], T.sum(T.abs_(a + b)))
    wrong: list[float] = []

    def work(number: int) -> None:
        for _ in range(100 if size < 100 else 8):
            if number % 2:
                write()
            elif (difference := float(read())) != 0:
                wrong.append(difference)

    together(work)
    assert wrong == []
