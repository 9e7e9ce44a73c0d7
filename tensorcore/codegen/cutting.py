"""Rows and columns that are long, and of which there are few: cut into pieces, which groups take.

A group takes a row, or some rows or columns side by side. Where these are fewer than keep a device
busy, a first function adds up a piece of each, and leaves what it comes to in memory; in a second
one a work-item joins the pieces of a point, and does what comes after. Which of the ways is taken
depends on sizes alone (``sharing.py``), so the function that does all in one is there as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..program import Accumulate, Size, Stage
from .columns import COMBINES
from .render import Launch
from .stagewise import Stagewise

#: What pieces leave, at most: their number times that of points.
MOST_LEFT = 65536
#: Points that a member adds plainly before they become a leaf of the pairwise sum.
_LEAF = 32


class Cutting(Stagewise):
    """Prints the two functions."""

    #: Whether the present function takes a piece of each row.
    _cut = False

    def _may_be_cut(self) -> bool:
        """Whether all that goes along rows is one stage that accumulates."""
        first, *others = self.kernel.stages
        return (
            self._together
            and bool(first.inner)
            and not self._collides(first)
            and not self.kernel.scratch
            and not any(stage.inner for stage in others)
            and all(a.combine in COMBINES for a in first.accumulates)
        )

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

    def _row_length(self, stage: Stage) -> str:
        """How many points of a row are shared out."""
        shared = stage.inner if self._in_teams else stage.inner[:1]
        return " * ".join(map(self._size, shared))

    def _print_cut(self, whole: Launch) -> None:
        """The functions, of which ``whole`` launches the one that does all."""
        index = [f"i{k}" for k in range(len(self.kernel.axes))]
        self._local, self._cut, self._names, self._placed = [], True, {}, set()
        with self._function("_0_part"):
            self._pieces_of_points(index)
            self._lines[:0] = self._local
        self.text.launches.append(whole._replace(cut="part", whole=whole))
        self._local, self._cut, self._names, self._placed = [], False, {}, set()
        self._together, self._in_teams, self._lanes = False, False, 1
        with self._function("_0_join"):
            self._joined_points(index)
        self.text.launches.append(Launch("items", self.kernel.axes, cut="join", whole=whole))

    def _pieces_of_points(self, index: Sequence[str]) -> None:
        stage, ctype, items = self.kernel.stages[0], self.dialect.indices, self.items
        per, lane = ("teams", "mine") if self._in_teams else (str(self._lanes), self._lane())
        length = self._row_length(stage)
        self._counts(length)
        self._line(f"const {ctype} count = {' * '.join(map(self._size, self.kernel.axes))};")
        self._line(f"const {ctype} pieces = (count + {per} - 1) / {per} * cuts;")
        head = f"q = {items.group_item}; q < pieces; q += {items.groups}"
        self._line(f"for ({ctype} {head}) {{")
        self._depth += 1
        self._line(f"const {ctype} cut = q % cuts, base = q / cuts * {per}, first = cut * step;")
        self._line(f"const {ctype} last = {length} - first < step ? {length} : first + step;")
        self._line(f"const int inside = base + {lane} < count;")
        self._line(f"const {ctype} point = inside ? base + {lane} : count - 1;")
        self._point(index)
        for a in stage.accumulates:
            self._declare(a)
        self._nest(stage, index, [f"j{k}" for k in range(len(stage.inner))])
        for a in stage.accumulates:
            self._fold(a)
            self._meet(a)
            self._leave(a)
        self._close()

    def _counts(self, length: str) -> None:
        """How many pieces there are, and how long they are: whole strips of neighbours."""
        ctype = self.dialect.indices
        self._line(f"const {ctype} cuts = ({ctype})(chunk >> 32);")
        self._line(f"const {ctype} step = (({length} + cuts - 1) / cuts + 127) / 128 * 128;")

    def _leave(self, a: Accumulate) -> None:
        for name, ctype in self._kept(a):
            place = self._field(f"{name}s", f"{ctype} {name}s[{MOST_LEFT}]")
            only = f"if ({self._place_in_row()} == 0 && inside)"
            self._line(f"{only} {place}[cut * count + point] = {name};")

    def _joined_points(self, index: Sequence[str]) -> None:
        (first, *others), ctype, items = self.kernel.stages, self.dialect.indices, self.items
        self._line(f"const {ctype} cuts = ({ctype})(chunk >> 32);")
        self._line(f"const {ctype} count = {' * '.join(map(self._size, self.kernel.axes))};")
        head = f"point = {items.item}; point < count; point += {items.items}"
        self._line(f"for ({ctype} {head}) {{")
        self._depth += 1
        self._point(index)
        for a in first.accumulates:
            self._declare(a)
        self._chunk = "r * count + point"
        self._loop("r", "cuts", "")
        for a in first.accumulates:
            self._take(a)
        self._close()
        for a in first.accumulates:
            self._fold(a)
            self._finish(a)
        for stage in others:
            self._stage(stage, index)
        self._close()

    def _point(self, index: Sequence[str]) -> None:
        """The indices of a point along the kernel's axes."""
        rest, ctype = "point", self.dialect.indices
        for k in reversed(range(1, len(index))):
            length = self._size(self.kernel.axes[k])
            self._line(f"const {ctype} i{k} = {rest} % {length}, rest{k} = {rest} / {length};")
            rest = f"rest{k}"
        self._line(f"const {ctype} i0 = {rest};")

    def _nest_flat(self, stage: Stage, outer: Sequence[str], inner: Sequence[str]) -> None:
        """Members take neighbours along all inner axes, as if these were one."""
        ctype, sums = self.dialect.indices, [a for a in stage.accumulates if self._pairwise(a)]
        self._place(stage, [*outer, *inner], outer)
        start, end = self._place_in_row(), self._row_length(stage)
        if self._cut:
            start, end = f"first + {start}", "last"
        if sums:
            block = self._sharing(_LEAF)
            self._line(f"for ({ctype} b = {start}; b < {end}; b += {block}) {{")
            self._depth += 1
            self._line(f"const {ctype} e = b + {block} < {end} ? b + {block} : {end};")
            for a in sums:
                self._line(f"{self._type(a.dtype)} s{a.value} = {self.start(a)};")
            start, end = "b", "e"
        self._loop("f", end, "", start, self._sharing())
        rest = "f"
        for k in reversed(range(1, len(inner))):
            length = self._size(stage.inner[k])
            self._line(f"const {ctype} j{k} = {rest} % {length}, f{k}j = {rest} / {length};")
            rest = f"f{k}j"
        self._line(f"const {ctype} j0 = {rest};")
        self._body(stage, [*outer, *inner])
        self._close()
        if sums:
            for a in sums:
                self._leaf(a)
            self._close()
