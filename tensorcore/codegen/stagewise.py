"""Kernels without axes on devices: a row of functions, launched one after the other.

Stages that divide are shared out in chunks of their first inner axis, and between them one
work-item, or one group of which one member writes, does the rest. What one function leaves for the
next is in a struct in memory, whose fields those of ``parts.py`` are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..program import Kernel, Size, Slot, Stage
from .dialect import Dialect
from .meeting import items_of, ordered
from .parts import CHUNKS, MANY_CHUNKS, RANGE, Parted, work
from .render import Launch
from .running import Running, Scan


class Launching(Parted):
    """What all printers for work-items have in common."""

    def _own_rows(self) -> None:
        for slot in self.kernel.scratch:
            length = " * ".join(map(self._size, self.slots[slot].shape)) or "1"
            self.text.rows[int(self._pointer(slot, True)[1:])] = length

    def _range(self, count: str) -> None:
        """The lines that say which points a work-item takes."""
        item = items_of(self.dialect).item
        self._line(f"const i64 from = {item} * chunk;")
        self._line(f"const i64 to = {count} - from < chunk ? {count} : from + chunk;")


class Stagewise(Launching, Running):
    """Prints such kernels, stage by stage."""

    _here, _chunk = "k->", "r"

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        #: Whether one work-item walks a stage, and whether lines are those of a shared one.
        self._whole = self._in_part = False
        #: What comes between functions that share out stages: how many such pieces there are, and
        #: whether the present one needs a group.
        self._glue, self._joins = 0, False

    @contextmanager
    def _function(self, suffix: str, parameters: str = RANGE) -> Iterator[None]:
        self._in_part = True
        with super()._function(suffix, parameters):
            yield
        self._in_part = False

    def _between(self) -> bool:
        """Whether lines are those that come between shared stages."""
        return not self.kernel.axes and not self._in_part and self.items.group > 1

    def _alone(self, number: int, stage: Stage) -> None:
        if not stage.inner:
            self._body(stage, [])
            self._wait_for_writes(stage)
        elif (scan := self._scanned(stage)) is not None:
            self._flush(number)
            self._scan_chunks(number, stage, scan)
        elif self._divides(stage):
            self._shared_out(number, stage)
        else:
            self._whole = True
            self._stage(stage, [])
            self._whole = False
            self._wait_for_writes(stage)

    def _wait_for_writes(self, stage: Stage) -> None:
        """Where members of a group may do this together, what the one of them writes that does
        so is there before others read it."""
        if stage.stores and self.items.group > 1 and not self.kernel.leaves:
            self._line(self.items.barrier)

    def _flush(self, number: int) -> None:
        """What one work-item does between two stages that are shared out, as a function. It takes
        what earlier ones left, and leaves what the stages from ``number`` on need."""
        lines, self._lines = self._lines, []
        stages = self.kernel.stages
        taken = {v for stage in stages for v in stage.taken()}
        for v in sorted(v for v in taken if f"v{v}" in self.text.shared):
            self._line(f"const {self._type(self._dtypes[v])} v{v} = k->v{v};")
        head, self._lines = self._lines, []
        later = {v for stage in stages[number:] for v in stage.taken()}
        for v in sorted(later & set(self._names)):
            if f"v{v}" not in self.text.shared:
                field = self._field(f"v{v}", f"{self._type(self._dtypes[v])} v{v}")
                self._line(f"{self._only()}{field} = {self._names[v]};")
        tail, self._lines = self._lines, []
        if lines or tail:
            body = "\n".join([*self._local, *head, *lines, *tail])
            self.text.functions.append((f"_g{self._glue}", "", body))
            self.text.launches.append(Launch("groups", limit=1) if self._joins else Launch("one"))
            self._glue += 1
        self._local, self._joins = [], False

    def _only(self) -> str:
        """The condition under which a member writes what all of them have."""
        return f"if ({self.items.member} == 0) " if self.items.group > 1 else ""

    def _shared_out(self, number: int, stage: Stage) -> None:
        """A stage as a function of its own, for every chunk of its first inner axis; what chunks
        have accumulated is put together by the work-item that comes after."""
        self._flush(number)
        inner = [f"j{k}" for k in range(len(stage.inner))]
        single = self.items.group == 1
        with self._function(f"_{number}"):
            self._local = []
            self._receive(stage)
            if stage.accumulates:
                self._together = not single and not self.kernel.leaves
                self._line(self._chunk_lines(stage, ""))
                self._of_chunks(stage, inner)
            else:
                self._pieces(stage, inner)
            self._lines[:0] = self._local
        launch = Launch("chunks" if single else "items", stage.inner[:1])
        if stage.accumulates:
            launch = launch._replace(points=(), limit=self._most_chunks())
        if self._together:
            launch = launch._replace(way="groups")
        self._local = []
        inside = stage.inner if stage.accumulates else stage.inner[1:]
        self.text.launches.append(launch._replace(cost=((work(stage), inside),)))
        if not stage.accumulates:
            return
        self._line(self._chunk_lines(stage, str(number)))
        self._join_chunks(stage, f"chunks{number}")
        self._together = False

    def _join_chunks(self, stage: Stage, chunks: str) -> None:
        """What chunks have accumulated: of a group each member takes some of them."""
        for a in stage.accumulates:
            self._declare(a)
        first, last, step = "0", chunks, "1"
        if self._together:
            self._joins = True
            member, group = self.items.member, self.items.group
            first, step = member, str(group)
            if ordered(stage):
                self._line(f"const int each = ({chunks} + {group - 1}) / {group};")
                self._line(f"const int begin = {member} * each, past = begin + each;")
                first, last, step = "begin", f"past && r < {chunks}", "1"
        self._loop("r", last, "", first, step)
        for a in stage.accumulates:
            self._take(a)
        self._close()
        for a in stage.accumulates:
            self._fold(a)
            self._meet(a)
            self._finish(a)

    def _pieces(self, stage: Stage, inner: list[str]) -> None:
        if self.items.group == 1:
            self._range(self._size(stage.inner[0]))
            self._line("const i64 first = from, last = to;")
            self._nest(stage, [], inner)
            return
        step, length = self.items.items, self._size(stage.inner[0])
        start = self.items.item
        ctype = self.dialect.indices
        self._line(f"for ({ctype} first = {start}; first < {length}; first += {step}) {{")
        self._depth += 1
        self._line(f"const {ctype} last = first + 1;")
        self._nest(stage, [], inner)
        self._close()

    def _most_chunks(self) -> int:
        return CHUNKS if self.items.group == 1 else MANY_CHUNKS

    def _chunk_lines(self, stage: Stage, suffix: str) -> str:
        """The length of a chunk, and how many there are."""
        length = self._size(stage.inner[0])
        rest = " * ".join(["1.0", *map(self._size, stage.inner[1:])])
        step = f"step{suffix}"
        return (
            f"const {self.dialect.indices} {step} = tc_chunk({length}, {rest}), "
            f"chunks{suffix} = ({length} + {step} - 1) / {step};"
        )

    def _of_chunks(self, stage: Stage, inner: list[str]) -> None:
        """What a function does that accumulates by chunks."""
        items, ctype = self.items, self.dialect.indices
        if items.group == 1:
            self._range("chunks")
            self._line("for (i64 q = from; q < to; q++) {")
        elif self._together:
            self._line(f"for ({ctype} q = {items.group_item}; q < chunks; q += {items.groups}) {{")
        else:
            self._line(f"for ({ctype} q = {items.item}; q < chunks; q += {items.items}) {{")
        self._depth += 1
        size = self._size(stage.inner[0])
        self._line(f"const {ctype} first = q * step;")
        self._line(f"const {ctype} last = {size} - first < step ? {size} : first + step;")
        for a in stage.accumulates:
            self._declare(a)
        self._nest(stage, [], inner)
        only = self._only() if self._together else ""
        for a in stage.accumulates:
            self._fold(a)
            self._meet(a)
            for name, ctype in self._kept(a):
                place = self._field(f"{name}s", f"{ctype} {name}s[{self._most_chunks()}]")
                self._line(f"{only}{place}[q] = {name};")
        self._close()

    def _scan_chunks(self, number: int, stage: Stage, scan: Scan) -> None:
        """A running total as two functions: one adds up each chunk, the other begins a chunk with
        the sum of those before it."""
        names, placed = dict(self._names), set(self._placed)
        launch = Launch("groups", limit=self._most_chunks(), cost=((work(stage), ()),))
        for suffix in ("_sums", ""):
            with self._function(f"_{number}{suffix}"):
                self._local, self._together = [], True
                self._receive(stage)
                self._line(self._chunk_lines(stage, ""))
                if suffix:
                    self._of_chunks(scan.sums, ["j0"])
                else:
                    self._scan_of_chunks(stage, scan)
                self._lines[:0] = self._local
            self.text.launches.append(launch)
            self._names, self._placed = dict(names), set(placed)
        self._local, self._together = [], False

    def _scan_of_chunks(self, stage: Stage, scan: Scan) -> None:
        """What the second function does."""
        ctype, items, total = self.dialect.indices, self.items, scan.total
        self._line(f"for ({ctype} q = {items.group_item}; q < chunks; q += {items.groups}) {{")
        self._depth += 1
        self._line(f"const {ctype} first = q * step;")
        size = self._size(stage.inner[0])
        self._line(f"const {ctype} last = {size} - first < step ? {size} : first + step;")
        self._join_chunks(scan.sums, "q")
        self._names[scan.carried.state or 0] = self._names[total.value]
        self._scan_row(scan, stage, [], "first", "last")
        self._close()
