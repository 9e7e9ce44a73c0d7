"""The references over numbers of arbitrary precision: exact values to hold rules against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mpmath
import numpy as np
from mpmath import mp

from tensorcore import Tensor
from tensorcore.graph import toposort
from tensorcore.node import is_constant

from .values import Array

#: Enough to see exp(-800) beside 1, and differences of neighbours of it.
BITS = 2600
_STEP_BITS = 600
_NAN, _INF = mpmath.mpf("nan"), mpmath.mpf("inf")


@contextmanager
def precision() -> Iterator[None]:
    """Compute with BITS bits inside."""
    with mp.workprec(BITS):
        yield


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NaN where its result is not real or not defined."""

    def wrapped(*values: Any) -> Any:
        try:
            result = function(*values)
        except (ZeroDivisionError, ValueError):
            return _NAN
        return _NAN if isinstance(result, mpmath.mpc) else result

    return wrapped


def _divide(x: Any, y: Any) -> Any:
    if y == 0:
        return _NAN if x == 0 or mpmath.isnan(x) else _INF * mpmath.sign(x)
    return x / y


def _power(x: Any, y: Any) -> Any:
    return _INF if x == 0 and y < 0 else mp.power(x, y)


def _logaddexp(x: Any, y: Any) -> Any:
    high, low = (x, y) if x > y else (y, x)
    return high + mp.log1p(mp.exp(low - high))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "tanh": mp.tanh,
    "divide": _divide,
    "pow": _power,
    "logaddexp": _logaddexp,
    "square": lambda x: x * x,
    "sign": mp.sign,
}
_ARITY = {"divide": 2, "pow": 2, "logaddexp": 2}


class ExactNamespace:
    """What references need of an array namespace, over arrays of mpmath numbers."""

    def __getattr__(self, name: str) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            return getattr(np, name)
        over_arrays = np.frompyfunc(_real(function), _ARITY.get(name, 1), 1)
        return lambda *arrays: np.asarray(over_arrays(*arrays), dtype=object)


XP = ExactNamespace()


def exactly(output: Tensor, values: Mapping[Tensor, Sequence[Any]]) -> list[Any]:
    """The exact values of an expression at numbers; call within ``precision()``."""
    known: dict[Tensor, Array] = {}
    for node in toposort([output]):
        if node.op is None:
            known[node] = np.array([mpmath.mpf(v) for v in values[node]], dtype=object)
        elif is_constant(node):
            number = node.attrs["value"]
            text = np.array([mpmath.mpf(float(v)) for v in number.ravel()], dtype=object)
            known[node] = text.reshape(number.shape)
        else:
            operands = [known[i] for i in node.inputs]
            known[node] = np.asarray(node.op.reference(XP, *operands, **node.attrs))
    count = len(next(iter(values.values())))
    return list(np.broadcast_to(known[output], (count,)))


def slopes(output: Tensor, x: Tensor, at: Sequence[Any]) -> list[Any]:
    """The derivative of an expression of one variable; call within ``precision()``."""
    step = mpmath.mpf(2) ** -_STEP_BITS
    ends = [exactly(output, {x: [mpmath.mpf(v) + s * step for v in at]}) for s in (1, -1)]
    return [(a - b) / (2 * step) for a, b in zip(*ends, strict=True)]


def rounded(values: Sequence[Any]) -> Array:
    """Exact values in the widest dtype of NumPy."""
    result = np.empty(len(values), dtype=np.longdouble)
    for k, value in enumerate(values):
        high = float(value)
        rest = float(value - high) if np.isfinite(high) else 0.0
        result[k] = np.longdouble(high) + np.longdouble(rest)
    return result
