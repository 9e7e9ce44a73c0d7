"""Expressions computed for a whole batch of one variable's values: one rule per family of ops.

A Jacobian is the batch of vector-Jacobian products with all unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import NullTypeGradError
from .graph import rebuild, toposort
from .node import Tensor
from .ops.control import Body, make_loop, parts_of, variables_of
from .ops.elementwise import cast_to
from .ops.movement import OP_RESHAPE, broadcast_to, dimshuffle, shape_list
from .origin import made_at, where_made
from .types import TensorType


class Operand(NamedTuple):
    """A tensor of the batched expression, and whether its first axis is the batch."""

    tensor: Tensor
    batched: bool


Rule = Callable[[Tensor, Sequence[Operand], Tensor], Operand]


def batched(rows: Sequence[Tensor], values: Mapping[Tensor, Tensor], n: Tensor) -> list[Tensor]:
    """The expressions ``rows`` for many values of some of their nodes at once.

    ``values`` has, by node, its values along a new first axis of size ``n`` (a 0-d int64); each
    result has that axis too, whether or not it depends on them. What does not is computed once.
    Raises NullTypeGradError where an op has no batching rule.
    """
    done: dict[Tensor, Operand] = {}
    for u, units in values.items():
        flags = (False, *u.broadcastable)
        if units.broadcastable != flags:
            sizes = (n, *shape_list(units)[1:])
            units = OP_RESHAPE.make((units, *sizes), {"broadcastable": flags})
        done[u] = Operand(units, True)
    bodies: dict[Tensor, Tensor] = {}
    stack = list(reversed(rows))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        body = bodies.get(node)
        missing = [i for i in (node.inputs if body is None else (body,)) if i not in done]
        if missing:
            stack.extend(missing)
            continue
        if body is not None:
            done[node] = done[body]
            continue
        with made_at(node.origin):
            operands = [done[i] for i in node.inputs]
            if any(operand.batched for operand in operands):
                _apply(node, operands, n, done, bodies)
            else:
                done[node] = Operand(rebuild(node, tuple(t for t, _ in operands)), False)
    return [_repeated(done[row], n) for row in rows]


def _apply(
    node: Tensor,
    operands: Sequence[Operand],
    n: Tensor,
    done: dict[Tensor, Operand],
    bodies: dict[Tensor, Tensor],
) -> None:
    assert node.op is not None
    rule = _RULES.get(node.op.family.name)
    if rule is not None:
        done[node] = rule(node, operands, n)
    elif node.op.body is not None:
        bodies[node] = cast_to(node.op.expand(node.inputs, node.attrs), node.dtype)
    else:
        raise NullTypeGradError(
            f"{node.op.name} (made at {where_made(node)}) cannot be computed for a batch, so "
            f"no Jacobian goes through it. Compute the rows one by one with grad."
        )


def _repeated(operand: Operand, n: Tensor) -> Tensor:
    """The tensor with a batch axis, repeated along it when it had none."""
    t, has_batch = operand
    if has_batch:
        return t
    flags = (False, *t.broadcastable)
    return broadcast_to.make((t, n, *shape_list(t)), {"broadcastable": flags})


def _widened(operand: Operand, ndim: int) -> Tensor:
    """A batched operand with axes of size 1 behind the batch, so that the others, ``ndim`` of
    them, stay aligned at the right."""
    t, has_batch = operand
    new = ndim + 1 - t.ndim
    if not has_batch or not new:
        return t
    return dimshuffle(t, (0, *("x",) * new, *range(1, t.ndim)))


def _make(node: Tensor, inputs: Sequence[Tensor], **changed: Any) -> Operand:
    assert node.op is not None
    return Operand(node.op.make(tuple(inputs), {**node.attrs, **changed}), True)


def _sizes(node: Tensor, operands: Sequence[Operand]) -> tuple[Tensor, ...]:
    """The size operands, which must be the same for the whole batch."""
    if any(size.batched for size in operands[1:]):
        assert node.op is not None
        raise NullTypeGradError(
            f"{node.op.name} (made at {where_made(node)}): its sizes depend on the values over "
            f"which a batch is made, so the entries of the batch have no common shape."
        )
    return tuple(size.tensor for size in operands[1:])


def _shifted(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in axes)


def _elementwise(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    return _make(node, [_widened(operand, node.ndim) for operand in operands])


def _axes(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    return _make(node, [operands[0].tensor], axes=_shifted(node.attrs["axes"]))


def _dimshuffle(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    pattern = (0, *(a if a == "x" else a + 1 for a in node.attrs["pattern"]))
    return _make(node, [operands[0].tensor], pattern=pattern)


def _reshape(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    inputs = (operands[0].tensor, n, *_sizes(node, operands))
    return _make(node, inputs, broadcastable=(False, *node.broadcastable))


def _broadcast_to(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    inputs = (_widened(operands[0], node.ndim), n, *_sizes(node, operands))
    return _make(node, inputs, broadcastable=(False, *node.broadcastable))


def _window(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    inputs = (operands[0].tensor, *_sizes(node, operands))
    places = {name: _shifted(node.attrs[name]) for name in ("axes", "index") if name in node.attrs}
    return _make(node, inputs, **places)


def _window_update(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    sizes = _sizes(node, operands[1:])
    parts = [_repeated(operands[0], n), _widened(operands[1], node.ndim)]
    if not operands[1].batched:
        parts[1] = dimshuffle(parts[1], ("x", *range(node.ndim)))
    return _make(node, [*parts, *sizes], axes=_shifted(node.attrs["axes"]))


def _behind(t: Tensor, count: int) -> Tensor:
    """The first axis moved behind the next ``count``."""
    return dimshuffle(t, (*range(1, count + 1), 0, *range(count + 1, t.ndim)))


def _in_front(t: Tensor, count: int) -> Operand:
    """The reverse of ``_behind``."""
    return Operand(dimshuffle(t, (count, *range(count), *range(count + 1, t.ndim))), True)


def _gather(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    indices = _sizes(node, operands)  # the same for the whole batch, as sizes are
    x = _behind(operands[0].tensor, len(indices))
    return _in_front(_make(node, [x, *indices]).tensor, indices[0].ndim)


def _scatter(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    indices = _sizes(node, operands[1:])
    base = _behind(_repeated(operands[0], n), len(indices))
    value, has_batch = operands[1]
    if not has_batch:
        value = dimshuffle(value, ("x", *range(value.ndim)))
    made = _make(node, [base, _behind(value, indices[0].ndim), *indices])
    return _in_front(made.tensor, len(indices))


def _cumulative(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    parts = [_repeated(operand, n) for operand in operands]
    return _make(node, parts, axis=node.attrs["axis"] + 1)


def _join(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    return _make(node, [_repeated(part, n) for part in operands], axis=node.attrs["axis"] + 1)


def _contract(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    labels = [node.attrs["a"], node.attrs["b"]]
    batch = 1 + max((*labels[0], *labels[1]), default=0)
    a, b = (
        (batch, *old) if operand.batched else old
        for old, operand in zip(labels, operands, strict=True)
    )
    return _make(node, [t for t, _ in operands], a=a, b=b, out=(batch, *node.attrs["out"]))


def _size(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    size, _ = _make(node, [operands[0].tensor], axis=node.attrs["axis"] + 1)
    return Operand(size, False)


def _loop(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    """Each iteration for the whole batch at once: rows of sequences and states get its axis."""
    parts = parts_of(node)
    of = dict(zip(node.inputs, operands, strict=True))
    variables = variables_of(node)
    body: Body = node.attrs["body"]
    values: dict[Tensor, Tensor] = {}

    def batch_of(v: Tensor, has_batch: bool) -> Tensor:
        if not has_batch:
            return v
        values[v] = TensorType(v.dtype, (False, *v.broadcastable))(v.name)
        return values[v]

    pairs = zip(parts.sequences, variables.sequences, strict=True)
    inputs = [batch_of(v, of[x].batched) for x, v in pairs]
    inputs += [batch_of(v, True) for taps in variables.states for v in taps]
    pairs = zip(parts.invariants, variables.invariants, strict=True)
    inputs += [batch_of(v, of[x].batched) for x, v in pairs]
    count = len(node.attrs["states"])
    if of[node.inputs[-1]].batched:
        raise NullTypeGradError("scan: the number of iterations is not the same for the batch.")
    size = n.type("n")
    ends = batched(body.outputs[:count], values, size)
    if node.attrs["until"]:
        if _depends(body.outputs[count], values):
            raise NullTypeGradError("scan: the condition is not the same for the whole batch.")
        ends.append(body.outputs[count])
    inner = Body([*inputs, size], ends)
    rows = [_behind(of[x].tensor, 1) if of[x].batched else x for x in parts.sequences]
    inits = [None if x is None else _behind(_repeated(of[x], n), 1) for x in parts.states]
    given = [*(of[x].tensor for x in parts.invariants), n]
    attrs = node.attrs
    made = make_loop(
        inner, node.inputs[-1], rows, attrs["states"], inits, given, reverse=attrs["reverse"],
        until=attrs["until"], truncate=attrs["truncate"], least=attrs["least"],
    )  # fmt: skip
    return Operand(made, True)


def _depends(y: Tensor, values: Mapping[Tensor, Tensor]) -> bool:
    return any(n in values for n in toposort([y]))


def _item(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    result = _make(node, [operands[0].tensor]).tensor
    if node.ndim == 0:  # the number of iterations
        return Operand(result, False)
    return _in_front(result, 1)


def _matrices(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    parts = (t if batch else dimshuffle(t, ("x", *range(t.ndim))) for t, batch in operands)
    return _make(node, list(parts))


def _transforms(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    return _make(node, [operands[0].tensor, *_sizes(node, operands)])


def _host(node: Tensor, operands: Sequence[Operand], n: Tensor) -> Operand:
    return operands[0]  # what Python code does with a value, it does not do with a batch


_RULES: dict[str, Rule] = {
    "elementwise": _elementwise,
    "cast": _elementwise,
    "checked": _elementwise,
    "reduction": _axes,
    "along axes": _axes,
    "dimshuffle": _dimshuffle,
    "reshape": _reshape,
    "broadcast_to": _broadcast_to,
    "window": _window,
    "window_update": _window_update,
    "gather": _gather,
    "scatter": _scatter,
    "cumulative": _cumulative,
    "join": _join,
    "contraction": _contract,
    "size": _size,
    "host": _host,
    "matrices": _matrices,
    "transforms": _transforms,
    "loop": _loop,
    "item": _item,
}
