"""Elementwise primitives that choose, compare and combine truth values."""

from __future__ import annotations

from typing import Any

from ..dtypes import ALL, BOOL, COMPLEX, DISCRETE, FLOATING, INTEGERS, REAL
from ..node import Tensor, TensorLike
from ._array_api import larger, ordered, smaller
from ._declare import declare
from ._families import ELEMENTWISE

E = ELEMENTWISE
_REAL_OR_BOOL = BOOL + REAL
_INEXACT = FLOATING + COMPLEX


# -- choice ---------------------------------------------------------------------------------


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    reference=larger,
    c={"f": "({0} >= {1} || {0} != {0} ? {0} : {1})", "*": "({0} > {1} ? {0} : {1})"},
    notes="Of two zeros of opposite signs either may be the result, as in NumPy.",
)
def maximum(x: TensorLike, y: TensorLike) -> Tensor:
    """The larger of two; NaN where either is NaN."""


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    reference=smaller,
    c={"f": "({0} <= {1} || {0} != {0} ? {0} : {1})", "*": "({0} < {1} ? {0} : {1})"},
    notes="Of two zeros of opposite signs either may be the result, as in NumPy.",
)
def minimum(x: TensorLike, y: TensorLike) -> Tensor:
    """The smaller of two; NaN where either is NaN."""


def _chosen(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    # Of two equal ones the first is chosen, as in Theano. A NaN equals nothing: it must not leave
    # zeros, which would hide it.
    return (
        lambda: switch(eq(z, x), g, switch(eq(z, z), 0, z)),
        lambda: switch(eq(z, z), switch(eq(z, x), 0, g), z),
    )


maximum.gradient(_chosen)
minimum.gradient(_chosen)


@declare(
    E,
    accepts=ALL,
    rule="select",
    reference=lambda xp, c, x, y: xp.where(c, x, y),
    c="({0} ? {1} : {2})",
)
def switch(condition: TensorLike, x: TensorLike, y: TensorLike) -> Tensor:
    """``x`` where the condition is not zero, ``y`` elsewhere; both are computed."""


@switch.gradient
def _(g: Tensor, z: Tensor, c: Tensor, x: Tensor, y: Tensor) -> Any:
    return None, lambda: switch(c, g, 0), lambda: switch(c, 0, g)


# -- comparison and logic -------------------------------------------------------------------


def _no_gradient(g: Tensor, z: Tensor, *inputs: Tensor) -> Any:
    """Results that are no continuous quantity pass no gradient on."""
    return (None,) * len(inputs)


@declare(
    E,
    accepts=ALL,
    rule="compare",
    reference=lambda xp, x, y: xp.equal(x, y),
    c={"c": "tc_eq_#({0}, {1})", "*": "{0} == {1}"},
)
def eq(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether two are equal, as bool."""


@declare(
    E,
    accepts=ALL,
    rule="compare",
    reference=lambda xp, x, y: xp.not_equal(x, y),
    c={"c": "!tc_eq_#({0}, {1})", "*": "{0} != {1}"},
)
def neq(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether two differ, as bool."""


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    rule="compare",
    reference=lambda xp, x, y: xp.less(ordered(xp, x), ordered(xp, y)),
    c="{0} < {1}",
    symbol="<",
)
def lt(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether ``x`` is below ``y``, as bool."""


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    rule="compare",
    reference=lambda xp, x, y: xp.less_equal(ordered(xp, x), ordered(xp, y)),
    c="{0} <= {1}",
    symbol="<=",
)
def le(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether ``x`` is at most ``y``, as bool."""


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    rule="compare",
    reference=lambda xp, x, y: xp.greater(ordered(xp, x), ordered(xp, y)),
    c="{0} > {1}",
    symbol=">",
)
def gt(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether ``x`` is above ``y``, as bool."""


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    rule="compare",
    reference=lambda xp, x, y: xp.greater_equal(ordered(xp, x), ordered(xp, y)),
    c="{0} >= {1}",
    symbol=">=",
)
def ge(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether ``x`` is at least ``y``, as bool."""


@declare(
    E,
    accepts=DISCRETE,
    associative=True,
    name="and",
    reference=lambda xp, x, y: xp.bitwise_and(x, y),
    c="{0} & {1}",
    symbol="&",
)
def and_(x: TensorLike, y: TensorLike) -> Tensor:
    """Bitwise and; logical and of bools."""


@declare(
    E,
    accepts=DISCRETE,
    associative=True,
    name="or",
    reference=lambda xp, x, y: xp.bitwise_or(x, y),
    c="{0} | {1}",
    symbol="|",
)
def or_(x: TensorLike, y: TensorLike) -> Tensor:
    """Bitwise or; logical or of bools."""


@declare(
    E,
    accepts=DISCRETE,
    associative=True,
    reference=lambda xp, x, y: xp.bitwise_xor(x, y),
    c="{0} ^ {1}",
    symbol="^",
)
def xor(x: TensorLike, y: TensorLike) -> Tensor:
    """Bitwise exclusive or; of bools, whether they differ."""


@declare(
    E,
    accepts=DISCRETE,
    reference=lambda xp, x: xp.bitwise_invert(x),
    c={"b": "!{0}", "*": "~{0}"},
)
def invert(x: TensorLike) -> Tensor:
    """Bitwise complement; logical not of bools."""


@declare(
    E,
    accepts=_INEXACT,
    rule="predicate",
    reference=lambda xp, x: xp.isnan(x),
    c={"f": "{0} != {0}", "c": "{0}.re != {0}.re || {0}.im != {0}.im"},
)
def isnan(x: TensorLike) -> Tensor:
    """Whether the value is NaN, as bool."""


@declare(
    E,
    accepts=_INEXACT,
    rule="predicate",
    reference=lambda xp, x: xp.isinf(x),
    c={
        "f": "({0} - {0} != {0} - {0}) && {0} == {0}",
        "c": "({0}.re - {0}.re != {0}.re - {0}.re && {0}.re == {0}.re) || "
        "({0}.im - {0}.im != {0}.im - {0}.im && {0}.im == {0}.im)",
    },
)
def isinf(x: TensorLike) -> Tensor:
    """Whether the value is infinite, as bool."""


@declare(
    E,
    accepts=_INEXACT,
    rule="predicate",
    reference=lambda xp, x: xp.isfinite(x),
    c={"f": "{0} - {0} == 0", "c": "{0}.re - {0}.re == 0 && {0}.im - {0}.im == 0"},
)
def isfinite(x: TensorLike) -> Tensor:
    """Whether the value is neither infinite nor NaN, as bool."""


@declare(
    E,
    accepts=FLOATING,
    rule="predicate",
    reference=lambda xp, x: xp.signbit(x),
    c="copysign@((#)1, {0}) < 0",
)
def signbit(x: TensorLike) -> Tensor:
    """Whether the sign is negative, as bool; of -0.0 too."""


def _shifts(xp: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Which places are at least 0 and below the width, and the places, 0 where they are not."""
    usual = (y >= 0) & (y < xp.iinfo(x.dtype).bits)
    return usual, xp.where(usual, y, xp.zeros_like(y))


def _reference_left_shift(xp: Any, x: Any, y: Any) -> Any:
    usual, places = _shifts(xp, x, y)
    return xp.where(usual, xp.bitwise_left_shift(x, places), xp.zeros_like(x))


def _reference_right_shift(xp: Any, x: Any, y: Any) -> Any:
    usual, places = _shifts(xp, x, y)
    signs = xp.bitwise_right_shift(x, xp.full_like(x, xp.iinfo(x.dtype).bits - 1))
    beyond = signs if xp.isdtype(x.dtype, "signed integer") else xp.zeros_like(x)
    return xp.where(usual, xp.bitwise_right_shift(x, places), beyond)


@declare(
    E,
    accepts=INTEGERS,
    reference=_reference_left_shift,
    c="tc_shift_left_#({0}, {1})",
    symbol="<<",
)
def left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Bits moved up by ``y`` places; 0 for a negative ``y`` or one of the width and more."""


@declare(
    E,
    accepts=INTEGERS,
    reference=_reference_right_shift,
    c="tc_shift_right_#({0}, {1})",
    symbol=">>",
)
def right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Bits moved down by ``y`` places, signs kept; for a negative ``y`` or one of the width and
    more, 0 or -1."""


for _op in (
    *(eq, neq, lt, le, gt, ge, and_, or_, xor, invert, left_shift, right_shift),
    *(isnan, isinf, isfinite, signbit),
):
    _op.gradient(_no_gradient)
