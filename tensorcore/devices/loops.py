"""Steps that hold Programs: loops and branches. Their rows are copied on the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Branch, Carried, Loop
from .frame import Frame
from .machine import Array


def _row_bytes(array: Array) -> int:
    size = array.dtype.itemsize
    for length in array.shape[1:]:
        size *= length
    return int(size)


def read_row(array: Array, number: int) -> Array:
    """A copy of one row of an array."""
    row = array.memory.empty(array.shape[1:], array.dtype)
    size = _row_bytes(array)
    if size:
        array.memory.move(row.buffer, 0, array.buffer, number * size, size)
    return row


def write_row(array: Array, number: int, row: Array) -> None:
    """Copy a row into an array."""
    size = _row_bytes(array)
    if size:
        array.memory.move(array.buffer, number * size, row.buffer, 0, size)


def _inside(runner: Any, frame: Frame, given: Sequence[Array]) -> list[Array]:
    """The outputs of a Program inside a step."""
    own = runner.frame(given, frame.error, frame.failures)
    runner.run(own)
    found: list[Array] = runner.results(own)
    return found


class BranchStep:
    """One of two Programs."""

    def __init__(self, step: Branch, runners: Sequence[Any]) -> None:
        self.step = step
        self.runners = runners

    def run(self, frame: Frame) -> None:
        """See ``steps.RunningStep``."""
        frame.judge()
        chosen = 0 if int(frame.arrays[self.step.condition]) else 1
        given = [frame.arrays[slot] for slot in self.step.inputs[chosen]]
        found = _inside(self.runners[chosen], frame, given)
        for slot, array in zip(self.step.outputs, found, strict=True):
            frame.arrays[slot] = array


class LoopStep:
    """A Program for each of many positions."""

    def __init__(self, step: Loop, runner: Any) -> None:
        self.step = step
        self.runner = runner

    def run(self, frame: Frame) -> None:
        """See ``steps.RunningStep``."""
        loop, known = self.step, frame.plan.known
        count = known[loop.iterations]
        states = [_State(frame, carried, loop.reverse) for carried in loop.carried]
        bound: dict[int, Any] = dict.fromkeys(loop.body.inputs)
        bound.update((inner, frame.arrays[slot]) for slot, inner in loop.invariants)
        done = 0
        for position in range(count - 1, -1, -1) if loop.reverse else range(count):
            for slot, offset, stride, inner in loop.rows:
                bound[inner] = read_row(
                    frame.arrays[slot], known[offset] + position * known[stride]
                )
            for state in states:
                taps = state.carried.taps
                bound.update((inner, state.recent[-distance]) for distance, inner in taps)
            found = _inside(self.runner, frame, [bound[slot] for slot in loop.body.inputs])
            for state, array in zip(states, found, strict=False):
                state.take(array, done)
            done += 1
            if loop.until is not None:
                frame.judge()
                if int(found[-1]):
                    break
        for state in states:
            state.finish(done)
        if loop.done is not None:
            frame.arrays[loop.done] = frame.memory.put(np.array(done, np.int64))


class _State:
    """What a loop writes: the rows that are kept, and those that it reads back."""

    def __init__(self, frame: Frame, carried: Carried, reverse: bool) -> None:
        self.carried = carried
        self.reverse = reverse
        self.result = frame.made(carried.result)
        if self.result.nbytes:
            frame.memory.clear(self.result.buffer, self.result.nbytes)
        self.recent: deque[Array] = deque(maxlen=max(carried.depth, 1))
        if carried.init is not None:
            source = frame.arrays[carried.init]
            shape = (carried.depth, *self.result.shape[1:])
            rows = Array(source.memory, source.buffer, shape, source.dtype)
            order = range(carried.depth)
            for k, number in enumerate(reversed(order) if reverse else order):
                row = read_row(rows, number)
                self.recent.append(row)
                if carried.ring is None:
                    write_row(self.result, self._place(k), row)

    def _place(self, number: int) -> int:
        """Where the row goes that is the so many-th in the order of the iterations."""
        return self.result.shape[0] - 1 - number if self.reverse else number

    def take(self, row: Array, done: int) -> None:
        """The row that an iteration has made."""
        self.recent.append(row)
        if self.carried.ring is None:
            write_row(self.result, self._place(self.carried.depth + done), row)

    def finish(self, done: int) -> None:
        """After the last iteration."""
        if self.carried.ring is not None:
            for k, row in enumerate(list(self.recent)[-self.carried.depth :]):
                write_row(self.result, self._place(k), row)
