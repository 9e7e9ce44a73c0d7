"""Where a consumer's index lands in an operand: movement ops read through, not executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .. import errors
from ..errors import OutOfRange
from ..node import Tensor
from ..ops.indexing import OUTSIDE
from ..program import Access, Failure, Instr, SizeId, SlotId, ValueId
from .sizes import SizeTable, check_message

#: Ops whose result is the operand at other indices.
TRANSPARENT = frozenset({"dimshuffle", "broadcast_to", "window"})
#: Values that scalar code makes on the spot; they need no memory.
INLINE = frozenset({"size", "iota"})


class AxisMap(NamedTuple):
    """Index along one axis of an operand: ``start + step * index[axis]`` of the consumer, or
    just ``start`` when ``axis`` is None. With ``gathered`` the consumer's index operand of that
    number stands in place of ``index[axis]``."""

    axis: int | None
    start: SizeId
    step: SizeId
    gathered: int | None = None


IndexMap = tuple[AxisMap, ...]


def aligned(operand: Tensor, ndim: int, sizes: SizeTable) -> IndexMap:
    """The map of an operand broadcast, aligned at the right, against ``ndim`` axes."""
    zero, one = sizes.zero, sizes.one
    lead = ndim - operand.ndim
    return tuple(
        AxisMap(None, zero, zero) if known else AxisMap(lead + j, zero, one)
        for j, known in enumerate(operand.broadcastable)
    )


def gather_maps(node: Tensor, sizes: SizeTable) -> tuple[IndexMap, ...]:
    """The maps of a gather's operands, in terms of its own axes: the indices run along its
    first axes, the axes of ``x`` that have no index along the others."""
    zero, one = sizes.zero, sizes.one
    x, *indices = node.inputs
    rank = indices[0].ndim

    def along(axis: int, known: bool) -> AxisMap:
        return AxisMap(None, zero, zero) if known else AxisMap(axis, zero, one)

    picked = [AxisMap(None, zero, one, gathered=k) for k in range(len(indices))]
    rest = [along(rank + k, known) for k, known in enumerate(x.broadcastable[len(indices) :])]
    places = tuple(
        tuple(along(axis, known) for axis, known in enumerate(i.broadcastable)) for i in indices
    )
    return ((*picked, *rest), *places)


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
            result[axis] = AxisMap(old.axis, begin, sizes.mul(step, old.step), old.gathered)
        return tuple(result)
    raise AssertionError(node.op.name)


def contiguous(shape: tuple[SizeId, ...], sizes: SizeTable) -> tuple[SizeId, ...]:
    """Strides, in elements, of a C-contiguous buffer."""
    return tuple(sizes.mul(*shape[axis + 1 :]) for axis in range(len(shape)))


def address(
    slot: SlotId,
    shape: tuple[SizeId, ...],
    index: IndexMap,
    axes: Sequence[int],
    sizes: SizeTable,
    indices: Sequence[ValueId] = (),
) -> Access:
    """Where a map lands in a C-contiguous buffer, over these axes; ``indices`` are the values of
    the gathered ones."""
    strides = dict.fromkeys(axes, sizes.zero)
    offset = sizes.zero
    gathered = []
    for m, stride in zip(index, contiguous(shape, sizes), strict=True):
        step = sizes.mul(stride, m.step)
        if m.gathered is not None:
            gathered.append((indices[m.gathered], step))
        elif m.axis is not None:
            strides[m.axis] = sizes.add(strides[m.axis], step)
        offset = sizes.add(offset, sizes.mul(stride, m.start))
    return Access(slot, offset, tuple(strides[a] for a in axes), tuple(gathered))


def outside(node: Tensor, axis: int) -> Failure:
    """What an index of this node outside an axis ends the call with."""
    axis = node.attrs.get("named", range(axis + 1))[axis]
    return Failure(check_message(node, OUTSIDE.format(axis=axis)), OutOfRange)


def refused(node: Tensor) -> Failure:
    """What an entry that is not right ends the call with."""
    return Failure(check_message(node, node.attrs["message"]), getattr(errors, node.attrs["error"]))


def if_any(
    value: ValueId, size: SizeId, lost: Sequence[SizeId], sizes: SizeTable, new: Callable[[], int]
) -> tuple[ValueId, SizeId, list[Instr]]:
    """An index that does not change along axes of these sizes, the size that it is checked against,
    and what computes it. Where an axis is empty there is no entry of it, and then it is 0 and
    right: it is looked at before the loops."""
    some = sizes.arith("min", sizes.mul(*lost), sizes.one) if lost else sizes.one
    if sizes.number(some) == 1:
        return value, size, []
    there, scaled = new(), new()
    made = [
        Instr(there, "size", (), "int64", "int64", "", some),
        Instr(scaled, "mul", (value, there), "int64", "int64", "{0} * {1}", None),
    ]
    return scaled, sizes.arith("max", size, sizes.sub(sizes.one, some)), made
