"""A Program in words: its steps, sizes and buffers, under the names that the user gave."""

from __future__ import annotations

import linecache
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ..node import Tensor
from ..ops import OPS
from ..program import (
    ARITHMETIC,
    Branch,
    Call,
    Instr,
    Kernel,
    Loop,
    Program,
    SizeId,
    Sizes,
    SlotId,
    Step,
    View,
)

#: What only moves numbers about inside a kernel, and says nothing to its reader.
_SILENT = frozenset({"const", "index", "size", "copy"})
_SIGNS = {"add": " + ", "sub": " - ", "mul": " * ", "floordiv": " // ", "mod": " % "}
_LONG = 60
_NONE: frozenset[SlotId] = frozenset()


class StepText(NamedTuple):
    """A step in words. ``kind``: kernel, call, view, sizes, loop, branch, or reference for an op
    that the backend lacks. ``ops``: what it computes, each
    op once, with a count when it occurs more often. ``axes``: the sizes of its loops, or of its
    result. ``reads`` and ``writes``: values. ``lines``: the user's, as ``file:line``."""

    number: int
    kind: str
    ops: tuple[str, ...]
    axes: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    lines: tuple[str, ...]


class BufferText(NamedTuple):
    """A buffer: the value it holds, the first and the last step that use it, and its bytes as an
    expression and, where the sizes are known, as a number. Buffers that are not in use together
    share memory."""

    value: str
    first: int
    last: int
    expression: str
    bytes: int | None


def peak(buffers: Sequence[BufferText]) -> int | None:
    """The most bytes of buffers in use at any one step; None where a size is not known."""
    change: Counter[int] = Counter()
    for buffer in buffers:
        if buffer.bytes is None:
            return None
        change[buffer.first] += buffer.bytes
        change[buffer.last + 1] -= buffer.bytes
    return max(accumulate(change[step] for step in sorted(change)), default=0)


class ProgramText:
    """Words for one Program. ``names`` are the user's names of slots bound at the call;
    other values are called ``t0, t1, ...``."""

    def __init__(self, program: Program, names: Mapping[SlotId, str]) -> None:
        self.program = program
        self._names = dict(names)
        for slot, value in program.constants:
            shown = str(value) if value.ndim == 0 else f"constant{list(value.shape)}"
            self._names.setdefault(slot, shown)
        self._sizes = self._size_texts()

    def value(self, slot: SlotId) -> str:
        """The name of a value."""
        return self._names.get(slot, f"t{slot}")

    def size(self, size: SizeId) -> str:
        """A size as an expression over the sizes of what is bound at the call."""
        return self._sizes[size]

    def shape(self, sizes: Iterable[SizeId]) -> str:
        """Sizes as a tuple in square brackets."""
        return "[" + ", ".join(self._sizes[s] for s in sizes) + "]"

    def steps(self) -> list[StepText]:
        """The steps in order."""
        return [self._step(k, step) for k, step in enumerate(self.program.steps)]

    def buffers(self, known: Sequence[int | None] = ()) -> list[BufferText]:
        """The buffers beside inputs and outputs, with numbers where sizes are ``known``."""
        found = []
        for slot, elements, width, first, last in self.program.storage:
            number = known[elements] if known else None
            text = f"{width} * {_bracketed(self._sizes[elements])}".removesuffix(" * 1")
            total = None if number is None else number * width
            found.append(BufferText(self.value(slot), first, last, text, total))
        return found

    def made(self, known: Sequence[int | None]) -> list[int | None]:
        """The bytes of the values that each step makes, from sizes that are ``known``; None where
        one is not. Of a loop also what each iteration makes for itself alone, if it runs to the
        end."""
        return [_made(self.program, step, known) for step in self.program.steps]

    def inside(self, known: Sequence[int | None]) -> list[int]:
        """The most bytes that an iteration of each step has in use at once beside its results;
        zero for steps that are no loops, and where sizes are not known."""
        return [_most_inside(self.program, step, known) for step in self.program.steps]

    def _step(self, number: int, step: Step) -> StepText:
        if isinstance(step, Sizes):
            words = (f"{len(step.ids)} sizes", f"{len(step.checks)} checks")
            return StepText(number, "sizes", words, "", (), (), ())
        if isinstance(step, View):
            source, output = self.value(step.source), self.value(step.output)
            shape = self.shape(self.program.slots[step.output].shape)
            return StepText(number, "view", ("reshape",), shape, (source,), (output,), ())
        if isinstance(step, Call):
            reads = tuple(map(self.value, step.inputs))
            writes = tuple(map(self.value, step.outputs))
            shape = self.shape(self.program.slots[step.outputs[0]].shape)
            kind = "reference" if step.host and not OPS[step.op].host else "call"
            return StepText(number, kind, (step.op,), shape, reads, writes, step.origins)
        if isinstance(step, Loop):
            reads = tuple(map(self.value, sorted(step.reads())))
            writes = tuple(map(self.value, sorted(step.writes())))
            inside = (f"{len(step.body.steps)} steps each time",)
            axes = f"[{self.size(step.iterations)}]"
            return StepText(number, "loop", inside, axes, reads, writes, step.origins)
        if isinstance(step, Branch):
            reads = tuple(map(self.value, sorted({*step.inputs[0], *step.inputs[1]})))
            writes = tuple(map(self.value, step.outputs))
            choice = (f"if {self.value(step.condition)}",)
            return StepText(number, "branch", choice, "", reads, writes, step.origins)
        return self._kernel(number, step)

    def _kernel(self, number: int, kernel: Kernel) -> StepText:
        counts: Counter[str] = Counter()
        reads: dict[str, None] = {}
        writes: dict[str, None] = {}
        for stage in kernel.stages:
            instructions = (i for i in stage.body if isinstance(i, Instr))
            counts.update(i.op for i in instructions if i.op not in _SILENT)
            gathers = len(stage.all_loads()) - len(stage.loads)
            counts.update({"gather": gathers} if gathers else {})
            counts.update(a.combine for a in stage.accumulates)
            writes.update((self.value(s.access.slot), None) for s in stage.stores)
            reads.update((self.value(load.access.slot), None) for load in stage.all_loads())
        ops = tuple(op if n == 1 else f"{op} x{n}" for op, n in counts.items()) or ("copy",)
        axes = self.shape(kernel.axes)
        inner = dict.fromkeys(self.shape(s.inner) for s in kernel.stages if s.inner)
        if inner:
            axes += " over " + ", ".join(inner)
        outside = tuple(name for name in reads if name not in writes)
        return StepText(number, "kernel", ops, axes, outside, tuple(writes), kernel.origins)

    def _size_texts(self) -> list[str]:
        """Texts in order of definition; one that would be long becomes the name of its size."""
        texts: list[str] = []
        for index, (kind, args) in enumerate(self.program.sizes):
            if kind == "const":
                text = str(args[0])
            elif kind == "dim":
                text = f"{self.value(args[0])}.shape[{args[1]}]"
            elif kind == "value":
                text = f"int({self.value(args[0])})"
            elif kind in _SIGNS:
                text = _SIGNS[kind].join(_bracketed(texts[a]) for a in args)
            elif kind == "neg":
                text = f"-{_bracketed(texts[args[0]])}"
            else:
                text = f"{kind}({', '.join(texts[a] for a in args)})"
            texts.append(text if len(text) <= _LONG else f"n{index}")
        return texts


def _written(step: Step) -> set[SlotId]:
    """The values that a step makes; those of a view have no memory of their own."""
    if isinstance(step, (Sizes, View)):
        return set()
    if isinstance(step, (Call, Branch)):
        return set(step.outputs)
    if isinstance(step, Loop):
        return step.writes()
    return {store.access.slot for stage in step.stages for store in stage.stores}


def _made(
    program: Program, step: Step, known: Sequence[int | None], results: frozenset[SlotId] = _NONE
) -> int | None:
    """The bytes of what a step makes, but for the ``results``, which others count."""
    total = 0
    for slot in _written(step) - results:
        dtype, shape = program.slots[slot]
        sizes = [known[size] for size in shape]
        if None in sizes:
            return None
        total += math.prod(n for n in sizes if n is not None) * np.dtype(dtype).itemsize
    if isinstance(step, Loop):
        inner, count = _sizes_inside(program, step, known), known[step.iterations]
        rows = frozenset(c.output for c in step.carried)
        parts = [_made(step.body, s, inner, rows) for s in step.body.steps]
        if count is None or None in parts:
            return None
        total += count * sum(n for n in parts if n is not None)
    return total


def _most_inside(program: Program, step: Step, known: Sequence[int | None]) -> int:
    if not isinstance(step, Loop):
        return 0
    inside = ProgramText(step.body, {})
    inner = _sizes_inside(program, step, known)
    deeper = inside.inside(inner)
    buffers = [b for b in inside.buffers(inner) if b.bytes is not None]
    use = [sum(b.bytes or 0 for b in buffers if b.first <= k <= b.last) for k in range(len(deeper))]
    return max((a + b for a, b in zip(use, deeper, strict=True)), default=0)


def _sizes_inside(program: Program, step: Loop, known: Sequence[int | None]) -> list[int | None]:
    """The sizes of the body of a loop, from those outside."""

    def shape(slot: SlotId) -> list[int | None]:
        return [known[size] for size in program.slots[slot].shape]

    shapes = {rows.input: shape(rows.slot)[1:] for rows in step.rows}
    shapes |= {given: shape(slot) for slot, given in step.invariants}
    shapes |= {tap: shape(c.result)[1:] for c in step.carried for _, tap in c.taps}
    values = dict(step.body.constants)
    shapes |= {slot: list(value.shape) for slot, value in values.items()}
    return _sizes_from(step.body, shapes, values)


def _bracketed(text: str) -> str:
    """The text as one operand: in brackets when it has a space outside of all brackets."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == " " and depth == 0:
            return f"({text})"
    return text


def names_of(program: Program, inputs: Sequence[Tensor], cells: Sequence[Tensor]) -> dict[int, str]:
    """The user's names by slot; nameless variables, and results, are called by position."""
    found: dict[int, str] = {}
    for what, nodes, slots in (
        ("input", inputs, program.inputs),
        ("shared", cells, program.cells),
    ):
        for k, (node, slot) in enumerate(zip(nodes, slots, strict=True)):
            found[slot] = node.name or f"{what}{k}"
    for commit in program.commits:
        found.setdefault(commit.slot, f"new {found[program.cells[commit.cell]]}")
    for k, slot in enumerate(program.outputs):
        found.setdefault(slot, f"output{k}")
    return found


def known_sizes(program: Program, bound: Sequence[Any]) -> list[int | None]:
    """The sizes that follow from the buffers bound at a call (inputs, cells, constants); None
    for those that depend on computed values."""
    buffers = dict(zip(program.bound(), bound, strict=True))
    return _sizes_from(program, {slot: a.shape for slot, a in buffers.items()}, buffers)


def _sizes_from(
    program: Program, shapes: Mapping[SlotId, Sequence[int | None]], values: Mapping[SlotId, Any]
) -> list[int | None]:
    known: list[int | None] = []
    for kind, args in program.sizes:
        if kind == "const":
            known.append(args[0])
        elif kind == "dim":
            known.append(shapes[args[0]][args[1]])
        elif kind == "value":
            value = values.get(args[0])
            known.append(None if value is None else int(value))
        else:
            numbers = [n for a in args if (n := known[a]) is not None]
            complete = len(numbers) == len(args)
            known.append(ARITHMETIC[kind](*numbers) if complete else None)
    return known


def text_of(place: str) -> str:
    """The text of a line given as ``file:line``; empty where it cannot be read."""
    file, _, number = place.rpartition(":")
    return linecache.getline(file, int(number)).strip() if number.isdigit() else ""
