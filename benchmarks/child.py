"""What runs in a process of its own: ``python -m benchmarks.child CASE``; prints one JSON line."""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from .measure import BACKEND, WrongResult


def import_() -> dict[str, Any]:
    """Seconds for ``import tensorcore`` where NumPy is imported already."""
    import numpy  # noqa: F401

    start = time.perf_counter()
    import tensorcore  # noqa: F401

    return {"seconds": time.perf_counter() - start}


def listing() -> dict[str, Any]:
    """Seconds for ``import tensorcore`` and the list of its backends; how many there are."""
    import numpy  # noqa: F401

    start = time.perf_counter()
    import tensorcore  # noqa: F401
    from tensorcore import plugins

    found = plugins.backends()
    seconds = time.perf_counter() - start
    loaded = [name for name in sys.modules if name.startswith("their_")]
    if loaded:
        raise WrongResult(f"listing imported {', '.join(loaded)}")
    return {"seconds": seconds, "backends": len(found)}


def introduce() -> dict[str, Any]:
    """Load the modules of the option ``plugins``, so that they are tried here and not where
    time is taken: our counting is a stranger's plugin like any other."""
    from tensorcore import plugins

    plugins.backends()
    return {}


def xor() -> dict[str, Any]:
    """Seconds from ``function()`` to the first result of the XOR step."""
    import tensorcore

    from . import xor

    inputs, cost, updates = xor.graph()
    start = time.perf_counter()
    step = tensorcore.function(inputs, cost, updates=updates, backend=BACKEND)
    found = float(step(xor.X, xor.Y))
    seconds = time.perf_counter() - start
    expected = xor.by_hand()(xor.X, xor.Y)
    if abs(found - expected) > 1e-14:
        raise WrongResult(f"XOR: expected {expected}, found {found}")
    return {"seconds": seconds}


def mlp() -> dict[str, Any]:
    """Seconds from ``function()`` to the first result of the network's step."""
    import math

    import tensorcore

    from . import throughput

    inputs, cost, updates, values, _ = throughput.network()
    start = time.perf_counter()
    step = tensorcore.function(inputs, cost, updates=updates, backend=BACKEND)
    found = float(step(*values))
    seconds = time.perf_counter() - start
    if abs(found - math.log(10)) > 0.5:  # weights this small know nothing of the ten classes
        raise WrongResult(f"the network: expected about {math.log(10):.3f}, found {found}")
    return {"seconds": seconds, "phases": dict(step.report().compilation.seconds)}


def sizes() -> dict[str, Any]:
    """Compilations of one function that is called with 200 batch sizes."""
    import numpy as np

    import tensorcore
    import tensorcore.tensor as T

    from .counting import compiled

    random = np.random.default_rng(5)
    weights = random.standard_normal((6, 4))
    x = T.dmatrix("x")
    w = tensorcore.shared(weights)
    cost = T.sum(T.tanh(T.dot(x, w)) ** 2)
    f = tensorcore.function([x], [cost, T.grad(cost, w)], backend=BACKEND)
    for size in range(200):
        batch = random.standard_normal((size, 6))
        t = np.tanh(batch @ weights)
        for found, expected in zip(
            f(batch), ((t**2).sum(), batch.T @ (2 * t * (1 - t * t))), strict=True
        ):
            if not np.allclose(found, expected, rtol=1e-12, atol=1e-12):
                raise WrongResult(f"batch of {size}: expected {expected}, found {found}")
    return {"compilations": len(compiled)}


def chain(length: str) -> dict[str, Any]:
    """Seconds and memory for a chain of ``length`` nodes: build, grad, compile, first call."""
    import numpy as np

    import tensorcore
    import tensorcore.tensor as T

    values = np.linspace(-1.0, 1.0, 8)
    before = _peak()
    marks = [time.perf_counter()]
    x = T.dvector("x")
    y = x
    for node in range(int(length)):
        y = T.sin(y) if node % 2 else y * 1.25
    marks.append(time.perf_counter())
    slope = T.grad(T.sum(y), x)
    marks.append(time.perf_counter())
    f = tensorcore.function([x], [y, slope], backend=BACKEND)
    marks.append(time.perf_counter())
    found = f(values)
    marks.append(time.perf_counter())
    for one, other in zip(found, _chain_by_hand(values, int(length)), strict=True):
        if not np.allclose(one, other, rtol=1e-9, atol=1e-300):
            raise WrongResult(f"chain of {length}: expected {other}, found {one}")
    stages = [b - a for a, b in itertools.pairwise(marks)]
    return {
        "seconds": marks[-1] - marks[0],
        "stages": dict(zip(("build", "grad", "compile", "call"), stages, strict=True)),
        "memory": _peak() - before,
        "compiler_memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    }


def _chain_by_hand(values: Any, length: int) -> tuple[Any, Any]:
    import numpy as np

    y, slope = values, np.ones_like(values)
    for node in range(length):
        y, factor = (np.sin(y), np.cos(y)) if node % 2 else (y * 1.25, 1.25)
        slope = slope * factor
    return y, slope


def _peak() -> int:
    """The largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    "import": import_,
    "introduce": introduce,
    "listing": listing,
    "xor": xor,
    "mlp": mlp,
    "sizes": sizes,
    "chain": chain,
}


def main(argv: list[str]) -> None:
    """Run one case; when it compiled anything, hold it to the backend."""
    answer = CASES[argv[0]](*argv[1:])
    counting = sys.modules.get("benchmarks.counting")
    if counting is not None and argv[0] != "introduce":
        answer["backend"] = counting.assert_backend(BACKEND)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
