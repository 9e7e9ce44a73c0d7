"""Convolution over the last axes of images, as one product with windows laid out side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...gradient import grad
from ...node import Tensor, TensorLike, as_tensor
from ...ops.checked import checked
from ...ops.contraction import contract
from ...ops.logic import le
from ...ops.movement import dimshuffle, shape_list, window_set
from ...ops.unfolding import unfold
from ..creation import zeros
from ..shapes import reshape

__all__ = [
    "conv2d", "conv2d_grad_wrt_inputs", "conv2d_grad_wrt_weights", "conv2d_transpose", "conv3d",
    "get_conv_output_shape",
]  # fmt: skip


def conv2d(
    input: TensorLike,
    filters: TensorLike,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    image_shape: Any = None,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Convolution of images (batch, channels, rows, columns) with filters (number, channels,
    rows, columns).

    ``border_mode``: ``valid`` (only where a filter lies inside), ``full`` (wherever it touches the
    image), ``half`` (half its size of zeros around), a number of zeros around, a pair of them, or
    a pair of pairs. ``subsample``: the step from one place to the next. ``filter_flip``: whether
    filters are turned around, as in mathematics; without, it is a cross-correlation.
    ``num_groups``: that many groups of channels, each with filters of its own, which have then as
    many channels as a group. ``input_shape``, ``image_shape`` and ``filter_shape`` are checked
    against what is known. Raises ShapeError, ValueError or TypeError.
    """
    if unshared:
        raise TypeError("conv2d: filters that differ from place to place (unshared) are not there.")
    return _convolution(
        "conv2d", 2, input, filters, border_mode, subsample, filter_flip, filter_dilation,
        num_groups,
    )  # fmt: skip


def conv3d(
    input: TensorLike,
    filters: TensorLike,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1),
    num_groups: int = 1,
) -> Tensor:
    """As ``conv2d``, of (batch, channels, depth, rows, columns)."""
    return _convolution(
        "conv3d", 3, input, filters, border_mode, subsample, filter_flip, filter_dilation,
        num_groups,
    )  # fmt: skip


def conv2d_grad_wrt_inputs(
    output_grad: TensorLike,
    filters: TensorLike,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Tensor:
    """The gradient of ``conv2d`` with respect to its input, of sizes ``input_shape``, when that of
    the result is ``output_grad``: the transposed convolution."""
    g, w = as_tensor(output_grad), as_tensor(filters)
    sizes = [_size(n, g, w, k) for k, n in enumerate(input_shape)]
    x = zeros(tuple(sizes), g.dtype)
    y = conv2d(
        x, w, border_mode=border_mode, subsample=subsample, filter_flip=filter_flip,
        filter_dilation=filter_dilation, num_groups=num_groups,
    )  # fmt: skip
    result: Tensor = grad(None, x, known_grads={y: g})
    return result


def _size(n: Any, g: Tensor, w: Tensor, k: int) -> Any:
    """A size of the input, where None leaves it to the other tensors."""
    if n is not None:
        return n
    if k == 0:
        return g.shape[0]
    if k == 1:
        return w.shape[1]
    raise ShapeError("conv2d_grad_wrt_inputs: rows and columns of input_shape must be given.")


def conv2d_grad_wrt_weights(
    input: TensorLike,
    output_grad: TensorLike,
    filter_shape: Any,
    input_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Tensor:
    """The gradient of ``conv2d`` with respect to its filters, of sizes ``filter_shape``."""
    x, g = as_tensor(input), as_tensor(output_grad)
    w = zeros(tuple(filter_shape), x.dtype)
    y = conv2d(
        x, w, border_mode=border_mode, subsample=subsample, filter_flip=filter_flip,
        filter_dilation=filter_dilation, num_groups=num_groups,
    )  # fmt: skip
    result: Tensor = grad(None, w, known_grads={y: g})
    return result


def conv2d_transpose(
    input: TensorLike,
    filters: TensorLike,
    output_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = (0, 0),
    input_dilation: Any = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Any = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> Tensor:
    """The transposed convolution, whose result has the sizes ``output_shape``; ``input_dilation``
    is the subsampling of the convolution that it reverses."""
    return conv2d_grad_wrt_inputs(
        input, filters, output_shape, border_mode=border_mode, subsample=input_dilation,
        filter_flip=filter_flip, filter_dilation=filter_dilation, num_groups=num_groups,
    )  # fmt: skip


def _convolution(
    what: str, rank: int, given: TensorLike, filters: TensorLike, border_mode: Any,
    subsample: Any, flip: bool, dilation: Any, groups: Any,
) -> Tensor:  # fmt: skip
    x, w = as_tensor(given), as_tensor(filters)
    for t, named in ((x, "input"), (w, "filters")):
        if t.ndim != rank + 2:
            raise ShapeError(
                f"{what}: the {named} must have {rank + 2} dimensions (batch or number, channels, "
                f"and {rank} of the image), found {t.type!r}."
            )
    steps, gaps = (
        _numbers(what, "subsample", subsample, rank),
        _numbers(what, "filter_dilation", dilation, rank),
    )
    if not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ValueError(f"{what}: num_groups is a number, at least 1; found {groups!r}.")
    lengths = list(shape_list(w)[2:])
    padding = _padding(what, border_mode, lengths, gaps, rank)
    x = _padded(x, padding)
    windows: list[Any] = []
    for k in range(rank):
        reach = (lengths[k] - 1) * gaps[k] + 1
        room = _room(shape_list(x)[2 + k], reach)
        windows += [room // steps[k] + 1, lengths[k], steps[k], gaps[k]]
    if flip:
        w = w[(slice(None), slice(None), *(slice(None, None, -1),) * rank)]
    space = tuple(range(2, 2 + rank))
    # Channels before the batch: then the windows are the columns of one matrix.
    columns = unfold(dimshuffle(x, (1, 0, *space)), *windows, axes=space)
    filter_axes = tuple(range(10, 10 + rank))
    places = tuple(range(20, 20 + rank))
    if groups == 1:
        y = contract(
            w, columns, a=(0, 1, *filter_axes), b=(*filter_axes, 1, 2, *places),
            out=(0, 2, *places),
        )  # fmt: skip
        return dimshuffle(y, (1, 0, *space))
    number, channels = shape_list(w)[:2]
    each = number // groups
    apart = reshape(w, (groups, each, channels, *lengths))
    inner = shape_list(columns)
    split = (*inner[:rank], groups, inner[rank] // groups, *inner[rank + 1 :])
    y = contract(
        apart, reshape(columns, split), a=(3, 0, 1, *filter_axes),
        b=(*filter_axes, 3, 1, 2, *places), out=(3, 0, 2, *places),
    )  # fmt: skip
    outer = shape_list(y)
    joined = reshape(y, (outer[0] * outer[1], *outer[2:]))
    return dimshuffle(joined, (1, 0, *space))


def _room(extent: Tensor, reach: Tensor) -> Tensor:
    """How far filters that reach over so many entries can move."""
    small = "the filters reach over {0} entries of an axis, which with its padding has {1}"
    room = extent - reach
    return checked(room, le(reach, extent), reach, extent, message=small, error="ShapeError")


def _numbers(what: str, name: str, value: Any, rank: int) -> list[int]:
    listed = [value] * rank if isinstance(value, (int, np.integer)) else list(value)
    if len(listed) != rank or any(int(v) != v or v < 1 for v in listed):
        raise ValueError(f"{what}: {name} is {rank} integers, each at least 1; found {value!r}.")
    return [int(v) for v in listed]


def _padding(
    what: str, mode: Any, lengths: Sequence[Tensor], gaps: Sequence[int], rank: int
) -> list[tuple[Any, Any]]:
    """Zeros before and after, by axis."""
    reach = [(n - 1) * gap for n, gap in zip(lengths, gaps, strict=True)]
    if mode == "valid":
        return [(0, 0)] * rank
    if mode == "full":
        return [(r, r) for r in reach]
    if mode == "half":
        return [((r + 1) // 2, (r + 1) // 2) for r in reach]
    if isinstance(mode, (int, np.integer)):
        mode = (int(mode),) * rank
    if isinstance(mode, (tuple, list)) and len(mode) == rank:
        found = [tuple(m) if isinstance(m, (tuple, list)) else (m, m) for m in mode]
        if all(len(m) == 2 and all(int(v) == v and v >= 0 for v in m) for m in found):
            return [(int(a), int(b)) for a, b in found]
    raise ValueError(
        f"{what}: border_mode is 'valid', 'full', 'half', a number of zeros, or {rank} of them "
        f"(or pairs, before and after), none negative; found {mode!r}."
    )


def _padded(x: Tensor, padding: Sequence[tuple[Any, Any]]) -> Tensor:
    if all(isinstance(n, int) and n == 0 for pair in padding for n in pair):
        return x
    shape = list(shape_list(x))
    places: list[Any] = []
    for k, (before, after) in enumerate(padding):
        places += [before, shape[2 + k], 1]
        shape[2 + k] = shape[2 + k] + before + after
    axes = tuple(range(2, 2 + len(padding)))
    return window_set(zeros(tuple(shape), x.dtype), x, *places, axes=axes, index=())


def get_conv_output_shape(
    image_shape: Sequence[int | None],
    kernel_shape: Sequence[int | None],
    border_mode: Any,
    subsample: Any,
    filter_dilation: Any = None,
) -> tuple[int | None, ...]:
    """The shape of the convolution of images with filters, as numbers; a size that is None, not
    known, makes its result None.

    ``image_shape`` (batch, channels, and the sizes of an image), ``kernel_shape`` (number,
    channels, sizes); the other arguments as in ``conv2d``. Raises ValueError.
    """
    what = "get_conv_output_shape"
    rank = len(image_shape) - 2
    if rank < 1 or len(kernel_shape) != rank + 2:
        raise ValueError(
            f"{what}: image_shape and kernel_shape have as many entries, at least 3; found "
            f"{len(image_shape)} and {len(kernel_shape)}."
        )
    steps = _numbers(what, "subsample", subsample, rank)
    gaps = _numbers(what, "filter_dilation", filter_dilation or (1,) * rank, rank)
    result = [image_shape[0], kernel_shape[0]]
    for k, (n, m) in enumerate(zip(image_shape[2:], kernel_shape[2:], strict=True)):
        if n is None or m is None:
            result.append(None)
            continue
        mode = border_mode
        if isinstance(mode, (tuple, list)):
            mode = (mode[k],)
        ((before, after),) = _padding(what, mode, [m], [gaps[k]], 1)  # type: ignore[list-item]
        result.append((n + before + after - (m - 1) * gaps[k] - 1) // steps[k] + 1)
    return tuple(result)
