"""Functions that join, cut, repeat and turn round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops._families import normalize_axes
from ..ops.creation import as_size, iota
from ..ops.elementwise import abs_, cast_to, mod
from ..ops.logic import ge, maximum, minimum, switch
from ..ops.movement import (
    broadcast_to,
    dimshuffle,
    known_one,
    reshape_to,
    shape_list,
)
from ..ops.movement import (
    join as _join,
)
from .checks import integer, listed, one_axis, one_of, whole
from .indexing import inc_subtensor, known_entries, set_subtensor
from .reductions import cumsum
from .shapes import (
    at_least,
    atleast_1d,
    atleast_2d,
    expand_dims,
    number_of,
    ravel,
    size_list,
    specify_shape,
    swapaxes,
)

__all__ = [
    "concatenate", "flip", "fliplr", "flipud", "horizontal_stack", "hstack", "join", "pad",
    "repeat", "roll", "rot90", "split", "stack", "tile", "vertical_stack", "vstack",
]  # fmt: skip


# -- joins and parts ------------------------------------------------------------------------


def concatenate(tensor_list: Any, axis: int = 0) -> Tensor:
    """The tensors side by side along an axis that they have. Raises ShapeError."""
    parts = listed(tensor_list, "concatenate")
    axis = one_axis(axis, sorted(p.ndim for p in parts)[-1], "concatenate")
    return _join(*parts, axis=axis)


def join(axis: int, *tensors_list: TensorLike) -> Tensor:
    """The tensors side by side along an axis that they have; ``concatenate`` in other words."""
    return concatenate(tensors_list, axis)


def stack(*parts_or_list: Any, tensors: Any = None, axis: int = 0) -> Tensor:
    """The tensors (a list of them, or one by one) side by side along a new axis."""
    given = parts_or_list if tensors is None else (tensors, *parts_or_list)
    several: Any = given[0] if len(given) == 1 else given
    if len(given) == 2 and isinstance(given[0], (list, tuple)) and isinstance(given[1], int):
        several, axis = given  # stack(list, axis)
    parts = listed(several, "stack")
    ndims = {p.ndim for p in parts}
    if len(ndims) > 1:
        raise ShapeError(
            "stack: all parts need the same number of dimensions; found "
            + ", ".join(f"{p!r} with {p.ndim}" for p in parts)
            + "."
        )
    axis = one_axis(axis, parts[0].ndim + 1, "stack", "the result")
    return _join(*(expand_dims(p, axis) for p in parts), axis=axis)


def horizontal_stack(*args: TensorLike) -> Tensor:
    """Matrices side by side along their columns."""
    return concatenate(args, axis=1)


def vertical_stack(*args: TensorLike) -> Tensor:
    """Matrices one below the other."""
    return concatenate(args, axis=0)


def hstack(tensors: Sequence[TensorLike]) -> Tensor:
    """Joined along the second axis, vectors along the first, as in NumPy."""
    parts = [atleast_1d(t) for t in listed(tensors, "hstack")]
    return concatenate(parts, axis=0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[TensorLike]) -> Tensor:
    """Joined along the first axis, vectors as rows, as in NumPy."""
    return concatenate([atleast_2d(t) for t in listed(tensors, "vstack")], axis=0)


def split(
    x: TensorLike, splits_size: Any, n_splits: int | None = None, axis: int = 0
) -> list[Tensor]:
    """Parts of ``x`` along an axis; ``splits_size`` are their lengths, which must add up.

    A symbolic vector of lengths needs ``n_splits``. One number divides the axis into that many
    equal parts, as in NumPy.
    """
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim, "split")
    size = shape_list(x)[axis]
    if n_splits is not None:
        n_splits = whole(n_splits, "split: n_splits")
    if isinstance(splits_size, (int, np.integer)):
        if whole(splits_size, "split: the number of parts") == 0:
            raise ValueError("split: the number of parts must be at least 1, found 0.")
        n_splits = int(splits_size)
        length = size // n_splits
        lengths = [length] * n_splits
    elif isinstance(splits_size, Tensor) and known_entries(splits_size) is None:
        if n_splits is None:
            raise TypeError("split: the number of parts must be a number; give n_splits=.")
        lengths = [as_size(splits_size[i], "split") for i in range(n_splits)]
    elif isinstance(splits_size, (tuple, list, np.ndarray, Tensor)):
        lengths = size_list(splits_size, "split")
    else:
        raise TypeError(
            f"split: splits_size is a number of parts, a list of lengths, or a vector of them; "
            f"found {splits_size!r:.60}."
        )
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

    Without ``axis``, ``x`` is flattened. ``repeats``: an integer, or a vector of integers; a
    negative one raises ShapeError at the call.
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis(axis, x.ndim, "repeat")
    n = as_tensor(repeats)
    if is_constant(n) and (n.attrs["value"] < 0).any():
        raise ValueError(f"repeat: a number of times must not be negative, found {n!r}.")
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
    # One zero for each place, and fewer than none, which is an error, for negative numbers.
    zero = as_size(0, "repeat")
    missing = cast_to(n < 0, "int64").sum()
    starts = concatenate([broadcast_to(zero, total + 1), broadcast_to(zero, -missing)])
    numbers = cumsum(inc_subtensor(starts[ends], 1))[:-1]
    return x[(*(slice(None),) * axis, numbers)]


def tile(x: TensorLike, reps: Any, ndim: int | None = None) -> Tensor:
    """``x`` repeated as a whole, ``reps`` times along each axis; axes that either lacks count as
    size or number 1 at the left, as in NumPy."""
    x = as_tensor(x)
    times = size_list(reps, "tile")
    if ndim is not None and whole(ndim, "tile: ndim") < len(times):
        raise ShapeError(f"tile: ndim={ndim} but {len(times)} numbers of times.")
    if ndim is not None:
        times = [as_size(1, "tile")] * (ndim - len(times)) + times
    x = at_least(x, len(times))
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
    if x.ndim < 2:
        raise ShapeError(f"rot90: expected at least 2 dimensions, found {x.ndim}.")
    k = integer(k, "rot90: k") % 4
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
    axis = one_axis(axis, x.ndim, "roll")
    n = shape_list(x)[axis]
    first = n - mod(as_size(shift, "roll"), n)
    before: tuple[Any, ...] = (slice(None),) * axis
    return _join(x[(*before, slice(first, None))], x[(*before, slice(None, first))], axis=axis)


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
    one_of(mode, _PADDINGS, "pad: mode")
    pairs = _pairs(pad_width, x.ndim)
    if mode == "constant":
        sizes = [n + b + a for n, (b, a) in zip(shape_list(x), pairs, strict=True)]
        frame = broadcast_to(cast_to(as_tensor(constant_values), x.dtype), *sizes)
        inside = tuple(slice(b, b + n) for n, (b, _) in zip(shape_list(x), pairs, strict=True))
        return set_subtensor(frame[inside], x)
    for axis, (before, after) in enumerate(pairs):
        if (number_of(before), number_of(after)) == (0, 0):
            continue
        n = shape_list(x)[axis]
        place = iota(before + n + after) - before
        x = x[(*(slice(None),) * axis, _mirrored(place, n, mode))]
    return x


def _pairs(width: Any, ndim: int) -> list[tuple[Tensor, Tensor]]:
    if isinstance(width, (int, np.integer, Tensor)):
        width = (width, width)
    if not isinstance(width, (list, tuple, np.ndarray)):
        raise TypeError(f"pad: pad_width is a number, a pair, or a pair per axis; found {width!r}.")
    pairs = list(width)
    if pairs and not isinstance(pairs[0], (list, tuple, np.ndarray)):
        pairs = [pairs * (2 if len(pairs) == 1 else 1)] * ndim
    elif len(pairs) == 1:
        pairs = pairs * ndim
    if len(pairs) != ndim or any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"pad: expected a pair per axis ({ndim}), found {width!r}.")
    sizes = [(as_size(b, "pad"), as_size(a, "pad")) for b, a in pairs]
    if any((number_of(n) or 0) < 0 for pair in sizes for n in pair):
        raise ValueError(f"pad: a width must not be negative, found {width!r}.")
    return sizes


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
