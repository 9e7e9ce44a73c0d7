"""When each buffer is in use, and which updates are written straight into their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..dtypes import DTYPES
from ..program import (
    Branch,
    Call,
    Commit,
    Kernel,
    Life,
    Loop,
    SizeId,
    Slot,
    SlotId,
    Step,
    View,
)


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
    if isinstance(step, Loop):
        return step.reads(), step.writes()
    if isinstance(step, Branch):
        return {step.condition, *step.inputs[0], *step.inputs[1]}, set(step.outputs)
    return set(), set()


def lives(
    slots: Sequence[Slot],
    steps: Sequence[Step],
    fixed: Iterable[SlotId],
    length: Callable[[SlotId], SizeId],
) -> tuple[Life, ...]:
    """When each slot is in use, but for the ``fixed`` ones and views; ``length`` gives the number
    of its elements. A step's results never share with its own operands, as both live there."""
    root = list(range(len(slots)))
    bound = set(fixed)
    first: dict[SlotId, int] = {}
    last: dict[SlotId, int] = {}
    for number, step in enumerate(steps):
        reads, writes = reads_and_writes(step)
        if isinstance(step, View):
            root[step.output] = root[step.source]
        else:
            for slot in sorted(writes - bound):
                first.setdefault(slot, number)
        for slot in reads | writes:
            last[root[slot]] = number
    return tuple(
        Life(slot, length(slot), DTYPES[slots[slot].dtype].itemsize, start, last[slot])
        for slot, start in first.items()
    )


class Section(NamedTuple):
    """The steps in an order in which all that write over a cell stand at the end, with what
    follows from them: ``length`` steps, for ``commits`` that are written in place."""

    steps: list[Step]
    length: int
    commits: list[Commit]


def commits_last(
    steps: Sequence[Step],
    cells: Sequence[SlotId],
    commits: Sequence[Commit],
    sized: Collection[SlotId],
) -> Section:
    """Put the steps last that may write over their cells, so that whatever can fail or be
    interrupted comes before the first of them.

    A new value may be written over the old one where its producer reads the cell only at the
    place that it writes, where no later step reads the old value, and where nothing that follows
    from it can fail or is a size (``sized``: the slots that sizes read). One producer may fail,
    as a scatter does that finds a wrong index before it writes: it opens the section.
    """
    viewed = {step.source for step in steps if isinstance(step, View)}
    writer = {slot: k for k, step in enumerate(steps) for slot in reads_and_writes(step)[1]}
    wanted = {
        commit: writer[commit.slot]
        for commit in commits
        if commit.slot in writer
        and cells[commit.cell] not in viewed
        and _maps_onto(steps[writer[commit.slot]], cells[commit.cell], commit.slot)
    }
    readers: defaultdict[SlotId, list[int]] = defaultdict(list)
    for number, step in enumerate(steps):
        for slot in reads_and_writes(step)[0]:
            readers[slot].append(number)
    behind = {number: _closure(steps, number, readers) for number in set(wanted.values())}
    risky = {number for number, section in behind.items() if _risky(steps, section, number, sized)}
    failing = [number for number in sorted(behind) if _may_fail(steps[number])]
    risky.update(failing[:-1])
    wanted = {commit: number for commit, number in wanted.items() if number not in risky}
    while True:
        order = _order(steps, wanted, behind)
        position = {number: k for k, number in enumerate(order)}
        late = {
            commit: number
            for commit, number in wanted.items()
            if any(position[r] > position[number] for r in readers[cells[commit.cell]])
        }
        if not late:
            break
        wanted = {c: n for c, n in wanted.items() if n not in set(late.values())}
    length = len(set().union(*(behind[number] for number in wanted.values())))
    marked = [commit._replace(in_place=commit in wanted) for commit in commits]
    return Section([steps[number] for number in order], length, marked)


def _closure(
    steps: Sequence[Step], first: int, readers: Mapping[SlotId, Sequence[int]]
) -> frozenset[int]:
    """The step and those that read, directly or not, what it writes."""
    found, waiting = {first}, [first]
    while waiting:
        for slot in reads_and_writes(steps[waiting.pop()])[1]:
            fresh = [number for number in readers[slot] if number not in found]
            found.update(fresh)
            waiting.extend(fresh)
    return frozenset(found)


def _risky(
    steps: Sequence[Step], section: Iterable[int], writer: int, sized: Collection[SlotId]
) -> bool:
    """Whether something that follows from the writer could fail after it."""
    for number in section:
        step = steps[number]
        if not reads_and_writes(step)[1].isdisjoint(sized):
            return True
        if number != writer and not isinstance(step, View) and not is_safe(step):
            return True
    return False


def _order(
    steps: Sequence[Step], wanted: Mapping[Commit, int], behind: Mapping[int, frozenset[int]]
) -> list[int]:
    """The numbers of the steps in their new order; one that may fail opens the section."""
    section = sorted(set().union(*(behind[number] for number in wanted.values())))
    section.sort(key=lambda number: not _may_fail(steps[number]))
    inside = set(section)
    return [*(k for k in range(len(steps)) if k not in inside), *section]


def is_safe(step: Step) -> bool:
    """Whether the step cannot fail: no check inside, and no memory that it asks for."""
    if isinstance(step, Kernel):
        return not step.failures and not any(stage.accumulates for stage in step.stages)
    return isinstance(step, View)


def _may_fail(step: Step) -> bool:
    return isinstance(step, Kernel) and bool(step.failures)


def _maps_onto(step: Step, cell: SlotId, slot: SlotId) -> bool:
    """Whether the step may write ``slot`` over ``cell``: it is a plain map that reads the cell
    at the point it writes; or it starts from a copy of the cell and then only changes that,
    all its checks done before."""
    if not isinstance(step, Kernel) or any(s.accumulates for s in step.stages):
        return False  # accumulators ask for memory, and there may be none
    stages = [s for s in step.stages if s.stores]
    if len(step.stages) == 1 and not step.stages[0].inner and not step.failures:
        stores = [s.access for s in stages[0].stores if s.access.slot == slot]
        loads = [load.access for load in stages[0].all_loads() if load.access.slot == cell]
        return len(stores) == 1 and all(a._replace(slot=slot) == stores[0] for a in loads)
    others = [s for s in step.stages if s is not stages[0]]
    reads = {load.access.slot for s in others for load in s.all_loads()}
    return stages[0].copied() == cell and cell not in reads
