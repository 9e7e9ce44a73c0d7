"""The references over numbers of arbitrary precision: exact values to hold rules against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mpmath
import numpy as np
from mpmath import mp

from tensorcore import Tensor, dtypes
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
_TESTS: dict[str, Callable[[Any], bool]] = {"isinf": mpmath.isinf, "isnan": mpmath.isnan}
_ARITY = {"divide": 2, "pow": 2, "logaddexp": 2}


class ExactNamespace:
    """What references need of an array namespace, over arrays of mpmath numbers."""

    def __getattr__(self, name: str) -> Any:
        if name in _TESTS:
            test = np.frompyfunc(_TESTS[name], 1, 1)
            return lambda array: np.asarray(test(array), dtype=bool)
        function = _FUNCTIONS.get(name)
        if function is None:
            return getattr(np, name)
        over_arrays = np.frompyfunc(_real(function), _ARITY.get(name, 1), 1)
        return lambda *arrays: np.asarray(over_arrays(*arrays), dtype=object)


XP = ExactNamespace()


def exact_array(values: Any) -> Array:
    """Numbers as an array of mpmath numbers of the same shape."""
    numbers = np.asarray(values)
    found = np.empty(numbers.shape, dtype=object)
    for position in np.ndindex(numbers.shape):
        number = numbers[position]
        found[position] = number if isinstance(number, mpmath.mpf) else mpmath.mpf(float(number))
    return found


def exactly(output: Tensor, values: Mapping[Tensor, Any]) -> Array:
    """The exact value of an expression at arrays of numbers; call within ``precision()``."""
    known: dict[Tensor, Array] = {}
    for node in toposort([output]):
        if node.op is None:
            known[node] = exact_array(values[node])
        elif is_constant(node):
            known[node] = exact_array(node.attrs["value"])
        else:
            operands = [_of_kind(known[i], i) for i in node.inputs]
            known[node] = np.asarray(node.op.reference(XP, *operands, **node.attrs))
    return known[output]


def _of_kind(value: Array, node: Tensor) -> Array:
    """Truth values and sizes as what they are, numbers as mpmath numbers."""
    kind = dtypes.kind(node.dtype)
    return value.astype(node.dtype) if kind in "biu" and value.dtype != node.dtype else value


def slopes(output: Tensor, x: Tensor, at: Mapping[Tensor, Any], g: Any, where: Array) -> Array:
    """The derivative of the sum of ``g`` times an expression, taken over the entries where it
    is defined, with respect to each entry of ``x``; call within ``precision()``."""
    step = mpmath.mpf(2) ** -_STEP_BITS
    base = exact_array(at[x])
    weights = exact_array(g)
    found = np.empty(base.shape, dtype=object)
    for position in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[position] += sign * step
            ends.append((exactly(output, {**at, x: moved}) * weights)[where].sum())
        found[position] = (ends[0] - ends[1]) / (2 * step)
    return found


def rounded(values: Any) -> Array:
    """Exact values in the widest dtype of NumPy."""
    numbers = np.asarray(values)
    result = np.empty(numbers.shape, dtype=np.longdouble)
    for position in np.ndindex(numbers.shape):
        value = numbers[position]
        high = float(value)
        rest = float(value - high) if np.isfinite(high) else 0.0
        result[position] = np.longdouble(high) + np.longdouble(rest)
    return result
