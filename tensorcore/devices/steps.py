"""The steps of a Program as objects that put commands into the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..codegen.dialect import Dialect
from ..codegen.items import NARROW, ItemKernel, items_of
from ..codegen.products import matrices, product
from ..interpret import call
from ..ops.contraction import matrix_form
from ..program import Branch, Call, Failure, Kernel, Loop, Program, SlotId, View
from .copies import Deferred, deferred, places
from .frame import Frame
from .loops import BranchStep, LoopStep
from .machine import SCATTERS, Array, Built, Device, Entry
from .scatter import ScatterStep
from .sharing import GROUPS_PER_UNIT, Share, Sorter, chunks, spread


class RunningStep(Protocol):
    """A step, ready to run. ``waits``: it reads values on the host, or what it puts into the queue
    depends on more than sizes; so a call that has it cannot be replayed. ``crosses`` says in words
    what goes between host and device at it; empty where nothing does."""

    @property
    def waits(self) -> bool:
        """See above."""
        ...

    @property
    def crosses(self) -> str:
        """See above."""
        ...

    def run(self, frame: Frame) -> None:
        """Put its commands into the queue."""
        ...


class Making(NamedTuple):
    """What steps are made from. ``wide`` builds the same functions for indices of 64 bits, where
    those of ``built`` have fewer. ``kernels`` are those of ``all_kernels``, in turn; each step that
    may fail adds to ``failures``; ``inside`` makes the runner of a Program inside a step."""

    device: Device
    built: Built
    wide: Callable[[], Built]
    dialect: Dialect
    kernels: Iterator[ItemKernel]
    failures: list[Failure]
    inside: Callable[..., Any]

    @property
    def group(self) -> int:
        """Work-items in a group."""
        return items_of(self.dialect).group

    def share(self, chunked: bool) -> Share:
        """What launches functions whose points are shared out."""
        return Share(self.device, self.group, chunked)


def step_of(step: Any, program: Program, making: Making, copies: frozenset[SlotId]) -> RunningStep:
    """The step, ready to run. ``copies``: slots that only products read (``copies.py``). Raises
    CompileError where the program lacks its function."""
    if isinstance(step, Kernel):
        made = KernelStep(step, next(making.kernels), making)
        written = step.stages[0].stores[0].access.slot if step.stages[0].stores else None
        return CopyStep(step, made, written) if written in copies else made
    if isinstance(step, Call) and step.op == "contract" and not step.host:
        return ContractStep(step, program, making, not copies.isdisjoint(step.inputs))
    if isinstance(step, View):
        return ViewStep(step)
    if isinstance(step, Loop):
        return LoopStep(step, making.inside(step.body, making))
    if isinstance(step, Branch):
        return BranchStep(step, [making.inside(body, making) for body in step.bodies])
    if step.host:
        return HostStep(step)
    return _CALLS.get(step.op, LibraryStep)(step, program, making)


class KernelStep:
    """The functions of one kernel."""

    waits, crosses = False, ""

    def __init__(self, kernel: Kernel, spec: ItemKernel, making: Making) -> None:
        self.spec = spec
        #: The function that does nothing but copy a slot, the slot and where to.
        self.copied = _copied(kernel, spec)
        self.device, self.group = making.device, making.group
        self.functions = [making.built.entry(name) for name in spec.names]
        self._narrow, self._wide = making.dialect.indices == "i32", making.wide
        self.failure = np.int64(len(making.failures))
        making.failures.extend(spec.failures)

    def _fits(self, frame: Frame) -> bool:
        """Whether the indices of the functions at hand hold all sizes and addresses."""
        plan, slots = frame.plan, frame.program.slots
        if not self._narrow:
            return True
        counts = [plan.product(slots[slot].shape) for slot in self.spec.slots]
        counts += [plan.product(launch.points) for launch in self.spec.launches]
        counts += [plan.product(inner) for launch in self.spec.launches for inner in launch.rows]
        counts += [abs(plan.known[size]) for size in self.spec.sizes]
        return max(counts, default=0) <= NARROW

    def _prepare(self, frame: Frame) -> tuple[Any, ...]:
        """How each function is launched, and how many workers have rows, for these sizes."""
        spec, plan = self.spec, frame.plan
        functions, wide = self.functions, not self._narrow
        if not self._fits(frame):
            functions, wide = [self._wide().entry(name) for name in spec.names], True
        sizes = (plan.integer(size, wide) for size in spec.sizes)
        numbers = (*sizes, *spec.numbers, self.failure)
        launches, most, shared = [], 0, 0
        for k, (function, launch) in enumerate(zip(functions, spec.launches, strict=True)):
            groups, chunk = spread(launch, plan, self.device, self.group)
            local = 1 if launch.way == "one" else self.group
            if groups:
                launches.append((k, function, (*numbers, np.int64(chunk)), groups, local))
                shared = spec.shared_bytes and max(shared, 16)
                shared = shared if launch.cut == "whole" else spec.shared_bytes
            rows = {"items": local, "groups": launch.per, "teams": self.group // chunk}
            each = rows.get(launch.way, 1)
            most = max(most, groups * each)
        return launches, most, shared

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        spec, plan = self.spec, frame.plan
        ready = plan.ready.get(id(self))
        if ready is None:
            ready = plan.ready[id(self)] = self._prepare(frame)
        launches, workers, shared = ready
        buffers = []
        for k, slot in enumerate(spec.slots):
            if k in spec.own:
                dtype = np.dtype(frame.program.slots[slot].dtype)
                shape = (workers, *frame.shape(slot))
                buffers.append(frame.memory.empty(shape, dtype).buffer)
            else:
                buffers.append(frame.made(slot).buffer)
        if spec.shared_bytes:
            buffers.append(frame.memory.room(shared))
        if spec.reports:
            assert frame.error is not None
            buffers.append(frame.error.buffer)
        there = self._is_there(frame)
        for k, function, numbers, groups, local in launches:
            if k != there:
                function.launch(buffers, numbers, groups, local)

    def _is_there(self, frame: Frame) -> int | None:
        """The function that copies a buffer onto itself, if any."""
        if self.copied is None:
            return None
        function, source, target = self.copied
        same = frame.arrays[source].buffer is frame.arrays[target].buffer
        return function if same else None


def _copied(kernel: Kernel, spec: ItemKernel) -> tuple[int, SlotId, SlotId] | None:
    for number, stage in enumerate(kernel.stages):
        source = stage.copied()
        alone = [k for k, name in enumerate(spec.names) if name.endswith(f"_{number}")]
        if source is not None and alone and not kernel.axes:
            return alone[0], source, stage.stores[0].access.slot
    return None


class CopyStep:
    """A copy that only products read; one that is large they read where it comes from."""

    waits, crosses = False, ""

    def __init__(self, step: Kernel, written: KernelStep, slot: SlotId) -> None:
        self.step, self.written, self.slot = step, written, slot

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        found = deferred(self.step, frame)
        if found is None:
            self.written.run(frame)
        else:
            frame.arrays[self.slot] = found


class ViewStep:
    """The same buffer under another shape."""

    waits, crosses = False, ""

    def __init__(self, step: View) -> None:
        self.step = step

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        source = frame.arrays[self.step.source]
        if isinstance(source, Deferred):
            frame.arrays[self.step.output] = source
            return
        shape = frame.shape(self.step.output)
        frame.arrays[self.step.output] = Array(source.memory, source.buffer, shape, source.dtype)


class HostStep:
    """Python code between the steps, on arrays of the host."""

    waits = True

    def __init__(self, step: Call) -> None:
        self.step = step
        self.crosses = f"computes {step.op} on the host"

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        frame.judge()
        # An operand that is read as a size alone has no array, and the code does not look at it.
        given = [frame.arrays[slot] for slot in self.step.inputs]
        args = [None if array is None else frame.memory.get(array) for array in given]
        (out,) = self.step.outputs
        with np.errstate(all="ignore"):
            result = call(self.step, args, frame.program.slots[out].dtype)
        frame.arrays[out] = frame.memory.put(np.ascontiguousarray(result).reshape(result.shape))


class LibraryStep:
    """What a library of the device computes, or where it cannot the reference."""

    waits = True

    def __init__(self, step: Call, program: Program, making: Making) -> None:
        self.step = step
        self.library = making.device.library(step)
        self.reference = HostStep(step)
        self.crosses = "" if self.library else self.reference.crosses

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        frame.judge()  # what follows from a failed step is no matrix
        (out,) = self.step.outputs
        operands = [frame.arrays[slot] for slot in self.step.inputs]
        shape, dtype = frame.shape(out), np.dtype(frame.program.slots[out].dtype)
        found = self.library(operands, shape, dtype) if self.library else None
        if found is None:
            self.reference.run(frame)
        else:
            frame.arrays[out] = found


class SizeStep:
    """A size as a value."""

    waits, crosses = False, ""

    def __init__(self, step: Call, program: Program, making: Making) -> None:
        self.step = step

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        (out,) = self.step.outputs
        ready = frame.plan.ready.get(id(self))
        if ready is None:
            number = frame.plan.known[self.step.attrs["size"]]
            value = np.array(number, np.int64).astype(frame.program.slots[out].dtype)
            ready = frame.plan.ready[id(self)] = frame.memory.put(value)
        frame.arrays[out] = frame.memory.copy(ready)


class ContractStep:
    """Products of matrices, batch by batch."""

    waits, crosses = False, ""

    def __init__(self, step: Call, program: Program, making: Making, tabled: bool) -> None:
        """``tabled``: an operand may be a copy that was not written."""
        self.step = step
        self.device, self.group = making.device, making.group
        self.dtype = program.slots[step.inputs[0]].dtype
        self.form = product(self.dtype, making.dialect)
        labels = [step.attrs[key] for key in ("a", "b", "out")]
        self.sizes = matrices(step, program.slots, matrix_form(*labels))
        self.function = making.built.entry(self.form.name)
        self.tabled: Entry | None = None
        if tabled:
            self.tabled = making.built.entry(product(self.dtype, making.dialect, True).name)

    def _prepare(self, frame: Frame) -> tuple[Any, ...]:
        plan = frame.plan
        lengths = [plan.product(sizes) for sizes in self.sizes[:4]]
        strides = [0 if sizes is None else plan.product(sizes) for sizes in self.sizes.strides]
        table = self._table(frame, lengths, strides)
        library = None
        if table is None:
            library = self.device.multiplication(self.dtype, lengths, strides)
        batch, rows, columns, summed = lengths
        tiles = batch * -(-rows // self.form.rows) * -(-columns // self.form.columns)
        cost = self.form.rows * self.form.columns * max(summed, 1)
        if self.form.chunked:
            groups, chunk = chunks(tiles, tiles * cost, self.device)
        else:
            groups, chunk = -(-tiles // self.group), 1
            groups = min(groups, self.device.units * GROUPS_PER_UNIT)
        numbers = (*lengths, *(strides if table is None else strides[6:]), chunk)
        return library, table, groups, [np.int64(n) for n in numbers]

    def _table(self, frame: Frame, lengths: list[int], strides: list[int]) -> Array | None:
        """The places of entries, where an operand was not written."""
        a, b = (frame.arrays[slot] for slot in self.step.inputs)
        if not (isinstance(a, Deferred) or isinstance(b, Deferred)) or min(lengths) < 1:
            return None
        batch, rows, columns, summed = lengths
        found = places(a, (batch, rows, summed), strides[:3])
        found += places(b, (batch, summed, columns), strides[3:6])
        table: Array = frame.memory.put(np.concatenate(found))
        return table

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        ready = frame.plan.ready.get(id(self))
        if ready is None:
            ready = frame.plan.ready[id(self)] = self._prepare(frame)
        library, table, groups, numbers = ready
        slots = (*self.step.inputs, *self.step.outputs)
        buffers = [frame.made(slot).buffer for slot in slots]
        if table is not None and self.tabled is not None:
            self.tabled.launch([*buffers, table.buffer], numbers, groups, self.group)
        elif library is not None:
            library(*buffers)
        elif groups:
            self.function.launch(buffers, numbers, groups, self.group)


class OrderStep:
    """Sorted positions along the last axis."""

    waits, crosses = False, ""

    def __init__(self, step: Call, program: Program, making: Making) -> None:
        self.step = step
        self.sorter = Sorter(program.slots[step.inputs[0]].dtype, making)

    def run(self, frame: Frame) -> None:
        """See ``RunningStep``."""
        self.sorter.sort(*(frame.made(slot) for slot in (*self.step.inputs, *self.step.outputs)))


_CALLS: dict[str, Callable[[Call, Program, Making], RunningStep]] = {
    "size": SizeStep,
    "argsort": OrderStep,
    **dict.fromkeys(SCATTERS, ScatterStep),
}
