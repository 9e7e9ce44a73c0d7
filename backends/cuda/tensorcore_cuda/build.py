"""Programs of CUDA C, compiled by NVRTC, kept in the common cache, and loaded onto a device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorcore import cache
from tensorcore.errors import CompileError

from . import nvrtc

#: The short type names that all texts use. All functions keep their names as in C.
HEAD = """\
#ifdef __cplusplus
extern "C" {
#endif
typedef signed char i8; typedef short i16; typedef int i32; typedef long long i64;
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64; typedef float f32; typedef double f64; typedef u16 f16;
"""
TAIL = """\
#ifdef __cplusplus
}
#endif
"""


def whole(text: str) -> str:
    """A text with what stands around all of them."""
    return HEAD + text + TAIL


def code_for(target: str, source: str, quickly: bool = False) -> tuple[bytes, str]:
    """The machine code of a source, and where it came from. Raises CompileError with the function
    and the lines that NVRTC names."""
    compiler = nvrtc.compiler()
    options = compiler.options(target, quickly)
    key = cache.key_of("cuda", compiler.words, *options, source)
    store = cache.default()
    code = store.lookup(key)
    if code is not None:
        return code, "from the cache"
    try:
        code = compiler.compile(source, options)
    except CompileError as problem:
        raise CompileError(_words(str(problem), source, target, compiler.words)) from None
    store.store(key, code, {"backend": "cuda", "target": target})
    return code, "compiled"


_PLACE = re.compile(r"program\.cu\((\d+)\)")
_ENTRY = re.compile(r"^__global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\(")


def _words(log: str, source: str, target: str, version: str) -> str:
    """What NVRTC says, the functions in which it says so, and the lines."""
    lines = source.splitlines()
    wanted = sorted({int(number) for number in _PLACE.findall(log)})[:3]
    inside = list(dict.fromkeys(_function_at(lines, number) for number in wanted))
    shown = [
        f"  {k}: {lines[k - 1]}"
        for number in wanted
        for k in range(max(1, number - 2), min(len(lines), number + 2) + 1)
    ]
    where = f" in {', '.join(name for name in inside if name)}" if any(inside) else ""
    log = "\n".join(log.splitlines()[:20])
    return (
        f"NVRTC {version} failed to compile a program for {target}{where}:\n{log}\nsource:\n"
        + "\n".join(shown or [f"  {k}: {line}" for k, line in enumerate(lines[:60], 1)])
    )


def _function_at(lines: Sequence[str], number: int) -> str:
    """The kernel that a line is in, as ``k3_0``; empty outside of kernels."""
    for line in reversed(lines[:number]):
        if line == "}":
            return ""
        found = _ENTRY.match(line)
        if found:
            return found[1]
    return ""


class Loaded:
    """A program on its device."""

    def __init__(self, module: Any, stream: Any, source: str, origin: str) -> None:
        self._module = module
        self._stream = stream
        self.text = source
        self.origin = origin

    def entry(self, name: str) -> Entry:
        """A function that can be launched. Raises CompileError."""
        try:
            return Entry(self._module.get_function(name), self._stream)
        except Exception as problem:  # the driver's own, whose class depends on CuPy's version
            raise CompileError(f"the CUDA program has no kernel {name}: {problem}") from problem


class Entry:
    """A kernel, and the stream into which it is put."""

    __slots__ = ("_function", "_stream")

    def __init__(self, function: Any, stream: Any) -> None:
        self._function, self._stream = function, stream

    def launch(
        self, buffers: Sequence[Any], numbers: Sequence[np.generic], groups: int, size: int
    ) -> None:
        """See ``tensorcore.devices.machine.Entry``."""
        arguments = (*[buffer.ptr for buffer in buffers], *numbers)
        self._function((groups,), (size,), arguments, 0, self._stream)
