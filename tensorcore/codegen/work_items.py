"""How work-items carry out a kernel.

Where work-items are threads of a processor (a group of one), each takes a chunk of the points of a
kernel's first axis and loops over them as C code does. Where they are the lanes of a graphics
processor, each takes one point; and where points reduce rows, a team of a work-group's members, or
the whole group where rows are long, takes a point: they share out the row and put their results
together. Where points reduce columns, which lie side by side in memory, a group takes as many
neighbouring points as read memory together, and its members share out the columns' entries.
Kernels without axes are in ``stagewise.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..program import Access, Kernel, Size, Slot, Stage, Store
from .columns import STRIP, ColumnPrinter, by_columns
from .cutting import Cutting
from .dialect import Dialect
from .meeting import LANES, carries, items_of, ordered
from .parts import work
from .render import KernelPrinter, KernelText, Launch
from .stagewise import Launching

#: Points of a row for each member of a team; the last is more than any row has.
_FEW, _ENOUGH, _MANY, _ALL = 4, 16, 4096, 2**62


def print_items(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text: functions, and how they are launched."""
    if items_of(dialect).group == 1 and by_columns(kernel, sizes):
        return _ItemColumns(kernel, slots, sizes, dialect).print()
    return _ItemPrinter(kernel, slots, sizes, dialect).print()


class _ItemColumns(Launching, ColumnPrinter):
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


class _ItemPrinter(Cutting):
    """Prints every other kernel."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        #: Whether one member of a group writes.
        self._once = False

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
        self._in_teams = self._together and self._lanes == 1
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
        if self._in_teams:
            way, per = "teams", self._points_each()
        else:
            way = "groups" if self._together or turned else "items"
            per = LANES * LANES if turned else self._entries if several else self._lanes
        inner = tuple(s.inner for s in stages if s.inner)
        launch = Launch(way, axes, per, 0, cost, inner)
        if self._may_be_cut():
            launch = launch._replace(cut="whole")
        self.text.launches.append(launch)
        if launch.cut:
            self._print_cut(launch)

    def _points_each(self) -> int:
        """How many points of a row a member should have: what is next to each other in memory few,
        so that neighbours read it together; else enough that to meet is worth while; and many where
        neighbouring rows are read together."""
        stages = [stage for stage in self.kernel.stages if stage.inner]
        if any(carries(stage) and not self._scanned(stage) for stage in stages):
            return _ALL
        accesses = [access for stage in stages for access in stage.accesses()]
        last = len(self.kernel.axes) - 1
        if not any(map(self._next, accesses)):
            return _MANY if any(self._is_one(a.strides[last]) for a in accesses) else _ENOUGH
        few = all(len(s.inner) == 1 and not ordered(s) and not carries(s) for s in stages)
        return max(self._entries, _FEW) if few else _ENOUGH

    def _points(self) -> None:
        """The loop over the points that a work-item, or group, takes."""
        rank, ctype = len(self.kernel.axes), self.dialect.indices
        count = " * ".join(map(self._size, self.kernel.axes))
        start, step = self.items.item, self.items.items
        if self._together:
            start, step = self.items.group_item, self.items.groups
        self._line(f"const {self.dialect.indices} count = {count};")
        if self._lanes > 1 or self._in_teams:
            lanes, lane = ("teams", "mine") if self._in_teams else (self._lanes, self._lane())
            head = f"base = {start} * {lanes}; base < count; base += {step} * {lanes}"
            self._line(f"for ({ctype} {head}) {{")
            self._depth += 1
            self._line(f"const int inside = base + {lane} < count;")
            self._line(f"const {ctype} point = inside ? base + {lane} : count - 1;")
        else:
            self._line(f"for ({ctype} point = {start}; point < count; point += {step}) {{")
            self._depth += 1
        index = [f"i{k}" for k in range(rank)]
        self._point(index)
        for stage in self.kernel.stages:
            self._stage(stage, index)
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

    # -- the members of a group ---------------------------------------------------------

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        alone = (bool(self.kernel.axes) and not self._cut) or self._whole
        first, last = ("0", self._size(stage.inner[0])) if alone else ("first", "last")
        if not self._together or carries(stage):
            return first, last
        member = self._place_in_row()
        if not ordered(stage):
            return (member if first == "0" else f"first + {member}"), last
        each = f"({last} - {first} + {self._sharing()} - 1) / {self._sharing()}"
        ctype = self.dialect.indices
        self._line(f"const {ctype} each = {each}, begin = {first} + {member} * each;")
        self._line(f"const {ctype} end = begin + each < {last} ? begin + each : {last};")
        return "begin", "end"

    def _inner_step(self, stage: Stage, times: int = 1) -> str:
        shared = self._together and not ordered(stage) and not carries(stage)
        return self._sharing(times) if shared else str(times)

    def _stage(self, stage: Stage, outer: Sequence[str]) -> None:
        # What has no inner axes every member computes, and one writes.
        self._once = self._together and not stage.inner
        super()._stage(stage, outer)
        self._once = False
        if self._together and stage.stores:
            self._line(self.items.barrier)

    def _nest(self, stage: Stage, outer: Sequence[str], inner: list[str]) -> None:
        scan = self._scanned(stage) if self._together else None
        if scan is not None:
            self._scan_row(scan, stage, outer, "0", self._size(stage.inner[0]))
            return
        in_turn = self._together and len(inner) > 1 and self._collides(stage)
        if in_turn and not stage.accumulates:
            self._nest_in_turn(stage, outer, inner)
            return
        if self._in_teams and len(inner) > 1 and not (in_turn or carries(stage) or ordered(stage)):
            self._nest_flat(stage, outer, inner)
            return
        alone = self._together and (in_turn or carries(stage))
        if alone:
            self._line(f"if ({self._place_in_row()} == 0) {{")
        super()._nest(stage, outer, inner)
        if alone:
            self._line("}")

    def _side_by_side(self) -> bool:
        """Whether a group takes neighbouring points at a time."""
        if any(map(self._collides, self.kernel.stages)):
            return False
        return by_columns(self.kernel, self.table, self.kernel.scratch)

    def _nest_in_turn(self, stage: Stage, outer: Sequence[str], inner: list[str]) -> None:
        """Members share the last inner axis, and wait for each other at each point of others."""
        *before, last = inner
        for k, name in enumerate(before):
            self._place(stage, [*outer, *inner], [*outer, *inner[:k]])
            self._loop(name, self._size(stage.inner[k]), "")
        self._place(stage, [*outer, *inner], [*outer, *before])
        self._loop(last, self._size(stage.inner[-1]), "", self._place_in_row(), self._sharing())
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
        if store in self._vector_stores:  # into registers
            return text
        conditions = [f"{self._place_in_row()} == 0"] if self._once else []
        conditions += ["inside"] if self._lanes > 1 or self._in_teams else []
        if self._between():
            conditions.append(f"{self.items.member} == 0")
        return f"if ({' && '.join(conditions)}) {{ {text} }}" if conditions else text
