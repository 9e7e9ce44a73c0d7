"""Updates that change few entries of a variable, written straight into its buffer.

A step that adds rows to a table begins with a copy of the table, as a call that fails must leave
the table as it was. Where nobody but the variable holds the buffer, the copy is left out. Nothing
can fail once the step is in the queue: it comes last, when all results are there, and its functions
do nothing when a check before them has failed.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import setitem
from types import SimpleNamespace
from typing import Any

from ..program import Commit, Kernel, Program
from .frame import Frame
from .machine import Array, Device
from .run import DeviceExecutable
from .steps import KernelStep


def _references(cell: Sequence[Any]) -> tuple[int, int]:
    """How many refer to the array of a cell, and to its buffer."""
    array: Array = cell[0]
    return sys.getrefcount(array), sys.getrefcount(array.buffer)


def _alone() -> tuple[int, int]:
    """What is counted where only the cell and a frame's slot have the array: which of the names in
    between count is Python's affair, and differs from version to version."""
    cell: list[Any] = [SimpleNamespace(buffer=object())]
    slots = list(cell)
    counts = _references(cell)
    del slots[:]  # until here they held it
    return counts


_ALONE = _alone()


def executable(device: Device, program: Program) -> DeviceExecutable:
    """The Program on a device that carries out a call's commands as they come."""
    made = DeviceExecutable if _last(program) is None else Overwriting
    return made(device, program)


def _last(program: Program) -> Commit | None:
    """The update that is made by the last step, from a copy of its variable; None where there is no
    such update, or its value is also another result."""
    placed = [commit for commit in program.commits if commit.in_place]
    end = len(program.steps) - 1
    if len(placed) != 1 or program.commit_from != end or program.timed:
        return None
    kernel, (commit,) = program.steps[end], placed
    results = [*program.outputs, *(other.slot for other in program.commits)]
    whole = isinstance(kernel, Kernel) and any(
        stage.copied() is not None for stage in kernel.stages
    )
    return commit if whole and results.count(commit.slot) == 1 else None


class Overwriting(DeviceExecutable):
    """An Executable whose last step may write over a cell."""

    def __init__(self, device: Device, program: Program) -> None:
        super().__init__(device, program)
        commit, (_, step) = _last(program), self._runner.steps[-1]
        assert commit is not None
        self._commit = commit
        self._copies = isinstance(step, KernelStep) and step.copied is not None

    def _may_write(self, frame: Frame, cell: Sequence[Any]) -> bool:
        """Whether the new value has the sizes of the old one, which nobody else holds."""
        if frame.shape(self._commit.slot) != cell[0].shape:
            return False
        return all(n <= alone for n, alone in zip(_references(cell), _ALONE, strict=True))

    def update(
        self, inputs: Sequence[Any], cells: Sequence[Any], announce: Callable[[], object]
    ) -> Any:
        """See ``tensorcore.backend.Updates``."""
        if not self._copies:
            return NotImplemented
        self.device.check()
        program, memory = self.program, self.device.memory
        end, commit = len(program.steps) - 1, self._commit
        with self.device.lock:
            given = [memory.put(array) for array in inputs]
            frame = self.frame([*given, *(c[0] if isinstance(c, list) else c for c in cells)])
            self._runner.run(frame, range(end))
            made = self._runner.results(frame, without=commit.slot)
            outputs = [memory.get(array) for array in made[: len(program.outputs)]]
            announce()
            if self._may_write(frame, cells[commit.cell]):
                frame.arrays[commit.slot] = cells[commit.cell][0]
            self._runner.run(frame, range(end, end + 1))
            frame.judge()
        values = {
            c.slot: value for c, value in zip(program.commits, made[len(outputs) :], strict=True)
        }
        values[commit.slot] = frame.arrays[commit.slot]
        places = [cells[c.cell] for c in program.commits]
        # One call of C code, so that no signal comes in between.
        deque(map(setitem, places, repeat(0), [values[c.slot] for c in program.commits]), 0)
        return outputs
