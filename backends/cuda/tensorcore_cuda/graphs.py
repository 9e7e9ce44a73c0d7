"""Calls that repeat are captured as a CUDA graph, which later ones replay in one command.

A graph knows addresses, so there is one for each combination of the arguments' buffers; buffers
come from a pool, so in a steady state few combinations take turns. What a graph writes belongs to
it: results that somebody still holds keep it from being replayed, and that call goes the long way.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from tensorcore import config
from tensorcore.devices.frame import Frame
from tensorcore.devices.machine import Array
from tensorcore.devices.run import DeviceExecutable
from tensorcore.program import Program

from .device import Device

#: Graphs of one executable, and combinations of buffers that are remembered.
_GRAPHS = 8
_SEEN = 64


class Lent:
    """A buffer of a graph, for as long as somebody holds it."""

    __slots__ = ("__weakref__", "_owner", "ptr")

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self.ptr: int = owner.ptr


class Captured:
    """The commands of a call with their buffers: those of the pool ``arena`` are the graph's own,
    and ``frame`` keeps what it shares with other calls."""

    def __init__(self, graph: Any, frame: Frame, results: Sequence[Array], arena: Any) -> None:
        self._graph = graph
        self.frame = frame
        self._results = results
        self._arena = arena
        self._lent: list[weakref.ref[Lent]] = []

    def free(self) -> bool:
        """Whether nobody holds results of an earlier replay."""
        return all(lent() is None for lent in self._lent)

    def replay(self, stream: Any) -> list[Array]:
        """Put the commands into the stream; the results."""
        self._graph.launch(stream)
        buffers = [Lent(array.buffer) for array in self._results]
        self._lent = [weakref.ref(buffer) for buffer in buffers]
        return [
            Array(array.memory, buffer, array.shape, array.dtype)
            for array, buffer in zip(self._results, buffers, strict=True)
        ]


class GraphExecutable(DeviceExecutable):
    """An Executable on a CUDA device; see ``tensorcore.backend``."""

    device: Device

    def __init__(self, device: Device, program: Program) -> None:
        with device.current():
            super().__init__(device, program)
        self._graphs: OrderedDict[Any, Captured] = OrderedDict()
        self._seen: OrderedDict[Any, None] = OrderedDict()
        self._refused = ""
        self.replays = 0

    def notes(self) -> dict[str, str]:
        """See ``tensorcore.backend.Described``."""
        words = self._refused or f"{len(self._graphs)} captured, replayed {self.replays} times"
        return {**super().notes(), "CUDA graphs": words}

    def __call__(
        self, inputs: Sequence[Array], cells: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """See ``tensorcore.backend.Executable``."""
        with self.device.current():
            if not self.repeats or self._refused or not config.get("cuda.graphs"):
                return super().__call__(inputs, cells)
            given = [*inputs, *cells]
            key = tuple((array.buffer.ptr, array.shape) for array in given)
            captured = self._graphs.get(key) or self._capture(key, given)
            if captured is None or not captured.free():
                return super().__call__(inputs, cells)
            self._graphs.move_to_end(key)
            made = captured.replay(self.device.stream)
            self.replays += 1
            captured.frame.judge()
        count = len(self.program.outputs)
        return made[:count], made[count:]

    def _capture(self, key: Any, given: Sequence[Array]) -> Captured | None:
        """The graph of a call whose buffers were seen before; None at the first time, in which
        everything is made ready that must not be made while commands are captured."""
        import cupy

        if key not in self._seen:
            self._seen[key] = None
            if len(self._seen) > _SEEN:
                self._seen.popitem(last=False)
            return None
        stream, arena = self.device.stream, cupy.cuda.MemoryPool()
        with self.device.memory.taking_from(arena):
            stream.begin_capture()
            try:
                frame = self.begin(given)
                results = self.results(frame)
            except BaseException:
                self._end(stream)
                raise
            try:
                graph = stream.end_capture()
            except cupy.cuda.runtime.CUDARuntimeError as problem:
                self._refused = f"none: capture failed ({problem})"
                return None
        if len(self._graphs) >= _GRAPHS:
            self._graphs.popitem(last=False)
        found = self._graphs[key] = Captured(graph, frame, results, arena)
        return found

    @staticmethod
    def _end(stream: Any) -> None:
        """Leave the state of capturing, whose graph nobody wants any more."""
        import cupy

        try:
            stream.end_capture()
        except cupy.cuda.runtime.CUDARuntimeError:
            return
