"""Prints the generated C of some functions and the bits of their results: ``python printed.py``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tensorcore_cgen import compiler

import tensorcore
import tensorcore.tensor as T
from tensorcore.tensor.shared_randomstreams import RandomStreams


def functions() -> list[tuple[Any, list[np.ndarray]]]:
    """A network's step, rows, sorting, nothing, and draws, with what to call them with."""
    rng = np.random.default_rng(5)
    data = rng.normal(size=(30, 12))
    x, y = T.dmatrix("x"), T.lvector("y")
    first, second = (tensorcore.shared(rng.normal(size=s) * 0.1) for s in ((12, 9), (9, 4)))
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, first)), second))
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    pairs = zip((first, second), T.grad(cost, [first, second]), strict=True)
    updates = {w: w - 0.1 * g for w, g in pairs}
    step = tensorcore.function([x, y], [cost, p], updates=updates, backend="cgen")
    rows = [T.std(x, axis=1), T.sort(x, axis=0), T.cumsum(x), T.max(x), x[::2, 1:].T, T.exp(x) - 1]
    v = T.dvector("v")
    streams = RandomStreams(7)
    places = v[T.zeros(v.shape, "int64")]  # of which there are none where there is no entry
    return [
        (step, [data, rng.integers(0, 4, 30)]),
        (tensorcore.function([x], rows, backend="cgen"), [data]),
        (tensorcore.function([v], [places, v * 2], backend="cgen"), [np.zeros(0)]),
        (tensorcore.function([v], v * streams.uniform(v.shape), backend="cgen"), [rng.random(300)]),
    ]


def main() -> None:
    build = compiler.build

    def printing(sources: Any, **facts: Any) -> Any:
        print(*sources, sep="\n---\n")
        return build(sources, **facts)

    compiler.build = printing
    for function, values in functions():
        for _ in range(3):
            sys.stdout.write("".join(result.tobytes().hex() for result in function(*values)) + "\n")


if __name__ == "__main__":
    main()
