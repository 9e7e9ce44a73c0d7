"""An OpenCL device against generated C: values that stay where they are computed, in one process.

On the processor, through PoCL, both use the same cores, so that the ratio is what the road through
OpenCL costs. Values are shared variables: nothing is copied between host and device.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .measure import BACKEND, DEVICE, Figure, WrongResult, ratio, round_robin

_MILLIONS = 10_000_000


def devices() -> Iterator[Figure]:
    """Speed as a part of generated C's, the cost of a call, and what a call allocates."""
    from tensorcore import plugins

    status = plugins.status(DEVICE)
    if status.state != "ok":
        yield Figure(f"{DEVICE} is not here", 0, "figures", detail=status.reason)
        return
    yield from _speeds()
    yield from _launches()


def _speeds() -> Iterator[Figure]:
    import tensorcore.tensor as T

    rng = np.random.default_rng(0)
    long = rng.random(_MILLIONS, dtype=np.float32)
    rows = rng.random((4096, 1024), dtype=np.float32)
    square = rng.random((512, 512), dtype=np.float32)
    cases: list[tuple[str, float | None, Callable[[Any], Any], np.ndarray]] = [
        ("chain, 10M float32", 0.5, lambda x: x * 2 + x * x - 1, long),
        ("tanh, 10M float32", 0.5, lambda x: T.tanh(x) + 1, long),
        ("sum, 10M float32", 0.5, lambda x: x.sum(), long),
        ("sum of exp, 10M float32", 0.5, lambda x: T.exp(x).sum(), long),
        ("softmax, 4096 x 1024 float32", 0.2, T.nnet.softmax, rows),
        ("sum of columns, 4096 x 1024", None, lambda x: x.sum(axis=0), rows),
        ("product, 512 x 512 float32", None, lambda x: T.dot(x, x), square),
        ("product with a transpose", None, lambda x: T.dot(x, x.T), square),
    ]
    for name, target, build, value in cases:
        runs = {backend: _updating(backend, build, value) for backend in (BACKEND, DEVICE)}
        ours, theirs = (run() for run in runs.values())
        if not np.allclose(ours, theirs, rtol=1e-4, atol=1e-5):
            raise WrongResult(f"{name}: the backends differ by {np.abs(ours - theirs).max():.3g}")
        calls = {key: ("run.call()", {"run": run}) for key, run in runs.items()}
        value_, detail = ratio(round_robin(calls, 1, 25), BACKEND, DEVICE)
        yield Figure(name, value_, f"of {BACKEND}'s speed", target, True, detail)


class _Updating:
    """A function that writes its result into a shared variable, and waits until it is there."""

    def __init__(self, f: Any, result: Any) -> None:
        self.f, self.result = f, result

    def call(self) -> None:
        """Run once."""
        self.f()
        memory = self.result.memory
        if memory.name != "host":
            memory.device.queue.finish()

    def __call__(self) -> Any:
        self.call()
        return self.result.get_value()


def _updating(backend: str, build: Callable[[Any], Any], value: np.ndarray) -> _Updating:
    import tensorcore

    x = tensorcore.shared(value)
    y = build(x)
    result = tensorcore.shared(np.zeros((0,) * y.ndim, y.dtype))
    return _Updating(tensorcore.function([], [], updates={result: y}, backend=backend), result)


def _launches() -> Iterator[Figure]:
    """A program of three kernels on small values, called again and again."""
    import pyopencl as cl

    import tensorcore.tensor as T

    value = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    run = _updating(DEVICE, lambda x: T.nnet.softmax(T.dot(x, x) * 2).sum(axis=0), value)
    for _ in range(3):  # two values of the result take turns
        run()
    memory = run.result.memory
    queue, pool = memory.device.queue, memory.pool
    kernel = cl.Kernel(
        cl.Program(memory.device.context, "kernel void empty(global int *x) {}").build(), "empty"
    )
    kernel.set_arg(0, memory.room(4))

    def enqueue() -> None:
        for _ in range(3):
            cl.enqueue_nd_range_kernel(queue, kernel, (1,), (1,))

    before = pool.managed_bytes
    best = {"call": 1.0, "driver": 1.0}
    for _ in range(300):
        for name, action in (("call", run.f), ("driver", enqueue)):
            start = time.perf_counter()
            action()
            best[name] = min(best[name], time.perf_counter() - start)
            queue.finish()
    own = 1e6 * (best["call"] - best["driver"])
    words = f"call {1e6 * best['call']:.0f} us, three bare launches {1e6 * best['driver']:.0f} us"
    yield Figure("call of three kernels", own, "us beyond launches", 100, detail=words)
    grown = pool.managed_bytes - before
    yield Figure("memory taken by 300 calls", grown, "bytes", 0, detail="from the driver")
