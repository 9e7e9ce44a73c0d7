"""The backend under test, and backends the suite makes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tensorcore import Function, Tensor, config, function
from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS
from tensorcore.plugins import select
from tensorcore.program import Program


@dataclass
class Subject:
    """A backend under test: its name, what to pass as ``backend=``, what it declares.

    ``compiles`` counts the functions made for it.
    """

    name: str
    spec: str | Backend
    backend: Backend
    capabilities: Capabilities
    compiles: int = field(default=0)

    def function(self, inputs: Sequence[Any], outputs: Any = None, updates: Any = None) -> Function:
        """A function on this backend; what the backend lacks is an error, never a detour."""
        self.compiles += 1
        with config.change_flags(fallback="error"):
            return function(
                inputs,
                outputs,
                updates=updates,
                backend=self.spec,
                on_unused_input="ignore",
            )

    def takes(self, *dtypes: str) -> bool:
        """Whether the backend declares all these dtypes."""
        return set(dtypes) <= set(self.capabilities.dtypes)


def subject(spec: str | Backend | None) -> Subject:
    """The subject for a backend's name (or the configured one) or for a backend object.

    Raises BackendUnavailable.
    """
    chosen = select(spec)
    backend = chosen.backend
    return Subject(chosen.name, spec or chosen.name, backend, backend.capabilities())


class PrimitivesOnly:
    """The references, with only the primitives claimed: every composite is lowered."""

    name = "primitives"

    def diagnose(self) -> Diagnosis:
        """It needs NumPy only."""
        return Diagnosis(True, True)

    def capabilities(self) -> Capabilities:
        """All ops without a body."""
        return Capabilities(calls=frozenset(n for n, op in OPS.items() if op.body is None))

    def compile(self, program: Program) -> Executable:
        """An interpreter over NumPy."""
        return Interpreter(program)


class Counting:
    """A backend that passes everything on and counts compilations."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.name = inner.name
        self.compiles = 0

    def diagnose(self) -> Diagnosis:
        """As the backend says."""
        return self._inner.diagnose()

    def capabilities(self) -> Capabilities:
        """As the backend says."""
        return self._inner.capabilities()

    def compile(self, program: Program) -> Executable:
        """Count, and let the backend compile."""
        self.compiles += 1
        return self._inner.compile(program)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def variables(count: int, dtype: str, ndim: int) -> list[Tensor]:
    """Variables of one dtype and rank."""
    from tensorcore import TensorType

    return [TensorType(dtype, (False,) * ndim)(f"x{k}") for k in range(count)]
