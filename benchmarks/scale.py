"""How the time of building, differentiating, compiling, running and pickling grows with a graph:
``python -m benchmarks.scale``. Linear means that the last column stays near 1."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tensorcore
import tensorcore.tensor as T

SIZES = (6_250, 12_500, 25_000, 50_000, 100_000)


def chain(nodes: int) -> tuple[Any, Any, Any]:
    """A deep network of narrow layers: ``nodes`` nodes, a parameter, the mean of its outputs."""
    x, w = T.dvector("x"), tensorcore.shared(np.ones(4))
    y = x
    for _ in range(nodes // 2):
        y = T.tanh(y) * w
    return x, w, y.mean()


def residual(blocks: int) -> tuple[Any, Any, Any]:
    """Blocks of two products with a way past them, as in residual networks."""
    x, w = T.dmatrix("x"), tensorcore.shared(np.eye(8) / 8)
    h = x
    for _ in range(blocks):
        h = h + T.dot(T.nnet.relu(T.dot(h, w)), w)
    return x, w, h.mean()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def row(make: Callable[[int], Any], size: int, value: np.ndarray, backend: str) -> list[float]:
    """Seconds for: build, differentiate, compile, run, pickle."""
    build, (x, w, cost) = timed(lambda: make(size))
    differentiate, slope = timed(lambda: tensorcore.grad(cost, w))
    compiling, f = timed(lambda: tensorcore.function([x], [cost, slope], backend=backend))
    running, _ = timed(lambda: f(value))
    writing, _ = timed(lambda: pickle.dumps(slope))
    return [build, differentiate, compiling, running, writing]


def main(arguments: Sequence[str] = ()) -> int:
    """Print a table for a chain and for residual blocks; ``arguments``: the largest size of a
    chain, and a backend."""
    largest = int(arguments[0]) if arguments else SIZES[-1]
    backend = arguments[1] if len(arguments) > 1 else "numpy_ref"
    for title, make, sizes, value in (
        ("chain of nodes", chain, [s for s in SIZES if s <= largest], np.ones(4)),
        ("residual blocks", residual, (38, 76, 152), np.ones((2, 8))),
    ):
        print(f"{title}, {backend}: seconds, and seconds per node relative to the first row")
        first = 0.0
        for size in sizes:
            seconds = row(make, size, value, backend)
            share = sum(seconds) / size
            first = first or share
            words = "  ".join(f"{s:8.2f}" for s in seconds)
            print(f"{size:>8}  {words}  {share / first:6.2f}", flush=True)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
