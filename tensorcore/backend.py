"""What a backend is: three methods and, for devices with memory of their own, a fourth fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .dtypes import ALL
from .errors import PluginError
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
    declaration. ``unsupported``: op name to the reason for which it is refused; a dtype that is not
    taken may have one too. ``host_calls``: it runs ``Call`` steps that are marked ``host`` by
    ``interpret.call``, as the Interpreter does; a backend that does not fuse has no need to say
    so. Such steps are the user's own Python code and, under the option ``fallback``, ops that the
    backend lacks.
    ``totals``: its kernels may add up over their own axis (``Kernel.totals``), so that products of
    a matrix and vectors can read the matrix once.
    """

    dtypes: tuple[str, ...] = ALL
    calls: frozenset[str] | None = frozenset()
    fuses: bool = False
    ulp: Mapping[str, float] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)
    host_calls: bool = False
    totals: bool = False


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
        fit, a cell that is busy (not None), work long enough to let other threads run.
        """
        ...


@runtime_checkable
class Updates(Protocol):
    """Optional on an Executable: calls that write over cells in place although other threads run
    meanwhile. Inputs and outputs are arrays of the host, cells buffers of the backend's memory."""

    def update(
        self, inputs: Sequence[Any], cells: Sequence[Any], announce: Callable[[], object]
    ) -> Any:
        """Run and commit; return the outputs.

        ``cells[k]`` is a buffer, or for a cell of a commit ``[buffer, busy]``, whose lock the
        caller holds. The new values are put there all together at the end, or written over the
        buffers that nobody else refers to. Before the first such write it calls ``announce``,
        after which nobody reads these cells until this returns. What ``announce`` or anything
        before it raises leaves all cells as they were; after it nothing is raised. Returns
        ``NotImplemented``, with nothing changed, where it would rather not.
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
    """Where buffers live: the optional attribute ``memory`` of a Backend, by default ``HOST``.

    One object for the life of the backend. Arguments and shared variables come through ``put``,
    results leave through ``get``. Buffers have a ``shape``; a 0-d integer one has ``int()``.
    Those of any memory but ``HOST`` are no NumPy arrays, so that nobody takes one for the host's.
    """

    name: str

    def put(self, array: np.ndarray) -> Any:
        """A buffer with the content of a C-contiguous host array; never shares with it."""
        ...

    def get(self, buffer: Any) -> np.ndarray:
        """A fresh C-contiguous host array with the buffer's content."""
        ...


class HostMemory:
    """Buffers are NumPy arrays."""

    name = "host"

    def put(self, array: np.ndarray) -> Any:
        return np.array(array, order="C")

    def get(self, buffer: Any) -> np.ndarray:
        return np.array(buffer, order="C")


HOST = HostMemory()


class NamespaceMemory:
    """Buffers are arrays of a library that follows the Python array API standard.

    ``xp`` is its namespace. Arrays come back through DLPack or, where the library lacks that,
    through ``numpy.asarray``.
    """

    def __init__(self, xp: Any) -> None:
        self.name: str = xp.__name__
        self.xp = xp

    def put(self, array: np.ndarray) -> Any:
        return self.xp.asarray(array, copy=True)

    def get(self, buffer: Any) -> np.ndarray:
        try:
            array = np.from_dlpack(buffer)
        except (AttributeError, BufferError, RuntimeError, TypeError):
            array = np.asarray(buffer)
        return np.array(array, order="C")


def memory_of(xp: Any) -> Memory:
    """The memory of an array namespace; for NumPy ``HOST``."""
    return HOST if xp is np else NamespaceMemory(xp)


def put(memory: Memory, array: np.ndarray) -> Any:
    """``memory.put(array)``. Raises PluginError when the buffer would pass for one of ``HOST``."""
    buffer = memory.put(array)
    if isinstance(buffer, np.ndarray) and memory is not HOST:
        raise PluginError(
            f"the memory {type(memory).__name__} put an array into a NumPy array, expected a "
            "buffer of its own type. Hint: a backend on NumPy arrays has no attribute memory."
        )
    return buffer


@runtime_checkable
class Backend(Protocol):
    """A place where Programs run. A device with memory of its own has an attribute ``memory``."""

    name: str

    def diagnose(self) -> Diagnosis:
        """What works on this machine; never raises."""
        ...

    def capabilities(self) -> Capabilities:
        """What this backend takes; the same answer for the life of the process."""
        ...

    def compile(self, program: Program) -> Executable:
        """The Program as something to call. May be called from several threads at once. Raises
        CompileError when the backend's compiler fails."""
        ...
