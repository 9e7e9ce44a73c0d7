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
from ..program import Accumulate, Instr, Kernel, Size, Slot, Stage, ValueId
from .columns import STRIP, ColumnPrinter, by_columns
from .dialect import Dialect
from .render import KernelPrinter, KernelText

#: The parameters of a part.
RANGE = "i64 from, i64 to"
#: Chunks of a stage that accumulates, at most.
_CHUNKS = 256
#: What parts need: how kernels are split, and the lengths of chunks. ``c->split`` runs a part on
#: all points, perhaps with others; work of less than 10 us is not worth its while.
SPLIT = f"""\
static inline void tc_split(Context *c, const u32 *o, Part *part, i64 count, f64 cost, i64 own) {{
  if (count * cost < 40000) part(c, o, 0, count);
  else c->split(c, o, part, count, cost, own);
}}
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
CHUNK = f"""\
static inline i64 tc_chunk(i64 n, f64 rest) {{
  const f64 least = 16384 / (rest < 1 ? 1 : rest);
  i64 chunk = (n + {_CHUNKS - 1}) / {_CHUNKS};
  chunk = chunk < least ? (i64)least : chunk;
  return rest == 1 ? (chunk + 127) / 128 * 128 : chunk + !chunk;
}}
"""
ROWS = """\
static inline i64 tc_rows(i64 n, f64 rest, i64 strips) {
  i64 chunks = strips < 1 ? 1 : 16 / strips;
  if (chunks * 256 > n * rest) chunks = (i64)(n * rest / 256);
  return chunks < 2 ? n + !n : ((n + chunks - 1) / chunks + 127) / 128 * 128;
}
"""
#: By the name that mentions it.
HELPERS = {"tc_split": SPLIT, "tc_in_turn": IN_TURN, "tc_chunk": CHUNK, "tc_rows": ROWS}


def print_parts(
    kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
) -> KernelText:
    """The kernel's text: functions for its parts, and a body that runs them."""
    printer: type[_Parted] = _Parts
    if by_columns(kernel, sizes):
        printer = _Columns if len(kernel.axes) == 1 else _Batches
    return printer(kernel, slots, sizes, dialect).print()


def operations(stage: Stage) -> int:
    """About how many scalar operations one point of a stage takes."""
    body = (e for e in stage.body if isinstance(e, Instr))
    loads = len(stage.all_loads())
    return sum(map(_weight, body)) + loads + len(stage.stores) + len(stage.accumulates)


def _weight(instr: Instr) -> int:
    if "@(" in instr.template or "tc_" in instr.template:
        return 12
    return 4 if "/" in instr.template else 1


class _Parted(KernelPrinter):
    """What kernels in parts have in common."""

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
            factors = [f"{operations(stage)}.0", *map(self._size, stage.inner[skip:]), *more]
            terms.append(" * ".join(f for f in factors if f != "1"))
        return " + ".join(terms) or "1.0"

    def _field(self, name: str, declaration: str) -> str:
        self.text.shared[name] = declaration
        return f"k.{name}"

    def _bounds(self) -> tuple[str, str]:
        return "from", "to"

    def _split_axis(self) -> None:
        """The call that runs function ``_0`` along the first axis."""
        own = "0"
        for slot in self.kernel.scratch:
            self.text.rows[int(self._pointer(slot, True)[1:])] = own
            size = DTYPES[self.slots[slot].dtype].itemsize
            length = " * ".join(map(self._size, self.slots[slot].shape)) or "1"
            own += f" + ({length} * {size} + 63) / 64 * 64"
        first, *rest = map(self._size, self.kernel.axes)
        self._line(f"tc_split(c, o, $_0, {first}, {self._cost(self.kernel.stages, *rest)}, {own});")


class _Parts(_Parted):
    """Prints a kernel whose first axis is cut, or which has none."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        super().__init__(kernel, slots, sizes, dialect)
        self._dtypes: dict[ValueId, str] = {}
        for stage in kernel.stages:
            for entry in (*stage.all_loads(), *stage.body):
                self._dtypes[entry.value] = entry.dtype
            for a in stage.accumulates:
                self._dtypes[a.value] = a.dtype

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

    def _known(self, stage: Stage) -> list[ValueId]:
        """The values of earlier stages that a stage uses."""
        own = {e.value for e in (*stage.loads, *stage.body)}
        own |= {a.state for a in stage.accumulates if a.state is not None}
        used = [v for e in stage.body if isinstance(e, Instr) for v in e.args]
        used += [v for access in stage.accesses() for v, _ in access.gathered]
        used += [a.source for a in stage.accumulates]
        used += [v for s in stage.stores for v in (s.value, s.where) if v is not None]
        return [v for v in dict.fromkeys(used) if v not in own]

    def _share(self, stage: Stage) -> None:
        for v in self._known(stage):
            ctype = self._type(self._dtypes[v])
            self._line(f"{self._field(f'v{v}', f'{ctype} v{v}')} = {self._names[v]};")

    def _receive(self, stage: Stage) -> None:
        for v in self._known(stage):
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
                self._field(f"{name}s", f"{ctype} {name}s[{_CHUNKS}]")
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

    def _take(self, a: Accumulate) -> None:
        """Put what chunk ``q`` has accumulated to that of those before it."""
        v, found = a.value, f"k.v{a.value}s[q]"
        if self._pairwise(a):
            self._line(f"{self._type(a.dtype)} s{v} = {found};")
            self._leaf(a)
        elif a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            self._line(f"v{v} = {found} {sign} v{v} ? {found} : v{v};")
            if kind(a.dtype) == "f":
                self._line(f"q{v} |= k.q{v}s[q];")
        elif a.combine in ("argmax", "argmin"):
            x, sign = f"k.s{v}s[q]", ">" if a.combine == "argmax" else "<"
            better = f"{x} {sign} s{v} || ({x} != {x} && s{v} == s{v})"
            first = f"k.c{v}s[q] && (c{v} == 0 || {better})"
            self._line(f"if ({first}) {{ s{v} = {x}; v{v} = c{v} + {found}; }}")
            self._line(f"c{v} += k.c{v}s[q];")
        else:
            self._line(f"v{v} = {self._joined(a, f'v{v}', found)};")


class _Batches(_Parted, ColumnPrinter):
    """Prints a kernel that reduces the columns of several matrices."""

    def print(self) -> KernelText:
        """The function, and the body that calls it."""
        with self._function("_0"):
            super().print()
        self._split_axis()
        self.text.body = "\n".join(self._lines)
        return self.text


class _Columns(_Parted, ColumnPrinter):
    """Prints a kernel that reduces the columns of a matrix: strips, and chunks of rows where
    there are few strips, whose results meet in memory."""

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        return "first", "last"

    def print(self) -> KernelText:
        """The functions, and the body that calls them."""
        first = self.kernel.stages[0]
        totals = first.accumulates
        width, length = self._size(self.kernel.axes[0]), self._size(first.inner[0])
        for a in totals:  # each chunk of rows has a row of results
            self._field(f"a{a.value}", f"{self._type(a.dtype)} *a{a.value}")
            if self._marks_nan(a):
                self._field(f"q{a.value}", f"u8 *q{a.value}")
        for name in ("strips", "rows", "chunks"):
            self._field(name, f"i64 {name}")
        with self._function("_2", ", ".join(["i64 b, i64 w", *map(self._parameter, totals)])):
            self._conclude(["i0"], {a.value: f"a{a.value}" for a in totals})
        with self._function("_0"):
            self._strips(first, width, length)
        with self._function("_1"):
            self._joins(totals, width)
        self._run(first, width, length)
        self.text.body = "\n".join(self._lines)
        return self.text

    def _parameter(self, a: Accumulate) -> str:
        text = f"const {self._type(a.dtype)} *a{a.value}"
        return f"{text}, const u8 *q{a.value}" if self._marks_nan(a) else text

    def _arrays(self, totals: Sequence[Accumulate], text: str) -> str:
        names = [n for a in totals for n in self._names_of(a)]
        return ", ".join(text.format(n) for n in names)

    def _names_of(self, a: Accumulate) -> list[str]:
        return [f"a{a.value}", *([f"q{a.value}"] if self._marks_nan(a) else [])]

    def _strips(self, stage: Stage, width: str, length: str) -> None:
        """A part: strips of chunks of rows, by number."""
        totals = stage.accumulates
        self._line("for (i64 q = from; q < to; q++) {")
        self._depth += 1
        self._line(f"const i64 chunk = q / k->strips, b = q % k->strips * {STRIP};")
        self._width(width)
        self._line("const i64 first = chunk * k->rows;")
        self._line(f"const i64 last = {length} - first < k->rows ? {length} : first + k->rows;")
        self._reduce(stage, ["i0"])
        self._line(f"if (k->chunks == 1) $_2(c, o, b, w, {self._arrays(totals, '{}')});")
        self._line("else {")
        for a in totals:
            for name in self._names_of(a):
                self._each(f"k->{name}[chunk * {width} + b + l] = {name}[l];")
        self._line("}")
        self._close()

    def _joins(self, totals: Sequence[Accumulate], width: str) -> None:
        """A part: strips, the results of whose chunks are put together as a tree."""
        self._line("for (i64 q = from; q < to; q++) {")
        self._depth += 1
        self._line(f"const i64 b = q * {STRIP};")
        self._width(width)
        self._line("for (i64 h = 1; h < k->chunks; h *= 2)")
        self._line("for (i64 r = 0; r + h < k->chunks; r += 2 * h) {")
        self._depth += 1
        self._line(f"const i64 x = r * {width} + b, y = x + h * {width};")
        for a in totals:
            text = self.joined(a, f"k->a{a.value}[x + l]", f"k->a{a.value}[y + l]")
            if self._marks_nan(a):
                text += f" k->q{a.value}[x + l] |= k->q{a.value}[y + l];"
            self._each(text)
        self._close()
        self._line(f"$_2(c, o, b, w, {self._arrays(totals, 'k->{} + b')});")
        self._close()

    def _run(self, stage: Stage, width: str, length: str) -> None:
        totals = stage.accumulates
        rest = " * ".join(["1.0", *map(self._size, stage.inner[1:])])
        self._line(f"k.strips = ({width} + {STRIP - 1}) / {STRIP};")
        self._line(f"k.rows = tc_rows({length}, {rest}, k.strips);")
        self._line(f"k.chunks = ({length} + k.rows - 1) / k.rows; k.chunks += !k.chunks;")
        self._line("if (k.chunks > 1) {")
        sizes = {a: DTYPES[self.dialect.in_registers(a.dtype)].itemsize for a in totals}
        total = sum(sizes.values()) + sum(map(self._marks_nan, totals))
        self._line(f"  u8 *m = c->room(c, k.chunks * {width} * {total});")
        self._line("  if (!m) { c->error[0] = 5; return; }")
        for a in sorted(totals, key=lambda a: -sizes[a]):  # so that each is aligned
            self._line(f"  k.a{a.value} = (void *)m; m += k.chunks * {width} * {sizes[a]};")
        for a in filter(self._marks_nan, totals):
            self._line(f"  k.q{a.value} = m; m += k.chunks * {width};")
        self._line("}")
        columns = f"({width} < {STRIP} ? {width} : {STRIP})"
        cost = f"({self._cost([stage], skip=1)}) * k.rows * {columns}"
        self._line(f"tc_split(c, o, $_0, k.strips * k.chunks, {cost}, 0);")
        self._line("if (c->error[0] || k.chunks == 1) return;")
        self._line(f"tc_split(c, o, $_1, k.strips, 4.0 * k.chunks * {columns}, 0);")
