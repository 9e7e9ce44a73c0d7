"""The benchmarks. Each asserts that results are equal before it measures anything."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import xor
from .measure import (
    BACKEND,
    Figure,
    WrongResult,
    child,
    ratio,
    round_robin,
)


def imports() -> Iterator[Figure]:
    """``import tensorcore`` in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        times = [child("import", cache=Path(folder), plugins="")["seconds"] for _ in range(9)]
    yield Figure(
        "import beyond numpy",
        statistics.median(times),
        "s",
        0.1,
        detail=f"best {min(times):.3f} s of {len(times)} fresh processes",
    )


def installed_plugins() -> Iterator[Figure]:
    """What 50 installed plugins add to ``import tensorcore`` and the list of backends."""
    times: dict[int, list[float]] = {0: [], 50: []}
    with tempfile.TemporaryDirectory() as folder:
        sites = {number: _site(Path(folder, str(number)), number) for number in times}
        for _ in range(15):
            counts = {}
            for number, site in sites.items():
                answer = child("listing", cache=Path(folder), plugins="", site=site)
                times[number].append(answer["seconds"])
                counts[number] = answer["backends"]
            if counts[50] - counts[0] != 50:
                raise WrongResult(f"50 plugins more: listed {counts[50]}, without {counts[0]}")
    added = statistics.median(times[50]) - statistics.median(times[0])
    detail = ", ".join(f"{n} plugins: best {min(t):.4f} s" for n, t in times.items())
    yield Figure("50 installed plugins", added, "s added", 0.02, detail=detail)


def _site(folder: Path, number: int) -> Path:
    """A folder with distributions of one backend each; importing any of them is an error."""
    folder.mkdir()
    for place in range(number):
        name = f"their_{place}"
        (folder / f"{name}.py").write_text("raise RuntimeError\n")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        points = f"[tensorcore.backends]\n{name} = {name}\n[tensorcore.api]\n{name} = v1\n"
        (info / "entry_points.txt").write_text(points)
    return folder


def calls() -> Iterator[Figure]:
    """``f(x)`` for ``x * 2`` against one NumPy ufunc."""
    import tensorcore
    import tensorcore.tensor as T

    for label, symbol, value in (
        ("0-d", T.dscalar("x"), np.array(1.5)),
        ("4 elements", T.dvector("x"), np.array([1.5, -2.0, 0.0, 7.25])),
    ):
        f = tensorcore.function([symbol], symbol * 2, backend=BACKEND)
        found = f(value)
        if not (np.array_equal(found, np.multiply(value, 2)) and found.dtype == np.float64):
            raise WrongResult(f"x * 2: found {found!r}")
        names = {"f": f, "x": value, "multiply": np.multiply}
        times = round_robin(
            {"tensorcore": ("f(x)", names), "numpy": ("multiply(x, 2)", names)}, calls=10_000
        )
        value_, detail = ratio(times, "tensorcore", "numpy")
        yield Figure(f"call x*2, {label}", value_, "x np.multiply", 1.0, detail=detail)


def xor_step() -> Iterator[Figure]:
    """The XOR training step against NumPy by hand."""
    import tensorcore

    inputs, cost, updates = xor.graph()
    step = tensorcore.function(inputs, cost, updates=updates, backend=BACKEND)
    hand = xor.by_hand()
    for number in range(100):
        found, expected = float(step(xor.X, xor.Y)), hand(xor.X, xor.Y)
        if abs(found - expected) > 1e-12 * abs(expected):
            raise WrongResult(f"XOR, step {number}: expected {expected}, found {found}")
    names = {"x": xor.X, "y": xor.Y, "step": step, "hand": hand}
    times = round_robin(
        {"numpy": ("hand(x, y)", names), "tensorcore": ("step(x, y)", names)}, calls=1_000
    )
    value, detail = ratio(times, "numpy", "tensorcore")
    yield Figure("XOR step", value, "x faster than NumPy", 20.0, True, detail)


def batch_sizes() -> Iterator[Figure]:
    """One function, 200 batch sizes."""
    with tempfile.TemporaryDirectory() as folder:
        count = child("sizes", cache=Path(folder))["compilations"]
    if count == 0:
        raise WrongResult("no compilation was seen: the counting plugin was not asked")
    yield Figure("200 batch sizes", count, "compilations", 1, detail="sizes 0 to 199")


def first_result() -> Iterator[Figure]:
    """``function()`` to the first result, in fresh processes, without and with the cache."""
    cold, warm = [], []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(child("xor", cache=Path(folder))["seconds"])
            warm.append(child("xor", cache=Path(folder))["seconds"])
    for label, times, limit in (("cold", cold, 0.20), ("from the cache", warm, 0.04)):
        detail = f"best {min(times):.3f} s of {len(times)}, function() to first result"
        yield Figure(f"XOR {label}", statistics.median(times), "s", limit, detail=detail)


def mlp_first_result() -> Iterator[Figure]:
    """The same for the step of the 784-500-10 network."""
    cold, warm = [], []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(child("mlp", cache=Path(folder)))
            child("mlp", cache=Path(folder))
            warm.append(child("mlp", cache=Path(folder)))
    for label, runs, limit in (("cold", cold, 0.25), ("from the cache", warm, 0.06)):
        best = min(runs, key=lambda run: run["seconds"])
        phases = ", ".join(f"{name} {value * 1e3:.0f} ms" for name, value in best["phases"].items())
        detail = f"best {best['seconds']:.3f} s of {len(runs)}: {phases}"
        value = statistics.median(run["seconds"] for run in runs)
        yield Figure(f"784-500-10 network {label}", value, "s", limit, detail=detail)


def chains(lengths: tuple[int, ...]) -> Iterator[Figure]:
    """Long chains with their gradient, each in a fresh process with an empty cache.

    Memory per node is compared from the second chain on: what a short chain takes hides in
    what the process has already.
    """
    limits = {1_000: 3.0, 10_000: 30.0}
    first = long_memory = 0.0
    for length in lengths:
        with tempfile.TemporaryDirectory() as folder:
            answer = child("chain", str(length), cache=Path(folder))
        stages = ", ".join(f"{name} {value:.2f}" for name, value in answer["stages"].items())
        peak = f"peak {answer['memory'] / 2**20:.0f} MiB, compiler {_mebi(answer)} MiB"
        name = f"chain of {length:,}"
        seconds = answer["seconds"]
        yield Figure(name, seconds, "s", limits.get(length), detail=f"{stages}; {peak}")
        per_node, memory = seconds / length, answer["memory"] / length
        if first:
            detail = f"{per_node * 1e6:.0f} us, against {first * 1e6:.0f} us in the first chain"
            yield Figure(f"{name}, time a node", per_node / first, "x", 1.5, detail=detail)
            base = long_memory or memory
            detail = f"{memory / 1024:.1f} KiB, against {base / 1024:.1f} KiB in the second chain"
            yield Figure(f"{name}, memory a node", memory / base, "x", 1.5, detail=detail)
            long_memory = base
        first = first or per_node


def _mebi(answer: dict[str, float]) -> str:
    return f"{answer['compiler_memory'] / 2**20:.0f}"
