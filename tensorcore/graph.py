"""Traversal and rebuilding of graphs, and ``Graph``, a frozen set of merged nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TensorcoreError
from .node import Tensor
from .origin import Origin, made_at
from .types import TensorType

if TYPE_CHECKING:
    from .ops._declare import Op


def toposort(outputs: Iterable[Tensor], stop: Iterable[Tensor] = ()) -> list[Tensor]:
    """All nodes that the outputs need, inputs before users; iterative, in a stable order.

    Nodes in ``stop`` are listed but not entered.
    """
    order: list[Tensor] = []
    done: set[int] = set()
    barrier = {id(node) for node in stop}
    stack: list[tuple[Tensor, bool]] = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if id(node) in done:
            continue
        if expanded or not node.inputs or id(node) in barrier:
            done.add(id(node))
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(node.inputs) if id(child) not in done)
    return order


def rebuild(node: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    """The node over other inputs, with its line and name kept; itself if nothing changed.

    The result type is computed anew, as the inputs' types may differ. Raises the op's own
    error when it does not take them.
    """
    if all(a is b for a, b in zip(node.inputs, inputs, strict=True)):
        return node
    assert node.op is not None
    with made_at(node.origin):
        fresh = node.op.make(inputs, node.attrs)
    fresh.name = node.name
    return fresh


def substitute(outputs: Sequence[Tensor], replace: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """The outputs with some nodes replaced, by identity; untouched parts stay the same."""
    new: dict[Tensor, Tensor] = dict(replace)
    for node in toposort(outputs, stop=replace):
        if node not in new:
            new[node] = rebuild(node, tuple(new[i] for i in node.inputs)) if node.inputs else node
    return [new[node] for node in outputs]


def variables(outputs: Iterable[Tensor]) -> list[Tensor]:
    """The variables (nodes without op, shared ones included) that the outputs depend on."""
    return [node for node in toposort(outputs) if node.op is None]


def applications(outputs: Iterable[Tensor], stop: Iterable[Tensor] = ()) -> list[Any]:
    """The owners of what the outputs need, up to the variables in ``stop``: each once, and after
    those that it needs itself."""
    found: dict[int, Any] = {}
    done = {id(node) for node in stop}
    stack: list[tuple[Tensor, Any]] = [(node, None) for node in reversed(list(outputs))]
    while stack:
        node, owner = stack.pop()
        if owner is not None:
            # The results of one application have one node in common.
            source = getattr(owner, "source", None)
            found.setdefault(id(node.inputs[0] if source is None else source), owner)
        elif id(node) not in done:
            done.add(id(node))
            owner = node.owner
            if owner is not None:
                stack.append((node, owner))
                stack.extend((x, None) for x in reversed(owner.inputs) if id(x) not in done)
    return list(found.values())


class Walked:
    """What programs ask a graph with ``inputs`` and ``outputs``, as Theano names it."""

    __slots__ = ()
    inputs: Any
    outputs: Any

    def toposort(self) -> list[Any]:
        """The applications of ops to others, in order; those of a loop are one."""
        return [owner for owner in applications(self.outputs) if owner.inputs]

    @property
    def apply_nodes(self) -> set[Any]:
        """The applications."""
        return set(self.toposort())

    @property
    def variables(self) -> set[Tensor]:
        """Inputs, constants, and results of applications."""
        found = {x for owner in self.toposort() for x in (*owner.inputs, *owner.outputs)}
        return {*self.inputs, *found, *self.outputs}

    def clients(self, r: Tensor) -> list[tuple[Any, int]]:
        """Who takes a variable, and as which input; ``("output", k)`` for an output."""
        users = [(node, k) for node in self.toposort() for k, x in enumerate(node.inputs) if x is r]
        return [*users, *(("output", k) for k, y in enumerate(self.outputs) if y is r)]


# -- frozen graphs --------------------------------------------------------------------------


def attrs_key(attrs: Mapping[str, Any]) -> Any:
    """What is the same for equal attributes, and can be hashed."""
    if not attrs:
        return ()
    return tuple(
        (name, (value.dtype.name, value.shape, value.tobytes()))
        if isinstance(value, np.ndarray)
        else (name, type(value), value)
        for name, value in attrs.items()
        if name != "literal"
    )


class Interner:
    """The table that merges equal nodes of one Graph and remembers where they came from."""

    def __init__(self) -> None:
        self._table: dict[Any, Tensor] = {}
        self._known: dict[int, Tensor] = {}
        # Ids are unique only among living objects, so what _known knows must stay alive.
        self._alive: list[Tensor] = []
        self.origins: dict[Tensor, list[Origin]] = {}

    def add(self, root: Tensor) -> Tensor:
        """The canonical node for ``root``; operands are cast as their ops compute them."""
        known = self._known
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in known:
                stack.pop()
                continue
            missing = [i for i in node.inputs if id(i) not in known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._alive.append(node)
            known[id(node)] = self._canonical(node)
        return known[id(root)]

    def _canonical(self, node: Tensor) -> Tensor:
        if node.op is None:
            return node
        inputs = tuple(self._known[id(i)] for i in node.inputs)
        cast = node.op.operands(inputs, node.attrs)
        if any(a is not b for a, b in zip(cast, inputs, strict=True)):
            with made_at(node.origin):
                cast = tuple(self.add(i) for i in cast)
        return self.node(node.op, cast, node.attrs, node.type, node)

    def node(
        self,
        op: Op[Any],
        inputs: tuple[Tensor, ...],
        attrs: Mapping[str, Any],
        type_: TensorType,
        like: Tensor,
    ) -> Tensor:
        """The one node with this op, these canonical inputs and attributes."""
        key = (op, tuple(map(id, inputs)), attrs_key(attrs), type_)
        found = self._table.get(key)
        if found is None:
            if like.inputs == inputs and like.op is op and like.attrs == attrs:
                found = like
            else:
                with made_at(like.origin):
                    found = Tensor(op, inputs, attrs, type_, like.name)
            self._table[key] = found
            self._known[id(found)] = found
        self.origins.setdefault(found, []).append(like.origin)
        return found


class Graph:
    """A frozen graph: inputs, outputs, and merged nodes in between.

    ``origins`` maps each node to all user lines that made a node merged into it.
    """

    __slots__ = ("inputs", "outputs", "interner")

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        interner: Interner | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.interner = interner or Interner()
        self.outputs = tuple(self.interner.add(node) for node in outputs)

    def toposort(self) -> list[Tensor]:
        """All nodes, inputs before users."""
        return toposort(self.outputs)

    def replaced(self, outputs: Sequence[Tensor]) -> Graph:
        """A graph with the same inputs and table, and other outputs."""
        return Graph(self.inputs, outputs, self.interner)

    def __repr__(self) -> str:
        return f"Graph({len(self.inputs)} inputs, {len(self.outputs)} outputs)"


class GraphError(TensorcoreError):
    """A graph that breaks its own rules; an error of tensorcore, not of the user."""
