"""Calling generated code: through a small C runtime where that can be built and passes its
test, through ctypes elsewhere."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from array import array as words_of
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from tensorcore.backend import Timing
from tensorcore.errors import CompileError
from tensorcore.program import Program, Sizes

from . import blas, compiler
from .callplan import CallPlan, PortSpec, Result, address, plain, results
from .direct import DirectCall
from .frames import frames
from .library import Library
from .matrices import calls_python

__all__ = ["CallPlan", "GeneratedExecutable", "load", "prepare"]

_SCALARS = {"float64": 1, "int64": 2}


def load(library: Library, plan: CallPlan, program: Program) -> GeneratedExecutable:
    """The executable of a generated program.

    Raises CompileError if the library lacks ``tc_sizes`` or ``tc_run``.
    """
    return GeneratedExecutable(library, plan, program)


def prepare() -> None:
    """Begin to build the C runtime if this machine has none yet, so that it compiles while
    the program does. Never raises."""
    with _lock:
        if _state.native is None and _state.build is None and not _state.failed:
            _state.begin()


class GeneratedExecutable:
    """A generated program, ready to run. ``path`` says how it is called."""

    def __init__(
        self,
        library: Library,
        plan: CallPlan,
        program: Program,
        native: Native | None = None,
        entries: tuple[str, str] = ("tc_sizes", "tc_run"),
        attach: bool = True,
    ) -> None:
        """With ``attach``, calls go through ctypes until the C runtime is built."""
        self._library = library
        self._entries = (library.address(entries[0]), library.address(entries[1]))
        self._program = program
        self._steps = [k for k, s in enumerate(program.steps) if not isinstance(s, Sizes)]
        # Nanoseconds and calls by step, which the generated code of a timed program adds to.
        every = [s for f in frames(program) for s in f.program.steps if not isinstance(s, Sizes)]
        self._times = np.zeros((len(every), 2), np.int64) if program.timed else None
        self._origin, library.origin = library.origin, "in memory already"
        in_python = any(calls_python(frame.program) for frame in frames(program))
        self._direct = DirectCall(library, *self._entries, plan, self._times)
        self._native: Native | None = None
        self._attach = attach and not in_python  # only the slow path calls Python in between
        self._take(native)

    @property
    def path(self) -> Literal["runtime", "ctypes"]:
        """How calls go at present."""
        return "ctypes" if self._native is None else "runtime"

    def _take(self, native: Native | None) -> None:
        if native is not None:
            self._plan = native.plan(
                self._library, *self._entries, self._direct.plan, self._direct.times
            )
            self._execute = native.function(native.execute_method, self._plan)
            self._update = native.function(native.update_method, self._plan)
            self._kept = native.function(native.kept_method, self._plan)
            self._native = native

    def timings(self) -> list[Timing]:
        """See ``tensorcore.backend.Timed``."""
        counts = () if self._times is None else self._times.tolist()
        return [Timing(k, n, t * 1e-9) for k, (t, n) in zip(self._steps, counts, strict=False)]

    def notes(self) -> dict[str, str]:
        """See ``tensorcore.backend.Described``."""
        notes = {"compiled code": self._origin, "calls go through": self.path}
        if self._native is not None:
            storage, outputs = self.bytes_kept
            words = f"{storage} bytes of storage, {outputs} of outputs"
            notes["memory kept between calls"] = words
        return notes

    def _look(self) -> None:
        """Take the C runtime as soon as it is there; the first results need not wait for it."""
        if self._native is None and self._attach:
            self._take(_native(wait=False))

    def __call__(
        self, inputs: Sequence[Any], cells: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Fresh outputs and fresh values for the commits."""
        self._look()
        if self._native is not None:
            result: Any = self._execute(list(inputs), list(cells))
            if result is not NotImplemented:
                return result  # type: ignore[no-any-return]
        # The slow way finds the right words for what is wrong.
        return self._direct(self._program, inputs, cells)

    def update(self, inputs: Sequence[Any], cells: Sequence[Any], announce: Any) -> Any:
        """See ``tensorcore.backend.Updates``."""
        self._look()
        if self._native is None:
            return NotImplemented
        return self._update(list(inputs), list(cells), announce)

    @property
    def bytes_kept(self) -> tuple[int, int]:
        """Memory that this program keeps between calls: as storage, and as former outputs."""
        return (0, 0) if self._native is None else self._kept()

    def bind(self, cells: Sequence[list[Any]], single: bool) -> Callable[..., Any] | None:
        """See ``tensorcore.backend.Binds``; None while there is no C runtime."""
        self._look()
        plan = self._direct.plan
        fits = len(cells) == len(plan.cells) and all(
            type(cell) is list and len(cell) == 2 for cell in cells
        )
        if self._native is None or not fits or (single and len(plan.outputs) != 1):
            return None
        binding = self._native.binding(self._plan, list(cells), int(single))
        return self._native.function(self._native.bound_method, binding)


class Native:
    """The C runtime, loaded."""

    #: The code that frees its objects is in the library itself: it must never be unloaded.
    _loaded: ClassVar[list[Library]] = []

    def __init__(self, library: Library) -> None:
        self._library = library
        self._loaded.append(library)
        handle, size = ctypes.py_object, ctypes.c_void_p
        setup = _function(library.address("tc_setup"), None, size, handle, size, size)
        setup(_numpy_api(), np.float64, *blas.find().threads)
        names = ("tc_before_fork", "tc_fork_in_parent", "tc_fork_in_child")
        before, parent, child = (_function(library.address(name), None) for name in names)
        os.register_at_fork(before=before, after_in_parent=parent, after_in_child=child)
        self._make_plan = _function(library.address("tc_plan"), handle, size, handle)
        self.binding = _function(
            library.address("tc_binding"), handle, handle, handle, ctypes.c_longlong
        )
        self.execute_method = library.address("tc_execute_method")
        self.bound_method = library.address("tc_bound_method")
        self.update_method = library.address("tc_update_method")
        self.kept_method = library.address("tc_kept_method")
        address_of = ctypes.cast(ctypes.pythonapi.PyCFunction_NewEx, size).value
        self._make_function = _function(address_of or 0, handle, size, handle, size)

    def function(self, method: int, owner: Any) -> Callable[..., Any]:
        """A builtin function over the C state ``owner``, which it keeps alive."""
        made: Callable[..., Any] = self._make_function(method, owner, None)
        return made

    def plan(
        self, library: Library, measure: int, run: int, plan: CallPlan, times: Any = None
    ) -> Any:
        """The plan as C state: an array of words in the layout of frame.c. A timed program
        adds to ``times``."""
        wanted = results(plan)
        ids = words_of("q")
        ports = _table(*(_port(port) for port in plan.inputs + plan.cells))
        result = _table(*(_result(r, ids) for r in wanted))
        buffers = words_of("q")
        for spec in plan.storage:
            buffers.extend(spec)
        arrays = [plain(value, value.dtype.name) for _, value in plan.constants]
        shapes = [words_of("q", (*a.shape, 0)) for a in arrays]
        constants = words_of("q")
        for (slot, _), a, shape in zip(plan.constants, arrays, shapes, strict=True):
            constants.extend((slot, address(a), shape.buffer_info()[0]))
        functions = blas.find()
        table = functions.array()
        every = plan.segments + plan.inner_segments
        words = words_of("q", (plan.slots, plan.sizes, plan.segments, every))
        words.extend(map(len, (plan.inputs, plan.cells, plan.outputs, plan.commits)))
        words.extend((len(plan.storage), len(plan.constants), plan.threshold, measure, run))
        words.extend((ctypes.addressof(table), functions.integer))
        words.append(0 if times is None else address(times))
        words.append(plan.threads)
        parts = (ports, result, buffers, constants, ids)
        words.extend(part.buffer_info()[0] for part in parts)
        keep = (library, words, parts, arrays, shapes, table, times)
        return self._make_plan(words.buffer_info()[0], keep)


def _table(*rows: tuple[int, ...]) -> words_of[int]:
    return words_of("q", [word for row in rows for word in row])


def _port(port: PortSpec) -> tuple[int, ...]:
    slot, dtype, rank = port
    number = np.dtype(dtype).num
    # 64-bit integers have two type numbers, for C's long and long long.
    twins = [np.dtype(c).num for c in "lLqQ" if np.dtype(c) == np.dtype(dtype)]
    twin = next((t for t in twins if t != number), number)
    return slot, number, twin, rank, 0 if rank else _SCALARS.get(dtype, 0)


def _result(r: Result, ids: words_of[int]) -> tuple[int, ...]:
    dtype = np.dtype(r.dtype)
    start, rank = len(ids), len(r.shape)
    if rank > 64:
        raise CompileError(f"A result has {rank} axes; NumPy's arrays have 64 at most.")
    ids.extend(r.shape)
    return (r.slot, dtype.num, dtype.itemsize, rank, r.segment, start, r.cell, int(r.in_place))


def _function(address: int, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A C function that is called with the global lock held."""
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


def _numpy_api() -> int:
    """NumPy's table of C functions."""
    pointer = ctypes.cast(ctypes.pythonapi.PyCapsule_GetPointer, ctypes.c_void_p).value
    get = _function(pointer or 0, ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return int(get(capsule, None))


class _State:
    """The process's C runtime: not begun, being built, there, or not to be had."""

    def __init__(self) -> None:
        self.native: Native | None = None
        self.build: compiler.Build | None = None
        self.failed = not _is_supported()

    def begin(self) -> None:
        try:
            self.build = compiler.start([_source()], optimise=1)
            # A short program must leave the runtime in the cache, and wait for nobody else's.
            atexit.register(lambda: _native(wait=self.build is not None and self.build.own))
        except (CompileError, OSError) as problem:
            self.give_up(problem)

    def finish(self) -> None:
        assert self.build is not None
        try:
            native = Native(self.build.finish())
            _test(native)
            self.native = native
        except (CompileError, OSError, AttributeError, ValueError) as problem:
            self.give_up(problem)
        self.build = None

    def give_up(self, problem: Exception) -> None:
        import logging

        self.failed = True
        logging.getLogger("tensorcore.cgen").warning(
            "tensorcore: calls of compiled functions are slower than they could be: %s", problem
        )


def _is_supported() -> bool:
    """Whether this Python has the object layout that the C runtime is written for."""
    return (
        sys.implementation.name == "cpython"
        and os.name == "posix"
        and sys.maxsize > 2**32
        and "t" not in sys.abiflags  # free-threaded
        and not hasattr(sys, "getobjects")  # a build that traces references
    )


def _source() -> str:
    folder = os.path.dirname(os.path.abspath(__file__))
    texts = []
    for name in ("frame.c", "memory.c", "pool.c", "runtime.c"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts.append(file.read())
    return "\n".join(texts)


_lock = threading.Lock()
_state = _State()


def _native(wait: bool = True) -> Native | None:
    """The C runtime; None when there is none to be had, or without ``wait`` not yet."""
    if _state.native is not None or _state.failed:
        return _state.native
    prepare()
    with _lock:
        if _state.build is not None and (wait or _state.build.ready):
            _state.finish()
        return _state.native


def _test(native: Native) -> None:
    """Run the tiny program of runtime.c both ways. Raises ValueError unless all is right."""
    plan = CallPlan(
        slots=6, sizes=1, segments=1,
        inputs=((0, "float64", 1), (1, "float64", 0)), cells=((2, "float64", 0),),
        constants=(), outputs=((4, "float64", (0,), 0),),
        commits=((0, 5, "float64", (), 0, True),), storage=((0, 8, 0, 3, 0, 0),), threshold=5,
    )  # fmt: skip
    program = Program((), (), (), (), (), (), (), ())
    entries = ("tc_test_sizes", "tc_test_run")
    executable = GeneratedExecutable(native._library, plan, program, native, entries)
    cell: list[Any] = [np.array(1.5), None]
    call = executable.bind([cell], True)
    if call is None:
        raise ValueError("the C runtime does not bind")
    given = [np.arange(3.0), np.array(2.5)]
    first = cell[0]
    found: list[Any] = [call(*given).tolist(), float(first), float(cell[0])]
    place = id(cell[0])
    found += [call(given[0], 2).tolist(), id(cell[0]) == place, float(cell[0])]
    found += [call(np.arange(6.0), 1.0), call(given[0]), call(given[0].astype("f4"), 1.0)]
    for size in (3, 7, 8):
        pair = executable._execute([np.arange(float(size)), given[1]], [cell[0]])
        found += [pair] if pair is NotImplemented else [pair[0][0].tolist(), float(pair[1][0])]
    found.append(float(cell[0]))
    double, refused = [0.0, 2.0, 4.0], NotImplemented
    expected = [double, 1.5, 4.0, double, True, 6.0, refused, refused, refused]
    expected += [double, 8.5, [2.0 * k for k in range(7)], 8.5, refused, 6.0]
    if found != expected:
        raise ValueError(f"the C runtime fails its test, with {found} for {expected}")
