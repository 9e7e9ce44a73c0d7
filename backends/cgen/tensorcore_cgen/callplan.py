"""What the runtime must know of a generated program to call it, and the C struct of the call."""

from __future__ import annotations

import ctypes
from typing import NamedTuple, TypeAlias

import numpy as np

#: (slot, dtype, rank) of an array that is bound at the call
PortSpec: TypeAlias = tuple[int, str, int]
#: (slot, dtype, size ids of the shape, segment)
OutputSpec: TypeAlias = tuple[int, str, tuple[int, ...], int]
#: (cell, slot, dtype, size ids of the shape, segment, in place)
CommitSpec: TypeAlias = tuple[int, int, str, tuple[int, ...], int, bool]
#: (size id of the elements, itemsize, segment, slot, first and last step that use it)
StorageSpec: TypeAlias = tuple[int, int, int, int, int, int]


#: Work from which on a call lets other threads run, for programs that change no cell: letting
#: them costs next to nothing.
THRESHOLD = 20_000
#: The same for programs that change cells, which then must go through locks: that costs tens of
#: microseconds, and 1 ms of work is still less than the 5 ms after which Python itself lets
#: another thread run.
THRESHOLD_OF_UPDATES = 4_000_000


class CallPlan(NamedTuple):
    """The interface of one generated program.

    For each segment in turn the runtime calls ``tc_sizes``, provides the memory of the
    segment's outputs, commits and storage, and calls ``tc_run``. Above ``threshold`` scalar
    operations, as ``tc_sizes`` estimates them, other threads run meanwhile. ``failures[k]``
    is what ``error = {kind, k, numbers...}`` of a failed ``tc_run`` means: an exception and
    its message, formatted with the numbers. A run that fails has written over no cell.
    ``threads``: how many may share the work of one kernel. ``inner_segments`` follow those of
    the call, in number: they are Programs inside steps, and generated code runs them.
    """

    slots: int
    sizes: int
    segments: int
    inputs: tuple[PortSpec, ...]
    cells: tuple[PortSpec, ...]
    constants: tuple[tuple[int, np.ndarray], ...]
    outputs: tuple[OutputSpec, ...]
    commits: tuple[CommitSpec, ...]
    storage: tuple[StorageSpec, ...]
    threshold: int = THRESHOLD
    failures: tuple[tuple[type[Exception], str], ...] = ()
    threads: int = 1
    inner_segments: int = 0


#: ``int host(i64 step)`` runs a step in Python; not 0 when it failed.
HOST = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_longlong)
#: ``void part(Context *, const u32 *operands, i64 from, i64 to)``: a part of a kernel.
PART = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_longlong] * 2)
#: Runs a part on ``count`` points of ``cost`` operations each; ``own`` is for threads.
SPLIT = ctypes.CFUNCTYPE(
    None, *[ctypes.c_void_p] * 3, ctypes.c_longlong, ctypes.c_double, ctypes.c_longlong
)
#: Memory of so many bytes, until it is called again.
ROOM = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_longlong)
#: Provides the memory of a segment inside a step; not 0 when there is none.
PLACE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_longlong)


class Context(ctypes.Structure):
    """``struct Context`` of generated code; see ``emit.PRELUDE``."""

    _fields_ = (
        ("slot", ctypes.POINTER(ctypes.c_void_p)),
        ("size", ctypes.POINTER(ctypes.c_longlong)),
        ("dims", ctypes.POINTER(ctypes.c_void_p)),
        ("blas", ctypes.POINTER(ctypes.c_void_p)),
        ("blas_int", ctypes.c_longlong),
        ("work", ctypes.c_longlong),
        ("error", ctypes.c_longlong * 8),
        ("times", ctypes.c_void_p),
        ("host", HOST),
        ("split", SPLIT),
        ("poll", ctypes.c_void_p),
        ("room", ROOM),
        ("own", ctypes.c_void_p),
        ("shared", ctypes.c_void_p),
        ("threads", ctypes.c_longlong),
        ("begin", ctypes.c_void_p),
        ("caller", ctypes.c_void_p),
        ("place", PLACE),
        ("alone", ctypes.c_void_p),
    )


class Result(NamedTuple):
    """An output or a commit. ``in_place``: generated code calls ``begin`` before it writes this
    one, which decides then where it goes. Each has a slot of its own."""

    slot: int
    dtype: str
    shape: tuple[int, ...]
    segment: int
    cell: int = -1
    in_place: bool = False


def results(plan: CallPlan) -> tuple[Result, ...]:
    """Outputs, then commits."""
    found = [Result(*output) for output in plan.outputs]
    for cell, slot, dtype, shape, segment, in_place in plan.commits:
        found.append(Result(slot, dtype, shape, segment, cell, in_place))
    return tuple(found)


def address(array: np.ndarray) -> int:
    """Where the array's data is."""
    return int(array.__array_interface__["data"][0])


def plain(value: object, dtype: str) -> np.ndarray:
    """``value`` as an array that generated code can read; itself if it is one already."""
    array = np.asarray(value, dtype=dtype, order="C")
    return array if array.flags.aligned else array.copy()
