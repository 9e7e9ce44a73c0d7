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
from ._families import REDUCED_DTYPE, RULES
from .complexes import conj
from .logic import maximum, minimum
from .movement import OP_RESHAPE, broadcast_like, join, shape_list, window


class Cumulative:
    """Operands of one shape and the attribute ``axis``, not negative; the shape stays."""

    name = "cumulative"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        operands, axis = tuple(as_tensor(a) for a in args), int(attrs["axis"])
        x = operands[0]
        if not -x.ndim <= axis < x.ndim:
            raise ShapeError(f"{op.name}: axis {axis} does not exist, the tensor has {x.ndim}.")
        if any(t.broadcastable != x.broadcastable for t in operands):
            raise ShapeError(f"{op.name}: the operands must have the same axes.")
        return operands, {"axis": axis % x.ndim}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        operand = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, operand, inputs)
        return inputs[0].type.with_dtype(operand)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        common = RULES["same"]([t.dtype for t in inputs], [False] * len(inputs))[1]
        return (REDUCED_DTYPE["sum"](common),) * len(inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        result = list(shapes[0])
        for other in shapes[1:]:
            for axis, size in enumerate(other):
                what = f"axis {axis} of its operands"
                result[axis] = sizes.same(result[axis], size, node, what)
        return tuple(result)


CUMULATIVE = Cumulative()


def _reference(standard: str, older: str) -> Any:
    def reference(xp: Any, x: Any, axis: int) -> Any:
        function = getattr(xp, standard, None) or getattr(xp, older)  # NumPy 2.0 has the older
        return function(x, axis=axis, dtype=x.dtype)

    return reference


@declare(
    CUMULATIVE,
    accepts=NUMERIC,
    rule="sum",
    reference=_reference("cumulative_sum", "cumsum"),
    c="sum",
)
def cumulative_sum(x: TensorLike, *, axis: int) -> Tensor:
    """The sum of the entries up to each one along an axis, added from first to last."""


@declare(
    CUMULATIVE,
    accepts=NUMERIC,
    rule="sum",
    domain=(0.5, 1.5),
    reference=_reference("cumulative_prod", "cumprod"),
    c="prod",
)
def cumulative_prod(x: TensorLike, *, axis: int) -> Tensor:
    """The product of the entries up to each one along an axis, multiplied from first to last."""


def _reference_recurrence(xp: Any, a: Any, b: Any, axis: int) -> Any:
    factors, terms = xp.moveaxis(a, axis, 0), xp.moveaxis(b, axis, 0)
    states = xp.empty(terms.shape, dtype=terms.dtype)
    state = xp.zeros(terms.shape[1:], dtype=terms.dtype)
    for k in range(terms.shape[0]):
        state = factors[k, ...] * state + terms[k, ...]
        states[k, ...] = state
    return xp.moveaxis(states, 0, axis)


@declare(
    CUMULATIVE,
    accepts=NUMERIC,
    rule="sum",
    domain=(-1.2, 1.2),
    reference=_reference_recurrence,
    c="carry",
)
def recurrence(a: TensorLike, b: TensorLike, *, axis: int) -> Tensor:
    """The states ``s[k] = a[k] * s[k - 1] + b[k]`` along an axis, from ``s[-1] = 0`` on."""


def reversed_along(x: Tensor, axis: int) -> Tensor:
    """``x`` with the order of the entries along an axis turned round."""
    n = shape_list(x)[axis]
    return window(x, n - 1, n, -1, axes=(axis,), index=())


def _sums_to_the_end(x: Tensor, axis: int) -> Tensor:
    return reversed_along(cumulative_sum(reversed_along(x, axis), axis=axis), axis)


@cumulative_sum.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return _sums_to_the_end(g, y.attrs["axis"])


def _shares_from_behind(a: Tensor, g: Tensor, axis: int) -> Tensor:
    """What each state of ``s[k] = a[k] * s[k - 1] + ...`` receives: its own cotangent, and through
    the next state what that receives. It is such a recurrence itself, from the end."""
    factors = _behind(1, reversed_along(a, axis), axis)
    return reversed_along(recurrence(factors, reversed_along(g, axis), axis=axis), axis)


@cumulative_prod.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    # Nothing is divided, so that zeros need no care, in higher derivatives either.
    axis = y.attrs["axis"]
    x, y = conj(x), conj(y)
    return _shares_from_behind(x, g, axis) * _behind(1, y, axis)


@recurrence.gradient
def _(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    axis = y.attrs["axis"]
    shares = _shares_from_behind(conj(a), g, axis)
    return lambda: shares * _behind(0, conj(y), axis), shares


def product_of_others(x: Tensor, axis: int) -> Tensor:
    """For each entry along an axis, the product of all the others."""
    before = cumulative_prod(_behind(1, x, axis), axis=axis)
    turned = reversed_along(x, axis)
    behind = reversed_along(cumulative_prod(_behind(1, turned, axis), axis=axis), axis)
    return before * behind


def _behind(number: int, x: Tensor, axis: int) -> Tensor:
    """A number and then the entries along an axis, without the last."""
    n = shape_list(x)[axis]
    some = window(x, 0, minimum(n, 1), 1, axes=(axis,), index=())
    first = broadcast_like(as_tensor(np.full((), number, x.dtype)), some)
    rest = window(x, 0, maximum(n - 1, 0), 1, axes=(axis,), index=())
    joined = join(first, rest, axis=axis)
    if joined.broadcastable == x.broadcastable:
        return joined
    return OP_RESHAPE.make((joined, *shape_list(x)), {"broadcastable": x.broadcastable})
