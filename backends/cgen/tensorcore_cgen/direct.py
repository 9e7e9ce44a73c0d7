"""Calling generated code without the C runtime: slower, works with any Python, and finds out
in words why a call fails."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorcore.errors import TensorcoreError
from tensorcore.interpret import call
from tensorcore.program import Call, Program, Sizes

from . import blas
from .callplan import (
    HOST,
    PART,
    PLACE,
    ROOM,
    SPLIT,
    CallPlan,
    Context,
    Result,
    address,
    plain,
    results,
)
from .frames import Frame, frames, step_number
from .library import Library

#: Scalar operations between two moments in which Python may handle a signal: some 10 ms.
_PATIENCE = 4e7
_LARGEST = 2**63 - 1
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Context), ctypes.c_longlong)


class DirectCall:
    """Runs a program through ctypes; each call has memory of its own."""

    def __init__(
        self,
        library: Library,
        measure: int,
        run: int,
        plan: CallPlan,
        times: Any = None,
    ) -> None:
        """``times`` is the array that a timed program adds to."""
        self.plan = plan
        self.times = times
        self.results = results(plan)
        self.library = library
        self.measure = _ENTRY(measure)
        self.run = _ENTRY(run)
        self.blas = blas.find()

    def __call__(
        self, program: Program, inputs: Sequence[Any], cells: Sequence[Any]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Fresh outputs and commits; raises what the program's checks raise."""
        state = _State(self, program)
        try:
            state.bind(inputs, cells)
            for segment in range(self.plan.segments):
                if self.measure(ctypes.byref(state.context), segment):
                    state.measure()
                state.place(segment)
                if self.run(ctypes.byref(state.context), segment):
                    state.explain_run()
        finally:
            state.callbacks = ()  # which refer to the state, and so would keep its memory
        count = len(self.plan.outputs)
        return state.fresh[:count], state.fresh[count:]


class _State:
    def __init__(self, owner: DirectCall, program: Program) -> None:
        plan = owner.plan
        self.plan = plan
        self.results = owner.results
        self.program = program
        self.frames = frames(program)
        self.slot = (ctypes.c_void_p * max(plan.slots, 1))()
        self.size = (ctypes.c_longlong * max(plan.sizes, 1))()
        self.dims = (ctypes.c_void_p * max(plan.slots, 1))()
        self.table = owner.blas.array()
        self.context = Context(self.slot, self.size, self.dims, self.table, owner.blas.integer, 0)
        self.context.times = None if owner.times is None else address(owner.times)
        # Kept here, as the generated code has only their addresses.
        self.callbacks: tuple[Any, ...] = (
            HOST(self.host), SPLIT(self.split), ROOM(self.room), PLACE(self.place_inner),
        )  # fmt: skip
        context = self.context
        context.host, context.split, context.room, context.place = self.callbacks
        self.problem: BaseException | None = None
        self.buffers: list[Any] = [None] * plan.slots
        self.fresh: list[Any] = [None] * len(self.results)
        self.alive: list[Any] = []
        self.inner: dict[int, list[Any]] = {}

    def bind(self, inputs: Sequence[Any], cells: Sequence[Any]) -> None:
        ports = self.plan.inputs + self.plan.cells
        for (slot, dtype, rank), value in zip(ports, (*inputs, *cells), strict=True):
            array = plain(value, dtype)
            if array.ndim != rank:
                raise TypeError(f"expected an array of rank {rank}, got {array.ndim}")
            self._point(slot, array)
        for slot, value in self.plan.constants:
            self._point(slot, plain(value, value.dtype.name))

    def _point(self, slot: int, array: np.ndarray) -> None:
        dims = (ctypes.c_longlong * max(array.ndim, 1))(*array.shape)
        self.alive.append(dims)
        self.dims[slot] = ctypes.addressof(dims)
        self.slot[slot] = address(array)
        self.buffers[slot] = array

    def place_inner(self, context: int, segment: int) -> int:
        """The memory of a segment inside a step; whether there is none. It is given up when the
        segment gets another."""
        try:
            alive, self.alive = self.alive, []
            self._place_buffers(segment)
            self.inner[segment], self.alive = self.alive, alive
        except BaseException as problem:  # noqa: BLE001 (none can pass through generated code)
            self.problem = problem
            self.context.error[0] = 4
            return 1
        return 0

    def _place_buffers(self, segment: int) -> None:
        for elements, itemsize, where, slot, _, _ in self.plan.storage:
            if where == segment:
                self._place_storage(self.size[elements] * itemsize, slot)

    def place(self, segment: int) -> None:
        """Provide the memory of a segment of the call."""
        self._place_buffers(segment)
        for k, r in enumerate(self.results):
            if r.segment != segment:
                continue
            shape = self._shape(r)
            if math.prod(shape) > _LARGEST // 16:
                raise MemoryError(f"a result of shape {shape} is larger than any memory")
            array = np.empty(shape, r.dtype)
            self.fresh[k] = array
            self.slot[r.slot] = address(array)
            self.buffers[r.slot] = array

    def _place_storage(self, size: int, slot: int) -> None:
        if size < 0:
            raise ValueError("negative dimensions are not allowed")
        if size > _LARGEST // 2:
            raise MemoryError(f"a buffer would need {size} bytes, and no memory has as many")
        memory = np.empty(size + 64, np.uint8)
        start = -address(memory) % 64
        memory = memory[start : start + size]
        self.alive.append(memory)
        self.slot[slot] = address(memory)
        # Sizes can be read from single numbers only.
        outer = slot < len(self.program.slots)
        if outer and not self.program.slots[slot].shape:
            dtype = np.dtype(self.program.slots[slot].dtype)
            self.buffers[slot] = memory[: dtype.itemsize].view(dtype).reshape(())

    def _shape(self, r: Result) -> tuple[int, ...]:
        return tuple(self.size[k] for k in r.shape)

    def host(self, number: int) -> int:
        """Run a step in Python on the buffers; whether it failed."""
        frame, step = step_number(self.frames, number)
        assert isinstance(step, Call)
        try:
            (out,) = step.outputs
            dtype = frame.program.slots[out].dtype
            args = [self._view(frame, slot) for slot in step.inputs]
            self._view(frame, out)[...] = call(step, args, dtype)
        except BaseException as problem:  # noqa: BLE001 (none can pass through generated code)
            self.problem = problem
            return 1
        return 0

    def split(
        self, context: int, operands: int, part: int, count: int, cost: float, own: int
    ) -> None:
        """Run a part on all points; in between Python handles signals, which may end the call."""
        run = PART(part)
        step = max(1, int(_PATIENCE / max(cost, 1.0)))
        try:
            for start in range(0, count, step):
                run(context, operands, start, min(start + step, count))
                if self.context.error[0]:
                    return
        except BaseException as problem:  # noqa: BLE001 (none can pass through generated code)
            self.problem = problem
            self.context.error[0] = 4

    def room(self, context: int, size: int) -> int | None:
        """Memory that lives as long as the call."""
        try:
            memory = np.empty(size + 64, np.uint8)
        except MemoryError as problem:
            self.problem = problem
            return None
        self.alive.append(memory)
        return address(memory) + -address(memory) % 64

    def _view(self, frame: Frame, slot: int) -> np.ndarray:
        """The buffer of a frame's slot as an array."""
        dtype, shape = frame.program.slots[slot]
        own = tuple(frame.size + size for size in shape)
        sizes = tuple(self.size[k] for k in frame.shapes.get(slot, own))
        count = math.prod(sizes) * np.dtype(dtype).itemsize
        if not count:
            return np.empty(sizes, dtype)
        memory: Any = (ctypes.c_char * count).from_address(self.slot[frame.slot + slot] or 0)
        return np.frombuffer(memory, np.dtype(dtype)).reshape(sizes)

    def measure(self) -> None:
        """Compute the sizes in Python, where the generated code refused: a check fails, and
        raises what it raises; or a number on the way to a size needs more than 64 bits."""
        known = [0] * len(self.program.sizes)
        for step in self.program.steps:
            if not isinstance(step, Sizes):
                continue
            try:
                self.program.measure(step, known, self.buffers)
            except (AttributeError, TypeError) as cause:
                if any(buffer is None for buffer in self.buffers):
                    break
                raise cause
        if all(abs(number) <= _LARGEST for number in known):
            raise TensorcoreError(
                "The generated code refused the sizes of this call, but all checks of the program "
                "hold. This is a mistake in the code generator: please report it."
            )
        self.context.error[0] = 0
        self.size[: len(known)] = [max(-_LARGEST, min(number, _LARGEST)) for number in known]

    def explain_run(self) -> None:
        if self.problem is not None:
            raise self.problem
        kind, index, *numbers = self.context.error
        if 0 <= index < len(self.plan.failures):
            error, message = self.plan.failures[index]
            raise error(message.format(*numbers))
        raise TensorcoreError(
            f"The generated code failed with kind {kind}, number {index}, and {numbers}. This "
            "is a mistake in the code generator: please report it."
        )
