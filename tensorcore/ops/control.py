"""Loops and lazy choices: ops that hold a graph of their own, and ``item`` for several results.

They are no entries of ``OPS``: they compute with other ops and have no samples; the conformance
suite tries them in test_loops.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from ..dtypes import ALL
from ..errors import DTypeError, OutOfRange
from ..graph import Interner, attrs_key, toposort
from ..node import Tensor
from ..origin import made_at, where_made
from ..types import TensorType, TupleType
from ._declare import Op, Shape, SizeBuilder


class Body:
    """A graph inside an op: ``outputs`` over the variables ``inputs``, and nothing else.

    Bodies that compute the same in the same way are equal, whoever made them.
    """

    __slots__ = ("inputs", "outputs", "interner", "_key")

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self.inputs = tuple(inputs)
        self.interner = Interner()
        self.outputs = tuple(self.interner.add(node) for node in outputs)
        self._key: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        from ..state import Ordered

        return (_body, (Ordered([*self.inputs, *self.outputs]), self.inputs, self.outputs))

    def key(self) -> Any:
        """What is the same for equal bodies, and can be hashed."""
        if self._key is None:
            number = {node: k for k, node in enumerate(self.inputs)}
            rows: list[Any] = [tuple(node.type for node in self.inputs)]
            for node in toposort(self.outputs):
                if node in number:
                    continue
                number[node] = len(number)
                operands = tuple(number[i] for i in node.inputs)
                rows.append((node.op, operands, attrs_key(node.attrs), node.type))
            rows.append(tuple(number[node] for node in self.outputs))
            self._key = tuple(rows)
        return self._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and (self is other or self.key() == other.key())

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return f"<body of {len(toposort(self.outputs))} nodes>"


def _body(first: Any, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Body:
    """What is unpickled: ``first`` is there so that what it holds was written before the rest."""
    return Body(inputs, outputs)


class State(NamedTuple):
    """What a loop writes in each iteration; see ``program.Carried``."""

    taps: tuple[int, ...] = ()
    keep: bool = True

    @property
    def depth(self) -> int:
        """How many rows before the first iteration are read."""
        return max(self.taps, default=0)


class LoopParts(NamedTuple):
    """The operands of a ``loop`` node, or the variables of its body, by what they are for.

    ``states``: of the node the rows from before the first iteration (None where a state has no
    taps); of the body one variable per tap.
    """

    sequences: tuple[Tensor, ...]
    states: tuple[Any, ...]
    invariants: tuple[Tensor, ...]


def parts_of(node: Tensor) -> LoopParts:
    """The operands of a ``loop`` node; its count is the last input and none of these."""
    operands, n = list(node.inputs[:-1]), node.attrs["sequences"]
    sequences, rest = operands[:n], operands[n:]
    inits = [rest.pop(0) if state.taps else None for state in node.attrs["states"]]
    return LoopParts(tuple(sequences), tuple(inits), tuple(rest))


def variables_of(node: Tensor) -> LoopParts:
    """The variables of a ``loop`` node's body."""
    variables, n = list(node.attrs["body"].inputs), node.attrs["sequences"]
    sequences, rest = variables[:n], variables[n:]
    taps = [tuple(rest.pop(0) for _ in state.taps) for state in node.attrs["states"]]
    return LoopParts(tuple(sequences), tuple(taps), tuple(rest))


class _Structure:
    """What the families here share: operands and attributes as they are given."""

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return tuple(args), attrs


class Looping(_Structure):
    """``loop``: sequences, initial rows, invariants, and last a 0-d int64, the count."""

    name = "loop"
    data: int | None = -1

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (*(t.dtype for t in inputs[:-1]), "int64")

    def infer(self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
        body: Body = attrs["body"]
        states: tuple[State, ...] = attrs["states"]
        items = [
            TensorType(y.dtype, (False, *y.broadcastable)) for y in body.outputs[: len(states)]
        ]
        if attrs["until"]:
            items.append(TensorType("int64", ()))
        return TupleType(tuple(items))

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        count = sizes.integer(node.inputs[-1])
        sizes.demand("nonnegative", (count,), node, "the number of iterations is negative")
        if node.attrs["least"]:
            room = sizes.sub(count, sizes.const(node.attrs["least"]))
            what = "the last of no iterations is asked for"
            sizes.demand("nonnegative", (room,), node, what, OutOfRange)
        parts, variables = parts_of(node), variables_of(node)
        of = dict(zip(node.inputs, shapes, strict=True))
        bound: dict[Tensor, Shape] = {}
        for x, v in zip(parts.sequences, variables.sequences, strict=True):
            room = sizes.sub(of[x][0], count)
            what = f"{x!r} has fewer rows than there are iterations: {{0}} too few"
            sizes.demand("nonnegative", (room,), node, what)
            bound[v] = of[x][1:]
        for state, x, taps in zip(
            node.attrs["states"], parts.states, variables.states, strict=True
        ):
            if x is not None:
                sizes.same(of[x][0], sizes.const(state.depth), node, "the initial rows and taps")
                bound.update((v, of[x][1:]) for v in taps)
        for x, v in zip(parts.invariants, variables.invariants, strict=True):
            bound[v] = of[x]
        outer = dict(zip(variables.invariants, parts.invariants, strict=True))
        rows = sizes.of_body(node, node.attrs["body"], bound, outer)
        found: list[int] = []
        for state, row, taps in zip(node.attrs["states"], rows, variables.states, strict=False):
            for v in taps[:1]:
                what = "a row of a state before and after an iteration"
                row = tuple(
                    sizes.same(a, b, node, what) for a, b in zip(bound[v], row, strict=True)
                )
            depth = sizes.const(state.depth)
            found += [sizes.add(count, depth) if state.keep else depth, *row]
        return tuple(found)


class Items(_Structure):
    """``item``: one result of a node that has several; attribute ``index``."""

    name = "item"
    data: int | None = None

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].dtype,)

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        index: int = attrs["index"]
        return items_of(inputs[0])[index]

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return sizes.shape_of_item(node.inputs[0], node.attrs["index"])


class Choosing(_Structure):
    """``ifelse``: a 0-d condition, then values, then as many others of the same types.

    Only those that the condition asks for are computed: lowering turns the node, and what
    nothing else needs, into a ``branch``.
    """

    name = "choice"
    data: int | None = None

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return ("bool", *(t.dtype for t in inputs[1:]))

    def infer(self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
        values = inputs[1:]
        half = len(values) // 2
        return TupleType(
            tuple(_common(a, b) for a, b in zip(values[:half], values[half:], strict=True))
        )

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        values = shapes[1:]
        half = len(values) // 2
        first, second = _flat(values[:half]), _flat(values[half:])
        return _either(node, first, second, sizes)


def _common(a: Tensor, b: Tensor) -> TensorType:
    flags = zip(a.broadcastable, b.broadcastable, strict=True)
    return TensorType(a.dtype, tuple(p and q for p, q in flags))


def _flat(shapes: Sequence[Shape]) -> Shape:
    return tuple(size for shape in shapes for size in shape)


def _either(node: Tensor, first: Shape, second: Shape, sizes: SizeBuilder) -> Shape:
    """The sizes of the values that are chosen."""
    if first == second:
        return first
    condition = sizes.integer(node.inputs[0])
    pairs = zip(first, second, strict=True)
    return tuple(a if a == b else sizes.arith("select", condition, a, b) for a, b in pairs)


class Branching(_Structure):
    """``branch``: a condition, and the operands of two bodies, ``first`` of them for the one that
    runs where it is true."""

    name = "branch"
    data: int | None = None

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return tuple(t.dtype for t in inputs)

    def infer(self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Any:
        a, b = attrs["bodies"]
        return TupleType(tuple(map(_common, a.outputs, b.outputs)))

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        found = []
        for body, part in zip(node.attrs["bodies"], halves(node), strict=True):
            bound = {v: shapes[k] for v, k in zip(body.inputs, part, strict=True)}
            outer = {v: node.inputs[k] for v, k in zip(body.inputs, part, strict=True)}
            found.append(_flat(sizes.of_body(node, body, bound, outer)))
        return _either(node, found[0], found[1], sizes)


def halves(node: Tensor) -> tuple[range, range]:
    """The numbers of a ``branch`` node's inputs that each of its bodies takes."""
    first = 1 + node.attrs["first"]
    return range(1, first), range(first, len(node.inputs))


def sides_of(node: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The values of a choice: those where the condition is true, and the others."""
    half = 1 + len(node.inputs) // 2
    return node.inputs[1:half], node.inputs[half:]


def on_one_side(
    node: Tensor, first: bool, order: Sequence[Tensor], closed: Container[Tensor]
) -> set[Tensor]:
    """The nodes that are needed only by one side of a choice, or of others by the same condition,
    as the choice in a gradient is. Of ``order``, which has all that counts; those in ``closed``
    are needed elsewhere, and so are variables."""
    condition = node.inputs[0]
    users: defaultdict[Tensor, list[Tensor]] = defaultdict(list)
    for n in order:
        for i in n.inputs:
            users[i].append(n)
    found: set[Tensor] = set()

    def inside(n: Tensor, user: Tensor) -> bool:
        if user in found:
            return True
        if user.op is not choice or user.inputs[0] is not condition or n is condition:
            return False
        return n not in sides_of(user)[first]  # which is the other side

    for n in reversed(order):
        free = n.op is not None and n not in closed and users[n]
        if free and all(inside(n, user) for user in users[n]):
            found.add(n)
    return found


def _no_reference(xp: Any, *arrays: Any, **attrs: Any) -> Any:
    raise ValueError("computed by its body")


def _structural(name: str, family: Any, title: str | None = None) -> Op[Any]:
    def stub(*inputs: Tensor) -> Tensor:
        raise AssertionError

    stub.__name__ = name
    return Op(stub, family, accepts=ALL, reference=_no_reference, title=title)


loop = _structural("loop", Looping(), "scan")
item = _structural("item", Items())
choice = _structural("choice", Choosing(), "ifelse")
branch = _structural("branch", Branching(), "ifelse")
#: The ops that have graphs of their own inside.
WITH_BODIES = (loop, branch)


def bodies_of(node: Tensor) -> tuple[Body, ...]:
    """The graphs inside a node."""
    one = node.attrs.get("body")
    found: tuple[Body, ...] = node.attrs.get("bodies", () if one is None else (one,))
    return found


def items_of(node: Tensor) -> tuple[TensorType, ...]:
    """The types of a node's results."""
    found: Any = node.type
    return found.items if isinstance(found, TupleType) else (found,)


def results_of(node: Tensor) -> list[Tensor]:
    """Every result of a node that has several."""
    with made_at(node.origin):
        return [item.make((node,), {"index": k}) for k in range(len(items_of(node)))]


def make_loop(
    body: Body,
    count: Tensor,
    sequences: Sequence[Tensor],
    states: Sequence[State],
    inits: Sequence[Tensor | None],
    invariants: Sequence[Tensor],
    *,
    reverse: bool = False,
    until: bool = False,
    truncate: int = -1,
    least: int = 0,
) -> Tensor:
    """The node of a loop. ``body`` takes one row of each sequence, the taps of each state in
    turn, and the invariants; it gives one row per state and, with ``until``, a 0-d bool.
    ``truncate``: how many iterations, from the last, a gradient goes back; -1 for all. ``least``:
    how many there must be at the call.

    Raises DTypeError or ShapeError when the types do not fit.
    """
    given = [x for x in inits if x is not None]
    attrs = {
        "body": body, "sequences": len(sequences), "states": tuple(states),
        "reverse": reverse, "until": until, "truncate": truncate,
        "least": least,
    }  # fmt: skip
    node = loop.make((*sequences, *given, *invariants, count), attrs)
    _check(node)
    return node


def _check(node: Tensor) -> None:
    """Whether variables, operands and results of a loop have types that fit."""
    parts, variables = parts_of(node), variables_of(node)
    pairs = list(zip(parts.sequences, variables.sequences, strict=True))
    for x, taps in zip(parts.states, variables.states, strict=True):
        pairs += [(x, v) for v in taps]
    rows = [(x.type, v, TensorType(v.dtype, (False, *v.broadcastable))) for x, v in pairs]
    whole = zip(parts.invariants, variables.invariants, strict=True)
    for found, v, wanted in rows + [(x.type, v, v.type) for x, v in whole]:
        if found.dtype != wanted.dtype or found.ndim != wanted.ndim:
            raise DTypeError(f"loop: {v!r} is a row of {found!r} but declared as {v.type!r}.")
    for y, taps in zip(node.attrs["body"].outputs, variables.states, strict=False):
        for v in taps:
            if y.type is not v.type:
                raise DTypeError(
                    f"loop: the state {v!r} is {v.type!r} before an iteration and {y.type!r} "
                    f"after it; made at {where_made(y)}."
                )
