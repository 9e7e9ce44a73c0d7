"""Run a Program step by step in Python: the reference, and what a backend needs that wraps an
array library or compiles one kernel at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .backend import HOST, Memory, Timing, memory_of
from .errors import MatrixError, NumberError, OutOfRange
from .ops import OPS
from .program import (
    Branch,
    Call,
    Carried,
    Kernel,
    Loop,
    Program,
    Sizes,
    Step,
    View,
    all_kernels,
    bodies,
)

if TYPE_CHECKING:
    from .codegen.function import KernelFunction


def call(step: Call, args: Sequence[Any], dtype: str, xp: Any = np) -> Any:
    """The result of a whole-buffer call, in this dtype, by the op's reference.

    Raises what the reference raises; for an index outside its axis OutOfRange, and for a matrix
    that does not suit MatrixError, with the user's line.
    """
    try:
        result = xp.asarray(OPS[step.op].reference(xp, *args, **step.attrs))
    except (IndexError, MatrixError, NumberError) as error:  # it does not know the user's line
        made = "".join(f"\n  made at {origin}" for origin in step.origins)
        title = OPS[step.op].title
        text = f"{step.title or title}: {str(error).removeprefix(f'{title}: ').rstrip('.')}"
        found = OutOfRange if isinstance(error, IndexError) else type(error)
        raise found(f"{text}.{made}") from None
    wanted = getattr(xp, dtype)
    return result if result.dtype == wanted else xp.astype(result, wanted)


class Interpreter:
    """An Executable that runs one step after the other. Safe to call from several threads.

    Calls go to each op's ``reference`` with the namespace ``xp``; those marked ``host``, and ops
    of the host, which need more than the array standard has, run there. ``memory`` is the
    backend's, by default that of ``xp``. ``kernels``, for Programs lowered for
    ``Capabilities(fuses=True)``: the function of each of ``all_kernels(program)``, and how it is
    called, with the arguments that KernelFunction lists as NumPy arrays and scalars.
    """

    def __init__(
        self,
        program: Program,
        xp: Any = np,
        memory: Memory | None = None,
        kernels: Sequence[tuple[KernelFunction, Callable[..., object]]] = (),
    ) -> None:
        self.program = program
        self.xp = xp
        self._memory = memory or memory_of(xp)
        self._kernels: dict[int, tuple[KernelFunction, Callable[..., object]]] = {}
        self._inside: dict[int, tuple[Interpreter, ...]] = {}
        at = 0
        for k, step in enumerate(program.steps):
            if isinstance(step, Kernel):
                self._kernels[k] = kernels[at]
                at += 1
            made = []
            for body in bodies(step):
                own = kernels[at : at + sum(1 for _ in all_kernels(body))]
                made.append(Interpreter(body, xp, self._memory, own))
                at += len(own)
            if made:
                self._inside[k] = tuple(made)
        self._fused = bool(kernels)
        self._time = [0.0] * len(program.steps)
        self._calls = [0] * len(program.steps)
        self._lock = threading.Lock()
        self._constants = [(slot, xp.asarray(value)) for slot, value in program.constants]

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Run; see ``backend.Executable``."""
        program = self.program
        buffers: list[Any] = [None] * len(program.slots)
        known = [0] * len(program.sizes)
        given = [*inputs, *cells, *(value for _, value in self._constants)]
        for slot, value in zip(program.bound(), given, strict=True):
            buffers[slot] = value
        with np.errstate(all="ignore"):
            for k, step in enumerate(program.steps):
                start = time.perf_counter() if program.timed else 0.0
                self._step(k, step, buffers, known)
                if program.timed:
                    self._keep_time(k, time.perf_counter() - start)
        outside = {id(value) for value in given}
        return (
            [self._own(buffers, slot, outside) for slot in program.outputs],
            [self._own(buffers, commit.slot, outside) for commit in program.commits],
        )

    def timings(self) -> list[Timing]:
        """See ``backend.Timed``."""
        with self._lock:
            counted = zip(self._calls, self._time, strict=True)
            return [Timing(k, calls, seconds) for k, (calls, seconds) in enumerate(counted)]

    def _keep_time(self, k: int, seconds: float) -> None:
        with self._lock:
            self._time[k] += seconds
            self._calls[k] += 1

    def _step(self, number: int, step: Step, buffers: list[Any], known: list[int]) -> None:
        program = self.program
        if isinstance(step, Sizes):
            program.measure(step, known, buffers)
        elif isinstance(step, Call):
            self._call(step, buffers, known)
        elif isinstance(step, View):
            buffers[step.output] = self.xp.reshape(
                buffers[step.source], self._shape(step.output, known)
            )
        elif isinstance(step, Loop):
            self._loop(self._inside[number][0], step, buffers, known)
        elif isinstance(step, Branch):
            chosen = 0 if bool(buffers[step.condition]) else 1
            given = [buffers[slot] for slot in step.inputs[chosen]]
            results, _ = self._inside[number][chosen](given, ())
            for slot, value in zip(step.outputs, results, strict=True):
                buffers[slot] = value
        else:
            self._kernel(number, buffers, known)

    def _loop(
        self, body: Interpreter, loop: Loop, buffers: list[Any], known: Sequence[int]
    ) -> None:
        """Run a loop: the rows of each state as a list, in the order of the iterations."""
        xp, count = self.xp, known[loop.iterations]
        order = range(count - 1, -1, -1) if loop.reverse else range(count)
        shapes = [self._shape(carried.result, known) for carried in loop.carried]
        rows: list[list[Any]] = []
        for carried, shape in zip(loop.carried, shapes, strict=True):
            before: list[Any] = []
            if carried.init is not None:
                init = xp.reshape(buffers[carried.init], (carried.depth, *shape[1:]))
                before = [init[k, ...] for k in range(carried.depth)]
            rows.append(before[::-1] if loop.reverse else before)
        bound = dict.fromkeys(loop.body.inputs)
        bound.update((inner, buffers[slot]) for slot, inner in loop.invariants)
        done = 0
        for position in order:
            for slot, offset, stride, inner in loop.rows:
                bound[inner] = buffers[slot][known[offset] + position * known[stride], ...]
            for carried, made in zip(loop.carried, rows, strict=True):
                bound.update((inner, made[-distance]) for distance, inner in carried.taps)
            results, _ = body([self._in_order(bound[slot]) for slot in loop.body.inputs], ())
            for made, result in zip(rows, results, strict=False):
                made.append(result)
            done += 1
            if loop.until is not None and bool(results[-1]):
                break
        for carried, made, shape in zip(loop.carried, rows, shapes, strict=True):
            if carried.ring is not None:
                made = made[len(made) - carried.depth :]
            buffers[carried.result] = self._stacked(made, carried, shape, loop.reverse)
        if loop.done is not None:
            buffers[loop.done] = xp.asarray(done, dtype=xp.int64)

    def _in_order(self, value: Any) -> Any:
        return np.asarray(value, order="C") if self._fused else value

    def _stacked(
        self, rows: list[Any], carried: Carried, shape: tuple[int, ...], reverse: bool
    ) -> Any:
        """Rows as one array of this shape, zeros for those that are missing."""
        dtype = getattr(self.xp, self.program.slots[carried.result].dtype)
        if len(rows) < shape[0]:
            zero = self.xp.zeros(shape[1:], dtype=dtype)
            rows = rows + [zero] * (shape[0] - len(rows))
        if not rows:
            return self.xp.zeros(shape, dtype=dtype)
        return self.xp.stack(rows[::-1] if reverse else rows)

    def _shape(self, slot: int, known: Sequence[int]) -> tuple[int, ...]:
        return tuple(known[size] for size in self.program.slots[slot].shape)

    def _call(self, step: Call, buffers: list[Any], known: list[int]) -> None:
        out = step.outputs[0]
        dtype = self.program.slots[out].dtype
        args = [buffers[slot] for slot in step.inputs]
        if step.op == "size":
            number = known[step.attrs["size"]]
            buffers[out] = self.xp.asarray(number, dtype=getattr(self.xp, dtype))
        elif (step.host or OPS[step.op].host) and self._memory is not HOST:
            found = call(step, [self._memory.get(arg) for arg in args], dtype)
            buffers[out] = self._memory.put(np.ascontiguousarray(found).reshape(found.shape))
        else:
            buffers[out] = call(step, args, dtype, self.xp)
        if self._fused:  # kernels read memory in order
            buffers[out] = np.asarray(buffers[out], order="C")

    def _kernel(self, number: int, buffers: list[Any], known: Sequence[int]) -> None:
        function, launch = self._kernels[number]
        for slot in function.slots:
            if buffers[slot] is None:
                buffers[slot] = np.empty(self._shape(slot, known), self.program.slots[slot].dtype)
        arguments = [buffers[slot] for slot in function.slots]
        sizes = [np.int64(known[size]) for size in function.sizes]
        error = np.zeros(4, np.int64)
        launch(*arguments, *sizes, *function.numbers, *([error] if function.failures else ()))
        if error[0]:
            failure = function.failures[error[1]]
            raise failure.error(failure.message.format(*error[2:].tolist()))

    def _own(self, buffers: list[Any], slot: int, taken: set[int]) -> Any:
        """The buffer of a slot, copied when it is not the result's alone."""
        value = buffers[slot]
        fresh = id(value) not in taken
        if fresh and isinstance(value, np.ndarray):
            fresh = value.base is None and value.flags.c_contiguous
        if not fresh:
            value = self.xp.asarray(value, copy=True)
            if isinstance(value, np.ndarray):
                value = np.array(value, order="C")
        taken.add(id(value))
        return value
