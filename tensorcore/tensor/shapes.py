"""Functions of shapes and axes, and diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops._families import normalize_axes
from ..ops.creation import as_size, iota
from ..ops.indexing import gather
from ..ops.logic import maximum, minimum
from ..ops.movement import (
    OP_RESHAPE,
    broadcast_to,
    dimshuffle,
    known_one,
    reshape_to,
    shape_list,
)
from ..ops.subtensor import Slice
from .checks import integer, one_axis, whole
from .indexing import known_entries
from .reductions import count

__all__ = [
    "addbroadcast", "atleast_1d", "atleast_2d", "atleast_3d", "diagonal", "expand_dims",
    "flatten", "moveaxis", "patternbroadcast", "ravel", "reshape", "rollaxis", "shape_padaxis",
    "shape_padleft", "shape_padright", "specify_shape", "squeeze", "swapaxes", "transpose",
    "unbroadcast",
]  # fmt: skip


def size_list(sizes: Any, what: str = "shape") -> list[Tensor]:
    """Sizes given as numbers, tensors, a sequence of them or a shape vector."""
    if isinstance(sizes, Tensor):
        if sizes.ndim == 0:
            return [as_size(sizes, what)]
        entries = known_entries(sizes)
        if entries is not None:
            return [as_size(e, what) for e in entries]
        raise TypeError(
            f"{what}: a shape given as one symbolic vector has an unknown number of axes; give "
            f"ndim=, or a list of sizes."
        )
    if isinstance(sizes, (int, np.integer)):
        return [as_size(sizes, what)]
    if not isinstance(sizes, (tuple, list, np.ndarray)):
        raise TypeError(
            f"{what}: a shape is a list of integers, of symbolic integers, or x.shape; "
            f"found {sizes!r}."
        )
    return [as_size(s, what) for s in sizes]


def number_of(size: Tensor) -> int | None:
    """The value of a size that is a constant."""
    return int(size.attrs["value"]) if is_constant(size) else None


def known_length(x: Tensor) -> int | None:
    """How many entries a vector has, if that is known without a call: of a shape, a constant, a
    join of such, or a slice of one by numbers."""
    if x.ndim != 1 or x.op is None:
        return 1 if x.ndim == 1 and x.broadcastable[0] else None
    if is_constant(x):
        return len(x.attrs["value"])
    if x.op.name == "shape":
        return x.inputs[0].ndim
    if x.op.name == "subtensor" and len(x.attrs["index"]) == 1 and x.inputs[0].ndim == 1:
        parts, whole = x.attrs["index"][0], known_length(x.inputs[0])
        fixed = isinstance(parts, Slice) and all(isinstance(n, int | None) for n in parts)
        return len(range(whole)[slice(*parts)]) if fixed and whole is not None else None
    if x.op.name in ("join", "stack"):
        lengths = [known_length(i) if i.ndim else 1 for i in x.inputs]
        return None if None in lengths else sum(n for n in lengths if n is not None)
    return 1 if x.broadcastable[0] else None


def reshape(x: TensorLike, newshape: Any, ndim: int | None = None) -> Tensor:
    """``x`` under another shape, in C order. One size may be -1: it is what remains.

    ``newshape``: sizes, or one symbolic vector; then ``ndim`` says how many entries it has.
    Raises ShapeError when built or at the call if the number of elements differs.
    """
    x = as_tensor(x)
    if isinstance(newshape, Tensor) and newshape.ndim == 1 and ndim is not None:
        newshape = known_entries(newshape) or [newshape[i] for i in range(ndim)]
    sizes = size_list(newshape, "reshape")
    if ndim is not None and ndim != len(sizes):
        raise ShapeError(f"reshape: ndim={ndim} but {len(sizes)} sizes.")
    unknown = [i for i, s in enumerate(sizes) if number_of(s) == -1]
    if len(unknown) > 1:
        raise ShapeError("reshape: only one size may be -1.")
    if unknown:
        known = as_size(1, "reshape")
        for i, size in enumerate(sizes):
            known = known if i in unknown else known * size
        sizes[unknown[0]] = count(x) // known
    return reshape_to(x, *sizes)


def flatten(x: TensorLike, ndim: int = 1, outdim: int | None = None) -> Tensor:
    """``x`` with its last axes merged so that ``ndim`` axes remain; ``outdim`` is an older name
    of ``ndim``, and goes before it."""
    x = as_tensor(x)
    ndim = ndim if outdim is None else outdim
    if not 1 <= whole(ndim, "flatten: ndim") <= (x.ndim or 1):
        raise ShapeError(f"flatten: ndim={ndim} does not fit a tensor with {x.ndim} axes.")
    lead = shape_list(x)[: ndim - 1]
    return reshape_to(x, *lead, count(x, tuple(range(ndim - 1, x.ndim))))


def ravel(x: TensorLike) -> Tensor:
    """All entries of ``x`` as a vector, in C order."""
    return flatten(x, 1)


# -- axes -----------------------------------------------------------------------------------


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """Axes permuted; reversed by default."""
    x = as_tensor(x)
    if axes is None:
        return dimshuffle(x, tuple(reversed(range(x.ndim))))
    listed = normalize_axes(axes, x.ndim, "transpose")
    if len(listed) != x.ndim:
        raise ShapeError(f"transpose: {axes!r} must name each of the {x.ndim} axes once.")
    return dimshuffle(x, tuple(a % x.ndim for a in axes))


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """``x`` with two axes exchanged."""
    x = as_tensor(x)
    a, b = (one_axis(axis, x.ndim, "swapaxes") for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return dimshuffle(x, tuple(order))


def moveaxis(x: TensorLike, source: Any, destination: Any) -> Tensor:
    """``x`` with some axes moved to other places; the rest keep their order."""
    x = as_tensor(x)
    wanted = [list(a) if isinstance(a, (tuple, list)) else [a] for a in (source, destination)]
    if len(wanted[0]) != len(wanted[1]):
        raise ShapeError(f"moveaxis: {len(wanted[0])} axes cannot go to {len(wanted[1])} places.")
    normalize_axes(wanted[0], x.ndim, "moveaxis")
    normalize_axes(wanted[1], x.ndim, "moveaxis")
    placed = {d % x.ndim: s % x.ndim for s, d in zip(*wanted, strict=True)}
    rest = iter(a for a in range(x.ndim) if a not in placed.values())
    return dimshuffle(x, tuple(placed[k] if k in placed else next(rest) for k in range(x.ndim)))


def rollaxis(x: TensorLike, axis: int, start: int = 0) -> Tensor:
    """``x`` with an axis moved back until it stands before axis ``start``."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim, "rollaxis")
    start = integer(start, "rollaxis: start")
    start = start + x.ndim if start < 0 else start
    if not 0 <= start <= x.ndim:
        raise ShapeError(f"rollaxis: there is no place {start} among {x.ndim} axes.")
    return moveaxis(x, axis, start - 1 if axis < start else start)


def shape_padleft(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the left."""
    x = as_tensor(x)
    return dimshuffle(x, ("x",) * whole(n_ones, "shape_padleft: n_ones") + tuple(range(x.ndim)))


def shape_padright(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the right."""
    x = as_tensor(x)
    return dimshuffle(x, tuple(range(x.ndim)) + ("x",) * whole(n_ones, "shape_padright: n_ones"))


def expand_dims(x: TensorLike, axis: int) -> Tensor:
    """``x`` with a new axis of size 1, which is axis ``axis`` of the result."""
    return new_axis(x, axis, "expand_dims")


def shape_padaxis(x: TensorLike, axis: int) -> Tensor:
    """``x`` with a new axis of size 1, which is axis ``axis`` of the result."""
    return new_axis(x, axis, "shape_padaxis")


def new_axis(x: TensorLike, axis: int, what: str) -> Tensor:
    """``expand_dims`` for a function of another name."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim + 1, what, "the result")
    order: list[Any] = list(range(x.ndim))
    return dimshuffle(x, (*order[:axis], "x", *order[axis:]))


def at_least(x: TensorLike, ndim: int) -> Tensor:
    """``x`` with axes of size 1 added at the left until it has ``ndim``."""
    x = as_tensor(x)
    return x if x.ndim >= ndim else shape_padleft(x, ndim - x.ndim)


def atleast_1d(x: TensorLike) -> Tensor:
    """``x``, a scalar as a vector of one entry."""
    return at_least(x, 1)


def atleast_2d(x: TensorLike) -> Tensor:
    """``x`` with axes of size 1 added at the left until it has two."""
    return at_least(x, 2)


def atleast_3d(x: TensorLike) -> Tensor:
    """``x`` with at least three axes, added where NumPy adds them: (n,) becomes (1, n, 1) and
    (m, n) becomes (m, n, 1)."""
    x = at_least(x, 2)
    return x if x.ndim >= 3 else shape_padright(x)


def squeeze(x: TensorLike, axis: Any = None) -> Tensor:
    """``x`` without axes of size 1: those named, or else all that are known to have it.

    A named axis whose size is not known is checked at the call.
    """
    x = as_tensor(x)
    if axis is None:
        gone = tuple(a for a, known in enumerate(x.broadcastable) if known)
    else:
        gone = normalize_axes(axis, x.ndim, "squeeze")
        x = addbroadcast(x, *(a for a in gone if not x.broadcastable[a]))
    return dimshuffle(x, tuple(a for a in range(x.ndim) if a not in gone))


def _with_flags(x: Tensor, flags: Sequence[bool]) -> Tensor:
    if x.broadcastable == tuple(flags):
        return x
    one = as_size(1, "broadcastable")
    sizes = [one if f else s for f, s in zip(flags, shape_list(x), strict=True)]
    return OP_RESHAPE.make((x, *sizes), {"broadcastable": tuple(flags)})


def addbroadcast(x: TensorLike, *axes: int) -> Tensor:
    """``x`` with some axes declared to have size 1, which is checked at the call."""
    x = as_tensor(x)
    chosen = normalize_axes(axes, x.ndim, "addbroadcast")
    return _with_flags(x, [f or a in chosen for a, f in enumerate(x.broadcastable)])


def unbroadcast(x: TensorLike, *axes: int) -> Tensor:
    """``x`` with some axes no longer declared to have size 1: they do not stretch."""
    x = as_tensor(x)
    chosen = normalize_axes(axes, x.ndim, "unbroadcast")
    return _with_flags(x, [f and a not in chosen for a, f in enumerate(x.broadcastable)])


def patternbroadcast(x: TensorLike, broadcastable: Sequence[bool]) -> Tensor:
    """``x`` with exactly these axes declared to have size 1."""
    x = as_tensor(x)
    if not isinstance(broadcastable, (tuple, list)):
        raise TypeError(
            f"patternbroadcast: expected one bool per axis, found {broadcastable!r:.60}."
        )
    if len(broadcastable) != x.ndim:
        raise ShapeError(
            f"patternbroadcast: {len(broadcastable)} flags for a tensor with {x.ndim} axes."
        )
    return _with_flags(x, [bool(f) for f in broadcastable])


def specify_shape(x: TensorLike, shape: Any) -> Tensor:
    """``x``, with its shape checked at the call; an entry ``None`` is not checked."""
    x = as_tensor(x)
    given = list(shape) if isinstance(shape, (list, tuple)) else size_list(shape, "specify_shape")
    if len(given) != x.ndim:
        raise ShapeError(f"specify_shape: {len(given)} sizes for a tensor with {x.ndim} axes.")
    sizes = [own if s is None else as_size(s, "specify_shape")
             for s, own in zip(given, shape_list(x), strict=True)]  # fmt: skip
    flags = tuple(f or known_one(s) for f, s in zip(x.broadcastable, sizes, strict=True))
    lead = [as_size(1, "specify_shape")]  # a new axis: then each of the others is compared
    wide = broadcast_to.make((x, *lead, *sizes), {"broadcastable": (True, *flags)})
    return dimshuffle(wide, tuple(range(1, x.ndim + 1)))


# -- diagonals ------------------------------------------------------------------------------


def diagonal(
    x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1, *, square: bool = False
) -> Tensor:
    """The entries on a diagonal of two axes, as the last axis of the result.

    ``offset`` counts diagonals to the right. With ``square`` both axes must have one size.
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: expected at least 2 dimensions, found {x.ndim}.")
    first, second = (one_axis(a, x.ndim, "diagonal") for a in (axis1, axis2))
    offset = integer(offset, "diagonal: the offset")
    if first == second:
        raise ShapeError(f"diagonal: axis1 and axis2 are both {first}.")
    rows, columns = (shape_list(x)[a] for a in (first, second))
    if square:
        x = specify_shape(x, [columns if a == first else None for a in range(x.ndim)])
        length = columns
    else:
        down, right = (-offset, 0) if offset < 0 else (0, offset)
        length = maximum(minimum(rows - down, columns - right), 0)
    place = iota(length)
    rest = tuple(a for a in range(x.ndim) if a not in (first, second))
    down, right = (-offset, 0) if offset < 0 else (0, offset)
    front = gather(dimshuffle(x, (first, second, *rest)), place + down, place + right)
    return dimshuffle(front, (*range(1, front.ndim), 0))
