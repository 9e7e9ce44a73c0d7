"""Pooling: one number for each window of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.elementwise import cast, true_div
from ...ops.logic import maximum
from ...ops.movement import shape_list, window_set
from ...ops.unfolding import unfold
from ...origin import warn
from ..creation import full, ones
from ..reductions import max as largest
from ..reductions import sum as total

__all__ = ["pool_2d", "pool_3d"]

_MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def pool_2d(
    input: TensorLike,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Tensor:
    """Windows of ``ws`` rows and columns over the last two axes, ``stride`` apart, each as one
    number: its ``max``, ``sum``, or the average with (``average_inc_pad``) or without
    (``average_exc_pad``) the ``pad`` entries of padding on each side.

    ``stride`` is by default ``ws``, so that windows do not overlap. With ``ignore_border`` a last
    window that is not whole is left out, and images smaller than a window give nothing, as in
    Theano. ``ds, st, padding`` are older names of ``ws, stride,
    pad``. Raises ShapeError or ValueError.
    """
    return _pool("pool_2d", 2, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def pool_3d(
    input: TensorLike,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = (0, 0, 0),
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Tensor:
    """As ``pool_2d``, over the last three axes."""
    return _pool("pool_3d", 3, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


class _Windows(NamedTuple):
    """Where windows lie, per axis."""

    sizes: list[int]
    steps: list[int]
    pads: list[int]
    ignore_border: bool


def _pool(
    what: str, rank: int, given: TensorLike, ws: Any, ignore_border: bool | None, stride: Any,
    pad: Any, mode: str, ds: Any, st: Any, padding: Any,
) -> Tensor:  # fmt: skip
    x = as_tensor(given)
    if x.ndim < rank:
        raise ShapeError(f"{what}: the input needs {rank} dimensions, found {x.type!r}.")
    if mode not in _MODES:
        raise ValueError(f"{what}: the mode is one of {', '.join(_MODES)}, not {mode!r}.")
    windows = _checked(
        what, rank, ws if ds is None else ds, stride if st is None else st,
        pad if padding is None else padding, ignore_border,
    )  # fmt: skip
    axes = tuple(range(x.ndim - rank, x.ndim))
    places, extents = _places(x, axes, windows)
    if any(windows.pads) or not windows.ignore_border:
        whole = _bordered(x, axes, windows.pads, extents, _blank(x, mode))
    else:
        whole = x
    parts = unfold(whole, *places, axes=axes)
    over = tuple(range(rank))
    if mode == "max":
        return largest(parts, axis=over)
    summed = total(parts, axis=over, dtype=x.dtype)
    return summed if mode == "sum" else true_div(summed, _members(x, axes, windows, mode))


def _checked(
    what: str, rank: int, ws: Any, stride: Any, pad: Any, ignore_border: bool | None
) -> _Windows:
    if ws is None:
        raise ValueError(f"{what}: give ws, the size of a window.")
    sizes = _numbers(what, "ws", ws, rank, 1)
    steps = sizes if stride is None else _numbers(what, "stride", stride, rank, 1)
    pads = _numbers(what, "pad", pad, rank, 0)
    if ignore_border is None:
        warn(f"{what}: ignore_border is not given and taken as False, as Theano did.")
    if any(pads) and not ignore_border:
        raise ValueError(f"{what}: padding works with ignore_border=True only.")
    if any(p >= s for p, s in zip(pads, sizes, strict=True)):
        raise ValueError(f"{what}: pad must be less than ws, found {pads} for {sizes}.")
    return _Windows(sizes, steps, pads, bool(ignore_border))


def _places(x: Tensor, axes: Sequence[int], windows: _Windows) -> tuple[list[Any], list[Tensor]]:
    """The sizes that ``unfold`` takes, and how far each axis must reach."""
    places: list[Any] = []
    extents = []
    for axis, size, step, p in zip(axes, *windows[:3], strict=True):
        n = shape_list(x)[axis] + 2 * p
        count = _count(n, size, step, windows.ignore_border)
        places += [count, size, step, 1]
        extents.append(maximum(n, (count - 1) * step + size))
    return places, extents


def _members(x: Tensor, axes: Sequence[int], windows: _Windows, mode: str) -> Tensor:
    """How many entries of each window an average is over."""
    inc = mode == "average_inc_pad"
    if inc and windows.ignore_border:
        return cast(math.prod(windows.sizes), x.dtype)
    # Padding may count; what lies beyond it, where a last window is not whole, does not.
    own = [0] * len(axes) if inc else windows.pads
    shape = shape_list(x)
    sizes = [shape[a] + 2 * p if inc else shape[a] for a, p in zip(axes, windows.pads, strict=True)]
    places, extents = _places(x, axes, windows)
    over = tuple(range(len(axes)))
    inside = _bordered(ones(tuple(sizes), x.dtype), over, own, extents, 0)
    return total(unfold(inside, *places, axes=over), axis=over, dtype=x.dtype)


def _numbers(what: str, name: str, value: Any, rank: int, least: int) -> list[int]:
    listed = [value] * rank if isinstance(value, (int, np.integer)) else list(value)
    if len(listed) != rank or any(int(v) != v or v < least for v in listed):
        raise ValueError(
            f"{what}: {name} is {rank} integers, each at least {least}; found {value!r}."
        )
    return [int(v) for v in listed]


def _count(n: Tensor, size: int, step: int, ignore_border: bool) -> Tensor:
    """How many windows there are along an axis of ``n`` entries."""
    if ignore_border:
        return maximum((n - size) // step + 1, 0)
    if step >= size:
        return (n - 1) // step + 1
    return maximum((n - 1 - size + step) // step, 0) + 1


def _blank(x: Tensor, mode: str) -> Any:
    """What padding holds, so that it changes no result."""
    if mode != "max":
        return 0
    dtype = np.dtype(x.dtype)
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _bordered(
    x: Tensor, axes: Sequence[int], pads: Sequence[int], extents: Sequence[Tensor], blank: Any
) -> Tensor:
    """``x`` inside a larger tensor of the blank number."""
    shape = list(shape_list(x))
    places: list[Any] = []
    for axis, p, extent in zip(axes, pads, extents, strict=True):
        places += [p, shape[axis], 1]
        shape[axis] = extent
    base = full(tuple(shape), np.asarray(blank, x.dtype), x.dtype)
    return window_set(base, x, *places, axes=tuple(axes), index=())
