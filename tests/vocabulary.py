"""Kernels of every form in one function, for backends that print kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorcore
import tensorcore.tensor as T


def vocabulary() -> tuple[Any, list[np.ndarray], list[Any]]:
    """Kernels of every form: a function, arguments, and what it must return."""
    x, i = T.fmatrix("x"), T.lvector("i")
    expressions = [
        x * 2, T.nnet.softmax(x), x.sum(), x.sum(axis=0), x.sum(axis=1), T.argmax(x, axis=1),
        x.max(), T.dot(x, x.T), T.sort(x, axis=1), x[::-1], T.argmax(x), x[i],
        T.cumsum(x, axis=1), T.inc_subtensor(x[i], 1), x.var(axis=1), x.prod(axis=1),
        T.exp(x).mean(), T.any(x > 0.9), T.all(x > 0, axis=0), T.min(x, axis=0),
    ]  # fmt: skip
    f = tensorcore.function([x, i], expressions)
    a = np.random.default_rng(1).random((37, 21)).astype("float32")
    index = np.array([0, -1, 2, 2])
    added = a.copy()
    np.add.at(added, index, np.float32(1))
    e = np.exp(a)
    expected = [
        a * 2, e / e.sum(1, keepdims=True), a.sum(), a.sum(0), a.sum(1), a.argmax(1), a.max(),
        a @ a.T, np.sort(a, 1), a[::-1], a.argmax(), a[index], a.cumsum(1), added, a.var(1),
        a.prod(1), e.mean(), (a > 0.9).any(), (a > 0).all(0), a.min(0),
    ]  # fmt: skip
    return f, [a, index], expected
