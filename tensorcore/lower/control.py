"""Loops and branches: their bodies become Programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..graph import Graph
from ..node import Tensor, where_made
from ..ops.control import Body, items_of, parts_of, variables_of
from ..program import Carried, Loop, Program, Rows, SizeId, SlotId
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


def has_bodies(nodes: Iterable[Tensor]) -> bool:
    """Whether some node holds a graph of its own."""
    return any("body" in node.attrs or "bodies" in node.attrs for node in nodes)


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
    known = {i.attrs["index"]: slot_of(i) for i in items}
    results = [
        known[k] if k in known else new_slot(item.dtype, sizes.shape_of_item(node, k))
        for k, item in enumerate(items_of(node))
    ]
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
