"""Every dimension as an integer expression over the sizes and integers a call brings.

Expressions are interned and lightly normalised, so that equal sizes get equal ids. Where an op
demands that two sizes agree, a run-time check is recorded and from then on one stands for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .. import errors
from ..errors import ShapeError
from ..graph import toposort
from ..node import Tensor, is_constant
from ..ops.control import Body, items_of
from ..origin import arguments, label, source_line
from ..program import ARITHMETIC, HOLDS, Check, Size, SizeId, worded

_KINDS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "int_div": "floordiv",
    "mod": "mod",
    "minimum": "min",
    "maximum": "max",
    "neg": "neg",
    "abs": "abs",
}

#: A sum or product of more sizes than this is one term of a larger one, so that chains of them
#: stay linear in length.
_FLAT = 16


class SizeTable:
    """The sizes of one Program under construction; a ``SizeBuilder`` for the shape rules."""

    def __init__(self, slot_of: Callable[[Tensor], int]) -> None:
        self.entries: list[Size] = []
        self.checks: list[Check] = []
        self.shapes: dict[Tensor, tuple[SizeId, ...]] = {}
        self.values: dict[Tensor, SizeId] = {}
        self._ids: dict[Size, SizeId] = {}
        self._parent: list[SizeId] = []
        self._integers: dict[Tensor, SizeId] = {}
        self._slot_of = slot_of
        self.zero = self.const(0)
        self.one = self.const(1)

    # -- expressions --------------------------------------------------------------------

    def intern(self, size: Size) -> SizeId:
        """The id of this size."""
        found = self._ids.get(size)
        if found is None:
            found = self._ids[size] = len(self.entries)
            self.entries.append(size)
            self._parent.append(found)
        return found

    def const(self, value: int) -> SizeId:
        """A number."""
        return self.intern(Size("const", (int(value),)))

    def number(self, size: SizeId) -> int | None:
        """The value of a size that is known now."""
        entry = self.entries[self.find(size)]
        return entry.args[0] if entry.kind == "const" else None

    def find(self, size: SizeId) -> SizeId:
        """The size that stands for all that are demanded to equal this one."""
        parent = self._parent
        while parent[size] != size:
            parent[size] = parent[parent[size]]
            size = parent[size]
        return size

    def add(self, *sizes: SizeId) -> SizeId:
        """The sum."""
        return self.arith("add", *sizes)

    def sub(self, a: SizeId, b: SizeId) -> SizeId:
        """The difference."""
        return self.arith("sub", a, b)

    def mul(self, *sizes: SizeId) -> SizeId:
        """The product; of none, 1."""
        return self.arith("mul", *sizes)

    def arith(self, kind: str, *sizes: SizeId) -> SizeId:
        """Arithmetic, folded where the numbers are known."""
        args = [self.find(s) for s in sizes]
        known = [self.number(a) for a in args]
        if all(k is not None for k in known):
            return self.const(int(ARITHMETIC[kind](*known)))
        if kind in ("add", "mul"):
            return self._associative(kind, args)
        if kind == "sub":
            if known[1] == 0:
                return args[0]
            if args[0] == args[1]:
                return self.const(0)
        if kind in ("min", "max") and args[0] == args[1]:
            return args[0]
        if kind == "floordiv" and known[1] == 1:
            return args[0]
        short = self._clip(kind, args)
        return self.intern(Size(kind, tuple(args))) if short is None else short

    def _associative(self, kind: str, args: list[SizeId]) -> SizeId:
        unit = 0 if kind == "add" else 1
        constant, rest = unit, []
        for arg in args:
            entry = self.entries[arg]
            flat = entry.kind == kind and len(entry.args) < _FLAT
            for part in entry.args if flat else (arg,):
                value = self.number(part)
                if value is None:
                    rest.append(part)
                else:
                    constant = int(ARITHMETIC[kind](constant, value))
        if not rest or (kind == "mul" and constant == 0):
            return self.const(constant)
        if constant != unit:
            rest.append(self.const(constant))
        return rest[0] if len(rest) == 1 else self.intern(Size(kind, tuple(sorted(rest))))

    def _clip(self, kind: str, args: list[SizeId]) -> SizeId | None:
        """Bounds that hold because sizes are never negative, as in ``max(n, 0)``."""
        if kind not in ("min", "max"):
            return None
        for a, b in (args, args[::-1]):
            if self.entries[a].kind == "dim" and self.number(b) == 0:
                return a if kind == "max" else b
        return None

    # -- the SizeBuilder of the shape rules ---------------------------------------------

    def same(self, a: SizeId, b: SizeId, node: Tensor, what: str) -> SizeId:
        """Demand that two sizes are equal; returns the one to go on with."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return a
        message = check_message(node, f"{what} must be equal, found {{0}} and {{1}}")
        x, y = self.number(a), self.number(b)
        if x is not None and y is not None:
            raise ShapeError(worded(message, (x, y)))
        self.checks.append(Check("equal", (a, b), message))
        keep, drop = (b, a) if y is not None or (x is None and b < a) else (a, b)
        self._parent[drop] = keep
        return keep

    def demand(
        self,
        kind: str,
        sizes: tuple[SizeId, ...],
        node: Tensor,
        what: str,
        error: type[Exception] = ShapeError,
    ) -> None:
        """Demand another check; one on known numbers is decided now. Where ``what`` does not
        say the numbers, as ``{0}`` and ``{1}``, they follow it."""
        args = tuple(self.find(s) for s in sizes)
        if "{" not in what:
            what += "; found {0}" if len(args) == 1 else "; found {0} and {1}"
        message = check_message(node, what)
        known = [self.number(a) for a in args]
        if all(k is not None for k in known):
            if not HOLDS[kind](*known):
                raise error(worded(message, [k for k in known if k is not None]))
            return
        if kind == "nonnegative" and self._is_natural(args[0]):
            return
        check = Check(kind, args, message, error)
        if check not in self.checks[-8:]:
            self.checks.append(check)

    def _is_natural(self, size: SizeId) -> bool:
        entry = self.entries[size]
        if entry.kind == "max":
            return self.zero in entry.args
        return entry.kind == "dim"

    def integer(self, node: Tensor) -> SizeId:
        """The size that equals a 0-d integer tensor; iterative."""
        known = self._integers
        stack = [node]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            parts = size_parts(top)
            missing = [p for p in parts if p not in known]
            if missing:
                stack.extend(missing)
                continue
            known[top] = self._integer(top, [known[p] for p in parts])
            stack.pop()
        return known[node]

    def _integer(self, node: Tensor, parts: list[SizeId]) -> SizeId:
        name = node.op.name if node.op is not None else ""
        if is_constant(node):
            return self.const(int(node.attrs["value"]))
        if name == "size":
            return self.find(self.shapes[node.inputs[0]][node.attrs["axis"]])
        if not parts:
            size = self.intern(Size("value", (self._slot_of(node),)))
            self.values[node] = size
            return size
        if name in _KINDS:
            size = self.arith(_KINDS[name], *parts)
            if name == "mul":  # sums are exact on the way, also in our own bounds of slices
                what = "a size, which must fit into 64 bits"
                self.demand("within", (size,), node, what)
            return size
        if name == "switch":
            assert node.inputs[0].op is not None
            positive = self._positive(node.inputs[0].op.name, parts[0], parts[1])
            return self.arith("select", positive, parts[2], parts[3])
        if name == "checked":
            assert node.inputs[1].op is not None
            positive = self._positive(node.inputs[1].op.name, parts[0], parts[1])
            what = node.attrs["message"].format("{1}", "{2}")
            room = self.sub(positive, self.one)
            error = getattr(errors, node.attrs["error"])
            self.demand("nonnegative", (room, *parts[3:]), node, what, error)
            return parts[2]
        return parts[0]

    def _positive(self, comparison: str, a: SizeId, b: SizeId) -> SizeId:
        """A number that is positive exactly when the comparison holds."""
        high, low = (b, a) if comparison in ("lt", "le") else (a, b)
        difference = self.sub(high, low)
        return difference if comparison in ("lt", "gt") else self.add(difference, self.const(1))

    # -- shapes -------------------------------------------------------------------------

    def bind(self, node: Tensor, slot: int) -> None:
        """A variable whose sizes a call brings."""
        one = self.one
        shape = []
        for axis, known in enumerate(node.broadcastable):
            size = self.intern(Size("dim", (slot, axis)))
            if known:
                label = repr(node).replace("{", "{{").replace("}", "}}")
                what = f"axis {axis} of {label} is broadcastable: its size and 1"
                text = check_message(node, f"{what} must be equal, found {{0}} and {{1}}")
                self.checks.append(Check("equal", (size, one), text))
                size = one
            shape.append(size)
        self.shapes[node] = tuple(shape)

    def measure(self, nodes: Sequence[Tensor]) -> None:
        """Compute the shape of each node, inputs before users."""
        for node in nodes:
            if node in self.shapes:
                continue
            op = node.op
            assert op is not None
            inputs = [self.shapes[i] for i in node.inputs]
            self.shapes[node] = op.family.shape(op, node, inputs, self)

    def measured(self, expression: Tensor) -> tuple[SizeId, ...]:
        """The sizes of an expression over nodes that are measured; iterative."""
        stack = [expression]
        while stack:
            node = stack[-1]
            missing = [i for i in node.inputs if i not in self.shapes]
            if node in self.shapes:
                stack.pop()
            elif missing:
                stack.extend(missing)
            else:
                self.measure([stack.pop()])
        return self.shape(expression)

    def of_body(
        self,
        node: Tensor,
        body: Body,
        bound: Mapping[Tensor, tuple[SizeId, ...]],
        outer: Mapping[Tensor, Tensor],
    ) -> list[tuple[SizeId, ...]]:
        """See ``SizeBuilder``."""
        numbered: dict[Tensor, int] = {}
        inner = SizeTable(lambda n: numbered.setdefault(n, len(numbered)))
        for v in body.inputs:
            inner.bind(v, numbered.setdefault(v, len(numbered)))
        inner.measure([n for n in toposort(body.outputs) if n.op is not None])
        nodes = list(numbered)
        title = label(node)
        translated: dict[SizeId, SizeId] = {}
        wanted = [inner.shape(y) for y in body.outputs]
        for size in sorted({s for shape in wanted for s in shape}):
            for k in inner.behind(size):
                kind, args = inner.entries[k]
                if kind == "const":
                    translated[k] = self.const(args[0])
                elif kind == "dim":
                    translated[k] = self.find(bound[nodes[args[0]]][args[1]])
                elif kind == "value" and nodes[args[0]] in outer:
                    translated[k] = self.integer(outer[nodes[args[0]]])
                elif kind == "value":
                    inside = nodes[args[0]]
                    raise ShapeError(
                        f"{title}: the shape of a result depends on a value that is computed "
                        f"inside: {inside!r}, made at {source_line(inside.origin)}\n"
                        f"All iterations of a loop must give one shape; what gives the shape of "
                        f"a choice must be known before it."
                    )
                else:
                    translated[k] = self.arith(kind, *(translated[inner.find(a)] for a in args))
        return [tuple(translated[s] for s in shape) for shape in wanted]

    def behind(self, size: SizeId) -> list[SizeId]:
        """The sizes from which one is computed, and itself last, each by the one that stands
        for its equals."""
        found: set[SizeId] = set()
        order: list[SizeId] = []
        stack = [(self.find(size), False)]
        while stack:
            top, seen = stack.pop()
            if seen:
                order.append(top)
            elif top not in found:
                found.add(top)
                stack.append((top, True))
                kind, args = self.entries[top]
                if kind not in ("const", "dim", "value"):
                    stack.extend((self.find(a), False) for a in args)
        return order

    def shape(self, node: Tensor) -> tuple[SizeId, ...]:
        """The sizes of a node, each by the one that stands for its equals."""
        return tuple(self.find(s) for s in self.shapes[node])

    def shape_of_item(self, node: Tensor, index: int) -> tuple[SizeId, ...]:
        """The sizes of one result of a node that has several."""
        ranks = [item.ndim for item in items_of(node)]
        start = sum(ranks[:index])
        return tuple(self.find(s) for s in self.shapes[node][start : start + ranks[index]])

    def depends(self) -> Mapping[SizeId, frozenset[int]]:
        """For each size, the slots whose values it reads."""
        result: dict[SizeId, frozenset[int]] = {}
        for index, size in enumerate(self.entries):
            if size.kind == "value":
                result[index] = frozenset(size.args)
            elif size.kind in ("const", "dim"):
                result[index] = frozenset()
            else:
                result[index] = frozenset().union(*(result[a] for a in size.args))
        return result


def size_parts(node: Tensor) -> tuple[Tensor, ...]:
    """The 0-d integers from which size arithmetic computes this one; none when its value is
    read from memory. Arithmetic in few bits, which may wrap around, is no size arithmetic."""
    name = node.op.name if node.op is not None else ""
    if name == "cast":
        source = node.inputs[0]
        kept = _wide(node) or np.can_cast(source.dtype, node.dtype)
        return node.inputs if _whole(source) and kept else ()
    if name in _KINDS:
        return node.inputs if _wide(node) and all(_whole(i) for i in node.inputs) else ()
    if name == "switch" and (pair := _comparison(node.inputs[0])) is not None:
        return (*pair, *node.inputs[1:])
    if name == "checked" and (pair := _comparison(node.inputs[1])) is not None:
        return (
            (*pair, node.inputs[0], *node.inputs[2:]) if all(map(_whole, node.inputs[2:])) else ()
        )
    return ()


def _whole(node: Tensor) -> bool:
    return node.ndim == 0 and node.dtype.startswith(("int", "uint"))


def _wide(node: Tensor) -> bool:
    return node.dtype in ("int32", "int64")


def _comparison(node: Tensor) -> tuple[Tensor, ...] | None:
    if node.op is None or node.op.name not in ("lt", "le", "gt", "ge"):
        return None
    return node.inputs if all(_whole(i) for i in node.inputs) else None


def check_message(node: Tensor, text: str) -> str:
    """The words, the node and the user's line; ``{0}`` and ``{1}`` stand for numbers."""
    op = node.op
    if op is None:
        name, data, hint = "input", node.inputs, ""
    else:
        name, data = label(node), node.inputs[: op.family.data]
        hint = "{stretch}" if op.family.name == "elementwise" and len(data) > 1 else ""
    tail = f"\n  made at {source_line(node.origin)}"
    given = tuple(arguments(node))
    operands = "operands"
    if op is not None and given and set(given) != {i for i in data if i.inputs or i.op is None}:
        tail += f"\n  it was given: {_listed(given)}"
        operands = f"operands of its {op.title}" if "(" in name else operands
    if data and (op is None or op.family.name != "checked"):
        tail += f"\n  {operands}: {_listed(data)}"
    return f"{name}: {text}.{hint}" + tail.replace("{", "{{").replace("}", "}}")


def _listed(nodes: Sequence[Tensor]) -> str:
    return ", ".join(f"{node!r} {node.type!r}" for node in nodes[:4])
