"""Copies that only products of matrices read, such as the windows of a convolution.

A window is as large as a filter, so all windows of an image together are as many times larger than
the image. Where that is more than memory should hold, they are not written: the product reads the
image itself, at places that tables tell. A table has one entry for each row, column and summed
entry, as a place in memory is a sum of what each of these adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..lower.memory import reads_and_writes
from ..program import Call, Instr, Kernel, Program, SlotId, View
from .frame import Frame
from .machine import Array

#: A copy of more bytes is not written.
LARGEST = 256 << 20


class Deferred(NamedTuple):
    """A copy that is not written: entry ``p`` in memory order is that of ``source`` at ``offset``
    plus, for each axis, the index of ``p`` there times the stride."""

    source: Array
    offset: int
    lengths: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def buffer(self) -> object:
        """The buffer in which its entries are."""
        return self.source.buffer


def only_for_products(program: Program) -> frozenset[SlotId]:
    """The slots that a kernel copies and nothing but products of matrices reads, and their views
    under other shapes."""
    made = {slot for step in program.steps for slot in [_copied(step)] if slot is not None}
    if not made:
        return frozenset()
    root = {slot: slot for slot in made}
    for step in program.steps:
        if isinstance(step, View) and step.source in root:
            root[step.output] = root[step.source]
    outside = {*program.outputs, *(commit.slot for commit in program.commits)}
    outside |= {size.args[0] for size in program.sizes if size.kind == "value"}
    lost = {root[slot] for slot in outside if slot in root}
    for step in program.steps:
        product = isinstance(step, Call) and step.op == "contract" and not step.host
        if not product and not isinstance(step, View):
            lost |= {root[slot] for slot in reads_and_writes(step)[0] if slot in root}
    return frozenset(slot for slot, first in root.items() if first not in lost)


def _copied(step: object) -> SlotId | None:
    """The slot that a kernel fills with entries of another, if that is all it does."""
    if not isinstance(step, Kernel) or len(step.stages) != 1 or step.totals or step.scratch:
        return None
    (stage,) = step.stages
    if stage.inner or stage.accumulates or len(stage.loads) != 1 or len(stage.stores) != 1:
        return None
    (load,), (store,) = stage.loads, stage.stores
    value = load.value
    for entry in stage.body:
        if not isinstance(entry, Instr) or entry.args != (value,) or entry.template != "{0}":
            return None
        if entry.dtype != load.dtype:
            return None
        value = entry.value
    plain = store.value == value and not store.combine and store.where is None
    return store.access.slot if plain and load.access.slot != store.access.slot else None


def deferred(kernel: Kernel, frame: Frame) -> Deferred | None:
    """The copy as it would be read in place, if it is large and fills its slot in order."""
    (stage,) = kernel.stages
    load, store = stage.loads[0].access, stage.stores[0].access
    known, source = frame.plan.known, frame.arrays[load.slot]
    size = frame.plan.product(frame.program.slots[store.slot].shape)
    if not isinstance(source, Array) or size * source.dtype.itemsize <= LARGEST:
        return None
    lengths = tuple(known[axis] for axis in kernel.axes)
    contiguous = tuple(int(n) for n in np.cumprod((1, *lengths[:0:-1]))[::-1])
    written = tuple(known[stride] for stride in store.strides)
    if known[store.offset] or written != contiguous or int(np.prod(lengths)) != size:
        return None
    strides = tuple(known[stride] for stride in load.strides)
    return Deferred(source, known[load.offset], lengths, strides)


def places(
    operand: Array | Deferred, lengths: Sequence[int], strides: Sequence[int]
) -> list[np.ndarray]:
    """What each index of each of three roles adds to the place of an entry; the first role
    includes where the operand begins. ``lengths`` and ``strides`` are those of the roles."""
    found = [np.arange(n, dtype=np.int64) * step for n, step in zip(lengths, strides, strict=True)]
    if isinstance(operand, Array):
        return found
    begin, *found = (_place(operand, p) for p in (np.zeros(1, np.int64), *found))
    return [found[0], *(p - begin for p in found[1:])]


def _place(operand: Deferred, positions: np.ndarray) -> np.ndarray:
    indices = np.unravel_index(positions, operand.lengths)
    steps = zip(indices, operand.strides, strict=True)
    return np.asarray(sum((i * s for i, s in steps), np.int64(operand.offset)), np.int64)
