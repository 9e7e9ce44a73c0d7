"""Primitives that combine the entries along an axis one after the other, and keep each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import NUMERIC
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare
from ._families import REDUCED_DTYPE
from .complexes import conj
from .logic import maximum, minimum
from .movement import broadcast_like, join, shape_list, window


class Cumulative:
    """One operand and the attribute ``axis``, not negative; the shape stays."""

    name = "cumulative"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x, axis = as_tensor(args[0]), int(attrs["axis"])
        if not -x.ndim <= axis < x.ndim:
            raise ShapeError(f"{op.name}: axis {axis} does not exist, the tensor has {x.ndim}.")
        return (x,), {"axis": axis % x.ndim}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        (operand,) = self.operand_dtypes(op, inputs, attrs)
        check_accepts(op, operand, inputs)
        return inputs[0].type.with_dtype(operand)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (REDUCED_DTYPE["sum"](inputs[0].dtype),)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(shapes[0])


CUMULATIVE = Cumulative()


def _reference(function: str) -> Any:
    def reference(xp: Any, x: Any, axis: int) -> Any:
        return getattr(xp, function)(x, axis=axis, dtype=x.dtype)

    return reference


@declare(CUMULATIVE, accepts=NUMERIC, rule="sum", reference=_reference("cumsum"), c="sum")
def cumulative_sum(x: TensorLike, *, axis: int) -> Tensor:
    """The sum of the entries up to each one along an axis, added from first to last."""


@declare(
    CUMULATIVE,
    accepts=NUMERIC,
    rule="sum",
    domain=(0.5, 1.5),
    reference=_reference("cumprod"),
    c="prod",
)
def cumulative_prod(x: TensorLike, *, axis: int) -> Tensor:
    """The product of the entries up to each one along an axis, multiplied from first to last."""


def reversed_along(x: Tensor, axis: int) -> Tensor:
    """``x`` with the order of the entries along an axis turned round."""
    n = shape_list(x)[axis]
    return window(x, n - 1, n, -1, axes=(axis,), index=())


def _sums_to_the_end(x: Tensor, axis: int) -> Tensor:
    return reversed_along(cumulative_sum(reversed_along(x, axis), axis=axis), axis)


@cumulative_sum.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return _sums_to_the_end(g, y.attrs["axis"])


@cumulative_prod.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    # An entry's share of the products after it is their sum over the entry itself. The first
    # zero of a row cannot be divided out: its share are the products with a one in its place.
    # Behind it all products are zero, so that no later zero has any share.
    from .logic import and_, eq, switch

    axis = y.attrs["axis"]
    x, y = conj(x), conj(y)
    zero = eq(x, 0)
    first = and_(zero, eq(cumulative_sum(zero, axis=axis), 1))
    without = cumulative_prod(switch(first, 1, x), axis=axis)
    shares = _sums_to_the_end(g * y, axis) / switch(zero, 1, x)
    return switch(first, _sums_to_the_end(g * without, axis), switch(zero, 0, shares))


def product_of_others(x: Tensor, axis: int) -> Tensor:
    """For each entry along an axis, the product of all the others; no axis of known size 1."""
    before = cumulative_prod(_behind_a_one(x, axis), axis=axis)
    turned = reversed_along(x, axis)
    behind = reversed_along(cumulative_prod(_behind_a_one(turned, axis), axis=axis), axis)
    return before * behind


def _behind_a_one(x: Tensor, axis: int) -> Tensor:
    """A one and then the entries along an axis, without the last."""
    n = shape_list(x)[axis]
    some = window(x, 0, minimum(n, 1), 1, axes=(axis,), index=())
    ones = broadcast_like(as_tensor(np.ones((), x.dtype)), some)
    rest = window(x, 0, maximum(n - 1, 0), 1, axes=(axis,), index=())
    return join(ones, rest, axis=axis)
