"""Functions that sort, search, pick and count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops.checked import checked, within
from ..ops.creation import as_size, iota
from ..ops.elementwise import cast, cast_to, mod, mul
from ..ops.indexing import gather
from ..ops.logic import ge, isnan, le, lt, maximum, minimum, neq, switch
from ..ops.movement import broadcast_to, dimshuffle, join, shape_list
from ..ops.rounding import floor
from ..ops.sorting import argsort as _argsort
from .checks import from_to, integers, listed, one_axis, one_of
from .indexing import inc_subtensor, nonzero, set_subtensor
from .joining import stack
from .reductions import any, cumsum, sum
from .shapes import moveaxis, ravel, size_list

__all__ = [
    "argsort", "argtopk", "bincount", "choose", "compress", "extract", "median", "percentile",
    "quantile", "ravel_multi_index", "searchsorted", "sort", "take", "take_along_axis", "topk",
    "topk_and_argtopk", "unique", "unravel_index",
]  # fmt: skip


def _along_last(x: TensorLike, axis: int | None, what: str) -> tuple[Tensor, int]:
    """``x`` with an axis moved to the end, and the axis; without one, ``x`` flattened."""
    x = as_tensor(x)
    if axis is None or x.ndim == 0:
        return ravel(x), 0
    axis = one_axis(axis, x.ndim, what)
    return moveaxis(x, axis, -1), axis


_KINDS = ("stable", "quicksort", "mergesort", "heapsort")


def argsort(
    x: TensorLike, axis: int | None = -1, kind: str = "stable", order: Any = None
) -> Tensor:
    """The int64 positions that sort ``x`` along ``axis`` (None: flattened).

    The sort is stable whatever ``kind`` says; NaN comes last.
    """
    one_of(kind, _KINDS, "argsort: kind")
    moved, axis = _along_last(x, axis, "argsort")
    return moveaxis(_argsort(moved), -1, axis)


def sort(x: TensorLike, axis: int | None = -1, kind: str = "stable", order: Any = None) -> Tensor:
    """``x`` sorted along ``axis`` (None: flattened); NaN comes last. The gradient goes where the
    values came from."""
    one_of(kind, _KINDS, "sort: kind")
    moved, axis = _along_last(x, axis, "sort")
    return moveaxis(take_along_axis(moved, _argsort(moved), -1), -1, axis)


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int = -1) -> Tensor:
    """``x`` at positions along one axis, for each entry of the other axes its own."""
    x, places = as_tensor(x), integers(indices, "take_along_axis: the positions")
    if x.ndim != places.ndim:
        raise ShapeError(
            f"take_along_axis: the positions must have as many dimensions as the tensor, found "
            f"{places.ndim} and {x.ndim}."
        )
    axis = one_axis(axis, x.ndim, "take_along_axis")
    grid: list[Any] = [
        # An axis that is known to have size 1 stretches, and the result knows it too.
        0 if x.broadcastable[k] else dimshuffle(iota(size), _alone(k, x.ndim))
        for k, size in enumerate(shape_list(x))
    ]
    grid[axis] = places
    return gather(x, *grid)


def _alone(k: int, ndim: int) -> tuple[Any, ...]:
    """The pattern that makes of a vector axis ``k`` of so many."""
    return ("x",) * k + (0,) + ("x",) * (ndim - 1 - k)


def topk_and_argtopk(
    x: TensorLike,
    kth: TensorLike,
    axis: int | None = -1,
    sorted: bool = True,
    idx_dtype: Any = "int64",
) -> tuple[Tensor, Tensor]:
    """The ``kth`` largest entries along ``axis``, largest first, and their positions; for a
    negative ``kth`` the smallest, smallest first. More than there are raises NumberError, a
    ValueError, at the call."""
    moved, axis = _along_last(x, axis, "topk")
    k = as_size(kth, "topk")
    order = _argsort(moved)
    n = shape_list(moved)[-1]
    count = switch(lt(k, 0), -k, k)
    few = "{0} entries were asked for, and there are {1}"
    # From the end for the largest: position j is n - 1 - j there and j from the start.
    j = iota(checked(count, le(count, n), count, n, message=few, error="NumberError"))
    place = switch(lt(k, 0), j, n - 1 - j)
    chosen = order[..., place]
    values = take_along_axis(moved, chosen, -1)
    return moveaxis(values, -1, axis), cast_to(
        moveaxis(chosen, -1, axis), dtypes.canonical(idx_dtype)
    )


def topk(x: TensorLike, kth: TensorLike, axis: int | None = -1, sorted: bool = True) -> Tensor:
    """The ``kth`` largest entries along ``axis``, largest first; see ``topk_and_argtopk``."""
    return topk_and_argtopk(x, kth, axis)[0]


def argtopk(x: TensorLike, kth: TensorLike, axis: int | None = -1, sorted: bool = True) -> Tensor:
    """The positions of the ``kth`` largest entries along ``axis``; see ``topk_and_argtopk``."""
    return topk_and_argtopk(x, kth, axis)[1]


# -- quantiles ------------------------------------------------------------------------------


def quantile(x: TensorLike, q: TensorLike, axis: int | None = None) -> Tensor:
    """The values below which the shares ``q`` (0 to 1) of the entries along ``axis`` lie, with
    linear interpolation; NaN where an entry is. The axes of ``q`` come first, as in NumPy."""
    return _quantile(x, from_to(q, 0, 1, "quantile", "q"), axis, "quantile")


def _quantile(x: TensorLike, share: Tensor, axis: int | None, what: str) -> Tensor:
    moved, _ = _along_last(x, axis, what)
    moved = cast_to(
        moved, dtypes.float_result(moved.dtype) if not dtypes.is_float(moved.dtype) else moved.dtype
    )
    ordered = take_along_axis(moved, _argsort(moved), -1)
    n = shape_list(ordered)[-1]
    place = cast(share, "float64") * cast(n - 1, "float64")
    low = cast(floor(place), "int64")
    high = minimum(low + 1, n - 1)
    weight = cast(place - floor(place), ordered.dtype)
    below, above = ordered[..., low], ordered[..., high]
    found = below + (above - below) * weight
    missing = any(isnan(moved), axis=-1)
    missing = dimshuffle(missing, (*range(missing.ndim), *("x",) * share.ndim))
    found = switch(missing, cast(float("nan"), ordered.dtype), found)
    rest = found.ndim - share.ndim
    return dimshuffle(found, (*range(rest, found.ndim), *range(rest)))


def percentile(x: TensorLike, q: TensorLike, axis: int | None = None) -> Tensor:
    """``quantile`` with ``q`` from 0 to 100."""
    given = from_to(q, 0, 100, "percentile", "q")
    if is_constant(given):
        share = as_tensor(np.asarray(given.attrs["value"], "float64") / 100)
    else:
        share = cast(given, "float64") / 100
    return _quantile(x, share, axis, "percentile")


def median(x: TensorLike, axis: int | None = None) -> Tensor:
    """The middle value along ``axis``; of an even number, the mean of the two in the middle."""
    return _quantile(x, as_tensor(0.5), axis, "median")


# -- searching and counting -----------------------------------------------------------------


def searchsorted(
    x: TensorLike, v: TensorLike, side: str = "left", sorter: TensorLike | None = None
) -> Tensor:
    """Where the values ``v`` would go into the ascending vector ``x``, before (``left``) or after
    (``right``) entries that are equal, NaN being the largest; int64. Each is compared with all of
    ``x``."""
    x, values = as_tensor(x), as_tensor(v)
    if x.ndim != 1:
        raise ShapeError(f"searchsorted: expected a vector, found {x.ndim} dimension(s).")
    one_of(side, ("left", "right"), "searchsorted: side")
    if sorter is not None:
        x = x[sorter]
    column = dimshuffle(values, (*range(values.ndim), "x"))
    before = (lt if side == "left" else le)(x, column)
    if dtypes.kind(values.dtype) == "f":  # NaN is sorted last
        last = isnan(column)
        before = before | (last & ~isnan(x) if side == "left" else last)
    return sum(before, axis=-1)


def bincount(
    x: TensorLike, weights: TensorLike | None = None, minlength: TensorLike | None = None,
    assert_nonneg: bool = False,
) -> Tensor:  # fmt: skip
    """How often each number from 0 on stands in the vector ``x`` of natural numbers; or the sums
    of their weights. The result has one entry more than the largest number, at least
    ``minlength``. A negative number raises OutOfRange at the call."""
    x = as_tensor(x)
    if x.ndim != 1 or not x.dtype.startswith(("int", "uint", "bool")):
        raise TypeError(f"bincount: expected a vector of integers, found {x.type!r}.")
    place = cast_to(x, "int64")
    place = checked(place, ge(place, 0), place, message="a number is negative: {0}")
    least = as_size(0 if minlength is None else minlength, "bincount")
    top = join(place, dimshuffle(least - 1, ("x",)), axis=0).max() + 1
    values = as_tensor(1, "int64") if weights is None else cast_to(as_tensor(weights), "float64")
    blank = broadcast_to(cast_to(as_tensor(0), values.dtype), top)
    return inc_subtensor(blank[place], values)


def unique(
    x: TensorLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
) -> Any:
    """The different values of ``x``, ascending; and, as asked for, where each stands first, the
    place of each entry of ``x`` (flattened) among them, and how often each occurs."""
    flat = ravel(x)
    order = _argsort(flat)
    ordered = flat[order]
    n = shape_list(flat)[0]
    changed = neq(ordered[1:], ordered[:-1])
    if dtypes.kind(flat.dtype) == "f":  # one NaN stands for all
        changed = changed & ~(isnan(ordered[1:]) & isnan(ordered[:-1]))
    first = join(broadcast_to(as_tensor(True), minimum(n, 1)), changed, axis=0)
    (starts,) = nonzero(first)
    found = [ordered[starts]]
    if return_index:
        found.append(order[starts])
    if return_inverse:
        place = cumsum(first) - 1
        found.append(set_subtensor((0 * order)[order], place))
    if return_counts:
        ends = join(starts[1:], dimshuffle(n, ("x",))[: shape_list(starts)[0]], axis=0)
        found.append(ends - starts)
    return found[0] if len(found) == 1 else tuple(found)


# -- picking --------------------------------------------------------------------------------

_MODES = ("raise", "wrap", "clip")


def take(
    x: TensorLike, indices: TensorLike, axis: int | None = None, mode: str = "raise"
) -> Tensor:
    """The entries at positions along ``axis`` (None: of ``x`` flattened).

    ``mode`` says what becomes of positions outside: ``raise`` OutOfRange, ``wrap`` or ``clip``.
    """
    one_of(mode, _MODES, "take: mode")
    x, places = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis(axis, x.ndim, "take")
    return x[(*(slice(None),) * axis, _inside(places, shape_list(x)[axis], mode))]


def _inside(places: Tensor, n: Tensor, mode: str) -> Tensor:
    """Positions on an axis of ``n`` entries, those outside brought in as ``mode`` says."""
    if mode == "raise":
        return places
    places = cast_to(places, "int64")
    return mod(places, n) if mode == "wrap" else maximum(minimum(places, n - 1), 0)


def choose(a: TensorLike, choices: Any, mode: str = "raise") -> Tensor:
    """For each entry of the integers ``a``, that of the choice with this number.

    ``choices``: a list of tensors, or a tensor along its first axis; all broadcast with ``a``.
    """
    one_of(mode, _MODES, "choose: mode")
    number = integers(a, "choose: the numbers of the choices")
    if isinstance(choices, Tensor):
        table = choices
    else:
        parts = listed(choices, "choose")
        whole = number * 0
        for p in parts:
            whole = whole + cast_to(p * 0, "int64")
        table = stack([p + cast_to(whole, p.dtype) for p in parts])
        number = number + whole
    places = _inside(number, shape_list(table)[0], mode)
    return take_along_axis(table, dimshuffle(places, ("x", *range(number.ndim))), 0)[0]


def compress(condition: TensorLike, x: TensorLike, axis: int | None = None) -> Tensor:
    """The entries along ``axis`` (None: of ``x`` flattened) where the vector ``condition`` is true;
    it may be shorter than the axis."""
    mask = cast(condition, "bool")
    if mask.ndim != 1:
        raise ShapeError(f"compress: the condition must be a vector, found {mask.type!r}.")
    if axis is not None:
        axis = one_axis(axis, as_tensor(x).ndim, "compress")
    (places,) = nonzero(mask)
    return take(x, places, axis)


def extract(condition: TensorLike, x: TensorLike) -> Tensor:
    """The entries of ``x`` where the condition holds, both flattened."""
    return compress(ravel(condition), ravel(x), 0)


# -- numbers of positions -------------------------------------------------------------------

_PLACE = "a position lies outside: {0}, where there are {1}"


def unravel_index(indices: TensorLike, dims: Any, order: str = "C") -> tuple[Tensor, ...]:
    """The coordinates in a shape of positions counted through it. A position that the shape does
    not have raises OutOfRange at the call."""
    one_of(order, ("C", "F"), "unravel_index: order")
    place = cast_to(integers(indices, "unravel_index: the positions"), "int64")
    sizes = size_list(dims, "unravel_index")
    rest = within(place, reduce(mul, sizes, as_tensor(1, "int64")), _PLACE)
    found = []
    for size in sizes if order == "F" else reversed(sizes):
        found.append(mod(rest, size))
        rest = rest // size
    return tuple(found if order == "F" else reversed(found))


def ravel_multi_index(
    multi_index: Sequence[TensorLike], dims: Any, mode: str = "raise", order: str = "C"
) -> Tensor:
    """The position, counted through a shape, of coordinates (one integer tensor per axis).

    ``mode``: ``wrap`` or ``clip`` bring coordinates inside; with ``raise`` one that is outside
    raises OutOfRange at the call.
    """
    one_of(mode, _MODES, "ravel_multi_index: mode")
    one_of(order, ("C", "F"), "ravel_multi_index: order")
    places = listed(multi_index, "ravel_multi_index")
    sizes, result = size_list(dims, "ravel_multi_index"), as_tensor(0)
    if len(places) != len(sizes):
        raise ShapeError(
            f"ravel_multi_index: {len(places)} coordinates for a shape of {len(sizes)} axes."
        )
    pairs = list(zip(places, sizes, strict=True))
    for place, size in pairs if order == "C" else reversed(pairs):
        place = integers(place, "ravel_multi_index: a coordinate")
        if mode == "raise":
            place = within(place, size, _PLACE)
        result = result * size + _inside(place, size, mode)
    return result
