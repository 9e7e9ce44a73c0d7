"""Rules that gather the constants of a chain: ``(x * 2) * 3`` is ``x * 6``.

Integers wrap around alike in any order. Floats are gathered only where that rounds no worse: a
sum when the constants add up exactly, a product when that of the constants is an ordinary
number, so that it neither overflows nor loses digits.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..dtypes import kind
from ..node import Tensor, is_constant, make_constant
from ..ops.elementwise import add, mul, neg, pow, sub, true_div
from .pattern import Exactness, Rule, by_kind, variable

_CLASSES = by_kind(iu=Exactness.EXACT, f=Exactness.STABLE)
_MOST = 64


def _number(node: Tensor) -> np.ndarray | None:
    """The value of a 0-d constant, else None."""
    return node.attrs["value"] if is_constant(node) and node.ndim == 0 else None


def _split(node: Tensor) -> tuple[Tensor, np.ndarray] | None:
    """The operand and the number of an op on a tensor and a number."""
    for k in (1, 0):
        number = _number(node.inputs[k])
        if number is not None and not is_constant(node.inputs[1 - k]):
            return node.inputs[1 - k], number
    return None


def _combined(node: Tensor, combine: Any, fits: Any) -> Tensor | None:
    """``(t c) d`` as ``t (c d)``, when both numbers have the dtype of the result."""
    outer = _split(node)
    if outer is None or outer[0].op is not node.op or outer[0].dtype != node.dtype:
        return None
    inner = _split(outer[0])
    if inner is None or inner[0].dtype != node.dtype:
        return None
    (t, c), d = inner, outer[1]
    if c.dtype != d.dtype or c.dtype != np.dtype(node.dtype):
        return None
    with np.errstate(all="ignore"):
        both = np.asarray(combine(c, d))
    if kind(node.dtype) == "f" and not fits(c, d, both):
        return None
    assert node.op is not None
    return node.op.make((t, make_constant(both)), node.attrs)


def _is_exact_sum(c: np.ndarray, d: np.ndarray, both: np.ndarray) -> bool:
    if not np.isfinite(both):
        return False
    return Fraction(float(c)) + Fraction(float(d)) == Fraction(float(both))


def _is_ordinary(c: np.ndarray, d: np.ndarray, both: np.ndarray) -> bool:
    fin = np.finfo(both.dtype)
    return all(float(fin.tiny) <= abs(float(v)) <= float(fin.max) for v in (c, d, both))


def _sum(node: Tensor) -> Tensor | None:
    return _combined(node, np.add, _is_exact_sum)


def _product(node: Tensor) -> Tensor | None:
    return _combined(node, np.multiply, _is_ordinary)


def _difference(node: Tensor) -> Tensor | None:
    """``t - c`` is ``t + (-c)``, so that chains of both are gathered."""
    number = _number(node.inputs[1])
    inner = node.inputs[0]
    if number is None or inner.op is not add or inner.dtype != node.dtype:
        return None
    if number.dtype != np.dtype(node.dtype):
        return None
    result = add(inner, make_constant(np.asarray(np.negative(number))))
    return result if _sum(result) is not None else None


def _neg(node: Tensor) -> Tensor | None:
    """``-(t * c)`` is ``t * (-c)``: only the sign changes."""
    (inner,) = node.inputs
    found = _split(inner) if inner.op is mul else None
    if found is None or found[1].dtype != np.dtype(node.dtype):
        return None
    return mul(found[0], make_constant(np.asarray(np.negative(found[1]))))


def _quotient(node: Tensor) -> Tensor | None:
    """Division by a power of two is a multiplication that rounds alike."""
    number = _number(node.inputs[1])
    if number is None or number.dtype != np.dtype(node.dtype) or kind(node.dtype) != "f":
        return None
    fraction, _ = np.frexp(float(number))
    with np.errstate(all="ignore"):
        inverse = np.asarray(1 / number).astype(number.dtype)
    if abs(fraction) != 0.5 or not _is_ordinary(number, number, inverse):
        return None
    return mul(node.inputs[0], make_constant(inverse))


def _power(node: Tensor) -> Tensor | None:
    """``(t ** c) ** d`` for whole positive powers."""
    t, outer = node.inputs
    if t.op is not pow or t.dtype != node.dtype:
        return None
    c, d = _number(t.inputs[1]), _number(outer)
    if c is None or d is None or any(v < 1 or v != np.floor(v) for v in (c, d)):
        return None
    if c * d > _MOST:
        return None
    return pow(t.inputs[0], make_constant(np.asarray(c * d, dtype=node.dtype)))


def _constant(value: float, dtype: str) -> Tensor:
    return make_constant(np.asarray(value, dtype=dtype))


def _twice(op: Any, first: float, second: float) -> Any:
    """An example: the op with a number, and again."""
    return lambda dtype: op(op(variable(dtype), _constant(first, dtype)), _constant(second, dtype))


CHAINS: tuple[Rule, ...] = (
    Rule("add_constants", "add", _CLASSES, apply=_sum, example=_twice(add, 1, 2)),
    Rule(
        "sub_constant",
        "sub",
        _CLASSES,
        apply=_difference,
        example=lambda d: sub(add(variable(d), _constant(3, d)), _constant(2, d)),
    ),
    Rule("mul_constants", "mul", _CLASSES, apply=_product, example=_twice(mul, 3, 5)),
    Rule(
        "neg_of_product",
        "neg",
        by_kind(i=Exactness.EXACT, f=Exactness.EXACT),
        apply=_neg,
        example=lambda d: neg(mul(variable(d), _constant(3, d))),
    ),
    Rule(
        "div_by_power_of_two",
        "true_div",
        by_kind(f=Exactness.EXACT),
        apply=_quotient,
        example=lambda d: true_div(variable(d), _constant(4, d)),
    ),
    Rule("pow_of_pow", "pow", _CLASSES, apply=_power, example=_twice(pow, 3, 5)),
)
