"""What ``scan`` is given and what its function returns, in the forms that Theano took them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import dtypes
from .errors import DTypeError, ShapeError
from .node import Tensor, as_tensor, is_constant, is_literal
from .ops.checked import checked
from .ops.elementwise import cast_to
from .ops.logic import ge, minimum
from .ops.movement import dimshuffle, in_type, shape_list
from .shared import Shared
from .types import TensorType


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


class Info(NamedTuple):
    """What is known of one output before the function is called; ``initial`` has a first axis
    of the rows before the first iteration. None where the output does not feed back."""

    initial: Tensor | None
    taps: tuple[int, ...]


class Traced(NamedTuple):
    """What the function of a scan returned."""

    outputs: list[Tensor]
    updates: dict[Tensor, Tensor]
    condition: Tensor | None


def as_list(value: Any) -> list[Any]:
    """One value, several or none (None), as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def sequence_of(entry: Any, what: str) -> Sequenced:
    """An entry of ``sequences``. Raises ValueError or ShapeError."""
    taps: Any = (0,)
    if isinstance(entry, Mapping):
        if "input" not in entry:
            raise ValueError(f"{what}: a sequence given as a dict needs the key 'input'.")
        _known(entry, ("input", "taps"), f"{what}: a sequence")
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


def _known(entry: Mapping[str, Any], keys: Sequence[str], what: str) -> None:
    """Raise ValueError where a dict has other keys: a misspelt ``taps`` would change the loop."""
    for key in entry:
        if key not in keys:
            raise ValueError(
                f"{what} given as a dict has the keys {', '.join(keys)}; found {key!r}."
            )


def info_of(entry: Any, k: int, what: str) -> Info:
    """Entry ``k`` of ``outputs_info``. Raises ValueError or ShapeError."""
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
        return Info(None, ())
    if not taps or any(tap >= 0 for tap in taps):
        raise ValueError(
            f"{what}: the taps of output {k} are {list(taps)}; an output can be read only from "
            f"earlier steps, so all must be negative."
        )
    initial = as_tensor(entry)
    if taps == (-1,):
        return Info(padded(initial), taps)
    if initial.ndim == 0:
        raise ShapeError(
            f"{what}: output {k} has the taps {list(taps)}, so its initial value needs a first "
            f"axis of {-min(taps)} row_of(s); found a scalar."
        )
    depth = -min(taps)
    return Info(_unbroadcast_rows(initial[:depth]), taps)


def padded(x: Tensor) -> Tensor:
    """One row; the first axis counts rows, so it is not known to be 1."""
    return _unbroadcast_rows(dimshuffle(x, ("x", *range(x.ndim))))


def begins_with_literal(info: Info) -> bool:
    """Whether an output begins with a number as Python has it, which takes any dtype."""
    x = info.initial
    while x is not None and x.op is not None and x.op.name in ("dimshuffle", "reshape_to"):
        x = x.inputs[0]
    return x is not None and is_literal(x)


def _unbroadcast_rows(x: Tensor) -> Tensor:
    return in_type(x, TensorType(x.dtype, (False, *x.broadcastable[1:])))


def named(what: str, tap: int) -> str:
    """What the row that a tap reads is called."""
    return f"{what}[t{tap:+}]" if tap else f"{what}[t]"


def row_of(x: Tensor, name: str) -> Tensor:
    """A variable for a row of ``x``."""
    return TensorType(x.dtype, x.broadcastable[1:])(name)


def shifted(x: Tensor, taps: Sequence[int], tap: int, backwards: bool) -> Tensor:
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
    return checked(count, ge(length, spread), length, spread, message=short, error="ShapeError")


# -- what the function returns --------------------------------------------------------------


def understood(returned: Any, what: str) -> Traced:
    """Outputs, updates and the condition, in the forms that Theano took them."""
    if returned is None:
        return Traced([], {}, None)
    if isinstance(returned, until):
        return Traced([], {}, returned.condition)
    if isinstance(returned, Mapping) or _are_updates(returned):
        return Traced([], _updates(returned, what), None)
    if not isinstance(returned, (list, tuple)):
        return Traced([_output(returned, what)], {}, None)
    parts = list(returned)
    condition = parts.pop().condition if parts and isinstance(parts[-1], until) else None
    updates: dict[Tensor, Tensor] = {}
    if parts and (isinstance(parts[-1], Mapping) or _are_updates(parts[-1])):
        updates = _updates(parts.pop(), what)
    elif len(parts) == 2 and all(isinstance(p, (list, tuple)) for p in parts) and not parts[-1]:
        parts.pop()
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)):
        parts = list(parts[0])
    return Traced([_output(part, what) for part in parts], updates, condition)


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
