"""Whole numbers next to a number, and signs."""

from __future__ import annotations

from typing import Any

from ..dtypes import FLOATING
from ..node import Tensor, TensorLike
from ._array_api import as_dtype
from ._declare import declare
from ._families import ELEMENTWISE
from .elementwise import cast, cast_to, flat, int_div, mod, sgn
from .logic import neq

E = ELEMENTWISE


@declare(E, accepts=FLOATING, rule="float", reference=lambda xp, x: xp.floor(x), c="floor@({0})")
def floor(x: TensorLike) -> Tensor:
    """The largest whole number that is not above ``x``."""


@declare(E, accepts=FLOATING, rule="float", reference=lambda xp, x: xp.ceil(x), c="ceil@({0})")
def ceil(x: TensorLike) -> Tensor:
    """The smallest whole number that is not below ``x``."""


@declare(E, accepts=FLOATING, rule="float", reference=lambda xp, x: xp.round(x), c="rint@({0})")
def round_half_to_even(x: TensorLike) -> Tensor:
    """The nearest whole number, halves to the even one."""


@declare(E, accepts=FLOATING, rule="float", reference=lambda xp, x: xp.trunc(x), c="trunc@({0})")
def trunc(x: TensorLike) -> Tensor:
    """The whole number next to ``x`` in the direction of zero."""


def _reference_away(xp: Any, x: Any) -> Any:
    whole = xp.trunc(x)
    return whole + xp.copysign(as_dtype(xp, xp.abs(x - whole) >= 0.5, x.dtype), x)


@declare(E, accepts=FLOATING, rule="float", reference=_reference_away, c="round@({0})")
def round_half_away_from_zero(x: TensorLike) -> Tensor:
    """The nearest whole number, halves to the one further from zero."""


for _op in (floor, ceil, trunc, round_half_to_even, round_half_away_from_zero):
    _op.gradient(flat)


def round(x: TensorLike, mode: Any = None) -> Tensor:
    """The nearest whole number; ``mode`` is ``half_to_even`` (by default) or
    ``half_away_from_zero``.

    Raises ValueError for any other mode.
    """
    if mode is None or mode == "half_to_even":
        return round_half_to_even(x)
    if mode == "half_away_from_zero":
        return round_half_away_from_zero(x)
    hint = " Decimals are not counted: write T.round(x * 10) / 10." if isinstance(mode, int) else ""
    raise ValueError(
        f"round: the mode is 'half_to_even' or 'half_away_from_zero', found {mode!r}.{hint}"
    )


def iround(x: TensorLike, mode: str | None = None) -> Tensor:
    """``round(x, mode)`` as int64."""
    return cast(round(x, mode), "int64")


def ceil_intdiv(x: TensorLike, y: TensorLike) -> Tensor:
    """The quotient of integers rounded up, in their common dtype."""
    quotient = int_div(x, y)
    return quotient + cast_to(neq(mod(x, y), 0), quotient.dtype)


def divmod(x: TensorLike, y: TensorLike) -> tuple[Tensor, Tensor]:
    """The quotient rounded down, and the remainder, as ``x // y`` and ``x % y``."""
    return int_div(x, y), mod(x, y)


@declare(
    E,
    accepts=FLOATING,
    rule="float",
    reference=lambda xp, x, y: xp.copysign(x, y),
    c="copysign@({0}, {1})",
)
def copysign(x: TensorLike, y: TensorLike) -> Tensor:
    """The magnitude of ``x`` with the sign of ``y``."""


@copysign.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    return lambda: g * sgn(x) * copysign(1.0, y), None
