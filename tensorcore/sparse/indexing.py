"""Parts of sparse matrices, by what SciPy takes as an index: slices, numbers and lists of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tensor as T
from ..errors import OutOfRange, ShapeError
from ..node import Tensor, as_tensor
from .operations import by_rows, csc_from_dense, csr_from_dense, dense_from_sparse
from .variables import SparseVariable


def indexed(x: SparseVariable, index: Any) -> Any:
    """``x[index]``: a sparse matrix of the same format, or of two numbers the entry, dense."""
    parts = index if isinstance(index, tuple) else (index,)
    if len(parts) > 2:
        raise ShapeError(f"{x!r} has two axes, found an index of {len(parts)}: {index!r}.")
    if Ellipsis in [p for p in parts if p is Ellipsis]:
        parts = (slice(None), parts[1]) if len(parts) == 2 and parts[0] is Ellipsis else parts[:1]
    both = [slice(None) if p is Ellipsis else p for p in (*parts, slice(None))[:2]]
    ranks = [_rank(p) for p in both]
    if ranks == [0, 0]:
        return _entry(x, *both)
    if 1 in ranks:
        return _listed(x, both, ranks)
    for axis, part in enumerate(both):
        x = _sliced(x, axis, part)
    return x


def _rank(part: Any) -> int | None:
    """None for a slice, else the number of axes of a place or of places."""
    if isinstance(part, slice):
        return None
    t = as_tensor(part)
    if t.ndim > 1 or not t.dtype.startswith(("int", "uint")):
        raise TypeError(
            f"an index of a sparse matrix is a slice, a whole number or a list of them; found "
            f"{part!r:.60}."
        )
    return t.ndim


def _place(part: Any, size: Tensor) -> Tensor:
    """A place counted from the start."""
    t = T.cast(as_tensor(part), "int64")
    return T.switch(T.lt(t, 0), t + size, t)


def _entry(x: SparseVariable, row: Any, column: Any) -> Tensor:
    rows, columns = x.coordinates()
    i, j = (_place(part, size) for part, size in zip((row, column), x.sizes, strict=True))
    here = T.and_(T.eq(rows, i), T.eq(columns, j))
    return T.sum(T.switch(here, x.data, np.zeros((), x.dtype)), dtype=x.dtype)


def _sliced(x: SparseVariable, axis: int, part: Any) -> SparseVariable:
    """Rows or columns by a slice with a step above 0, or one by its number."""
    size = x.sizes[axis]
    if isinstance(part, slice):
        if part == slice(None):
            return x
        step = 1 if part.step is None else part.step
        if not isinstance(step, (int, np.integer)) or step < 1:
            raise OutOfRange(f"a slice of a sparse matrix has a step above 0, found {step!r}.")
        first = T.clip(_place(0 if part.start is None else part.start, size), 0, size)
        end = size if part.stop is None else T.clip(_place(part.stop, size), 0, size)
        count = T.maximum((end - first + step - 1) // step, 0)
    else:
        first, step, count = _place(part, size), 1, as_tensor(np.int64(1))
    places = list(x.coordinates())
    moved = places[axis] - first
    inside = T.and_(T.ge(moved, 0), T.lt(moved, count * step))
    kept = T.flatnonzero(T.and_(inside, T.eq(moved % step, 0)))
    places[axis] = moved // step
    major, minor = (0, 1) if x.format == "csr" else (1, 0)
    sizes = list(x.sizes)
    sizes[axis] = count
    return by_rows(places[major][kept], places[minor][kept], x.data[kept], sizes, x.format)


def _listed(x: SparseVariable, parts: list[Any], ranks: list[int | None]) -> Any:
    """By lists: of two of them the entries at the pairs, dense."""
    dense = dense_from_sparse(x)
    if None not in ranks:
        return dense[tuple(as_tensor(p) for p in parts)]
    index = tuple(p if isinstance(p, slice) else as_tensor(p) for p in parts)
    return (csr_from_dense if x.format == "csr" else csc_from_dense)(dense[index])
