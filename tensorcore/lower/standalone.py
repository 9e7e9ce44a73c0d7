"""Kernels of the movement ops that write parts of their result: join and place."""

from __future__ import annotations

from collections.abc import Callable

from ..node import Tensor, where_made
from ..program import Access, Instr, Kernel, Load, SizeId, SlotId, Stage, Store
from .access import AxisMap, aligned, contiguous, resolve
from .fuse import space_axes
from .sizes import SizeTable

SlotOf = Callable[[Tensor], SlotId]
_ZERO = 0


def join_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """One stage per part; each copies its part behind the ones before."""
    axis = node.attrs["axis"]
    start = sizes.zero
    stages = []
    for k, part in enumerate(node.inputs):
        stages.append(_copy(part, node, {axis: (start, sizes.one)}, sizes, slot_of, k))
        start = sizes.add(start, sizes.shape(part)[axis])
    return Kernel((), tuple(stages), (), (where_made(node),))


def place_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """A stage of zeros, then one that writes the window."""
    axes = node.attrs["axes"]
    triples = node.inputs[1 + len(axes) :]
    window = {
        axis: (sizes.integer(triples[3 * k]), sizes.integer(triples[3 * k + 2]))
        for k, axis in enumerate(axes)
    }
    shape = sizes.shape(node)
    zero = Instr(0, "const", (), node.dtype, node.dtype, "", _ZERO)
    blank = Stage(
        shape,
        (),
        (zero,),
        (),
        (Store(0, Access(slot_of(node), sizes.zero, contiguous(shape, sizes))),),
    )
    copy = _copy(node.inputs[0], node, window, sizes, slot_of, 1)
    return Kernel((), (blank, copy), (), (where_made(node),))


def _copy(
    part: Tensor,
    node: Tensor,
    window: dict[int, tuple[SizeId, SizeId]],
    sizes: SizeTable,
    slot_of: SlotOf,
    value: int,
) -> Stage:
    """A stage over the axes of ``part`` that writes it into ``node``; ``window`` gives start
    and step along the axes where it does not fill the whole."""
    zero, one = sizes.zero, sizes.one
    axes = space_axes(part)
    inner = tuple(sizes.shape(part)[a] for a in axes)
    source, index = resolve(part, aligned(part, part.ndim, sizes), sizes)
    load = _address(slot_of(source), sizes.shape(source), index, axes, sizes)
    target = tuple(
        AxisMap(
            None if part.broadcastable[a] else a,
            window.get(a, (zero, one))[0],
            window.get(a, (zero, one))[1],
        )
        for a in range(part.ndim)
    )
    store = _address(slot_of(node), sizes.shape(node), target, axes, sizes)
    return Stage(inner, (Load(value, load, node.dtype),), (), (), (Store(value, store),))


def _address(
    slot: SlotId,
    shape: tuple[SizeId, ...],
    index: tuple[AxisMap, ...],
    axes: tuple[int, ...],
    sizes: SizeTable,
) -> Access:
    strides = dict.fromkeys(axes, sizes.zero)
    offset = sizes.zero
    for m, stride in zip(index, contiguous(shape, sizes), strict=True):
        if m.axis is not None:
            strides[m.axis] = sizes.add(strides[m.axis], sizes.mul(stride, m.step))
        offset = sizes.add(offset, sizes.mul(stride, m.start))
    return Access(slot, offset, tuple(strides[a] for a in axes))
