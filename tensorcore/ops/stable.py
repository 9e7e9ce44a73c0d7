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


@declare(
    ELEMENTWISE,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 16),
    domain=(0.0, 9.0),  # where the result crosses zero its relative error has no bound
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
