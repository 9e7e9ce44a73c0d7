"""``x[...]``: integers, slices, ``None`` and ``...``, with symbolic bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops.creation import as_size
from ..ops.logic import maximum, minimum, switch
from ..ops.movement import dimshuffle, shape_list, window

#: A step over more than any axis has: one entry at most is taken.
_LONGEST = 2**62


def subtensor(x: Tensor, index: Any) -> Tensor:
    """The entries that a basic index selects; raises ShapeError for too many indices and
    TypeError for an index that is no integer, slice, ``None`` or ``...``."""
    entries = _expand(index if isinstance(index, tuple) else (index,), x.ndim)
    if x.op is not None and x.op.name == "shape" and len(entries) == 1:
        picked = _known_size(x.inputs[0], entries[0])
        if picked is not None:
            return picked
    sizes: list[TensorLike] = []
    axes: list[int] = []
    integer_axes: list[int] = []
    pattern: list[Any] = []
    axis = 0
    for entry in entries:
        if entry is None:
            pattern.append("x")
            continue
        if isinstance(entry, slice):
            if entry != slice(None):
                axes.append(axis)
                sizes += _slice_window(entry, shape_list(x)[axis])
            pattern.append(axis)
        else:
            axes.append(axis)
            integer_axes.append(axis)
            sizes += [_position(entry, shape_list(x)[axis]), 1, 1]
        axis += 1
    taken = window(x, *sizes, axes=tuple(axes), index=tuple(integer_axes)) if axes else x
    return taken if pattern == list(range(x.ndim)) else dimshuffle(taken, tuple(pattern))


def _expand(entries: tuple[Any, ...], ndim: int) -> list[Any]:
    used = sum(1 for e in entries if e is not None and e is not Ellipsis)
    if used > ndim:
        raise ShapeError(f"too many indices: {used} for a tensor with {ndim} dimension(s).")
    result: list[Any] = []
    for entry in entries:
        if entry is Ellipsis:
            if any(e is Ellipsis for e in entries if e is not entry) or entries.count(...) > 1:
                raise ShapeError("an index holds '...' more than once.")
            result += [slice(None)] * (ndim - used)
        elif entry is None or isinstance(entry, slice):
            result.append(entry)
        else:
            result.append(_integer(entry))
    present = sum(1 for e in result if e is not None)
    return result + [slice(None)] * (ndim - present)


def _integer(entry: Any) -> Any:
    if isinstance(entry, (bool, np.bool_)):
        raise TypeError("a bool cannot index; use T.switch, or an integer.")
    if isinstance(entry, (int, np.integer)):
        return int(entry)
    node = as_tensor(entry)
    if node.ndim == 0 and node.dtype.startswith(("int", "uint")):
        return node
    raise TypeError(
        f"an index of type {node.type!r} is not supported yet: integers, slices, None and '...' "
        f"are. To pick one entry per row write T.sum(T.eq(T.arange(n), idx.dimshuffle(0, 'x')) "
        f"* x, axis=1)."
    )


def _known_size(x: Tensor, entry: Any) -> Tensor | None:
    """``x.shape[2]`` is a size, whatever the rest of the shape."""
    if isinstance(entry, int):
        if not -x.ndim <= entry < x.ndim:
            raise ShapeError(f"shape[{entry}]: the tensor has {x.ndim} dimension(s).")
        return shape_list(x)[entry]
    return None


def _position(entry: Any, size: Tensor) -> TensorLike:
    if isinstance(entry, int):
        return entry if entry >= 0 else size + entry
    return switch(entry < 0, entry + size, entry)


def _slice_window(entry: slice, size: Tensor) -> list[TensorLike]:
    """Start, length and step of a slice, clipped to the axis as Python does."""
    step: Any = 1 if entry.step is None else entry.step
    if isinstance(step, Tensor) and is_constant(step):
        step = int(step.attrs["value"])
    if isinstance(step, Tensor):
        raise TypeError("the step of a slice must be a number; symbolic bounds are allowed.")
    if step == 0:
        raise ValueError("the step of a slice must not be zero.")
    step = max(min(step, _LONGEST), -_LONGEST)
    backwards = step < 0
    low, high = (-1, size - 1) if backwards else (0, size)
    start = _bound(entry.start, high if backwards else low, low, high, size)
    stop = _bound(entry.stop, low if backwards else high, low, high, size)
    distance = as_tensor(start - stop if backwards else stop - start)
    if abs(step) != 1:
        distance = (distance - 1) // abs(step) + 1
    length = maximum(distance, 0)
    return [start, as_size(length, "slice"), step]


def _bound(value: Any, default: TensorLike, low: TensorLike, high: TensorLike, size: Tensor) -> Any:
    if value is None:
        return as_tensor(default)
    if isinstance(value, Tensor) and is_constant(value):
        value = int(value.attrs["value"])
    if not isinstance(value, Tensor):
        number = value.__index__()
        wrapped: TensorLike = number if number >= 0 else size + number
    else:
        wrapped = switch(value < 0, value + size, value)
    return maximum(minimum(wrapped, high), low)
