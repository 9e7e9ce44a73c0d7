"""Kernels of the ops that write parts of their result, or write it in order: they stand alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..dtypes import kind
from ..node import Tensor
from ..ops._declare import Op
from ..ops.elementwise import add, mul
from ..origin import where_made
from ..program import (
    Access,
    Accumulate,
    Failure,
    Instr,
    Kernel,
    Load,
    SizeId,
    SlotId,
    Stage,
    Store,
    ValueId,
)
from .access import AxisMap, IndexMap, address, contiguous, if_any, outside, resolve
from .fuse import space_axes
from .sizes import SizeTable

SlotOf = Callable[[Tensor], SlotId]


class _Writer:
    """Makes the stages of the kernel of one node."""

    def __init__(self, node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> None:
        self.node = node
        self.sizes = sizes
        self.slot_of = slot_of
        self.count = 0

    def value(self) -> ValueId:
        """A new value."""
        self.count += 1
        return self.count - 1

    def kernel(
        self, *stages: Stage, axes: tuple[SizeId, ...] = (), failures: Sequence[Failure] = ()
    ) -> Kernel:
        """The kernel of these stages."""
        return Kernel(axes, stages, (), (where_made(self.node),), tuple(failures))

    def load(self, operand: Tensor, index: IndexMap, axes: Sequence[int]) -> Load:
        """The read of an operand, behind any movement, at a map over loop axes."""
        source, behind = resolve(operand, index, self.sizes)
        shape = self.sizes.shape(source)
        access = address(self.slot_of(source), shape, behind, axes, self.sizes)
        return Load(self.value(), access, source.dtype)

    def target(
        self, index: IndexMap, axes: Sequence[int], indices: Sequence[ValueId] = ()
    ) -> Store:
        """The write of the value made last, to the node's own buffer."""
        shape = self.sizes.shape(self.node)
        access = address(self.slot_of(self.node), shape, index, axes, self.sizes, indices)
        return Store(self.count - 1, access)

    def copy(
        self,
        part: Tensor,
        window: Mapping[int, tuple[SizeId, SizeId]],
        shape: tuple[SizeId, ...],
        combine: str = "",
    ) -> Stage:
        """A stage over ``shape`` that writes ``part`` into the node; ``window`` gives start and
        step along the axes where it does not fill the whole."""
        zero, one = self.sizes.zero, self.sizes.one
        axes = [a for a in range(self.node.ndim) if self.sizes.number(shape[a]) != 1]
        load = self.load(part, _along(part, 0, axes, self.sizes), axes)
        index = tuple(
            AxisMap(a if a in axes else None, *window.get(a, (zero, one)))
            for a in range(self.node.ndim)
        )
        store = self.target(index, axes)._replace(combine=combine)
        return Stage(tuple(shape[a] for a in axes), (load,), (), (), (store,))


def _combine(node: Tensor) -> str:
    """How an update writes a part of its result: the op's ``c``."""
    code = node.op.c if node.op is not None else None
    return code if isinstance(code, str) else ""


def join_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """One stage per part; each copies its part behind the ones before."""
    axis = node.attrs["axis"]
    start = sizes.zero
    writer = _Writer(node, sizes, slot_of)
    stages = []
    for part in node.inputs:
        stages.append(writer.copy(part, {axis: (start, sizes.one)}, sizes.shape(part)))
        start = sizes.add(start, sizes.shape(part)[axis])
    return writer.kernel(*stages)


def window_update_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """A stage that copies the base, then one that writes the window."""
    base, value, *triples = node.inputs
    window, shape = {}, list(sizes.shape(node))
    for k, axis in enumerate(node.attrs["axes"]):
        start, length, step = (sizes.integer(t) for t in triples[3 * k : 3 * k + 3])
        window[axis] = (start, step)
        shape[axis] = length
    writer = _Writer(node, sizes, slot_of)
    blank = writer.copy(base, {}, sizes.shape(node))
    return writer.kernel(blank, writer.copy(value, window, tuple(shape), _combine(node)))


def scatter_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """All indices are checked, the base is copied, then one value after the other is written."""
    base, value, *indices = node.inputs
    writer = _Writer(node, sizes, slot_of)
    rank = indices[0].ndim
    known = [all(i.broadcastable[a] for i in indices) for a in range(rank)]
    known += list(base.broadcastable[len(indices) :])
    shapes = [sizes.shape(i) for i in indices]
    extents = [
        next((s[a] for i, s in zip(indices, shapes, strict=True) if not i.broadcastable[a]),
             sizes.one)
        for a in range(rank)
    ] + list(sizes.shape(base)[len(indices) :])  # fmt: skip
    # A value's axis may be longer than known: the node's checks say that the two agree.
    over = [a for a, flag in enumerate(known) if not flag]
    places = [a for a in over if a < rank]
    failures = [outside(node, axis) for axis in range(len(indices))]

    def wrapped(axes: Sequence[int]) -> tuple[list[Load], list[Instr]]:
        loads, body = [], []
        for k, index in enumerate(indices):
            load = writer.load(index, _along(index, 0, axes, sizes), axes)
            loads.append(load)
            steps = zip(axes, load.access.strides, strict=True)
            still = [a for a, step in steps if step == sizes.zero and a < rank]
            lost = [extents[a] for a in still if not index.broadcastable[a]]
            place, size, made = if_any(load.value, sizes.shape(base)[k], lost, sizes, writer.value)
            body += made
            body.append(Instr(writer.value(), "wrap", (place,), "int64", "int64", "", (size, k)))
        return loads, body

    loads, body = wrapped(places)
    check = Stage(tuple(extents[a] for a in places), tuple(loads), tuple(body))
    blank = writer.copy(base, {}, sizes.shape(node))
    loads, body = wrapped(over)
    loads.append(writer.load(value, _along(value, 0, over, sizes), over))
    zero, one = sizes.zero, sizes.one
    index = [AxisMap(None, zero, one, gathered=k) for k in range(len(indices))]
    index += [AxisMap(a if a in over else None, zero, one) for a in range(rank, len(extents))]
    wraps = [i.value for i in body if i.op == "wrap"]
    store = writer.target(tuple(index), over, wraps)
    store = store._replace(combine=_combine(node))
    write = Stage(tuple(extents[a] for a in over), tuple(loads), tuple(body), (), (store,))
    return writer.kernel(check, blank, write, failures=failures)


def _along(t: Tensor, first: int, axes: Sequence[int], sizes: SizeTable) -> IndexMap:
    """The map of a tensor whose axes are the loop axes from ``first`` on."""
    zero, one = sizes.zero, sizes.one
    return tuple(
        AxisMap(None, zero, zero)
        if known or first + k not in axes
        else AxisMap(first + k, zero, one)
        for k, known in enumerate(t.broadcastable)
    )


def cumulative_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """Rows in parallel; along the axis each state follows from the one before and is written."""
    writer = _Writer(node, sizes, slot_of)
    axis = node.attrs["axis"]
    kept = [a for a in space_axes(node) if a != axis]
    axes = [*kept, axis]
    loads = [writer.load(x, _along(x, 0, axes, sizes), axes) for x in node.inputs]
    state, result = writer.value(), writer.value()
    body = _next_state(node, writer, state, [load.value for load in loads])
    carry = Accumulate(
        result, "carry", body[-1].value, node.dtype, state, int(_combine(node) == "prod")
    )
    store = writer.target(_along(node, 0, axes, sizes), axes)._replace(value=body[-1].value)
    shape = sizes.shape(node)
    stage = Stage((shape[axis],), tuple(loads), tuple(body), (carry,), (store,))
    return writer.kernel(stage, axes=tuple(shape[a] for a in kept))


def _next_state(
    node: Tensor, writer: _Writer, state: ValueId, operands: Sequence[ValueId]
) -> list[Instr]:
    """The state after a point: ``state + x``, ``state * x``, or ``a * state + b``."""

    def apply(op: Op[Any], x: ValueId, y: ValueId) -> Instr:
        template = op.template(kind(node.dtype)) or ""
        return Instr(writer.value(), op.name, (x, y), node.dtype, node.dtype, template)

    if len(operands) == 1:
        return [apply(mul if _combine(node) == "prod" else add, state, operands[0])]
    scaled = apply(mul, operands[0], state)
    return [scaled, apply(add, scaled.value, operands[1])]


def positions_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """One pass: where the mask is true, the loop index goes behind those written before."""
    mask = node.inputs[0]
    writer = _Writer(node, sizes, slot_of)
    load = writer.load(mask, _along(mask, 0, (0,), sizes), (0,))
    state, result, number, after = (writer.value() for _ in range(4))
    body = (
        Instr(number, "cast", (load.value,), "int64", "bool", ""),
        Instr(after, "add", (state, number), "int64", "int64", "{0} + {1}"),
        Instr(writer.value(), "index", (), "int64", "int64", "", 0),
    )
    carry = Accumulate(result, "carry", after, "int64", state)
    place = AxisMap(None, sizes.zero, sizes.one, gathered=0)
    access = address(slot_of(node), sizes.shape(node), (place,), (0,), sizes, (state,))
    store = Store(body[-1].value, access, "", load.value)
    return writer.kernel(Stage(sizes.shape(mask), (load,), body, (carry,), (store,)))


def unfold_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """All entries in parallel; a window's place adds its own stride to that of the window."""
    writer = _Writer(node, sizes, slot_of)
    x, axes = node.inputs[0], node.attrs["axes"]
    steps = [sizes.integer(t) for t in node.inputs[1:]]
    strides = contiguous(sizes.shape(x), sizes)
    reads = [sizes.mul(strides[a], steps[4 * k + 3]) for k, a in enumerate(axes)]
    for a, stride in enumerate(strides):
        step = steps[4 * axes.index(a) + 2] if a in axes else sizes.one
        reads.append(sizes.mul(stride, step))
    shape, over = sizes.shape(node), space_axes(node)
    writes = contiguous(shape, sizes)
    load = Load(
        writer.value(), Access(slot_of(x), sizes.zero, tuple(reads[a] for a in over)), x.dtype
    )
    store = Store(load.value, Access(slot_of(node), sizes.zero, tuple(writes[a] for a in over)))
    return writer.kernel(Stage((), (load,), (), (), (store,)), axes=tuple(shape[a] for a in over))


def fold_kernel(node: Tensor, sizes: SizeTable, slot_of: SlotOf) -> Kernel:
    """The axes along which no window moves in parallel; on each, zeros, and then one place of the
    windows after the other, added where it belongs."""
    writer = _Writer(node, sizes, slot_of)
    x, axes = node.inputs[0], node.attrs["axes"]
    rank, steps = len(axes), [sizes.integer(t) for t in node.inputs[1:]]
    shape, source = sizes.shape(node), sizes.shape(x)
    target, strides = contiguous(shape, sizes), contiguous(source, sizes)
    rest = [a for a in range(node.ndim) if a not in axes]
    zero = Instr(writer.value(), "const", (), node.dtype, node.dtype, "", 0)
    clear = Access(slot_of(node), sizes.zero, tuple(target[a] for a in (*rest, *axes)))
    blank = Stage(tuple(shape[a] for a in axes), (), (zero,), (), (Store(zero.value, clear),))
    inner = [*range(rank), *(rank + a for a in axes)]
    read = Access(
        slot_of(x), sizes.zero, tuple(strides[r] for r in (*(rank + a for a in rest), *inner))
    )
    load = Load(writer.value(), read, x.dtype)
    places = [sizes.mul(target[a], steps[3 * k + 2]) for k, a in enumerate(axes)]
    places += [sizes.mul(target[a], steps[3 * k + 1]) for k, a in enumerate(axes)]
    write = Access(slot_of(node), sizes.zero, (*(target[a] for a in rest), *places))
    add_up = Stage(
        tuple(source[r] for r in inner), (load,), (), (), (Store(load.value, write, "sum"),)
    )
    return writer.kernel(blank, add_up, axes=tuple(shape[a] for a in rest))


#: The kernels by the family of their op.
STANDALONE: Mapping[str, Callable[[Tensor, SizeTable, SlotOf], Kernel]] = {
    "join": join_kernel,
    "window_update": window_update_kernel,
    "scatter": scatter_kernel,
    "cumulative": cumulative_kernel,
    "positions": positions_kernel,
    "unfold": unfold_kernel,
    "fold": fold_kernel,
}
