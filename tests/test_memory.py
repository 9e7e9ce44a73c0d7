"""Backends with memory of their own: what crosses, when, and where shared variables live."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore.backend import Capabilities, Diagnosis, Executable, NamespaceMemory
from tensorcore.errors import PluginError
from tensorcore.interpret import Interpreter
from tensorcore.program import Program


class Far:
    """A buffer in a memory that NumPy cannot see."""

    def __init__(self, array: np.ndarray) -> None:
        self.hidden = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hidden.shape


class FarMemory:
    name = "far"

    def __init__(self) -> None:
        self.puts = self.gets = 0

    def put(self, array: np.ndarray) -> Any:
        self.puts += 1
        return Far(np.array(array))

    def get(self, buffer: Any) -> np.ndarray:
        assert type(buffer) is Far
        self.gets += 1
        return np.array(buffer.hidden)


class FarBackend:
    """The reference behind a memory of its own; it takes and gives Far buffers only."""

    name = "far"

    def __init__(self) -> None:
        self.memory = FarMemory()

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True)

    def capabilities(self) -> Capabilities:
        return Capabilities(calls=None)

    def compile(self, program: Program) -> Executable:
        inner = Interpreter(program)

        def run(inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
            assert all(type(buffer) is Far for buffer in (*inputs, *cells))
            outputs, values = inner([b.hidden for b in inputs], [b.hidden for b in cells])
            return [Far(y) for y in outputs], [Far(v) for v in values]

        return run


def test_arguments_and_results_cross() -> None:
    far = FarBackend()
    x, y = T.dmatrix("x"), T.dscalar("y")
    f = tensorcore.function([x, y], [x.T * y, y], backend=far)
    moved, number = f(np.arange(6.0).reshape(2, 3), 2)
    assert type(moved) is np.ndarray and moved.flags.c_contiguous and type(number) is np.ndarray
    assert moved.tolist() == (np.arange(6.0).reshape(2, 3).T * 2).tolist()
    assert (far.memory.puts, far.memory.gets) == (2, 2)


def test_a_variable_that_is_only_read_crosses_once() -> None:
    far = FarBackend()
    w, x = tensorcore.shared(np.arange(3.0)), T.dvector("x")
    f = tensorcore.function([x], x + w, backend=far)
    for _ in range(3):
        f(np.ones(3))
    assert far.memory.puts == 3 + 1
    w.set_value(np.zeros(3))
    assert f(np.ones(3)).tolist() == [1.0, 1.0, 1.0]
    assert far.memory.puts == 4 + 2


def test_a_variable_that_is_updated_stays_there() -> None:
    far = FarBackend()
    w = tensorcore.shared(np.zeros(3))
    f = tensorcore.function([], None, updates={w: w + 1}, backend=far)
    for _ in range(5):
        f()
    assert (far.memory.puts, far.memory.gets) == (1, 0)
    assert w.get_value().tolist() == [5.0] * 3
    assert w.get_value(borrow=True).tolist() == [5.0] * 3


@pytest.mark.parametrize("host", ["numpy_ref", "cgen"])
def test_backends_take_turns_with_a_variable(host: str) -> None:
    if tensorcore.plugins.status(host).state != "ok":
        pytest.skip(tensorcore.plugins.status(host).reason)
    far = FarBackend()
    w, x = tensorcore.shared(np.zeros(2)), T.dvector("x")
    there = tensorcore.function([x], w, updates={w: w + x}, backend=far)
    here = tensorcore.function([x], w, updates={w: w * 2 + x}, backend=host)
    expected = np.zeros(2)
    given = np.array([1.0, 2.0])
    for turn in range(12):
        f = here if turn % 3 == 0 else there
        assert f(given).tolist() == expected.tolist()
        expected = expected * 2 + given if f is here else expected + given
        assert w.get_value().tolist() == expected.tolist()


def test_readers_elsewhere_lose_no_update() -> None:
    far = FarBackend()
    w = tensorcore.shared(np.zeros(50))
    step = tensorcore.function([], None, updates={w: w + 1}, backend="numpy_ref")
    read = tensorcore.function([], [w, w.sum()], backend=far)
    wrong: list[str] = []
    done = threading.Event()

    def reader() -> None:
        last = -1.0
        while not done.is_set():
            value, total = read()
            if (value != value[0]).any() or total != value[0] * 50 or value[0] < last:
                wrong.append(f"{value[:2]} {total} after {last}")
            last = value[0]

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        step()
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong and w.get_value()[0] == 300


def test_a_buffer_that_passes_for_the_host_s_is_refused() -> None:
    far = FarBackend()
    far.memory.put = np.array  # type: ignore[method-assign, assignment]
    x = T.dvector("x")
    f = tensorcore.function([x], x + 1, backend=far)
    with pytest.raises(PluginError, match="expected a buffer of its own type"):
        f(np.ones(2))


def test_a_failed_transfer_leaves_the_variable_usable() -> None:
    far = FarBackend()
    w = tensorcore.shared(np.zeros(2))
    f = tensorcore.function([], w, updates={w: w + 1}, backend=far)
    sound = far.memory.put

    def full(array: np.ndarray) -> Any:
        raise MemoryError("the device is full")

    far.memory.put = full  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        f()
    assert w.get_value().tolist() == [0.0, 0.0]
    far.memory.put = sound  # type: ignore[method-assign]
    f()
    assert w.get_value().tolist() == [1.0, 1.0]


def test_the_memory_of_a_namespace() -> None:
    xp = pytest.importorskip("array_api_strict")
    memory = NamespaceMemory(xp)
    for value in (np.arange(6.0).reshape(2, 3), np.array(True), np.zeros((0, 2), "int8")):
        buffer = memory.put(value)
        assert type(buffer) is type(xp.asarray(0))
        back = memory.get(buffer)
        assert back.dtype == value.dtype and np.array_equal(back, value)
        assert back.flags.writeable and not np.shares_memory(back, value)
