"""Running totals along rows, by all members that share a row.

A stage that carries a sum, or a product, from point to point is cut into tiles. Of a tile each
member adds up a few neighbours, the members put their sums one before the other, and with what
comes before its own neighbours each goes through them again, as one alone would. The only row of a
kernel is cut into chunks: a first function adds up each, and a second begins each with the sum of
those before it. So nobody waits for another group, and the order of additions depends on sizes
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..dtypes import kind
from ..program import Accumulate, Instr, Load, Size, Stage, Store, ValueId
from .wide import Wide

#: By the op that takes a point into the state: how states combine, and the state that changes none.
_COMBINES = {"add": ("sum", 0), "mul": ("prod", 1)}


class Scan(NamedTuple):
    """A running total: what is carried, and what of a point is taken into it, as a stage that adds
    this up."""

    carried: Accumulate
    sums: Stage

    @property
    def total(self) -> Accumulate:
        """What adds it up."""
        return self.sums.accumulates[0]


def scan_of(stage: Stage) -> Scan | None:
    """The running total that a stage is, if it is one that may be computed in parts: the next state
    is the sum or product of the last one and of what the point has, whatever the state."""
    if len(stage.inner) != 1 or [a.combine for a in stage.accumulates] != ["carry"]:
        return None
    (a,) = stage.accumulates
    made = {entry.value: entry for entry in (*stage.loads, *stage.body)}
    step = made.get(a.source)
    if not isinstance(step, Instr) or step.dtype != a.dtype or kind(a.dtype) == "b":
        return None
    combine, start = _COMBINES.get(step.op, ("", None))
    if start != a.start or step.args.count(a.state) != 1 or a.state is None:
        return None
    (own,) = (v for v in step.args if v != a.state)
    needed = _needed(own, made)
    if a.state in needed:
        return None
    body = tuple(e for e in stage.body if e.value in needed)
    loads = tuple(load for load in stage.loads if load.value in needed)
    total = Accumulate(a.value, combine, own, a.dtype)
    return Scan(a, stage._replace(loads=loads, body=body, accumulates=(total,), stores=()))


def _needed(value: ValueId, made: dict[ValueId, Instr | Load]) -> set[ValueId]:
    """The values that a value is computed from, and itself."""
    found: set[ValueId] = set()
    wanted = [value]
    while wanted:
        here = wanted.pop()
        entry = made.get(here)
        if isinstance(entry, Load):
            wanted += [v for v, _ in entry.access.gathered]
        elif entry is not None:
            wanted += entry.args
        found.add(here)
    return found


class Running(Wide):
    """Prints stages that carry a running total."""

    def _scanned(self, stage: Stage) -> Scan | None:
        """The running total of a stage whose points may be shared out."""
        scan = scan_of(stage)
        if scan is None or self.items.group == 1 or self.kernel.leaves:
            return None
        written = {store.access.slot for each in self.kernel.stages for store in each.stores}
        if any(load.access.slot in written for load in stage.all_loads()):
            return None
        if any(scan.carried.value in each.taken() for each in self.kernel.stages):
            return None
        return scan if all(self._apart(s, scan) for s in stage.stores) else None

    def _apart(self, store: Store, scan: Scan) -> bool:
        """Whether no two points write to one place: where the state is the place, each point that
        writes counts itself."""
        if store.combine:
            return False
        if store.access.gathered:
            return [value for value, _ in store.access.gathered] == [scan.carried.state]
        return self.table[store.access.strides[-1]] != Size("const", (0,))

    def _is_running(self, stage: Stage) -> bool:
        return self._scanned(stage) is not None

    def _scans(self, a: Accumulate) -> bool:
        """Whether an accumulator is a running total that is shared out."""
        return any(a in stage.accumulates and self._scanned(stage) for stage in self.kernel.stages)

    def _meet(self, a: Accumulate) -> None:
        if a.combine != "carry" or not self._scans(a):
            super()._meet(a)

    def _scan_row(
        self, scan: Scan, stage: Stage, outer: Sequence[str], first: str, last: str
    ) -> None:
        """The tiles from ``first`` to ``last``, on which the members go together; the state begins
        and ends in its variable."""
        ctype, entries, v = self.dialect.indices, self._entries, scan.carried.value
        index, at, on = [*outer, "j0"], "", ""
        self._place(stage, index, outer)
        if self._rows:
            at, on = f", at = {self.items.member}", f", at += {self.items.group}"
        step = self._sharing(entries)
        self._line(f"for ({ctype} tile = {first}{at}; tile < {last}; tile += {step}{on}) {{")
        self._depth += 1
        self._line(f"const {ctype} j0w = tile + {entries} * {self._place_in_row()};")
        self._line(f"const int whole = j0w + {entries} <= {last};")
        with self._in_registers([stage], [*outer, "j0w"], "j0w", last):
            placed = set(self._placed)
            self._line(f"{self._type(scan.carried.dtype)} own{v} = {self.start(scan.total)};")
            with self._one_by_one(index, last):
                self._place(scan.sums, index, index)
                own = self._joined(scan.total, f"own{v}", self._names[scan.total.source])
                self._line(f"own{v} = {own};")
            self._placed = placed
            self._before_mine(scan)
            with self._one_by_one(index, last):
                self._body(stage, index)
            self._line(f"v{v} = past{v};")
            self._line(self.items.barrier)
        self._close()

    def _before_mine(self, scan: Scan) -> None:
        """From the sum of each member's neighbours to the state before them, and ``past`` all."""
        a, member, mate = scan.total, self.items.member, self._place_in_row()
        v, ctype = a.value, self._type(a.dtype)
        run = f"run{v}"
        line = f"  {self.items.local}{ctype} {run}[{self.items.group}];"
        if line not in self._local:
            self._local.append(line)
        self._line(f"{run}[{member}] = own{v};")
        self._line(self.items.barrier)
        self._line(f"for (int h = 1; h < {self._sharing()}; h *= 2) {{")
        self._depth += 1
        self._line(f"{ctype} o{v} = {self.start(a)};")
        self._line(f"if ({mate} >= h) o{v} = {run}[{member} - h];")
        self._line(self.items.barrier)
        joined = self._joined(a, f"o{v}", f"{run}[{member}]")
        self._line(f"if ({mate} >= h) {run}[{member}] = {joined};")
        self._line(self.items.barrier)
        self._close()
        last = f"{run}[{member} - {mate} + {self._sharing()} - 1]"
        self._line(f"const {ctype} past{v} = {self._joined(a, f'v{v}', last)};")
        mine = self._joined(a, f"v{v}", f"{run}[{member} - 1]")
        self._line(f"if ({mate} > 0) v{v} = {mine};")
