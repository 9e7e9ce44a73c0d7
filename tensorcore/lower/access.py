"""Where a consumer's index lands in an operand: movement ops read through, not executed."""

from __future__ import annotations

from typing import NamedTuple

from ..node import Tensor
from ..program import SizeId
from .sizes import SizeTable

#: Ops whose result is the operand at other indices.
TRANSPARENT = frozenset({"dimshuffle", "broadcast_to", "window"})
#: Values that scalar code makes on the spot; they need no memory.
INLINE = frozenset({"size", "iota"})


class AxisMap(NamedTuple):
    """Index along one axis of an operand: ``start + step * index[axis]`` of the consumer, or
    just ``start`` when ``axis`` is None."""

    axis: int | None
    start: SizeId
    step: SizeId


IndexMap = tuple[AxisMap, ...]


def aligned(operand: Tensor, ndim: int, sizes: SizeTable) -> IndexMap:
    """The map of an operand broadcast, aligned at the right, against ``ndim`` axes."""
    zero, one = sizes.zero, sizes.one
    lead = ndim - operand.ndim
    return tuple(
        AxisMap(None, zero, zero) if known else AxisMap(lead + j, zero, one)
        for j, known in enumerate(operand.broadcastable)
    )


def resolve(operand: Tensor, index: IndexMap, sizes: SizeTable) -> tuple[Tensor, IndexMap]:
    """The tensor that holds the values, behind any movement, and the map into it."""
    node = operand
    while node.op is not None and node.op.name in TRANSPARENT:
        index = _through(node, index, sizes)
        node = node.inputs[0]
    return node, index


def _through(node: Tensor, index: IndexMap, sizes: SizeTable) -> IndexMap:
    assert node.op is not None
    source = node.inputs[0]
    fixed = AxisMap(None, sizes.zero, sizes.zero)
    if node.op.name == "dimshuffle":
        pattern = node.attrs["pattern"]
        return tuple(index[pattern.index(a)] if a in pattern else fixed for a in range(source.ndim))
    if node.op.name == "broadcast_to":
        lead = node.ndim - source.ndim
        return tuple(
            fixed if known else index[lead + a] for a, known in enumerate(source.broadcastable)
        )
    if node.op.name == "window":
        result = list(index)
        for k, axis in enumerate(node.attrs["axes"]):
            start, step = (sizes.integer(node.inputs[i]) for i in (1 + 3 * k, 3 + 3 * k))
            old = result[axis]
            begin = sizes.add(start, sizes.mul(step, old.start))
            result[axis] = AxisMap(old.axis, begin, sizes.mul(step, old.step))
        return tuple(result)
    raise AssertionError(node.op.name)


def contiguous(shape: tuple[SizeId, ...], sizes: SizeTable) -> tuple[SizeId, ...]:
    """Strides, in elements, of a C-contiguous buffer."""
    return tuple(sizes.mul(*shape[axis + 1 :]) for axis in range(len(shape)))
