"""Windows that move over a tensor, laid out side by side, and the sum of such windows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..dtypes import NUMERIC
from ..node import Tensor, as_tensor
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, declare
from .creation import as_size
from .movement import known_one, shape_list


class Windows:
    """First operand: a tensor. Attribute ``axes``: those along which windows move, in order.

    Then per axis its sizes, 0-d int64: of ``unfold`` how many windows there are, how long they
    are, the step from one to the next, and the distance of neighbours within one; of ``fold`` the
    extent of the result in place of the first two.
    """

    data: int | None = 1
    each = 0

    def __init__(self, name: str, each: int) -> None:
        self.name, self.each = name, each

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        sizes = tuple(as_size(s, op.name) for s in args[1:])
        return (as_tensor(args[0]), *sizes), {"axes": tuple(attrs["axes"])}

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].type.dtype,) + ("int64",) * (len(inputs) - 1)

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        x, axes = inputs[0], attrs["axes"]
        if self.name == "unfold":
            flags = list(x.broadcastable)
            for k, axis in enumerate(axes):
                flags[axis] = known_one(inputs[1 + 4 * k])
            long = [known_one(inputs[2 + 4 * k]) for k in range(len(axes))]
            return TensorType(x.dtype, (*long, *flags))
        flags = list(x.broadcastable[len(axes) :])
        for k, axis in enumerate(axes):
            flags[axis] = known_one(inputs[1 + 3 * k])
        return TensorType(x.dtype, flags)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        axes = node.attrs["axes"]
        numbers = [sizes.integer(t) for t in node.inputs[1:]]
        if self.name == "unfold":
            result = list(shapes[0])
            for k, axis in enumerate(axes):
                count, length, step, gap = numbers[4 * k : 4 * k + 4]
                _demand_room(node, sizes, (count, length, step, gap), result[axis])
                result[axis] = count
            return (*(numbers[4 * k + 1] for k in range(len(axes))), *result)
        result = list(shapes[0][len(axes) :])
        for k, axis in enumerate(axes):
            extent, step, gap = numbers[3 * k : 3 * k + 3]
            _demand_room(node, sizes, (result[axis], shapes[0][k], step, gap), extent)
            result[axis] = extent
        return tuple(result)


def _demand_room(node: Tensor, sizes: SizeBuilder, window: Sequence[int], extent: int) -> None:
    """Windows lie inside of what they move over; where there are none of them, anything does."""
    count, length, step, gap = window
    what = "the windows are longer than the axis that they move over, found {0} of them"
    sizes.demand("nonnegative", (count,), node, what)
    one = sizes.const(1)
    last = sizes.add(
        sizes.mul(sizes.sub(count, one), step), sizes.mul(sizes.sub(length, one), gap), one
    )
    some = sizes.mul(count, length)
    room = sizes.arith("select", some, sizes.sub(extent, last), sizes.const(0))
    what = "the windows reach beyond the axis that they move over: {0} entries are left behind them"
    sizes.demand("nonnegative", (room,), node, what)


def _numbers(sizes: Sequence[Any], each: int) -> list[list[int]]:
    return [[int(s) for s in sizes[k : k + each]] for k in range(0, len(sizes), each)]


def _part(
    ndim: int, axes: Sequence[int], place: Sequence[int], windows: Sequence[Sequence[int]]
) -> tuple[slice, ...]:
    """What entry ``place`` of all windows is, as slices; ``windows`` has count, step and gap."""
    found = [slice(None)] * ndim
    for axis, at, (count, step, gap) in zip(axes, place, windows, strict=True):
        start = at * gap if count else 0  # where there is no window, nor need there be its start
        found[axis] = slice(start, start + (count - 1) * step + 1 if count else start, step)
    return tuple(found)


def _reference_unfold(xp: Any, x: Any, *sizes: Any, axes: tuple[int, ...]) -> Any:
    numbers = _numbers(sizes, 4)
    windows = [(count, step, gap) for count, _, step, gap in numbers]
    lengths = [length for _, length, _, _ in numbers]
    parts = [
        x[_part(x.ndim, axes, place, windows)]
        for place in itertools.product(*(range(n) for n in lengths))
    ]
    shape = list(x.shape)
    for axis, (count, _, _, _) in zip(axes, numbers, strict=True):
        shape[axis] = count
    if not parts:
        return xp.zeros((*lengths, *shape), dtype=x.dtype)
    return xp.reshape(xp.stack(parts), (*lengths, *shape))


def _reference_fold(xp: Any, x: Any, *sizes: Any, axes: tuple[int, ...]) -> Any:
    numbers, rank = _numbers(sizes, 3), len(axes)
    shape = list(x.shape[rank:])
    windows = [(shape[axis], step, gap) for axis, (_, step, gap) in zip(axes, numbers, strict=True)]
    for axis, (extent, _, _) in zip(axes, numbers, strict=True):
        shape[axis] = extent
    result = xp.zeros(tuple(shape), dtype=x.dtype)
    for place in itertools.product(*(range(n) for n in x.shape[:rank])):
        where = _part(len(shape), axes, place, windows)
        result[where] = result[where] + x[(*place, ...)]
    return result


def _samples_unfold(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    x = (np.arange(2 * 3 * 7 * 6) % 23).reshape(2, 3, 7, 6).astype(dtype)
    yield (x[0, 0, :4, :3], 2, 2, 2, 1, 2, 2, 1, 1), {"axes": (0, 1)}
    yield (x, 5, 3, 1, 1, 4, 3, 1, 1), {"axes": (2, 3)}
    yield (x, 2, 3, 2, 2, 3, 2, 2, 1), {"axes": (2, 3)}
    yield (x, 1, 2, 3, 1), {"axes": (0,)}
    yield (x, 0, 2, 1, 1), {"axes": (2,)}
    yield (x[:0], 6, 2, 1, 1), {"axes": (2,)}


def _samples_fold(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    x = (np.arange(3 * 3 * 2 * 5 * 4) % 11).reshape(3, 3, 2, 5, 4).astype(dtype)
    yield (x[:2, :2, 0, :2, :3], 3, 1, 1, 6, 2, 1), {"axes": (0, 1)}
    yield (x, 7, 1, 1, 6, 1, 1), {"axes": (1, 2)}
    yield (x, 13, 2, 2, 9, 2, 1), {"axes": (1, 2)}
    yield (x[:2, 0], 6, 1, 1), {"axes": (1,)}
    yield (x[:, :, :0], 11, 2, 1, 6, 1, 1), {"axes": (1, 2)}


@declare(
    Windows("unfold", 4), accepts=NUMERIC, reference=_reference_unfold, samples=_samples_unfold
)
def unfold(x: Tensor, *sizes: Any, axes: tuple[int, ...]) -> Tensor:
    """Windows of ``x``: one axis for the places within a window per axis that they move along,
    then the axes of ``x``, those having one entry per window."""


@declare(Windows("fold", 3), accepts=NUMERIC, reference=_reference_fold, samples=_samples_fold)
def fold(x: Tensor, *sizes: Any, axes: tuple[int, ...]) -> Tensor:
    """The sum of windows, each at its place: the reverse of ``unfold``, zeros where none is."""


@unfold.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *sizes: Tensor) -> Any:
    axes, extents = y.attrs["axes"], shape_list(x)
    given: list[Tensor] = []
    for k, axis in enumerate(axes):
        given += [extents[axis], sizes[4 * k + 2], sizes[4 * k + 3]]
    return (lambda: fold(g, *given, axes=axes),) + (None,) * len(sizes)


@fold.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *sizes: Tensor) -> Any:
    axes, extents = y.attrs["axes"], shape_list(x)
    rank = len(axes)
    given: list[Tensor] = []
    for k, axis in enumerate(axes):
        given += [extents[rank + axis], extents[k], sizes[3 * k + 1], sizes[3 * k + 2]]
    return (lambda: unfold(g, *given, axes=axes),) + (None,) * len(sizes)
