"""Devices: which there are, which one is meant, and the stream and memory of one that is used."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorcore import config
from tensorcore.codegen.dialect import Dialect, cuda
from tensorcore.devices.machine import LibraryCall, Multiply
from tensorcore.errors import BackendUnavailable, CompileError
from tensorcore.program import Call

from .libraries import Libraries

if TYPE_CHECKING:
    from .build import Loaded
    from .memory import CudaMemory


class Facts(NamedTuple):
    """What a device says of itself. ``capability``: 90 for compute capability 9.0."""

    number: int
    name: str
    capability: int
    bytes: int
    units: int

    def words(self) -> str:
        """A line for listings."""
        capability = f"compute capability {self.capability // 10}.{self.capability % 10}"
        gib = self.bytes / 2**30
        about = (f"cuda:{self.number}", capability, f"{self.units} units", f"{gib:.1f} GiB")
        return f"{self.name} ({', '.join(about)})"


def facts_of(number: int) -> Facts:
    """The facts of a device."""
    from cupy.cuda import runtime

    known = runtime.getDeviceProperties(number)
    name = known["name"]
    return Facts(
        number,
        name.decode() if isinstance(name, bytes) else str(name),
        10 * int(known["major"]) + int(known["minor"]),
        int(known["totalGlobalMem"]),
        int(known["multiProcessorCount"]),
    )


def devices() -> list[Facts]:
    """All devices, in the driver's order. Raises what CuPy raises where there are none."""
    from cupy.cuda import runtime

    return [facts_of(number) for number in range(runtime.getDeviceCount())]


def choose(found: list[Facts], words: str) -> Facts:
    """The device that is meant. Raises BackendUnavailable with the list of what there is."""
    if not found:
        raise BackendUnavailable("there is no CUDA device.")
    if not words:
        return found[0]
    if words.isdecimal():
        if int(words) < len(found):
            return found[int(words)]
    else:
        for facts in found:
            if words.lower() in facts.name.lower():
                return facts
    names = ", ".join(f"{facts.number} ({facts.name})" for facts in found)
    raise BackendUnavailable(f"there is no CUDA device {words!r}; there are: {names}.")


class _Here(threading.local):
    """Which device the commands of a thread go to."""

    device: Device | None = None


_here = _Here()


class Device:
    """A device in use; see ``tensorcore.devices.machine.Device``. One for all threads, with one
    stream of its own, which no other library's work waits for."""

    def __init__(self, facts: Facts) -> None:
        import cupy

        from .memory import CudaMemory

        self.facts = facts
        self.lock = threading.RLock()
        self._process = os.getpid()
        self._made = cupy.cuda.Device(facts.number)
        with self._made:
            self.stream = cupy.cuda.Stream(non_blocking=True)
        self.memory: CudaMemory = CudaMemory(self)
        self._multiplier: Any = None
        self.libraries = Libraries(self)

    @property
    def units(self) -> int:
        """How many multiprocessors it has."""
        return self.facts.units

    @contextmanager
    def current(self) -> Iterator[None]:
        """Commands of this thread go to this device, one thread's at a time. CuPy's current stream
        is ours meanwhile: its cuBLAS and its pools take no other, whatever they were told."""
        self.check()
        with self.lock:
            before = _here.device
            if before is self:
                yield
                return
            with self._made, self.stream:
                _here.device = self
                try:
                    yield
                finally:
                    _here.device = before

    def dialect(self, wide: bool = False) -> Dialect:
        """CUDA C for blocks as they are set now."""
        return dialect(wide)

    def build(self, text: str) -> Loaded:
        """A program, from the cache or from NVRTC. Raises CompileError."""
        from cupy.cuda.function import Module

        from . import build, nvrtc

        source = build.whole(text)
        code, origin = build.code_for(nvrtc.compiler().target(self.facts.capability), source)
        with self.current():
            module = Module()
            try:
                module.load(code)
            except Exception as problem:  # the driver's own, whose class depends on CuPy's version
                words = nvrtc.compiler().words
                raise CompileError(
                    f"the driver of {self.facts.name} does not load what NVRTC {words} has "
                    f"compiled: {problem}. Hint: 'tensorcore doctor' names the versions; a newer "
                    f"driver or an older NVRTC helps."
                ) from problem
        return build.Loaded(module, self.stream, source, origin)

    def multiplication(
        self, dtype: str, lengths: Sequence[int], strides: Sequence[int]
    ) -> Multiply | None:
        """The product by cuBLAS, where it is installed and takes such matrices."""
        missing = self.libraries.missing
        if self._multiplier is None and not missing.get("cuBLAS"):
            from .blas import Multiplier

            try:
                self._multiplier = Multiplier()
            except ImportError as problem:  # cuBLAS is a package of its own
                missing["cuBLAS"] = str(problem).splitlines()[0]
        if self._multiplier is None:
            return None
        option = {"float16": "cuda.half_sums", "float32": "cuda.tf32"}.get(dtype)
        reduced = bool(option and config.get(option))
        found: Multiply | None = self._multiplier.product(dtype, lengths, strides, reduced)
        return found

    def library(self, step: Call) -> LibraryCall | None:
        """Linear algebra by cuSOLVER and transforms by cuFFT, where they are installed."""
        return self.libraries.call(step)

    def finish(self) -> None:
        """Wait for everything in the stream."""
        self.stream.synchronize()

    def check(self) -> None:
        """Raise BackendUnavailable in a child of a fork: the driver's state is not there."""
        if os.getpid() != self._process:
            raise BackendUnavailable(
                "CUDA was used before this process was forked, and drivers do not survive that. "
                "Hint: start processes with multiprocessing's method 'spawn', or use CUDA only "
                "in the children."
            )


def dialect(wide: bool = False) -> Dialect:
    """CUDA C as the options ask for it. Raises ConfigError for a block that is no power of two."""
    block = int(config.get("cuda.block"))
    if block < 32 or block & (block - 1):
        from tensorcore.errors import ConfigError

        raise ConfigError(
            f"option cuda.block: expected a power of two from 32 to 512, found {block}."
        )
    atomic = config.get("cuda.scatter") == "atomic"
    return cuda(str(config.math_accuracy), block, wide, atomic)


_opened: dict[int, Device] = {}
_lock = threading.Lock()


def opened(words: str) -> Device:
    """The device that is meant, opened once per process. Raises BackendUnavailable."""
    with _lock:
        facts = choose(devices(), words)
        if facts.number not in _opened:
            _opened[facts.number] = Device(facts)
        return _opened[facts.number]
