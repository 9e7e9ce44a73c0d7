"""``scan``: Theano's loop over time, and ``map, reduce, foldl, foldr`` which are made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import dtypes
from .errors import DTypeError, MissingInputError, ShapeError
from .graph import substitute, toposort, variables
from .node import Tensor, as_tensor, is_constant
from .ops.control import Body, State, make_loop, results_of
from .ops.elementwise import cast_to
from .ops.movement import in_type
from .origin import where_made
from .scan_arguments import (
    Info,
    Traced,
    as_list,
    begins_with_literal,
    info_of,
    named,
    padded,
    row_of,
    sequence_of,
    shifted,
    step_count,
    understood,
    until,
)
from .shared import Shared, shared
from .types import TensorType
from .updates import OrderedUpdates

__all__ = ["foldl", "foldr", "map", "reduce", "scan", "until"]


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: Any = None,
    strict: bool = False,
    return_list: bool = False,
) -> tuple[Any, OrderedUpdates]:
    """Call ``fn`` once on symbols and run what it returns once per step.

    ``fn`` takes a row of each of the ``sequences`` (for each of its taps), the earlier values of
    each output with ``outputs_info`` (for each of its taps), and the ``non_sequences``. It
    returns outputs, or a pair of outputs and updates of shared variables, or either followed by
    ``until(condition)``. A sequence is a tensor or ``dict(input=x, taps=[-1, 0])``; an entry of
    ``outputs_info`` is None (does not feed back), the value before the first step, or
    ``dict(initial=x, taps=[-2, -1])``, where ``x`` has one row per step that the taps go back.

    Returns ``(outputs, updates)``: each output with the steps along a new first axis (a list
    where there are several, or with ``return_list``), and the updates to pass to ``function``, a
    dict.
    The number of steps is ``n_steps`` or what the shortest sequence allows.
    ``truncate_gradient``: how many of the last steps a gradient goes back; -1 for all.
    ``strict``: refuse what ``fn`` uses and ``non_sequences`` does not list. ``mode, profile`` and
    ``allow_gc`` are Theano's and change nothing.

    Raises TypeError, ValueError, DTypeError, ShapeError or MissingInputError.
    """
    what = f"scan {name!r}" if name else "scan"
    listed = [sequence_of(entry, what) for entry in as_list(sequences)]
    infos = [info_of(entry, k, what) for k, entry in enumerate(as_list(outputs_info))]
    others = [x if isinstance(x, Tensor) else as_tensor(x) for x in as_list(non_sequences)]
    count = step_count(listed, n_steps, what)
    rows: list[Tensor] = []
    elements: list[Tensor] = []
    for tensor, taps in listed:
        for tap in taps:
            rows.append(shifted(tensor, taps, tap, go_backwards))
            elements.append(row_of(tensor, named(tensor.name or "sequence", tap)))
    before = [
        [row_of(info.initial, named(f"output{k}", tap)) for tap in info.taps]
        if info.initial is not None else []
        for k, info in enumerate(infos)
    ]  # fmt: skip
    earlier = [v for taps in before for v in taps]
    first = shared(0).number
    traced = understood(fn(*elements, *earlier, *others), what)
    if not infos:
        infos = [Info(None, ())] * len(traced.outputs)
        before = [[] for _ in infos]
    if len(infos) != len(traced.outputs):
        raise ValueError(
            f"{what}: the function returns {len(traced.outputs)} output(s), but outputs_info has "
            f"{len(infos)} entries. Give one per output, None where it does not feed back."
        )
    return _Building(
        what, rows, elements, infos, before, traced, count, others, truncate_gradient, strict, first
    ).results(return_list)


class _Building:
    """From a traced function to the loop and its results."""

    def __init__(
        self,
        what: str,
        rows: list[Tensor],
        elements: list[Tensor],
        infos: list[Info],
        before: list[list[Tensor]],
        traced: Traced,
        count: Tensor,
        others: list[Tensor],
        truncate: int,
        strict: bool,
        first: int,
    ) -> None:
        """``first``: the number from which on shared variables were made by the function."""
        self.what, self.first = what, first
        self.rows, self.elements = rows, elements
        self.infos, self.before = list(infos), [list(taps) for taps in before]
        #: The outputs that begin with a number as Python has it, which takes any dtype.
        self.loose = {k for k, info in enumerate(infos) if begins_with_literal(info)}
        self.outputs = list(traced.outputs)
        self.condition = traced.condition
        self.count = count
        self.truncate = truncate
        self.visible = len(self.outputs)
        self.shared = self._updated(traced)
        self._settle()
        self.invariants, self.stand_ins = self._hoisted(others, strict)

    def _ends(self) -> list[Tensor]:
        """What an iteration gives: the outputs and the condition."""
        return [*self.outputs, *([] if self.condition is None else [self.condition])]

    def _updated(self, traced: Traced) -> list[Tensor]:
        """Shared variables that change from step to step become states of the loop: those that
        the function says it updates, and those that it made itself, such as random streams. A
        draw made before the loop is one value in all steps."""
        updates = dict(traced.updates)
        ends = self._ends()
        pending = [*ends, *updates.values()]
        while True:
            found: dict[Tensor, Tensor] = {
                v: v.default_update for v in variables(pending)
                if isinstance(v, Shared) and v.default_update is not None
                and v.number > self.first and v not in updates
            }  # fmt: skip
            if not found:
                break
            updates.update(found)
            pending.extend(found.values())
        fresh = {v: v.type(v.name or "shared") for v in updates}
        values = [cast_to(as_tensor(value), v.dtype) for v, value in updates.items()]
        replaced = substitute([*ends, *values], fresh)
        self.outputs = [*replaced[: self.visible], *replaced[len(ends) :]]
        if self.condition is not None:
            self.condition = replaced[self.visible]
        for v, variable in fresh.items():
            self.infos.append(Info(padded(v), (-1,)))
            self.before.append([variable])
        return list(updates)

    def _settle(self) -> None:
        """Make each state have one type before and after a step: the wider dtype, and axes that
        are known to be 1 only where they are so in both."""
        for _ in range(2 + sum(info.initial is not None for info in self.infos)):
            new: dict[Tensor, Tensor] = {}
            for k, info in enumerate(self.infos):
                if info.initial is None:
                    continue
                old, y = self.before[k][0], self.outputs[k]
                if y.ndim != old.ndim:
                    raise ShapeError(
                        f"{self.what}: output {k} has {y.ndim} dimension(s) after a step and "
                        f"{old.ndim} before the first: {y!r}, made at {where_made(y)}, and the "
                        f"initial value {info.initial!r}. Both must be alike."
                    )
                wanted = self._common(k, old, y)
                if wanted is not old.type:
                    taps = [wanted(v.name) for v in self.before[k]]
                    new.update(zip(self.before[k], taps, strict=True))
                    self.before[k] = taps
                    rows = TensorType(wanted.dtype, (False, *wanted.broadcastable))
                    initial = in_type(info.initial, rows)
                    self.infos[k] = info._replace(initial=initial)
            if not new:
                break
            ends = substitute(self._ends(), new)
            self.outputs = ends[: len(self.outputs)]
            self.condition = None if self.condition is None else ends[-1]
        for k, info in enumerate(self.infos):
            if info.initial is not None:
                self.outputs[k] = in_type(self.outputs[k], self.before[k][0].type)

    def _common(self, k: int, old: Tensor, y: Tensor) -> TensorType:
        dtype = dtypes.promote([old.dtype, y.dtype])
        if k >= self.visible:
            dtype = old.dtype
        elif dtypes.kind(old.dtype) in "biu" and dtypes.is_float(dtype) and k not in self.loose:
            raise DTypeError(
                f"{self.what}: output {k} is {old.dtype} before the first step and {y.dtype} after "
                f"one: {y!r}, made at {where_made(y)}, and the initial value "
                f"{self.infos[k].initial!r}. A count that becomes a fraction is often a mistake: "
                f"give an initial value of {y.dtype}, as in T.zeros_like(x) or T.cast(start, "
                f"{y.dtype!r}), or cast what the function returns."
            )
        flags = zip(old.broadcastable, y.broadcastable, strict=True)
        return TensorType(dtype, tuple(a and b for a, b in flags))

    def _hoisted(
        self, others: list[Tensor], strict: bool
    ) -> tuple[list[Tensor], dict[Tensor, Tensor]]:
        """What the step uses that no step changes, computed once: the largest such tensors."""
        changing = {*self.elements, *(v for taps in self.before for v in taps)}
        ends = self._ends()
        found: dict[Tensor, None] = {}
        order = toposort(ends)
        for node in order:
            if any(i in changing for i in node.inputs):
                changing.add(node)
        for node in [*(n for n in order if n in changing), *ends]:
            for i in node.inputs if node in changing else (node,):
                if i not in changing and not is_constant(i):
                    found[i] = None
        if strict:
            allowed = set(variables(others))
            extra = [v for v in variables(found) if v not in allowed]
            if extra:
                raise MissingInputError(
                    f"{self.what}: the function uses {', '.join(repr(v) for v in extra)}, which "
                    f"non_sequences does not list; strict=True refuses that."
                )
        return list(found), {x: x.type(x.name) for x in found}

    def results(self, return_list: bool) -> tuple[Any, OrderedUpdates]:
        """What scan returns."""
        ends = [*self.outputs]
        if self.condition is not None:
            ends.append(cast_to(self.condition, "bool"))
        body = Body(
            [*self.elements, *(v for taps in self.before for v in taps), *self.stand_ins.values()],
            substitute(ends, self.stand_ins),
        )
        node = make_loop(
            body, self.count, self.rows,
            [State(tuple(-tap for tap in info.taps)) for info in self.infos],
            [info.initial for info in self.infos], self.invariants,
            until=self.condition is not None, truncate=self.truncate,
        )  # fmt: skip
        made = results_of(node)
        steps = []
        for info, result in zip(self.infos, made, strict=False):
            depth = max((-tap for tap in info.taps), default=0)
            if self.condition is not None:
                steps.append(result[depth : depth + made[-1]])
            else:
                steps.append(result[depth:] if depth else result)
        updates = OrderedUpdates(
            (v, steps[self.visible + k][-1]) for k, v in enumerate(self.shared)
        )
        outputs = steps[: self.visible]
        if return_list:
            return outputs, updates
        if len(outputs) < 2:
            return (outputs[0] if outputs else None), updates
        return outputs, updates


# -- what is made of it ---------------------------------------------------------------------


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``fn`` of each row of the sequences; see ``scan``."""
    return scan(
        fn, sequences, None, non_sequences, truncate_gradient=truncate_gradient,
        go_backwards=go_backwards, mode=mode, name=name,
    )  # fmt: skip


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """The outputs after the last step, where each step takes those before; see ``scan``."""
    outputs, updates = scan(
        fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards, mode=mode, name=name
    )
    if isinstance(outputs, list):
        return [output[-1] for output in outputs], updates
    return (None if outputs is None else outputs[-1]), updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``reduce`` from the first row to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``reduce`` from the last row to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)
