"""Loops made small: what nobody needs goes, what need not be done step by step is done at once.

Of each loop, states that nobody reads are dropped, and of those of which only the last row is
read no other row is kept. What an iteration computes from sequences alone is computed before the
loop for all positions, what it computes for nobody but the caller after it, and a sum over all
iterations becomes a sum over stacked rows: a product in every step is then one large product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..batching import batched
from ..errors import NullTypeGradError
from ..graph import Graph, substitute, toposort
from ..node import Tensor, is_constant
from ..ops.contraction import contract
from ..ops.control import Body, State, item, loop, make_loop, parts_of, variables_of
from ..ops.creation import size_of
from ..ops.elementwise import add, cast_to
from ..ops.movement import OP_RESHAPE, dimshuffle, shape_list
from ..ops.reduction import reduce_sum
from ..ops.subtensor import Slice, subtensor
from ..origin import made_at
from ..types import TensorType, TupleType

#: Families that a kernel computes on the way, so that nothing is won by doing them at once.
_LIGHT = frozenset({"elementwise", "cast", "checked", "dimshuffle", "broadcast_to", "reshape",
                    "constant", "size", "window", "counter"})  # fmt: skip
_ROUNDS = 4


class _Uses(NamedTuple):
    """How the results of one loop are read: ``whole`` by number, of the ``last`` row only (the
    nodes that are that row), and their sizes."""

    whole: set[int]
    last: dict[int, list[Tensor]]
    sizes: dict[int, list[Tensor]]
    checked: bool


def simplify_loops(graph: Graph, body: Callable[[Body], Body]) -> Graph:
    """The graph with its loops made small; ``body`` simplifies the graph inside a loop."""
    for _ in range(_ROUNDS):
        order = graph.toposort()
        if not any(node.op is loop for node in order):
            return graph
        outputs = _once(graph, order, body)
        if all(a is b for a, b in zip(outputs, graph.outputs, strict=True)):
            return graph
        graph = graph.replaced(outputs)
    return graph


def _once(graph: Graph, order: Sequence[Tensor], body: Callable[[Body], Body]) -> list[Tensor]:
    users: defaultdict[Tensor, list[Tensor]] = defaultdict(list)
    for node in order:
        for i in dict.fromkeys(node.inputs):
            users[i].append(node)
    ends = set(graph.outputs)
    new: dict[Tensor, Tensor] = {}
    for node in order:
        if node in new or any(i not in new for i in node.inputs):
            continue  # replaced, or on the way to something replaced and to nothing else
        inputs = tuple(new[i] for i in node.inputs)
        if node.op is None or inputs == node.inputs:
            fresh = node
        else:
            fresh = graph.interner.node(node.op, inputs, node.attrs, node.type, node)
        if node.op is not loop:
            new[node] = fresh
            continue
        uses = _uses(node, users, ends)
        with made_at(node.origin):
            made = _Rebuilt(_Pass(fresh, uses, body)).replacements(users[node])
        new.update({old: _in_type(graph.interner.add(t), old) for old, t in made.items()})
    return [new[node] for node in graph.outputs]


def _in_type(fresh: Tensor, old: Tensor) -> Tensor:
    return fresh if fresh.type is old.type else cast_to(fresh, old.dtype)


# -- who reads what -------------------------------------------------------------------------


def _uses(node: Tensor, users: Mapping[Tensor, list[Tensor]], ends: set[Tensor]) -> _Uses:
    uses = _Uses(set(), {}, {}, False)
    checked = False
    for result in users[node]:
        k = result.attrs["index"]
        kept = result in ends or k >= len(node.attrs["states"])
        found = None if kept else _last_rows(node, result, users, ends)
        if found is None:
            uses.whole.add(k)
            continue
        rows, sizes, direct = found
        uses.sizes[k] = sizes
        if rows:
            uses.last[k] = rows
            checked = checked or not direct
    return uses._replace(checked=checked)


def _last_rows(
    node: Tensor, result: Tensor, users: Mapping[Tensor, list[Tensor]], ends: set[Tensor]
) -> tuple[list[Tensor], list[Tensor], bool] | None:
    """The nodes that are the row written last, those that are sizes, and whether the rows are
    taken from the result itself; None when something else is read."""
    state: State = node.attrs["states"][result.attrs["index"]]
    if not state.taps:
        return None
    rows: list[Tensor] = []
    sizes: list[Tensor] = []
    direct = True
    for user in users[result]:
        if user.op is size_of:
            sizes.append(user)
        elif _is_row(user, 0 if node.attrs["reverse"] else -1):
            rows.append(user)
        elif user not in ends and _drops_first(user, node, state):
            direct = False
            for last in users[user]:
                if not _is_row(last, -1):
                    return None
                rows.append(last)
        else:
            return None
    return rows, sizes, direct


def _is_row(node: Tensor, which: int) -> bool:
    if node.op is not subtensor:
        return False
    first, *rest = node.attrs["index"]
    return first == which and all(entry == Slice(None, None, None) for entry in rest)


def _drops_first(node: Tensor, owner: Tensor, state: State) -> bool:
    """Whether a node is what the iterations wrote: all but the rows from before the first."""
    if node.op is not subtensor or owner.attrs["reverse"]:
        return False
    first, *rest = node.attrs["index"]
    whole = all(entry == Slice(None, None, None) for entry in rest)
    if not whole or not isinstance(first, Slice) or first.start != state.depth or first.step:
        return False
    if first.stop is None:
        return True
    stop = node.inputs[1]
    if stop.op is not add:
        return False
    done = [i for i in stop.inputs if i.op is item and i.inputs[0] is owner]
    depth = [i for i in stop.inputs if is_constant(i) and i.attrs["value"] == state.depth]
    return len(done) == len(depth) == 1 and done[0].attrs["index"] == len(owner.attrs["states"])


# -- one loop -------------------------------------------------------------------------------


class _Pass:
    """What of a loop is needed, and in which order. ``core`` are the states that an iteration
    needs from the one before, ``inside`` the nodes that must be computed in turn; ``sums`` are
    states that only add up, with what they add, and ``stacked`` what is only handed out."""

    def __init__(self, node: Tensor, uses: _Uses, simplify: Callable[[Body], Body]) -> None:
        self.node, self.uses = node, uses
        self.parts, self.variables = parts_of(node), variables_of(node)
        self.states: tuple[State, ...] = node.attrs["states"]
        self.body = simplify(node.attrs["body"])
        self.outputs = self.body.outputs
        self.reverse: bool = node.attrs["reverse"]
        self.until: bool = node.attrs["until"]
        self.count = node.inputs[-1]
        self.owner = {v: k for k, taps in enumerate(self.variables.states) for v in taps}
        self.sums = {} if self.until else self._sums()
        while True:
            live = self._live()
            self.core = [k for k in live if self.states[k].taps]
            self.stacked = [k for k in live if not self.states[k].taps]
            self.inside = self._recurrent()
            stay = [k for k, y in self.sums.items() if not self.leaves(y)]
            if not stay:
                break
            for k in stay:
                del self.sums[k]

    def _sums(self) -> dict[int, Tensor]:
        readers: defaultdict[Tensor, list[Tensor]] = defaultdict(list)
        for node in toposort(self.outputs):
            for i in node.inputs:
                readers[i].append(node)
        found = {}
        for k in self.uses.last:
            taps, y = self.variables.states[k], self.outputs[k]
            alone = len(taps) == 1 and not readers[y] and self.outputs.count(y) == 1
            if alone and y.op is add and len(y.inputs) == 2 and readers[taps[0]] == [y]:
                found[k] = next(i for i in y.inputs if i is not taps[0])
        return found

    def _live(self) -> list[int]:
        """The states that something needs, but for those that only add up."""
        stack = [k for k in (*self.uses.whole, *self.uses.last) if k not in self.sums]
        stack = [k for k in stack if k < len(self.states)]
        ends = [*self.sums.values(), *self.outputs[len(self.states) :]]
        stack += [self.owner[n] for n in toposort(ends) if n in self.owner]
        live: set[int] = set()
        while stack:
            k = stack.pop()
            if k not in live:
                live.add(k)
                stack += [self.owner[n] for n in toposort([self.outputs[k]]) if n in self.owner]
        return sorted(live)

    def _recurrent(self) -> set[Tensor]:
        ends = [self.outputs[k] for k in self.core]
        found = set(toposort([*ends, *self.outputs[len(self.states) :]]))
        # What several results are computed together with is there as well.
        others = (n for n in toposort(self.outputs) if n.op is item and n.inputs[0] in found)
        return found.union(others)

    # -- what can leave ----------------------------------------------------------------------

    def edge(self, y: Tensor, inside: Collection[Tensor] | None = None) -> list[Tensor]:
        """The nodes from which the part of ``y`` outside of the loop begins."""
        inner = self.inside if inside is None else inside
        return [n for n in toposort([y], stop=inner) if n in inner or n.op is None]

    def leaves(
        self, y: Tensor, inside: Collection[Tensor] | None = None, always: bool = False
    ) -> bool:
        """Whether ``y`` can be computed for all positions at once, and something is won by it.

        Results in between with more axes than those at its ends stay: outside they would take
        the memory of all positions at once. So does Python code.
        """
        inner = self.inside if inside is None else inside
        between = [n for n in toposort([y], stop=inner) if n not in inner and n.inputs]
        if not (always and between) and not _heavy(between):
            return False
        edge = self.edge(y, inner)
        most = max([y.ndim, *(n.ndim for n in edge)])
        nested = any(isinstance(n.type, TupleType) for n in between)
        if nested or any(n.ndim > most or (n.op is not None and n.op.host) for n in between):
            return False
        rows = {n: _rows_of(n)("rows") for n in edge if n not in self.variables.invariants}
        try:
            if rows:
                batched([y], rows, self.count)
        except NullTypeGradError:
            return False
        return bool(rows)


def _rows_of(n: Tensor) -> TensorType:
    return TensorType(n.dtype, (False, *n.broadcastable))


def _heavy(nodes: Iterable[Tensor]) -> bool:
    return any(n.op is not None and n.op.family.name not in _LIGHT for n in nodes)


class _Rebuilt:
    """The loop without what is done before and after it, and that."""

    def __init__(self, old: _Pass) -> None:
        self.old = old
        invariants, sequences = old.variables.invariants, old.variables.sequences
        self.free = dict(zip(invariants, old.parts.invariants, strict=True))
        self.rows = dict(zip(sequences, old.parts.sequences, strict=True))
        #: States of which all rows are kept.
        self.whole = {k for k in old.core if k in old.uses.whole}
        self.after = self._after()
        self.stacked = [k for k in old.stacked if k not in self.after]
        #: Nodes inside whose rows are needed outside.
        self.extra: dict[Tensor, None] = {}
        for y in (*self.after.values(), *old.sums.values()):
            for n in old.edge(y):
                self._provide(n)

    def _after(self) -> dict[int, Tensor]:
        """The results that no iteration needs, where they can be computed after all of them."""
        old = self.old
        if old.until:
            return {}
        outer = {k: old.outputs[k] for k in old.stacked if old.outputs[k] not in old.inside}
        chosen = {k: y for k, y in outer.items() if old.leaves(y)}
        if not old.core:  # without any iteration left, light work goes too
            every = {k: y for k, y in outer.items() if old.leaves(y, always=True)}
            chosen = every if len(every) == len(old.stacked) else chosen
        return chosen

    def _provide(self, n: Tensor) -> None:
        """Make sure that the rows of a node of the body can be had outside."""
        old = self.old
        if n in old.owner:
            self.whole.add(old.owner[n])
        elif n.inputs and n not in (old.outputs[k] for k in self.stacked):
            made = [k for k in old.core if old.outputs[k] is n]
            self.whole.update(made[:1])
            if not made:
                self.extra[n] = None

    def _ends(self) -> list[Tensor]:
        old = self.old
        rows = [old.outputs[k] for k in (*old.core, *self.stacked)]
        return [*rows, *self.extra, *old.outputs[len(old.states) :]]

    def _before(self) -> tuple[list[Tensor], list[Tensor]]:
        """The largest nodes inside that depend on sequences, and on invariants, alone."""
        old = self.old
        order = toposort(self._ends())
        bound, moving = set(old.owner), set(self.rows)
        for node in order:
            if any(i in bound for i in node.inputs):
                bound.add(node)
            if any(i in moving for i in node.inputs):
                moving.add(node)
        found: dict[Tensor, None] = {}
        for node in order:
            for i in node.inputs:
                inner = i.inputs and i not in bound
                if inner and (node in bound or (node in moving and i not in moving)):
                    found[i] = None
        fixed = [n for n in found if n not in moving and n in set(_computed(n))]
        moved = [n for n in found if n in moving and not old.until and old.leaves(n, ())]
        return moved, fixed

    # -- the new loop ------------------------------------------------------------------------

    def replacements(self, items: Sequence[Tensor]) -> dict[Tensor, Tensor]:
        """What stands for the results of the loop, and for the nodes that read them."""
        old = self.old
        moved, fixed = self._before()
        made = {n: n.type(n.name or "before") for n in (*moved, *fixed)}
        rows, free = dict(self.rows), dict(self.free)
        if moved:
            stacks = batched(moved, self._first_rows(), old.count)
            rows.update(zip([made[n] for n in moved], substitute(stacks, free), strict=True))
        free.update(zip([made[n] for n in fixed], substitute(fixed, self.free), strict=True))
        ends = substitute(self._ends(), made)
        used = set(toposort(ends))
        rows = {v: x for v, x in rows.items() if v in used}
        free = {v: x for v, x in free.items() if v in used}
        states = [
            old.states[k]._replace(keep=old.states[k].keep and k in self.whole) for k in old.core
        ]
        states += [State() for _ in (*self.stacked, *self.extra)]
        results: list[Tensor] = []
        if states or old.until:
            taps = [v for k in old.core for v in old.variables.states[k]]
            inits = [old.parts.states[k] for k in old.core]
            inits += [None for _ in (*self.stacked, *self.extra)]
            node = make_loop(
                Body([*rows, *taps, *free], ends), old.count, list(rows.values()), states, inits,
                list(free.values()), reverse=old.reverse, until=old.until,
                truncate=old.node.attrs["truncate"],
                least=max(int(old.uses.checked), old.node.attrs["least"]),
            )  # fmt: skip
            results = [item.make((node,), {"index": k}) for k in range(len(ends))]
        return self._handed_on(items, results)

    def _first_rows(self) -> dict[Tensor, Tensor]:
        """The rows of the sequences, as many as there are iterations."""
        count = self.old.count
        found = {}
        for v, x in self.rows.items():
            if count.op is size_of and count.inputs[0] is x and not count.attrs["axis"]:
                found[v] = x
            else:  # too few rows must stay an error when there is no loop left to find it
                sizes = (count, *shape_list(x)[1:])
                found[v] = OP_RESHAPE.make((x[:count], *sizes), {"broadcastable": x.broadcastable})
        return found

    def _handed_on(self, items: Sequence[Tensor], results: list[Tensor]) -> dict[Tensor, Tensor]:
        old, uses = self.old, self.old.uses
        whole = {k: results[j] for j, k in enumerate((*old.core, *self.stacked))}
        values = self._values(whole, results)
        last = {k: whole[k][0 if old.reverse else -1] for k in uses.last if k in whole}
        for k, y in (*self.after.items(), *old.sums.items()):
            at_edge = {n: values[n] for n in old.edge(y) if n in values}
            (stack,) = substitute(batched([y], at_edge, old.count), self.free)
            if k in self.after:
                whole[k] = stack
            else:
                init = old.parts.states[k]
                assert init is not None
                last[k] = add(init[0], _total(stack))
        if old.until:
            whole[len(old.states)] = results[-1]
        found: dict[Tensor, Tensor] = {}
        for result in items:
            k = result.attrs["index"]
            if k in uses.whole:
                found[result] = whole[k]
                continue
            found.update((row, last[k]) for row in uses.last.get(k, ()))
            found.update((size, self._size(k, size.attrs["axis"])) for size in uses.sizes[k])
        return found

    def _size(self, k: int, axis: int) -> Tensor:
        """A size of a result that has fewer rows now."""
        init = self.old.parts.states[k]
        assert init is not None
        return add(self.old.count, self.old.states[k].depth) if axis == 0 else size_of(init, axis)

    def _values(
        self, whole: Mapping[int, Tensor], results: Sequence[Tensor]
    ) -> dict[Tensor, Tensor]:
        """Per node of the body its values at all positions, where they are at hand."""
        old, count = self.old, self.old.count
        values = self._first_rows()
        values.update(zip(self.extra, results[len(whole) :], strict=False))
        values.update((old.outputs[k], whole[k]) for k in self.stacked)
        for k in old.core:
            if k in self.whole:
                depth = old.states[k].depth
                for distance, v in zip(old.states[k].taps, old.variables.states[k], strict=True):
                    start = distance if old.reverse else depth - distance
                    values[v] = whole[k][start : start + count]
                start = 0 if old.reverse else depth
                values[old.outputs[k]] = whole[k][start : start + count]
        return values


def _computed(n: Tensor) -> list[Tensor]:
    """The nodes of an expression that compute something; movement alone is not worth a buffer."""
    moves = {"dimshuffle", "broadcast_to", "reshape", "window", "size", "constant"}
    return [m for m in toposort([n]) if m.op is not None and m.op.family.name not in moves]


def _total(stack: Tensor) -> Tensor:
    """The sum over the first axis, taken into a product where the product makes it."""
    if stack.op is dimshuffle and stack.attrs["pattern"][0] == 0:
        pattern = tuple(a if a == "x" else a - 1 for a in stack.attrs["pattern"][1:])
        inner = _total(stack.inputs[0])
        return inner if pattern == tuple(range(inner.ndim)) else dimshuffle(inner, pattern)
    if stack.op is add and all(i.type is stack.type for i in stack.inputs):
        return add(*(_total(i) for i in stack.inputs))
    if stack.op is contract:
        label = stack.attrs["out"][0]
        operands, labels = list(stack.inputs), [stack.attrs["a"], stack.attrs["b"]]
        holders = [k for k in (0, 1) if label in labels[k]]
        if len(holders) == 1:
            (k,) = holders
            operands[k] = reduce_sum(operands[k], axes=(labels[k].index(label),))
            labels[k] = tuple(x for x in labels[k] if x != label)
        return contract(*operands, a=labels[0], b=labels[1], out=stack.attrs["out"][1:])
    return reduce_sum(stack, axes=(0,))
