"""The Program: typed and linear, the only thing a backend sees.

A Program is a list of steps over numbered *slots* (values, each defined once) and numbered
*sizes* (integers, each defined once). Sizes are run-time values, so one compiled Program
serves every shape. Buffers are C-contiguous, aligned and in native byte order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .errors import ShapeError

SlotId: TypeAlias = int
SizeId: TypeAlias = int
ValueId: TypeAlias = int


class Slot(NamedTuple):
    """One value: its dtype and the sizes of its axes."""

    dtype: str
    shape: tuple[SizeId, ...]


class Size(NamedTuple):
    """One integer. ``kind`` and ``args``:

    ``const (n,)`` the number itself; ``dim (slot, axis)`` a size of a buffer that is bound at
    the call; ``value (slot,)`` the content of an integer 0-d slot; every other kind is
    arithmetic on earlier sizes: ``add, sub, mul, floordiv, mod, min, max, neg, abs``
    (``add`` and ``mul`` take two or more) and ``select (c, a, b)``, which is ``a`` where
    ``c`` is positive and ``b`` elsewhere.
    """

    kind: str
    args: tuple[int, ...]


class Check(NamedTuple):
    """What must hold between sizes, or the call is refused with ``message``.

    ``equal (a, b)``: both are the same; ``nonnegative (a, ...)``: the first is, and others are
    there for the message; ``below (a, b)``: 0 <= a < b;
    ``within (a,)``: a 64-bit integer holds it.
    ``message`` is formatted with the checked numbers by position, as in ``"{0} != {1}"``.
    """

    kind: str
    args: tuple[SizeId, ...]
    message: str
    error: type[Exception] = ShapeError


#: What ``{stretch}`` in a message becomes where one of the sizes is 1.
STRETCH = (
    " An axis stretches only where its size is declared to be 1: as a row or a column, with "
    "T.addbroadcast or by dimshuffle."
)


def worded(message: str, numbers: Sequence[int]) -> str:
    """A check's message with its numbers."""
    return message.format(*numbers, stretch=STRETCH if 1 in numbers else "")


class Sizes(NamedTuple):
    """Step: compute these sizes, in order, then run the checks."""

    ids: tuple[SizeId, ...]
    checks: tuple[Check, ...] = ()


class Access(NamedTuple):
    """An address into a slot: ``offset + sum(index[k] * strides[k])``, in elements.

    ``strides`` has one size per axis of the kernel and then per inner axis of the stage;
    a size of constant 0 broadcasts, a negative one flips. Each ``(value, stride)`` of
    ``gathered`` adds ``value * stride``, where the int64 value was computed before.
    """

    slot: SlotId
    offset: SizeId
    strides: tuple[SizeId, ...]
    gathered: tuple[tuple[ValueId, SizeId], ...] = ()


class Load(NamedTuple):
    """``value`` is read from memory once per point of the stage."""

    value: ValueId
    access: Access
    dtype: str


class Instr(NamedTuple):
    """``value = template(args)`` in scalar code.

    ``template`` is C-family text: ``{0}, {1}`` are the operands, ``@`` the dialect's suffix
    for functions of ``dtype``. ``dtype`` is that of the result, ``operand_dtype`` that of the
    operands. Five special ops carry no text: ``const`` holds its number in ``number``,
    ``index`` reads the loop index of axis ``number``, ``size`` the size with id ``number``.
    ``wrap`` counts a negative index from the end of an axis; ``number`` is ``(size, k)``: an
    index outside the axis ends the call with ``failures[k]`` of the kernel. ``check`` has no value:
    where its first operand is false, the call ends with ``failures[number]``, and the other two are
    the numbers of its message; until then the code goes on.
    """

    value: ValueId
    op: str
    args: tuple[ValueId, ...]
    dtype: str
    operand_dtype: str
    template: str = ""
    number: Any = None


#: The ops of instructions that may end the call.
FAILING = ("wrap", "check")


def operations(template: str) -> int:
    """About how many scalar operations a template takes: those of a function are many."""
    return 12 if "@(" in template or "tc_" in template else 1


class Accumulate(NamedTuple):
    """``value = combine over the stage's inner axes of source``; it exists after the stage.

    ``combine`` is one of ``sum prod max min argmax argmin any all``, or ``carry``: then it takes
    the source of each point in turn, beginning with the number ``start``, and ``state`` names
    what it holds before the point, which the body may read. The dtype is that of the
    accumulator and of the result.
    """

    value: ValueId
    combine: str
    source: ValueId
    dtype: str
    state: ValueId | None = None
    start: int = 0


class Store(NamedTuple):
    """Write ``value`` to memory at each point of the stage.

    ``combine``: empty to overwrite, ``sum`` to add to what is there. ``where``: a bool value;
    nothing is written where it is false. Several points may write to one place
    only in a kernel without axes of its own, where the later point wins; into a kernel's
    ``totals``; and in a stage whose inner axes come in order, if they differ in others than the
    last of these.
    """

    value: ValueId
    access: Access
    combine: str = ""
    where: ValueId | None = None


class Stage(NamedTuple):
    """One loop nest inside a kernel: inner axes, reads, scalar code, accumulators, writes.

    With no inner axes the stage runs once per point of the kernel's own axes. Values loaded
    or computed with inner axes live only inside their stage; accumulators and the values of
    stages without inner axes are seen by all later stages. The loads run first; a load whose
    address is computed stands in the body.
    """

    inner: tuple[SizeId, ...]
    loads: tuple[Load, ...]
    body: tuple[Instr | Load, ...]
    accumulates: tuple[Accumulate, ...] = ()
    stores: tuple[Store, ...] = ()

    def all_loads(self) -> tuple[Load, ...]:
        """The loads, those in the body included."""
        return self.loads + tuple(entry for entry in self.body if isinstance(entry, Load))

    def taken(self) -> tuple[ValueId, ...]:
        """The values of earlier stages that this one uses."""
        own = {e.value for e in (*self.loads, *self.body)}
        own |= {a.state for a in self.accumulates if a.state is not None}
        used = [v for e in self.body if isinstance(e, Instr) for v in e.args]
        used += [v for access in self.accesses() for v, _ in access.gathered]
        used += [a.source for a in self.accumulates]
        used += [v for s in self.stores for v in (s.value, s.where) if v is not None]
        return tuple(v for v in dict.fromkeys(used) if v not in own)

    def copied(self) -> SlotId | None:
        """The buffer that the stage copies to the same places of another, if that is all."""
        if self.body or self.accumulates or len(self.loads) != 1 or len(self.stores) != 1:
            return None
        (load,), (store,) = self.loads, self.stores
        same = load.access._replace(slot=store.access.slot) == store.access
        return load.access.slot if same and store == Store(load.value, store.access) else None

    def accesses(self) -> tuple[Access, ...]:
        """Every address that the stage reads or writes."""
        reads = tuple(load.access for load in self.all_loads())
        return reads + tuple(store.access for store in self.stores)


class Failure(NamedTuple):
    """Why a kernel ends the call: ``message``, formatted with the offending numbers."""

    message: str
    error: type[Exception]


class Kernel(NamedTuple):
    """Step: parallel axes, and stages that share them and run in order at each point.

    ``scratch`` names slots that hold one row: their accesses have stride 0 along the parallel
    axes, so each worker needs its own copy. ``failures`` are those its code may report; what
    it has written by then is lost, and no later step runs. ``totals`` names slots that the points
    add up, from zero: their stores say ``sum`` and have stride 0 along the one parallel axis. In
    which order is open, but it must depend on sizes alone. Only a backend that says ``totals`` of
    itself gets such kernels.
    """

    axes: tuple[SizeId, ...]
    stages: tuple[Stage, ...]
    scratch: tuple[SlotId, ...] = ()
    origins: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    totals: tuple[SlotId, ...] = ()

    @property
    def leaves(self) -> bool:
        """Whether code returns in the middle, so that nobody may wait for it: behind an index that
        lies outside nothing can be read."""
        bodies = (entry for stage in self.stages for entry in stage.body)
        return any(isinstance(entry, Instr) and entry.op == "wrap" for entry in bodies)


class Call(NamedTuple):
    """Step: a named op on whole buffers. ``outputs`` has the result, and for ``argsort`` in a
    Program with kernels a second buffer of the result's size to work in. With ``host`` the op
    is Python code, run by ``interpret.call`` on NumPy arrays between the other steps. ``title`` is
    what messages call it."""

    op: str
    inputs: tuple[SlotId, ...]
    outputs: tuple[SlotId, ...]
    attrs: Mapping[str, Any] = MappingProxyType({})
    origins: tuple[str, ...] = ()
    host: bool = False
    title: str = ""


class View(NamedTuple):
    """Step: ``output`` is the buffer of ``source`` under another shape of as many elements."""

    source: SlotId
    output: SlotId


class Rows(NamedTuple):
    """What a loop reads row by row: at position ``p`` its body's ``input`` is row
    ``offset + p * stride`` of ``slot``, along the first axis."""

    slot: SlotId
    offset: SizeId
    stride: SizeId
    input: SlotId


class Carried(NamedTuple):
    """What a loop writes row by row and may read back in later iterations.

    The body's ``output`` becomes a row of the loop's ``result``. ``taps`` are pairs of a distance
    ``k >= 1`` and the body's input that holds the row of ``k`` iterations before. The rows from
    before the first iteration, as many as the largest distance, are those of the slot ``init``
    (None where nothing is read back). The result holds these and then all that were written; or,
    where there is a ``ring``, only the last ``depth`` rows of both together. A ring is a buffer of
    ``depth + 1`` rows to work in.
    """

    output: SlotId
    result: SlotId
    init: SlotId | None = None
    taps: tuple[tuple[int, SlotId], ...] = ()
    ring: SlotId | None = None

    @property
    def depth(self) -> int:
        """How many rows before the first are there."""
        return max((k for k, _ in self.taps), default=0)


class Loop(NamedTuple):
    """Step: run ``body`` for each of ``iterations`` positions, one after the other.

    ``body`` is a Program without cells. ``invariants`` are pairs of a slot and the body's input
    that it is bound to in each iteration. Positions run from 0 upwards, or with ``reverse`` from
    ``iterations - 1`` down to 0; then results are filled from their ends, so that what belongs to
    one position is at one place, and the rows of ``init`` come last in them. ``until`` is the
    body's output, a bool, that ends the loop after the iteration in which it is true; ``done`` is
    then the slot, an int64, of how many there were, and rows never written are zero.
    """

    iterations: SizeId
    body: Program
    rows: tuple[Rows, ...]
    carried: tuple[Carried, ...]
    invariants: tuple[tuple[SlotId, SlotId], ...] = ()
    reverse: bool = False
    until: SlotId | None = None
    done: SlotId | None = None
    origins: tuple[str, ...] = ()

    def reads(self) -> set[SlotId]:
        """The slots of the outer Program that the loop reads."""
        found = {entry.slot for entry in self.rows} | {slot for slot, _ in self.invariants}
        return found | {c.init for c in self.carried if c.init is not None}

    def writes(self) -> set[SlotId]:
        """The slots of the outer Program that the loop defines."""
        found = {entry.result for entry in self.carried}
        found |= {entry.ring for entry in self.carried if entry.ring is not None}
        return found if self.done is None else found | {self.done}


class Branch(NamedTuple):
    """Step: run ``bodies[0]`` where the bool ``condition`` is true, else ``bodies[1]``.

    ``inputs[k]`` are the slots for the inputs of body ``k``, ``outputs`` those that receive the
    outputs of the body that ran.
    """

    condition: SlotId
    bodies: tuple[Program, Program]
    inputs: tuple[tuple[SlotId, ...], tuple[SlotId, ...]]
    outputs: tuple[SlotId, ...]
    origins: tuple[str, ...] = ()


Step: TypeAlias = "Sizes | Kernel | Call | View | Loop | Branch"


class Commit(NamedTuple):
    """After all steps: cell number ``cell`` takes the value of ``slot``.

    ``in_place`` says that the producing kernel may write straight into the cell's buffer when
    nobody but the cell refers to it: no later step reads the old value or can fail. The kernel
    is in the section that begins with the Program's step ``commit_from``.
    """

    cell: int
    slot: SlotId
    in_place: bool = False


class Life(NamedTuple):
    """Memory plan: ``slot`` needs a buffer of ``elements`` times ``itemsize`` bytes from the step
    ``first`` to the step ``last``, both included. Buffers that are never in use together may lie
    one over the other.

    Slots bound from outside (inputs, cells, constants), outputs, committed slots and views have
    none. A view of a slot prolongs its life.
    """

    slot: SlotId
    elements: SizeId
    itemsize: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a backend needs: bind inputs, cells and constants, run the steps in order,
    return the outputs, then commit. ``timed`` asks for an Executable that keeps the time of each
    step; see ``backend.Timed``.

    ``commit_from`` is the first step that may write over a cell, None where no commit is in
    place. From there on no step fails, but that one before it writes, none is a ``Sizes``, and a
    backend that writes in place must let nothing end the call."""

    slots: tuple[Slot, ...]
    sizes: tuple[Size, ...]
    inputs: tuple[SlotId, ...]
    cells: tuple[SlotId, ...]
    constants: tuple[tuple[SlotId, np.ndarray], ...]
    steps: tuple[Step, ...]
    outputs: tuple[SlotId, ...]
    commits: tuple[Commit, ...]
    storage: tuple[Life, ...] = ()
    timed: bool = False
    commit_from: int | None = None

    def bound(self) -> tuple[SlotId, ...]:
        """Slots whose buffers come from outside: inputs, cells, constants."""
        return self.inputs + self.cells + tuple(slot for slot, _ in self.constants)

    def measure(self, step: Sizes, known: list[int], buffers: Sequence[Any]) -> None:
        """Fill ``known`` (one entry per size) with the sizes of ``step``; run its checks.

        ``buffers`` is indexed by slot; entries need ``shape`` and, for ``value`` sizes,
        ``int()``. Raises the check's error, by default ShapeError.
        """
        for index in step.ids:
            size = self.sizes[index]
            if size.kind == "dim":
                slot, axis = size.args
                known[index] = int(buffers[slot].shape[axis])
            elif size.kind == "value":
                known[index] = int(buffers[size.args[0]])
            elif size.kind == "const":
                known[index] = size.args[0]
            else:
                known[index] = ARITHMETIC[size.kind](*(known[a] for a in size.args))
        for check in step.checks:
            numbers = [known[a] for a in check.args]
            if not HOLDS[check.kind](*numbers):
                raise check.error(worded(check.message, numbers))


def bodies(step: Step) -> tuple[Program, ...]:
    """The Programs inside a step."""
    if isinstance(step, Loop):
        return (step.body,)
    return step.bodies if isinstance(step, Branch) else ()


def all_steps(program: Program) -> Iterator[tuple[Program, Step]]:
    """The steps in order, behind each those of the Programs inside it, each with its own
    Program."""
    for step in program.steps:
        yield program, step
        for body in bodies(step):
            yield from all_steps(body)


def all_kernels(program: Program) -> Iterator[tuple[Program, Kernel]]:
    """The Kernel steps among ``all_steps``."""
    return ((owner, step) for owner, step in all_steps(program) if isinstance(step, Kernel))


def _product(*numbers: int) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


#: What each arithmetic kind of Size computes; division rounds down, and by zero gives zero.
ARITHMETIC: Mapping[str, Any] = {
    "add": lambda *a: sum(a),
    "sub": lambda a, b: a - b,
    "mul": _product,
    "floordiv": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else 0,
    "min": min,
    "max": max,
    "neg": lambda a: -a,
    "abs": abs,
    "select": lambda c, a, b: a if c > 0 else b,
}

#: What each kind of Check demands.
HOLDS: Mapping[str, Any] = {
    "equal": lambda a, b: a == b,
    "nonnegative": lambda a, *others: a >= 0,
    "below": lambda a, b: 0 <= a < b,
    "within": lambda a: -(2**63) <= a < 2**63,
}
