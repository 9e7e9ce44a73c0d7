"""Pieces from which gradients of matrix ops are put together, over the last two axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..node import Tensor, TensorLike, as_tensor
from .complexes import conj
from .contraction import contract
from .creation import as_size, iota
from .elementwise import cast_to
from .logic import eq, ge, gt, minimum, switch
from .movement import broadcast_to, dimshuffle, join, shape_list, window
from .reduction import reduce_sum


def transposed(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    lead = tuple(range(x.ndim - 2))
    return dimshuffle(x, (*lead, x.ndim - 1, x.ndim - 2))


def adjoint(x: Tensor) -> Tensor:
    """The last two axes exchanged, conjugated."""
    return conj(transposed(x))


def product(x: Tensor, y: Tensor) -> Tensor:
    """Products of matrices; batch axes of known size 1 stretch."""
    lead = x.ndim - 2
    x, y = _stretched(x, y, lead), _stretched(y, x, lead)
    batch = tuple(range(lead))
    return contract(
        x, y, a=(*batch, lead, lead + 1), b=(*batch, lead + 1, lead + 2),
        out=(*batch, lead, lead + 2),
    )  # fmt: skip


def _stretched(x: Tensor, other: Tensor, lead: int) -> Tensor:
    ours, theirs = x.broadcastable, other.broadcastable
    if all(theirs[a] or not ours[a] for a in range(lead)):
        return x
    sizes = (*_longer(x, other, lead), *shape_list(x)[lead:])
    flags = (*(ours[a] and theirs[a] for a in range(lead)), *ours[lead:])
    return broadcast_to.make((x, *sizes), {"broadcastable": flags})


def _longer(x: Tensor, other: Tensor, lead: int) -> list[Tensor]:
    mine, theirs = shape_list(x), shape_list(other)
    return [theirs[a] if x.broadcastable[a] else mine[a] for a in range(lead)]


def column(x: Tensor) -> Tensor:
    """A new last axis of size 1."""
    return dimshuffle(x, (*range(x.ndim), "x"))


def row(x: Tensor) -> Tensor:
    """A new second last axis of size 1."""
    return dimshuffle(x, (*range(x.ndim - 1), "x", x.ndim - 1))


def entry(x: Tensor, number: int) -> Tensor:
    """One entry along the last axis."""
    some = window(x, number, 1, 1, axes=(x.ndim - 1,), index=(x.ndim - 1,))
    return dimshuffle(some, tuple(range(x.ndim - 1)))


def rows(x: Tensor, start: Any, count: Any) -> Tensor:
    """``count`` rows from ``start`` on."""
    return window(x, start, count, 1, axes=(x.ndim - 2,), index=())


def columns(x: Tensor, start: Any, count: Any) -> Tensor:
    """``count`` columns from ``start`` on."""
    return window(x, start, count, 1, axes=(x.ndim - 1,), index=())


def first_row(x: Tensor) -> Tensor:
    """The first row, without its axis."""
    return dimshuffle(rows(x, 0, 1), (*range(x.ndim - 2), x.ndim - 1))


def sizes(x: Tensor) -> tuple[Tensor, Tensor]:
    """How many rows and columns there are."""
    found = shape_list(x)
    return found[-2], found[-1]


def smaller(x: Tensor) -> Tensor:
    """The smaller of the numbers of rows and columns."""
    return minimum(*sizes(x))


def corner(x: Tensor, like: Tensor) -> Tensor:
    """The upper right block of the size of another matrix."""
    n, m = sizes(like)
    return columns(rows(x, 0, n), m, m)


def side_by_side(x: Tensor, y: Tensor) -> Tensor:
    """Two matrices with as many rows as one."""
    return join(*_alike(x, y), axis=x.ndim - 1)


def rows_below(x: Tensor, y: Tensor) -> Tensor:
    """Two matrices with as many columns as one, the second below the first."""
    return join(*_alike(x, y), axis=x.ndim - 2)


def _alike(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    lead = x.ndim - 2
    return _stretched(x, y, lead), _stretched(y, x, lead)


def zero(dtype: str) -> Tensor:
    """The number 0."""
    return as_tensor(np.zeros((), dtype))


def _counters(x: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of the rows as a column, those of the columns as a row."""
    n, m = sizes(x)
    return dimshuffle(iota(n), (0, "x")), dimshuffle(iota(m), ("x", 0))


def triangle(x: Tensor, lower: bool = True, strict: bool = False) -> Tensor:
    """Zeros outside a triangle; ``strict`` leaves out the diagonal too."""
    i, j = _counters(x)
    below, above = (i, j) if lower else (j, i)
    kept = gt(below, above) if strict else ge(below, above)
    return switch(kept, x, zero(x.dtype))


def on_diagonal(x: Tensor) -> Tensor:
    """Where the main diagonal is."""
    return eq(*_counters(x))


def diagonal(x: Tensor) -> Tensor:
    """The entries of the main diagonals of square matrices."""
    return reduce_sum(switch(on_diagonal(x), x, zero(x.dtype)), axes=(x.ndim - 1,))


def diagonal_matrix(v: Tensor) -> Tensor:
    """Matrices with the vectors of the last axis on their diagonals."""
    n = shape_list(v)[-1]
    i, j = iota(n), iota(n)
    on = eq(dimshuffle(i, (0, "x")), dimshuffle(j, ("x", 0)))
    return switch(on, column(v), zero(v.dtype))


def identity(n: TensorLike, dtype: str) -> Tensor:
    """The identity matrix."""
    counter = iota(as_size(n, "identity"))
    return cast_to(eq(dimshuffle(counter, (0, "x")), dimshuffle(counter, ("x", 0))), dtype)


def differences(v: Tensor) -> Tensor:
    """``1 / (v[j] - v[i])`` in row i and column j; 0 where the two are equal."""
    return inverse_or_zero(row(v) - column(v))


def inverse_or_zero(x: Tensor) -> Tensor:
    """The reciprocal; 0 of 0, also in derivatives."""
    none, one = eq(x, zero(x.dtype)), as_tensor(np.ones((), x.dtype))
    return switch(none, zero(x.dtype), one / switch(none, one, x))


def real_dtype(x: Tensor) -> str:
    """The dtype of the parts of ``x``."""
    return dtypes.real_part(x.dtype)
