"""The part of CuPy that the backend uses, over the emulator, so that the backend's own code runs on
a machine without a device. It is stricter than the real one where a device would misbehave: while
commands are captured they are kept and not run, and what a capture forbids is an error.

``install()`` puts it in CuPy's place and says that there are two devices.
"""

from __future__ import annotations

import ctypes
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, TracebackType
from typing import Any, ClassVar, Self

import fake_libraries
import numpy as np
from emulator import MEMORY, Module

DEVICES = 2
#: What has happened: launches, products, graphs, synchronisations, allocations.
COUNTS: dict[str, int] = {}


def count(name: str) -> None:
    COUNTS[name] = COUNTS.get(name, 0) + 1


class CUDARuntimeError(RuntimeError):
    """What the runtime raises."""


class Stream:
    """Runs commands at once, or keeps them while it captures."""

    null: Any = None
    by_pointer: ClassVar[dict[int, Stream]] = {}

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.ptr = 0 if null else 1000 + len(self.by_pointer)
        self.by_pointer[self.ptr] = self
        self.captured: list[Any] | None = None
        self._spoilt = False
        self._before: list[Any] = []
        self.device_id: int = fake_libraries.STATE.device

    def __enter__(self) -> Self:
        assert self.device_id == fake_libraries.STATE.device, "a stream of another device"
        self._before.append(fake_libraries.STATE.stream)
        fake_libraries.STATE.stream = self
        return self

    def __exit__(self, *problem: object) -> None:
        fake_libraries.STATE.stream = self._before.pop()

    def do(self, command: Any) -> None:
        if self.captured is not None:
            self.captured.append(command)
        else:
            command()

    def begin_capture(self, mode: Any = None) -> None:
        assert self.captured is None, "a capture inside a capture"
        self.captured, self._spoilt = [], False

    def end_capture(self) -> Graph:
        commands, self.captured = self.captured, None
        assert commands is not None, "no capture to end"
        if self._spoilt:
            raise CUDARuntimeError("cudaErrorStreamCaptureInvalidated")
        count("captures")
        return Graph(commands)

    def is_capturing(self) -> bool:
        if self._spoilt:
            raise RuntimeError("the stream was capturing, but an error has invalidated it")
        return self.captured is not None

    def refuse(self, what: str) -> None:
        """What a capture forbids also ends it."""
        self._spoilt = True
        raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")

    def synchronize(self) -> None:
        if self.captured is not None:
            self.refuse("synchronize")
        count("waits")


def current_stream(what: str) -> Stream:
    """The one that CuPy's own functions use."""
    found: Stream | None = fake_libraries.STATE.stream
    assert found is not None, f"{what} for the default stream, which waits for nobody"
    return found


class Graph:
    """Commands that were captured."""

    def __init__(self, commands: list[Any]) -> None:
        self._commands = commands

    def launch(self, stream: Stream | None = None) -> None:
        assert stream is not None
        count("replays")
        for command in self._commands:
            stream.do(command)


class Device:
    """Which device is current."""

    def __init__(self, number: int) -> None:
        assert number < DEVICES
        self.id = number
        self._before: list[int] = []

    def __enter__(self) -> Self:
        self._before.append(fake_libraries.STATE.device)
        fake_libraries.STATE.device = self.id
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fake_libraries.STATE.device = self._before.pop()


class PooledPointer:
    """A buffer, which goes back to its pool with the last reference."""

    def __init__(self, pool: MemoryPool, size: int, ptr: int) -> None:
        self._pool, self._size, self.ptr = pool, size, ptr

    def __del__(self) -> None:
        self._pool.take_back(self.ptr, self._size)


class MemoryPool:
    """Buffers of exact size that are used again: so what lies outside of one is seen."""

    def __init__(self) -> None:
        self._free: dict[int, list[int]] = {}
        self._used = self._total = 0

    def malloc(self, size: int) -> PooledPointer:
        current_stream("memory")  # whose later commands may use it again
        free = self._free.setdefault(size, [])
        if not free:
            count("allocations")
            free.append(MEMORY.allocate(size))
            self._total += size
        self._used += size
        return PooledPointer(self, size, free.pop())

    def take_back(self, ptr: int, size: int) -> None:
        self._used -= size
        if ptr in MEMORY.buffers:
            self._free.setdefault(size, []).append(ptr)

    def used_bytes(self) -> int:
        return self._used

    def total_bytes(self) -> int:
        return self._total

    def __del__(self) -> None:
        for pointers in self._free.values():
            for ptr in pointers:
                MEMORY.free(ptr)


class Function:
    """A kernel of a module."""

    def __init__(self, module: Module, name: str) -> None:
        self._module, self._name = module, name

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...],
        shared_mem: int = 0, stream: Stream | None = None,
    ) -> None:  # fmt: skip
        assert stream is not None, "a launch into nobody's stream"
        assert 1 <= block[0] <= 1024 and 1 <= grid[0] < 2**31
        count("launches")
        stream.do(lambda: self._module.launch(self._name, args, grid[0], block[0]))


class CupyModule:
    """What ``cupy.cuda.function.Module`` is; machine code is the source itself."""

    def load(self, code: bytes) -> None:
        self._module = Module(code.decode())

    def get_function(self, name: str) -> Function:
        if name not in self._module.kernels:
            raise CUDARuntimeError("CUDA_ERROR_NOT_FOUND: named symbol not found")
        return Function(self._module, name)


def memcpy_async(target: int, source: int, size: int, kind: int, stream: int) -> None:
    used = Stream.by_pointer[stream]
    if kind != 3 and used.captured is not None:
        used.refuse("copy from or to the host")
    count("copies")
    used.do(lambda: ctypes.memmove(target, source, size) and None)


def memset_async(target: int, value: int, size: int, stream: int) -> None:
    Stream.by_pointer[stream].do(lambda: ctypes.memset(target, value, size) and None)


_ENTRIES = {0: "float32", 1: "float64", 2: "float16", 4: "complex64", 5: "complex128"}


def gemm(
    handle: Any, ta: int, tb: int, m: int, n: int, k: int, one: int,
    a: int, a_type: int, lda: int, a_step: int,
    b: int, b_type: int, ldb: int, b_step: int, zero: int,
    c: int, c_type: int, ldc: int, c_step: int, batch: int, compute: int, algorithm: int,
) -> None:  # fmt: skip
    """cuBLAS's product of matrices by columns; refuses what cuBLAS refuses. As with CuPy it goes
    into the current stream."""
    stream = current_stream("a product")
    assert lda >= (k if ta else m) and ldb >= (n if tb else k) and ldc >= m, "leading dimension"
    assert max(m, n, k, lda, ldb, ldc, batch) < 2**31 and min(m, n, k, batch) > 0
    dtype = np.dtype(_ENTRIES[a_type])
    count("products")
    count(f"products by {compute}")
    factor = {64: "float16", 68: dtype.char if dtype.kind == "c" else "float32"}.get(compute)
    if factor:  # read in the type of the computation
        given = np.frombuffer((ctypes.c_char * np.dtype(factor).itemsize).from_address(one), factor)
        assert given[0] == 1, "the factor has another type than the computation"

    def matrix(ptr: int, rows: int, columns: int, leading: int) -> np.ndarray:
        span = (leading * (columns - 1) + rows) * dtype.itemsize
        room = np.frombuffer((ctypes.c_char * span).from_address(ptr), dtype)
        steps = (dtype.itemsize, leading * dtype.itemsize)
        return np.lib.stride_tricks.as_strided(room, (rows, columns), steps)

    def run() -> None:
        for number in range(batch):
            size = dtype.itemsize * number
            x = matrix(a + a_step * size, k if ta else m, m if ta else k, lda)
            y = matrix(b + b_step * size, n if tb else k, k if tb else n, ldb)
            inside = np.dtype("float32") if dtype == np.float16 else dtype
            product = (x.T if ta else x).astype(inside) @ (y.T if tb else y).astype(inside)
            with np.errstate(over="ignore"):
                matrix(c + c_step * size, m, n, ldc)[...] = product

    stream.do(run)


def properties(number: int) -> dict[str, Any]:
    return {
        "name": f"Emulated-{number}".encode(), "major": 9, "minor": 0,
        "totalGlobalMem": 2**30, "multiProcessorCount": 1,
    }  # fmt: skip


class Compiler:
    """NVRTC's place: the source is its own machine code."""

    version, words, architectures = (13, 0), "emulated", (75, 90, 120)

    def target(self, capability: int) -> str:
        return f"sm_{capability}"

    def options(self, target: str, quickly: bool = False) -> list[str]:
        return [target]

    def compile(self, source: str, options: Any, name: str = "") -> bytes:
        return source.encode()


def _module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    made.__spec__ = ModuleSpec(name, None)
    made.__path__ = []
    for key, value in members.items():
        setattr(made, key, value)
    return made


def modules() -> dict[str, ModuleType]:
    """The modules by name."""
    runtime = _module(
        "cupy.cuda.runtime", CUDARuntimeError=CUDARuntimeError, getDeviceCount=lambda: DEVICES,
        getDeviceProperties=properties, runtimeGetVersion=lambda: 13000,
        memcpyAsync=memcpy_async, memsetAsync=memset_async, memcpyHostToDevice=1,
        memcpyDeviceToHost=2, memcpyDeviceToDevice=3, CUDA_R_32F=0, CUDA_R_64F=1, CUDA_R_16F=2,
        CUDA_C_32F=4, CUDA_C_64F=5,
    )  # fmt: skip
    function = _module("cupy.cuda.function", Module=CupyModule, Function=Function)
    cublas = _module(
        "cupy.cuda.cublas", create=dict, gemmStridedBatchedEx=gemm,
        CUBLAS_OP_N=0, CUBLAS_OP_T=1, CUBLAS_COMPUTE_32F=68, CUBLAS_COMPUTE_64F=70,
        CUBLAS_COMPUTE_16F=64, CUBLAS_COMPUTE_32F_FAST_TF32=77, CUBLAS_GEMM_DEFAULT=-1,
    )  # fmt: skip
    cuda = _module(
        "cupy.cuda", runtime=runtime, function=function, cublas=cublas, Stream=Stream,
        Device=Device, MemoryPool=MemoryPool, using_allocator=fake_libraries.using_allocator,
        UnownedMemory=fake_libraries.UnownedMemory, MemoryPointer=fake_libraries.MemoryPointer,
    )  # fmt: skip
    linalg = _module("cupy.linalg", **fake_libraries.linalg())
    transforms = _module("cupy.fft", **fake_libraries.transforms())
    cupy = _module(
        "cupy", cuda=cuda, linalg=linalg, fft=transforms, __version__="fake",
        **fake_libraries.functions(),
    )  # fmt: skip
    cupyx = _module("cupyx", errstate=fake_libraries.errstate)
    found = (cupy, cuda, runtime, function, cublas, linalg, transforms, cupyx)
    return {made.__name__: made for made in found}


def install(patch: Any) -> None:
    """Put it in the place of CuPy, driver and NVRTC; ``patch`` undoes it (pytest.MonkeyPatch)."""
    from tensorcore_cuda import absent, device, diagnosis, nvrtc

    from tensorcore import plugins

    for name, made in modules().items():
        patch.setitem(sys.modules, name, made)
    patch.setattr(diagnosis, "driver", lambda: diagnosis.Driver("", 13))
    patch.setattr(nvrtc, "find", lambda: "emulated")
    patch.setattr(nvrtc, "compiler", Compiler)
    patch.setattr(device, "_opened", {})
    absent.works.cache_clear()
    plugins.refresh()
    COUNTS.clear()
