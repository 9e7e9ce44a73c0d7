"""Logarithms of sums and differences of exponentials, without overflow or cancellation."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike, as_tensor
from ._declare import declare
from ._families import ELEMENTWISE
from .composites import sigmoid
from .elementwise import exp, expm1, log, log1p
from .logic import eq, gt, maximum, switch

_LOG_2 = math.log(2.0)


def _apart_from_zero(dtype: str) -> Any:
    """Pairs whose result is not near zero: where it crosses zero, its relative error has no
    bound, in any formula."""
    import numpy as np

    ordinary = np.linspace(0.3, 7.1, 6).astype(dtype)
    yield (ordinary, ordinary[::-1].copy()), {}
    ends = np.array([0.0, 2.5, 100.0, -100.0, 800.0, -800.0, np.inf, -np.inf, np.nan])
    pairs = [(a, b) for a in ends for b in ends if not -1 < max(a, b) < 1 or a == b]
    first, second = np.array(pairs).T.astype(dtype)
    yield (first.copy(), second.copy()), {}


@declare(
    ELEMENTWISE,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(8, 4),
    samples=_apart_from_zero,
    notes="Where the result is near 0 its error is one of the operands' last places, as NumPy's.",
    reference=lambda xp, x, y: xp.logaddexp(x, y),
)
def logaddexp(x: TensorLike, y: TensorLike) -> Tensor:
    """``log(exp(x) + exp(y))``, without overflow."""
    x, y = as_tensor(x), as_tensor(y)
    # Equal ones apart: the difference of two infinities is NaN.
    apart = maximum(x, y) + log1p(exp(-abs(x - y)))
    return switch(eq(x, y), x + _LOG_2, apart)


@logaddexp.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    def share(own: Tensor, other: Tensor) -> Tensor:
        return g * switch(eq(own, other), 0.5, sigmoid(own - other))

    return lambda: share(x, y), lambda: share(y, x)


@declare(
    ELEMENTWISE,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(8, 4),
    domain=(-9.0, -0.01),
    reference=lambda xp, x: xp.where(x > -_LOG_2, xp.log(-xp.expm1(x)), xp.log1p(-xp.exp(x))),
)
def log1mexp(x: TensorLike) -> Tensor:
    """``log(1 - exp(x))`` of a negative ``x``, accurate near zero and far from it.

    The two formulas and where they meet: Mächler, "Accurately computing log(1 - exp(-|a|))",
    2012.
    """
    x = as_tensor(x)
    return switch(gt(x, -_LOG_2), log(-expm1(x)), log1p(-exp(x)))


@log1mexp.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return -g / expm1(-x)
