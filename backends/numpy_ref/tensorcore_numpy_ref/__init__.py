"""The reference backend: every op by its declared reference, on NumPy, one after the other.

It is clear before it is fast; all other backends are held to what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter
from tensorcore.program import Program


class NumpyReference:
    """Claims every op and dtype, fuses nothing, reuses nothing."""

    name = "numpy_ref"

    def diagnose(self) -> Diagnosis:
        """Always able: NumPy is a dependency of tensorcore."""
        return Diagnosis(True, True, versions={"numpy": np.__version__}, devices=("cpu",))

    def capabilities(self) -> Capabilities:
        """All ops as whole-buffer calls."""
        return Capabilities(calls=None)

    def compile(self, program: Program) -> Executable:
        """An interpreter over NumPy."""
        return Interpreter(program)


@hookimpl
def tensorcore_backends() -> Mapping[str, Callable[[], Backend]]:
    """The one backend of this package."""
    return {"numpy_ref": NumpyReference}
