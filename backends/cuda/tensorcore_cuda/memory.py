"""Buffers of a device, taken from a pool of CuPy's, and the way between them and the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorcore.devices.machine import Array, DeviceMemory

if TYPE_CHECKING:
    from .device import Device


class Part:
    """What is in a buffer from some byte on."""

    __slots__ = ("_owner", "ptr")

    def __init__(self, owner: Any, start: int) -> None:
        self._owner = owner
        self.ptr: int = owner.ptr + start


class NotReady(Exception):
    """A copy between host and device while commands are captured: a graph would repeat it with
    memory of the host that is gone by then."""


class CudaMemory(DeviceMemory):
    """The memory of a device. All commands go into its one stream, in whose order buffers that
    are given back may be used again."""

    name = "cuda"

    def __init__(self, device: Device) -> None:
        import cupy

        self.device = device
        self.pool = cupy.cuda.MemoryPool()
        self._source = self.pool
        self._runtime = cupy.cuda.runtime
        self._stream = device.stream.ptr
        #: Bytes that may be in use at a time; for tests of what happens when there are no more.
        self.limit: int | None = None

    @contextmanager
    def taking_from(self, pool: Any) -> Iterator[None]:
        """Buffers come from another pool, as those of a captured graph, which must stay its own.
        Meanwhile nothing is copied from or to the host: that raises NotReady."""
        before, self._source = self._source, pool
        try:
            yield
        finally:
            self._source = before

    def _check_ready(self) -> None:
        if self._source is not self.pool:
            raise NotReady("a copy between host and device is not for a graph")

    def room(self, size: int) -> Any:
        """See ``DeviceMemory``."""
        if size > self.device.facts.bytes:
            raise MemoryError(
                f"a buffer would need {size} bytes, and the device {self.device.facts.name} has "
                f"{self.device.facts.bytes}"
            )
        used = self.pool.used_bytes() if self.limit is not None else 0
        if self.limit is not None and used + size > self.limit:
            raise MemoryError(
                f"a buffer needs {size} bytes, and {max(self.limit - used, 0)} bytes are left on "
                f"{self.device.facts.name}"
            )
        try:
            return self._source.malloc(max(size, 1))
        except MemoryError as problem:
            raise MemoryError(
                f"a buffer needs {size} bytes, and no so many bytes are left on "
                f"{self.device.facts.name}: {problem}"
            ) from None

    def part(self, buffer: Any, start: int) -> Part:
        """See ``DeviceMemory``."""
        return Part(buffer, start)

    def held(self) -> str:
        """See ``DeviceMemory``."""
        return f"{self.pool.total_bytes()} bytes held, {self.pool.used_bytes()} of them in use"

    def move(self, target: Any, place: int, source: Any, start: int, size: int) -> None:
        """See ``DeviceMemory``."""
        kind = self._runtime.memcpyDeviceToDevice
        self._runtime.memcpyAsync(target.ptr + place, source.ptr + start, size, kind, self._stream)

    def clear(self, buffer: Any, size: int) -> None:
        """See ``DeviceMemory``."""
        self._runtime.memsetAsync(buffer.ptr, 0, size, self._stream)

    def put(self, array: np.ndarray) -> Array:
        """See ``tensorcore.backend.Memory``. Memory of the host that is not pinned has been read
        when the command returns, so nothing must be kept alive for it."""
        with self.device.current():
            self._check_ready()
            made = self.empty(array.shape, array.dtype)
            if array.nbytes:
                source = np.ascontiguousarray(array)
                kind = self._runtime.memcpyHostToDevice
                self._runtime.memcpyAsync(
                    made.buffer.ptr, source.ctypes.data, array.nbytes, kind, self._stream
                )
        return made

    def get(self, buffer: Array) -> np.ndarray:
        """See ``tensorcore.backend.Memory``."""
        found = np.empty(buffer.shape, buffer.dtype)
        with self.device.current():
            self._check_ready()
            if found.nbytes:
                kind = self._runtime.memcpyDeviceToHost
                self._runtime.memcpyAsync(
                    found.ctypes.data, buffer.buffer.ptr, found.nbytes, kind, self._stream
                )
                self.device.stream.synchronize()
        return found
