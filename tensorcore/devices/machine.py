"""What a backend for devices brings: a device, its memory, and functions that can be launched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..codegen.dialect import Dialect
from ..program import Call

#: Ops that are carried out here and not by kernels of their own, on devices with groups.
SCATTERS = frozenset({"scatter_add", "scatter_set"})


class Array:
    """A buffer of a device with the shape and dtype of what it holds."""

    __slots__ = ("__weakref__", "buffer", "dtype", "memory", "sent", "shape")

    def __init__(
        self, memory: DeviceMemory, buffer: Any, shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self.memory = memory
        self.buffer = buffer
        self.shape = shape
        self.dtype = dtype
        #: What keeps the host's array alive while it is sent.
        self.sent: Any = None

    @property
    def nbytes(self) -> int:
        """How many bytes it holds."""
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        return int(size)

    def __int__(self) -> int:
        return int(self.memory.get(self))


class DeviceMemory:
    """The memory of a device; see ``tensorcore.backend.Memory``. A backend says how bytes get
    where they belong: its commands go into the device's queue, and only ``get`` waits."""

    name: str

    def room(self, size: int) -> Any:
        """A buffer of so many bytes from the pool. Raises MemoryError."""
        raise NotImplementedError(f"{type(self).__name__} gives no buffers")

    def move(self, target: Any, place: int, source: Any, start: int, size: int) -> None:
        """Copy bytes, from ``start`` in one buffer to ``place`` in another."""
        raise NotImplementedError(f"{type(self).__name__} copies no buffers")

    def clear(self, buffer: Any, size: int) -> None:
        """Make the first bytes zero."""
        raise NotImplementedError(f"{type(self).__name__} clears no buffers")

    def part(self, buffer: Any, start: int) -> Any:
        """What is in a buffer from a byte on, as a buffer that keeps it alive; None where the
        device has no such thing, and bytes must be copied."""
        return None

    def held(self) -> str:
        """What the pool holds, in words."""
        return ""

    def put(self, array: np.ndarray) -> Array:
        """See ``tensorcore.backend.Memory``."""
        raise NotImplementedError(f"{type(self).__name__} takes no arrays")

    def get(self, buffer: Array) -> np.ndarray:
        """See ``tensorcore.backend.Memory``."""
        raise NotImplementedError(f"{type(self).__name__} returns no arrays")

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An array with any content. Raises MemoryError."""
        count = dtype.itemsize
        for length in shape:
            count *= length
        return Array(self, self.room(count), shape, dtype)

    def copy(self, source: Array) -> Array:
        """Another array with the same content."""
        made = self.empty(source.shape, source.dtype)
        if made.nbytes:
            self.move(made.buffer, 0, source.buffer, 0, made.nbytes)
        return made


class Entry(Protocol):
    """A function on its device. Its arguments are buffers first, then numbers."""

    def launch(
        self, buffers: Sequence[Any], numbers: Sequence[np.generic], groups: int, size: int
    ) -> None:
        """Put it into the queue, for so many groups of ``size`` work-items each. Who passes the
        same object for ``numbers`` again says that they have not changed."""
        ...


class Built(Protocol):
    """A program on its device, and where it came from."""

    origin: str

    def entry(self, name: str) -> Entry:
        """One of its functions. Raises CompileError."""
        ...


#: Multiplies matrices: two operands and the result.
Multiply = Callable[[Any, Any, Any], None]


#: Computes a call from its operands, for a result of a shape and dtype; None where the library
#: would rather have the reference judge, as of a matrix that it cannot take.
LibraryCall = Callable[[Sequence[Array], tuple[int, ...], np.dtype], Array | None]


class Device(Protocol):
    """A device in use. ``units``: its parts that carry out groups; ``group``: how many work-items
    are in one. ``lock`` is held while the commands of a call are put into the queue, which carries
    them out in order; so a buffer that is given back while commands still use it goes to later
    ones only."""

    @property
    def lock(self) -> Any:
        """A reentrant lock."""
        ...

    @property
    def memory(self) -> DeviceMemory:
        """Where its buffers live."""
        ...

    @property
    def units(self) -> int:
        """How many of its parts carry out groups."""
        ...

    def dialect(self, wide: bool = False) -> Dialect:
        """The language of its texts, for groups as they are set now; ``wide``: with indices of 64
        bits in any case."""
        ...

    def build(self, text: str) -> Built:
        """A program. Raises CompileError."""
        ...

    def multiplication(
        self, dtype: str, lengths: Sequence[int], strides: Sequence[int]
    ) -> Multiply | None:
        """A library's product of matrices, for the lengths and strides of ``products.Matrices``;
        None where a kernel of our own must do it."""
        ...

    def library(self, step: Call) -> LibraryCall | None:
        """What a library does for a call that the backend claims; None where it is not there, and
        the reference on the host must do it."""
        ...

    def check(self) -> None:
        """Raise BackendUnavailable where it cannot be used any more, as in a forked child."""
        ...

    def finish(self) -> None:
        """Wait for everything in the queue."""
        ...
