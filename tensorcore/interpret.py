"""Run a Program of whole-buffer calls over any array namespace: the reference, and what a
backend that wraps an array library needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .backend import Timing
from .errors import OutOfRange
from .ops import OPS
from .program import Call, Program, Sizes, Step, View


def call(step: Call, args: Sequence[Any], dtype: str, xp: Any = np) -> Any:
    """The result of a whole-buffer call, in this dtype, by the op's reference.

    Raises what the reference raises; for an index outside its axis OutOfRange with the line.
    """
    try:
        result = xp.asarray(OPS[step.op].reference(xp, *args, **step.attrs))
    except IndexError as error:  # the reference does not know the user's line
        made = "".join(f"\n  made at {origin}" for origin in step.origins)
        raise OutOfRange(f"{OPS[step.op].title}: {error}.{made}") from None
    wanted = getattr(xp, dtype)
    return result if result.dtype == wanted else xp.astype(result, wanted)


class Interpreter:
    """An Executable that calls each op's ``reference`` with the namespace ``xp``.

    It takes Programs without kernels, as lowered for ``Capabilities(calls=None)``. Safe to
    call from several threads.
    """

    def __init__(self, program: Program, xp: Any = np) -> None:
        self.program = program
        self.xp = xp
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
                self._step(step, buffers, known)
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

    def _step(self, step: Step, buffers: list[Any], known: list[int]) -> None:
        program = self.program
        if isinstance(step, Sizes):
            program.measure(step, known, buffers)
        elif isinstance(step, Call):
            self._call(step, buffers, known)
        elif isinstance(step, View):
            shape = tuple(known[s] for s in program.slots[step.output].shape)
            buffers[step.output] = self.xp.reshape(buffers[step.source], shape)
        else:
            raise TypeError(f"the interpreter takes no {type(step).__name__} step")

    def _call(self, step: Call, buffers: list[Any], known: list[int]) -> None:
        (out,) = step.outputs
        dtype = self.program.slots[out].dtype
        if step.op == "size":
            number = known[step.attrs["size"]]
            buffers[out] = self.xp.asarray(number, dtype=getattr(self.xp, dtype))
        else:
            buffers[out] = call(step, [buffers[slot] for slot in step.inputs], dtype, self.xp)

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
