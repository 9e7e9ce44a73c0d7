"""The gradient of a loop: a loop in the other direction over the same positions.

At each position it takes the rows that the first loop read and wrote there, computes the
vector-Jacobian product of the body, and hands on what belongs to earlier rows of the states. It
is a loop like any other, so it has a gradient itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import dtypes
from .graph import substitute, toposort, variables
from .node import Tensor, as_tensor
from .ops.control import Body, State, make_loop, parts_of, results_of, variables_of
from .ops.creation import size_of
from .ops.elementwise import add, cast_to
from .ops.logic import eq, minimum, switch
from .ops.movement import broadcast_to, dimshuffle, in_type, join, shape_list, zeros_like
from .origin import made_at
from .types import TensorType


class _Carry(NamedTuple):
    """A state of the reverse loop: its variable, its value before, and after an iteration."""

    variable: Tensor
    initial: Tensor
    next: Tensor


def loop_gradient(
    node: Tensor, given: Mapping[int, Tensor], needed: set[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """Pairs of an operand in ``needed`` and its cotangent, from those of the results: ``given``
    has them by number, each in the type of its result."""
    with made_at(node.origin):
        return _Reverse(node, given, needed).pairs()


class _Reverse:
    def __init__(self, node: Tensor, given: Mapping[int, Tensor], needed: set[Tensor]) -> None:
        self.node, self.needed = node, needed
        self.parts, self.variables = parts_of(node), variables_of(node)
        self.states: tuple[State, ...] = node.attrs["states"]
        self.outputs = node.attrs["body"].outputs
        self.results = results_of(node)
        self.backwards: bool = not node.attrs["reverse"]
        self.total = self.results[-1] if node.attrs["until"] else node.inputs[-1]
        limit = node.attrs["truncate"]
        most = cast_to(as_tensor(limit), "int64")
        self.count = self.total if limit < 0 else minimum(self.total, most)
        #: The first position that the reverse loop visits last: it skips those before it.
        self.start = None if limit < 0 else self.total - self.count
        self.given = {k: g for k, g in given.items() if dtypes.is_float(g.dtype)}
        self.rows: list[Tensor] = []
        self.elements: list[Tensor] = []

    # -- what the reverse loop reads ---------------------------------------------------------

    def _read(self, tensor: Tensor, first: Tensor | int, variable: Tensor) -> None:
        """Bind a variable to the row ``first + p`` of a tensor at position ``p``."""
        start = first if self.start is None else self.start + first
        if not self.backwards and self.start is not None:
            start = first  # positions of a reversed loop count from its last iteration
        whole = isinstance(start, int) and start == 0
        self.rows.append(tensor if whole else tensor[start:])
        self.elements.append(variable)

    def _first_row(self, state: State) -> int:
        """Where, in a kept result, the row that position 0 writes is."""
        return state.depth if self.backwards else 0

    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """See ``loop_gradient``."""
        self._bind_inputs()
        seeds, pending = self._seeds()
        wrt = self._wrt()
        found = self._through_body(seeds, wrt)
        carries = self._pending(pending, found) + self._sums(found)
        stacked = [v for v in self._float_sequences() if v in found]
        results = self._loop(carries, [found[v] for v in stacked])
        return self._cotangents(pending, found, stacked, results, len(carries))

    def _bind_inputs(self) -> None:
        for x, v in zip(self.parts.sequences, self.variables.sequences, strict=True):
            self._read(x, 0, v)
        for k, (state, taps) in enumerate(zip(self.states, self.variables.states, strict=True)):
            first = self._first_row(state)
            for distance, v in zip(state.taps, taps, strict=True):
                # distance k back in the order of the first loop
                self._read(self.results[k], first - distance if self.backwards else distance, v)

    def _seeds(self) -> tuple[dict[int, Tensor], dict[int, list[Tensor]]]:
        """The cotangent of each output of the body, and per state the variables for what later
        iterations have sent back to the rows 1, 2, ... before."""
        seeds: dict[int, Tensor] = {}
        pending: dict[int, list[Tensor]] = {}
        reached = self._reached()
        for k, state in enumerate(self.states):
            y = self.outputs[k]
            parts = []
            if k in self.given:
                g = y.type(f"g{k}")
                self._read(self.given[k], self._first_row(state), g)
                parts.append(g)
            if k in reached and state.depth:
                pending[k] = [y.type(f"p{k}_{j}") for j in range(1, state.depth + 1)]
                parts.append(pending[k][0])
            if parts:
                seeds[k] = parts[0] if len(parts) == 1 else add(*parts)
        return seeds, pending

    def _reached(self) -> set[int]:
        """The states into which something may flow back, directly or through others."""
        feeds: dict[int, set[int]] = {}
        owner = {v: k for k, taps in enumerate(self.variables.states) for v in taps}
        for k, y in enumerate(self.outputs[: len(self.states)]):
            feeds[k] = {owner[n] for n in toposort([y]) if n in owner}
        reached: set[int] = set()
        stack = list(self.given)
        while stack:
            k = stack.pop()
            fresh = {j for j in feeds[k] if dtypes.is_float(self.outputs[j].dtype)} - reached
            reached |= fresh
            stack.extend(fresh)
        return reached

    def _float_sequences(self) -> list[Tensor]:
        pairs = zip(self.parts.sequences, self.variables.sequences, strict=True)
        return [v for x, v in pairs if x in self.needed and dtypes.is_float(v.dtype)]

    def _wrt(self) -> list[Tensor]:
        wrt = self._float_sequences()
        wrt += [v for taps in self.variables.states for v in taps if dtypes.is_float(v.dtype)]
        pairs = zip(self.parts.invariants, self.variables.invariants, strict=True)
        wrt += [v for x, v in pairs if x in self.needed and dtypes.is_float(v.dtype)]
        return wrt

    def _through_body(
        self, seeds: Mapping[int, Tensor], wrt: Sequence[Tensor]
    ) -> dict[Tensor, Tensor]:
        """The vector-Jacobian product of the body; what it needs of the body's outputs is read
        from the results and not computed again."""
        from .gradient import backward
        from .rewrite.stabilize import raised

        outputs = raised(self.outputs[: len(self.states)], self.node.attrs["body"].inputs)
        joined: dict[Tensor, Tensor] = {}
        for k, g in seeds.items():
            y = outputs[k]
            joined[y] = add(joined[y], g) if y in joined else g
        found = backward(joined, wrt)
        stored = {y: y.type(f"y{k}") for k, y in enumerate(outputs) if y.op is not None}
        changed = substitute(list(found.values()), stored)
        used = set(variables(changed))
        for state, result, y in zip(self.states, self.results, outputs, strict=False):
            v = stored.get(y)
            if v in used and v not in self.elements:
                self._read(result, self._first_row(state), v)
        return dict(zip(found, changed, strict=True))

    # -- what the reverse loop carries -------------------------------------------------------

    def _pending(
        self, pending: Mapping[int, list[Tensor]], found: Mapping[Tensor, Tensor]
    ) -> list[_Carry]:
        """What waits for the rows 1, 2, ... before moves up by one in each iteration."""
        carries = []
        for k, waiting in pending.items():
            taps = dict(zip(self.states[k].taps, self.variables.states[k], strict=True))
            zero = _zeros_of_rows(self.results[k])
            for j, variable in enumerate(waiting, 1):
                parts = [waiting[j]] if j < len(waiting) else []
                if j in taps and taps[j] in found:
                    parts.append(found[taps[j]])
                after = add(*parts) if len(parts) == 2 else (parts or [_zeros(variable)])[0]
                carries.append(_Carry(variable, zero, in_type(after, variable.type)))
        return carries

    def _sums(self, found: Mapping[Tensor, Tensor]) -> list[_Carry]:
        """The cotangents of invariants are sums over all iterations."""
        carries = []
        for x, v in zip(self.parts.invariants, self.variables.invariants, strict=True):
            if v in found and x in self.needed:
                total = v.type(f"sum_{v.name or 'invariant'}")
                after = in_type(add(total, in_type(found[v], v.type)), v.type)
                carries.append(_Carry(total, _one_row(_zeros(x)), after))
        return carries

    def _loop(self, carries: Sequence[_Carry], stacked: Sequence[Tensor]) -> list[Tensor]:
        ends = [carry.next for carry in carries] + list(stacked)
        # What nothing needs is not read: a gradient must not seem to depend on more than it does.
        used = set(toposort(ends))
        rows = {v: x for v, x in zip(self.elements, self.rows, strict=True) if v in used}
        pairs = zip(self.variables.invariants, self.parts.invariants, strict=True)
        free = {v: x for v, x in pairs if v in used}
        body = Body([*rows, *(carry.variable for carry in carries), *free], ends)
        node = make_loop(
            body, self.count, list(rows.values()),
            [State((1,)) for _ in carries] + [State() for _ in stacked],
            [carry.initial for carry in carries] + [None for _ in stacked],
            list(free.values()), reverse=self.backwards,
        )  # fmt: skip
        return results_of(node)

    def _last(self, result: Tensor) -> Tensor:
        """The row of a state after all iterations."""
        return result[0] if self.backwards else result[-1]

    # -- what comes of it --------------------------------------------------------------------

    def _cotangents(
        self,
        pending: Mapping[int, list[Tensor]],
        found: Mapping[Tensor, Tensor],
        stacked: Sequence[Tensor],
        results: list[Tensor],
        carried: int,
    ) -> list[tuple[Tensor, Tensor]]:
        pairs: list[tuple[Tensor, Tensor]] = []
        at = iter(results)
        for k in pending:
            waiting = [self._last(next(at)) for _ in pending[k]]
            x = self.parts.states[k]
            if x in self.needed:
                pairs.append((x, self._initial(k, x, waiting)))
        for k in self.given:
            x = self.parts.states[k]
            if x is not None and k not in pending and x in self.needed:
                pairs.append((x, self._initial(k, x, [])))
        for x, v in zip(self.parts.invariants, self.variables.invariants, strict=True):
            if v in found and x in self.needed:
                pairs.append((x, self._last(next(at))))
        where = dict(zip(stacked, results[carried:], strict=True))
        for x, v in zip(self.parts.sequences, self.variables.sequences, strict=True):
            if v in where:
                pairs.append((x, self._spread(x, where[v])))
        return pairs

    def _initial(self, k: int, x: Tensor, waiting: list[Tensor]) -> Tensor:
        """The cotangent of the rows before the first iteration: what waits for them, and what
        came directly, as the result holds them too."""
        depth = self.states[k].depth
        parts = []
        if waiting:
            ordered = waiting[::-1] if self.backwards else waiting
            rows = [_one_row(row) for row in ordered]
            back = rows[0] if depth == 1 else join(*rows, axis=0)
            if self.start is not None:  # nothing flows to before the iterations that count
                back = switch(eq(self.start, 0), back, _zeros(back))
            parts.append(back)
        if k in self.given:
            g = self.given[k]
            parts.append(g[:depth] if self.backwards else g[self.total :][:depth])
        return add(*parts) if len(parts) == 2 else (parts or [_zeros(x)])[0]

    def _spread(self, x: Tensor, g: Tensor) -> Tensor:
        """Rows at the positions that were visited, zeros elsewhere."""
        count = self.count
        if self.start is None and count.op is size_of and count.inputs[0] is x:
            return g
        from .tensor.indexing import set_subtensor

        start = self.start if self.backwards and self.start is not None else 0
        return set_subtensor(zeros_like(x, x.dtype)[start : start + count], g)


def _zeros(x: Tensor) -> Tensor:
    return zeros_like(x, x.dtype)


def _zeros_of_rows(result: Tensor) -> Tensor:
    """One row of zeros like those of a result, which may have no rows at all."""
    sizes = shape_list(result)[1:]
    zero = cast_to(as_tensor(0), result.dtype)
    one = cast_to(as_tensor(1), "int64")
    flags = (False, *result.broadcastable[1:])
    return broadcast_to.make((zero, one, *sizes), {"broadcastable": flags})


def _one_row(x: Tensor) -> Tensor:
    padded = dimshuffle(x, ("x", *range(x.ndim)))
    return in_type(padded, TensorType(x.dtype, (False, *x.broadcastable)))
