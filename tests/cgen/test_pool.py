"""Work that threads share: the same bits for any number of them, forks and failures."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready
from tensorcore_cgen import blas, runtime

import tensorcore.tensor as T
from tensorcore import config, function
from tensorcore.tensor import Tensor

pytestmark = pytest.mark.usefixtures("_generated")
RNG = np.random.default_rng(0)
LONG = RNG.normal(size=400_000)
TABLE = RNG.normal(size=(1500, 300))
NARROW = RNG.normal(size=(50_000, 5))
WIDE = RNG.normal(size=(40, 6000))
CUBE = RNG.normal(size=(12, 200, 70))
WHOLE = RNG.integers(-9, 9, (160, 160))

v, m, c, i = T.dvector("v"), T.dmatrix("m"), T.dtensor3("c"), T.lmatrix("i")
h = T.cast(m, "float16")

#: Each is large enough to be shared.
PROGRAMS: dict[str, tuple[Tensor, Tensor, np.ndarray]] = {
    "map": (v, T.exp(v) * T.tanh(v) + 1, LONG),
    "sum of all": (v, T.sum(v), LONG),
    "sum of half": (m, T.sum(h), TABLE),
    "sum of products": (m, T.sum(m.T * 2), TABLE),
    "product": (v, T.prod(1 + v * 1e-6), LONG),
    "largest": (v, T.max(T.switch(T.eq(v, 0), np.nan, v)), LONG),
    "position of the largest": (v, T.argmax(abs(v)), LONG),
    "two stages": (v, (v - T.mean(v)) / T.std(v), LONG),
    "any": (v, T.any(v > 4.2), LONG),
    "softmax": (m, T.nnet.softmax(m), TABLE),
    "long rows": (m, T.nnet.softmax(m), WIDE),
    "columns": (m, T.sum(m, axis=0), TABLE),
    "columns of half": (m, T.sum(h, axis=0), TABLE),
    "largest of columns": (m, T.max(m, axis=0), TABLE),
    "variance of columns": (m, T.var(m, axis=0), TABLE),
    "normalised columns": (m, (m - T.mean(m, axis=0)) / T.std(m, axis=0), TABLE),
    "variance of wide columns": (m, T.var(m, axis=0), WIDE),
    "columns of several": (c, T.sum(c * c, axis=1), CUBE),
    "matrix and vector": (m, T.dot(m, m[0]), TABLE),
    "vector and matrix": (m, T.dot(m[:, 0], m), TABLE),
    "rows and columns": (m, T.dot(T.tanh(T.dot(m, m[0])), m), TABLE),
    "rows and columns of few": (m, T.dot(T.tanh(T.dot(m, m[0])), m), NARROW),
    "products of many": (c, T.batched_dot(c, c.dimshuffle(0, 2, 1)), CUBE),
    "product of matrices": (m, T.dot(m.T, m), TABLE),
    "product with few rows": (m, T.dot(m[:40], m.T), TABLE),
    "product of integers": (i, T.dot(i, i), WHOLE),
    "running total": (v, T.cumsum(v), LONG),
    "order": (m, T.argsort(m, axis=1), TABLE),
    "rows of a table": (m, m[T.arange(m.shape[0] * 40) % m.shape[0]], TABLE[:, :40]),
    "joined": (v, T.concatenate([v, v + 1]), LONG),
}


@pytest.fixture
def _generated() -> None:
    """The C runtime is waited for: calls that go round it have no threads."""
    skip_unless_ready("cgen")
    if runtime._native() is None:
        pytest.skip("the C runtime does not fit this Python")


def compiled(inputs: list[Any], outputs: Any, threads: int, **more: Any) -> Any:
    with config.change_flags(backend="cgen", num_threads=threads):
        return function(inputs, outputs, **more)


def workers() -> int:
    """Threads of this process that Python does not know."""
    with open("/proc/self/status", encoding="ascii") as file:
        text = file.read()
    return int(text.split("Threads:")[1].split()[0]) - threading.active_count()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_number_of_threads_changes_no_bit(name: str) -> None:
    variable, expression, value = PROGRAMS[name]
    functions = [compiled([variable], expression, threads) for threads in (1, 2, 5)]
    single, *shared_out = [f(value) for f in functions]
    with config.change_flags(backend="numpy_ref"):
        expected = function([variable], expression)(value)
    np.testing.assert_allclose(single, expected, rtol=1e-2 if "half" in name else 1e-9)
    for _ in range(3):
        for f in functions[1:]:
            assert f(value).tobytes() == single.tobytes()
    assert all(found.tobytes() == single.tobytes() for found in shared_out)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc")
def test_threads_are_started_for_work_and_only_for_work() -> None:
    """In a process of its own, as threads stay once they are there."""
    read, write = os.pipe()
    f = compiled([v], T.exp(v), 3)
    f(LONG[:10])
    child = os.fork()
    if child == 0:
        before = workers()
        f(LONG[:10])
        still = workers()
        f(LONG)
        os.write(write, f"{still - before} {workers() - before}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 100).split() == [b"0", b"2"]
    os.close(read)


def test_a_fork_after_shared_work_works_too() -> None:
    f, value = compiled([v], T.sum(T.exp(v)), 3), LONG
    expected = f(value)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            right = f(value) == expected
            again = not os.path.exists("/proc/self/status") or workers() == 2
            os._exit(0 if right and again else 1)
        deadline = time.monotonic() + 20
        done = (0, 0)
        while not done[0] and time.monotonic() < deadline:
            done = os.waitpid(child, os.WNOHANG)
            time.sleep(0.005)
        if not done[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert done[0], "the child hangs"
        assert done[1] == 0
        assert f(value) == expected


def test_many_callers_share_one_pool() -> None:
    f = compiled([v], [T.sum(v * 2), T.exp(v)], 4)
    wrong: list[int] = []

    def work(number: int) -> None:
        mine = LONG[: 50_000 + 1000 * number]
        total, powers = f(mine)
        for _ in range(10):
            again, same = f(mine)
            if again != total or same.tobytes() != powers.tobytes():
                wrong.append(number)
        if not np.allclose(total, mine.sum() * 2) or not np.allclose(powers, np.exp(mine)):
            wrong.append(number)

    callers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def blas_threads() -> int:
    """How many threads NumPy's BLAS may use."""
    address, _ = blas.find().threads
    if not address:
        pytest.skip("this NumPy's BLAS keeps its threads to itself")
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def test_products_leave_the_threads_of_blas_as_they_were() -> None:
    """While callers multiply, one BLAS thread each; afterwards, and in a child that is forked
    meanwhile, as many as before."""
    before = blas_threads()
    if before < 2:
        pytest.skip("this machine has one core, and BLAS one thread")
    f = compiled([m], T.dot(m.T, m), 2)
    expected = f(TABLE)
    seen: set[int] = set()
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            assert f(TABLE).tobytes() == expected.tobytes()

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    states = []
    for _ in range(20):
        seen.add(blas_threads())
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            right = f(TABLE).tobytes() == expected.tobytes()
            os._exit(0 if right and blas_threads() == before else 1)
        states.append(os.waitpid(child, 0)[1])
    ended.set()
    for caller in callers:
        caller.join()
    assert not any(states)
    assert seen <= {1, before}
    assert 1 in seen
    assert blas_threads() == before


def test_the_first_failure_by_place_is_told() -> None:
    rows = T.lvector("rows")
    f = compiled([m, rows], m[rows] * 2, 4)
    index = np.zeros(20_000, "int64")
    index[7000], index[7400:] = 5000, 6000  # in chunks side by side, the second found later
    for _ in range(50):
        with pytest.raises(IndexError, match=r"\b5000\b"):
            f(TABLE[:, :40].copy(), index)
    index[:] = 1
    np.testing.assert_array_equal(f(TABLE[:, :40].copy(), index)[-1], TABLE[1, :40] * 2)
