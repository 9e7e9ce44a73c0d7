"""A Program on a device: its steps are put into the queue one after the other, and nobody waits for
them before results are fetched or a size is read."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import Timing
from ..codegen.dialect import Dialect
from ..codegen.items import ItemKernel, item_kernels
from ..errors import CompileError
from ..program import Failure, Instr, Program, Sizes, SlotId, View, all_kernels
from .calls import WithCalls, texts_of_calls
from .copies import only_for_products
from .frame import Frame, Plan
from .loops import LoopStep
from .machine import Array, Built, Device
from .steps import Making, step_of

#: For so many shapes of the arguments the sizes and launches are remembered.
_PLANS = 16


class DeviceExecutable:
    """An Executable on a device; see ``tensorcore.backend``."""

    def __init__(self, device: Device, program: Program) -> None:
        self.program = program
        self.device = device
        dialect = device.dialect()
        self.built, kernels = self._build(dialect)
        self._wide: Built | None = self.built if dialect.indices == "i64" else None
        self._failures: list[Failure] = []
        making = Making(
            device, self.built, self._widely, dialect, iter(kernels), self._failures, Runner
        )
        self._runner = Runner(program, making)
        self._reports = bool(self._failures)

    def _build(self, dialect: Dialect) -> tuple[WithCalls, tuple[ItemKernel, ...]]:
        """All functions on the device, and how kernels are run. Raises CompileError."""
        text, kernels = item_kernels(self.program, dialect)
        texts = texts_of_calls(self.program, dialect)
        try:
            own = self.device.build(text) if kernels else None
        except CompileError as problem:
            raise explained(problem, self.program, kernels) from None
        return WithCalls(own, self.device, dialect, texts), kernels

    def _widely(self) -> Built:
        """The same functions for indices of 64 bits, built when sizes first ask for them."""
        if self._wide is None:
            self._wide, _ = self._build(self.device.dialect(wide=True))
        return self._wide

    def notes(self) -> dict[str, str]:
        """See ``tensorcore.backend.Described``."""
        crossed = "; ".join(self._runner.crossings()) or "arguments and results alone"
        return {
            "compiled code": self.built.origin,
            "memory of the device": self.device.memory.held(),
            "between host and device": crossed,
        }

    def timings(self) -> list[Timing]:
        """See ``tensorcore.backend.Timed``."""
        return [Timing(k, n, t) for k, (n, t) in enumerate(self._runner.times)]

    def __call__(
        self, inputs: Sequence[Array], cells: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """See ``tensorcore.backend.Executable``."""
        self.device.check()
        with self.device.lock:
            frame = self.begin([*inputs, *cells])
            frame.judge()
            made = self.results(frame)
        count = len(self.program.outputs)
        return made[:count], made[count:]

    @property
    def repeats(self) -> bool:
        """Whether the commands of a call follow from the shapes of its arguments alone: nothing is
        read between them, and no Python code runs."""
        return self._runner.repeats

    def begin(self, given: Sequence[Array]) -> Frame:
        """Put all steps of a call into the queue."""
        frame = self.frame(given)
        self._runner.run(frame)
        return frame

    def frame(self, given: Sequence[Array]) -> Frame:
        """What a call begins with."""
        error = self._record() if self._reports else None
        return self._runner.frame(given, error, self._failures)

    @property
    def steps_done(self) -> int:
        """How many steps were put into the queue so far, over all calls."""
        return self._runner.all_done()

    def places(self, given: Sequence[Array]) -> list[Array]:
        """New arrays of the right shapes for all results, where ``repeats`` says that the shapes
        of arguments decide that."""
        return self._runner.places(self.frame(given))

    def begin_into(self, given: Sequence[Array], places: Sequence[Array]) -> Frame:
        """As ``begin``; the results are written into ``places``."""
        frame = self.frame(given)
        self._runner.run_into(frame, places)
        return frame

    def results(self, frame: Frame) -> list[Array]:
        """Outputs and then values of commits, each with a buffer of its own."""
        return self._runner.results(frame)

    def _record(self) -> Array:
        """The record of errors, zero at first."""
        record = self.device.memory.empty((4,), np.dtype(np.int64))
        self.device.memory.clear(record.buffer, record.nbytes)
        return record


def explained(
    problem: CompileError, program: Program, kernels: Sequence[ItemKernel]
) -> CompileError:
    """The error of a device's compiler, with the ops of the kernels that it names."""
    words = str(problem)
    log = words.split("source:", maxsplit=1)[0]
    for (_, kernel), spec in zip(all_kernels(program), kernels, strict=True):
        named = [name for name in spec.names if re.search(rf"\b{name}\b", log)]
        if not named:
            continue
        ops = [e.op for s in kernel.stages for e in s.body if isinstance(e, Instr)]
        ops += [a.combine for s in kernel.stages for a in s.accumulates]
        made = f", made at {', '.join(kernel.origins[:3])}" if kernel.origins else ""
        words += f"\nkernel {named[0]} computes: {', '.join(dict.fromkeys(ops))}{made}"
    return CompileError(words)


class Runner:
    """Runs the steps of a Program, or of one inside a step."""

    def __init__(self, program: Program, making: Making) -> None:
        self.program = program
        self.device = making.device
        copies = only_for_products(program)
        self.steps = [
            (k, step_of(step, program, making, copies))
            for k, step in enumerate(program.steps)
            if not isinstance(step, Sizes)
        ]
        self.times = [(0, 0.0)] * len(program.steps)
        self._constants = [self.device.memory.put(value) for _, value in program.constants]
        self._bound = program.bound()
        self._results = (*program.outputs, *(commit.slot for commit in program.commits))
        self._dies = _deaths(program)
        #: Whether all sizes follow from the shapes of what is bound.
        self._plain = not any(size.kind == "value" for size in program.sizes)
        waits = any(step.waits for _, step in self.steps)
        self.repeats = self._plain and not program.timed and not waits
        #: How many steps it has put into the queue, those of loops as often as they ran.
        self.done = 0
        self._plans: OrderedDict[Any, Plan] = OrderedDict()
        self._sizes = [(k, step) for k, step in enumerate(program.steps) if isinstance(step, Sizes)]
        every: list[tuple[int, Any]] = [*self.steps, *self._sizes]
        self._order = sorted(every, key=lambda pair: pair[0])

    def frame(
        self, given: Sequence[Array], error: Array | None, failures: Sequence[Failure]
    ) -> Frame:
        """What a call with these arguments begins with. Raises what the checks of sizes raise."""
        arrays: list[Any] = [None] * len(self.program.slots)
        for slot, array in zip(self._bound, (*given, *self._constants), strict=True):
            arrays[slot] = array
        if not self._plain:
            return Frame(self, arrays, Plan([0] * len(self.program.sizes)), error, failures)
        key = tuple(array.shape for array in given)
        plan = self._plans.get(key)
        if plan is None:
            plan = Plan([0] * len(self.program.sizes))
            for _, step in self._sizes:
                self.program.measure(step, plan.known, arrays)
            self._plans[key] = plan
            if len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(key)
        return Frame(self, arrays, plan, error, failures)

    def run(self, frame: Frame, only: range | None = None) -> None:
        """Put all steps into the queue, or those whose numbers are in ``only``."""
        timed = self.program.timed
        steps: list[tuple[int, Any]] = self.steps if self._plain else self._order
        if only is not None:
            steps = [pair for pair in steps if pair[0] in only]
        self.done += len(steps)
        for k, step in steps:
            start = time.perf_counter() if timed else 0.0
            if isinstance(step, Sizes):
                if any(self.program.sizes[size].kind == "value" for size in step.ids):
                    frame.judge()  # what follows from a failed step is no size
                self.program.measure(step, frame.plan.known, frame.arrays)
            else:
                step.run(frame)
            for slot in self._dies.get(k, ()):
                frame.arrays[slot] = None
            if timed:
                self.device.finish()
                calls, seconds = self.times[k]
                self.times[k] = calls + 1, seconds + time.perf_counter() - start

    def crossings(self) -> list[str]:
        """In words, the steps that bring values to the host, or from there."""
        found = []
        for k, step in self._order:
            if not isinstance(step, Sizes):
                words = step.crosses
            else:
                read = any(self.program.sizes[size].kind == "value" for size in step.ids)
                words = "reads sizes" if read else ""
            found += [f"step {k} {words}"] if words else []
        return found

    def all_done(self) -> int:
        """As ``done``, with the Programs inside steps."""
        inside = (step.runner for _, step in self.steps if isinstance(step, LoopStep))
        return int(self.done + sum(runner.all_done() for runner in inside))

    def places(self, frame: Frame) -> list[Array]:
        """New arrays for the results of a frame whose sizes are known."""
        slots = self.program.slots
        return [
            frame.memory.empty(frame.shape(slot), np.dtype(slots[slot].dtype))
            for slot in self._results
        ]

    def run_into(self, frame: Frame, places: Sequence[Array]) -> None:
        """Put all steps into the queue, and the results into ``places``: at once where the step
        that makes one asks for a buffer, else by a copy at the end."""
        for slot, place in zip(self._results, places, strict=True):
            if frame.arrays[slot] is None:
                frame.arrays[slot] = place
        self.run(frame)
        for slot, place in zip(self._results, places, strict=True):
            array = frame.arrays[slot]
            if array.buffer is not place.buffer and place.nbytes:
                frame.memory.move(place.buffer, 0, array.buffer, 0, place.nbytes)

    def results(self, frame: Frame, without: SlotId | None = None) -> list[Any]:
        """Outputs and then values of commits, each with a buffer of its own; None for the slot
        ``without``."""
        taken = {id(frame.arrays[slot].buffer) for slot in self._bound}
        found: list[Any] = []
        for slot in self._results:
            array = frame.arrays[slot]
            if slot == without:
                found.append(None)
                continue
            if id(array.buffer) in taken:
                array = self.device.memory.copy(array)
            taken.add(id(array.buffer))
            found.append(array)
        return found


def _deaths(program: Program) -> dict[int, list[int]]:
    """By step, the slots that nobody uses after it, views of them included. What sizes are read
    from stays, as plans do not count that."""
    root = list(range(len(program.slots)))
    for step in program.steps:
        if isinstance(step, View):
            root[step.output] = root[step.source]
    found: dict[int, list[int]] = {}
    sized = {size.args[0] for size in program.sizes if size.kind == "value"}
    for life in program.storage:
        if life.slot in sized:
            continue
        views = [slot for slot, source in enumerate(root) if source == life.slot]
        found.setdefault(life.last, []).extend(views)
    return found
