"""Programs of OpenCL C, built by the device's driver and kept in the common cache."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tensorcore import cache
from tensorcore.errors import CompileError

from .declarations import SKIPPED, declared
from .device import Device

#: The short type names that all texts use, in OpenCL C.
TYPES = """\
typedef char i8; typedef short i16; typedef int i32; typedef long i64;
typedef uchar u8; typedef ushort u16; typedef uint u32; typedef ulong u64;
typedef float f32; typedef u16 f16;
"""
_DOUBLE = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\ntypedef double f64;\n"
#: A device without double precision never sees code that would use it.
_NO_DOUBLE = "typedef float f64;\n"
_CONTRACT = "#pragma OPENCL FP_CONTRACT OFF\n"
#: Where the machine has a fused multiply-add, some drivers call a function for it all the same,
#: which keeps loops from becoming vector code (PoCL 3.0: 40 times slower).
_FUSED = """\
#if defined(__clang__) && defined(__FMA__)
static inline f32 __attribute__((overloadable)) tc_fma(f32 a, f32 b, f32 c) {
  return __builtin_fmaf(a, b, c);
}
static inline f64 __attribute__((overloadable)) tc_fma(f64 a, f64 b, f64 c) {
  return __builtin_fma(a, b, c);
}
#define fma tc_fma
#endif
"""
_lock = threading.Lock()


class Program:
    """A program on its device. ``entry`` gives a kernel of its own to each who asks: its arguments
    are part of it."""

    def __init__(self, device: Device, program: Any, text: str, origin: str) -> None:
        self._device = device
        self._program = program
        self.text = text
        self.origin = origin

    def kernel(self, name: str) -> Any:
        """A new kernel object. Raises CompileError."""
        import pyopencl as cl

        try:
            return cl.Kernel(self._program, name)
        except cl.Error as problem:
            raise CompileError(
                f"the OpenCL program has no kernel {name}: {problem}\n{_numbered(self.text)}"
            ) from problem

    def entry(self, name: str) -> Entry:
        """A function that can be launched. Raises CompileError."""
        return Entry(self._device, self.kernel(name))


class Entry:
    """A kernel, which remembers its numbers. To tell that an argument is a number takes pyopencl
    hundreds of times as long as to pass it on, so it is told so where it has a way to hear it."""

    def __init__(self, device: Device, kernel: Any) -> None:
        import pyopencl as cl

        self._queue, self._kernel = device.queue, kernel
        self._enqueue = cl.enqueue_nd_range_kernel
        self._set_number = getattr(kernel, "_set_arg_buf", kernel.set_arg)
        self._numbers: Any = None

    def launch(
        self, buffers: Sequence[Any], numbers: Sequence[np.generic], groups: int, size: int
    ) -> None:
        """See ``tensorcore.devices.machine.Entry``."""
        kernel = self._kernel
        for k, buffer in enumerate(buffers):
            kernel.set_arg(k, buffer)
        if numbers is not self._numbers:
            for k, number in enumerate(numbers, len(buffers)):
                self._set_number(k, number)
            self._numbers = numbers
        self._enqueue(self._queue, kernel, (groups * size,), (size,))


def head(device: Device, declarations: str = "") -> str:
    """What stands before all texts."""
    if not device.facts.double:
        return TYPES + _NO_DOUBLE + declarations + _CONTRACT
    return TYPES + _DOUBLE + declarations + _CONTRACT + _FUSED


def options(device: Device) -> list[str]:
    """The options of the driver's compiler."""
    found = ["-cl-std=CL1.2", "-w"]
    if device.facts.exact_division:
        found.append("-cl-fp32-correctly-rounded-divide-sqrt")
    if not device.facts.double:
        found.append("-cl-single-precision-constant")
    return found


def build(device: Device, text: str) -> Program:
    """The program of a text, from the cache or from the driver.

    Raises CompileError with the build log and the lines of the source that it names.
    """
    if device.facts.portable:
        return _portable(device, text)
    import pyopencl as cl

    source, flags = head(device) + text, options(device)
    facts = device.facts
    about = (facts.platform, facts.name, facts.version, facts.driver)
    key = cache.key_of("opencl", *about, *flags, source)
    store = cache.default()
    binary = store.lookup(key)
    if binary is not None:
        try:
            program = _built(cl.Program(device.context, [device.device], [binary]), flags)
            return Program(device, program, source, "from the cache")
        except cl.Error:  # the driver changed without saying so
            store.discard(key)
    program = _compiled(device, source, flags)
    (made,) = program.get_info(cl.program_info.BINARIES)
    if made:
        store.store(key, made, {"backend": "opencl", "device": facts.name})
    return Program(device, program, source, "compiled")


def _portable(device: Device, text: str) -> Program:
    """A program by PoCL, which keeps what it compiles itself: to ask it for a binary makes it
    compile every kernel once more, in a form that is not used (measured: 13 kernels 9 s, in place
    of 0.6 s). Without the language's header where we know all that it would declare, and with it
    where that does not build: what PoCL then says has the places of the whole text.
    """
    flags = options(device)
    declarations = declared(text, device.facts.double)
    if declarations is not None:
        source = head(device, declarations) + text
        with suppress(CompileError):
            return Program(device, _compiled(device, source, [*flags, SKIPPED]), source, "compiled")
    source = head(device) + text
    return Program(device, _compiled(device, source, flags), source, "compiled")


def _compiled(device: Device, source: str, flags: list[str]) -> Any:
    """The driver's program. Raises CompileError."""
    import pyopencl as cl

    program = cl.Program(device.context, source)
    try:
        return _built(program, flags)
    except cl.Error as problem:
        raise CompileError(_words(program, device, source, flags, problem)) from None


def _built(program: Any, flags: list[str]) -> Any:
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program.build(flags, cache_dir=False)


_PLACE = re.compile(r":(\d+):\d+:")


def _words(program: Any, device: Device, source: str, flags: list[str], problem: Any) -> str:
    """What the driver's compiler says, and the lines that it means."""
    import pyopencl as cl

    log = ""
    with suppress(cl.Error):
        log = program.get_build_info(device.device, cl.program_build_info.LOG).strip()
    log = log or str(problem).strip()
    lines = source.splitlines()
    wanted = sorted({int(number) for number in _PLACE.findall(log)})[:3]
    shown = [
        f"  {k}: {lines[k - 1]}"
        for number in wanted
        for k in range(max(1, number - 2), min(len(lines), number + 2) + 1)
    ]
    log = "\n".join(log.splitlines()[-20:])
    place = "\nsource:\n" + "\n".join(shown) if shown else "\n" + _numbered(source)
    return (
        f"the OpenCL driver of {device.facts.name} ({device.facts.driver}) failed to build a "
        f"program with {' '.join(flags)}:\n{log}{place}"
    )


def _numbered(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(f"  {k}: {line}" for k, line in enumerate(lines, 1))[-4000:]
