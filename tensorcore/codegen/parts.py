"""Kernels cut into parts that threads may run side by side, for languages with a call stack.

A kernel with axes is cut along the first of them. One without is cut, stage by stage, along its
first inner axis: each chunk accumulates for itself, and the chunks are put together in order.
Columns are cut into strips and, where there are few, into chunks of rows. Chunks depend on sizes
alone, never on the number of threads, so the result has the same bits however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..dtypes import DTYPES, kind
from ..program import Accumulate, Instr, Kernel, Size, Slot, Stage, ValueId, operations
from .columns import STRIP, ColumnPrinter, Segment, by_columns
from .dialect import Dialect
from .render import KernelPrinter, KernelText

#: The parameters of a part.
RANGE = "i64 from, i64 to"
#: Chunks of a stage that accumulates, at most, and entries of a chunk at least; and both for groups
#: of work-items, of which each takes a chunk, and many are needed to keep memory busy.
CHUNKS, _LEAST = 256, 16384
MANY_CHUNKS, _LEAST_OF_GROUPS = 2048, 4096
#: What parts need: how kernels are split, and the lengths of chunks. ``c->split`` runs a part on
#: all points, perhaps with others; work of less than 10 us is not worth its while.
SPLIT = """\
static inline void tc_split(Context *c, const u32 *o, Part *part, i64 count, f64 cost, i64 own) {
  if (count * cost < 40000) part(c, o, 0, count);
  else c->split(c, o, part, count, cost, own);
}
"""
IN_TURN = """\
static inline void tc_in_turn(Context *c, const u32 *o, Part *part, i64 count, f64 cost) {
  const f64 most = 1e6 / cost;
  const i64 step = most < 1 ? 1 : most < 1e15 ? (i64)most : count;
  for (i64 from = 0; from < count && !c->error[0]; from += step) {
    part(c, o, from, count - from < step ? count : from + step);
    if (c->poll && c->poll(c)) c->error[0] = 4;
  }
}
"""
_CHUNK = """\
static inline i64 tc_chunk(i64 n, f64 rest) {{
  const f64 least = {least} / (rest < 1 ? 1 : rest);
  i64 chunk = (n + {most} - 1) / {most};
  chunk = chunk < least ? (i64)least : chunk;
  return rest == 1 ? (chunk + 127) / 128 * 128 : chunk + !chunk;
}}
"""
CHUNK = _CHUNK.format(most=CHUNKS, least=_LEAST)
CHUNK_OF_GROUPS = _CHUNK.format(most=MANY_CHUNKS, least=_LEAST_OF_GROUPS)
ROWS = """\
static inline i64 tc_rows(i64 n, f64 rest, i64 strips) {
  i64 chunks = strips < 1 ? 1 : 32 / strips;
  if (chunks * 256 > n * rest) chunks = (i64)(n * rest / 256);
  return chunks < 2 ? n + !n : ((n + chunks - 1) / chunks + 127) / 128 * 128;
}
"""
#: The rows of a chunk whose totals meet those of others: few enough to be added one by one.
SOME = """\
static inline i64 tc_some(i64 n) {
  const i64 rows = ((n + 63) / 64 + 15) / 16 * 16;
  return rows < 32 ? 32 : rows < 512 ? rows : 512;
}
"""
#: By the name that mentions it.
HELPERS = {
    "tc_split": SPLIT, "tc_in_turn": IN_TURN, "tc_chunk": CHUNK, "tc_rows": ROWS, "tc_some": SOME,
}  # fmt: skip


def print_parts(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text: functions for its parts, and a body that runs them."""
    from .totals import Totals

    printer: type[Parted] = Parts
    if kernel.totals:
        printer = Totals
    elif by_columns(kernel, sizes):
        printer = _Columns if len(kernel.axes) == 1 else _Batches
    return printer(kernel, slots, sizes, dialect).print()


def work(stage: Stage) -> int:
    """About how many scalar operations one point of a stage takes; a division counts for 4."""
    templates = [e.template for e in stage.body if isinstance(e, Instr)]
    body = sum(4 if "/" in t and operations(t) == 1 else operations(t) for t in templates)
    return body + len(stage.all_loads()) + len(stage.stores) + len(stage.accumulates)


class Parted(KernelPrinter):
    """What kernels in parts have in common."""

    #: How the function that takes what parts have left reaches it.
    _here = "k."

    @contextmanager
    def _function(self, suffix: str, parameters: str = RANGE) -> Iterator[None]:
        """Lines go into a function of their own."""
        lines, depth = self._lines, self._depth
        self._lines, self._depth = [], 1
        yield
        self.text.functions.append((suffix, parameters, "\n".join(self._lines)))
        self._lines, self._depth = lines, depth

    def _cost(self, stages: Sequence[Stage], *more: str, skip: int = 0) -> str:
        """Operations of the stages at one point; ``skip`` inner axes are not counted."""
        terms = []
        for stage in stages:
            factors = [f"{work(stage)}.0", *map(self._size, stage.inner[skip:]), *more]
            terms.append(" * ".join(f for f in factors if f != "1"))
        return " + ".join(terms) or "1.0"

    def _field(self, name: str, declaration: str) -> str:
        self.text.shared[name] = declaration
        return f"{self._here}{name}"

    def _bounds(self) -> tuple[str, str]:
        return "from", "to"

    def _split_axis(self) -> None:
        """The call that runs function ``_0`` along the first axis."""
        own = self._own()
        first, *rest = map(self._size, self.kernel.axes)
        self._line(f"tc_split(c, o, $_0, {first}, {self._cost(self.kernel.stages, *rest)}, {own});")

    def _own(self) -> str:
        """The bytes that each thread needs for rows of its own."""
        own = "0"
        for slot in self.kernel.scratch:
            self.text.rows[int(self._pointer(slot, True)[1:])] = own
            size = DTYPES[self.slots[slot].dtype].itemsize
            length = " * ".join(map(self._size, self.slots[slot].shape)) or "1"
            own += f" + ({length} * {size} + 63) / 64 * 64"
        return own


class Parts(Parted):
    """Prints a kernel whose first axis is cut, or which has none."""

    #: The number of the chunk that is taken.
    _chunk = "q"

    def print(self) -> KernelText:
        """The functions, and the body that calls them."""
        if self.kernel.axes:
            with self._function("_0"):
                super().print()
            self._split_axis()
        else:
            for number, stage in enumerate(self.kernel.stages):
                self._alone(number, stage)
        self.text.body = "\n".join(self._lines)
        return self.text

    # -- kernels without: stage by stage ------------------------------------------------

    def _alone(self, number: int, stage: Stage) -> None:
        base = stage.copied() if stage.inner else None
        if base is not None:  # a result that is written over its own base needs no copy of it
            target = self._pointer(stage.stores[0].access.slot, True)
            self._line(f"if ({self._pointer(base, False)} != {target}) {{")
            self._depth += 1
        if not stage.inner:
            self._body(stage, [])
        elif self._divides(stage):
            self._chunked(number, stage)
        elif all(a.combine == "carry" for a in stage.accumulates):
            self._in_turn(number, stage)
        else:
            self._stage(stage, [])
        if base is not None:
            self._close()

    def _divides(self, stage: Stage) -> bool:
        """Whether chunks of the first inner axis may run in any order."""
        zero = Size("const", (0,))
        return not any(a.combine == "carry" for a in stage.accumulates) and not any(
            s.combine or s.access.gathered or self.table[s.access.strides[0]] == zero
            for s in stage.stores
        )

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        return ("0", self._size(stage.inner[0])) if self.kernel.axes else ("first", "last")

    def _share(self, stage: Stage) -> None:
        for v in stage.taken():
            ctype = self._type(self._dtypes[v])
            self._line(f"{self._field(f'v{v}', f'{ctype} v{v}')} = {self._names[v]};")

    def _receive(self, stage: Stage) -> None:
        for v in stage.taken():
            self._line(f"const {self._type(self._dtypes[v])} v{v} = k->v{v};")

    def _in_turn(self, number: int, stage: Stage) -> None:
        """A stage whose order matters, in pieces between which the call may be ended."""
        self._share(stage)
        inner = [f"j{k}" for k in range(len(stage.inner))]
        for a in stage.accumulates:
            self._declare(a)
            ctype = self._type(a.dtype)
            self._line(f"{self._field(f'a{a.value}', f'{ctype} a{a.value}')} = v{a.value};")
        with self._function(f"_{number}"):
            self._receive(stage)
            self._line("const i64 first = from, last = to;")
            for a in stage.accumulates:
                self._line(f"{self._type(a.dtype)} v{a.value} = k->a{a.value};")
            self._nest(stage, [], inner)
            for a in stage.accumulates:
                self._line(f"k->a{a.value} = v{a.value};")
        cost = self._cost([stage], skip=1)
        self._line(f"tc_in_turn(c, o, $_{number}, {self._size(stage.inner[0])}, {cost});")
        self._line("if (c->error[0]) return;")
        for a in stage.accumulates:
            self._line(f"v{a.value} = k.a{a.value};")

    def _chunked(self, number: int, stage: Stage) -> None:
        self._share(stage)
        inner = [f"j{k}" for k in range(len(stage.inner))]
        length, cost = self._size(stage.inner[0]), self._cost([stage], skip=1)
        if not stage.accumulates:
            with self._function(f"_{number}"):
                self._receive(stage)
                self._line("const i64 first = from, last = to;")
                self._nest(stage, [], inner)
            self._line(f"tc_split(c, o, $_{number}, {length}, {cost}, 0);")
            self._line("if (c->error[0]) return;")
            return
        with self._function(f"_{number}"):
            self._receive(stage)
            self._chunks(number, stage, length, inner)
        rest = " * ".join(["1.0", *map(self._size, stage.inner[1:])])
        chunk = self._field(f"chunk{number}", f"i64 chunk{number}")
        self._line(f"{chunk} = tc_chunk({length}, {rest});")
        self._line(f"const i64 chunks{number} = ({length} + {chunk} - 1) / {chunk};")
        self._line(f"tc_split(c, o, $_{number}, chunks{number}, ({cost}) * {chunk}, 0);")
        self._line("if (c->error[0]) return;")
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

    def _chunks(self, number: int, stage: Stage, length: str, inner: list[str]) -> None:
        """What a part does: the chunks from ``from`` to ``to``."""
        self._line("for (i64 q = from; q < to; q++) {")
        self._depth += 1
        self._line(f"const i64 first = q * k->chunk{number};")
        chunk = f"k->chunk{number}"
        self._line(f"const i64 last = {length} - first < {chunk} ? {length} : first + {chunk};")
        for a in stage.accumulates:
            self._declare(a)
        self._nest(stage, [], inner)
        for a in stage.accumulates:
            self._fold(a)
            for name, ctype in self._kept(a):
                self._field(f"{name}s", f"{ctype} {name}s[{CHUNKS}]")
                self._line(f"k->{name}s[q] = {name};")
        self._close()

    def _kept(self, a: Accumulate) -> list[tuple[str, str]]:
        """The variables of an accumulator that a chunk leaves, with their types."""
        kept = [(f"v{a.value}", self._type(a.dtype))]
        if a.combine in ("max", "min") and kind(a.dtype) == "f":
            kept.append((f"q{a.value}", "int"))
        if a.combine in ("argmax", "argmin"):
            kept += [(f"s{a.value}", self._source_type(a)), (f"c{a.value}", "i64")]
        return kept

    def _left(self, name: str) -> str:
        """What a chunk has left of a variable."""
        return f"{self._here}{name}s[{self._chunk}]"

    def _take(self, a: Accumulate) -> None:
        """Put what a chunk has accumulated to that of those before it."""
        v, found = a.value, self._left(f"v{a.value}")
        if self._pairwise(a):
            self._line(f"{self._type(a.dtype)} s{v} = {found};")
            self._leaf(a)
        elif a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            self._line(f"v{v} = {found} {sign} v{v} ? {found} : v{v};")
            if kind(a.dtype) == "f":
                self._line(f"q{v} |= {self._left(f'q{v}')};")
        elif a.combine in ("argmax", "argmin"):
            x, count = self._left(f"s{v}"), self._left(f"c{v}")
            sign = ">" if a.combine == "argmax" else "<"
            better = f"{x} {sign} s{v} || ({x} != {x} && s{v} == s{v})"
            first = f"{count} && (c{v} == 0 || {better})"
            self._line(f"if ({first}) {{ s{v} = {x}; v{v} = c{v} + {found}; }}")
            self._line(f"c{v} += {count};")
        else:
            self._line(f"v{v} = {self._joined(a, f'v{v}', found)};")


class _Batches(Parted, ColumnPrinter):
    """Prints a kernel that reduces the columns of several matrices."""

    def print(self) -> KernelText:
        """The function, and the body that calls it."""
        with self._function("_0"):
            super().print()
        self._split_axis()
        self.text.body = "\n".join(self._lines)
        return self.text


class _Columns(Parted, ColumnPrinter):
    """Prints a kernel that reduces the columns of a matrix: strips, and chunks of rows where
    there are few strips, whose results meet in memory."""

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        return "first", "last"

    def _array(self, value: ValueId) -> str:
        return f"k->r{value}[b + l]"

    def print(self) -> KernelText:
        """The functions, and the body that calls them."""
        width = self._size(self.kernel.axes[0])
        self._line(f"k.strips = ({width} + {STRIP - 1}) / {STRIP};")
        self._field("strips", "i64 strips")
        for number, segment in enumerate(self.segments):
            if segment.across is not None:
                self._chunks(number, segment.across)
        self._room(width)
        for number, segment in enumerate(self.segments):
            self._segment(number, segment, width)
        self.text.body = "\n".join(self._lines)
        return self.text

    def _chunks(self, number: int, stage: Stage) -> None:
        length = self._size(stage.inner[0])
        rest = " * ".join(["1.0", *map(self._size, stage.inner[1:])])
        rows = self._field(f"rows{number}", f"i64 rows{number}")
        chunks = self._field(f"chunks{number}", f"i64 chunks{number}")
        self._line(f"{rows} = tc_rows({length}, {rest}, k.strips);")
        self._line(f"{chunks} = ({length} + {rows} - 1) / {rows}; {chunks} += !{chunks};")

    def _arrays(self) -> list[tuple[str, str, int, str]]:
        """Name, type, size of an entry and number of rows of what meets in memory."""
        found = [(f"r{v}", self._dtypes[v], "1") for v in self.kept]
        marks = []
        for number, segment in enumerate(self.segments):
            for a in segment.totals():
                found.append((f"a{a.value}", a.dtype, f"k.chunks{number}"))
                if self._marks_nan(a):
                    marks.append((f"q{a.value}", "u8", 1, f"k.chunks{number}"))
        sized = [
            (name, self._type(d), DTYPES[self.dialect.in_registers(d)].itemsize, rows)
            for name, d, rows in found
        ]
        return sorted(sized, key=lambda array: -array[2]) + marks  # so that each is aligned

    def _room(self, width: str) -> None:
        arrays = self._arrays()
        total = " + ".join(f"{rows} * {size}" for _, _, size, rows in arrays)
        self._line(f"u8 *m = c->room(c, {width} * ({total}));")
        self._line("if (!m) { c->error[0] = 5; return; }")
        for name, ctype, size, rows in arrays:
            place = self._field(name, f"{ctype} *{name}")
            self._line(f"{place} = (void *)m; m += {rows} * {width} * {size};")

    def _segment(self, number: int, segment: Segment, width: str) -> None:
        stage, columns = segment.across, f"({width} < {STRIP} ? {width} : {STRIP})"
        if stage is None or stage.accumulates or segment.after:
            parameters = ", ".join(["i64 b, i64 w", *self._totals(segment)])
            with self._function(f"_{number}_end", parameters):
                self._conclude(segment, ["i0"])
        if stage is not None:
            self._across(number, segment, stage, width)
        if segment.after and not segment.totals():
            with self._function(f"_{number}_columns"):
                self._open_strips(f"b = q * {STRIP}", width)
                self._line(f"$_{number}_end(c, o, b, w);")
                self._close()
            cost = f"({self._cost(segment.after)}) * {columns}"
            self._line(f"tc_split(c, o, $_{number}_columns, k.strips, {cost}, 0);")

    def _across(self, number: int, segment: Segment, stage: Stage, width: str) -> None:
        """The calls that run a stage across the rows, and join what its chunks have left."""
        columns = f"({width} < {STRIP} ? {width} : {STRIP})"
        with self._function(f"_{number}_rows"):
            self._strips(number, segment, stage, width)
        rows, chunks = f"k.rows{number}", f"k.chunks{number}"
        cost = f"({self._cost([stage], skip=1)}) * {rows} * {columns}"
        self._line(f"tc_split(c, o, $_{number}_rows, k.strips * {chunks}, {cost}, 0);")
        self._line("if (c->error[0]) return;")
        if not stage.accumulates:
            return
        with self._function(f"_{number}_join"):
            self._joins(number, segment, width)
        cost = f"4.0 * {chunks} * {columns}"
        self._line(f"if ({chunks} > 1) tc_split(c, o, $_{number}_join, k.strips, {cost}, 0);")

    def _totals(self, segment: Segment) -> list[str]:
        """The parameters by which a strip's results are handed on."""
        found = []
        for a in segment.totals():
            found.append(f"const {self._type(a.dtype)} *a{a.value}")
            if self._marks_nan(a):
                found.append(f"const u8 *q{a.value}")
        return found

    def _names_of(self, segment: Segment) -> list[str]:
        return [text.split("*")[1] for text in self._totals(segment)]

    def _open_strips(self, place: str, width: str) -> None:
        """The loop over the points of a part, each of which is a strip at ``place``."""
        self._line("for (i64 q = from; q < to; q++) {")
        self._depth += 1
        self._line(f"const i64 {place};")
        self._width(width)

    def _strips(self, number: int, segment: Segment, stage: Stage, width: str) -> None:
        """A part: strips of chunks of rows, by number."""
        length = self._size(stage.inner[0])
        self._open_strips(f"chunk = q / k->strips, b = q % k->strips * {STRIP}", width)
        rows = f"k->rows{number}"
        self._line(f"const i64 first = chunk * {rows};")
        self._line(f"const i64 last = {length} - first < {rows} ? {length} : first + {rows};")
        self._reduce(stage, ["i0"])
        names = self._names_of(segment)
        if names:
            self._line(
                f"if (k->chunks{number} == 1) $_{number}_end(c, o, b, w, {', '.join(names)});"
            )
            self._line("else {")
            for name in names:
                self._each(f"k->{name}[chunk * {width} + b + l] = {name}[l];")
            self._line("}")
        self._close()

    def _joins(self, number: int, segment: Segment, width: str) -> None:
        """A part: strips, the results of whose chunks are put together as a tree."""
        self._open_strips(f"b = q * {STRIP}", width)
        chunks = f"k->chunks{number}"
        self._line(f"for (i64 h = 1; h < {chunks}; h *= 2)")
        self._line(f"for (i64 r = 0; r + h < {chunks}; r += 2 * h) {{")
        self._depth += 1
        self._line(f"const i64 x = r * {width} + b, y = x + h * {width};")
        for a in segment.totals():
            text = self.joined(a, f"k->a{a.value}[x + l]", f"k->a{a.value}[y + l]")
            if self._marks_nan(a):
                text += f" k->q{a.value}[x + l] |= k->q{a.value}[y + l];"
            self._each(text)
        self._close()
        arrays = ", ".join(f"k->{name} + b" for name in self._names_of(segment))
        self._line(f"$_{number}_end(c, o, b, w, {arrays});")
        self._close()
