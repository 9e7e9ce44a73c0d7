"""Complex numbers: their parts, their polar form and their conjugates.

The gradient of a real cost C by a complex z is ``dC/dRe(z) + i dC/dIm(z)``. A holomorphic op
therefore multiplies the cotangent by the conjugate of its derivative.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import COMPLEX, FLOATING, kind
from ..node import Tensor, TensorLike, as_tensor
from ._array_api import as_dtype, complex_of, copied
from ._declare import declare
from ._families import ELEMENTWISE

E = ELEMENTWISE


def conj(x: TensorLike) -> Tensor:
    """The complex conjugate; a real tensor is returned as it is."""
    x = as_tensor(x)
    return conjugate(x) if kind(x.dtype) == "c" else x


def real(x: TensorLike) -> Tensor:
    """The real part; a real tensor is returned as it is."""
    x = as_tensor(x)
    return real_part(x) if kind(x.dtype) == "c" else x


def imag(x: TensorLike) -> Tensor:
    """The imaginary part; zeros for a real tensor."""
    from .composites import fill
    from .elementwise import cast_to

    x = as_tensor(x)
    if kind(x.dtype) == "c":
        return imaginary_part(x)
    return fill(x, cast_to(as_tensor(0), x.dtype))


def in_dtype(g: Tensor, dtype: str) -> Tensor:
    """A cotangent in another dtype: what is real has no use for the imaginary part."""
    from .elementwise import cast_to

    return cast_to(g if kind(dtype) == "c" else real(g), dtype)


@declare(
    E,
    accepts=COMPLEX,
    name="conj",
    reference=lambda xp, x: xp.conj(x),
    c="tc_conj_#({0})",
)
def conjugate(x: TensorLike) -> Tensor:
    """The complex conjugate."""


@conjugate.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return conj(g)


@declare(
    E,
    accepts=COMPLEX,
    name="real",
    rule="parts",
    reference=lambda xp, x: copied(xp, xp.real(x)),
    c="{0}.re",
)
def real_part(x: TensorLike) -> Tensor:
    """The real part of complex numbers."""


@real_part.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g


@declare(
    E,
    accepts=COMPLEX,
    name="imag",
    rule="parts",
    reference=lambda xp, x: copied(xp, xp.imag(x)),
    c="{0}.im",
)
def imaginary_part(x: TensorLike) -> Tensor:
    """The imaginary part of complex numbers."""


@imaginary_part.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return from_parts(g * 0, g)


@declare(
    E,
    accepts=FLOATING,
    name="complex",
    rule="pair",
    reference=complex_of,
    c="tc_complex_#({0}, {1})",
)
def from_parts(real: TensorLike, imag: TensorLike) -> Tensor:
    """The complex numbers with these parts; complex64 from float16 and float32."""


@from_parts.gradient
def _(g: Tensor, y: Tensor, re: Tensor, im: Tensor) -> Any:
    return lambda: real(g), lambda: imag(g)


def _reference_polar(xp: Any, r: Any, theta: Any) -> Any:
    part = xp.result_type(r, xp.float32)
    r, theta = as_dtype(xp, r, part), as_dtype(xp, theta, part)
    return complex_of(xp, r * xp.cos(theta), r * xp.sin(theta))


@declare(
    E,
    accepts=FLOATING,
    rule="pair",
    ulp=4,
    reference=_reference_polar,
    c="tc_polar_#({0}, {1})",
)
def complex_from_polar(abs: TensorLike, angle: TensorLike) -> Tensor:
    """The complex numbers with this modulus and this angle in radians."""


@complex_from_polar.gradient
def _(g: Tensor, z: Tensor, r: Tensor, theta: Tensor) -> Any:
    unit = complex_from_polar(r * 0 + 1, theta)
    return lambda: real(conj(unit) * g), lambda: imag(conj(z) * g)


@declare(
    E,
    accepts=COMPLEX,
    name="abs_complex",
    rule="parts",
    ulp=(4, 1),
    reference=lambda xp, x: xp.abs(x),
    c={"c": "tc_abs_#({0})"},
)
def modulus(x: TensorLike) -> Tensor:
    """The absolute value of complex numbers, without overflow."""


@modulus.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    from .elementwise import sgn

    return g * sgn(x)


def _reference_angle(xp: Any, x: Any) -> Any:
    if xp.isdtype(x.dtype, "complex floating"):
        return xp.atan2(xp.imag(x), xp.real(x))
    return xp.atan2(xp.zeros_like(x), x)


@declare(
    E,
    accepts=FLOATING + COMPLEX,
    rule="parts",
    ulp=(6, 1),
    reference=_reference_angle,
    c={"f": "atan2@(0, {0})", "c": "tc_angle_#({0})"},
    notes="Of a real NaN the angle is NaN.",
)
def angle(x: TensorLike) -> Tensor:
    """The angle in radians, from -pi to pi; of real numbers 0 or pi."""


@angle.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    from .elementwise import flat

    if kind(x.dtype) != "c":
        return flat(g, y, x)
    return lambda: g * 1j * x / abs(x) ** 2
