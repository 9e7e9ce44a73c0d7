"""Special functions: of errors, gamma and its logarithm's derivatives, and safe logarithms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike, as_tensor
from ._declare import declare
from ._families import ELEMENTWISE
from .elementwise import exp, log
from .logic import and_, eq, ge, le, switch
from .special_functions import function
from .trigonometric import arctanh

E = ELEMENTWISE
#: The slope of erf at 0.
_SLOPE = 2 / math.sqrt(math.pi)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 6),
    reference=lambda xp, x: function(xp, "erf")(x),
    c="erf@({0})",
)
def erf(x: TensorLike) -> Tensor:
    """The error function."""


@erf.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * _SLOPE * exp(-x * x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    reference=lambda xp, x: function(xp, "erfc")(x),
    c="erfc@({0})",
)
def erfc(x: TensorLike) -> Tensor:
    """``1 - erf(x)``, accurate where that is small."""


@erfc.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * -_SLOPE * exp(-x * x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    reference=lambda xp, x: function(xp, "erfcx")(x),
    c="tc_erfcx_#({0})",
)
def erfcx(x: TensorLike) -> Tensor:
    """``exp(x * x) * erfc(x)``, without overflow for large ``x``."""


@erfcx.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * (2 * x * y - _SLOPE)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    domain=(-0.95, 0.95),
    reference=lambda xp, x: function(xp, "erfinv")(x),
    c="tc_erfinv_#({0})",
)
def erfinv(x: TensorLike) -> Tensor:
    """The inverse of ``erf``; infinite at -1 and 1, NaN beyond."""


@erfinv.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / _SLOPE * exp(y * y)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    domain=(0.05, 1.95),
    reference=lambda xp, x: function(xp, "erfcinv")(x),
    c="tc_erfcinv_#({0})",
)
def erfcinv(x: TensorLike) -> Tensor:
    """The inverse of ``erfc``; infinite at 0 and 2, NaN beyond."""


@erfcinv.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / -_SLOPE * exp(y * y)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 12),
    domain=(0.05, 9.0),
    reference=lambda xp, x: function(xp, "gamma")(x),
    c="tgamma@({0})",
)
def gamma(x: TensorLike) -> Tensor:
    """The gamma function; NaN at -1, -2, ... and infinite at 0."""


@gamma.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * y * psi(x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    domain=(0.05, 9.0),
    reference=lambda xp, x: function(xp, "gammaln")(x),
    c="lgamma@({0})",
    notes="Near its zeros below -2 the error is absolute, not in units of the last place.",
)
def gammaln(x: TensorLike) -> Tensor:
    """The logarithm of the absolute value of ``gamma(x)``."""


@gammaln.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * psi(x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    domain=(0.05, 9.0),
    reference=lambda xp, x: function(xp, "psi")(x),
    c="tc_psi_#({0})",
    notes="Near its zeros below 0 the error is absolute, not in units of the last place.",
)
def psi(x: TensorLike) -> Tensor:
    """The derivative of ``gammaln``; NaN at -1, -2, ...."""


@psi.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * tri_gamma(x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 8),
    domain=(0.05, 9.0),
    reference=lambda xp, x: function(xp, "tri_gamma")(x),
    c="tc_tri_gamma_#({0})",
)
def tri_gamma(x: TensorLike) -> Tensor:
    """The derivative of ``psi``; infinite at 0, -1, -2, ...."""


@tri_gamma.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * polygamma(2, x)


def _samples(dtype: str) -> Iterator[tuple[tuple[Any, Any], dict[str, Any]]]:
    """Orders from 1 to 5 with arguments of the domain."""
    rng = np.random.default_rng(0)
    if dtype in FLOATING:
        order = np.array([1, 2, 3, 4, 5] * 4)
        yield (order, rng.uniform(0.3, 9.0, 20).astype(dtype)), {}
        yield (np.array([0, 2, -1]), np.array([1, 0, 2], dtype)), {}
        yield (order[:0], np.zeros(0, dtype)), {}


@declare(
    E,
    accepts=FLOATING,
    rule="order",
    ulp=(64, 16),
    domain=(0.3, 9.0),
    reference=lambda xp, n, x: function(xp, "polygamma")(n, x),
    c="tc_polygamma_#({0}, {1})",
    samples=_samples,
    notes="NaN for x below 0, and for orders below 1.",
)
def polygamma(n: TensorLike, x: TensorLike) -> Tensor:
    """The derivative of ``psi`` of the integer order ``n`` (1, 2, ...) at ``x >= 0``."""


@polygamma.gradient
def _(g: Tensor, y: Tensor, n: Tensor, x: Tensor) -> Any:
    return None, lambda: g * polygamma(n + 1, x)


def _reference_xlogy(xp: Any, x: Any, y: Any) -> Any:
    return xp.where(x == 0, xp.zeros_like(x), x * xp.log(xp.where(x == 0, 1, y)))


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(6, 3),
    domain=(0.05, 9.0),
    reference=lambda xp, x: _reference_xlogy(xp, x, x),
)
def xlogx(x: TensorLike) -> Tensor:
    """``x * log(x)``, and 0 where ``x`` is 0."""
    x = as_tensor(x)
    return switch(eq(x, 0), 0, x * log(switch(eq(x, 0), 1, x)))


@xlogx.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * (1 + log(x))


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(6, 3),
    domain=(0.05, 9.0),
    reference=_reference_xlogy,
)
def xlogy0(x: TensorLike, y: TensorLike) -> Tensor:
    """``x * log(y)``, and 0 where ``x`` is 0, whatever ``y`` is."""
    x = as_tensor(x)
    return switch(eq(x, 0), 0, x * log(switch(eq(x, 0), 1, y)))


@xlogy0.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return lambda: g * log(y), lambda: g * x / y


def _reference_logit(xp: Any, p: Any) -> Any:
    near = (p >= 0.25) & (p <= 0.75)
    middle = 2 * xp.atanh(2 * xp.where(near, p, 0 * p + 0.5) - 1)
    return xp.where(near, middle, xp.log(p / (1 - p)))


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(8, 4),
    domain=(0.0, 0.98),
    reference=_reference_logit,
)
def logit(p: TensorLike) -> Tensor:
    """``log(p / (1 - p))``, the inverse of ``sigmoid``; accurate near 1/2, where it is 0."""
    p = as_tensor(p)
    # 2 p - 1 is exact between 1/4 and 3/4.
    near = and_(ge(p, 0.25), le(p, 0.75))
    return switch(near, 2 * arctanh(2 * switch(near, p, 0.5) - 1), log(p / (1 - p)))


@logit.gradient
def _(g: Tensor, y: Tensor, p: Tensor) -> Any:
    return g / (p * (1 - p))
