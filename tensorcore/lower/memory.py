"""Which slots share a buffer: the plan by liveness, in terms of symbolic lengths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..dtypes import DTYPES
from ..program import (
    Call,
    Commit,
    Kernel,
    Program,
    SizeId,
    Slot,
    SlotId,
    Step,
    Storage,
    View,
)
from .sizes import SizeTable


def reads_and_writes(step: Step) -> tuple[set[SlotId], set[SlotId]]:
    """The slots a step reads and those it defines."""
    if isinstance(step, Kernel):
        reads = {load.access.slot for stage in step.stages for load in stage.all_loads()}
        writes = {store.access.slot for stage in step.stages for store in stage.stores}
        return reads, writes
    if isinstance(step, Call):
        return set(step.inputs), set(step.outputs)
    if isinstance(step, View):
        return {step.source}, {step.output}
    return set(), set()


def plan(
    slots: Sequence[Slot],
    steps: Sequence[Step],
    fixed: Iterable[SlotId],
    sizes: SizeTable,
) -> Storage:
    """Buffers for all slots but the ``fixed`` ones and views.

    A buffer is reused for another slot of the same symbolic length once nobody reads it; a
    step's results never share with its own operands.
    """
    root = list(range(len(slots)))
    last: dict[SlotId, int] = {}
    for number, step in enumerate(steps):
        if isinstance(step, View):
            root[step.output] = root[step.source]
        reads, writes = reads_and_writes(step)
        for slot in reads | writes:
            last[root[slot]] = number
    bound = set(fixed)
    of = [-1] * len(slots)
    elements: list[SizeId] = []
    itemsizes: list[int] = []
    free: defaultdict[tuple[SizeId, int], list[int]] = defaultdict(list)
    ending: defaultdict[int, list[SlotId]] = defaultdict(list)
    for slot, number in last.items():
        ending[number].append(slot)
    for number, step in enumerate(steps):
        if not isinstance(step, View):
            for slot in sorted(reads_and_writes(step)[1]):
                if slot in bound or of[slot] >= 0:
                    continue
                length = sizes.mul(*slots[slot].shape)
                itemsize = DTYPES[slots[slot].dtype].itemsize
                pool = free[length, itemsize]
                if pool:
                    of[slot] = pool.pop()
                else:
                    of[slot] = len(elements)
                    elements.append(length)
                    itemsizes.append(itemsize)
        for slot in sorted(ending[number]):
            if of[slot] >= 0:
                free[elements[of[slot]], itemsizes[of[slot]]].append(of[slot])
    return Storage(tuple(of), tuple(elements), tuple(itemsizes))


def in_place(program: Program) -> tuple[Commit, ...]:
    """The commits, marked where the new value may be written over the old one.

    That needs one segment (so no check of sizes can fail in between), a producer that reads
    the cell only where it then writes, no reader of the old value afterwards, and no later
    step that may fail.
    """
    viewed = {step.source for step in program.steps if isinstance(step, View)}
    writer: dict[SlotId, int] = {}
    reader: dict[SlotId, int] = {}
    for number, step in enumerate(program.steps):
        reads, writes = reads_and_writes(step)
        writer.update(dict.fromkeys(writes, number))
        reader.update(dict.fromkeys(reads, number))
    last_failure = max((k for k, s in enumerate(program.steps) if _may_fail(s)), default=-1)
    result = []
    for commit in program.commits:
        cell = program.cells[commit.cell]
        number = writer.get(commit.slot, -1)
        fits = cell not in viewed and number >= max(reader.get(cell, -1), last_failure, 0)
        fits = fits and _maps_onto(program.steps[number], cell, commit.slot)
        result.append(Commit(commit.cell, commit.slot, fits))
    return tuple(result)


def _may_fail(step: Step) -> bool:
    return bool(step.failures if isinstance(step, Kernel) else isinstance(step, Call) and step.host)


def _maps_onto(step: Step, cell: SlotId, slot: SlotId) -> bool:
    """Whether the step may write ``slot`` over ``cell``: it is a plain map that reads the cell
    at the point it writes; or it starts from a copy of the cell and then only changes that,
    all its checks done before."""
    if not isinstance(step, Kernel):
        return False
    stages = [s for s in step.stages if s.stores]
    if len(step.stages) == 1 and not step.stages[0].inner and not step.failures:
        stores = [s.access for s in stages[0].stores if s.access.slot == slot]
        loads = [a.access for a in stages[0].all_loads() if a.access.slot == cell]
        return len(stores) == 1 and all(a == stores[0] for a in loads)
    others = [s for s in step.stages if s is not stages[0]]
    reads = {load.access.slot for s in others for load in s.all_loads()}
    return stages[0].copied() == cell and cell not in reads
