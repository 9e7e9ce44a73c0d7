"""Elementwise primitives: each is one declaration and its gradient."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import ALL, BOOL, COMPLEX, FLOATING, NUMERIC, REAL, kind
from ..node import Tensor, TensorLike, as_tensor, is_constant, make_constant
from ._array_api import added, as_dtype, complex_of, copied
from ._declare import declare
from ._families import CAST, ELEMENTWISE
from .complexes import conj, in_dtype

E = ELEMENTWISE
_ANY = BOOL + NUMERIC
INEXACT = FLOATING + COMPLEX
_REAL_OR_BOOL = BOOL + REAL


@declare(
    E,
    accepts=_ANY,
    associative=True,
    reference=added,
    c={"b": "{0} | {1}", "c": "tc_add_#({0}, {1})", "*": "{0} + {1}"},
    symbol="+",
)
def add(x: TensorLike, y: TensorLike) -> Tensor:
    """Sum of two tensors; logical or for two bools."""


@add.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return g, g


@declare(
    E,
    accepts=NUMERIC,
    reference=lambda xp, x, y: xp.subtract(x, y),
    c={"c": "tc_sub_#({0}, {1})", "*": "{0} - {1}"},
    symbol="-",
)
def sub(x: TensorLike, y: TensorLike) -> Tensor:
    """Difference of two tensors."""


@sub.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return g, lambda: -g


@declare(
    E,
    accepts=_ANY,
    associative=True,
    reference=lambda xp, x, y: xp.logical_and(x, y) if x.dtype == xp.bool else xp.multiply(x, y),
    c={"b": "{0} & {1}", "*": "{0} * {1}", "c": "tc_mul_#({0}, {1})"},
    symbol="*",
)
def mul(x: TensorLike, y: TensorLike) -> Tensor:
    """Product of two tensors; logical and for two bools."""


@mul.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return lambda: g * conj(y), lambda: g * conj(x)


@declare(
    E,
    accepts=INEXACT,
    rule="divide",
    reference=lambda xp, x, y: xp.divide(x, y),
    c={"f": "{0} / {1}", "c": "tc_div_#({0}, {1})"},
    symbol="/",
)
def true_div(x: TensorLike, y: TensorLike) -> Tensor:
    """Quotient of two tensors; integers are divided in floatX."""


@true_div.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    x, y = conj(x), conj(y)
    return lambda: g / y, lambda: -(g * x) / (y * y)


def inv(x: TensorLike) -> Tensor:
    """``1 / x``; of integers in floatX."""
    return 1 / as_tensor(x)


@declare(
    E,
    accepts=REAL,
    name="int_div",
    reference=lambda xp, x, y: xp.floor_divide(x, y),
    c="tc_floordiv_#({0}, {1})",
    symbol="//",
    differentiable=False,
)
def int_div(x: TensorLike, y: TensorLike) -> Tensor:
    """Quotient rounded down; an integer divided by zero gives 0, as in NumPy."""


@int_div.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return None, None


@declare(
    E,
    accepts=REAL,
    reference=lambda xp, x, y: xp.remainder(x, y),
    c="tc_mod_#({0}, {1})",
    symbol="%",
)
def mod(x: TensorLike, y: TensorLike) -> Tensor:
    """Remainder with the sign of ``y``; an integer modulo zero gives 0, as in NumPy."""


@mod.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    from .rounding import floor

    return g, lambda: -g * floor(x / y)


def _reference_pow(xp: Any, x: Any, y: Any) -> Any:
    if not xp.isdtype(x.dtype, "signed integer"):
        return xp.pow(x, y)
    one, zero = xp.ones_like(x), xp.zeros_like(x)
    inverse = xp.where(x == 1, one, xp.where(x == -1, xp.where(y % 2 == 0, one, -one), zero))
    return xp.where(y < 0, inverse, xp.pow(x, xp.where(y < 0, xp.zeros_like(y), y)))


@declare(
    E,
    accepts=NUMERIC,
    ulp=(16, 2),
    domain=(0.1, 4.0),
    reference=_reference_pow,
    c={"f": "pow@({0}, {1})", "c": "tc_pow_#({0}, {1})", "*": "tc_pow_#({0}, {1})"},
    symbol="**",
    notes="Integers to a negative power give 0, 1 or -1, where NumPy raises ValueError. Of complex "
    "numbers with an infinite or NaN part, which part of the result is NaN is not promised.",
)
def pow(x: TensorLike, y: TensorLike) -> Tensor:
    """``x`` to the power ``y``; of integers, a negative power is rounded towards zero.

    Of complex numbers, whole powers below 100 are products and others ``exp(y log(x))``.
    """


@pow.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    from .logic import and_, eq, switch

    x, y, z = conj(x), conj(y), conj(z)

    def of_base() -> Tensor:
        if is_constant(y) and (y.attrs["value"] != 0).all():
            return g * y * x ** (y - 1)
        # A power of zero is flat also at a base of zero, where x ** (y - 1) is infinite: any other
        # exponent does there, and a whole one does for the next derivatives too.
        return g * y * x ** (switch(and_(eq(x, 0), eq(y, 0)), 1, y) - 1)

    return (
        of_base,
        # At a base of zero the result is flat; below zero there is none, and log says NaN.
        lambda: g * z * log(switch(eq(x, 0), 1, x)),
    )


@declare(
    E,
    accepts=NUMERIC,
    reference=lambda xp, x: xp.negative(x),
    c={"c": "tc_neg_#({0})", "*": "-{0}"},
    symbol="-",
)
def neg(x: TensorLike) -> Tensor:
    """The negative; unsigned integers wrap around."""


@neg.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return -g


@declare(
    E,
    accepts=_REAL_OR_BOOL,
    name="abs",
    reference=lambda xp, x: copied(xp, x) if x.dtype == xp.bool else xp.abs(x),
    c={"f": "fabs@({0})", "i": "({0} < 0 ? -{0} : {0})", "*": "{0}"},
)
def abs_real(x: TensorLike) -> Tensor:
    """The absolute value of real numbers."""


@abs_real.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * sgn(x)


def abs_(x: TensorLike) -> Tensor:
    """The absolute value; of complex numbers the real modulus. Its gradient at 0 is 0."""
    from .complexes import modulus

    x = as_tensor(x)
    return modulus(x) if kind(x.dtype) == "c" else abs_real(x)


def _reference_sgn(xp: Any, x: Any) -> Any:
    if not xp.isdtype(x.dtype, "complex floating"):
        return xp.sign(x)
    re, im = xp.real(x), xp.imag(x)
    size, zero = xp.hypot(re, im), xp.zeros_like(re)

    def part(own: Any, other: Any) -> Any:
        endless = xp.where(xp.isinf(own), xp.where(xp.isinf(other), math.nan, xp.sign(own)), zero)
        return xp.where(xp.isinf(size), endless, xp.where(size == 0, zero, own / size))

    return complex_of(xp, part(re, im), part(im, re))


@declare(
    E,
    accepts=NUMERIC,
    name="sgn",
    reference=_reference_sgn,
    c={
        "f": "({0} != {0} ? {0} : ({0} > 0) - ({0} < 0))",
        "c": "tc_sgn_#({0})",
        "*": "({0} > 0) - ({0} < 0)",
    },
)
def sgn(x: TensorLike) -> Tensor:
    """The sign: -1, 0 or 1; NaN for NaN. Of a complex number, the one on the unit circle."""


@sgn.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    from .complexes import imag
    from .logic import eq, switch

    if kind(x.dtype) != "c":
        return flat(g, y, x)
    # Only the angle moves the result, and it turns it by the unit vector that is at right angles.
    size = abs(x)
    turned = imag(conj(y) * g) / switch(eq(size, 0), 1, size)
    return lambda: y * in_dtype(turned, x.dtype) * 1j


@declare(E, accepts=_ANY, reference=copied, c="{0}")
def identity(x: TensorLike) -> Tensor:
    """The same value."""


@identity.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g


def flat(g: Tensor, y: Tensor, x: Tensor) -> Any:
    """The gradient of a step function: zero wherever it is defined."""
    from .composites import fill

    return lambda: fill(x, cast_to(as_tensor(0), x.dtype))


# -- exponentials and logarithms ------------------------------------------------------------


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(3, 1),
    reference=lambda xp, x: xp.exp(x),
    c={"f": "exp@({0})", "c": "tc_exp_#({0})"},
)
def exp(x: TensorLike) -> Tensor:
    """The exponential function."""


@exp.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * conj(y)


def _reference_exp2(xp: Any, x: Any) -> Any:
    return xp.exp2(x) if hasattr(xp, "exp2") else xp.pow(xp.asarray(2, dtype=x.dtype), x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(3, 1),
    reference=_reference_exp2,
    c="exp2@({0})",
)
def exp2(x: TensorLike) -> Tensor:
    """2 to the power ``x``."""


@exp2.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * y * math.log(2.0)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(3, 1),
    reference=lambda xp, x: xp.expm1(x),
    c="expm1@({0})",
)
def expm1(x: TensorLike) -> Tensor:
    """``exp(x) - 1``, accurate near zero."""


@expm1.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * exp(x)


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(4, 1),
    domain=(0.05, 9.0),
    reference=lambda xp, x: xp.log(x),
    c={"f": "log@({0})", "c": "tc_log_#({0})"},
)
def log(x: TensorLike) -> Tensor:
    """The natural logarithm."""


@log.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / conj(x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 1),
    domain=(0.05, 9.0),
    reference=lambda xp, x: xp.log2(x),
    c="log2@({0})",
)
def log2(x: TensorLike) -> Tensor:
    """The logarithm to base 2."""


@log2.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / (x * math.log(2.0))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 2),
    domain=(0.05, 9.0),
    reference=lambda xp, x: xp.log10(x),
    c="log10@({0})",
)
def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10."""


@log10.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / (x * math.log(10.0))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(3, 1),
    domain=(-0.9, 9.0),
    reference=lambda xp, x: xp.log1p(x),
    c="log1p@({0})",
)
def log1p(x: TensorLike) -> Tensor:
    """``log(1 + x)``, accurate near zero."""


@log1p.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / (1 + x)


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    domain=(0.05, 9.0),
    reference=lambda xp, x: xp.sqrt(x),
    c={"f": "sqrt@({0})", "c": "tc_sqrt_#({0})"},
)
def sqrt(x: TensorLike) -> Tensor:
    """The square root."""


@sqrt.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * 0.5 / conj(y)


# -- cast -----------------------------------------------------------------------------------


def _reference_cast(xp: Any, x: Any, dtype: str) -> Any:
    if dtype == "bool" and xp.isdtype(x.dtype, "complex floating"):
        return x != 0
    return as_dtype(xp, x, getattr(xp, dtype))


@declare(
    CAST,
    accepts=ALL,
    reference=_reference_cast,
    notes="What a float becomes that the integer dtype cannot hold, NaN too, is not promised. "
    "Complex numbers become complex or bool only, where NumPy drops the imaginary part.",
)
def cast(x: TensorLike, dtype: Any) -> Tensor:
    """``x`` in another dtype (``"floatX"`` too). Floats become integers by truncation."""


@cast.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return in_dtype(g, x.dtype)


def cast_to(x: Tensor, dtype: str) -> Tensor:
    """``x`` itself when it has the dtype, a constant cast at once, else a cast node."""
    if x.type.dtype == dtype:
        return x
    if is_constant(x):
        import numpy as np

        with np.errstate(all="ignore"):
            return make_constant(x.attrs["value"].astype(dtype))
    return cast(x, dtype)
