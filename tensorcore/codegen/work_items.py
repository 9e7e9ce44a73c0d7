"""How work-items carry out a kernel.

Where work-items are threads of a processor (a group of one), each takes a chunk of the points of a
kernel's first axis and loops over them as C code does. Where they are the lanes of a graphics
processor, each takes one point; and where points reduce rows, a work-group takes a point, its
members share out the row and put their results together in memory of the group. Where points reduce
columns, which lie side by side in memory, a group takes as many neighbouring points as read memory
together, and its members share out the columns' entries.

A kernel without axes is a row of functions, launched one after the other: stages that divide are
shared out in chunks of their first inner axis, and between them one work-item does the rest. What
one function leaves for the next is in a struct in memory, whose fields those of ``parts.py`` are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..program import Access, Kernel, Size, Slot, Stage, Store
from .columns import STRIP, ColumnPrinter, by_columns
from .dialect import Dialect
from .meeting import LANES, items_of
from .parts import CHUNKS, Parted, work
from .render import KernelPrinter, KernelText, Launch
from .wide import Wide


def print_items(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text: functions, and how they are launched."""
    if items_of(dialect).group == 1 and by_columns(kernel, sizes):
        return _ItemColumns(kernel, slots, sizes, dialect).print()
    return _ItemPrinter(kernel, slots, sizes, dialect).print()


class _Launching(Parted):
    """What both printers have in common."""

    def _own_rows(self) -> None:
        for slot in self.kernel.scratch:
            length = " * ".join(map(self._size, self.slots[slot].shape)) or "1"
            self.text.rows[int(self._pointer(slot, True)[1:])] = length

    def _range(self, count: str) -> None:
        """The lines that say which points a work-item takes."""
        item = items_of(self.dialect).item
        self._line(f"const i64 from = {item} * chunk;")
        self._line(f"const i64 to = {count} - from < chunk ? {count} : from + chunk;")


class _ItemColumns(_Launching, ColumnPrinter):
    """Prints a kernel that reduces columns: each work-item takes strips of them, or matrices."""

    def print(self) -> KernelText:
        """The function, and how it is launched."""
        axes = self.kernel.axes
        with self._function("_0"):
            if len(axes) == 1:
                self._range(f"(({self._size(axes[0])} + {STRIP - 1}) / {STRIP})")
            else:
                self._range(self._size(axes[0]))
            ColumnPrinter.print(self)
        self._own_rows()
        if len(axes) == 1:
            cost = tuple((work(s) * STRIP, s.inner) for s in self.kernel.stages)
            self.text.launches.append(Launch("chunks", axes, STRIP, 0, cost))
        else:
            cost = tuple((work(s), (*axes[1:], *s.inner)) for s in self.kernel.stages)
            self.text.launches.append(Launch("chunks", axes[:1], 1, 0, cost))
        return self.text

    def _strip_bounds(self, width: str) -> tuple[str, str]:
        if len(self.kernel.axes) > 1:
            return "0", width
        last = f"to * {STRIP}"
        return f"from * {STRIP}", f"({last} < {width} ? {last} : {width})"


class _ItemPrinter(_Launching, Wide):
    """Prints every other kernel."""

    _here = "k->"

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        #: Whether one work-item walks a stage of a kernel without axes, and whether one member
        #: of a group writes.
        self._whole = self._once = False
        self._glue = 0

    def print(self) -> KernelText:
        """The functions, and how they are launched."""
        if self.kernel.axes:
            self._over_axes()
        else:
            for number, stage in enumerate(self.kernel.stages):
                self._alone(number, stage)
            self._flush(len(self.kernel.stages))
        return self.text

    # -- kernels with axes --------------------------------------------------------------

    def _over_axes(self) -> None:
        axes, stages = self.kernel.axes, self.kernel.stages
        rows = any(stage.inner for stage in stages)
        leaves = self.kernel.leaves
        self._together = rows and self.items.group > 1 and not leaves
        if self._together and self._side_by_side():
            self._lanes = min(LANES, self.items.group // 2)
        axis, turned = self._turned()
        self._keep_rows()
        several = not (rows or turned) and self._entries > 1
        with self._function("_0"):
            if self.items.group == 1:
                self._range(self._size(axes[0]))
                KernelPrinter.print(self)
                self.text.body = ""
            elif turned:
                self._squares(axis, turned)
            elif several:
                self._strips()
            else:
                self._points()
            self._lines[:0] = self._local
        self._own_rows()
        if self.items.group == 1:
            cost = tuple((work(s), (*axes[1:], *s.inner)) for s in stages)
            self.text.launches.append(Launch("chunks", axes[:1], 1, 0, cost))
            return
        cost = tuple((work(s), s.inner) for s in stages)
        way = "groups" if self._together or turned else "items"
        per = LANES * LANES if turned else self._entries if several else self._lanes
        self.text.launches.append(Launch(way, axes, per, 0, cost))

    def _points(self) -> None:
        """The loop over the points that a work-item, or group, takes."""
        rank, ctype = len(self.kernel.axes), self.dialect.indices
        count = " * ".join(map(self._size, self.kernel.axes))
        start, step = self.items.item, self.items.items
        if self._together:
            start, step = self.items.group_item, self.items.groups
        self._line(f"const {self.dialect.indices} count = {count};")
        if self._lanes > 1:
            lanes, lane = self._lanes, self._lane()
            head = f"base = {start} * {lanes}; base < count; base += {step} * {lanes}"
            self._line(f"for ({ctype} {head}) {{")
            self._depth += 1
            self._line(f"const int inside = base + {lane} < count;")
            self._line(f"const {ctype} point = inside ? base + {lane} : count - 1;")
        else:
            self._line(f"for ({ctype} point = {start}; point < count; point += {step}) {{")
            self._depth += 1
        rest = "point"
        for k in reversed(range(1, rank)):
            length = self._size(self.kernel.axes[k])
            self._line(f"const {ctype} i{k} = {rest} % {length}, rest{k} = {rest} / {length};")
            rest = f"rest{k}"
        self._line(f"const {ctype} i0 = {rest};")
        for stage in self.kernel.stages:
            self._stage(stage, [f"i{k}" for k in range(rank)])
        self._close()

    def _strips(self) -> None:
        """The loop over neighbours along the last axis that a work-item takes together."""
        *axes, last = map(self._size, self.kernel.axes)
        ctype, entries, items = self.dialect.indices, self._entries, self.items
        self._line(f"const {ctype} strips = ({last} + {entries - 1}) / {entries};")
        self._line(f"const {ctype} count = {' * '.join([*axes, 'strips'])};")
        head = f"strip = {items.item}; strip < count; strip += {items.items}"
        self._line(f"for ({ctype} {head}) {{")
        self._depth += 1
        here = f"i{len(axes)}w"
        rest = "strip / strips" if axes else ""
        self._line(f"const {ctype} {here} = {'strip % strips' if axes else 'strip'} * {entries};")
        for k in reversed(range(len(axes))):
            place = f"({rest}) % {axes[k]}" if k else rest
            self._line(f"const {ctype} i{k} = {place};")
            rest = f"({rest}) / {axes[k]}"
        index = [f"i{k}" for k in range(len(axes) + 1)]
        self._several(self.kernel.stages, index, here, last)
        self._close()

    # -- kernels without: stage by stage ------------------------------------------------

    def _alone(self, number: int, stage: Stage) -> None:
        if not stage.inner:
            self._body(stage, [])
        elif self._divides(stage):
            self._shared_out(number, stage)
        else:
            self._whole = True
            self._stage(stage, [])
            self._whole = False

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
                ctype = self._type(self._dtypes[v])
                self._line(f"{self._field(f'v{v}', f'{ctype} v{v}')} = {self._names[v]};")
        tail, self._lines = self._lines, []
        if lines or tail:
            body = "\n".join([*head, *lines, *tail])
            self.text.functions.append((f"_g{self._glue}", "", body))
            self.text.launches.append(Launch("one"))
            self._glue += 1

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
            launch = launch._replace(points=(), limit=CHUNKS)
        if self._together:
            launch = launch._replace(way="groups")
        self._together = False
        inside = stage.inner if stage.accumulates else stage.inner[1:]
        self.text.launches.append(launch._replace(cost=((work(stage), inside),)))
        if not stage.accumulates:
            return
        self._line(self._chunk_lines(stage, str(number)))
        for a in stage.accumulates:
            self._declare(a)
        self._line(f"for (i64 q = 0; q < chunks{number}; q++) {{")
        self._depth += 1
        for a in stage.accumulates:
            self._take(a)
        self._close()
        for a in stage.accumulates:
            self._fold(a)
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
        only = f"if ({items.member} == 0) " if self._together else ""
        for a in stage.accumulates:
            self._fold(a)
            self._meet(a)
            for name, ctype in self._kept(a):
                place = self._field(f"{name}s", f"{ctype} {name}s[{CHUNKS}]")
                self._line(f"{only}{place}[q] = {name};")
        self._close()

    # -- the members of a group ---------------------------------------------------------

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        alone = bool(self.kernel.axes) or self._whole
        first, last = ("0", self._size(stage.inner[0])) if alone else ("first", "last")
        if not self._together or _carries(stage):
            return first, last
        member = self._place_in_row()
        if not _ordered(stage):
            return (member if first == "0" else f"first + {member}"), last
        each = f"({last} - {first} + {self.items.group - 1}) / {self.items.group}"
        ctype = self.dialect.indices
        self._line(f"const {ctype} each = {each}, begin = {first} + {member} * each;")
        self._line(f"const {ctype} end = begin + each < {last} ? begin + each : {last};")
        return "begin", "end"

    def _inner_step(self, stage: Stage) -> int:
        shared = self._together and not _ordered(stage) and not _carries(stage)
        return self.items.group // self._lanes if shared else 1

    def _stage(self, stage: Stage, outer: Sequence[str]) -> None:
        # What has no inner axes every member computes, and one writes.
        self._once = self._together and not stage.inner
        super()._stage(stage, outer)
        self._once = False
        if self._together and stage.stores:
            self._line(self.items.barrier)

    def _nest(self, stage: Stage, outer: Sequence[str], inner: list[str]) -> None:
        in_turn = self._together and len(inner) > 1 and self._collides(stage)
        if in_turn and not stage.accumulates:
            self._nest_in_turn(stage, outer, inner)
            return
        alone = self._together and (in_turn or _carries(stage))
        if alone:
            self._line(f"if ({self.items.member} == 0) {{")
        super()._nest(stage, outer, inner)
        if alone:
            self._line("}")

    def _side_by_side(self) -> bool:
        """Whether a group takes neighbouring points at a time."""
        if any(map(self._collides, self.kernel.stages)):
            return False
        return by_columns(self.kernel, self.table, self.kernel.scratch)

    def _collides(self, stage: Stage) -> bool:
        """Whether points of a stage may write to one place, whose order then matters. Such points
        never differ in the last inner axis alone."""
        zero, first = Size("const", (0,)), len(self.kernel.axes)
        return any(
            s.combine
            or s.access.gathered
            or zero in (self.table[k] for k in s.access.strides[first:])
            for s in stage.stores
        )

    def _nest_in_turn(self, stage: Stage, outer: Sequence[str], inner: list[str]) -> None:
        """Members share the last inner axis, and wait for each other at each point of others."""
        *before, last = inner
        for k, name in enumerate(before):
            self._place(stage, [*outer, *inner], [*outer, *inner[:k]])
            self._loop(name, self._size(stage.inner[k]), "")
        self._place(stage, [*outer, *inner], [*outer, *before])
        step = self.items.group // self._lanes
        self._loop(last, self._size(stage.inner[-1]), "", self._place_in_row(), step)
        self._body(stage, [*outer, *inner])
        self._close()
        self._line(self.items.barrier)
        for _ in before:
            self._close()

    def _at(
        self, access: Access, index: Sequence[str], written: bool = False
    ) -> tuple[str, str, str]:
        dtype, pointer, place = super()._at(access, index, written)
        if self._lanes > 1 and access.slot in self.kernel.scratch:  # rows lie side by side
            place = f"({place}) * {self._lanes}"
        return dtype, pointer, place

    def _write(self, store: Store, index: Sequence[str]) -> str:
        text = super()._write(store, index)
        conditions = [f"{self._place_in_row()} == 0"] if self._once else []
        conditions += ["inside"] if self._lanes > 1 else []
        return f"if ({' && '.join(conditions)}) {{ {text} }}" if conditions else text


def _carries(stage: Stage) -> bool:
    return any(a.combine == "carry" for a in stage.accumulates)


def _ordered(stage: Stage) -> bool:
    return any(a.combine in ("argmax", "argmin") for a in stage.accumulates)
