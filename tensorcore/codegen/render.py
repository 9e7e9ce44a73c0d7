"""Kernels as C-family text, in canonical form.

Buffers, sizes and constants are named by the position in which the kernel first uses them, so
that two kernels of equal structure have equal text and are compiled once.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import DTYPES, kind, real_part
from ..errors import UnsupportedOp
from ..program import (
    FAILING,
    Access,
    Accumulate,
    Instr,
    Kernel,
    Load,
    Size,
    SizeId,
    Slot,
    Stage,
    Store,
    ValueId,
)
from .dialect import Dialect
from .words import tuned

#: Terms that are added plainly before they become a leaf of the pairwise sum: in vector code,
#: where each lane adds its own, and elsewhere.
BLOCK, _SCALAR_BLOCK = 128, 32


class Launch(NamedTuple):
    """How a function of a kernel in parts is run by work-items.

    ``points``: sizes whose product, divided by ``per`` and rounded up, is how many points there
    are; they are shared out as ``way`` says. ``one``: one work-item does it all. ``chunks``: each
    takes as many as the argument ``chunk`` says. ``items``: each takes every so many-th.
    ``groups``: each work-group does. ``teams``: each team of members of a group does; ``rows`` are
    the inner axes of each stage, whose points are shared among its members, and ``per`` is how many
    of them a member should have. With ``limit`` there are so many points instead. ``cost``: scalar
    operations of a point as a sum of products of a number and sizes. ``cut``: of a kernel whose
    rows may be cut (``cutting.py``) ``whole`` does all where they are not, and ``part`` and then
    ``join`` do where they are; ``whole`` is the launch of the first.
    """

    way: str
    points: tuple[SizeId, ...] = ()
    per: int = 1
    limit: int = 0
    cost: tuple[tuple[int, tuple[SizeId, ...]], ...] = ()
    rows: tuple[tuple[SizeId, ...], ...] = ()
    cut: str = ""
    whole: Launch | None = None


class KernelText:
    """A kernel's body and what its positional names stand for.

    ``slots[k]`` is the slot behind ``p<k>``, ``sizes[k]`` the size behind ``n<k>``,
    ``numbers[k]`` the 64 bits behind ``k<k>``, ``failures[k]`` the kernel's failure behind
    ``f<k>``. ``dtypes`` are those of the slots; ``written`` marks those that are stored to,
    ``number_dtypes`` types the constants. A kernel in parts (``parts.py``) has more:
    ``functions``, each with its suffix, its parameters and its body, ``shared``, the fields of
    the struct that they share, and ``rows``, by the position of a slot of which each thread has
    its own, where that is. For work-items (``work_items.py``) ``launches`` says how often each
    function runs.
    """

    def __init__(self) -> None:
        self.body = ""
        self.functions: list[tuple[str, str, str]] = []
        self.shared: dict[str, str] = {}
        self.rows: dict[int, str] = {}
        self.slots: list[int] = []
        self.sizes: list[SizeId] = []
        self.numbers: list[int] = []
        self.number_dtypes: list[str] = []
        self.failures: list[int] = []
        self.launches: list[Launch] = []
        self.dtypes: list[str] = []
        self.written: list[bool] = []


def bits(number: Any, dtype: str) -> int:
    """A scalar's bytes as an unsigned 64-bit integer."""
    raw = np.asarray(number, dtype=dtype).tobytes()
    return int(struct.unpack("<Q", raw.ljust(8, b"\0"))[0])


class KernelPrinter:
    """Prints one kernel as loops over all of its points."""

    def __init__(
        self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[Size], dialect: Dialect
    ) -> None:
        self.kernel = kernel
        self.slots = slots
        self.table = sizes
        self.dialect = dialect
        self.text = KernelText()
        self._slot_names: dict[int, str] = {}
        self._size_names: dict[SizeId, str] = {}
        self._names: dict[int, str] = {}
        self._placed: set[int] = set()
        self._lines: list[str] = []
        self._vectors: dict[int, int] = {}  # where a vectorised loop begins, by its depth
        self._depth = 1
        self._dtypes: dict[ValueId, str] = {}
        for stage in kernel.stages:
            for entry in (*stage.loads, *stage.body, *stage.accumulates):
                self._dtypes[entry.value] = entry.dtype

    def print(self) -> KernelText:
        """The text of the whole kernel."""
        rank = len(self.kernel.axes)
        index = [f"i{k}" for k in range(rank)]
        stages = self.kernel.stages
        simple = rank > 0 and all(not s.inner for s in stages)
        vectors = simple and any(self._vectorises(s, index) for s in stages)
        alone = stages[0] if len(stages) == 1 and simple else None
        for k in range(rank):
            if alone is not None:
                self._place(alone, index, index[:k])
            last = vectors and k == rank - 1
            start, end = self._bounds() if k == 0 else ("0", self._size(self.kernel.axes[k]))
            self._loop(index[k], end, self._simd([]) if last else "", start)
        for stage in stages:
            self._stage(stage, index)
        for _ in range(rank):
            self._close()
        self.text.body = "\n".join(self._lines)
        return self.text

    def _bounds(self) -> tuple[str, str]:
        """Where the loop over the first axis of the kernel starts and ends."""
        return "0", self._size(self.kernel.axes[0])

    def _inner_bounds(self, stage: Stage) -> tuple[str, str]:
        """The same for the first inner axis of a stage."""
        return "0", self._size(stage.inner[0])

    def _inner_step(self, stage: Stage, times: int = 1) -> str:
        """From one point of the first inner axis to the next that is computed here, or so many
        times that."""
        return str(times)

    # -- lines --------------------------------------------------------------------------

    def _line(self, text: str) -> None:
        self._lines.append("  " * self._depth + text)

    @contextmanager
    def _naming(self, name: str, value: str) -> Iterator[None]:
        """A number under a name, which is left out where no line inside mentions it."""
        place = len(self._lines)
        self._line(f"const i64 {name} = {value};")
        yield
        word = re.compile(rf"\b{name}\b")
        if not any(word.search(line) for line in self._lines[place + 1 :]):
            del self._lines[place]

    def _loop(
        self, index: str, length: str, pragma: str, start: str = "0", step: str = "1"
    ) -> None:
        if pragma:
            self._vectors[self._depth] = len(self._lines)
            self._line(pragma)
        on = f"{index}++" if step == "1" else f"{index} += {step}"
        self._line(f"for ({self.dialect.indices} {index} = {start}; {index} < {length}; {on}) {{")
        self._depth += 1

    def _close(self) -> None:
        self._depth -= 1
        self._line("}")
        start = self._vectors.pop(self._depth, None)
        if start is not None and self.dialect.versions:
            self._lines[start:] = tuned(self._lines[start:], self.dialect)

    def _simd(self, clauses: Sequence[str]) -> str:
        return self.dialect.simd.format(clauses="".join(f" {c}" for c in clauses))

    def _contiguous(self, stage: Stage) -> bool:
        """Whether some access walks neighbours in the innermost loop. Where none does, vector
        code would gather, which costs time to compile and gains nothing."""
        one = Size("const", (1,))
        return any(a.strides and self.table[a.strides[-1]] == one for a in stage.accesses())

    # -- names --------------------------------------------------------------------------

    def _pointer(self, slot: int, written: bool) -> str:
        if slot not in self._slot_names:
            self._slot_names[slot] = f"p{len(self.text.slots)}"
            self.text.slots.append(slot)
            self.text.dtypes.append(self.slots[slot].dtype)
            self.text.written.append(False)
        name = self._slot_names[slot]
        if written:
            self.text.written[int(name[1:])] = True
        return name

    def _size(self, size: SizeId) -> str:
        entry = self.table[size]
        if entry.kind == "const":
            return str(entry.args[0])
        if size not in self._size_names:
            self._size_names[size] = f"n{len(self.text.sizes)}"
            self.text.sizes.append(size)
        return self._size_names[size]

    def _number(self, number: Any, dtype: str) -> str:
        """Small whole numbers stand in the text; others are parameters, equal for twins."""
        dtype = self.dialect.in_registers(dtype)
        value = np.asarray(number, dtype=dtype)[()]
        if kind(dtype) == "c":
            parts = [self._number(part, real_part(dtype)) for part in (value.real, value.imag)]
            return f"tc_complex_{DTYPES[real_part(dtype)].c}({parts[0]}, {parts[1]})"
        if kind(dtype) == "b":
            return str(int(value))
        if value == int(value) if np.isfinite(value) else False:
            small = -2 <= value <= 2 and not (value == 0 and np.signbit(np.float64(value)))
            if small:
                return f"({self.dialect.types[dtype]}){int(value)}"
        self.text.numbers.append(bits(number, dtype))
        self.text.number_dtypes.append(dtype)
        return f"k{len(self.text.numbers) - 1}"

    def _at(
        self, access: Access, index: Sequence[str], written: bool = False
    ) -> tuple[str, str, str]:
        """The element's dtype, pointer and index, as in ``p0`` and ``n1 + i0 * n2 + i1``."""
        terms = []
        offset = self._size(access.offset)
        if offset != "0":
            terms.append(offset)
        for name, stride in zip(index, access.strides, strict=True):
            factor = self._size(stride)
            if factor != "0":
                terms.append(name if factor == "1" else f"{name} * {factor}")
        for value, stride in access.gathered:
            factor = self._size(stride)
            if factor != "0":
                name = self._names[value]
                terms.append(name if factor == "1" else f"{name} * {factor}")
        dtype = self.slots[access.slot].dtype
        return dtype, self._pointer(access.slot, written), " + ".join(terms) or "0"

    def _vectorises(self, stage: Stage, index: Sequence[str]) -> bool:
        """Whether the points of a stage along the last index are independent and next to each
        other."""
        ordered = any(
            a.combine in ("argmax", "argmin", "carry") or kind(a.dtype) == "c"
            for a in stage.accumulates
        )
        jumps = self._jumps(stage, index, index[-1])
        return not ordered and not jumps and self._contiguous(stage)

    # -- where values are computed ------------------------------------------------------

    def _jumps(self, stage: Stage, index: Sequence[str], along: str) -> bool:
        """Whether a stage, along one loop, computes addresses or leaves where one is wrong."""
        needs = self._needs(stage, index)
        checks = [e.value for e in stage.body if isinstance(e, Instr) and e.op in FAILING]
        places = [value for access in stage.accesses() for value, _ in access.gathered]
        return any(v not in needs or along in needs[v] for v in (*checks, *places))

    def _needs(self, stage: Stage, index: Sequence[str]) -> dict[int, frozenset[str]]:
        """The loop indices on which each value of a stage depends."""
        written = {s.access.slot for each in self.kernel.stages for s in each.stores}
        earlier = frozenset(index[: len(self.kernel.axes)])
        # A state changes from point to point.
        needs = {a.state: frozenset(index) for a in stage.accumulates if a.state is not None}
        zero = Size("const", (0,))
        for entry in (*stage.loads, *stage.body):
            if isinstance(entry, Load):
                access = entry.access
                steps = zip(index, access.strides, strict=True)
                own = {name for name, stride in steps if self.table[stride] != zero}
                # What is written is not read before that is done. A place that is the same for all
                # points is looked at where there are points: else there may be no entry to read.
                still = any(not needs.get(v, earlier) for v, _ in access.gathered)
                if access.slot in written or still:
                    own = set(index)
                parts = [value for value, _ in access.gathered]
            else:
                own = {index[int(entry.number)]} if entry.op == "index" else set()
                parts = list(entry.args)
            needs[entry.value] = frozenset(own).union(*(needs.get(v, earlier) for v in parts))
        return needs

    def _place(self, stage: Stage, index: Sequence[str], opened: Sequence[str]) -> None:
        """Compute what depends only on the loops that are open, so that the loops inside them do
        not compute it again."""
        needs = self._needs(stage, index)
        for entry in (*stage.loads, *stage.body):
            if entry.value in self._placed or not needs[entry.value] <= set(opened):
                continue
            self._placed.add(entry.value)
            if isinstance(entry, Load):
                self._define(entry.value, entry.dtype, self._read(entry, index))
            elif entry.op == "wrap":
                self._wrap(entry)
            elif entry.op == "check":
                self._check(entry)
            else:
                self._define(entry.value, entry.dtype, self._instruction(entry, index))

    # -- stages -------------------------------------------------------------------------

    def _stage(self, stage: Stage, outer: Sequence[str]) -> None:
        rank = len(stage.inner)
        if rank == 0:
            self._body(stage, outer)
            return
        inner = [f"j{k}" for k in range(rank)]
        base = stage.copied()
        if base is not None:  # a result that is written over its own base needs no copy of it
            target = self._pointer(stage.stores[0].access.slot, True)
            self._line(f"if ({self._pointer(base, False)} != {target}) {{")
            self._depth += 1
        for a in stage.accumulates:
            self._declare(a)
        self._nest(stage, outer, inner)
        for a in stage.accumulates:
            self._fold(a)
            self._meet(a)
            self._finish(a)
        if base is not None:
            self._close()

    def _meet(self, a: Accumulate) -> None:
        """Put together what several work-items have accumulated: here there is one."""

    def _nest(self, stage: Stage, outer: Sequence[str], inner: list[str]) -> None:
        """The loops over the inner axes."""
        rank = len(inner)
        for k in range(rank):
            self._place(stage, [*outer, *inner], [*outer, *inner[:k]])
            start, end = self._inner_bounds(stage) if k == 0 else ("0", self._size(stage.inner[k]))
            if k < rank - 1:
                self._loop(inner[k], end, "", start, "1" if k else self._inner_step(stage))
        self._innermost(stage, outer, inner, start, end)
        for _ in range(rank - 1):
            self._close()

    def _innermost(
        self, stage: Stage, outer: Sequence[str], inner: list[str], start: str, length: str
    ) -> None:
        sums = [a for a in stage.accumulates if self._pairwise(a)]
        pragma = ""
        if self._vectorises(stage, [*outer, *inner]):
            pragma = self._simd([c for a in stage.accumulates for c in _clauses(a)])
        index = inner[-1]
        alone, leaf = len(inner) == 1, BLOCK if pragma else _SCALAR_BLOCK
        step = self._inner_step(stage) if alone else "1"
        if not sums:
            self._loop(index, length, pragma, start, step)
            self._body(stage, [*outer, *inner])
            self._close()
            return
        block = self._inner_step(stage, leaf) if alone else str(leaf)
        self._line(f"for ({self.dialect.indices} b = {start}; b < {length}; b += {block}) {{")
        self._depth += 1
        end = f"b + {block} < {length} ? b + {block} : {length}"
        self._line(f"const {self.dialect.indices} e = {end};")
        for a in sums:
            self._line(f"{self._type(a.dtype)} s{a.value} = {self.start(a)};")
        self._loop(index, "e", pragma, "b", step)
        self._body(stage, [*outer, *inner])
        self._close()
        for a in sums:
            self._leaf(a)
        self._close()

    def _body(self, stage: Stage, index: Sequence[str]) -> None:
        self._place(stage, index, index)
        for a in stage.accumulates:
            if a.combine != "carry":
                self._line(self._combine(a))
        for store in stage.stores:
            self._line(self._write(store, index))
        for a in stage.accumulates:  # last, as writes may use the state before the point
            if a.combine == "carry":
                self._line(f"v{a.value} = {self._names[a.source]};")

    def _read(self, load: Load, index: Sequence[str]) -> str:
        return self.dialect.load(*self._at(load.access, index))

    def _write(self, store: Store, index: Sequence[str]) -> str:
        place, value = self._at(store.access, index, True), self._names[store.value]
        if store.combine:
            value = self._added(place[0], self.dialect.load(*place), value)
        text = self.dialect.store(*place, value)
        return text if store.where is None else f"if ({self._names[store.where]}) {text}"

    def _added(self, dtype: str, x: str, y: str) -> str:
        """The sum of two values, as the op of that name has it: of bools, whether one is true."""
        if kind(dtype) == "c":
            return f"tc_add_{DTYPES[dtype].c}({x}, {y})"
        return f"{x} | {y}" if kind(dtype) == "b" else f"{x} + {y}"

    def _wrap(self, instr: Instr) -> None:
        size, failure = instr.number
        (given,) = (self._names[a] for a in instr.args)
        number = self._failure(failure)
        length = self._size(size)
        self._define(instr.value, "int64", f"{given} < 0 ? {given} + {length} : {given}")
        name = self._names[instr.value]
        test = f"{name} < 0 || {name} >= {length}"
        self._line(f"if ({test}) {{ tc_fail(error, {number}, {given}, {length}); return; }}")

    def _check(self, instr: Instr) -> None:
        right, first, second = (self._names[a] for a in instr.args)
        number = self._failure(instr.number)
        self._line(f"if (!{right}) tc_fail(error, {number}, {first}, {second});")

    def _failure(self, failure: int) -> str:
        """The name of the number that one of the kernel's failures has."""
        if failure not in self.text.failures:
            self.text.failures.append(failure)
        return f"f{self.text.failures.index(failure)}"

    def _define(self, value: int, dtype: str, text: str) -> None:
        name = f"v{value}"
        self._names[value] = name
        self._line(f"const {self._type(dtype)} {name} = {text};")

    def _type(self, dtype: str) -> str:
        """The type of a value in registers."""
        found = self.dialect.types.get(self.dialect.in_registers(dtype))
        if found is None:
            raise UnsupportedOp(f"dialect {self.dialect.name} has no type for {dtype}")
        return found

    def _instruction(self, instr: Instr, index: Sequence[str]) -> str:
        args = [self._names[a] for a in instr.args]
        if instr.op == "const":
            return self._number(instr.number, instr.dtype)
        if instr.op == "size":
            return self._size(instr.number)
        if instr.op == "index":
            return index[int(instr.number)]
        if instr.op == "cast":
            return self._cast(args[0], instr.operand_dtype, instr.dtype)
        text = self.dialect.fill(instr.template, instr.operand_dtype, args)
        # A value has the same bits whether it is kept in a register or read back from memory:
        # else what is fused would decide the result, and a maximum might equal no element.
        return self._rounded(instr.dtype, text) if instr.template != "{0}" else text

    def _rounded(self, dtype: str, text: str) -> str:
        return self.dialect.rounded(dtype, self.dialect.in_registers(dtype), text)

    def _cast(self, value: str, source: str, target: str) -> str:
        source = self.dialect.in_registers(source)
        if kind(source) == "c":
            if kind(target) == "b":
                return f"{value}.re != 0 || {value}.im != 0"
            real = real_part(target)
            parts = [f"({self._type(real)}){value}.{part}" for part in ("re", "im")]
            return f"tc_complex_{DTYPES[real].c}({parts[0]}, {parts[1]})"
        if kind(target) == "b":
            return f"{value} != 0"
        if kind(target) == "c":
            real = real_part(target)
            return f"tc_complex_{DTYPES[real].c}(({self._type(real)}){value}, 0)"
        if kind(source) == "f" and kind(target) in "iu":
            return self._truncated(value, DTYPES[source].c, target)
        # Only from a wider float could the two roundings differ from one.
        if kind(source) == "f" and target in self.dialect.rounds:
            return self.dialect.rounded(target, source, value)
        return self._rounded(target, f"({self._type(target)}){value}")

    def _truncated(self, value: str, word: str, target: str) -> str:
        if target == "int64":
            return f"tc_truncate_{word}({value})"
        if target in ("uint64", "uint32"):
            return f"({self._type(target)})tc_truncate_unsigned_{word}({value})"
        return f"({self._type(target)})tc_truncate_short_{word}({value})"

    # -- accumulators -------------------------------------------------------------------

    def _pairwise(self, a: Accumulate) -> bool:
        return a.combine == "sum" and kind(a.dtype) in "fc"

    def start(self, a: Accumulate) -> str:
        """The accumulator's value before the first element."""
        if kind(a.dtype) == "c":
            word = DTYPES[real_part(a.dtype)].c
            return f"tc_complex_{word}({1 if a.combine == 'prod' else a.start}, 0)"
        return start_value(a)

    def _joined(self, a: Accumulate, x: str, y: str) -> str:
        """The sum or product of two accumulators."""
        if kind(a.dtype) == "c":
            return f"tc_{'add' if a.combine == 'sum' else 'mul'}_{DTYPES[a.dtype].c}({x}, {y})"
        return f"{x} {_OPERATOR[a.combine]} {y}"

    def _declare(self, a: Accumulate) -> None:
        v, ctype = a.value, self._type(a.dtype)
        self._names[v] = f"v{v}"
        if self._pairwise(a):
            # Blocks are added like the carries of a binary counter: a tree of depth log n.
            self._line(f"{ctype} t{v}[64]; i64 d{v} = 0; u64 c{v} = 0;")
        elif a.combine in ("max", "min"):
            self._line(f"{ctype} v{v} = {self.start(a)}; int q{v} = 0;")
        elif a.combine in ("argmax", "argmin"):
            self._line(f"i64 v{v} = 0, c{v} = 0; {self._source_type(a)} s{v} = 0;")
        else:
            self._line(f"{ctype} v{v} = {self.start(a)};")
        if a.state is not None:
            self._names[a.state] = f"v{v}"

    def _source_type(self, a: Accumulate) -> str:
        return self._type(self._dtypes[a.source])

    def _combine(self, a: Accumulate) -> str:
        v, x = a.value, self._names[a.source]
        if self._pairwise(a):
            return f"s{v} = {self._joined(a, f's{v}', x)};"
        if a.combine in ("max", "min"):
            sign = ">" if a.combine == "max" else "<"
            return f"v{v} = {x} {sign} v{v} ? {x} : v{v}; q{v} |= {x} != {x};"
        if a.combine in ("argmax", "argmin"):
            sign = ">" if a.combine == "argmax" else "<"
            better = f"{x} {sign} s{v} || ({x} != {x} && s{v} == s{v})"
            return f"if (c{v} == 0 || {better}) {{ s{v} = {x}; v{v} = c{v}; }} c{v}++;"
        return f"v{v} = {self._joined(a, f'v{v}', x)};"

    def _leaf(self, a: Accumulate) -> None:
        """Put ``s``, the sum of a block, into the tree of sums."""
        v = a.value
        both = self._joined(a, f"t{v}[--d{v}]", f"s{v}")
        self._line(f"for (u64 m = c{v}++; m & 1; m >>= 1) s{v} = {both};")
        self._line(f"t{v}[d{v}++] = s{v};")

    def _fold(self, a: Accumulate) -> None:
        """What the tree of sums comes to."""
        v = a.value
        if self._pairwise(a):
            self._line(f"{self._type(a.dtype)} v{v} = d{v} ? t{v}[--d{v}] : {self.start(a)};")
            self._line(f"while (d{v}) v{v} = {self._joined(a, f't{v}[--d{v}]', f'v{v}')};")

    def _finish(self, a: Accumulate) -> None:
        v = a.value
        if a.combine in ("max", "min") and kind(a.dtype) == "f":
            self._line(f"if (q{v}) v{v} = (v{v} - v{v}) / 0;")
        if a.combine in ("max", "min") and kind(a.dtype) != "f":
            self._line(f"(void)q{v};")
        if a.dtype in self.dialect.rounds and a.combine in ("sum", "prod"):
            self._line(f"v{v} = {self._rounded(a.dtype, f'v{v}')};")


_OPERATOR = {"sum": "+", "prod": "*", "any": "|", "all": "&"}


def _clauses(a: Accumulate) -> list[str]:
    """OpenMP's words for an accumulator of a vectorised loop."""
    if a.combine == "sum" and kind(a.dtype) == "f":
        return [f"reduction(+:s{a.value})"]
    if a.combine in ("max", "min"):
        return [f"reduction({a.combine}:v{a.value})", f"reduction(|:q{a.value})"]
    return [f"reduction({_OPERATOR[a.combine]}:v{a.value})"]


def start_value(a: Accumulate) -> str:
    """The accumulator's value before the first element."""
    if a.combine == "carry":
        return str(a.start)
    if a.combine in ("sum", "any"):
        return "0"
    if a.combine in ("prod", "all"):
        return "1"
    if kind(a.dtype) == "f":
        return "-1.0 / 0.0" if a.combine == "max" else "1.0 / 0.0"
    if kind(a.dtype) == "b":
        return "0" if a.combine == "max" else "1"
    info = np.iinfo(a.dtype)
    edge = info.min if a.combine == "max" else info.max
    if edge == np.iinfo("int64").min:
        return "(-9223372036854775807ll - 1)"
    return f"{edge}ull" if edge > np.iinfo("int64").max else f"{edge}ll"
