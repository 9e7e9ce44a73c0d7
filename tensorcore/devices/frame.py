"""What one call knows: sizes, buffers, and the record in which kernels report errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Failure
from .machine import Array

#: Sizes beyond it only the host knows: no buffer has as many elements.
_LARGEST = 2**63 - 1


class Plan:
    """The sizes of a call, and by step what has been made of them; calls whose arguments have
    the same shapes share it."""

    __slots__ = ("known", "ready")

    def __init__(self, known: list[int]) -> None:
        self.known = known
        self.ready: dict[int, Any] = {}

    def integer(self, size: int, wide: bool = True) -> np.signedinteger[Any]:
        """A size as an argument of a kernel."""
        number = self.known[size]
        return np.int64(max(-_LARGEST, min(number, _LARGEST))) if wide else np.int32(number)

    def product(self, sizes: Sequence[int]) -> int:
        """The product of sizes."""
        result = 1
        for size in sizes:
            result *= self.known[size]
        return result


class Frame:
    """The state of one call of a Program, or of one run of a Program inside a step."""

    __slots__ = ("arrays", "error", "failures", "memory", "plan", "program")

    def __init__(
        self,
        runner: Any,
        arrays: list[Any],
        plan: Plan,
        error: Array | None,
        failures: Sequence[Failure],
    ) -> None:
        self.program = runner.program
        self.memory = runner.device.memory
        self.arrays = arrays
        self.plan = plan
        self.error = error
        self.failures = failures

    def judge(self) -> None:
        """Wait for the kernels so far, and raise what they have reported."""
        if self.error is None:
            return
        kind, number, *numbers = self.memory.get(self.error).tolist()
        if kind:
            failure = self.failures[number]
            raise failure.error(failure.message.format(*numbers))

    def shape(self, slot: int) -> tuple[int, ...]:
        """The shape of a slot's value."""
        return tuple(self.plan.known[size] for size in self.program.slots[slot].shape)

    def made(self, slot: int) -> Array:
        """The array of a slot, new if there is none yet. Raises MemoryError."""
        array: Array | None = self.arrays[slot]
        if array is None:
            dtype = np.dtype(self.program.slots[slot].dtype)
            array = self.arrays[slot] = self.memory.empty(self.shape(slot), dtype)
        return array
