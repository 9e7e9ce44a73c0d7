"""Calls in their steady state, on the emulator: loops in captured graphs, nothing allocated, nobody
waiting, many threads. No test here has run on a device."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, until


def recurrent() -> tuple[Callable[[], Any], Any]:
    """A training step of a recurrent network, whose loop runs forward and back; its weights."""
    generator = np.random.default_rng(8)
    x = tensorcore.shared(generator.standard_normal((5, 2, 3)))
    w = tensorcore.shared(generator.standard_normal((3, 4)) * 0.3)
    u = tensorcore.shared(generator.standard_normal((4, 4)) * 0.3)
    h, _ = tensorcore.scan(
        lambda row, before: T.tanh(T.dot(row, w) + T.dot(before, u)),
        x,
        T.zeros((2, 4), "float64"),
    )
    cost = T.sqr(h[-1] - 0.5).sum() + T.sqr(h).mean()
    updates = {v: v - 0.1 * g for v, g in zip((w, u), T.grad(cost, [w, u]), strict=True)}
    return tensorcore.function([], [], updates=updates), u


def nested() -> tuple[Callable[[], Any], Any]:
    """Powers of a matrix, by a loop in a loop; the matrix."""
    a = tensorcore.shared(np.random.default_rng(9).standard_normal((4, 4)) / 3)

    def row_sums(before: Any) -> Any:
        sums, _ = tensorcore.scan(lambda row, total: total + row.sum(), before, T.constant(0.0))
        return T.dot(before, a) + sums[-1] * 0.01

    powers, _ = tensorcore.scan(row_sums, outputs_info=a, n_steps=3)
    return tensorcore.function([], [], updates={a: powers[-1] * 0.5}), a


@pytest.mark.parametrize("program", [recurrent, nested], ids=lambda f: f.__name__)
def test_a_loop_of_known_count_is_replayed_whole(emulated: Any, program: Any) -> None:
    with config.change_flags(**{"cuda.graphs": False}):
        f, variable = program()
        for _ in range(14):
            f()
        plain = variable.get_value()
        assert "captures" not in emulated.COUNTS
    f, variable = program()
    for _ in range(10):
        f()
    before = dict(emulated.COUNTS)
    for _ in range(4):
        f()
    after = dict(emulated.COUNTS)
    assert after["replays"] == before["replays"] + 4
    for what in ("launches", "copies", "captures", "allocations"):
        assert after[what] == before[what], what
    assert variable.get_value().tobytes() == plain.tobytes()
    with config.change_flags(backend="numpy_ref"):
        f, variable = program()
        for _ in range(14):
            f()
    np.testing.assert_allclose(plain, variable.get_value(), rtol=1e-9)


def test_a_loop_that_is_too_long_goes_step_by_step(
    emulated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorcore_cuda import graphs

    monkeypatch.setattr(graphs, "_LONGEST", 20)
    n = tensorcore.shared(np.zeros(3))
    x = T.dmatrix("x")
    h, _ = tensorcore.scan(lambda row, before: before * 0.5 + T.exp(row), x, n)
    f = tensorcore.function([x], [], updates={n: h[-1]})
    for length in (2, 200):
        before = dict(emulated.COUNTS)
        value = np.ones((length, 3))
        for _ in range(8):
            f(value)
        captured = emulated.COUNTS.get("captures", 0) > before.get("captures", 0)
        assert captured is (length == 2)


def test_a_loop_that_values_end_is_not_captured(emulated: Any) -> None:
    x = tensorcore.shared(np.ones(3))
    h, _ = tensorcore.scan(
        lambda before: (before * 2, until(before.sum() > 20)),
        outputs_info=x,
        n_steps=50,
    )
    f = tensorcore.function([], h)
    for _ in range(4):
        np.testing.assert_array_equal(f()[:, 0], [2.0, 4.0, 8.0, 16.0])
    assert "captures" not in emulated.COUNTS


@pytest.mark.parametrize("program", [recurrent, nested], ids=lambda f: f.__name__)
def test_nobody_waits_in_a_call(emulated: Any, program: Any) -> None:
    f, _ = program()
    waits = emulated.COUNTS.get("waits", 0)
    for _ in range(6):
        f()
    assert emulated.COUNTS.get("waits", 0) == waits


def test_eight_threads_call_one_function(emulated: Any) -> None:
    """With arguments of their own, and replaying graphs meanwhile."""
    w = tensorcore.shared(np.arange(12.0).reshape(3, 4))
    x = T.dvector("x")
    f = tensorcore.function([x], [T.nnet.softmax(T.dot(x, w).dimshuffle("x", 0))[0], x.sum()])
    wrong: list[Any] = []
    ready = threading.Barrier(8)

    def work(number: int) -> None:
        ready.wait()
        value = np.array([number / 12, number / 12, number / 12])
        for _ in range(15):
            found, total = f(value)
            scores = value @ np.arange(12.0).reshape(3, 4)
            wanted = np.exp(scores) / np.exp(scores).sum()
            if not np.allclose(found, wanted, rtol=1e-12) or total != value.sum():
                wrong.append((number, found, wanted))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert emulated.COUNTS["replays"] > 20


def test_eight_threads_update_one_variable(emulated: Any) -> None:
    w = tensorcore.shared(np.zeros(5))
    f = tensorcore.function([], [], updates={w: w + 1})
    threads = [threading.Thread(target=lambda: [f() for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.get_value().tolist() == [80.0] * 5


def test_what_was_forgotten_is_made_ready_again(emulated: Any) -> None:
    """A graph holds no copy from the host, also where calls of other shapes came between."""
    x = tensorcore.shared(np.ones(3))
    f = tensorcore.function([], [x.sum() + x.shape[0], x.size])
    lengths = (3, *range(4, 24))
    for _ in range(4):
        for length in lengths:
            x.set_value(np.ones(length))
            total, size = f()
            assert (float(total), int(size)) == (2.0 * length, length)
    x.set_value(np.ones(3))
    before = emulated.COUNTS.get("captures", 0)
    for _ in range(6):
        assert float(f()[0]) == 6.0
    assert emulated.COUNTS["captures"] > before
    assert "captured" in f.executable.notes()["CUDA graphs"]


def test_a_capture_that_cuda_gives_up_leaves_the_stream_as_it_was(
    emulated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorcore_cuda.graphs import GraphExecutable

    w = tensorcore.shared(np.ones(4))
    f = tensorcore.function([], [], updates={w: w * 2 + 1})
    plain = GraphExecutable.begin_into

    def refused(self: Any, given: Any, places: Any) -> Any:
        frame = plain(self, given, places)
        if self.device.stream.captured is not None:
            self.device.stream.synchronize()
        return frame

    monkeypatch.setattr(GraphExecutable, "begin_into", refused)
    for _ in range(8):
        f()
    assert w.get_value().tolist() == [511.0] * 4
    assert "capture failed (CUDARuntimeError: " in f.executable.notes()["CUDA graphs"]
