"""The references over numbers of arbitrary precision: exact values to hold rules against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
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
#: The exponential of less than minus this is nothing in any dtype, also beside a zero.
_VANISHING = 20_000
_NAN, _INF = mpmath.mpf("nan"), mpmath.mpf("inf")


@contextmanager
def precision() -> Iterator[None]:
    """Compute with BITS bits inside."""
    with mp.workprec(BITS):
        yield


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NaN where its result is not real or not defined. It remembers: the same
    special values come again and again, and thousands of bits take their time."""

    @lru_cache(maxsize=50_000, typed=True)
    def remembered(precision: int, *values: Any) -> Any:
        try:
            result = function(*values)
        except (ZeroDivisionError, ValueError):
            return _NAN
        return _NAN if isinstance(result, mpmath.mpc) else result

    return lambda *values: remembered(mp.prec, *values)


def _divide(x: Any, y: Any) -> Any:
    if y == 0:
        return _NAN if x == 0 or mpmath.isnan(x) else _INF * mpmath.sign(x)
    return x / y


def _power(x: Any, y: Any) -> Any:
    return _INF if x == 0 and y < 0 else mp.power(x, y)


def _logaddexp(x: Any, y: Any) -> Any:
    high, low = (x, y) if x > y else (y, x)
    if low - high < -_VANISHING:
        return high
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
_REAL = {name: _real(function) for name, function in _FUNCTIONS.items()}
_TESTS: dict[str, Callable[[Any], bool]] = {"isinf": mpmath.isinf, "isnan": mpmath.isnan}
_ARITY = {"divide": 2, "pow": 2, "logaddexp": 2}


class ExactNamespace:
    """What references need of an array namespace, over arrays of mpmath numbers."""

    def __getattr__(self, name: str) -> Any:
        if name in _TESTS:
            test = np.frompyfunc(_TESTS[name], 1, 1)
            return lambda array: np.asarray(test(array), dtype=bool)
        if name not in _FUNCTIONS:
            return getattr(np, name)
        over_arrays = np.frompyfunc(_REAL[name], _ARITY.get(name, 1), 1)
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


# -- what each op means, said a second time ---------------------------------------------------


def _away(x: Any) -> Any:
    return mp.sign(x) * mp.floor(abs(x) + mpmath.mpf(1) / 2)


#: Over numbers of mpmath, real or complex: what the reference of an op must agree with. An op
#: that is not listed is held to its own formula, evaluated in arbitrary precision.
MEANING: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "true_div": lambda x, y: x / y,
    "int_div": lambda x, y: mp.floor(x / y),
    "mod": lambda x, y: x - y * mp.floor(x / y),
    "pow": mp.power,
    "neg": lambda x: -x,
    "abs": abs,
    "abs_complex": abs,
    "sgn": mp.sign,
    "identity": lambda x: x,
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": lambda x: mp.log(x, 10),
    "log1p": lambda x: mp.log(1 + x),
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "hypot": mp.hypot,
    "deg2rad": mp.radians,
    "rad2deg": mp.degrees,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": lambda x: mp.sign(x) * mp.floor(abs(x)),
    "round_half_to_even": mp.nint,
    "round_half_away_from_zero": _away,
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "erfinv": mp.erfinv,
    "erfcinv": lambda x: mp.erfinv(1 - x),
    "gamma": mp.gamma,
    "gammaln": lambda x: mp.log(abs(mp.gamma(x))),
    "psi": mp.digamma,
    "tri_gamma": lambda x: mp.psi(1, x),
    "polygamma": lambda n, x: mp.psi(int(n), x),
    "jv": mp.besselj,
    "iv": mp.besseli,
    "gammainc": lambda k, x: mp.gammainc(k, 0, x, regularized=True),
    "gammaincc": lambda k, x: mp.gammainc(k, x, mp.inf, regularized=True),
    "betainc": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
    "hurwitz_zeta": mp.zeta,
    "logit": lambda p: mp.log(p / (1 - p)),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "xlogx": lambda x: x * mp.log(x),
    "xlogy0": lambda x, y: x * mp.log(y),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "sqr": lambda x: x * x,
    "clip": lambda x, low, high: min(max(x, low), high),
    "fill": lambda x, value: value,
    "maximum": max,
    "minimum": min,
    "switch": lambda c, x, y: x if c else y,
    "conj": mp.conj,
    "real": mp.re,
    "imag": mp.im,
    "complex": mpmath.mpc,
    "complex_from_polar": lambda r, a: mpmath.mpc(r * mp.cos(a), r * mp.sin(a)),
    "angle": mp.arg,
    "eq": lambda x, y: x == y,
    "neq": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "isnan": mp.isnan,
    "isinf": mp.isinf,
    "isfinite": mp.isfinite,
    "signbit": lambda x: x < 0,
}


def _whole_power(x: int, y: int) -> int:
    if y >= 0:
        return int(x**y) if abs(x) < 2 or y < 64 else pow(x, y, 1 << 64)
    return x if abs(x) == 1 and y % 2 else int(abs(x) == 1)


def _philox(key: int, counter: int) -> int:
    """Ten rounds of Philox2x32, as in the paper: ``R, L = counter``, the left half multiplied."""
    left, right = counter % 2**32, counter // 2**32
    for turn in range(10):
        high, low = divmod(0xD256D193 * left, 2**32)
        left, right = high ^ ((key + turn * 0x9E3779B9) % 2**32) ^ right, low
    return right * 2**32 + left


#: Over Python's integers, before the result is brought into the range of its dtype.
WHOLE_MEANING: dict[str, Callable[..., Any]] = {
    **{name: MEANING[name] for name in ("add", "sub", "mul", "neg", "abs", "identity", "sqr")},
    **{name: MEANING[name] for name in ("clip", "fill", "maximum", "minimum", "switch")},
    **{name: MEANING[name] for name in ("eq", "neq", "lt", "le", "gt", "ge")},
    "int_div": lambda x, y: x // y if y else 0,
    "mod": lambda x, y: x % y if y else 0,
    "pow": _whole_power,
    "sgn": lambda x: (x > 0) - (x < 0),
    "and": lambda x, y: x & y,
    "or": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y,
    "invert": lambda x: ~x,
    "philox": _philox,
    "left_shift": lambda x, y: x << y if 0 <= y < 64 else 0,
    "right_shift": lambda x, y: x >> (y if 0 <= y < 64 else 64),
}
#: Over truth values, where these mean something else than over integers.
TRUTH_MEANING: dict[str, Callable[..., Any]] = {
    **WHOLE_MEANING,
    "add": lambda x, y: x or y,
    "mul": lambda x, y: x and y,
    "invert": lambda x: not x,
}


def in_range(number: int, dtype: np.dtype[Any]) -> Any:
    """The integer brought into the range of the dtype by leaving out high bits."""
    if dtype.kind == "b":
        return bool(number)
    bits = 8 * dtype.itemsize
    low = int(number) & ((1 << bits) - 1)
    return low - (1 << bits) if dtype.kind == "i" and low >> (bits - 1) else low
