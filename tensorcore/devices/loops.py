"""Steps that hold Programs: loops and branches. A loop's rows are parts of its arrays, or copies
where a device cannot name a part."""

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


def row_of(array: Array, number: int) -> Array | None:
    """One row of an array, in its place; None where it has none by itself."""
    part = array.memory.part(array.buffer, number * _row_bytes(array))
    return part and Array(array.memory, part, array.shape[1:], array.dtype)


def read_row(array: Array, number: int) -> Array:
    """One row of an array, or a copy of it."""
    row = row_of(array, number)
    if row is None:
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


def _with(words: str, *runners: Any) -> str:
    """What a step brings to the host, with what the Programs inside it do."""
    inside = [line for runner in runners for line in runner.crossings()]
    return " ".join([words, f"(inside it {', '.join(inside)})" if inside else ""]).strip()


class BranchStep:
    """One of two Programs."""

    waits = True

    def __init__(self, step: Branch, runners: Sequence[Any]) -> None:
        self.step = step
        self.runners = runners
        self.crosses = _with("reads its condition", *runners)

    def run(self, frame: Frame) -> None:
        """See ``steps.RunningStep``."""
        frame.judge()
        chosen = 0 if int(frame.arrays[self.step.condition]) else 1
        given = [frame.arrays[slot] for slot in self.step.inputs[chosen]]
        runner = self.runners[chosen]
        own = runner.frame(given, frame.error, frame.failures)
        runner.run(own)
        found = runner.results(own)
        for slot, array in zip(self.step.outputs, found, strict=True):
            frame.arrays[slot] = array


class LoopStep:
    """A Program for each of many positions."""

    def __init__(self, step: Loop, runner: Any) -> None:
        self.step = step
        self.runner = runner
        self.waits = step.until is not None or not runner.repeats
        ends = "" if step.until is None else "reads whether it ends, in each turn"
        self.crosses = _with(ends, runner)

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
            own = self.runner.frame(
                [bound[slot] for slot in loop.body.inputs], frame.error, frame.failures
            )
            found = [state.next(done) for state in states]
            if loop.until is not None:
                found.append(frame.memory.empty((), np.dtype(np.bool_)))
            self.runner.run_into(own, found)
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
        self._ring = carried.ring is not None

    def _place(self, number: int) -> int:
        """Where the row goes that is the so many-th in the order of the iterations."""
        return self.result.shape[0] - 1 - number if self.reverse else number

    def next(self, done: int) -> Array:
        """Where an iteration's row goes: its place in the result, or an array of its own."""
        row = None if self._ring else row_of(self.result, self._place(self.carried.depth + done))
        if row is None:
            row = self.result.memory.empty(self.result.shape[1:], self.result.dtype)
        return row

    def take(self, row: Array, done: int) -> None:
        """The row that an iteration has made."""
        self.recent.append(row)
        place = self._place(self.carried.depth + done)
        if not self._ring and row_of(self.result, place) is None:
            write_row(self.result, place, row)

    def finish(self, done: int) -> None:
        """After the last iteration."""
        if self._ring:
            for k, row in enumerate(list(self.recent)[-self.carried.depth :]):
                write_row(self.result, self._place(k), row)
