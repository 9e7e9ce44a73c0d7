"""Calls that repeat are captured as a CUDA graph, which later ones replay in one command.

A graph knows addresses. So results go into few sets of buffers, which belong to the executable and
take turns: one whose buffers somebody still holds is not written to. Updates then walk from set to
set, and there is a graph for each combination of the arguments' buffers and a set.

A loop whose count follows from sizes is in the graph with all its iterations, up to a length beyond
which a graph costs more than it saves.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

from tensorcore import config
from tensorcore.devices.frame import Frame
from tensorcore.devices.machine import Array
from tensorcore.devices.run import DeviceExecutable
from tensorcore.program import Program

from .device import Device
from .memory import NotReady

#: Graphs of one executable, combinations of buffers that are remembered, shapes of arguments with
#: sets of results, and sets for each.
_GRAPHS, _SEEN, _SHAPES, _SETS = 8, 64, 4, 4
#: Steps of a graph at most.
_LONGEST = 8192


class Lease:
    """What all buffers of a set refer to that somebody holds; it keeps their memory."""

    __slots__ = ("__weakref__", "arrays")

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays


class Lent:
    """A buffer of a set, for as long as somebody holds it."""

    __slots__ = ("_lease", "ptr")

    def __init__(self, lease: Lease, ptr: int) -> None:
        self._lease = lease
        self.ptr = ptr


class Results:
    """A set of buffers for all results of a call."""

    def __init__(self, number: int, arrays: Sequence[Array]) -> None:
        #: No other set of the executable has it, also none that is gone.
        self.number = number
        self.arrays = arrays
        self._lease: weakref.ref[Lease] | None = None

    def free(self) -> bool:
        """Whether nobody holds any of them."""
        return self._lease is None or self._lease() is None

    def lend(self) -> list[Array]:
        """The results for who called."""
        lease = Lease(self.arrays)
        self._lease = weakref.ref(lease)
        return [
            Array(array.memory, Lent(lease, array.buffer.ptr), array.shape, array.dtype)
            for array in self.arrays
        ]


class Captured(NamedTuple):
    """The commands of a call. ``arena`` is the pool of the buffers between its steps, ``frame``
    keeps what it shares with other calls and says whether kernels have reported errors."""

    graph: Any
    frame: Frame
    arena: Any
    results: Results


class GraphExecutable(DeviceExecutable):
    """An Executable on a CUDA device; see ``tensorcore.backend``."""

    device: Device

    def __init__(self, device: Device, program: Program) -> None:
        with device.current():
            super().__init__(device, program)
        self._graphs: OrderedDict[Any, Captured] = OrderedDict()
        #: By what a graph depends on, how many steps the call took.
        self._seen: OrderedDict[Any, int] = OrderedDict()
        self._sets: OrderedDict[Any, list[Results]] = OrderedDict()
        self._numbers = count()
        self._refused = ""
        self.replays = 0

    def notes(self) -> dict[str, str]:
        """See ``tensorcore.backend.Described``."""
        words = self._refused or f"{len(self._graphs)} captured, replayed {self.replays} times"
        instead = {"cuBLAS": "so by kernels of our own"}
        missing = self.device.libraries.missing.items()
        lacking = {f"{k}, {instead.get(k, 'so on the host')}": why for k, why in missing if why}
        return {**super().notes(), **lacking, "CUDA graphs": words}

    def __call__(
        self, inputs: Sequence[Array], cells: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """See ``tensorcore.backend.Executable``."""
        with self.device.current():
            given = [*inputs, *cells]
            results = None
            if self.repeats and not self._refused and config.get("cuda.graphs"):
                results = self._set(given)
            if results is None:
                return super().__call__(inputs, cells)
            self._run(given, results).judge()
            made = results.lend()
        outputs = len(self.program.outputs)
        return made[:outputs], made[outputs:]

    def _set(self, given: Sequence[Array]) -> Results | None:
        """A set that is free; None where callers hold all of them."""
        shapes = tuple(array.shape for array in given)
        sets = self._sets.setdefault(shapes, [])
        self._sets.move_to_end(shapes)
        for known in sets:
            if known.free():
                return known
        if len(sets) == _SETS:
            return None
        sets.append(Results(next(self._numbers), self.places(given)))
        if len(self._sets) > _SHAPES:
            self._sets.popitem(last=False)
        return sets[-1]

    def _run(self, given: Sequence[Array], results: Results) -> Frame:
        """Put a call into the stream: as a graph, or the first time step by step, by which all is
        made ready that must not be made while commands are captured."""
        key = (results.number, *(array.buffer.ptr for array in given))  # a set is for these shapes
        captured = self._graphs.get(key)
        if captured is None and self._seen.get(key, _LONGEST + 1) <= _LONGEST:
            captured = self._capture(key, given, results)
        if captured is None:
            before = self.steps_done
            frame = self.begin_into(given, results.arrays)
            self._seen[key] = self.steps_done - before
            if len(self._seen) > _SEEN:
                self._seen.popitem(last=False)
            return frame
        self._graphs.move_to_end(key)
        captured.graph.launch(self.device.stream)
        self.replays += 1
        return captured.frame

    def _capture(self, key: Any, given: Sequence[Array], results: Results) -> Captured | None:
        """The graph of a call whose buffers were seen before; None where CUDA refuses it."""
        import cupy

        stream, arena = self.device.stream, cupy.cuda.MemoryPool()
        with self.device.memory.taking_from(arena):
            try:
                stream.begin_capture()
                frame = self.begin_into(given, results.arrays)
                graph = stream.end_capture()
            except NotReady:  # what was made ready is forgotten, after calls of other shapes
                self._end(stream)
                return None
            except Exception as problem:  # noqa: BLE001  # the same call works step by step
                self._end(stream)
                first = (str(problem).splitlines() or [""])[0]
                self._refused = f"none: capture failed ({type(problem).__name__}: {first})"
                return None
        frame.arrays = []  # it must not hold what the caller gave
        if len(self._graphs) >= _GRAPHS:
            self._graphs.popitem(last=False)
        found = self._graphs[key] = Captured(graph, frame, arena, results)
        return found

    @staticmethod
    def _end(stream: Any) -> None:
        """Leave the state of capturing, whose graph nobody wants any more. Whether there is one is
        not asked: of a capture that CUDA gave up CuPy's answer is an error, and it must end too."""
        with suppress(Exception):
            stream.end_capture()
