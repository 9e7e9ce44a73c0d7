"""Loops and branches: their bodies become Programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..graph import Graph, substitute, toposort
from ..node import Tensor, is_constant
from ..ops.control import (
    Body,
    bodies_of,
    branch,
    choice,
    halves,
    item,
    items_of,
    on_one_side,
    parts_of,
    sides_of,
    variables_of,
)
from ..origin import made_at, where_made
from ..program import Branch, Carried, Loop, Program, Rows, SizeId, SlotId
from .sizes import SizeTable

SlotOf = Callable[[Tensor], SlotId]
NewSlot = Callable[[str, tuple[SizeId, ...]], SlotId]
#: Turns a graph without cells into a Program.
Lower = Callable[[Sequence[Tensor], Sequence[Tensor]], Program]


def with_bodies(graph: Graph, change: Callable[[Body], Body]) -> Graph:
    """The graph with the bodies inside its nodes changed."""
    new: dict[Tensor, Tensor] = {}
    for node in graph.toposort():
        inputs = tuple(new[i] for i in node.inputs)
        attrs = node.attrs
        if node.op is not None and "body" in attrs:
            attrs = {**attrs, "body": change(attrs["body"])}
        elif node.op is not None and "bodies" in attrs:
            attrs = {**attrs, "bodies": tuple(change(body) for body in attrs["bodies"])}
        same = attrs is node.attrs and inputs == node.inputs
        if same or node.op is None:
            new[node] = node
        else:
            new[node] = graph.interner.node(node.op, inputs, attrs, node.type, node)
    return graph.replaced([new[node] for node in graph.outputs])


def lazily(graph: Graph) -> Graph:
    """The graph with each choice made a branch: what only one of its sides needs moves inside.

    The choice that others depend on least comes first; those inside a side come when the side is
    lowered.
    """
    while True:
        order = graph.toposort()
        choices = [node for node in order if node.op is choice]
        if not choices:
            return graph
        node = choices[-1]
        new = {node: _branch(node, order, set(graph.outputs))}
        for n in order:
            if n not in new:
                inputs = tuple(new[i] for i in n.inputs)
                changed = n.op is not None and inputs != n.inputs
                new[n] = n if not changed else graph.interner.node(n.op, inputs, n.attrs, n.type, n)  # type: ignore[arg-type]
        graph = graph.replaced([new[n] for n in graph.outputs])


def _branch(node: Tensor, order: Sequence[Tensor], ends: set[Tensor]) -> Tensor:
    condition = node.inputs[0]
    bodies, operands = [], []
    for own, first in zip(sides_of(node), (True, False), strict=True):
        alone = _needed_only_by(node, first, order, ends)
        edge = list(
            dict.fromkeys(
                i for n in toposort(own, stop=()) if n in alone for i in n.inputs if i not in alone
            )
        )
        edge += [y for y in own if y not in alone and y not in edge]
        edge = [n for n in dict.fromkeys(edge) if not is_constant(n)]
        stand_ins = {n: n.type(n.name) for n in edge}
        bodies.append(Body(list(stand_ins.values()), substitute(own, stand_ins)))
        operands.append(list(stand_ins))
    attrs = {"bodies": tuple(bodies), "first": len(operands[0])}
    with made_at(node.origin):
        return branch.make((condition, *operands[0], *operands[1]), attrs)


def _needed_only_by(
    node: Tensor, first: bool, order: Sequence[Tensor], ends: set[Tensor]
) -> set[Tensor]:
    """The nodes that one side may compute for itself: both of two choices by one condition compute
    what both need rather than nobody can leave it out."""
    # The sizes of the results of other choices may depend on their conditions, and sizes are known
    # outside.
    closed = ends.union(n.inputs[0] for n in order if n.op is choice and n is not node)
    own = toposort(sides_of(node)[not first])
    closed.update(n for n in order if _once(n, order))
    alone = on_one_side(node, first, order, closed).intersection(own)
    # Results of a node that stays outside stay with it.
    return {n for n in alone if n.op is not item or n.inputs[0] in alone}


def _once(node: Tensor, order: Sequence[Tensor]) -> bool:
    """Whether it is code of a user that several nodes need the results of: it runs once."""
    host = node.op is not None and node.op.family.name == "host"
    return host and sum(node in user.inputs for user in order) > 1


def _results(
    node: Tensor,
    items: Sequence[Tensor],
    sizes: SizeTable,
    slot_of: SlotOf,
    new_slot: NewSlot,
) -> list[SlotId]:
    """A slot for each result of a node; ``items`` are those that somebody reads."""
    known = {i.attrs["index"]: slot_of(i) for i in items}
    return [
        known[k] if k in known else new_slot(result.dtype, sizes.shape_of_item(node, k))
        for k, result in enumerate(items_of(node))
    ]


def branch_step(
    node: Tensor,
    items: Sequence[Tensor],
    sizes: SizeTable,
    slot_of: SlotOf,
    new_slot: NewSlot,
    lower: Lower,
) -> Branch:
    """The step of a ``branch`` node; ``items`` are those of its results that somebody reads."""
    results = _results(node, items, sizes, slot_of, new_slot)
    first, second = node.attrs["bodies"]
    inputs = [tuple(slot_of(node.inputs[k]) for k in part) for part in halves(node)]
    return Branch(
        condition=slot_of(node.inputs[0]),
        bodies=(lower(first.inputs, first.outputs), lower(second.inputs, second.outputs)),
        inputs=(inputs[0], inputs[1]),
        outputs=tuple(results),
        origins=(where_made(node),),
    )


def has_bodies(nodes: Iterable[Tensor]) -> bool:
    """Whether some node holds a graph of its own."""
    return any(bodies_of(node) for node in nodes)


def is_leading_window(node: Tensor) -> bool:
    """Whether the node is every so-many-th row of its operand, from some row on."""
    named = node.op is not None and node.op.name == "window"
    return named and node.attrs["axes"] == (0,) and not node.attrs["index"]


def is_lone_row(node: Tensor) -> bool:
    """Whether the node is its operand with a new first axis, and so the same memory."""
    named = node.op is not None and node.op.name == "dimshuffle"
    return named and node.attrs["pattern"] == ("x", *range(node.inputs[0].ndim))


def buffer_behind(node: Tensor, k: int) -> Tensor:
    """The tensor whose buffer stands for operand ``k`` of a loop: a loop reads rows where they
    are, whatever window of a buffer they form."""
    operand = node.inputs[k]
    if k < node.attrs["sequences"]:
        while is_leading_window(operand):
            operand = operand.inputs[0]
    elif any(operand is x for x in parts_of(node).states) and is_lone_row(operand):
        operand = operand.inputs[0]
    return operand


def _rows(operand: Tensor, variable: SlotId, sizes: SizeTable, slot_of: SlotOf) -> Rows:
    offset, stride = sizes.zero, sizes.one
    while is_leading_window(operand):
        start, step = (sizes.integer(operand.inputs[k]) for k in (1, 3))
        offset = sizes.add(start, sizes.mul(step, offset))
        stride = sizes.mul(step, stride)
        operand = operand.inputs[0]
    return Rows(slot_of(operand), offset, stride, variable)


def loop_step(
    node: Tensor,
    items: Sequence[Tensor],
    sizes: SizeTable,
    slot_of: SlotOf,
    new_slot: NewSlot,
    lower: Lower,
) -> Loop:
    """The step of a ``loop`` node; ``items`` are those of its results that somebody reads."""
    body: Body = node.attrs["body"]
    program = lower(body.inputs, body.outputs)
    inner = dict(zip(body.inputs, program.inputs, strict=True))
    parts, variables = parts_of(node), variables_of(node)
    results = _results(node, items, sizes, slot_of, new_slot)
    states = node.attrs["states"]
    carried = []
    for k, (state, x, taps) in enumerate(zip(states, parts.states, variables.states, strict=True)):
        place = None if x is None else slot_of(x.inputs[0] if is_lone_row(x) else x)
        pairs = tuple((d, inner[v]) for d, v in zip(state.taps, taps, strict=True))
        ring = None
        if not state.keep:
            _, *row = sizes.shape_of_item(node, k)
            rows = sizes.const(state.depth + 1)
            ring = new_slot(items_of(node)[k].dtype, (rows, *row))
        carried.append(Carried(program.outputs[k], results[k], place, pairs, ring))
    until = node.attrs["until"]
    return Loop(
        iterations=sizes.integer(node.inputs[-1]),
        body=program,
        rows=tuple(
            _rows(x, inner[v], sizes, slot_of)
            for x, v in zip(parts.sequences, variables.sequences, strict=True)
        ),
        carried=tuple(carried),
        invariants=tuple(
            (slot_of(x), inner[v])
            for x, v in zip(parts.invariants, variables.invariants, strict=True)
        ),
        reverse=node.attrs["reverse"],
        until=program.outputs[len(states)] if until else None,
        done=results[len(states)] if until else None,
        origins=(where_made(node),),
    )
