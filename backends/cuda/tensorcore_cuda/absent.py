"""What the backend does on a machine without a device: it compiles, and keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tensorcore import config
from tensorcore.codegen.items import ItemKernel, item_kernels
from tensorcore.devices.calls import texts_of_calls
from tensorcore.devices.run import explained
from tensorcore.errors import BackendUnavailable, CompileError
from tensorcore.program import Program


@lru_cache
def works(words: str) -> bool:
    """Whether programs run here, on the device that is meant."""
    from .diagnosis import diagnose

    return diagnose(words).can_run


class Held:
    """An array that waits for a device."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape = array.shape

    def __int__(self) -> int:
        return int(self.array)


class Nowhere:
    """The memory of a device that is not there."""

    name = "cuda"

    def put(self, array: np.ndarray) -> Held:
        """See ``tensorcore.backend.Memory``."""
        return Held(np.array(array, order="C"))

    def get(self, buffer: Held) -> np.ndarray:
        """See ``tensorcore.backend.Memory``."""
        return np.array(buffer.array, order="C")


NOWHERE = Nowhere()


def source_of(program: Program) -> tuple[str, tuple[ItemKernel, ...]]:
    """The whole source of a Program, and its kernels."""
    from .build import whole
    from .device import dialect

    words = dialect()
    parts = dict.fromkeys(part for text in texts_of_calls(program, words) for part in text)
    text, kernels = item_kernels(program, words, "".join(parts))
    return whole(text), kernels


class CompiledOnly:
    """A Program that was compiled for every architecture asked for, and cannot run."""

    def __init__(self, program: Program) -> None:
        from .build import code_for

        self.program = program
        source, kernels = source_of(program)
        self.targets = tuple(str(config.get("cuda.architectures")).replace(",", " ").split())
        try:
            for target in self.targets:
                code_for(target, source, quickly=True)
        except CompileError as problem:
            raise explained(problem, program, kernels) from None

    def notes(self) -> dict[str, str]:
        """See ``tensorcore.backend.Described``."""
        return {"compiled code": f"for {', '.join(self.targets)}; nothing runs here"}

    def __call__(self, inputs: Sequence[Any], cells: Sequence[Any]) -> Any:
        """Raises BackendUnavailable."""
        raise BackendUnavailable(
            "this program was compiled on a machine without a CUDA device, and cannot run there. "
            "Hint: 'tensorcore doctor' says what is missing."
        )
