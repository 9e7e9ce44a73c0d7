"""The backend under test, and backends the suite makes itself."""

from __future__ import annotations

import os
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, TypeVar

from tensorcore import Function, Tensor, config, function
from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.interpret import Interpreter
from tensorcore.ops import OPS, Op
from tensorcore.plugins import select, select_to_compile
from tensorcore.program import Program

Made = TypeVar("Made")
_THREADS = min(os.cpu_count() or 1, 4)


@dataclass(repr=False)
class Subject:
    """A backend under test: its name, what to pass as ``backend=``, what it declares.

    ``compiles`` counts the functions made for it. With ``compile_only`` nothing is run.
    """

    name: str
    spec: str | Backend
    backend: Backend
    capabilities: Capabilities
    device: str = ""
    compile_only: bool = False
    compiles: int = field(default=0)
    package: str = ""

    def function(
        self,
        inputs: Sequence[Any],
        outputs: Any = None,
        updates: Any = None,
        fallback: str = "allow",
        **flags: Any,
    ) -> Function:
        """A function on this backend. What it lacks is computed by the reference, and with
        ``fallback="error"`` it is an error. ``flags`` are options for the compilation."""
        self.compiles += 1
        with config.change_flags(fallback=fallback, **flags):
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


def subject(spec: str | Backend | None, compile_only: bool = False) -> Subject:
    """The subject for a backend's name (or the configured one) or for a backend object.

    With ``compile_only`` a backend without its device will do. Raises BackendUnavailable.
    """
    chosen = select_to_compile(spec) if compile_only and isinstance(spec, str) else select(spec)
    backend = chosen.backend
    given = backend if compile_only else spec or chosen.name
    made = Subject(chosen.name, given, backend, backend.capabilities(), chosen.device)
    made.compile_only = compile_only
    made.package = _package(chosen.distribution)
    return made


def _package(distribution: str) -> str:
    """The package that brings the backend, with its version where that is known."""
    try:
        return f"{distribution} {metadata.version(distribution)}" if distribution else ""
    except (metadata.PackageNotFoundError, ValueError):
        return distribution


def device_of(subject: Subject, diagnosis: Diagnosis) -> str:
    """What the backend runs on, in words: the device chosen or its first, else the processor."""
    devices = [str(device) for device in diagnosis.devices]
    if subject.device.isdecimal() and int(subject.device) < len(devices):
        return devices[int(subject.device)]
    return subject.device or (devices[0] if devices else platform.machine())


def turns_freely(subject: Subject, op: Op[Any]) -> bool:
    """Whether the backend has a decomposition of its own, whose signs are then its own too."""
    return op.turns is not None and op.name in (subject.capabilities.calls or ())


def ahead(jobs: Iterable[Callable[[], Made]]) -> Iterator[Callable[[], Made]]:
    """Run jobs in a few threads, some before they are asked for; what is yielded gives each
    one's result, in order, or raises what it raised. So compilers work on all cores."""
    with ThreadPoolExecutor(_THREADS) as pool:
        started: deque[Future[Made]] = deque()
        for job in jobs:
            started.append(pool.submit(copy_context().run, job))
            if len(started) > 2 * _THREADS:
                yield started.popleft().result
        while started:
            yield started.popleft().result


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
