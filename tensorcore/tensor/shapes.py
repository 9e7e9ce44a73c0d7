"""Functions that arrange entries: shapes, axes, joins, parts, repetition, diagonals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops._families import normalize_axes
from ..ops.creation import as_size, iota
from ..ops.elementwise import abs_, cast_to, mod
from ..ops.indexing import gather
from ..ops.logic import ge, maximum, minimum, switch
from ..ops.movement import (
    OP_RESHAPE,
    broadcast_to,
    dimshuffle,
    join,
    known_one,
    reshape_to,
    shape_list,
)
from .indexing import known_entries, set_subtensor
from .reductions import count, cumsum

__all__ = [
    "addbroadcast", "atleast_1d", "atleast_2d", "atleast_3d", "concatenate", "diagonal",
    "expand_dims", "flatten", "flip", "fliplr", "flipud", "horizontal_stack", "hstack", "moveaxis",
    "pad", "patternbroadcast", "ravel", "repeat", "reshape", "roll", "rollaxis", "rot90",
    "shape_padaxis", "shape_padleft", "shape_padright", "specify_shape", "split", "squeeze",
    "stack", "swapaxes", "tile", "transpose", "unbroadcast", "vertical_stack", "vstack",
]  # fmt: skip


def size_list(sizes: Any) -> list[Tensor]:
    """Sizes given as numbers, tensors, a sequence of them or a shape vector."""
    if isinstance(sizes, Tensor):
        if sizes.ndim == 0:
            return [as_size(sizes, "shape")]
        entries = known_entries(sizes)
        if entries is not None:
            return [as_size(e, "shape") for e in entries]
        raise TypeError(
            "a shape given as one symbolic vector has an unknown number of axes; give ndim=, or "
            "a list of sizes."
        )
    if isinstance(sizes, (int, np.integer)):
        return [as_size(sizes, "shape")]
    if not isinstance(sizes, (tuple, list, np.ndarray)):
        raise TypeError(
            f"a shape is a list of integers, of symbolic integers, or x.shape; found {sizes!r}."
        )
    return [as_size(s, "shape") for s in sizes]


def _number(size: Tensor) -> int | None:
    """The value of a size that is a constant."""
    return int(size.attrs["value"]) if is_constant(size) else None


def _whole(number: Any, what: str) -> int:
    """A Python integer that is not negative; raises TypeError or ValueError."""
    if not isinstance(number, (int, np.integer)):
        raise TypeError(f"{what} must be an integer, found {number!r}.")
    if number < 0:
        raise ValueError(f"{what} must not be negative, found {number}.")
    return int(number)


def reshape(x: TensorLike, newshape: Any, ndim: int | None = None) -> Tensor:
    """``x`` under another shape, in C order. One size may be -1: it is what remains.

    ``newshape``: sizes, or one symbolic vector; then ``ndim`` says how many entries it has.
    Raises ShapeError when built or at the call if the number of elements differs.
    """
    x = as_tensor(x)
    if isinstance(newshape, Tensor) and newshape.ndim == 1 and ndim is not None:
        newshape = known_entries(newshape) or [newshape[i] for i in range(ndim)]
    sizes = size_list(newshape)
    if ndim is not None and ndim != len(sizes):
        raise ShapeError(f"reshape: ndim={ndim} but {len(sizes)} sizes.")
    unknown = [i for i, s in enumerate(sizes) if _number(s) == -1]
    if len(unknown) > 1:
        raise ShapeError("reshape: only one size may be -1.")
    if unknown:
        known = as_size(1, "reshape")
        for i, size in enumerate(sizes):
            known = known if i in unknown else known * size
        sizes[unknown[0]] = count(x) // known
    return reshape_to(x, *sizes)


def flatten(x: TensorLike, ndim: int = 1) -> Tensor:
    """``x`` with its last axes merged so that ``ndim`` axes remain."""
    x = as_tensor(x)
    if not 1 <= _whole(ndim, "flatten: ndim") <= (x.ndim or 1):
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
    (a,), (b,) = (normalize_axes(axis, x.ndim, "swapaxes") for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return dimshuffle(x, tuple(order))


def moveaxis(x: TensorLike, source: Any, destination: Any) -> Tensor:
    """``x`` with some axes moved to other places; the rest keep their order."""
    x = as_tensor(x)
    wanted = [[a] if isinstance(a, int) else list(a) for a in (source, destination)]
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
    (axis,) = normalize_axes(axis, x.ndim, "rollaxis")
    start = start + x.ndim if start < 0 else start
    if not 0 <= start <= x.ndim:
        raise ShapeError(f"rollaxis: there is no place {start} among {x.ndim} axes.")
    return moveaxis(x, axis, start - 1 if axis < start else start)


def shape_padleft(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the left."""
    x = as_tensor(x)
    return dimshuffle(x, ("x",) * _whole(n_ones, "shape_padleft: n_ones") + tuple(range(x.ndim)))


def shape_padright(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the right."""
    x = as_tensor(x)
    return dimshuffle(x, tuple(range(x.ndim)) + ("x",) * _whole(n_ones, "shape_padright: n_ones"))


def expand_dims(x: TensorLike, axis: int) -> Tensor:
    """``x`` with a new axis of size 1, which is axis ``axis`` of the result."""
    x = as_tensor(x)
    (axis,) = normalize_axes(axis, x.ndim + 1, "expand_dims")
    order: list[Any] = list(range(x.ndim))
    return dimshuffle(x, (*order[:axis], "x", *order[axis:]))


shape_padaxis = expand_dims


def _at_least(x: TensorLike, ndim: int) -> Tensor:
    x = as_tensor(x)
    return x if x.ndim >= ndim else shape_padleft(x, ndim - x.ndim)


def atleast_1d(x: TensorLike) -> Tensor:
    """``x``, a scalar as a vector of one entry."""
    return _at_least(x, 1)


def atleast_2d(x: TensorLike) -> Tensor:
    """``x`` with axes of size 1 added at the left until it has two."""
    return _at_least(x, 2)


def atleast_3d(x: TensorLike) -> Tensor:
    """``x`` with at least three axes, added where NumPy adds them: (n,) becomes (1, n, 1) and
    (m, n) becomes (m, n, 1)."""
    x = _at_least(x, 2)
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
    if len(broadcastable) != x.ndim:
        raise ShapeError(
            f"patternbroadcast: {len(broadcastable)} flags for a tensor with {x.ndim} axes."
        )
    return _with_flags(x, [bool(f) for f in broadcastable])


def specify_shape(x: TensorLike, shape: Any) -> Tensor:
    """``x``, with its shape checked at the call; an entry ``None`` is not checked."""
    x = as_tensor(x)
    given = list(shape) if isinstance(shape, (list, tuple)) else size_list(shape)
    if len(given) != x.ndim:
        raise ShapeError(f"specify_shape: {len(given)} sizes for a tensor with {x.ndim} axes.")
    sizes = [own if s is None else as_size(s, "specify_shape")
             for s, own in zip(given, shape_list(x), strict=True)]  # fmt: skip
    flags = tuple(f or known_one(s) for f, s in zip(x.broadcastable, sizes, strict=True))
    lead = [as_size(1, "specify_shape")]  # a new axis: then each of the others is compared
    wide = broadcast_to.make((x, *lead, *sizes), {"broadcastable": (True, *flags)})
    return dimshuffle(wide, tuple(range(1, x.ndim + 1)))


# -- joins and parts ------------------------------------------------------------------------


def concatenate(tensor_list: Any, axis: int = 0) -> Tensor:
    """The tensors side by side along an axis that they have. Raises ShapeError."""
    parts = _listed(tensor_list, "concatenate")
    (axis,) = normalize_axes(axis, sorted(p.ndim for p in parts)[-1], "concatenate")
    return join(*parts, axis=axis)


def _listed(tensors: Any, what: str) -> list[Tensor]:
    """The tensors of a list that is not empty; raises TypeError or ValueError."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Iterable):
        found = "one tensor" if isinstance(tensors, Tensor) else repr(tensors)
        raise TypeError(f"{what} takes a list of tensors, found {found}.")
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ValueError(f"{what} needs at least one tensor, found an empty list.")
    return parts


def stack(*tensors: Any, axis: int = 0) -> Tensor:
    """The tensors (a list of them, or one by one) side by side along a new axis."""
    listed: Any = tensors[0] if len(tensors) == 1 else tensors
    if len(tensors) == 2 and isinstance(tensors[0], (list, tuple)) and isinstance(tensors[1], int):
        listed, axis = tensors  # stack(list, axis)
    parts = _listed(listed, "stack")
    ndims = {p.ndim for p in parts}
    if len(ndims) > 1:
        raise ShapeError(
            f"stack: all parts need the same number of dimensions, found {sorted(ndims)}."
        )
    (axis,) = normalize_axes(axis, parts[0].ndim + 1, "stack")
    return join(*(expand_dims(p, axis) for p in parts), axis=axis)


def horizontal_stack(*args: TensorLike) -> Tensor:
    """Matrices side by side along their columns."""
    return concatenate(args, axis=1)


def vertical_stack(*args: TensorLike) -> Tensor:
    """Matrices one below the other."""
    return concatenate(args, axis=0)


def hstack(tensors: Sequence[TensorLike]) -> Tensor:
    """Joined along the second axis, vectors along the first, as in NumPy."""
    parts = [atleast_1d(t) for t in tensors]
    return concatenate(parts, axis=0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[TensorLike]) -> Tensor:
    """Joined along the first axis, vectors as rows, as in NumPy."""
    return concatenate([atleast_2d(t) for t in tensors], axis=0)


def split(
    x: TensorLike, splits_size: Any, n_splits: int | None = None, axis: int = 0
) -> list[Tensor]:
    """Parts of ``x`` along an axis; ``splits_size`` are their lengths, which must add up.

    A symbolic vector of lengths needs ``n_splits``. One number divides the axis into that many
    equal parts, as in NumPy.
    """
    x = as_tensor(x)
    (axis,) = normalize_axes(axis, x.ndim, "split")
    whole = shape_list(x)[axis]
    if isinstance(splits_size, int):
        n_splits = splits_size
        length = whole // n_splits
        lengths = [length] * n_splits
    elif isinstance(splits_size, Tensor) and known_entries(splits_size) is None:
        if n_splits is None:
            raise TypeError("split: the number of parts must be a number; give n_splits=.")
        lengths = [as_size(splits_size[i], "split") for i in range(n_splits)]
    else:
        lengths = size_list(splits_size)
    if n_splits is not None and n_splits != len(lengths):
        raise ShapeError(f"split: n_splits={n_splits} but {len(lengths)} lengths.")
    total = as_size(0, "split")
    for length in lengths:
        total = total + length
    x = specify_shape(x, [total if a == axis else None for a in range(x.ndim)])
    before: tuple[Any, ...] = (slice(None),) * axis
    start: TensorLike = 0
    parts = []
    for length in lengths:
        parts.append(x[(*before, slice(start, start + length))])
        start = start + length
    return parts


# -- repetition and order -------------------------------------------------------------------


def repeat(x: TensorLike, repeats: TensorLike, axis: int | None = None) -> Tensor:
    """Each entry along ``axis`` repeated: all the same number of times, or each its own.

    Without ``axis``, ``x`` is flattened. ``repeats``: an integer, or a vector of integers.
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    (axis,) = normalize_axes(axis, x.ndim, "repeat")
    n = as_tensor(repeats)
    if n.ndim > 1 or not n.dtype.startswith(("int", "uint")):
        raise TypeError(f"repeat: expected an integer or a vector of integers, found {n.type!r}.")
    sizes = list(shape_list(x))
    if n.ndim == 0:
        times = as_size(n, "repeat")
        wide = expand_dims(x, axis + 1)
        full = [*sizes[: axis + 1], times, *sizes[axis + 1 :]]
        flags = [*x.broadcastable[: axis + 1], known_one(times), *x.broadcastable[axis + 1 :]]
        spread = broadcast_to.make((wide, *full), {"broadcastable": tuple(flags)})
        sizes[axis] = sizes[axis] * times
        return reshape_to(spread, *sizes)
    # Each end but the last starts a new source entry; counting the starts numbers the copies.
    n = specify_shape(cast_to(n, "int64"), (sizes[axis],))
    ends = cumsum(n)
    total = n.sum()
    starts = broadcast_to(as_size(0, "repeat"), total + 1)
    from .indexing import inc_subtensor

    numbers = cumsum(inc_subtensor(starts[ends], 1))[:-1]
    return x[(*(slice(None),) * axis, numbers)]


def tile(x: TensorLike, reps: Any, ndim: int | None = None) -> Tensor:
    """``x`` repeated as a whole, ``reps`` times along each axis; axes that either lacks count as
    size or number 1 at the left, as in NumPy."""
    x = as_tensor(x)
    times = size_list(reps)
    if ndim is not None:
        times = [as_size(1, "tile")] * (ndim - len(times)) + times
    x = _at_least(x, len(times))
    times = [as_size(1, "tile")] * (x.ndim - len(times)) + times
    pattern = tuple(p for a in range(x.ndim) for p in ("x", a))
    flags: list[bool] = []
    full: list[Tensor] = []
    for t, size, known in zip(times, shape_list(x), x.broadcastable, strict=True):
        flags += [known_one(t), known]
        full += [t, size]
    spread = broadcast_to.make((dimshuffle(x, pattern), *full), {"broadcastable": tuple(flags)})
    sizes = [t * size for t, size in zip(times, shape_list(x), strict=True)]
    return reshape_to(spread, *sizes)


def flip(x: TensorLike, axis: Any = None) -> Tensor:
    """``x`` with the order of the entries turned round along ``axis``: all axes by default."""
    x = as_tensor(x)
    turned = normalize_axes(axis, x.ndim, "flip")
    return x[tuple(slice(None, None, -1) if a in turned else slice(None) for a in range(x.ndim))]


def flipud(x: TensorLike) -> Tensor:
    """``x`` turned round along its first axis."""
    return flip(x, 0)


def fliplr(x: TensorLike) -> Tensor:
    """``x`` turned round along its second axis."""
    return flip(x, 1)


def rot90(x: TensorLike, k: int = 1) -> Tensor:
    """A matrix (or the first two axes) turned by ``k`` quarters, from the first to the second."""
    x = as_tensor(x)
    k %= 4
    if k in (1, 3):
        turned = swapaxes(x, 0, 1)
        return flip(turned, 0 if k == 1 else 1)
    return flip(x, (0, 1)) if k == 2 else x


def roll(x: TensorLike, shift: TensorLike, axis: int | None = None) -> Tensor:
    """The entries moved on by ``shift`` places along ``axis``; what leaves at the end comes back
    at the start. Without ``axis``, ``x`` is flattened for it."""
    x = as_tensor(x)
    if axis is None:
        return reshape_to(roll(ravel(x), shift, 0), *shape_list(x))
    (axis,) = normalize_axes(axis, x.ndim, "roll")
    n = shape_list(x)[axis]
    first = n - mod(as_size(shift, "roll"), n)
    before: tuple[Any, ...] = (slice(None),) * axis
    return join(x[(*before, slice(first, None))], x[(*before, slice(None, first))], axis=axis)


_PADDINGS = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(
    x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: TensorLike = 0
) -> Tensor:
    """``x`` with entries added around it, as in NumPy.

    ``pad_width``: one number, a pair for all axes, or a pair per axis; of numbers or integer
    scalars. ``mode``: ``constant`` (``constant_values``), ``edge``, ``reflect``, ``symmetric`` or
    ``wrap``.
    """
    x = as_tensor(x)
    if mode not in _PADDINGS:
        raise ValueError(f"pad: mode is one of {', '.join(_PADDINGS)}; found {mode!r}.")
    pairs = _pairs(pad_width, x.ndim)
    if mode == "constant":
        sizes = [n + b + a for n, (b, a) in zip(shape_list(x), pairs, strict=True)]
        frame = broadcast_to(cast_to(as_tensor(constant_values), x.dtype), *sizes)
        inside = tuple(slice(b, b + n) for n, (b, _) in zip(shape_list(x), pairs, strict=True))
        return set_subtensor(frame[inside], x)
    for axis, (before, after) in enumerate(pairs):
        if (_number(before), _number(after)) == (0, 0):
            continue
        n = shape_list(x)[axis]
        place = iota(before + n + after) - before
        x = x[(*(slice(None),) * axis, _mirrored(place, n, mode))]
    return x


def _pairs(width: Any, ndim: int) -> list[tuple[Tensor, Tensor]]:
    if isinstance(width, (int, np.integer, Tensor)):
        width = (width, width)
    listed = list(width)
    if listed and not isinstance(listed[0], (list, tuple, np.ndarray)):
        listed = [listed * (2 if len(listed) == 1 else 1)] * ndim
    elif len(listed) == 1:
        listed = listed * ndim
    if len(listed) != ndim or any(len(pair) != 2 for pair in listed):
        raise ShapeError(f"pad: expected a pair per axis ({ndim}), found {width!r}.")
    return [(as_size(b, "pad"), as_size(a, "pad")) for b, a in listed]


def _mirrored(place: Tensor, n: Tensor, mode: str) -> Tensor:
    """Where an entry at ``place``, which may lie outside 0 to n - 1, is read from."""
    if mode == "edge":
        return maximum(minimum(place, n - 1), 0)
    if mode == "wrap":
        return mod(place, n)
    if mode == "reflect":
        last = n - 1
        return last - abs_(mod(place, maximum(2 * last, 1)) - last)
    folded = mod(place, 2 * n)
    return switch(ge(folded, n), 2 * n - 1 - folded, folded)


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
    (first,), (second,) = (normalize_axes(a, x.ndim, "diagonal") for a in (axis1, axis2))
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
