"""The incomplete gamma and beta functions, and Hurwitz' zeta function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike, as_tensor
from ._declare import declare
from ._families import ELEMENTWISE
from .elementwise import exp, log, log1p
from .special import gamma, gammaln
from .special_functions import function

E = ELEMENTWISE


def _samples(*bounds: tuple[float, float], ends: Any) -> Any:
    """Ordinary values within bounds, one pair for each operand, and what is at the edge."""

    def samples(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        rng = np.random.default_rng(0)
        if dtype in FLOATING:
            made = [rng.uniform(*bound, 120).astype(dtype) for bound in bounds]
            yield tuple(made), {}
            yield tuple(a[:12] for a in made), {}
            yield tuple(np.array(row).astype(dtype) for row in zip(*ends, strict=True)), {}
            yield tuple(a[:0] for a in made), {}

    return samples


_NAN = float("nan")
_INF = float("inf")
_OF_GAMMA = _samples(
    (0.3, 30.0), (0.05, 30.0),
    ends=((1, 0), (2, _INF), (_NAN, 1), (1, _NAN), (-1, 1), (1, -1), (0, 1)),
)  # fmt: skip


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(128, 128),
    domain=(0.3, 9.0),
    reference=lambda xp, k, x: function(xp, "gammainc")(k, x),
    c="tc_gammainc_#({0}, {1})",
    samples=_OF_GAMMA,
    no_gradient=(0,),
    notes="NaN for negative operands. Close to 1 for k near 0, what is left to 1 is absolute.",
)
def gammainc(k: TensorLike, x: TensorLike) -> Tensor:
    """The regularised lower incomplete gamma function, from 0 at ``x = 0`` up to 1."""


@gammainc.gradient
def _(g: Tensor, y: Tensor, k: Tensor, x: Tensor) -> Any:
    return None, lambda: g * _gamma_density(k, x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(128, 128),
    domain=(0.3, 9.0),
    reference=lambda xp, k, x: function(xp, "gammaincc")(k, x),
    c="tc_gammaincc_#({0}, {1})",
    samples=_OF_GAMMA,
    no_gradient=(0,),
    notes="NaN for negative operands. For x below k + 1 the error is that of 1 - gammainc(k, x).",
)
def gammaincc(k: TensorLike, x: TensorLike) -> Tensor:
    """``1 - gammainc(k, x)``, accurate where that is small."""


@gammaincc.gradient
def _(g: Tensor, y: Tensor, k: Tensor, x: Tensor) -> Any:
    return None, lambda: -g * _gamma_density(k, x)


def _gamma_density(k: Tensor, x: Tensor) -> Tensor:
    return exp((k - 1) * log(x) - x - gammaln(k))


def gammal(k: TensorLike, x: TensorLike) -> Tensor:
    """The lower incomplete gamma function, ``gamma(k) * gammainc(k, x)``."""
    return gamma(k) * gammainc(k, x)


def gammau(k: TensorLike, x: TensorLike) -> Tensor:
    """The upper incomplete gamma function, ``gamma(k) * gammaincc(k, x)``."""
    return gamma(k) * gammaincc(k, x)


def chi2sf(x: TensorLike, k: TensorLike) -> Tensor:
    """The chance that a chi-square variable with ``k`` degrees of freedom is above ``x``."""
    return gammaincc(as_tensor(k) / 2, as_tensor(x) / 2)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(128, 128),
    domain=(0.3, 9.0),
    reference=lambda xp, a, b, x: function(xp, "betainc")(a, b, x),
    c="tc_betainc_#({0}, {1}, {2})",
    samples=_samples(
        (0.3, 9.0), (0.3, 9.0), (0.02, 0.98),
        ends=(
            (1, 2, 0), (2, 1, 1), (_NAN, 1, 0.5), (1, _NAN, 0.5), (1, 1, _NAN), (0, 1, 0.5),
            (1, -1, 0.5), (1, 1, 1.5), (1, 1, -0.5),
        ),
    ),
    no_gradient=(0, 1),
    notes="NaN unless a and b are positive and x is from 0 to 1. Where x is above "
    "(a + 1) / (a + b + 2), it is 1 less what is left to 1.",
)  # fmt: skip
def betainc(a: TensorLike, b: TensorLike, x: TensorLike) -> Tensor:
    """The regularised incomplete beta function, from 0 at ``x = 0`` to 1 at ``x = 1``."""


@betainc.gradient
def _(g: Tensor, y: Tensor, a: Tensor, b: Tensor, x: Tensor) -> Any:
    def slope() -> Tensor:
        scale = gammaln(a + b) - gammaln(a) - gammaln(b)
        return g * exp((a - 1) * log(x) + (b - 1) * log1p(-x) + scale)

    return None, None, slope


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(64, 64),
    domain=(1.5, 9.0),
    reference=lambda xp, s, q: function(xp, "hurwitz_zeta")(s, q),
    c="tc_zeta_#({0}, {1})",
    samples=_samples(
        (1.2, 9.0), (0.3, 9.0), ends=((1, 1), (0.5, 1), (2, 0), (2, -1), (_NAN, 1), (2, _NAN)),
    ),
    no_gradient=(0,),
    notes="Infinite for s = 1, NaN for s below 1 and for q not above 0.",
)  # fmt: skip
def hurwitz_zeta(s: TensorLike, q: TensorLike) -> Tensor:
    """The sum of ``(q + n)**-s`` over n from 0 on, for ``s > 1`` and ``q > 0``."""


@hurwitz_zeta.gradient
def _(g: Tensor, y: Tensor, s: Tensor, q: Tensor) -> Any:
    return None, lambda: -g * s * hurwitz_zeta(s + 1, q)


def zeta(x: TensorLike, q: TensorLike = 1) -> Tensor:
    """Hurwitz' zeta function; Riemann's for ``q = 1``: the sum of ``(q + n)**-x``."""
    return hurwitz_zeta(as_tensor(x), q)
