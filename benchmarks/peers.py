"""What else people would use, on the workloads of ``throughput``, each against NumPy by hand.

A peer runs in a process of its own, where NumPy takes turns with it, so that its ratio stands
beside ours. Its arrays are made before the clock starts. A peer that is not installed is named.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .measure import ROOT, Figure, ratio, round_robin
from .throughput import compare, digits, examples, workloads

Call = Callable[[], Any]
#: By the name of a workload: what makes a call without arguments from its values.
Calls = dict[str, Callable[[Sequence[np.ndarray]], Call]]


def peers() -> Iterator[Figure]:
    """Times faster than NumPy by hand, of each peer that is installed."""
    names = {name: module for name, (module, _) in PEERS.items()}
    found = [name for name, module in names.items() if importlib.util.find_spec(module)]
    missing = ", ".join(name for name in names if name not in found)
    hint = f"missing: {missing} (pip install '.[bench]')" if missing else ""
    yield Figure("peers", len(found), "installed", detail=hint)
    for name in found:
        command = [sys.executable, "-m", "benchmarks.peers", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise RuntimeError(f"{name}: {last[0]}")
        for line in done.stdout.splitlines():
            work, value, unit, detail = json.loads(line)
            yield Figure(f"{name}: {work}", value, unit, detail=detail)


def main(name: str) -> None:
    """One peer: a line of JSON for each workload that it has."""
    _, make = PEERS[name]
    calls = make()
    for work in workloads():
        if work.name not in calls:
            continue
        start = time.perf_counter()
        call = calls[work.name](work.values)
        first = call()
        seconds = time.perf_counter() - start
        compare(f"{name}, {work.name}", first, work.hand(*work.values), work.tolerance)
        names = {"call": call, "hand": work.hand, "values": work.values}
        statements = {"numpy": ("hand(*values)", names), name: ("call()", names)}
        times = round_robin(statements, work.calls, 7, work.rest)
        value, detail = ratio(times, "numpy", name)
        row = (work.name, value, "x faster than NumPy", f"{detail}; first result {seconds:.3g} s")
        print(json.dumps(row), flush=True)


def _formulas(of: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The workloads without state, in a peer's own functions."""
    exp, log, log1p, sin, tanh = (of[word] for word in ("exp", "log", "log1p", "sin", "tanh"))
    largest, total, mean, var = (of[word] for word in ("max", "sum", "mean", "var"))

    def chain(x: Any) -> Any:
        return exp(-(x**2)) * sin(x) + log1p(x**2) * tanh(x)

    def softmax(x: Any) -> Any:
        e = exp(x - largest(x, axis=1, keepdims=True))
        return e / total(e, axis=1, keepdims=True)

    def logsumexp(x: Any) -> Any:
        top = largest(x, axis=1, keepdims=True)
        return log(total(exp(x - top), axis=1)) + top[:, 0]

    return {
        "chain, 10M float32": chain,
        "chain, 10M float64": chain,
        "a*x + b*z + 1, 10M float32": lambda x, z: (
            np.float32(2.5) * x + np.float32(-0.5) * z + np.float32(1)
        ),
        "softmax, 4096x1024": softmax,
        "logsumexp, 4096x1024": logsumexp,
        "mean, axis 0, 4096x1024": lambda x: mean(x, axis=0),
        "mean, axis 1, 4096x1024": lambda x: mean(x, axis=1),
        "variance, axis 0, 4096x1024": lambda x: var(x, axis=0),
        "variance, axis 1, 4096x1024": lambda x: var(x, axis=1),
    }


def _jax() -> Calls:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    words = ("exp", "log", "log1p", "sin", "tanh", "max", "sum", "mean", "var")

    def plain(function: Callable[..., Any]) -> Callable[[Sequence[np.ndarray]], Call]:
        def make(values: Sequence[np.ndarray]) -> Call:
            fast, given = jax.jit(function), [jnp.asarray(v) for v in values]
            return lambda: fast(*given).block_until_ready()

        return make

    def stepping(
        step: Callable[..., Any], start: Sequence[Any]
    ) -> Callable[[Sequence[np.ndarray]], Call]:
        def make(values: Sequence[np.ndarray]) -> Call:
            fast, given = jax.jit(step), [jnp.asarray(v) for v in values]
            state = [[jnp.asarray(v) for v in start]]

            def call() -> Any:
                results, state[0] = fast(state[0], *given)
                return jax.block_until_ready(results)

            return call

        return make

    def regression(state: Any, x: Any, y: Any) -> Any:
        def cost(w: Any, b: Any) -> Any:
            z = x @ w + b
            loss = jnp.logaddexp(0, z) - y * z
            return loss.mean() + 0.01 * (w**2).sum(), (z > 0, loss)

        (gw, gb), results = jax.grad(cost, (0, 1), has_aux=True)(*state)
        return results, [state[0] - 0.1 * gw, state[1] - 0.1 * gb]

    def network(state: Any, x: Any, y: Any) -> Any:
        def cost(weights: Any) -> Any:
            w1, b1, w2, b2 = weights
            scores = jax.nn.log_softmax(jnp.tanh(x @ w1 + b1) @ w2 + b2)
            return -scores[jnp.arange(len(y)), y].mean()

        value, gradients = jax.value_and_grad(cost)(state)
        rate = np.float32(0.01)
        return value, [v - rate * g for v, g in zip(state, gradients, strict=True)]

    calls = {n: plain(f) for n, f in _formulas({w: getattr(jnp, w) for w in words}).items()}
    calls["logistic regression, float64"] = stepping(regression, [examples()[2], 0.0])
    calls["784-500-10 network, float32"] = stepping(network, digits()[2])
    return calls


def _pytensor() -> Calls:
    import pytensor
    import pytensor.tensor as pt

    words = ("exp", "log", "log1p", "sin", "tanh", "max", "sum", "mean", "var")

    def plain(function: Callable[..., Any]) -> Callable[[Sequence[np.ndarray]], Call]:
        def make(values: Sequence[np.ndarray]) -> Call:
            inputs = [pt.TensorType(str(v.dtype), (None,) * v.ndim)() for v in values]
            fast = pytensor.function(inputs, function(*inputs))
            return lambda: fast(*values)

        return make

    def regression(values: Sequence[np.ndarray]) -> Call:
        x, y = pt.dmatrix("x"), pt.dvector("y")
        w, b = pytensor.shared(examples()[2]), pytensor.shared(0.0)
        p = 1 / (1 + pt.exp(-pt.dot(x, w) - b))
        loss = -y * pt.log(p) - (1 - y) * pt.log(1 - p)
        gw, gb = pytensor.grad(loss.mean() + 0.01 * (w**2).sum(), [w, b])
        updates = [(w, w - 0.1 * gw), (b, b - 0.1 * gb)]
        fast = pytensor.function([x, y], [p > 0.5, loss], updates=updates)
        return lambda: fast(*values)

    def network(values: Sequence[np.ndarray]) -> Call:
        x, y = pt.fmatrix("x"), pt.lvector("y")
        w1, b1, w2, b2 = weights = [pytensor.shared(v) for v in digits()[2]]
        p = pt.special.softmax(pt.dot(pt.tanh(pt.dot(x, w1) + b1), w2) + b2, axis=1)
        cost = -pt.mean(pt.log(p)[pt.arange(y.shape[0]), y])
        gradients, rate = pytensor.grad(cost, weights), np.float32(0.01)
        updates = [
            (v, (v - rate * g).astype("float32")) for v, g in zip(weights, gradients, strict=True)
        ]
        fast = pytensor.function([x, y], cost, updates=updates)
        return lambda: fast(*values)

    calls = {n: plain(f) for n, f in _formulas({w: getattr(pt, w) for w in words}).items()}
    calls["logistic regression, float64"] = regression
    calls["784-500-10 network, float32"] = network
    return calls


def _numexpr() -> Calls:
    import numexpr

    chain = "exp(-(x**2)) * sin(x) + log1p(x**2) * tanh(x)"

    def plain(text: str) -> Callable[[Sequence[np.ndarray]], Call]:
        def make(values: Sequence[np.ndarray]) -> Call:
            names = dict(zip("xz", values, strict=False))
            names |= {"a": np.float32(2.5), "b": np.float32(-0.5), "c": np.float32(1)}
            return lambda: numexpr.evaluate(text, names)

        return make

    return {
        "chain, 10M float32": plain(chain),
        "chain, 10M float64": plain(chain),
        "a*x + b*z + 1, 10M float32": plain("a * x + b * z + c"),
    }


#: By the name of a peer: its module, and what makes its calls.
PEERS: dict[str, tuple[str, Callable[[], Calls]]] = {
    "JAX": ("jax", _jax),
    "PyTensor": ("pytensor", _pytensor),
    "numexpr": ("numexpr", _numexpr),
}

if __name__ == "__main__":
    main(sys.argv[1])
