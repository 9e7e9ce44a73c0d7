"""A gradient held against central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .node import Tensor
from .types import TensorType


def verify_grad(
    fun: Callable[..., Tensor],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: Any = None,
    eps: float | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    backend: str | None = None,
) -> None:
    """Compare the gradient of ``fun`` at the arrays ``pt`` with central differences.

    The result of ``fun`` is projected on ``n_tests`` random directions. Raises AssertionError
    naming the input and the position that differ most.
    """
    from .function import function
    from .gradient import grad
    from .tensor.reductions import sum as sum_

    if not callable(fun):
        raise TypeError(f"verify_grad: expected a function of tensors, found {fun!r:.60}.")
    if not isinstance(pt, (list, tuple)):
        raise TypeError(f"verify_grad: pt is a list of arrays, one per argument; found {pt!r:.60}.")
    draw = rng or np.random.default_rng(0)
    points = [np.asarray(p, dtype=np.result_type(p, np.float32)) for p in pt]
    inputs = [TensorType(p.dtype, (False,) * p.ndim)(f"input {i}") for i, p in enumerate(points)]
    y = fun(*inputs)
    if not isinstance(y, Tensor):
        raise TypeError(
            f"verify_grad: the function must return a tensor, found {type(y).__name__} ({y!r:.60})."
        )
    value = function(inputs, y, backend=backend, on_unused_input="ignore")(*points)
    narrow = any(p.dtype != np.float64 for p in points)
    step = eps or (1e-2 if narrow else 1e-5)
    absolute = abs_tol if abs_tol is not None else (1e-2 if narrow else 1e-5)
    relative = rel_tol if rel_tol is not None else (1e-2 if narrow else 1e-5)
    for _ in range(n_tests):
        direction = np.asarray(draw.uniform(-1, 1, size=value.shape) + 0.5, dtype=value.dtype)
        cost = sum_(y * direction)
        f = function(inputs, cost, backend=backend, on_unused_input="ignore")
        gs = grad(cost, inputs, disconnected_inputs="ignore")
        found = function(inputs, gs, backend=backend, on_unused_input="ignore")(*points)
        for i, expected in enumerate(_differences(f, points, step)):
            error = np.abs(found[i] - expected)
            bound = absolute + relative * np.abs(expected)
            if not (error <= bound).all():
                worst = np.unravel_index(np.nanargmax(error - bound), error.shape)
                raise AssertionError(
                    f"verify_grad: input {i} at {tuple(map(int, worst))}: the gradient is "
                    f"{found[i][worst]}, central differences give {expected[worst]}."
                )


def _differences(f: Callable[..., Any], points: list[np.ndarray], step: float) -> list[np.ndarray]:
    results = []
    for i, point in enumerate(points):
        g = np.zeros(point.shape)
        for position in np.ndindex(point.shape):
            values = []
            for sign in (1, -1):
                moved = point.copy()
                moved[position] += sign * step
                args = [*points[:i], moved, *points[i + 1 :]]
                values.append(float(f(*args)))
            g[position] = (values[0] - values[1]) / (2 * step)
        results.append(g)
    return results
