"""What a backend is: three methods and, for devices with memory of their own, a fourth fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .dtypes import ALL
from .program import Program


@dataclass(frozen=True)
class Diagnosis:
    """Whether a backend can work on this machine, and if not, why and how to mend it."""

    can_compile: bool
    can_run: bool
    reason: str = ""
    hint: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    devices: Sequence[str] = ()


@dataclass(frozen=True)
class Capabilities:
    """What a backend says of itself; the conformance suite holds it to every word.

    ``dtypes``: those it takes. ``calls``: names of ops it runs as whole-buffer ``Call`` steps,
    or ``None`` for all of them. ``fuses``: it takes ``Kernel`` steps, so primitives that the
    core can express as kernels arrive fused. ``ulp``: limits that differ from the op's own
    declaration. ``unsupported``: op name to the reason for which it is refused.
    ``host_calls``: it runs ``Call`` steps that are marked ``host`` by ``interpret.call``; a
    backend that does not fuse has no need to say so.
    """

    dtypes: tuple[str, ...] = ALL
    calls: frozenset[str] | None = frozenset()
    fuses: bool = False
    ulp: Mapping[str, float] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)
    host_calls: bool = False


class Executable(Protocol):
    """A compiled Program. Safe to call from several threads at once."""

    def __call__(
        self, inputs: Sequence[Any], cells: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Run on buffers of the backend's memory, one for each of ``program.inputs`` and
        ``program.cells``; return new buffers, one per output and one per commit. The buffers
        given are left as they were."""
        ...


@runtime_checkable
class Binds(Protocol):
    """Optional on an Executable: a direct call path that also reads and writes the cells."""

    def bind(self, cells: Sequence[list[Any]], single: bool) -> Callable[..., Any] | None:
        """A callable for positional arguments, or ``None``: not, or not yet. It is asked again
        at calls that had to do without.

        ``cells[k]`` is ``[buffer, busy]`` of a shared variable. The callable takes arguments
        that already have the right type, rank and layout, runs, commits, and returns a list of
        outputs (the lone output if ``single``). It returns ``NotImplemented``, with nothing
        changed, whenever it would rather not: an argument to convert, a size that does not
        fit, a cell marked busy, work long enough to let other threads run.
        """
        ...


class Timing(NamedTuple):
    """How often a step ran, and the seconds it took in all. ``step`` counts in
    ``program.steps``."""

    step: int
    calls: int
    seconds: float


@runtime_checkable
class Timed(Protocol):
    """Optional on an Executable: the time of each step, for ``function(..., profile=True)``.

    Only Programs with ``timed`` ask for it; others should pay nothing. A backend that does
    not keep time has nothing to do: the profile says that it does not.
    """

    def timings(self) -> Sequence[Timing]:
        """Since compilation, over all threads. Steps may be missing, as ``Sizes`` usually are."""
        ...


@runtime_checkable
class Described(Protocol):
    """Optional on an Executable: what ``Function.report()`` says of its making."""

    def notes(self) -> Mapping[str, str]:
        """Words by heading, such as ``{"cache": "hit"}``."""
        ...


class Memory(Protocol):
    """Where buffers live. Backends that compute on NumPy arrays use HostMemory."""

    name: str

    def put(self, array: np.ndarray) -> Any:
        """A buffer with the content of a C-contiguous host array; never shares with it."""
        ...

    def get(self, buffer: Any) -> np.ndarray:
        """A fresh host array with the buffer's content."""
        ...


class HostMemory:
    """Buffers are NumPy arrays."""

    name = "host"

    def put(self, array: np.ndarray) -> Any:
        return np.array(array, order="C")

    def get(self, buffer: Any) -> np.ndarray:
        return np.array(buffer, order="C")


HOST = HostMemory()


@runtime_checkable
class Backend(Protocol):
    """A place where Programs run."""

    name: str

    def diagnose(self) -> Diagnosis:
        """What works on this machine; never raises."""
        ...

    def capabilities(self) -> Capabilities:
        """What this backend takes; the same answer for the life of the process."""
        ...

    def compile(self, program: Program) -> Executable:
        """Raises CompileError when the backend's compiler fails."""
        ...
