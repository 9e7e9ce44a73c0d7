"""Two backends that compute what the reference computes in a roundabout way.

``pytest --through loopback`` sends every function that the tests compile for the reference or for
generated C through the whole plugin road instead: found by the option ``plugins``, probed,
with memory of its own. ``--through chaos`` goes further: a random part of the ops is not claimed,
so that composites are expanded and primitives fall back, and values lie in random layouts between
the steps. What a test expects may not depend on any of it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS
from tensorcore.program import Call, Program

#: What ``chaos`` is random by.
SEED = int(os.environ.get("TENSORCORE_TESTS_SEED", "1"))
_CLAIMED = 0.6


class Far:
    """A buffer that NumPy cannot see into."""

    __slots__ = ("hidden",)

    def __init__(self, array: np.ndarray) -> None:
        self.hidden = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hidden.shape


class FarMemory:
    """Buffers are Far, in the layout that ``arrange`` gives them."""

    name = "far"

    def __init__(self, arrange: Callable[[np.ndarray], np.ndarray]) -> None:
        self.arrange = arrange

    def put(self, array: np.ndarray) -> Far:
        return Far(self.arrange(np.array(array)))

    def get(self, buffer: Far) -> np.ndarray:
        return np.array(buffer.hidden, order="C")


class Loopback:
    """The reference, behind a memory of its own."""

    name = "loopback"

    def __init__(self) -> None:
        self.memory = FarMemory(lambda array: array)

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True, devices=("far",))

    def capabilities(self) -> Capabilities:
        return Capabilities(calls=None)

    def interpreter(self, program: Program) -> Interpreter:
        return Interpreter(program)

    def compile(self, program: Program) -> Executable:
        return FarExecutable(self.interpreter(program), self.memory)


class FarExecutable:
    """An Interpreter that takes and gives Far buffers."""

    def __init__(self, inner: Interpreter, memory: FarMemory) -> None:
        self.inner = inner
        self.memory = memory
        self.timings = inner.timings

    def __call__(self, inputs: Sequence[Far], cells: Sequence[Far]) -> tuple[list[Far], list[Far]]:
        outputs, values = self.inner([x.hidden for x in inputs], [x.hidden for x in cells])
        return list(map(self.memory.put, outputs)), list(map(self.memory.put, values))


class Chaos(Loopback):
    """The reference with ops missing, and with values in any layout."""

    name = "chaos"

    def __init__(self) -> None:
        dice = random.Random(SEED)
        claimed = frozenset(name for name in sorted(OPS) if dice.random() < _CLAIMED)
        primitives = [name for name, op in OPS.items() if op.body is None]
        lacking = {name: "by chance" for name in primitives if name not in claimed}
        self._takes = Capabilities(calls=claimed, unsupported=lacking)
        self.memory = FarMemory(anyhow)

    def capabilities(self) -> Capabilities:
        return self._takes

    def interpreter(self, program: Program) -> Interpreter:
        return Scattering(program)


class Scattering(Interpreter):
    """Every result lies in another layout than it was made in."""

    def _call(self, step: Call, buffers: list[Any], known: list[int]) -> None:
        super()._call(step, buffers, known)
        out = step.outputs[0]
        buffers[out] = anyhow(buffers[out])


def anyhow(array: np.ndarray) -> np.ndarray:
    """The array in another layout: column by column, backwards, with gaps, or read-only. Which
    one depends on its size, so that a run can be repeated."""
    choice = (array.size + 3 * array.ndim + SEED) % 4
    if choice == 0 or array.ndim == 0:
        result = np.array(array)
        result.flags.writeable = False
        return result
    if choice == 1:
        return np.array(array, order="F")
    if choice == 2:
        turned = np.array(array[(slice(None, None, -1),) * array.ndim])
        return turned[(slice(None, None, -1),) * array.ndim]
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


@hookimpl
def tensorcore_backends() -> Mapping[str, Callable[[], Backend]]:
    """Both."""
    return {"loopback": Loopback, "chaos": Chaos}
