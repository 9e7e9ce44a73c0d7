"""Derivatives of graphs, from one rule per op (its vector-Jacobian product)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .bundles import any_bundle, bundled_gradient
from .errors import DisconnectedInputError, DTypeError, NullTypeGradError, RankError, ShapeError
from .gradient_control import (
    NullGradient,
    consider_constant,
    disconnected_grad,
    grad_clip,
    grad_not_implemented,
    grad_scale,
    grad_undefined,
    with_gradient,
    zero_grad,
)
from .graph import substitute, toposort, variables
from .ifelse import choice_gradient
from .loop_gradient import loop_gradient
from .node import Tensor, as_tensor
from .ops.barriers import clipped_grad, own_grad
from .ops.complexes import in_dtype
from .ops.composites import fill
from .ops.control import choice as choice_op
from .ops.control import item as item_op
from .ops.control import loop as loop_op
from .ops.control import on_one_side, parts_of, sides_of, variables_of
from .ops.creation import iota
from .ops.elementwise import add, cast
from .ops.foreign import call_python, python_gradient, result_of_python
from .ops.logic import eq
from .ops.movement import dimshuffle, reshape_to, shape_list, sum_to
from .origin import warn, where_made
from .testing_values import no_test_values
from .verify_grad import verify_grad

__all__ = [
    "Lop", "NullGradient", "Rop", "backward", "consider_constant", "disconnected_grad", "grad",
    "grad_clip", "grad_not_implemented", "grad_scale", "grad_undefined", "hessian", "jacobian",
    "subgraph_grad", "verify_grad", "with_gradient", "zero_grad",
]  # fmt: skip
Cotangents = dict[Tensor, Tensor]
#: The gradients of nodes with several results, from those of the results by number.
_SEVERAL: dict[Any, Any] = {loop_op: loop_gradient, call_python: python_gradient}
_CONSTANTS = "grad: consider_constant"


def _describe(node: Tensor) -> str:
    return f"{node!r} ({node.type!r}, made at {where_made(node)})"


def _listed(wrt: Any, what: str) -> tuple[list[Tensor], bool]:
    many = isinstance(wrt, (list, tuple))
    items = list(wrt) if many else [wrt]
    for item in items:
        if not isinstance(item, Tensor):
            raise TypeError(
                f"{what} must hold tensors, found {type(item).__name__} ({item!r:.60})."
            )
    return items, many


def _known_grads(known: Any, what: str) -> dict[Tensor, Tensor]:
    """Gradients that are given, as a dict from nodes; raises TypeError or ShapeError."""
    if not isinstance(known, Mapping) or any(not isinstance(n, Tensor) for n in known):
        raise TypeError(f"{what} is a dict from tensors to their gradients, found {known!r:.60}.")
    return {node: _known(node, as_tensor(g)) for node, g in known.items()}


def _points(points: Any, of: Sequence[Tensor], what: str, named: str) -> list[Any]:
    listed = list(points) if isinstance(points, (list, tuple)) else [points]
    if len(listed) != len(of):
        raise ValueError(f"{what}: {len(of)} tensors in {named} but {len(listed)} eval_points.")
    return listed


def _match(g: Tensor, x: Tensor) -> Tensor:
    """A cotangent in the type of ``x``: stretched axes summed, dtype cast."""
    g = sum_to(g, x) if g.ndim >= x.ndim else g
    if g.broadcastable != x.broadcastable:
        g = reshape_to.make((g, *shape_list(x)), {"broadcastable": x.broadcastable})
    return in_dtype(g, x.dtype)


def _contributions(
    node: Tensor, g: Tensor, needed: set[Tensor], null: str
) -> Iterable[tuple[Tensor, Tensor]]:
    op = node.op
    assert op is not None
    if op.vjp is not None:
        parts: Any = op.vjp(g, node, *node.inputs)
        if not isinstance(parts, (tuple, list)):
            parts = (parts,)
    elif op.body is not None:
        yield from _through_body(node, g, needed, null)
        return
    elif not op.differentiable:
        return
    else:
        raise NullTypeGradError(
            f"{op.name} declares no gradient; {_describe(node)}. Declare one with "
            f"{op.name}.gradient, or stop the gradient there with consider_constant."
        )
    for place, (x, part) in enumerate(zip(node.inputs, parts, strict=True)):
        if x not in needed or not dtypes.is_float(x.dtype):
            continue
        if place in op.no_gradient:
            part = grad_not_implemented(op, place, x)
        made = part() if callable(part) else part
        if isinstance(made, NullGradient):
            made = _null(made, node, x, null)
        if made is not None:
            yield x, _match(as_tensor(made), x)


def _null(made: NullGradient, node: Tensor, x: Tensor, policy: str) -> Tensor:
    if policy == "raise":
        raise NullTypeGradError(
            f"{made.reason.strip()} It is needed at {_describe(node)}. Pass "
            f"null_gradients='return' to get NaN there, or stop the gradient with "
            f"disconnected_grad."
        )
    return fill(x, np.asarray(np.nan, dtype=x.dtype))


def _through_body(
    node: Tensor, g: Tensor, needed: set[Tensor], null: str
) -> Iterable[tuple[Tensor, Tensor]]:
    """The default for a composite: the gradient of its body."""
    assert node.op is not None
    body = node.op.expand(node.inputs, node.attrs)
    wrt = [x for x in node.inputs if x in needed]
    yield from backward({body: g}, wrt, null=null).items()


def backward(
    seeds: Mapping[Tensor, Tensor],
    wrt: Sequence[Tensor],
    stop: Iterable[Tensor] = (),
    null: str = "raise",
) -> Cotangents:
    """Cotangents of ``wrt`` when the nodes in ``seeds`` have the given cotangents.

    Nothing flows into the nodes in ``stop``. Variables that are not reached are left out.
    """
    found, barrier = _flow(seeds, wrt, stop, null), set(stop)
    return {x: found[x] for x in wrt if x in found and x not in barrier}


def _flow(
    seeds: Mapping[Tensor, Tensor],
    wrt: Sequence[Tensor],
    stop: Iterable[Tensor],
    null: str,
    order: Sequence[Tensor] | None = None,
) -> Cotangents:
    """The cotangents of all nodes on the way to ``wrt``; those in ``stop`` pass nothing on.
    ``order``: the nodes to go through, where these are not all below the seeds."""
    barrier = set(stop)
    order = toposort(seeds) if order is None else order
    pinned = barrier.union(wrt, seeds)
    needed = _users(order, wrt, barrier)
    found: Cotangents = {}
    parts: dict[Tensor, dict[int, Tensor]] = {}  # cotangents of nodes with several results
    for node, g in seeds.items():
        found[node] = _match(g, node)
    for node in reversed(order):
        if node in parts and node in needed and node not in barrier:
            pairs: list[tuple[Tensor, Any]] = (
                _through_choice(node, parts[node], needed, order, pinned, null)
                if node.op is choice_op
                else _SEVERAL[node.op](node, parts[node], needed)
            )
            for x, part in pairs:
                if isinstance(part, NullGradient):
                    part = _null(part, node, x, null)
                if part is None or not dtypes.is_float(x.dtype):
                    continue
                part = _match(as_tensor(part), x)
                found[x] = add(found[x], part) if x in found else part
            continue
        g_node = found.get(node)
        if g_node is None or node.op is None or node in barrier or node not in needed:
            continue
        if node.op in (item_op, result_of_python):
            several, k = parts.setdefault(node.inputs[0], {}), node.attrs["index"]
            several[k] = add(several[k], g_node) if k in several else g_node
            continue
        for x, part in _contributions(node, g_node, needed, null):
            found[x] = add(found[x], part) if x in found else part
    return found


def _through_choice(
    node: Tensor,
    given: Mapping[int, Tensor],
    needed: set[Tensor],
    order: Sequence[Tensor],
    pinned: set[Tensor],
    null: str,
) -> list[tuple[Tensor, Tensor]]:
    """Pairs of a tensor and its cotangent. What only one side is made of has its gradient on that
    side, so that the gradients are as lazy as the values."""
    flows: list[Cotangents] = []
    passing = [n for n in order if n in needed]
    for own, first in zip(sides_of(node), (True, False), strict=True):
        seeds: Cotangents = {}
        for k, g in given.items():
            x = own[k]
            if x in needed and dtypes.is_float(x.dtype):
                seeds[x] = add(seeds[x], g) if x in seeds else g
        within = on_one_side(node, first, passing, pinned)
        alone = [n for n in order if n in within]
        edge = [i for n in alone for i in n.inputs if i in needed and i not in within]
        edge = list(dict.fromkeys([*edge, *(x for x in seeds if x not in within)]))
        flow = _flow(seeds, edge, edge, null, [*edge, *alone])
        flows.append({x: flow[x] for x in edge if x in flow})
    return choice_gradient(node, (flows[0], flows[1]))


def _users(
    order: Iterable[Tensor], nodes: Iterable[Tensor], barrier: Iterable[Tensor] = ()
) -> set[Tensor]:
    """The nodes, and what depends on them."""
    closed, found = set(barrier), set(nodes)
    for node in order:
        if node not in closed and any(i in found for i in node.inputs):
            found.add(node)
    return found


def _where_it_stops(x: Tensor, seeds: Iterable[Tensor], found: Cotangents) -> str:
    """The ops that a gradient reached on its way to ``x`` and that passed none on."""
    order = toposort(seeds)
    below = _users(order, [x])
    ends = []
    for node in order:
        if node in found and node in below and node is not x:
            following = [i for i in node.inputs if i in below]
            if following and not any(i in found for i in following):
                # A cast of what is not floating only shows that the flow ended before it.
                end = following[0] if node.op is cast and following[0].op else node
                ends.append(f"{end!r}, made at {where_made(end)}")
    return "; ".join(dict.fromkeys(ends))


def _missing(x: Tensor, costs: Sequence[Tensor], policy: str, stops: str = "") -> Tensor:
    reason = "an integer or bool has no gradient" if not dtypes.is_float(x.dtype) else ""
    if not reason:
        inside = x in set(toposort(costs)) or not set(costs).isdisjoint(toposort([x]))
        reason = "neither is part of the computation of the other"
        if inside:
            reason = "every path between them passes through an op without gradient"
            reason += f"; it stops at {stops}" if stops else ""
    message = (
        f"no gradient flows between {', '.join(map(_describe, costs))} and {_describe(x)}: "
        f"{reason}. Pass disconnected_inputs='ignore' to get zeros."
    )
    if policy == "raise":
        raise DisconnectedInputError(message)
    if policy == "warn":
        warn(message)
    dtype = x.dtype if dtypes.is_float(x.dtype) else "float64"
    return fill(x, np.asarray(0, dtype=dtype))


def grad(
    cost: Tensor | None,
    wrt: Any,
    consider_constant: Iterable[Tensor] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Tensor, Any] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """The gradient of a scalar ``cost`` with respect to ``wrt``, a tensor or a list.

    Each result has the type of its ``wrt``; with ``add_names``, the name ``(dcost/dx)`` where both
    have one. ``consider_constant``: nodes through which nothing flows. ``known_grads``: cotangents
    of nodes, beside or in place of the cost (then None). ``disconnected_inputs``: ``raise``,
    ``warn`` or ``ignore``; ``return_disconnected``: then
    ``zero`` or ``none``. ``null_gradients``: whether a derivative that does not exist raises
    (``raise``) or is NaN (``return``). Raises ShapeError for a cost that is no scalar,
    DTypeError for an integer cost, DisconnectedInputError, NullTypeGradError.
    """
    from .rewrite.stabilize import raised

    if any_bundle(wrt):
        rest = (consider_constant, disconnected_inputs, add_names, known_grads,
                return_disconnected, null_gradients)  # fmt: skip
        return bundled_gradient(lambda parts: grad(cost, parts, *rest), wrt)
    if null_gradients not in ("raise", "return"):
        raise ValueError(f"grad: null_gradients is 'raise' or 'return', not {null_gradients!r}.")

    if disconnected_inputs not in ("raise", "warn", "ignore"):
        raise ValueError(
            f"grad: disconnected_inputs is 'raise', 'warn' or 'ignore', not "
            f"{disconnected_inputs!r}."
        )
    if return_disconnected.lower() not in ("zero", "none"):
        raise ValueError(
            f"grad: return_disconnected is 'zero' or 'none', not {return_disconnected!r}."
        )
    items, many = _listed(wrt, "grad: wrt")
    stop, _ = _listed(() if consider_constant is None else consider_constant, _CONSTANTS)
    known = _known_grads(known_grads or {}, "grad: known_grads")
    if cost is None and not known:
        raise ValueError("grad: give a cost, or known_grads.")
    targets = list(known)
    if cost is not None:
        _check_cost(cost)
        targets.append(cost)
    pinned = [*items, *stop, *known]
    stable = dict(zip(targets, raised(targets, pinned), strict=True))
    seeds = {stable[node]: g for node, g in known.items()}
    if cost is not None:
        one = np.ones((), dtype=cost.dtype)
        seeds[stable[cost]] = fill(stable[cost], one)
    found = _flow(seeds, items, stop, null_gradients)
    results: list[Tensor | None] = []
    for x in items:
        if x in found and x not in stop:
            results.append(found[x])
        elif return_disconnected.lower() == "none" and disconnected_inputs != "raise":
            results.append(None)
        else:
            stops = _where_it_stops(x, seeds, found)
            results.append(_missing(x, targets, disconnected_inputs, stops))
    if add_names and cost is not None:
        _name_all(results, cost, items)
    return results if many else results[0]


def _name_all(results: Iterable[Tensor | None], cost: Tensor, wrt: Iterable[Tensor]) -> None:
    """Call the gradients by names that they have not yet, if those of both sides are known."""
    for g, x in zip(results, wrt, strict=True):
        if g is not None and g.inputs and not g.name and cost.name and x.name:
            g.name = f"(d{cost.name}/d{x.name})"


def _known(node: Tensor, g: Tensor) -> Tensor:
    if g.ndim != node.ndim:
        raise ShapeError(
            f"the known gradient of {_describe(node)} must have {node.ndim} dimension(s), found "
            f"{g.ndim}."
        )
    return g


def _check_cost(cost: Tensor) -> None:
    if not isinstance(cost, Tensor):
        raise TypeError(f"grad: the cost must be a tensor, found {type(cost).__name__}.")
    if any(not b for b in cost.broadcastable):
        raise RankError(
            f"grad: the cost must be a scalar, found {_describe(cost)}. Reduce it with T.sum or "
            f"T.mean, or use jacobian()."
        )
    if dtypes.kind(cost.dtype) == "c":
        raise DTypeError(
            f"grad: the cost must be real, found {_describe(cost)}: a complex number has no "
            f"slope to go down. Take abs(cost), or T.real(cost)."
        )
    if not dtypes.is_float(cost.dtype):
        raise DTypeError(
            f"grad: the cost must be floating, found {_describe(cost)}. Cast it, or its inputs, "
            f"to a floating dtype."
        )


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Iterable[Tensor] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The row vectors ``eval_points`` times the Jacobian of ``f`` with respect to ``wrt``."""
    outputs, _ = _listed(f, "Lop: f")
    _listed(wrt, "Lop: wrt")
    points = _points(eval_points, outputs, "Lop", "f")
    known = dict(zip(outputs, points, strict=True))
    return grad(
        None,
        wrt,
        consider_constant=consider_constant,
        disconnected_inputs=disconnected_inputs,
        known_grads=known,
    )


@no_test_values
def Rop(f: Any, wrt: Any, eval_points: Any, disconnected_outputs: str = "raise") -> Any:
    """The Jacobian of ``f`` with respect to ``wrt`` times the vectors ``eval_points``.

    It is the gradient of the gradient: ``u J`` is linear in ``u``, so its derivative with
    respect to ``u`` in the direction ``eval_points`` is ``J v``; rewriting removes the rest.
    """
    from .rewrite.stabilize import raised

    outputs, many = _listed(f, "Rop: f")
    items, _ = _listed(wrt, "Rop: wrt")
    points = _points(eval_points, items, "Rop", "wrt")
    for x, v in zip(items, (as_tensor(p) for p in points), strict=True):
        if x.ndim != v.ndim:
            raise ShapeError(
                f"Rop: the point for {_describe(x)} must have {x.ndim} dimension(s), found "
                f"{v.ndim}."
            )
    results = []
    for y, stable in zip(outputs, raised(outputs, items), strict=True):
        u = y.type()
        rows = backward({stable: u}, items)
        reached: Cotangents = {}
        for x, v in zip(items, points, strict=True):
            if x in rows:  # several may share one row
                seed = _match(as_tensor(v), rows[x])
                reached[rows[x]] = add(reached[rows[x]], seed) if rows[x] in reached else seed
        column = backward(reached, [u]).get(u)
        if column is None:
            results.append(_missing(y, items, disconnected_outputs))
        else:  # the values of u are in no linear column, its sizes may be
            _check_linear(column, u, stable)
            (column,) = substitute([column], {u: stable})
            if not set(variables([y])) <= set(variables([column])):
                column = fill(y, column)  # what y depends on, J v does too, if only by its sizes
            results.append(column)
    return results if many else results[0]


def _check_linear(column: Tensor, u: Tensor, y: Tensor) -> None:
    """Raise NullTypeGradError when ``J v`` still holds values of ``u``: some gradient rule is
    not linear in what flows back, and then its derivative says nothing about ``J``."""
    seen: set[Tensor] = set()
    stack = [column]
    while stack:
        node = stack.pop()
        if node is u:
            own = [n for n in toposort([y]) if n.op in (clipped_grad, own_grad)]
            named = ", ".join(f"{n!r}, made at {where_made(n)}" for n in own) or _describe(y)
            raise NullTypeGradError(
                f"Rop: the gradient of {named} is not linear in what flows back, so it has no "
                f"forward derivative. Take the Rop of the expression without it."
            )
        if node in seen or node.op is None or node.op.name in ("size", "shape"):
            continue
        seen.add(node)
        stack.extend(_read(node))


def _read(node: Tensor) -> Sequence[Tensor]:
    """The operands whose values, and not only sizes, a node reads."""
    if node.op is fill:
        return node.inputs[1:]
    if node.op is not loop_op:
        return node.inputs
    inside: set[Tensor] = set()
    stack = list(node.attrs["body"].outputs)
    while stack:
        n = stack.pop()
        if n not in inside and (n.op is None or n.op.name not in ("size", "shape")):
            inside.add(n)
            stack.extend(_read(n))
    parts, variables = parts_of(node), variables_of(node)
    pairs = [
        *zip(parts.sequences, variables.sequences, strict=True),
        *zip(parts.invariants, variables.invariants, strict=True),
        *((x, v) for x, vs in zip(parts.states, variables.states, strict=True) for v in vs),
    ]
    return [x for x, v in pairs if v in inside]


def subgraph_grad(
    wrt: Sequence[Tensor],
    end: Sequence[Tensor],
    start: Mapping[Tensor, Any] | None = None,
    cost: Tensor | None = None,
    details: bool = False,
) -> tuple[list[Tensor], ...]:
    """Gradients in a part of a graph: from ``cost``, or the nodes of ``start`` with their
    gradients, down to the nodes ``end``, where the flow stops.

    Returns the gradients with respect to ``wrt``, which lie above ``end``, and those with
    respect to ``end``; with ``details`` also those of ``end`` from ``start`` alone and from the
    cost alone. Nodes that are not reached have a gradient of zero.
    """
    wrt, _ = _listed(wrt, "subgraph_grad: wrt")
    end, _ = _listed(end, "subgraph_grad: end")
    known = _known_grads(start or {}, "subgraph_grad: start")
    if cost is None and not known:
        raise ValueError("subgraph_grad: give a cost, or start.")
    first: Cotangents = {}
    if cost is not None:
        _check_cost(cost)
        first = {cost: fill(cost, np.ones((), dtype=cost.dtype))}
    both = dict(known)
    for node, g in first.items():
        both[node] = add(both[node], g) if node in both else g
    items = [*wrt, *end]

    def of(seeds: Mapping[Tensor, Tensor], nodes: Sequence[Tensor]) -> list[Tensor]:
        found = _flow(seeds, items, end, "raise") if seeds else {}
        zeros = (fill(x, np.zeros((), dtype=x.dtype)) for x in nodes)
        return [found.get(x, zero) for x, zero in zip(nodes, zeros, strict=True)]

    result = of(both, wrt), of(both, end)
    return (*result, of(known, end), of(first, end)) if details else result


@no_test_values
def jacobian(
    expression: Tensor,
    wrt: Any,
    consider_constant: Iterable[Tensor] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The Jacobian of a vector ``expression``: one row per entry, then the axes of ``wrt``.

    All rows are computed at once, as one batch. Raises ShapeError unless the expression has
    at most one dimension.
    """
    from .batching import batched

    if not isinstance(expression, Tensor):
        raise TypeError(
            f"jacobian: the expression must be a tensor, found {type(expression).__name__} "
            f"({expression!r:.60})."
        )
    items, many = _listed(wrt, "jacobian: wrt")
    if expression.ndim > 1:
        raise ShapeError(
            f"jacobian: the expression must be a vector, found {_describe(expression)}. Flatten "
            f"it first."
        )
    if expression.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    u = expression.type()
    rows = Lop(expression, items, u, consider_constant, disconnected_inputs)
    n = shape_list(expression)[0]
    index = iota(n)
    units = cast(eq(dimshuffle(index, (0, "x")), dimshuffle(index, ("x", 0))), expression.dtype)
    results = batched(rows, {u: units}, n)
    return results if many else results[0]


def hessian(
    cost: Tensor,
    wrt: Any,
    consider_constant: Iterable[Tensor] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The matrix of second derivatives of a scalar cost for each vector in ``wrt``."""
    items, many = _listed(wrt, "hessian: wrt")
    for x in items:
        if x.ndim != 1:
            raise ShapeError(f"hessian: wrt must be vectors, found {_describe(x)}.")
    first = grad(cost, items, consider_constant, disconnected_inputs)
    results = [
        jacobian(g, x, consider_constant, disconnected_inputs)
        for g, x in zip(first, items, strict=True)
    ]
    return results if many else results[0]
