"""A shared library that is loaded from memory and unloaded with its last user."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from _ctypes import dlclose

from tensorcore.errors import CompileError
from tensorcore.scratch import Scratch

_serial = itertools.count()


class Library:
    """The loaded form of a library's bytes. Code in it must not run after this object dies."""

    #: How its bytes were come by, in words.
    origin = "given"
    #: Its key in the cache.
    key = ""

    def __init__(self, image: bytes) -> None:
        """Raises CompileError if the system's loader refuses the bytes."""
        self._library: ctypes.CDLL | None = None
        try:
            self._library = _load(image)
        except OSError as problem:
            raise CompileError(
                f"The compiler's output cannot be loaded: {problem}. Hint: see whether the "
                "compiler builds for this machine."
            ) from problem

    def address(self, name: str) -> int:
        """Where the function or object ``name`` is."""
        try:
            return ctypes.addressof(ctypes.c_char.in_dll(self.handle(), name))
        except ValueError as problem:
            raise CompileError(f"The compiled library has no {name!r}.") from problem

    def handle(self) -> ctypes.CDLL:
        assert self._library is not None
        return self._library

    def __del__(self) -> None:
        library, self._library = self._library, None
        if library is not None and not sys.is_finalizing():
            dlclose(library._handle)


def _load(image: bytes) -> ctypes.CDLL:
    if not hasattr(os, "memfd_create"):
        return _load_from_disk(image)
    try:
        handle = os.memfd_create("tensorcore", os.MFD_CLOEXEC)
    except OSError:
        return _load_from_disk(image)
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(image)
        return ctypes.CDLL(_unique_path(handle))
    except PermissionError:
        return _load_from_disk(image)
    finally:
        os.close(handle)


def _unique_path(handle: int) -> str:
    """A path to the open file that no earlier library was loaded under. File numbers are used
    again and again, and the loader takes one path for one library for ever, so the serial
    number is written into the path, in binary, as ``/`` and ``/./``, which mean the same."""
    digits = format(next(_serial), "b")
    return "/proc/self/fd" + "".join("/." if d == "1" else "/" for d in digits) + f"/{handle}"


def _load_from_disk(image: bytes) -> ctypes.CDLL:
    folder = Scratch()
    try:
        path = folder.file("library.so")
        with open(path, "wb") as file:
            file.write(image)
        return ctypes.CDLL(path)
    finally:
        folder.remove()
