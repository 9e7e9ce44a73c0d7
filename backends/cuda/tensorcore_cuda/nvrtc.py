"""NVRTC, NVIDIA's compiler as a library: found where wheels and toolkits have it, called through
ctypes. It needs neither a driver nor a device."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tensorcore.errors import CompileError

GET_NVRTC = "pip install nvidia-cuda-nvrtc brings it (CUDA 12: nvidia-cuda-nvrtc-cu12)"
_NAMES = ("libnvrtc.so.13", "libnvrtc.so.12")
_OLDEST_WITH_FAST = (12, 9)


@lru_cache
def find() -> str:
    """The path or name of the library; empty where there is none. Nothing is loaded for it but
    what the system's loader knows by name."""
    spec = find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    patterns = [(folder, "*/lib/") for folder in folders]
    places = [os.environ.get(name, "") for name in ("CUDA_PATH", "CUDA_HOME")]
    patterns += [(Path(place), "lib*/") for place in (*places, "/usr/local/cuda") if place]
    for folder, pattern in patterns:
        for name in _NAMES:
            found = sorted(folder.glob(pattern + name)) if folder.is_dir() else []
            if found:
                return str(found[-1])
    for name in _NAMES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return ""


class Compiler:
    """The library, loaded. Safe to call from several threads."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._checked("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)
        count = ctypes.c_int()
        self._checked("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        known = (ctypes.c_int * count.value)()
        self._checked("nvrtcGetSupportedArchs", known)
        #: Compute capabilities that it compiles for, as 90 for 9.0.
        self.architectures = tuple(sorted(known))

    @property
    def words(self) -> str:
        """The version, for listings and keys of the cache."""
        return ".".join(map(str, self.version))

    def target(self, capability: int) -> str:
        """What to compile for so that it runs on a device: its machine code, or for one that is
        newer than this library the intermediate code, which the driver translates."""
        if capability in self.architectures:
            return f"sm_{capability}"
        older = [known for known in self.architectures if known <= capability]
        return f"compute_{older[-1]}" if older else ""

    def options(self, target: str, quickly: bool = False) -> list[str]:
        """For every text: no contraction of our own sums and products, which are exact to the
        limits as they are written; functions that say nothing are the device's. ``quickly``:
        where only errors are wanted."""
        found = [f"--gpu-architecture={target}", "--device-as-default-execution-space"]
        found += ["--fmad=false", "--std=c++17", "-w"]
        if quickly and self.version >= _OLDEST_WITH_FAST:
            found.append("--Ofast-compile=max")
        return found

    def compile(self, source: str, options: Sequence[str], name: str = "program.cu") -> bytes:
        """Machine code, or intermediate code where the options name a virtual architecture.

        Raises CompileError with NVRTC's own words, which name lines.
        """
        handle = ctypes.c_void_p()
        self._checked(
            "nvrtcCreateProgram", ctypes.byref(handle), source.encode(), name.encode(), 0, None,
            None,
        )  # fmt: skip
        try:
            words = (ctypes.c_char_p * len(options))(*(word.encode() for word in options))
            ended = self._library.nvrtcCompileProgram(handle, len(options), words)
            if ended:
                log = self._taken(handle, "ProgramLog").decode(errors="replace").strip("\0\n ")
                raise CompileError(log or self._meaning(ended))
            virtual = any("architecture=compute_" in word for word in options)
            return self._taken(handle, "PTX" if virtual else "CUBIN")
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(handle))

    def _taken(self, handle: Any, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._checked(f"nvrtcGet{what}Size", handle, ctypes.byref(size))
        room = ctypes.create_string_buffer(size.value)
        self._checked(f"nvrtcGet{what}", handle, room)
        return room.raw

    def _checked(self, name: str, *arguments: Any) -> None:
        ended = getattr(self._library, name)(*arguments)
        if ended:
            raise CompileError(f"NVRTC: {name} failed: {self._meaning(ended)}")

    def _meaning(self, code: int) -> str:
        words = self._library.nvrtcGetErrorString
        words.restype = ctypes.c_char_p
        return str(words(code).decode())


@lru_cache
def compiler() -> Compiler:
    """The library. Raises CompileError where it is missing or does not load."""
    path = find()
    if not path:
        raise CompileError(f"NVRTC (libnvrtc.so.13 or .12) was not found. Hint: {GET_NVRTC}.")
    try:
        return Compiler(path)
    except OSError as problem:
        raise CompileError(f"NVRTC does not load: {problem}. Hint: {GET_NVRTC}.") from problem
