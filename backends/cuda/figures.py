"""Figures of the backend on a device, beside their targets: ``python backends/cuda/figures.py``.

Prints a row for each, and with ``--json`` writes them. Speed is judged against what the same device
does in the same minute: copies of its own memory, cuBLAS through CuPy, and the same training step
in JAX and PyTorch where they are installed. ``--scale 0.001`` makes everything small, to try it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorcore
import tensorcore.tensor as T

Row = dict[str, Any]


def seconds(call: Callable[[], object], finish: Callable[[], object], repeats: int = 7) -> float:
    """The median time of a call, over batches that end when the device has done them."""
    for _ in range(6):
        call()
    finish()
    start = time.perf_counter()
    call()
    finish()
    inside = max(1, min(200, int(0.05 / max(time.perf_counter() - start, 1e-6))))
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(inside):
            call()
        finish()
        found.append((time.perf_counter() - start) / inside)
    return statistics.median(found)


def row(name: str, value: float, unit: str, target: str, met: bool | None, note: str) -> Row:
    """One figure."""
    return {
        "name": name, "value": float(value), "unit": unit, "target": target,
        "met": None if met is None else bool(met), "note": note,
    }  # fmt: skip


class Bench:
    """A device, and sizes that fit it."""

    def __init__(self, scale: float) -> None:
        self.backend: Any = tensorcore.plugins.select("cuda").backend
        self.device = self.backend.device
        self.scale = scale

    def many(self, count: int) -> int:
        """So many, or fewer where the script is only tried."""
        return max(int(count * self.scale), 8)

    def finish(self) -> None:
        """Wait for the device."""
        self.device.finish()

    def time(self, call: Callable[[], object]) -> float:
        """Seconds of a call."""
        return seconds(call, self.finish)

    def shared(self, *shape: int) -> Any:
        """An array on the device."""
        generator = np.random.default_rng(0)
        return tensorcore.shared(generator.standard_normal(shape, np.float32))

    def step(self, target: Any, value: Any) -> Any:
        """A function without results, which changes ``target``."""
        return tensorcore.function([], [], updates={target: value}, backend="cuda")


def bandwidth(bench: Bench) -> tuple[Row, float]:
    """Bytes read and written in a second by a copy on the device."""
    size = bench.many(1 << 28)
    memory = bench.device.memory
    source, target = memory.room(size), memory.room(size)

    def copy() -> None:
        with bench.device.current():
            memory.move(target, 0, source, 0, size)

    speed = 2 * size / bench.time(copy)
    return row("device copy", speed / 1e9, "GB/s", "", None, f"{size} bytes"), speed


def streams(bench: Bench, speed: float) -> list[Row]:
    """Kernels that memory limits, as a part of the speed of a copy."""
    rows, columns = bench.many(1 << 15), 1 << 10
    x, y = bench.shared(rows, columns), bench.shared(rows, columns)
    one, down = bench.shared(columns), bench.shared(rows)
    total = tensorcore.shared(np.float32(0))
    flat = bench.shared(rows * columns)
    short = bench.shared(rows * columns // 10, 10)
    cases = [
        ("chain, elementwise", y, T.exp(-T.sqr(x)) * 2 + x, 2),
        ("sum over rows (axis 0)", one, x.sum(axis=0), 1),
        ("sum of rows (axis 1)", down, x.sum(axis=1), 1),
        ("sum of everything", total, x.sum(), 1),
        ("softmax of rows", y, T.nnet.softmax(x), 2),
        ("softmax of columns", y, T.nnet.softmax(x, axis=0), 2),
        ("transpose", bench.shared(columns, rows), x.T, 2),
        ("softmax over 10 classes", short, T.nnet.softmax(short), 2),
        ("running totals of rows", y, T.cumsum(x, axis=1), 2),
        ("running total of a vector", flat, T.cumsum(flat) * np.float32(0.5), 3),
    ]
    found = []
    for name, target, value, passes in cases:
        taken = bench.time(bench.step(target, value))
        part = passes * rows * columns * 4 / taken / speed
        met = part >= 0.85
        note = f"{taken * 1e6:.1f} us, {rows} x {columns} float32"
        found.append(row(name, part, "of copy", ">= 0.85", met, note))
    return found


def products(bench: Bench) -> list[Row]:
    """Products of matrices beside cuBLAS, called by CuPy."""
    import cupy

    found = []
    for size in (256, 1024, 4096):
        n = max(8, int(size * min(1.0, bench.scale * 16)))
        a, b, c = (bench.shared(n, n) for _ in range(3))
        mine = bench.time(bench.step(c, T.dot(a, b)))
        if not hasattr(cupy, "matmul"):
            continue
        x, y, z = (cupy.ones((n, n), "float32") for _ in range(3))
        with bench.device.current():
            theirs = bench.time(lambda x=x, y=y, z=z: cupy.matmul(x, y, out=z))
        note = f"{mine * 1e6:.1f} us, {2 * n**3 / mine / 1e12:.2f} TFLOP/s"
        name = f"product, {n} x {n} float32"
        found.append(
            row(name, mine / theirs, "of CuPy's time", "<= 1.03", mine <= 1.03 * theirs, note)
        )
    return found


def hosts(bench: Bench) -> list[Row]:
    """What a call of ten small kernels takes on the host."""
    count = 64
    values = [bench.shared(count) for _ in range(10)]
    shifted = {
        v: T.tanh(w + 1).sum() + v for v, w in zip(values, values[1:] + values[:1], strict=True)
    }
    f = tensorcore.function([], [], updates=shifted, backend="cuda")
    taken = bench.time(f)
    found = [row("ten small kernels", taken * 1e6, "us", "<= 15", taken <= 15e-6, "on the device")]
    x = T.fvector("x")
    g = tensorcore.function([x], [], updates={v: v + x for v in values}, backend="cuda")
    array = np.ones(count, "float32")
    taken = bench.time(lambda: g(array))
    found.append(
        row("the same from NumPy", taken * 1e6, "us", "<= 30", taken <= 30e-6, "one array")
    )
    return found


def training(bench: Bench) -> list[Row]:
    """Training steps, beside the same in PyTorch and JAX where they are."""
    batch, wide = bench.many(4096), 512
    labels = np.arange(batch) % 10
    about = f"{batch} x {wide}, 10 classes"
    return [
        *_beside("MLP step", _step(bench, batch, wide, labels, hidden=True), labels, wide, about),
        *_beside(
            "logistic regression step", _step(bench, batch, wide, labels, hidden=False), labels,
            wide, about, hidden=False,
        ),
    ]  # fmt: skip


def _step(bench: Bench, batch: int, wide: int, labels: np.ndarray, hidden: bool) -> float:
    """Seconds of a step of gradient descent, on the device alone."""
    x = bench.shared(batch, wide)
    weights = [bench.shared(wide, wide)] if hidden else []
    weights.append(bench.shared(wide, 10))
    for w in weights:
        w.set_value(w.get_value() * np.float32(0.05))
    inside = T.maximum(T.dot(x, weights[0]), 0) if hidden else x
    scores = T.nnet.softmax(T.dot(inside, weights[-1]))
    cost = T.nnet.categorical_crossentropy(scores, T.constant(labels)).mean()
    gradients = T.grad(cost, weights)
    updates = {w: w - np.float32(0.01) * g for w, g in zip(weights, gradients, strict=True)}
    return bench.time(tensorcore.function([], [], updates=updates, backend="cuda"))


def _beside(
    name: str, mine: float, labels: np.ndarray, wide: int, about: str, hidden: bool = True
) -> list[Row]:
    """The row of a step, and one for each other library."""
    found = [row(name, mine * 1e6, "us", "", None, about)]
    for library, step in (("torch", _torch_step), ("jax", _jax_step)):
        title = f"{name} beside {library}"
        if importlib.util.find_spec(library) is None:
            found.append(row(title, 0, "", "<= 1.2", None, f"skipped: no {library}"))
            continue
        try:
            other = step(len(labels), wide, labels, hidden)
        except Exception as problem:  # noqa: BLE001  # another library's troubles are a row
            words = f"skipped: {type(problem).__name__}: {str(problem)[:80]}"
            found.append(row(title, 0, "", "<= 1.2", None, words))
            continue
        part, note = mine / other, f"{library} {other * 1e6:.1f} us"
        found.append(row(title, part, "of its time", "<= 1.2", part <= 1.2, note))
    return found


def _torch_step(batch: int, wide: int, labels: np.ndarray, hidden: bool) -> float:
    import torch

    x, y = torch.randn(batch, wide, device="cuda"), torch.tensor(labels, device="cuda")
    weights = [torch.randn(wide, wide, device="cuda") * 0.05] if hidden else []
    weights.append(torch.randn(wide, 10, device="cuda") * 0.05)
    for w in weights:
        w.requires_grad_()

    @torch.compile(mode="reduce-overhead")
    def cost() -> Any:
        inside = torch.relu(x @ weights[0]) if hidden else x
        return torch.nn.functional.cross_entropy(inside @ weights[-1], y)

    def step() -> None:
        gradients = torch.autograd.grad(cost(), weights)
        with torch.no_grad():
            for w, g in zip(weights, gradients, strict=True):
                w.sub_(0.01 * g)

    return seconds(step, torch.cuda.synchronize)


def _jax_step(batch: int, wide: int, labels: np.ndarray, hidden: bool) -> float:
    import jax
    import jax.numpy as jnp

    x, y = jnp.ones((batch, wide), "float32"), jnp.asarray(labels)
    state = [jnp.full((wide, wide), 0.01)] if hidden else []
    state.append(jnp.full((wide, 10), 0.01))

    def cost(weights: Any) -> Any:
        logits = (jax.nn.relu(x @ weights[0]) if hidden else x) @ weights[-1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    @jax.jit
    def advance(weights: Any) -> Any:
        return [w - 0.01 * g for w, g in zip(weights, jax.grad(cost)(weights), strict=True)]

    def step() -> None:
        state[:] = advance(state)

    return seconds(step, lambda: jax.block_until_ready(state))


def figures(scale: float, keep: Callable[[list[Row]], None]) -> list[Row]:
    """All rows; what fails is a row that says so. ``keep`` takes those so far, as the script may be
    ended at any time."""
    bench = Bench(scale)
    first, speed = bandwidth(bench)
    found = [first]
    parts: list[Callable[[], list[Row]]] = [
        lambda: streams(bench, speed), lambda: products(bench), lambda: hosts(bench),
        lambda: training(bench),
    ]  # fmt: skip
    for part in parts:
        try:
            found += part()
        except Exception as problem:  # noqa: BLE001  # the other figures are still wanted
            words = f"FAILED: {type(problem).__name__}: {str(problem)[:200]}"
            found.append(row(f"figures {len(found)}", 0, "", "", False, words))
        keep(found)
    return found


def line(found: Row) -> str:
    """A row as text."""
    met = {True: "met", False: "MISSED", None: ""}[found["met"]]
    value = f"{found['value']:.4g} {found['unit']}" if found["unit"] else ""
    return f"{found['name']:28s} {value:22s} {found['target']:8s} {met:7s} {found['note']}"


def main(words: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--json", default="")
    known = parser.parse_args(words)

    def keep(rows: list[Row]) -> None:
        if known.json:
            with open(known.json, "w", encoding="utf-8") as file:
                json.dump(rows, file, indent=1)

    found = figures(known.scale, keep)
    print("\n".join(map(line, found)))
    return int(any(r["note"].startswith("FAILED") for r in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
