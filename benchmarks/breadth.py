"""Loops, images and random numbers against NumPy by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .measure import BACKEND, REST, Figure, ratio, round_robin
from .throughput import Workload, against, compiled

_STEPS, _BATCH, _HIDDEN = 100, 32, 128


def breadth() -> Iterator[Figure]:
    """Times faster than NumPy by hand in the same run."""
    yield from _recurrent()
    yield from _convolutional()
    yield from _uniforms()


def _normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (rng.standard_normal(shape) * scale).astype("float32")


def _recurrent() -> Iterator[Figure]:
    """A plain recurrent net: forward, and the gradients of a training step."""
    import tensorcore.tensor as T
    from tensorcore import grad, scan

    x, h = T.ftensor3("x"), T.fmatrix("h")
    w, u = T.fmatrix("w"), T.fmatrix("u")
    rows, _ = scan(lambda x, h: T.tanh(T.dot(x, w) + T.dot(h, u)), x, h)
    last = rows[-1]
    rng = np.random.default_rng(0)
    values = [
        _normal(rng, _STEPS, _BATCH, _HIDDEN), np.zeros((_BATCH, _HIDDEN), "float32"),
        _normal(rng, _HIDDEN, _HIDDEN, scale=0.05), _normal(rng, _HIDDEN, _HIDDEN, scale=0.05),
    ]  # fmt: skip

    def forward(x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray) -> list[np.ndarray]:
        before = (x.reshape(-1, _HIDDEN) @ w).reshape(x.shape[0], _BATCH, _HIDDEN)
        states = [h]
        for row in before:
            states.append(np.tanh(row + states[-1] @ u))
        return states

    def step(
        x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        states = forward(x, h, w, u)
        slope, slopes = 2 * states[-1], np.empty_like(x)
        for k in range(len(x) - 1, -1, -1):
            slopes[k] = slope * (1 - states[k + 1] ** 2)
            slope = slopes[k] @ u.T
        flat = slopes.reshape(-1, _HIDDEN)
        before = np.asarray(states[:-1]).reshape(-1, _HIDDEN)
        return x.reshape(-1, _HIDDEN).T @ flat, before.T @ flat

    inputs, slopes = [x, h, w, u], grad(T.sum(last**2), [w, u])
    yield from against(Workload(
        "recurrent net, forward", 1.3, lambda: compiled(inputs, last),
        lambda *v: forward(*v)[-1], values, 20, 1e-4, REST,
    ))  # fmt: skip
    yield from against(Workload(
        "recurrent net, gradients", 1.4, lambda: compiled(inputs, slopes), step, values, 10, 1e-3,
        REST,
    ))  # fmt: skip


def _convolutional() -> Iterator[Figure]:
    """A training step of LeNet on images of 28 x 28, in batches of 64."""
    import tensorcore.tensor as T
    from tensorcore import grad

    x, y = T.ftensor4("x"), T.lvector("y")
    rng = np.random.default_rng(1)
    shapes = [(20, 1, 5, 5), (20,), (50, 20, 5, 5), (50,), (800, 500), (500,), (500, 10), (10,)]
    weights = [
        _normal(rng, *s, scale=(2 / np.prod(s[1:] if len(s) == 4 else s[:1])) ** 0.5)
        if len(s) > 1 else np.zeros(s, "float32")
        for s in shapes
    ]  # fmt: skip
    symbols = [T.TensorType("float32", (False,) * len(s))(f"w{k}") for k, s in enumerate(shapes)]
    cost = _lenet(x, y, symbols)
    images, labels = _normal(rng, 64, 1, 28, 28), rng.integers(0, 10, 64)
    yield from against(Workload(
        "LeNet step", 1.5, lambda: compiled([x, y, *symbols], [cost, *grad(cost, symbols)]),
        _lenet_by_hand, [images, labels, *weights], 3, 2e-2, REST,
    ))  # fmt: skip


def _lenet(x: Any, y: Any, weights: list[Any]) -> Any:
    import tensorcore.tensor as T
    from tensorcore.tensor.signal.pool import pool_2d

    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    for w, b in ((w1, b1), (w2, b2)):
        maps = T.nnet.conv2d(x, w, filter_flip=False) + b.dimshuffle("x", 0, "x", "x")
        x = T.tanh(pool_2d(maps, (2, 2), ignore_border=True))
    hidden = T.tanh(T.dot(x.flatten(2), w3) + b3)
    scores = T.nnet.softmax(T.dot(hidden, w4) + b4)
    return T.mean(T.nnet.categorical_crossentropy(scores, y))


def _lenet_by_hand(x: np.ndarray, y: np.ndarray, *weights: np.ndarray) -> list[np.ndarray]:
    """Cost and gradients, convolutions as products with columns of windows."""
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    layers, kept = [(w1, b1), (w2, b2)], []
    a = x
    for w, b in layers:
        n, c, rows, _ = a.shape
        size = rows - 4
        view = np.lib.stride_tricks.sliding_window_view(a, (5, 5), axis=(2, 3))
        columns = np.ascontiguousarray(view.transpose(0, 2, 3, 1, 4, 5)).reshape(-1, c * 25)
        maps = (columns @ w.reshape(len(w), -1).T + b).reshape(n, size, size, len(w))
        parts = maps.reshape(n, size // 2, 2, size // 2, 2, len(w))
        top = parts.max(axis=(2, 4))
        out = np.tanh(top)
        kept.append((a.shape, columns, parts == top[:, :, None, :, None], out))
        a = np.ascontiguousarray(out.transpose(0, 3, 1, 2))
    flat = a.reshape(len(a), -1)
    hidden = np.tanh(flat @ w3 + b3)
    scores = hidden @ w4 + b4
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    cost = -np.log(p[np.arange(len(y)), y]).mean()
    g = p
    g[np.arange(len(y)), y] -= 1
    g /= len(y)
    found: list[np.ndarray] = [g.sum(axis=0), hidden.T @ g]
    g = (g @ w4.T) * (1 - hidden**2)
    found += [g.sum(axis=0), flat.T @ g]
    g = (g @ w3.T).reshape(a.shape).transpose(0, 2, 3, 1)
    for (w, _), (shape, columns, mask, out) in zip(layers[::-1], kept[::-1], strict=True):
        g = g * (1 - out**2)
        full = (mask * g[:, :, None, :, None]).reshape(-1, len(w))
        found += [full.sum(axis=0), (full.T @ columns).reshape(w.shape)]
        if w is w1:
            break
        n, c, rows, _ = shape
        back = (full @ w.reshape(len(w), -1)).reshape(n, rows - 4, rows - 4, c, 5, 5)
        image = np.zeros((n, rows, rows, c), "float32")
        for i in range(5):
            for j in range(5):
                image[:, i : i + rows - 4, j : j + rows - 4] += back[..., i, j]
        g = image
    return [np.asarray(cost), *found[::-1]]


def _uniforms() -> Iterator[Figure]:
    """Ten million uniform float32 numbers against NumPy's default generator."""
    from tensorcore import function
    from tensorcore.tensor.shared_randomstreams import RandomStreams

    count = 10_000_000
    draw = RandomStreams(0).uniform((count,), dtype="float32")
    ours: Callable[[], Any] = function([], draw, backend=BACKEND)
    generator = np.random.default_rng(0)
    names = {"ours": ours, "rng": generator, "count": count}
    times = round_robin(
        {
            "numpy": ("rng.random(count, dtype='float32')", names),
            "tensorcore": ("ours()", names),
        },
        1,
        7,
    )
    value, detail = ratio(times, "numpy", "tensorcore")
    yield Figure("uniforms, 10M float32", value, "x faster than NumPy", 2.0, True, detail)
