"""Large arrays and training steps against NumPy by hand: what generated C is to be fast at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .measure import BACKEND, Figure, WrongResult, ratio, round_robin

_MILLIONS = 10_000_000
_ROWS, _COLUMNS = 4096, 1024


def throughput() -> Iterator[Figure]:
    """Times faster than NumPy by hand in the same run; the targets are those for two threads."""
    yield from _elementwise()
    yield from _rows()
    yield from _small()
    yield from _logistic()
    yield from _network()


def against(
    name: str,
    target: float,
    ours: Callable[..., Any],
    hand: Callable[..., Any],
    values: Sequence[np.ndarray],
    calls: int,
    tolerance: float,
) -> Iterator[Figure]:
    """The figure of a compiled function against the same by hand; raises WrongResult."""
    found, expected = ours(*values), hand(*values)
    for mine, theirs in zip(_listed(found), _listed(expected), strict=True):
        if not np.allclose(mine, theirs, rtol=tolerance, atol=tolerance):
            raise WrongResult(f"{name}: differs from NumPy by {np.abs(mine - theirs).max():.3g}")
    names = {"ours": ours, "hand": hand, "values": values}
    times = round_robin(
        {"numpy": ("hand(*values)", names), "tensorcore": ("ours(*values)", names)}, calls, 7
    )
    value, detail = ratio(times, "numpy", "tensorcore")
    yield Figure(name, value, "x faster than NumPy", target, True, detail)


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (list, tuple)) else [results]


def compiled(inputs: list[Any], outputs: Any, updates: Any = None) -> Any:
    """A function on the backend that is measured."""
    import tensorcore

    return tensorcore.function(inputs, outputs, updates=updates, backend=BACKEND)


def _elementwise() -> Iterator[Figure]:
    import tensorcore.tensor as T

    rng = np.random.default_rng(0)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        x = T.TensorType(dtype, (False,))("x")
        chain = T.exp(-(x**2)) * T.sin(x) + T.log1p(x**2) * T.tanh(x)
        values = [rng.normal(size=_MILLIONS).astype(dtype)]

        def hand(x: np.ndarray) -> np.ndarray:
            y: np.ndarray = np.exp(-(x**2)) * np.sin(x) + np.log1p(x**2) * np.tanh(x)
            return y

        f = compiled([x], chain)
        yield from against(f"chain, 10M {dtype}", 6.0, f, hand, values, 1, tolerance)
    x, z = T.fvector("x"), T.fvector("z")
    a, b = np.float32(2.5), np.float32(-0.5)
    values = [rng.normal(size=_MILLIONS).astype("float32") for _ in range(2)]
    f = compiled([x, z], a * x + b * z + np.float32(1))
    yield from against(
        "a*x + b*z + 1, 10M float32", 4.0, f, lambda x, z: a * x + b * z + np.float32(1),
        values, 1, 1e-5,
    )  # fmt: skip


def _rows() -> Iterator[Figure]:
    import tensorcore.tensor as T

    x = T.fmatrix("x")
    table = np.random.default_rng(1).normal(size=(_ROWS, _COLUMNS)).astype("float32")

    def softmax(x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y: np.ndarray = e / e.sum(axis=1, keepdims=True)
        return y

    def logsumexp(x: np.ndarray) -> np.ndarray:
        top = x.max(axis=1, keepdims=True)
        y: np.ndarray = np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
        return y

    for name, target, expression, hand in (
        ("softmax", 7.0, T.nnet.softmax(x), softmax),
        ("logsumexp", 7.5, T.log(T.sum(T.exp(x), axis=1)), logsumexp),
        ("mean, axis 0", 1.6, x.mean(axis=0), lambda x: x.mean(axis=0)),
        ("mean, axis 1", 1.6, x.mean(axis=1), lambda x: x.mean(axis=1)),
        ("variance, axis 0", 6.0, x.var(axis=0), lambda x: x.var(axis=0)),
        ("variance, axis 1", 6.0, x.var(axis=1), lambda x: x.var(axis=1)),
    ):
        f = compiled([x], expression)
        yield from against(f"{name}, 4096x1024", target, f, hand, [table], 3, 1e-4)


def _small() -> Iterator[Figure]:
    """Many small matrices of known sizes."""
    import tensorcore.tensor as T

    v, rng = T.dvector("v"), np.random.default_rng(4)
    table = rng.normal(size=20_000 * 16)
    many = v.reshape((-1, 4, 4))
    f = compiled([v], T.batched_dot(many, many))

    def hand(v: np.ndarray) -> np.ndarray:
        many = v.reshape(-1, 4, 4)
        y: np.ndarray = many @ many
        return y

    yield from against("20,000 products of 4x4, float64", 4.0, f, hand, [table], 10, 1e-12)


def _logistic() -> Iterator[Figure]:
    """The tutorial's logistic regression: 400 examples of 784 features, float64."""
    import tensorcore
    import tensorcore.tensor as T

    rng = np.random.default_rng(2)
    data = rng.normal(size=(400, 784))
    labels = rng.integers(0, 2, 400).astype("float64")
    start = rng.normal(size=784) * 0.01
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b = tensorcore.shared(start), tensorcore.shared(0.0)
    p = 1 / (1 + T.exp(-T.dot(x, w) - b))
    loss = -y * T.log(p) - (1 - y) * T.log(1 - p)
    cost = loss.mean() + 0.01 * (w**2).sum()
    gw, gb = T.grad(cost, [w, b])
    step = compiled([x, y], [p > 0.5, loss], [(w, w - 0.1 * gw), (b, b - 0.1 * gb)])
    state = {"w": start, "b": 0.0}

    def hand(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w, b = state["w"], state["b"]
        z = x @ w + b
        p = 1 / (1 + np.exp(-z))
        loss = np.logaddexp(0, z) - y * z
        error = (p - y) / len(y)
        state["w"] = w - 0.1 * (error @ x + 0.02 * w)
        state["b"] = b - 0.1 * error.sum()
        return p > 0.5, loss

    name = "logistic regression, float64"
    yield from against(name, 2.2, step, hand, [data, labels], 200, 1e-8)


def network() -> tuple[list[Any], Any, list[Any], list[np.ndarray], list[np.ndarray]]:
    """A step of a 784-500-10 network on 600 examples, float32: inputs, cost, updates, what to
    call it with, and the first weights."""
    import tensorcore
    import tensorcore.tensor as T

    rng = np.random.default_rng(3)
    data = rng.normal(size=(600, 784)).astype("float32")
    labels = rng.integers(0, 10, 600)
    shapes = ((784, 500), (500,), (500, 10), (10,))
    start = [(rng.normal(size=shape) * 0.05).astype("float32") for shape in shapes]
    x, y = T.fmatrix("x"), T.lvector("y")
    w1, b1, w2, b2 = weights = [tensorcore.shared(value) for value in start]
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, w1) + b1), w2) + b2)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    rate = np.float32(0.01)
    updates = [(v, v - rate * g) for v, g in zip(weights, T.grad(cost, weights), strict=True)]
    return [x, y], cost, updates, [data, labels], start


def _network() -> Iterator[Figure]:
    """The network's step against NumPy by hand."""
    inputs, cost, updates, values, start = network()
    step = compiled(inputs, cost, updates)
    rate = np.float32(0.01)
    state = list(start)

    def hand(x: np.ndarray, y: np.ndarray) -> np.floating[Any]:
        w1, b1, w2, b2 = state
        h = np.tanh(x @ w1 + b1)
        z = h @ w2 + b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        cost: np.floating[Any] = -np.log(p[rows, y]).mean()
        d = p
        d[rows, y] -= 1
        d /= np.float32(len(y))
        back = (d @ w2.T) * (1 - h * h)
        gradients = x.T @ back, back.sum(axis=0), h.T @ d, d.sum(axis=0)
        state[:] = [v - rate * g for v, g in zip(state, gradients, strict=True)]
        return cost

    yield from against("784-500-10 network, float32", 1.3, step, hand, values, 10, 1e-4)
