"""Reduction primitives; the functions with ``axis`` and ``keepdims`` are in composites."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import ALL, BOOL, FLOATING, NUMERIC, REAL
from ..node import Tensor, TensorLike, as_tensor
from ._array_api import as_dtype, ordered, top
from ._declare import declare
from ._families import REDUCTION
from .creation import as_size

R = REDUCTION
Axes = tuple[int, ...]


def _reference(function: str) -> Any:
    def reference(xp: Any, x: Any, axes: Axes) -> Any:
        return getattr(xp, function)(x, axis=axes)

    return reference


def _reference_extreme(function: str) -> Any:
    def reference(xp: Any, x: Any, axes: Axes) -> Any:
        return as_dtype(xp, getattr(xp, function)(ordered(xp, x), axis=axes), x.dtype)

    return reference


def _reference_position(function: str) -> Any:
    def reference(xp: Any, x: Any, axes: Axes) -> Any:
        return getattr(xp, function)(_flat_last(xp, ordered(xp, x), axes), axis=-1)

    return reference


def _flat_last(xp: Any, x: Any, axes: Axes) -> Any:
    kept = [i for i in range(x.ndim) if i not in axes]
    moved = xp.permute_dims(x, (*kept, *axes))
    count = math.prod(x.shape[axis] for axis in axes)
    return xp.reshape(moved, (*[x.shape[i] for i in kept], count))


def reference_sum(xp: Any, x: Any, axes: Axes, keepdims: bool = False) -> Any:
    """Pairwise along all the axes together: NumPy adds pairwise only along a contiguous axis,
    elsewhere one after the other."""
    rows = _flat_last(xp, x, axes)
    rows = xp.reshape(xp.reshape(rows, (math.prod(rows.shape),)), rows.shape)  # contiguous
    flat = xp.sum(rows, axis=-1, dtype=x.dtype)
    if not keepdims:
        return flat
    return xp.reshape(flat, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


@declare(R, accepts=NUMERIC, rule="sum", reference=reference_sum, c="sum")
def reduce_sum(x: TensorLike, *, axes: Axes) -> Tensor:
    """The sum over axes. Floats are summed pairwise: the error grows with log n."""


@declare(
    R,
    accepts=NUMERIC,
    rule="sum",
    domain=(0.5, 1.5),
    reference=lambda xp, x, axes: xp.prod(x, axis=axes, dtype=x.dtype),
    c="prod",
)
def reduce_prod(x: TensorLike, *, axes: Axes) -> Tensor:
    """The product over axes."""


@declare(R, accepts=BOOL + REAL, reference=_reference_extreme("max"), c="max")
def reduce_max(x: TensorLike, *, axes: Axes) -> Tensor:
    """The largest value over axes; NaN if there is one. An empty axis is refused."""


@declare(
    R,
    accepts=FLOATING,
    rule="sum",
    reference=top,
    c="max",
)
def reduce_top(x: TensorLike, *, axes: Axes) -> Tensor:
    """The largest value over axes; NaN if there is one, minus infinity over an empty axis."""


@declare(R, accepts=BOOL + REAL, reference=_reference_extreme("min"), c="min")
def reduce_min(x: TensorLike, *, axes: Axes) -> Tensor:
    """The smallest value over axes; NaN if there is one. An empty axis is refused."""


@declare(R, accepts=ALL, rule="bool", reference=_reference("any"), c="any")
def reduce_any(x: TensorLike, *, axes: Axes) -> Tensor:
    """Whether any value over axes is true (not zero)."""


@declare(R, accepts=ALL, rule="bool", reference=_reference("all"), c="all")
def reduce_all(x: TensorLike, *, axes: Axes) -> Tensor:
    """Whether all values over axes are true (not zero)."""


@declare(
    R,
    accepts=BOOL + REAL,
    rule="index",
    reference=_reference_position("argmax"),
    c="argmax",
    differentiable=False,
)
def reduce_argmax(x: TensorLike, *, axes: Axes) -> Tensor:
    """The position of the first largest value over axes (in C order), NaN counting largest."""


@declare(
    R,
    accepts=BOOL + REAL,
    rule="index",
    reference=_reference_position("argmin"),
    c="argmin",
    differentiable=False,
)
def reduce_argmin(x: TensorLike, *, axes: Axes) -> Tensor:
    """The position of the first smallest value over axes (in C order), NaN counting smallest."""


def spread(t: Tensor, x: Tensor, axes: Axes) -> Tensor:
    """``t``, which lacks the axes, broadcast back to the shape of ``x``."""
    from .movement import broadcast_like, dimshuffle

    kept = iter(range(t.ndim))
    pattern = ["x" if i in axes else next(kept) for i in range(x.ndim)]
    return broadcast_like(dimshuffle(t, tuple(pattern)), x)


@reduce_sum.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return spread(g, x, y.attrs["axes"])


@reduce_prod.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    # The product of all others: of those before times that of those behind. Nothing is divided,
    # so that zeros need no care, in second derivatives either.
    from .complexes import conj
    from .cumulative import product_of_others
    from .movement import OP_RESHAPE, dimshuffle, shape_list

    axes = y.attrs["axes"]
    kept = [a for a in range(x.ndim) if a not in axes]
    order = (*kept, *axes)
    moved = dimshuffle(conj(x), order)
    sizes = shape_list(moved)
    count = as_tensor(1)
    for size in sizes[len(kept) :]:
        count = count * size
    flags = (*moved.broadcastable[: len(kept)], False)
    rows = OP_RESHAPE.make((moved, *sizes[: len(kept)], as_size(count, "prod")),
                           {"broadcastable": flags})  # fmt: skip
    others = product_of_others(rows, len(kept))
    back = OP_RESHAPE.make((others, *sizes), {"broadcastable": moved.broadcastable})
    share = dimshuffle(back, tuple(order.index(a) for a in range(x.ndim)))
    return spread(g, x, axes) * share


def _first_extreme(g: Tensor, y: Tensor, x: Tensor) -> Any:
    # All positions that attain the extreme receive the gradient, as in Theano.
    from .logic import eq, switch

    axes = y.attrs["axes"]
    extreme = spread(y, x, axes)
    # A NaN equals nothing: it must not leave zeros, which would hide it.
    missed = switch(eq(extreme, extreme), 0, extreme)
    return switch(eq(extreme, x), spread(g, x, axes), missed)


reduce_max.gradient(_first_extreme)
reduce_top.gradient(_first_extreme)
reduce_min.gradient(_first_extreme)
for _op in (reduce_any, reduce_all, reduce_argmax, reduce_argmin):
    _op.gradient(lambda g, y, x: None)
