"""``x[...]`` and its updates: one op each for all of NumPy's integer indexing.

The attribute ``index`` is a template with one entry per axis of ``x``, besides new axes: ``None``
(a new axis), an int, ``Ref(k)`` (the operand number ``k``: a 0-d integer, or an array of
positions), or ``Slice(start, stop, step)`` of such entries. Masks arrive as positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..dtypes import ALL, NUMERIC
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import Places, host_integers
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare
from ._families import broadcast_flags
from .creation import as_size
from .elementwise import cast_to
from .indexing import gather, scatter_add, scatter_set
from .logic import maximum, minimum, switch
from .movement import (
    dimshuffle,
    reshape_to,
    shape_list,
    sum_to,
    window,
    window_add,
    window_set,
    zeros_like,
)

#: A step over more than any axis has: one entry at most is taken.
_LONGEST = 2**62


class Ref(NamedTuple):
    """The operand of this number, ``x`` not counted."""

    number: int


class Slice(NamedTuple):
    """A slice; each part is None, an int or a Ref."""

    start: int | Ref | None
    stop: int | Ref | None
    step: int | Ref | None

    @property
    def whole(self) -> bool:
        """Whether all entries are taken, in one order or the other."""
        return self.start is None and self.stop is None and self.step in (None, 1, -1)


Entry: TypeAlias = "int | Ref | Slice | None"


class _Plan:
    """What a template does, step by step: slices, then positions, then the order of axes."""

    def __init__(self, index: Sequence[Entry], operands: Sequence[Tensor]) -> None:
        positions = [isinstance(e, Ref) and operands[e.number].ndim > 0 for e in index]
        self.advanced = any(positions)
        #: Axes of ``x`` that are sliced, with their slices; and those of single entries.
        self.slices: list[tuple[int, Slice]] = []
        self.single: list[tuple[int, int | Ref]] = []
        #: Axes of ``x`` with positions, and where the first and last stand in the index.
        self.places: list[tuple[int, int | Ref]] = []
        #: Per axis of the result without positions: an axis of ``x``, or 'x'.
        self.plain: list[int | str] = []
        self.first = 0
        axis, last = 0, -1
        together = True
        for number, entry in enumerate(index):
            if entry is None:
                self.plain.append("x")
                continue
            if isinstance(entry, Slice):
                if entry != Slice(None, None, None):
                    self.slices.append((axis, entry))
                self.plain.append(axis)
            elif self.advanced:
                if not self.places:
                    self.first = len(self.plain)
                elif last != number - 1:
                    together = False
                last = number
                self.places.append((axis, entry))
            else:
                self.single.append((axis, entry))
            axis += 1
        if not together:  # as in NumPy, the positions' axes then come first
            self.first = 0


class Indexing:
    """A tensor and the integers or positions that the attribute ``index`` refers to."""

    name = "subtensor"
    data: int | None = None
    #: How many operands come before those of the index.
    before = 1

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return tuple(as_tensor(a) for a in args), {"index": tuple(attrs["index"])}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        x, operands = inputs[0], inputs[self.before :]
        check_accepts(op, x.dtype, inputs)
        plan = _Plan(attrs["index"], operands)
        cut = {axis for axis, entry in plan.slices if not entry.whole}
        flags = [a == "x" or (a not in cut and x.broadcastable[int(a)]) for a in plan.plain]
        if plan.advanced:
            arrays = [operands[e.number] for _, e in plan.places if isinstance(e, Ref)]
            flags[plan.first : plan.first] = broadcast_flags(arrays)
        return TensorType(x.dtype, flags)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return tuple(t.dtype for t in inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return sizes.measured(op.expand(node.inputs, node.attrs))


def _numpy_index(xp: Any, index: Sequence[Entry], operands: Sequence[Any]) -> tuple[Any, ...]:
    def value(entry: Any) -> Any:
        if isinstance(entry, Ref):
            array = operands[entry.number]
            return host_integers(xp, array) if array.ndim else int(array)
        return entry

    return tuple(
        slice(*(value(part) for part in entry)) if isinstance(entry, Slice) else value(entry)
        for entry in index
    )


def _places(xp: Any, x: Any, operands: Sequence[Any], index: Sequence[Entry]) -> Places:
    """What the index selects, as positions in the entries of ``x`` in C order: the standard has
    no such indexing."""
    numbers = np.arange(math.prod(x.shape)).reshape(x.shape)[_numpy_index(xp, index, operands)]
    return Places(xp, (math.prod(x.shape),), [xp.asarray(numbers)])


def _reference_subtensor(xp: Any, x: Any, *operands: Any, index: Sequence[Entry]) -> Any:
    return _places(xp, x, operands, index).read(x)


def _reference_set(xp: Any, x: Any, value: Any, *operands: Any, index: Sequence[Entry]) -> Any:
    return _places(xp, x, operands, index).write(x, value)


def _reference_inc(xp: Any, x: Any, value: Any, *operands: Any, index: Sequence[Entry]) -> Any:
    return _places(xp, x, operands, index).add(x, value)


# -- reading --------------------------------------------------------------------------------


def _windows(
    x: Tensor, plan: _Plan, operands: Sequence[Tensor]
) -> tuple[list[Any], dict[str, Any]]:
    """The size operands and attributes of the window that slices and single entries cut."""
    sizes: list[TensorLike] = []
    lengths = shape_list(x)
    for axis, entry in plan.slices:
        sizes += _slice_window(entry, lengths[axis], operands)
    for axis, single in plan.single:
        sizes += [_position(single, lengths[axis], operands), 1, 1]
    axes = tuple(axis for axis, _ in (*plan.slices, *plan.single))
    return sizes, {"axes": axes, "index": tuple(axis for axis, _ in plan.single)}


def _indices(plan: _Plan, operands: Sequence[Tensor]) -> list[Tensor]:
    """The positions as int64 tensors, single entries among them as 0-d ones."""
    found = (operands[e.number] if isinstance(e, Ref) else as_tensor(e) for _, e in plan.places)
    return [cast_to(t, "int64") for t in found]


def _order(plan: _Plan) -> tuple[list[int], list[int]]:
    """The axes of ``x``: those with positions, then those without."""
    return [a for a, _ in plan.places], [int(a) for a in plan.plain if a != "x"]


@declare(Indexing(), composite=True, accepts=ALL, reference=_reference_subtensor, title="x[...]")
def subtensor(x: TensorLike, *operands: TensorLike, index: Sequence[Entry]) -> Tensor:
    """The entries of ``x`` that an index selects; raises OutOfRange for one that lies outside."""
    x, given = as_tensor(x), tuple(as_tensor(o) for o in operands)
    plan = _Plan(index, given)
    sizes, attrs = _windows(x, plan, given)
    taken = window(x, *sizes, **attrs) if attrs["axes"] else x
    if not plan.advanced:
        return dimshuffle(taken, tuple(plan.plain))
    places, rest = _order(plan)
    indices = _indices(plan, given)
    rank = max(i.ndim for i in indices)
    picked = gather(dimshuffle(taken, (*places, *rest)), *indices, **_named(places))
    return dimshuffle(picked, tuple(_arranged(plan, rank)))


def _named(places: Sequence[int]) -> dict[str, Any]:
    """The attribute by which messages name axes, where they are not the first in order."""
    return {} if list(places) == list(range(len(places))) else {"named": tuple(places)}


def _arranged(plan: _Plan, rank: int) -> Iterator[int | str]:
    """The result's axes by those of the gathered tensor: positions first, then the rest."""
    position = rank
    for number, a in enumerate(plan.plain):
        if number == plan.first:
            yield from range(rank)
        if a == "x":
            yield "x"
        else:
            yield position
            position += 1
    if plan.first == len(plan.plain):
        yield from range(rank)


def _position(entry: int | Ref, size: Tensor, operands: Sequence[Tensor]) -> TensorLike:
    if isinstance(entry, int):
        return entry if entry >= 0 else size + entry
    i = cast_to(operands[entry.number], "int64")
    return switch(i < 0, i + size, i)


def _slice_window(entry: Slice, size: Tensor, operands: Sequence[Tensor]) -> list[TensorLike]:
    """Start, length and step of a slice, clipped to the axis as Python does."""
    if isinstance(entry.step, Ref):
        return _either_way(entry, cast_to(operands[entry.step.number], "int64"), size, operands)
    step = 1 if entry.step is None else entry.step
    if entry.whole:
        return [size - 1 if step < 0 else 0, size, step]
    step = max(min(step, _LONGEST), -_LONGEST)
    backwards = step < 0
    low, high = (-1, size - 1) if backwards else (0, size)
    first, last = (high, low) if backwards else (low, high)
    start = first if entry.start is None else _bound(entry.start, low, high, size, operands)
    stop = last if entry.stop is None else _bound(entry.stop, low, high, size, operands)
    distance = _distance(stop, start) if backwards else _distance(start, stop)
    if abs(step) != 1:
        distance = (distance - 1) // abs(step) + 1
    if entry.start is not None and entry.stop is not None:  # else they cannot cross
        distance = maximum(distance, 0)
    return [start, as_size(distance, "slice"), step]


def _either_way(
    entry: Slice, step: Tensor, size: Tensor, operands: Sequence[Tensor]
) -> list[TensorLike]:
    """As ``_slice_window`` where the call brings the step, and thereby the direction."""
    backwards = step < 0
    low, high = switch(backwards, -1, 0), switch(backwards, size - 1, size)

    def clipped(bound: int | Ref | None, otherwise: Tensor) -> Tensor:
        if bound is None:
            return otherwise
        return maximum(minimum(_position(bound, size, operands), high), low)

    start = clipped(entry.start, switch(backwards, high, low))
    stop = clipped(entry.stop, switch(backwards, low, high))
    distance = switch(backwards, start - stop, stop - start)
    length = (distance - 1) // switch(backwards, -step, step) + 1
    return [start, as_size(maximum(length, 0), "slice"), step]


def _distance(start: TensorLike, stop: TensorLike) -> Tensor:
    if isinstance(start, int):
        return as_tensor(stop) - start if start else as_tensor(stop)
    return as_tensor(stop) - start


def _bound(
    entry: int | Ref, low: int, high: TensorLike, size: Tensor, operands: Sequence[Tensor]
) -> TensorLike:
    """The place in an axis, brought to between ``low`` and ``high``."""
    place = _position(entry, size, operands)
    if isinstance(entry, Ref):
        return maximum(minimum(place, high), low)
    if entry >= 0:  # only the far end can be passed
        return entry if entry == 0 and low == 0 else minimum(place, high)
    return maximum(place, low)


# -- writing --------------------------------------------------------------------------------


class IndexedUpdate(Indexing):
    """A tensor, what is written to it, and the operands of the index."""

    name = "subtensor_update"
    before = 2

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        inputs, kept = super().bind(op, args, attrs)
        return (inputs[0], cast_to(inputs[1], inputs[0].dtype), *inputs[2:]), kept

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        x, value = inputs[:2]
        found = super().infer(op, inputs, attrs)
        if value.ndim > found.ndim:
            raise ShapeError(
                f"{op.name}: the index selects {found.ndim} dimension(s), but what is written "
                f"there has {value.ndim}."
            )
        return x.type


def _updated(
    x: Tensor, value: Tensor, operands: Sequence[Tensor], index: Sequence[Entry], add: bool
) -> Tensor:
    plan = _Plan(index, operands)
    sizes, attrs = _windows(x, plan, operands)
    write = window_add if add else window_set
    if not plan.advanced:
        part = _spread_out(value, plan, 0, x.ndim)
        if not attrs["axes"]:
            attrs, sizes = {"axes": (), "index": ()}, []
        return write(x, part, *sizes, **attrs)
    indices = _indices(plan, operands)
    rank = max(i.ndim for i in indices)
    places, rest = _order(plan)
    order = (*places, *rest)
    back = tuple(order.index(a) for a in range(x.ndim))
    taken = window(x, *sizes, **attrs) if attrs["axes"] else x
    scatter = scatter_add if add else scatter_set
    written = scatter(
        dimshuffle(taken, order), _spread_out(value, plan, rank, x.ndim), *indices, **_named(places)
    )
    changed = dimshuffle(written, back)
    return window_set(x, changed, *sizes, **attrs) if attrs["axes"] else changed


def _spread_out(value: Tensor, plan: _Plan, rank: int, ndim: int) -> Tensor:
    """The value with an axis for each axis of the window (without positions), or for the
    positions and then each axis that has none."""
    total = len(plan.plain) + (rank if plan.advanced else 0)
    lead = total - value.ndim
    value = dimshuffle(value, ("x",) * lead + tuple(range(value.ndim)))
    order = list(_arranged(plan, rank)) if plan.advanced else list(plan.plain)
    new = [k for k, a in enumerate(order) if a == "x"]
    if not all(value.broadcastable[k] for k in new):  # a new axis has size 1
        sizes = shape_list(value)
        ones = as_size(1, "subtensor")
        value = reshape_to(value, *(ones if k in new else s for k, s in enumerate(sizes)))
    axes = rank + len(plan.plain) - len(new) if plan.advanced else ndim
    position = {a: k for k, a in enumerate(order)}
    return dimshuffle(value, tuple(position.get(a, "x") for a in range(axes)))


@declare(IndexedUpdate(), composite=True, accepts=ALL, reference=_reference_set)
def set_subtensor(
    x: TensorLike, value: TensorLike, *operands: TensorLike, index: Sequence[Entry]
) -> Tensor:
    """``x`` with ``value`` in place of the entries that an index selects."""
    given = tuple(as_tensor(o) for o in operands)
    return _updated(as_tensor(x), as_tensor(value), given, index, add=False)


@declare(
    IndexedUpdate(),
    composite=True,
    accepts=("bool", *NUMERIC),
    reference=_reference_inc,
    c="sum",
)
def inc_subtensor(
    x: TensorLike, value: TensorLike, *operands: TensorLike, index: Sequence[Entry]
) -> Tensor:
    """``x`` with ``value`` added to the entries that an index selects; an entry that is selected
    several times receives all of its values."""
    given = tuple(as_tensor(o) for o in operands)
    return _updated(as_tensor(x), as_tensor(value), given, index, add=True)


@subtensor.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *operands: Tensor) -> Any:
    index = y.attrs["index"]
    back = inc_subtensor.make((zeros_like(x, g.dtype), g, *operands), {"index": index})
    return (back,) + (None,) * len(operands)


@inc_subtensor.gradient
def _(g: Tensor, y: Tensor, x: Tensor, value: Tensor, *operands: Tensor) -> Any:
    index = y.attrs["index"]
    return (
        g,
        lambda: sum_to(subtensor.make((g, *operands), {"index": index}), value),
        *(None,) * len(operands),
    )


@set_subtensor.gradient
def _(g: Tensor, y: Tensor, x: Tensor, value: Tensor, *operands: Tensor) -> Any:
    # Where several values fall on one entry, each receives its gradient, as in Theano.
    index = y.attrs["index"]
    return (
        lambda: set_subtensor.make((g, zeros_like(value, g.dtype), *operands), {"index": index}),
        lambda: sum_to(subtensor.make((g, *operands), {"index": index}), value),
        *(None,) * len(operands),
    )
