"""Bessel functions of the first kind, of any real order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ._declare import declare
from ._families import ELEMENTWISE
from .special_functions import function

E = ELEMENTWISE
_ORDERS = (0.0, 1.0, 2.0, 2.5, 7.0, 20.0, 0.25, -0.5, -1.5, -3.0, -4.75)


def _samples(name: str) -> Any:
    """Orders with arguments that take every way through the code, away from zeros, where the
    error is absolute."""

    def samples(dtype: str) -> Iterator[tuple[tuple[Any, Any], dict[str, Any]]]:
        from . import bessel_functions

        rng = np.random.default_rng(0)
        if dtype not in FLOATING:
            return
        order = np.array(_ORDERS * 12).astype(dtype)
        far = 9.0 if dtype == "float16" else 70.0
        x = rng.uniform(0.3, far, order.shape).astype(dtype)
        x[: len(_ORDERS) * 6] = rng.uniform(0.3, 9.0, len(_ORDERS) * 6).astype(dtype)
        wide = (np.asarray(a, "float64") for a in (order, x))
        size = np.abs(getattr(bessel_functions, name)(np, *wide))
        good = (size > 0.05 * np.sqrt(2 / np.pi / x)) & (size < 6e4)
        if dtype != "float16":
            good |= (size > 1e-30) & (x < np.abs(order))  # small, but not near a zero
        yield (order[good], x[good]), {}
        yield (order[good][:20], x[good][:20]), {}
        ends = np.array([0.0, 0.0, 0.0, 2.0, 0.5, 1.0, np.nan]).astype(dtype)
        at = np.array([0.0, -0.0, np.nan, 0.0, -1.0, -2.0, 1.0]).astype(dtype)
        yield (ends, at), {}
        yield (order[:0], x[:0]), {}

    return samples


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(128, 128),
    domain=(0.3, 9.0),
    reference=lambda xp, v, x: function(xp, "jv")(v, x),
    c="tc_jv_#({0}, {1})",
    samples=_samples("jv"),
    no_gradient=(0,),
    notes="NaN for negative x, unless the order is whole. Near zeros the error is absolute. Its "
    "time grows with x, up to half of the square of the order.",
)
def jv(v: TensorLike, x: TensorLike) -> Tensor:
    """The Bessel function of the first kind, of the real order ``v``, at ``x``."""


@jv.gradient
def _(g: Tensor, y: Tensor, v: Tensor, x: Tensor) -> Any:
    if is_constant(v) and not v.attrs["value"].any():
        return None, lambda: -g * jv(1.0, x)
    return None, lambda: g * 0.5 * (jv(v - 1, x) - jv(v + 1, x))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(64, 64),
    domain=(0.3, 9.0),
    reference=lambda xp, v, x: function(xp, "iv")(v, x),
    c="tc_iv_#({0}, {1})",
    samples=_samples("iv"),
    no_gradient=(0,),
    notes="NaN for negative x, unless the order is whole.",
)
def iv(v: TensorLike, x: TensorLike) -> Tensor:
    """The modified Bessel function of the first kind, of the real order ``v``, at ``x``."""


@iv.gradient
def _(g: Tensor, y: Tensor, v: Tensor, x: Tensor) -> Any:
    if is_constant(v) and not v.attrs["value"].any():
        return None, lambda: g * iv(1.0, x)
    return None, lambda: g * 0.5 * (iv(v - 1, x) + iv(v + 1, x))


def j0(x: TensorLike) -> Tensor:
    """``jv(0, x)``."""
    return jv(0.0, as_tensor(x))


def j1(x: TensorLike) -> Tensor:
    """``jv(1, x)``."""
    return jv(1.0, as_tensor(x))


def i0(x: TensorLike) -> Tensor:
    """``iv(0, x)``."""
    return iv(0.0, as_tensor(x))


def i1(x: TensorLike) -> Tensor:
    """``iv(1, x)``."""
    return iv(1.0, as_tensor(x))
