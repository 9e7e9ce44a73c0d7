"""Reading and writing at positions, running totals and sorting against NumPy; and what rewriting
costs per node as graphs grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .measure import BACKEND, Figure, WrongResult, ratio, round_robin


def positions() -> Iterator[Figure]:
    """Functions of indices, each against the NumPy expression that it stands for."""
    import tensorcore.tensor as T

    rng = np.random.default_rng(0)
    table = rng.normal(size=(20_000, 64)).astype("float32")
    rows = rng.integers(0, len(table), 256)
    line = rng.normal(size=100_000)
    x, i, v = T.fmatrix("x"), T.lvector("i"), T.dvector("v")
    yield from _against("rows of a table", [x, i], x[i], lambda a, b: a[b], [table, rows], 200, 1)
    yield from _against("mask", [v], v[v > 0], lambda a: a[a > 0], [line], 20, 1)
    yield from _against("cumsum", [v], T.cumsum(v), np.cumsum, [line], 20, 1)
    yield from _against(
        "sort", [v], T.sort(v), lambda a: a[np.argsort(a, kind="stable")], [line], 3, 1.5
    )
    yield from _row_update(table, rows)


def _settle(f: Any, values: list[np.ndarray]) -> None:
    """Wait, at most ten seconds, until calls go their final way: on a machine's first use that is
    still being built."""
    end = time.monotonic() + 10
    while "ctypes" in str(f.report()) and time.monotonic() < end:
        f(*values)


def _against(
    name: str,
    inputs: list[Any],
    output: Any,
    hand: Callable[..., Any],
    values: list[np.ndarray],
    calls: int,
    target: float,
) -> Iterator[Figure]:
    import tensorcore

    f = tensorcore.function(inputs, output, backend=BACKEND)
    _settle(f, values)
    if not np.array_equal(f(*values), hand(*values)):
        raise WrongResult(f"{name}: differs from NumPy")
    names = {"f": f, "hand": hand, "values": values}
    times = round_robin(
        {"tensorcore": ("f(*values)", names), "numpy": ("hand(*values)", names)}, calls, 9
    )
    value, detail = ratio(times, "tensorcore", "numpy")
    yield Figure(f"{name}", value, "x NumPy", target, detail=detail)


def _row_update(table: np.ndarray, rows: np.ndarray) -> Iterator[Figure]:
    """16 rows of a large shared table changed in place, against NumPy's in-place addition."""
    import tensorcore
    import tensorcore.tensor as T

    cell, i = tensorcore.shared(table.copy()), T.lvector("i")
    few, ones = rows[:16], np.ones((16, table.shape[1]), "float32")
    f = tensorcore.function([i], [], updates=[(cell, T.inc_subtensor(cell[i], ones))],
                            backend=BACKEND)  # fmt: skip
    hand = table.copy()
    f(few)
    np.add.at(hand, few, ones)
    if not np.array_equal(cell.get_value(), hand):
        raise WrongResult("rows added in place: differs from NumPy")
    names = {"f": f, "add": np.add.at, "hand": hand, "few": few, "ones": ones}
    times = round_robin(
        {"tensorcore": ("f(few)", names), "numpy": ("add(hand, few, ones)", names)}, 200, 9
    )
    value, detail = ratio(times, "tensorcore", "numpy")
    yield Figure("rows added in place", value, "x np.add.at", 0.2, detail=detail)


def _step(word: str) -> Callable[[Any, Any], Any]:
    import tensorcore.tensor as T

    return {
        "sums": lambda y, x: y + x,
        "constants": lambda y, x: y * 1.5,
        "powers": lambda y, x: y**2,
        "transposes": lambda y, x: y.T + x,
        "sigmoids": lambda y, x: 1 / (1 + T.exp(-y)),
    }[word]


def rewriting(lengths: tuple[int, int]) -> Iterator[Figure]:
    """All rules over chains of two lengths: the time per node must not grow."""
    import tensorcore.tensor as T
    from tensorcore.graph import Graph
    from tensorcore.lower.pipeline import optimise

    for word in ("sums", "constants", "powers", "transposes", "sigmoids"):
        per_node = []
        for length in lengths:
            x = T.dmatrix("x")
            y: Any = x
            step = _step(word)
            for _ in range(length):
                y = step(y, x)
            graph = Graph([x], [y])
            start = time.perf_counter()
            optimise(graph)
            per_node.append((time.perf_counter() - start) / length)
        detail = f"{per_node[1] * 1e6:.0f} us at {lengths[1]:,}, {per_node[0] * 1e6:.0f} us at "
        yield Figure(
            f"rewriting {word}, time a node", per_node[1] / per_node[0], "x", 1.5,
            detail=f"{detail}{lengths[0]:,}",
        )  # fmt: skip
