"""Kernels whose points add up: chunks of rows, each with totals of its own that meet as a tree.

Within a chunk a few rows at a time go through all stages, so that they are still at hand when the
last stage needs them again, and so that what has one value per row runs over neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..dtypes import DTYPES
from ..program import Accumulate, Kernel, Size, Slot, Stage, Store, ValueId
from .dialect import Dialect
from .parts import Parted
from .render import BLOCK, KernelText

#: Rows that go through the stages together, at most.
_TOGETHER = 64
#: Bytes of rows that are still at hand, in the first-level cache, when they are read again.
_AT_HAND = 24576
#: Rows that a stage adds up at a time: sums do not wait for one another, and totals are read and
#: written once.
_SIDE_BY_SIDE = 4
#: Rows shorter than this are added up column by column.
_SHORT = 16
#: What is added up side by side.
_ADDED = frozenset({"float32", "float64"})


class Totals(Parted):
    """Prints a kernel with one axis of its own and ``totals``."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        #: What tells the sums of one row from those of another; "short" where they are arrays.
        self._row = ""

    def print(self) -> KernelText:
        """The functions, and the body that calls them."""
        (axis,) = self.kernel.axes
        count, width = self._size(axis), self._width()
        rows = self._field("rows", "i64 rows")
        chunks = self._field("chunks", "i64 chunks")
        self._line(f"{rows} = tc_some({count});")
        self._line(f"{chunks} = ({count} + {rows} - 1) / {rows};")
        sizes = [self._bytes(slot) for slot in self.kernel.totals]
        self._line(f"u8 *m = c->room(c, {width} * {chunks} * ({' + '.join(sizes)}));")
        self._line("if (!m) { c->error[0] = 5; return; }")
        for slot, size in sorted(zip(self.kernel.totals, sizes, strict=True), key=lambda p: p[1]):
            ctype = self._type(self.slots[slot].dtype)
            name = self._total(slot)
            self._line(f"{self._field(name, f'{ctype} *{name}')} = (void *)m;")
            self._line(f"m += {width} * {chunks} * {size};")
        own = self._own()
        with self._function("_0"):
            self._chunk(count, width)
        with self._function("_1"):
            self._join(width)
        cost = self._cost(self.kernel.stages)
        self._line(f"tc_split(c, o, $_0, {chunks}, ({cost}) * {rows}, {own});")
        self._line("if (c->error[0]) return;")
        self._line(f"tc_split(c, o, $_1, {width}, 2.0 * {chunks}, 0);")
        self.text.body = "\n".join(self._lines)
        return self.text

    def _width(self) -> str:
        """How many entries each total has."""
        (width,) = {self._size(self.slots[slot].shape[0]) for slot in self.kernel.totals}
        return width

    def _bytes(self, slot: int) -> str:
        return f"(i64)sizeof({self._type(self.slots[slot].dtype)})"

    def _total(self, slot: int) -> str:
        return f"z{self.kernel.totals.index(slot)}"

    def _write(self, store: Store, index: Sequence[str]) -> str:
        if store.access.slot not in self.kernel.totals:
            return super()._write(store, index)
        name, place = self._total(store.access.slot), self._at(store.access, index, True)[2]
        target = f"y{name}" if self._row == "short" else f"{name}[{place}]"
        return f"{target} += {self._names[store.value]};"

    # -- chunks -------------------------------------------------------------------------

    def _chunk(self, count: str, width: str) -> None:
        if self.kernel.scratch:  # there is one row of each
            together = "1"
        else:
            size = max(DTYPES[self.slots[slot].dtype].itemsize for slot in self.kernel.totals)
            rows = f"{_AT_HAND} / ({width} * {size} + 1) / {_SIDE_BY_SIDE} * {_SIDE_BY_SIDE}"
            most, least = f"some > {_TOGETHER} ? {_TOGETHER}", f"some < {_SIDE_BY_SIDE}"
            self._line(f"i64 some = {rows};")
            self._line(f"some = {most} : {least} ? {_SIDE_BY_SIDE} : some;")
            together = "some"
        self._line("for (i64 q = from; q < to; q++) {")
        self._depth += 1
        self._line("const i64 first = q * k->rows;")
        self._line(f"const i64 last = {count} - first < k->rows ? {count} : first + k->rows;")
        for slot in self.kernel.totals:
            ctype, name = self._type(self.slots[slot].dtype), self._total(slot)
            self._line(f"{ctype} *restrict {name} = k->{name} + q * {width};")
            self._line(f"for (i64 j = 0; j < {width}; j++) {name}[j] = 0;")
        self._line(f"for (i64 b = first; b < last; b += {together}) {{")
        self._depth += 1
        self._line(f"const i64 w = last - b < {together} ? last - b : {together};")
        for v in self._handed_on():
            dtype = self._dtypes[v]
            ctype = "i64" if DTYPES[dtype].itemsize == 1 else self._type(dtype)
            self._line(f"{ctype} r{v}[{_TOGETHER}];")
        for stage in self.kernel.stages:
            if self._adds(stage):
                width = self._size(stage.inner[0])
                self._line(f"if ({width} < {_SHORT}) {{")
                self._short_rows(stage, width)
                self._line("} else { i64 l = 0;")
                self._long_rows(stage, width, _SIDE_BY_SIDE)
                self._long_rows(stage, width, 1)
                self._line("}")
            else:
                self._each_row(stage)
        self._close()
        self._close()

    def _handed_on(self) -> list[ValueId]:
        """The values that a stage has for each row, for later ones and for bytes set aside."""
        stages = self.kernel.stages
        taken = [v for stage in stages for v in stage.taken()]
        return list(dict.fromkeys([*taken, *(s.value for t in stages for s in self._bytewise(t))]))

    def _bytewise(self, stage: Stage) -> list[Store]:
        """The stores of single bytes. A vectorised loop with one in it takes as many points at a
        time as a vector has bytes, eight registers of float64, so they have a loop of their own."""
        if stage.inner:
            return []
        plain = [s for s in stage.stores if not s.combine and s.where is None]
        return [s for s in plain if DTYPES[self.slots[s.access.slot].dtype].itemsize == 1]

    def _each_row(self, stage: Stage) -> None:
        simd = not stage.inner and self._vectorises(stage, ["i0"])
        aside = self._bytewise(stage)
        others = tuple(s for s in stage.stores if s not in aside)
        self._loop("l", "w", self._simd([]) if simd else "")
        with self._at_row(stage, "l"):
            self._stage(stage._replace(stores=others), ["i0"])
            made = [a.value for a in stage.accumulates]
            if not stage.inner:
                made += [entry.value for entry in (*stage.loads, *stage.body)]
            for v in made:
                self._hand_on(v, "l")
        self._close()
        if aside:
            self._loop("l", "w", "")
            with self._naming("i0", "b + l"):
                for store in aside:
                    self._names[store.value] = f"r{store.value}[l]"
                    self._line(self._write(store, ["i0"]))
            self._close()

    @contextmanager
    def _at_row(self, stage: Stage, row: str) -> Iterator[None]:
        """Lines for one row, with what earlier stages have handed on for it."""
        with self._naming("i0", f"b + {row}"):
            self._enter_row(stage, row)
            yield

    def _enter_row(self, stage: Stage, row: str) -> None:
        for v in stage.taken():
            self._define(v, self._dtypes[v], f"r{v}[{row}]")

    def _hand_on(self, value: ValueId, row: str) -> None:
        if value in self._handed_on():
            self._line(f"r{value}[{row}] = {self._names[value]};")

    # -- stages that only add up --------------------------------------------------------

    def _adds(self, stage: Stage) -> bool:
        """Whether rows may be added up side by side, and neighbours in a row too."""
        plain = all(a.combine == "sum" and a.dtype in _ADDED for a in stage.accumulates)
        return plain and len(stage.inner) == 1 and self._vectorises(stage, ["i0", "j0"])

    def _combine(self, a: Accumulate) -> str:
        if not self._row:
            return super()._combine(a)
        if self._row == "short":
            return f"r{a.value}[l] += {self._names[a.source]};"
        return f"s{a.value}{self._row} += {self._names[a.source]};"

    @contextmanager
    def _again(self, row: str) -> Iterator[None]:
        """What is placed inside is placed again by the next."""
        placed, self._row, before = set(self._placed), row, self._row
        yield
        self._placed, self._row = placed, before

    def _short_rows(self, stage: Stage, width: str) -> None:
        """Column by column, as there are more rows than columns."""
        totals = [s.access.slot for s in stage.stores if s.access.slot in self.kernel.totals]
        for a in stage.accumulates:
            self._line(f"for (i64 l = 0; l < w; l++) r{a.value}[l] = 0;")
        self._loop("j0", width, "")
        for slot in totals:
            name = self._total(slot)
            self._line(f"{self._type(self.slots[slot].dtype)} y{name} = {name}[j0];")
        self._loop("l", "w", self._simd([f"reduction(+:y{self._total(s)})" for s in totals]))
        with self._again("short"), self._at_row(stage, "l"):
            self._body(stage, ["i0", "j0"])
        self._close()
        for slot in totals:
            self._line(f"{self._total(slot)}[j0] = y{self._total(slot)};")
        self._close()

    def _long_rows(self, stage: Stage, width: str, rows: int) -> None:
        """So many rows at a time. Of each row, blocks meet in a tree as in ``KernelPrinter``."""
        sums = stage.accumulates
        self._line(f"for (; l + {rows} <= w; l += {rows}) {{")
        self._depth += 1
        if not sums:
            self._side_by_side(stage, "0", width, rows)
            self._close()
            return
        self._line("i64 d = 0; u64 c = 0;")
        for a in sums:
            self._line(f"{self._type(a.dtype)} t{a.value}[64][{rows}];")
        self._line(f"for (i64 g = 0; g < {width}; g += {BLOCK}) {{")
        self._depth += 1
        self._line(f"const i64 e = g + {BLOCK} < {width} ? g + {BLOCK} : {width};")
        names = [f"s{a.value}_{row}" for a in sums for row in range(rows)]
        for a in sums:
            own = ", ".join(f"s{a.value}_{row} = 0" for row in range(rows))
            self._line(f"{self._type(a.dtype)} {own};")
        self._side_by_side(stage, "g", "e", rows, [f"reduction(+:{name})" for name in names])
        pairs = [(f"s{a.value}_{r}", f"t{a.value}[d][{r}]") for a in sums for r in range(rows)]
        joined = " ".join(f"{s} = {t} + {s};" for s, t in pairs)
        self._line(f"for (u64 m = c++; m & 1; m >>= 1) {{ d--; {joined} }}")
        self._line(" ".join(f"{t} = {s};" for s, t in pairs) + " d++;")
        self._close()
        for a in sums:
            for r in range(rows):
                t = f"t{a.value}[d][{r}]"
                self._line(f"{{ {self._type(a.dtype)} v{a.value} = 0; i64 h = d;")
                self._line(f"if (d) {{ d--; v{a.value} = {t}; }}")
                self._line(f"while (d) {{ d--; v{a.value} = {t} + v{a.value}; }} d = h;")
                self._names[a.value] = f"v{a.value}"
                self._hand_on(a.value, f"l + {r}")
                self._line("}")
        self._close()

    def _side_by_side(
        self, stage: Stage, start: str, end: str, rows: int, clauses: Sequence[str] = ()
    ) -> None:
        """The loop over the columns of some rows."""
        self._loop("j0", end, self._simd(clauses), start)
        for row in range(rows):
            self._line("{")
            with self._again(f"_{row}"), self._at_row(stage, f"(l + {row})"):
                self._body(stage, ["i0", "j0"])
            self._line("}")
        self._close()

    # -- the whole ----------------------------------------------------------------------

    def _join(self, width: str) -> None:
        """The totals of all chunks, column by column."""
        for slot in self.kernel.totals:
            ctype, name = self._type(self.slots[slot].dtype), self._total(slot)
            self._line(f"{{ {ctype} *{name} = k->{name};")
            self._line("for (i64 h = 1; h < k->chunks; h *= 2)")
            self._line("for (i64 r = 0; r + h < k->chunks; r += 2 * h) {")
            self._depth += 1
            self._line(f"{ctype} *restrict x = {name} + r * {width};")
            self._line(f"const {ctype} *restrict y = x + h * {width};")
            self._line(self._simd([]))
            self._line("for (i64 j = from; j < to; j++) x[j] += y[j];")
            self._close()
            pointer = self._pointer(slot, True)
            test = f"{pointer}[j] = k->chunks ? {name}[j] : 0;"
            self._line(f"for (i64 j = from; j < to; j++) {test} }}")
