"""Devices: which there are, which one is meant, and the queue and memory of one that is used."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorcore import config
from tensorcore.codegen.dialect import Dialect, opencl
from tensorcore.devices.machine import LibraryCall, Multiply
from tensorcore.errors import BackendUnavailable
from tensorcore.program import Call

if TYPE_CHECKING:
    from .build import Program
    from .memory import OpenCLMemory

#: What OpenCL says where no driver is installed.
NO_DRIVER = -1001
#: Work-items in a group on devices that are no processors.
GROUP = 64


class Facts(NamedTuple):
    """What a device says of itself. ``processor``: its work-items are threads of a processor."""

    name: str
    platform: str
    version: str
    driver: str
    bytes: int
    largest: int
    units: int
    double: bool
    half: bool
    processor: bool
    exact_division: bool

    @property
    def portable(self) -> bool:
        """Whether the driver is PoCL."""
        return self.platform.startswith("Portable")

    @property
    def simulator(self) -> bool:
        """Whether it is oclgrind, which looks for mistakes in kernels."""
        return "oclgrind" in self.platform.lower()

    def words(self, number: int) -> str:
        """A line for listings."""
        double = "fp64" if self.double else "no fp64"
        half = "fp16" if self.half else "fp16 as storage"
        gib = self.bytes / 2**30
        about = (f"opencl:{number}", self.platform, self.version, f"{gib:.1f} GiB", double, half)
        return f"{self.name} ({', '.join(about)})"


def facts_of(device: Any) -> Facts:
    """The facts of a pyopencl device."""
    import pyopencl as cl

    kinds = device.type
    extensions = device.extensions.split()
    other = cl.device_type.GPU | cl.device_type.ACCELERATOR
    single = device.single_fp_config
    return Facts(
        name=device.name.strip(),
        platform=device.platform.name.strip(),
        version=device.version.strip(),
        driver=device.driver_version.strip(),
        bytes=device.global_mem_size,
        largest=device.max_mem_alloc_size,
        units=device.max_compute_units,
        double="cl_khr_fp64" in extensions or bool(device.double_fp_config),
        half="cl_khr_fp16" in extensions,
        processor=bool(kinds & cl.device_type.CPU) and not kinds & other,
        exact_division=bool(single & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT),
    )


def devices() -> list[Any]:
    """All devices of all platforms, in the driver's order; a simulator comes last.

    Raises ImportError without pyopencl, and its errors where there is no driver.
    """
    import pyopencl as cl

    found = []
    for platform in cl.get_platforms():
        try:
            found += platform.get_devices()
        except cl.Error as problem:
            if problem.code != cl.status_code.DEVICE_NOT_FOUND:
                raise
    return sorted(found, key=lambda device: "oclgrind" in device.platform.name.lower())


def choose(found: list[Any], words: str) -> Any:
    """The device that is meant. Raises BackendUnavailable with the list of what there is."""
    if not words:
        return found[0]
    if words.isdecimal():
        if int(words) < len(found):
            return found[int(words)]
    else:
        for device in found:
            if words.lower() in f"{device.platform.name} {device.name}".lower():
                return device
    names = ", ".join(f"{k} ({device.name.strip()})" for k, device in enumerate(found))
    raise BackendUnavailable(f"there is no OpenCL device {words!r}; there are: {names}.")


class Device:
    """A device in use: its context, its queue, its memory. One for all threads.

    ``lock`` is held while the commands of a call are put into the queue, which carries them out in
    order; so a buffer that is given back while commands still use it goes to later ones only.
    """

    def __init__(self, device: Any) -> None:
        import pyopencl as cl

        from .memory import OpenCLMemory

        self.facts = facts_of(device)
        self.device = device
        self.context = cl.Context([device])
        self.queue = cl.CommandQueue(self.context)
        self.lock = threading.RLock()
        self.memory: OpenCLMemory = OpenCLMemory(self)
        self._process = os.getpid()

    @property
    def group(self) -> int:
        """Work-items in a group."""
        wanted = int(config.get("opencl.group"))
        return wanted or (1 if self.facts.processor else GROUP)

    @property
    def units(self) -> int:
        """How many of its parts carry out groups."""
        return self.facts.units

    def dialect(self, wide: bool = False) -> Dialect:
        """The language of its texts."""
        return opencl(str(config.math_accuracy), self.group, wide)

    def build(self, text: str) -> Program:
        """A program, from the cache or from the driver. Raises CompileError."""
        from .build import build

        return build(self, text)

    def multiplication(
        self, dtype: str, lengths: Sequence[int], strides: Sequence[int]
    ) -> Multiply | None:
        """CLBlast's product, where it is installed; a simulator is there to see our own kernels."""
        from .clblast import library

        found = None if self.facts.simulator else library()
        return found.product(self.queue, dtype, lengths, strides) if found else None

    def library(self, step: Call) -> LibraryCall | None:
        """None: there is no library that all devices have."""
        return None

    def finish(self) -> None:
        """Wait for everything in the queue."""
        self.queue.finish()

    def check(self) -> None:
        """Raise BackendUnavailable in a child of a fork: threads of the driver are not there."""
        if os.getpid() != self._process:
            raise BackendUnavailable(
                "OpenCL was used before this process was forked, and drivers do not survive that. "
                "Hint: start processes with multiprocessing's method 'spawn', or use OpenCL only "
                "in the children."
            )


_opened: dict[Any, Device] = {}
_lock = threading.Lock()


def opened(words: str) -> Device:
    """The device that is meant, opened once per process. Raises BackendUnavailable."""
    with _lock:
        device = choose(devices(), words)
        if device not in _opened:
            _opened[device] = Device(device)
        return _opened[device]
