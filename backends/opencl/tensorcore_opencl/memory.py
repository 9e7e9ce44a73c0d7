"""Buffers of a device, taken from a pool, and the way between them and the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tensorcore.devices.machine import Array, DeviceMemory

if TYPE_CHECKING:
    from .device import Device

#: Arrays up to this size are copied once more on the host and sent without waiting.
_SMALL = 1 << 16


class OpenCLMemory(DeviceMemory):
    """The memory of a device; see ``tensorcore.backend.Memory``."""

    name = "opencl"

    def __init__(self, device: Device) -> None:
        from pyopencl.tools import ImmediateAllocator, MemoryPool

        self.device = device
        allocator = ImmediateAllocator(device.queue)
        self.pool = MemoryPool(allocator)
        #: A simulator, which sees what lies outside of a buffer, gives each its exact size.
        self._allocate = allocator if device.facts.simulator else self.pool.allocate
        self._largest = device.facts.largest
        #: Bytes that may be in use at a time; for tests of what happens when there are no more.
        self.limit: int | None = None

    def room(self, size: int) -> Any:
        """A buffer of so many bytes from the pool. Raises MemoryError."""
        import pyopencl as cl

        if size > self._largest:
            raise MemoryError(
                f"a buffer would need {size} bytes, and the device {self.device.facts.name} gives "
                f"at most {self._largest} at once"
            )
        if self.limit is not None and self.pool.active_bytes + size > self.limit:
            raise MemoryError(f"no {size} bytes are left of the {self.limit} that are allowed")
        try:
            return self._allocate(size or 1)
        except cl.MemoryError as problem:
            raise MemoryError(
                f"the device {self.device.facts.name} has no {size} bytes left: {problem}"
            ) from None

    def move(self, target: Any, place: int, source: Any, start: int, size: int) -> None:
        """See ``DeviceMemory``."""
        import pyopencl as cl

        cl.enqueue_copy(
            self.device.queue, target, source, byte_count=size, src_offset=start, dst_offset=place
        )

    def clear(self, buffer: Any, size: int) -> None:
        """See ``DeviceMemory``."""
        import pyopencl as cl

        cl.enqueue_fill_buffer(self.device.queue, buffer, np.zeros(1, np.uint8), 0, size)

    def held(self) -> str:
        """What the pool holds, in words."""
        return f"{self.pool.managed_bytes} bytes held, {self.pool.active_bytes} of them in use"

    def put(self, array: np.ndarray) -> Array:
        """See ``tensorcore.backend.Memory``."""
        import pyopencl as cl

        self.device.check()
        made = self.empty(array.shape, array.dtype)
        if array.nbytes:
            small = array.nbytes <= _SMALL
            source = array.copy() if small else np.ascontiguousarray(array)
            with self.device.lock:
                made.sent = cl.enqueue_copy(
                    self.device.queue, made.buffer, source, is_blocking=not small
                )
        return made

    def get(self, buffer: Array) -> np.ndarray:
        """See ``tensorcore.backend.Memory``."""
        import pyopencl as cl

        self.device.check()
        found = np.empty(buffer.shape, buffer.dtype)
        if found.nbytes:
            cl.enqueue_copy(self.device.queue, found, buffer.buffer)
        buffer.sent = None
        return found
