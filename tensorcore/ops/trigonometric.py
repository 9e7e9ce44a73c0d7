"""Trigonometric and hyperbolic functions, their inverses, and angles."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike, as_tensor
from ._declare import declare
from ._families import ELEMENTWISE
from .complexes import conj
from .elementwise import INEXACT, sqrt

E = ELEMENTWISE


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(4, 1),
    reference=lambda xp, x: xp.sin(x),
    c={"f": "sin@({0})", "c": "tc_sin_#({0})"},
)
def sin(x: TensorLike) -> Tensor:
    """The sine of an angle in radians."""


@sin.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * cos(conj(x))


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(4, 1),
    reference=lambda xp, x: xp.cos(x),
    c={"f": "cos@({0})", "c": "tc_cos_#({0})"},
)
def cos(x: TensorLike) -> Tensor:
    """The cosine of an angle in radians."""


@cos.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return -(g * sin(conj(x)))


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(5, 1),
    domain=(-1.4, 1.4),
    reference=lambda xp, x: xp.tan(x),
    c={"f": "tan@({0})", "c": "tc_tan_#({0})"},
)
def tan(x: TensorLike) -> Tensor:
    """The tangent of an angle in radians."""


@tan.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    y = conj(y)
    return g * (1 + y * y)


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(5, 2),
    reference=lambda xp, x: xp.tanh(x),
    c={"f": "tanh@({0})", "c": "tc_tanh_#({0})"},
)
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent."""


@tanh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    y = conj(y)
    return g * (1 - y * y)


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(4, 2),
    reference=lambda xp, x: xp.sinh(x),
    c={"f": "sinh@({0})", "c": "tc_sinh_#({0})"},
)
def sinh(x: TensorLike) -> Tensor:
    """The hyperbolic sine."""


@sinh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * cosh(conj(x))


@declare(
    E,
    accepts=INEXACT,
    rule="float",
    ulp=(4, 2),
    reference=lambda xp, x: xp.cosh(x),
    c={"f": "cosh@({0})", "c": "tc_cosh_#({0})"},
)
def cosh(x: TensorLike) -> Tensor:
    """The hyperbolic cosine."""


@cosh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * sinh(conj(x))


# -- inverses ------------------------------------------------------------------------------


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 1),
    domain=(-0.95, 0.95),
    reference=lambda xp, x: xp.asin(x),
    c="asin@({0})",
)
def arcsin(x: TensorLike) -> Tensor:
    """The angle from -pi/2 to pi/2 with this sine; NaN beyond -1 and 1."""


@arcsin.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / sqrt((1 - x) * (1 + x))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 1),
    domain=(-0.95, 0.95),
    reference=lambda xp, x: xp.acos(x),
    c="acos@({0})",
)
def arccos(x: TensorLike) -> Tensor:
    """The angle from 0 to pi with this cosine; NaN beyond -1 and 1."""


@arccos.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return -(g / sqrt((1 - x) * (1 + x)))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(5, 1),
    reference=lambda xp, x: xp.atan(x),
    c="atan@({0})",
)
def arctan(x: TensorLike) -> Tensor:
    """The angle from -pi/2 to pi/2 with this tangent."""


@arctan.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / (1 + x * x)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(6, 1),
    reference=lambda xp, y, x: xp.atan2(y, x),
    c="atan2@({0}, {1})",
)
def arctan2(y: TensorLike, x: TensorLike) -> Tensor:
    """The angle of the point ``(x, y)``, from -pi to pi."""


@arctan2.gradient
def _(g: Tensor, z: Tensor, y: Tensor, x: Tensor) -> Any:
    return lambda: g * x / (x * x + y * y), lambda: -(g * y) / (x * x + y * y)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 2),
    reference=lambda xp, x: xp.asinh(x),
    c="asinh@({0})",
)
def arcsinh(x: TensorLike) -> Tensor:
    """The number with this hyperbolic sine."""


@arcsinh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / sqrt(x * x + 1)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 2),
    domain=(1.1, 9.0),
    reference=lambda xp, x: xp.acosh(x),
    c="acosh@({0})",
)
def arccosh(x: TensorLike) -> Tensor:
    """The number of at least 0 with this hyperbolic cosine; NaN below 1."""


@arccosh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / sqrt((x - 1) * (x + 1))


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(5, 2),
    domain=(-0.9, 0.9),
    reference=lambda xp, x: xp.atanh(x),
    c="atanh@({0})",
)
def arctanh(x: TensorLike) -> Tensor:
    """The number with this hyperbolic tangent; NaN beyond -1 and 1."""


@arctanh.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g / ((1 - x) * (1 + x))


# -- the plane ------------------------------------------------------------------------------


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    ulp=(4, 1),
    reference=lambda xp, x, y: xp.hypot(x, y),
    c="hypot@({0}, {1})",
)
def hypot(x: TensorLike, y: TensorLike) -> Tensor:
    """``sqrt(x * x + y * y)`` without overflow. Its gradient at the origin is 0."""


@hypot.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    from .logic import eq, switch

    length = switch(eq(z, 0), 1, z)
    return lambda: g * x / length, lambda: g * y / length


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=2,
    reference=lambda xp, x: xp.deg2rad(x) if hasattr(xp, "deg2rad") else x * (math.pi / 180),
)
def deg2rad(x: TensorLike) -> Tensor:
    """Degrees as radians."""
    return as_tensor(x) * (math.pi / 180)


@deg2rad.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * (math.pi / 180)


def _reference_rad2deg(xp: Any, x: Any) -> Any:
    if hasattr(xp, "rad2deg"):
        return xp.rad2deg(x)
    return x * (180 / xp.asarray(math.pi, dtype=x.dtype))


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=2,
    reference=_reference_rad2deg,
)
def rad2deg(x: TensorLike) -> Tensor:
    """Radians as degrees."""
    return as_tensor(x) * (180 / math.pi)


@rad2deg.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * (180 / math.pi)
