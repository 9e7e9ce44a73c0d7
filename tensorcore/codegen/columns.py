"""Reductions along an axis that memory strides over: many columns side by side.

Summing the columns of a C-contiguous matrix one by one touches a cache line per element. Here
a strip of columns is walked row by row, with one accumulator per column, so that memory is read
in order and the inner loop is over neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ..dtypes import kind
from ..program import Accumulate, Instr, Kernel, Size, Slot, SlotId, Stage, ValueId
from .dialect import Dialect
from .render import KernelPrinter, KernelText, start_value

#: Columns in a strip: a row of them is long enough to be read at full speed, and their
#: accumulators stay in the first-level cache.
STRIP = 1024
#: Rows that are added plainly before they become a leaf of the pairwise sum.
_ROWS = 128
#: Levels of the pairwise sum: enough for 2**23 rows where the rows of a leaf are many.
_DEPTH = 16
#: Rows at a time where the code of a row is short: its accumulators are read and written once.
_UNROLLED, _SHORT = 4, 8
#: Accumulators per kernel, as each takes up to 100 KiB of stack.
_MOST = 8
#: How what several have accumulated becomes one.
COMBINES = frozenset({"sum", "prod", "max", "min", "any", "all"})


def print_kernel(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text, in strips of columns where that reads memory in order."""
    if by_columns(kernel, sizes):
        return ColumnPrinter(kernel, slots, sizes, dialect).print()
    return KernelPrinter(kernel, slots, sizes, dialect).print()


def by_columns(kernel: Kernel, sizes: Sequence[Size], without: Sequence[SlotId] = ()) -> bool:
    """Whether what the stages reduce lies across memory, so that columns go side by side. How slots
    ``without`` a say in it are read does not matter."""
    across = [stage for stage in kernel.stages if stage.inner]
    if not kernel.axes or not across or not across[0].accumulates:
        return False
    for a in (a for stage in across for a in stage.accumulates):
        if a.combine not in COMBINES or kind(a.dtype) == "c":
            return False
    if any(len(stage.accumulates) > _MOST for stage in across):
        return False
    last = len(kernel.axes) - 1

    def is_one(size: int) -> bool:
        return sizes[size] == Size("const", (1,))

    accesses = [access for stage in across for access in stage.accesses()]
    along = [access.strides for access in accesses if access.slot not in without]
    return any(is_one(s[last]) for s in along) and not any(is_one(s[-1]) for s in along)


class Segment(NamedTuple):
    """A stage across the rows, if any, and those that then finish each column."""

    across: Stage | None
    after: tuple[Stage, ...]

    def stages(self) -> tuple[Stage, ...]:
        return self.after if self.across is None else (self.across, *self.after)

    def totals(self) -> tuple[Accumulate, ...]:
        return () if self.across is None else self.across.accumulates


def _segments(kernel: Kernel) -> list[Segment]:
    found: list[Segment] = []
    for stage in kernel.stages:
        if stage.inner or not found:
            found.append(Segment(stage, ()) if stage.inner else Segment(None, (stage,)))
        else:
            found[-1] = found[-1]._replace(after=(*found[-1].after, stage))
    return found


class ColumnPrinter(KernelPrinter):
    """Prints a kernel that reduces columns, strip by strip."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        self.segments = _segments(kernel)
        #: By segment, the values of columns that it computes; and those that later ones use.
        self._made: list[list[ValueId]] = []
        for segment in self.segments:
            made = [a.value for a in segment.totals()]
            made += [e.value for stage in segment.after for e in (*stage.loads, *stage.body)]
            self._made.append(made)
        self.kept = [
            v
            for k, made in enumerate(self._made)
            for v in made
            if any(v in s.taken() for later in self.segments[k + 1 :] for s in later.stages())
        ]

    def print(self) -> KernelText:
        """The text of the whole kernel."""
        rank = len(self.kernel.axes)
        index = [f"i{k}" for k in range(rank)]
        width = self._size(self.kernel.axes[-1])
        for k in range(rank - 1):
            start, end = self._bounds() if k == 0 else ("0", self._size(self.kernel.axes[k]))
            self._loop(index[k], end, "", start)
        first, last = self._strip_bounds(width)
        self._line(f"for (i64 b = {first}; b < {last}; b += {STRIP}) {{")
        self._depth += 1
        self._width(width)
        for v in self.kept:
            self._line(f"{self._type(self._dtypes[v])} r{v}[{STRIP}];")
        for segment in self.segments:
            self._line("{")
            if segment.across is not None:
                self._reduce(segment.across, index)
            self._conclude(segment, index)
            self._line("}")
        for _ in range(rank):
            self._close()
        self.text.body = "\n".join(self._lines)
        return self.text

    def _strip_bounds(self, width: str) -> tuple[str, str]:
        """The columns at which the strips begin and end."""
        return "0", width

    def _width(self, width: str) -> None:
        self._line(f"const i64 w = b + {STRIP} < {width} ? {STRIP} : {width} - b;")

    def _array(self, value: ValueId) -> str:
        """Where a column's value is kept for later segments."""
        return f"r{value}[l]"

    def _conclude(self, segment: Segment, index: list[str]) -> None:
        """What is done with each column of a strip once its rows are through."""
        made = self._made[self.segments.index(segment)]
        if not made and not segment.after:
            return
        known = dict.fromkeys(v for stage in segment.after for v in stage.taken())
        with self._columns(index[-1], "", [v for v in known if v not in made]):
            for a in segment.totals():
                found = f"a{a.value}[l]"
                if self._marks_nan(a):
                    found = f"q{a.value}[l] ? ({found} - {found}) / 0 : {found}"
                self._define(a.value, a.dtype, self._rounded(a.dtype, found))
            for stage in segment.after:
                self._body(stage, index)
            for v in made:
                if v in self.kept:
                    self._line(f"{self._array(v)} = {self._names[v]};")

    def _marks_nan(self, a: Accumulate) -> bool:
        """Whether what the accumulator compares may be NaN."""
        return a.combine in ("max", "min") and kind(a.dtype) == "f"

    @contextmanager
    def _columns(self, index: str, pragma: str, known: Iterable[ValueId] = ()) -> Iterator[None]:
        """The loop over a strip; ``known`` are values of earlier segments that it uses."""
        self._loop("l", "w", pragma)
        with self._naming(index, "b + l"):
            for v in known:
                self._define(v, self._dtypes[v], self._array(v))
            yield
        self._close()

    def _each(self, text: str) -> None:
        self._line(f"for (i64 l = 0; l < w; l++) {{ {text} }}")

    def _reduce(self, stage: Stage, outer: list[str]) -> None:
        rank = len(stage.inner)
        inner = [f"j{k}" for k in range(rank)]
        sums = [a for a in stage.accumulates if self._pairwise(a)]
        for a in stage.accumulates:
            self._open(a)
        for k in range(rank):
            start, end = self._inner_bounds(stage) if k == 0 else ("0", self._size(stage.inner[k]))
            if k < rank - 1:
                self._loop(inner[k], end, "", start)
        self._line(f"for (i64 r = {start}; r < {end}; r += {_ROWS}) {{")
        self._depth += 1
        self._line(f"const i64 e = r + {_ROWS} < {end} ? r + {_ROWS} : {end};")
        for a in sums:
            self._each(f"s{a.value}[l] = 0;")
        self._rows(stage, outer, inner)
        for a in sums:
            self._leaf(a)
        self._close()
        for _ in range(rank - 1):
            self._close()
        for a in sums:
            v = a.value
            self._line(f"while (d{v}) {{ d{v}--;")
            self._each(f"a{v}[l] = t{v}[d{v}][l] + a{v}[l];")
            self._line("}")

    def _rows(self, stage: Stage, outer: list[str], inner: list[str]) -> None:
        """The rows from r to e: of each the columns of the strip."""
        index = [*outer, *inner]
        jumps = self._jumps(stage, index, outer[-1])
        row = f"{inner[-1]}s"
        self._line(f"i64 {row} = r;")
        if not jumps and self._is_short(stage):
            self._line(f"for (; {row} + {_UNROLLED} <= e; {row} += {_UNROLLED}) {{")
            self._depth += 1
            with self._columns(outer[-1], self._simd([]), stage.taken()):
                for k in range(_UNROLLED):
                    known = set(self._placed)
                    self._line(f"{{ const i64 {inner[-1]} = {row} + {k};")
                    self._body(stage, index)
                    self._line("}")
                    self._placed = known
            self._close()
        self._line(f"for (; {row} < e; {row}++) {{")
        self._depth += 1
        self._line(f"const i64 {inner[-1]} = {row};")
        self._place(stage, index, [*outer[:-1], *inner])
        with self._columns(outer[-1], "" if jumps else self._simd([]), stage.taken()):
            self._body(stage, index)
        self._close()

    def _is_short(self, stage: Stage) -> bool:
        texts = [entry.template for entry in stage.body if isinstance(entry, Instr)]
        if stage.stores:  # then their traffic counts, not that of the accumulators
            return False
        return len(stage.body) <= _SHORT and not any("(" in t.replace("({", "") for t in texts)

    def _open(self, a: Accumulate) -> None:
        v, ctype = a.value, self._type(a.dtype)
        self._names[v] = f"v{v}"
        self._line(f"{ctype} a{v}[{STRIP}];")
        self._each(f"a{v}[l] = {start_value(a)};")
        if self._pairwise(a):
            self._line(
                f"{ctype} s{v}[{STRIP}], t{v}[{_DEPTH}][{STRIP}]; i64 d{v} = 0; u64 c{v} = 0;"
            )
        elif self._marks_nan(a):
            self._line(f"u8 q{v}[{STRIP}]; for (i64 l = 0; l < w; l++) q{v}[l] = 0;")

    def _combine(self, a: Accumulate) -> str:
        v, x = a.value, self._names[a.source]
        if self._pairwise(a):
            return f"s{v}[l] += {x};"
        text = self.joined(a, f"a{v}[l]", x)
        return f"{text} q{v}[l] |= {x} != {x};" if self._marks_nan(a) else text

    def joined(self, a: Accumulate, x: str, y: str) -> str:
        """The statement that takes ``y`` into the accumulator ``x``."""
        if a.combine in ("max", "min"):
            return f"{x} = {y} {'>' if a.combine == 'max' else '<'} {x} ? {y} : {x};"
        sign = {"sum": "+", "prod": "*", "any": "|", "all": "&"}[a.combine]
        return f"{x} {sign}= {y};"

    def _leaf(self, a: Accumulate) -> None:
        v = a.value
        # Short rows make more leaves than there are levels: then the last two become one.
        carry = f"(m & 1 && d{v}) || d{v} == {_DEPTH}"
        self._line(f"for (u64 m = c{v}++; {carry}; m >>= 1) {{ d{v}--;")
        self._each(f"s{v}[l] = t{v}[d{v}][l] + s{v}[l];")
        self._line("}")
        self._each(f"t{v}[d{v}][l] = s{v}[l];")
        self._line(f"d{v}++;")
