"""Large arrays and training steps against NumPy by hand: what generated C is to be fast at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .measure import BACKEND, REST, Figure, WrongResult, ratio, round_robin

_MILLIONS = 10_000_000
_ROWS, _COLUMNS = 4096, 1024


class Workload(NamedTuple):
    """What is computed: by a function that ``ours`` compiles, and by ``hand`` in NumPy. ``target``:
    how many times faster ours is to be, on two threads. ``rest``: seconds before each turn, where
    NumPy leaves threads awake."""

    name: str
    target: float
    ours: Callable[[], Callable[..., Any]]
    hand: Callable[..., Any]
    values: Sequence[np.ndarray]
    calls: int
    tolerance: float
    rest: float = 0.0


def workloads() -> Iterator[Workload]:
    """All of them, one after the other: their arrays are large."""
    yield from _elementwise()
    yield from _rows()
    yield from _small()
    yield _logistic()
    yield _network()


def throughput() -> Iterator[Figure]:
    """Times faster than NumPy by hand in the same run."""
    for work in workloads():
        yield from against(work)
    yield from _in_turns(_network())


def against(work: Workload) -> Iterator[Figure]:
    """The figure of what we compile against the same by hand; raises WrongResult."""
    ours = work.ours()
    compare(work.name, ours(*work.values), work.hand(*work.values), work.tolerance)
    value, detail = _faster(ours, work, work.calls, work.rest)
    yield Figure(work.name, value, "x faster than NumPy", work.target, True, detail)


def _in_turns(work: Workload) -> Iterator[Figure]:
    """Both call by call in one program, where BLAS's thread is still awake from NumPy's products
    when the pool's begins."""
    value, detail = _faster(work.ours(), work, 1, 0)
    yield Figure(f"{work.name}, call by call", value, "x faster than NumPy", detail=detail)


def _faster(ours: Callable[..., Any], work: Workload, calls: int, rest: float) -> tuple[float, str]:
    names = {"ours": ours, "hand": work.hand, "values": work.values}
    statements = {"numpy": ("hand(*values)", names), "tensorcore": ("ours(*values)", names)}
    return ratio(round_robin(statements, calls, 7, rest), "numpy", "tensorcore")


def compare(name: str, found: Any, expected: Any, tolerance: float) -> None:
    """Raises WrongResult where the results of a call differ."""
    for mine, theirs in zip(_listed(found), _listed(expected), strict=True):
        if not np.allclose(mine, theirs, rtol=tolerance, atol=tolerance):
            raise WrongResult(f"{name}: differs from NumPy by {np.abs(mine - theirs).max():.3g}")


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (list, tuple)) else [results]


def compiled(inputs: list[Any], outputs: Any, updates: Any = None) -> Any:
    """A function on the backend that is measured."""
    import tensorcore

    return tensorcore.function(inputs, outputs, updates=updates, backend=BACKEND)


def _elementwise() -> Iterator[Workload]:
    rng = np.random.default_rng(0)
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        values = [rng.normal(size=_MILLIONS).astype(dtype)]

        def hand(x: np.ndarray) -> np.ndarray:
            y: np.ndarray = np.exp(-(x**2)) * np.sin(x) + np.log1p(x**2) * np.tanh(x)
            return y

        def chain(dtype: str = dtype) -> Callable[..., Any]:
            import tensorcore.tensor as T

            x = T.TensorType(dtype, (False,))("x")
            return compiled([x], T.exp(-(x**2)) * T.sin(x) + T.log1p(x**2) * T.tanh(x))

        yield Workload(f"chain, 10M {dtype}", 6.0, chain, hand, values, 1, tolerance)

    def line(x: Any, z: Any) -> Any:
        return np.float32(2.5) * x + np.float32(-0.5) * z + np.float32(1)

    def ours() -> Callable[..., Any]:
        import tensorcore.tensor as T

        x, z = T.fvector("x"), T.fvector("z")
        return compiled([x, z], line(x, z))

    values = [rng.normal(size=_MILLIONS).astype("float32") for _ in range(2)]
    yield Workload("a*x + b*z + 1, 10M float32", 4.0, ours, line, values, 1, 1e-5)


def _rows() -> Iterator[Workload]:
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

        def ours(expression: Any = expression) -> Callable[..., Any]:
            return compiled([x], expression)

        yield Workload(f"{name}, 4096x1024", target, ours, hand, [table], 3, 1e-4)


def _small() -> Iterator[Workload]:
    """Many small matrices of known sizes."""
    import tensorcore.tensor as T

    v, rng = T.dvector("v"), np.random.default_rng(4)
    table = rng.normal(size=20_000 * 16)
    many = v.reshape((-1, 4, 4))

    def hand(v: np.ndarray) -> np.ndarray:
        many = v.reshape(-1, 4, 4)
        y: np.ndarray = many @ many
        return y

    name = "20,000 products of 4x4, float64"
    ours = lambda: compiled([v], T.batched_dot(many, many))  # noqa: E731
    yield Workload(name, 4.0, ours, hand, [table], 10, 1e-12)


def _logistic() -> Workload:
    """The tutorial's logistic regression: 400 examples of 784 features, float64."""
    data, labels, start = examples()

    def ours() -> Callable[..., Any]:
        import tensorcore
        import tensorcore.tensor as T

        x, y = T.dmatrix("x"), T.dvector("y")
        w, b = tensorcore.shared(start), tensorcore.shared(0.0)
        p = 1 / (1 + T.exp(-T.dot(x, w) - b))
        loss = -y * T.log(p) - (1 - y) * T.log(1 - p)
        cost = loss.mean() + 0.01 * (w**2).sum()
        gw, gb = T.grad(cost, [w, b])
        return compiled([x, y], [p > 0.5, loss], [(w, w - 0.1 * gw), (b, b - 0.1 * gb)])

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

    return Workload(
        "logistic regression, float64", 2.2, ours, hand, [data, labels], 200, 1e-8, REST
    )


def examples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the logistic regression: data, labels and first weights."""
    rng = np.random.default_rng(2)
    data = rng.normal(size=(400, 784))
    return data, rng.integers(0, 2, 400).astype("float64"), rng.normal(size=784) * 0.01


def digits() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Of the network: data, labels and first weights."""
    rng = np.random.default_rng(3)
    data = rng.normal(size=(600, 784)).astype("float32")
    labels = rng.integers(0, 10, 600)
    shapes = ((784, 500), (500,), (500, 10), (10,))
    return data, labels, [(rng.normal(size=s) * 0.05).astype("float32") for s in shapes]


def network() -> tuple[list[Any], Any, list[Any], list[np.ndarray], list[np.ndarray]]:
    """A step of a 784-500-10 network on 600 examples, float32: inputs, cost, updates, what to
    call it with, and the first weights."""
    import tensorcore
    import tensorcore.tensor as T

    data, labels, start = digits()
    x, y = T.fmatrix("x"), T.lvector("y")
    w1, b1, w2, b2 = weights = [tensorcore.shared(value) for value in start]
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, w1) + b1), w2) + b2)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    rate = np.float32(0.01)
    updates = [(v, v - rate * g) for v, g in zip(weights, T.grad(cost, weights), strict=True)]
    return [x, y], cost, updates, [data, labels], start


def _network() -> Workload:
    """The network's step against NumPy by hand."""
    data, labels, start = digits()
    rate = np.float32(0.01)
    state = list(start)

    def ours() -> Callable[..., Any]:
        inputs, cost, updates, _, _ = network()
        return compiled(inputs, cost, updates)

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

    return Workload("784-500-10 network, float32", 1.3, ours, hand, [data, labels], 10, 1e-4, REST)
