"""``scan``: Theano's loop over time, and ``map, reduce, foldl, foldr`` which are made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import dtypes
from .errors import DTypeError, MissingInputError, ShapeError
from .graph import substitute, toposort, variables
from .node import Tensor, as_tensor, is_constant, is_literal
from .ops.checked import checked
from .ops.control import Body, State, make_loop, results_of
from .ops.elementwise import cast_to
from .ops.logic import ge, minimum
from .ops.movement import dimshuffle, in_type, shape_list
from .origin import where_made
from .shared import Shared, shared
from .types import TensorType
from .updates import OrderedUpdates

__all__ = ["foldl", "foldr", "map", "reduce", "scan", "until"]


class until:
    """Returned by the function of a scan, last: the loop ends after the iteration in which
    ``condition``, a scalar, is true."""

    def __init__(self, condition: Any) -> None:
        self.condition = as_tensor(condition)
        if self.condition.ndim:
            raise ShapeError(
                f"until: the condition must be a scalar, found {self.condition.type!r}. Reduce "
                f"it with T.all or T.any."
            )


class Sequenced(NamedTuple):
    """A sequence, and the places relative to the step at which it is read."""

    tensor: Tensor
    taps: tuple[int, ...]


class _Info(NamedTuple):
    """What is known of one output before the function is called; ``initial`` has a first axis
    of the rows before the first iteration. None where the output does not feed back."""

    initial: Tensor | None
    taps: tuple[int, ...]


class _Traced(NamedTuple):
    outputs: list[Tensor]
    updates: dict[Tensor, Tensor]
    condition: Tensor | None


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
    listed = [_sequence(entry, what) for entry in as_list(sequences)]
    infos = [_info(entry, k, what) for k, entry in enumerate(as_list(outputs_info))]
    others = [x if isinstance(x, Tensor) else as_tensor(x) for x in as_list(non_sequences)]
    count = step_count(listed, n_steps, what)
    rows: list[Tensor] = []
    elements: list[Tensor] = []
    for tensor, taps in listed:
        for tap in taps:
            rows.append(_shifted(tensor, taps, tap, go_backwards))
            elements.append(_row(tensor, _named(tensor.name or "sequence", tap)))
    before = [
        [_row(info.initial, _named(f"output{k}", tap)) for tap in info.taps]
        if info.initial is not None else []
        for k, info in enumerate(infos)
    ]  # fmt: skip
    earlier = [v for taps in before for v in taps]
    first = shared(0).number
    traced = _understood(fn(*elements, *earlier, *others), what)
    if not infos:
        infos = [_Info(None, ())] * len(traced.outputs)
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
        infos: list[_Info],
        before: list[list[Tensor]],
        traced: _Traced,
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
        self.loose = {k for k, info in enumerate(infos) if _begins_with_literal(info)}
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

    def _updated(self, traced: _Traced) -> list[Tensor]:
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
            self.infos.append(_Info(_padded(v), (-1,)))
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


def as_list(value: Any) -> list[Any]:
    """One value, several or none (None), as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _sequence(entry: Any, what: str) -> Sequenced:
    taps: Any = (0,)
    if isinstance(entry, Mapping):
        if "input" not in entry:
            raise ValueError(f"{what}: a sequence given as a dict needs the key 'input'.")
        given = entry.get("taps", (0,))
        taps = tuple(int(t) for t in (given if isinstance(given, (list, tuple)) else [given]))
        entry = entry["input"]
    tensor = as_tensor(entry)
    if tensor.ndim == 0:
        raise ShapeError(
            f"{what}: the sequence {tensor!r} is a scalar, and has no rows to go through. What is "
            f"the same in each step belongs into non_sequences."
        )
    return Sequenced(tensor, taps)


def _info(entry: Any, k: int, what: str) -> _Info:
    taps: tuple[int, ...] = (-1,)
    if isinstance(entry, Mapping):
        given = entry.get("taps", (-1,))
        if given is not None:
            taps = tuple(int(t) for t in (given if isinstance(given, (list, tuple)) else [given]))
        initial = entry.get("initial")
        if initial is None and "taps" in entry and given:
            raise ValueError(f"{what}: output {k} has taps, so it needs the key 'initial'.")
        entry = None if given is None else initial
    if entry is None:
        return _Info(None, ())
    if not taps or any(tap >= 0 for tap in taps):
        raise ValueError(
            f"{what}: the taps of output {k} are {list(taps)}; an output can be read only from "
            f"earlier steps, so all must be negative."
        )
    initial = as_tensor(entry)
    if taps == (-1,):
        return _Info(_padded(initial), taps)
    if initial.ndim == 0:
        raise ShapeError(
            f"{what}: output {k} has the taps {list(taps)}, so its initial value needs a first "
            f"axis of {-min(taps)} row(s); found a scalar."
        )
    depth = -min(taps)
    return _Info(_unbroadcast_rows(initial[:depth]), taps)


def _padded(x: Tensor) -> Tensor:
    """One row; the first axis counts rows, so it is not known to be 1."""
    return _unbroadcast_rows(dimshuffle(x, ("x", *range(x.ndim))))


def _begins_with_literal(info: _Info) -> bool:
    x = info.initial
    while x is not None and x.op is not None and x.op.name in ("dimshuffle", "reshape_to"):
        x = x.inputs[0]
    return x is not None and is_literal(x)


def _unbroadcast_rows(x: Tensor) -> Tensor:
    return in_type(x, TensorType(x.dtype, (False, *x.broadcastable[1:])))


def _named(what: str, tap: int) -> str:
    return f"{what}[t{tap:+}]" if tap else f"{what}[t]"


def _row(x: Tensor, name: str) -> Tensor:
    return TensorType(x.dtype, x.broadcastable[1:])(name)


def _shifted(x: Tensor, taps: Sequence[int], tap: int, backwards: bool) -> Tensor:
    """The rows of a sequence that one tap reads, in the order of the steps."""
    first, last = min(*taps, 0), max(*taps, 0)
    if first or last:
        stop = tap - last
        x = x[tap - first : stop] if stop else x[tap - first :]
    return x[::-1] if backwards else x


def step_count(sequences: Sequence[Sequenced], n_steps: Any, what: str) -> Tensor:
    """How many steps: ``n_steps``, or what the shortest sequence allows. Raises TypeError or
    ValueError."""
    if n_steps is not None:
        count = as_tensor(n_steps)
        if count.ndim or dtypes.kind(count.dtype) not in "iu":
            raise TypeError(f"{what}: n_steps must be an integer scalar, found {count.type!r}.")
        if is_constant(count) and int(count.attrs["value"]) < 0:
            raise ValueError(
                f"{what}: n_steps is {int(count.attrs['value'])}. To go through the sequences "
                f"from their ends, give go_backwards=True."
            )
        return cast_to(count, "int64")
    if not sequences:
        raise ValueError(f"{what}: there are no sequences, so give n_steps.")
    lengths = []
    for tensor, taps in sequences:
        length, spread = shape_list(tensor)[0], max(*taps, 0) - min(*taps, 0)
        lengths.append(_reached(length, spread) if spread else length)
    count = lengths[0]
    for length in lengths[1:]:
        count = minimum(count, length)
    return cast_to(count, "int64")


def _reached(length: Tensor, spread: int) -> Tensor:
    """How many steps a sequence allows whose taps lie so far apart."""
    short = "a sequence has {0} entries, and its taps reach over {1} more than one"
    count = length - spread
    return checked(count, ge(length, spread), length, spread, message=short, error=ShapeError)


# -- what the function returns --------------------------------------------------------------


def _understood(returned: Any, what: str) -> _Traced:
    """Outputs, updates and the condition, in the forms that Theano took them."""
    if returned is None:
        return _Traced([], {}, None)
    if isinstance(returned, until):
        return _Traced([], {}, returned.condition)
    if isinstance(returned, Mapping) or _are_updates(returned):
        return _Traced([], _updates(returned, what), None)
    if not isinstance(returned, (list, tuple)):
        return _Traced([_output(returned, what)], {}, None)
    parts = list(returned)
    condition = parts.pop().condition if parts and isinstance(parts[-1], until) else None
    updates: dict[Tensor, Tensor] = {}
    if parts and (isinstance(parts[-1], Mapping) or _are_updates(parts[-1])):
        updates = _updates(parts.pop(), what)
    elif len(parts) == 2 and all(isinstance(p, (list, tuple)) for p in parts) and not parts[-1]:
        parts.pop()
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)):
        parts = list(parts[0])
    return _Traced([_output(part, what) for part in parts], updates, condition)


def _are_updates(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], Shared)
            for pair in value
        )
    )


def _updates(value: Any, what: str) -> dict[Tensor, Tensor]:
    found = dict(value)
    for v in found:
        if not isinstance(v, Shared):
            raise TypeError(f"{what}: updates are of shared variables, found {v!r}.")
    return {v: as_tensor(new) for v, new in found.items()}


def _output(value: Any, what: str) -> Tensor:
    if isinstance(value, (dict, until)) or value is None:
        raise TypeError(
            f"{what}: the function returned {value!r:.60} among its outputs. It returns outputs, "
            f"then a dict of updates, then until(condition)."
        )
    try:
        return as_tensor(value)
    except DTypeError as problem:
        raise DTypeError(f"{what}: an output of the function is no tensor. {problem}") from None


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
