"""Expand the ops that a backend does not take into ops that it does."""

from __future__ import annotations

from typing import Any

from ..backend import Capabilities
from ..errors import UnsupportedOp
from ..graph import Graph
from ..node import Tensor, is_constant
from ..ops import OPS, Op
from ..ops.contraction import contract, matrix_form
from ..ops.control import WITH_BODIES, item
from ..ops.host import on_host
from ..ops.movement import dimshuffle
from ..origin import inside, made_at, where_made
from ..program import Call, Program, all_steps
from .access import INLINE, TRANSPARENT

#: Primitives that become kernels, views or sizes, so that a fusing backend needs no call.
_EXPRESSED = frozenset({"elementwise", "cast", "checked", "reduction", "movement", "dimshuffle",
                        "reshape", "broadcast_to", "join", "window", "window_update", "constant",
                        "counter", "size", "gather", "scatter", "cumulative", "positions",
                        "unfold", "fold"})  # fmt: skip
#: What a fusing backend always takes as a call.
_BASIC_CALLS = frozenset({"contract"})
#: What kernels read through or index by, so that a fusing backend cannot do without.
_STRUCTURE = TRANSPARENT | INLINE | {"reshape_to", "gather"}


def legalize(graph: Graph, takes: Capabilities, lend: bool = False) -> Graph:
    """The graph in which each op is one the backend takes.

    With ``lend``, ops that it lacks become steps of the reference, where the backend can call
    Python between its own. Raises UnsupportedOp with the table of everything that is missing.
    """
    intern = graph.interner.add
    done: dict[Tensor, Tensor] = {}
    missing: dict[str, str] = {}
    stack = list(reversed(graph.outputs))
    expanded: dict[Tensor, Tensor] = {}
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        target = expanded.get(node)
        if target is not None and target in done:
            done[node] = done[target]
            stack.pop()
            continue
        pending = [i for i in (node.inputs if target is None else (target,)) if i not in done]
        if pending:
            stack.extend(pending)
            continue
        fresh = node
        if node.inputs and node.op is not None:
            inputs = tuple(done[i] for i in node.inputs)
            if any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                fresh = graph.interner.node(node.op, inputs, node.attrs, node.type, node)
        better = _expand(fresh, takes)
        if better is None:
            if lend and lacks(fresh.op, takes) and _lendable(fresh, takes):
                assert fresh.op is not None
                op = on_host(fresh.op)
                fresh = graph.interner.node(op, fresh.inputs, fresh.attrs, fresh.type, fresh)
            else:
                _require(fresh, takes, missing)
            done[node] = done[fresh] = fresh
        else:
            expanded[node] = intern(better)
    if missing:
        rows = "\n".join(f"  {what}: {why}" for what, why in missing.items())
        raise UnsupportedOp(f"not everything in this graph runs there:\n{rows}")
    return graph.replaced([done[node] for node in graph.outputs])


def _expand(node: Tensor, takes: Capabilities) -> Tensor | None:
    op = node.op
    if op is None or takes.calls is None or op.name in takes.calls or op in (*WITH_BODIES, item):
        return None
    with made_at(inside(node)):
        if op.body is not None:
            body = op.expand(node.inputs, node.attrs)
            from ..ops.elementwise import cast_to

            return cast_to(body, node.dtype)
        if op.name == "contract" and takes.fuses:
            return _mergeable(node)
    return None


def _require(node: Tensor, takes: Capabilities, missing: dict[str, str]) -> None:
    if node.dtype not in takes.dtypes and node.op not in WITH_BODIES:
        why = takes.unsupported.get(node.dtype, "")
        needed = f"needed by {node!r}, made at {where_made(node)}"
        missing[f"dtype {node.dtype}"] = f"{why}, {needed}" if why else needed
    reason = lacks(node.op, takes)
    if reason:
        assert node.op is not None
        missing[f"op {node.op.name}"] = f"{reason}, made at {where_made(node)}"


def lacks(op: Op[Any] | None, takes: Capabilities) -> str:
    """Why the backend does not run an op that has no expansion; empty when it does."""
    if op is None or takes.calls is None or op in (*WITH_BODIES, item):
        claimed = True
    elif takes.fuses:
        claimed = op.family.name in _EXPRESSED or op.name in (takes.calls | _BASIC_CALLS)
        claimed = claimed or (op.host and takes.host_calls)
    else:
        claimed = op.host or op.name in takes.calls or op.name in ("constant", "size")
    if op is not None and op.name in takes.unsupported and not op.host:
        return takes.unsupported[op.name] or "declared unsupported"
    return "" if claimed else "the backend has no such op"


def fallbacks(program: Program, takes: Capabilities) -> dict[str, str]:
    """The ops of a Program that the reference computes because the backend lacks them, and why."""
    lent = [step.op for _, step in all_steps(program) if isinstance(step, Call) and step.host]
    return {name: lacks(OPS[name], takes) for name in lent if not OPS[name].host}


def _lendable(node: Tensor, takes: Capabilities) -> bool:
    """Whether the reference can compute a node between the steps of the backend."""
    if node.op is None or is_constant(node) or {node.dtype} - set(takes.dtypes):
        return False
    return not takes.fuses or (takes.host_calls and node.op.name not in _STRUCTURE)


def _adjacent(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether the labels stand side by side and in order, so that they act as one axis."""
    if not part:
        return True
    start = whole.index(part[0])
    return whole[start : start + len(part)] == part


def _mergeable(node: Tensor) -> Tensor | None:
    """A contraction whose roles (batch, rows, columns, summed) are each one run of axes in
    every operand, by transposing operands or the result; None when it is so already."""
    a, b, out = node.attrs["a"], node.attrs["b"], node.attrs["out"]
    batch, rows, columns, summed = _roles(a, b, out)
    x, y = node.inputs
    fits_a = all(_adjacent(p, a) for p in (batch, rows, summed)) and not _ends(batch, a)
    fits_b = all(_adjacent(p, b) for p in (batch, columns, summed)) and not _ends(batch, b)
    fits_out = all(_adjacent(p, out) for p in (batch, rows, columns)) and not _ends(batch, out)
    if fits_a and fits_b and fits_out:
        return None
    if not fits_a:
        order = batch + rows + summed
        x, a = dimshuffle(x, tuple(a.index(i) for i in order)), order
    if not fits_b:
        order = batch + summed + columns
        y, b = dimshuffle(y, tuple(b.index(i) for i in order)), order
    if fits_out:
        return contract(x, y, a=a, b=b, out=out)
    order = batch + rows + columns
    product = contract(x, y, a=a, b=b, out=order)
    return dimshuffle(product, tuple(order.index(i) for i in out))


def _roles(
    a: tuple[int, ...], b: tuple[int, ...], out: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    """The labels by role, each role in the order of the tensor with the most axes that has it.

    That one is most likely the largest, and stays as it is: the windows of a convolution do, and
    its filters are copied.
    """
    batch, rows, columns, summed = matrix_form(a, b, out)
    holders = ((out, a, b), (out, a), (out, b), (a, b))
    return tuple(
        tuple(label for label in max(having, key=len) if label in role)
        for role, having in zip((batch, rows, columns, summed), holders, strict=True)
    )


def _ends(batch: tuple[int, ...], labels: tuple[int, ...]) -> bool:
    return bool(batch) and len(labels) > len(batch) and labels[-1] == batch[-1]
