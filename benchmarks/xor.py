"""The training step of a 2-3-1 network on one example of XOR, and the same by hand in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 0.1
X, Y = np.array([0.0, 1.0]), np.array(1.0)


def initial() -> tuple[np.ndarray, np.ndarray]:
    """The weights both begin with."""
    random = np.random.default_rng(4)
    return random.standard_normal((3, 3)), random.standard_normal(4)


def graph() -> tuple[list[Any], Any, list[tuple[Any, Any]]]:
    """Inputs, cost and updates, as the tutorial writes them."""
    import tensorcore
    import tensorcore.tensor as T

    x, y = T.dvector("x"), T.dscalar("y")

    def layer(x: Any, w: Any) -> Any:
        new_x = T.concatenate([x, np.array([1.0])])
        return T.nnet.sigmoid(T.dot(w.T, new_x))

    theta1, theta2 = (tensorcore.shared(value) for value in initial())
    out = T.sum(layer(layer(x, theta1), theta2))
    cost = (out - y) ** 2
    updates = [(theta, theta - RATE * T.grad(cost, theta)) for theta in (theta1, theta2)]
    return [x, y], cost, updates


def by_hand() -> Callable[[np.ndarray, np.ndarray], float]:
    """The same step in NumPy, written with care."""
    w1, w2 = initial()
    one = np.array([1.0])

    def sigmoid(z: Any) -> Any:
        return 1.0 / (1.0 + np.exp(-z))

    def step(x: np.ndarray, y: np.ndarray) -> float:
        nonlocal w1, w2
        x1 = np.concatenate([x, one])
        h = sigmoid(w1.T @ x1)
        h1 = np.concatenate([h, one])
        out = sigmoid(w2 @ h1)
        error = out - y
        d_out = 2.0 * error * out * (1.0 - out)
        d_h = d_out * w2[:3] * h * (1.0 - h)
        w2 = w2 - RATE * (d_out * h1)
        w1 = w1 - RATE * np.outer(x1, d_h)
        return float(error**2)

    return step
