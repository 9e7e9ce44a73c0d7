"""What the families of ops that move, pick and combine mean, in plain Python: one entry at a time,
over lists of numbers. The references are held against these."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tensorcore.ops import Op
from tensorcore.ops.subtensor import Ref, Slice

from .values import Array, Shape

#: A place in a tensor, and a tensor as its shape and the entry at each place.
Place = tuple[int, ...]
Table = tuple[Shape, dict[Place, Any]]


def places(shape: Sequence[int]) -> Iterator[Place]:
    """All places of a shape, the last axis running fastest."""
    return itertools.product(*(range(n) for n in shape))


def table(array: Array) -> Table:
    """An array as Python numbers."""
    return array.shape, {p: array[p].item() for p in places(array.shape)}


def _made(shape: Sequence[int], entry: Callable[[Place], Any]) -> Table:
    return tuple(shape), {p: entry(p) for p in places(shape)}


def _dimshuffle(op: Op[Any], x: Table, pattern: Sequence[Any]) -> Table:
    shape = [1 if a == "x" else x[0][a] for a in pattern]

    def entry(place: Place) -> Any:
        source = [0] * len(x[0])
        for k, a in enumerate(pattern):
            if a != "x":
                source[a] = place[k]
        return x[1][tuple(source)]

    return _made(shape, entry)


def _reshape(op: Op[Any], x: Table, *sizes: Table, broadcastable: Any) -> Table:
    entries = [x[1][p] for p in places(x[0])]
    shape = [_scalar(s) for s in sizes]
    return tuple(shape), dict(zip(places(shape), entries, strict=True))


def _scalar(number: Table) -> int:
    return int(number[1][()])


def _broadcast_to(op: Op[Any], x: Table, *sizes: Table, broadcastable: Any) -> Table:
    shape = [_scalar(s) for s in sizes]
    return _made(shape, lambda p: x[1][_stretched(x[0], p)])


def _stretched(shape: Shape, place: Place) -> Place:
    """The place in an operand of this shape, aligned at the right."""
    own = place[len(place) - len(shape) :]
    return tuple(0 if n == 1 else i for n, i in zip(shape, own, strict=True))


def _join(op: Op[Any], *parts: Table, axis: int) -> Table:
    entries: dict[Place, Any] = {}
    start = 0
    for shape, values in parts:
        for p, value in values.items():
            entries[(*p[:axis], p[axis] + start, *p[axis + 1 :])] = value
        start += shape[axis]
    first = parts[0][0]
    return (*first[:axis], start, *first[axis + 1 :]), entries


def _triples(sizes: Sequence[Table], axes: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    numbers = [_scalar(s) for s in sizes]
    return {a: (numbers[3 * k], numbers[3 * k + 1], numbers[3 * k + 2])
            for k, a in enumerate(axes)}  # fmt: skip


def _window(op: Op[Any], x: Table, *sizes: Table, axes: Any, index: Any) -> Table:
    cut = _triples(sizes, axes)
    shape = [cut[a][1] if a in cut else n for a, n in enumerate(x[0])]
    return _made(shape, lambda p: x[1][_moved(p, cut)])


def _moved(place: Place, cut: Mapping[int, tuple[int, int, int]]) -> Place:
    return tuple(cut[a][0] + cut[a][2] * i if a in cut else i for a, i in enumerate(place))


def _unfold(op: Op[Any], x: Table, *sizes: Table, axes: Any) -> Table:
    numbers = [_scalar(s) for s in sizes]
    shape, rank = list(x[0]), len(axes)
    for k, axis in enumerate(axes):
        shape[axis] = numbers[4 * k]
    lengths = [numbers[4 * k + 1] for k in range(rank)]

    def entry(place: Place) -> Any:
        source = list(place[rank:])
        for k, axis in enumerate(axes):
            source[axis] = source[axis] * numbers[4 * k + 2] + place[k] * numbers[4 * k + 3]
        return x[1][tuple(source)]

    return _made([*lengths, *shape], entry)


def _fold(op: Op[Any], x: Table, *sizes: Table, axes: Any) -> Table:
    numbers = [_scalar(s) for s in sizes]
    rank = len(axes)
    shape = list(x[0][rank:])
    for k, axis in enumerate(axes):
        shape[axis] = numbers[3 * k]
    entries = dict.fromkeys(places(shape), 0)
    for place in places(x[0]):
        target = list(place[rank:])
        for k, axis in enumerate(axes):
            target[axis] = target[axis] * numbers[3 * k + 1] + place[k] * numbers[3 * k + 2]
        entries[tuple(target)] += x[1][place]
    return tuple(shape), entries


def _write(op: Op[Any], entries: dict[Place, Any], place: Place, value: Any) -> None:
    if op.c != "sum":
        entries[place] = value
    elif isinstance(value, bool):
        entries[place] = entries[place] or value
    else:
        entries[place] = entries[place] + value


def _window_update(op: Op[Any], x: Table, v: Table, *sizes: Table, axes: Any, index: Any) -> Table:
    cut = _triples(sizes, axes)
    shape = [cut[a][1] if a in cut else n for a, n in enumerate(x[0])]
    entries = dict(x[1])
    for p in places(shape):
        _write(op, entries, _moved(p, cut), v[1][_stretched(v[0], p)])
    return x[0], entries


def _picked(x: Table, indices: Sequence[Table]) -> Iterator[tuple[Place, Place]]:
    """Places of a gather's result, and where each is read."""
    lead = np.broadcast_shapes(*(i[0] for i in indices))
    rest = x[0][len(indices) :]
    for p in places(lead):
        spots = [i[1][_stretched(i[0], p)] for i in indices]
        start = tuple(s + n if s < 0 else s for s, n in zip(spots, x[0], strict=False))
        for q in places(rest):
            yield (*p, *q), (*start, *q)


def _gather(op: Op[Any], x: Table, *indices: Table) -> Table:
    lead = np.broadcast_shapes(*(i[0] for i in indices))
    shape = (*lead, *x[0][len(indices) :])
    return shape, {p: x[1][source] for p, source in _picked(x, indices)}


def _scatter(op: Op[Any], x: Table, v: Table, *indices: Table) -> Table:
    entries = dict(x[1])
    for p, target in _picked(x, indices):
        _write(op, entries, target, v[1][_stretched(v[0], p)])
    return x[0], entries


def _spots(
    shape: Shape, index: Sequence[Any], operands: Sequence[Table]
) -> tuple[Shape, list[Place]]:
    """The result's shape of an index, and for each of its places, in order, where it is read."""
    arrays = [e for e in index if isinstance(e, Ref) and operands[e.number][0]]
    lead = np.broadcast_shapes(*(operands[e.number][0] for e in arrays)) if arrays else ()

    def number(part: Any) -> Any:
        return _scalar(operands[part.number]) if isinstance(part, Ref) else part

    picks: list[Any] = []  # per axis of x: a list, or a function of a place in `lead`
    axes: list[Any] = []  # per axis of the result: its length and the axis of x, or "lead"
    axis, where = 0, []
    for position, e in enumerate(index):
        if e is None:
            axes.append((1, None))
            continue
        n = shape[axis]
        if isinstance(e, Slice):
            picks.append(list(range(n))[slice(*(number(part) for part in e))])
            axes.append((len(picks[-1]), axis))
        elif arrays:
            picks.append(operands[e.number] if e in arrays else ((), {(): number(e)}))
            where.append((position, len(axes)))
        else:
            picks.append([range(n)[number(e)]])
        axis += 1
    together = bool(where) and where[-1][0] - where[0][0] == len(where) - 1
    at = where[0][1] if together else 0
    spots = []
    found = [n for n, _ in axes]
    whole = (*found[:at], *lead, *found[at:])
    for p in places(whole):
        here, own = p[at : at + len(lead)], (*p[:at], *p[at + len(lead) :])
        source = []
        for a, pick in enumerate(picks):
            if isinstance(pick, list):
                k = next((k for k, (_, origin) in enumerate(axes) if origin == a), None)
                source.append(pick[own[k]] if k is not None else pick[0])
            else:
                i = pick[1][_stretched(pick[0], here)]
                source.append(i + shape[a] if i < 0 else i)
        spots.append(tuple(source))
    return whole, spots


def _subtensor(op: Op[Any], x: Table, *operands: Table, index: Any) -> Table:
    shape, spots = _spots(x[0], index, operands)
    return shape, {p: x[1][spot] for p, spot in zip(places(shape), spots, strict=True)}


def _subtensor_update(op: Op[Any], x: Table, v: Table, *operands: Table, index: Any) -> Table:
    shape, spots = _spots(x[0], index, operands)
    entries = dict(x[1])
    for p, spot in zip(places(shape), spots, strict=True):
        _write(op, entries, spot, v[1][_stretched(v[0], p)])
    return x[0], entries


def _positions(op: Op[Any], mask: Table, count: Table, *pairs: Table) -> Table:
    found = [i for i in range(mask[0][0]) if mask[1][i,]]
    return (len(found),), {(k,): i for k, i in enumerate(found)}


_COMBINE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": lambda row: sum(row) if not row or not isinstance(row[0], bool) else int(sum(row)),
    "prod": math.prod,
    "max": max,
    "min": min,
    "any": lambda row: any(v != 0 for v in row),
    "all": lambda row: all(v != 0 for v in row),
    "argmax": lambda row: row.index(max(row)),
    "argmin": lambda row: row.index(min(row)),
}


def _reduction(op: Op[Any], x: Table, axes: Sequence[int]) -> Table:
    kept = [a for a in range(len(x[0])) if a not in axes]
    rows: dict[Place, list[Any]] = {p: [] for p in places([x[0][a] for a in kept])}
    for p in places(x[0]):
        rows[tuple(p[a] for a in kept)].append(x[1][p])
    combine = _COMBINE[str(op.c)]
    return tuple(x[0][a] for a in kept), {p: combine(row) for p, row in rows.items()}


def _recurrence(a: Table, b: Table, axis: int) -> Table:
    def entry(p: Place) -> Any:
        state: Any = 0
        for k in range(p[axis] + 1):
            at = (*p[:axis], k, *p[axis + 1 :])
            state = a[1][at] * state + b[1][at]
        return state

    return _made(b[0], entry)


def _cumulative(op: Op[Any], x: Table, *rest: Table, axis: int) -> Table:
    if rest:
        return _recurrence(x, rest[0], axis)
    combine = _COMBINE[str(op.c)]

    def entry(p: Place) -> Any:
        return combine([x[1][(*p[:axis], k, *p[axis + 1 :])] for k in range(p[axis] + 1)])

    return _made(x[0], entry)


def _sorting(op: Op[Any], x: Table) -> Table:
    entries: dict[Place, Any] = {}
    for p in places(x[0][:-1]):
        row = [x[1][(*p, k)] for k in range(x[0][-1])]
        order = sorted(range(len(row)), key=row.__getitem__)
        entries |= {(*p, k): i for k, i in enumerate(order)}
    return x[0], entries


def _contraction(op: Op[Any], x: Table, y: Table, a: Any, b: Any, out: Any) -> Table:
    size = dict(zip((*a, *b), (*x[0], *y[0]), strict=True))
    inner = [i for i in dict.fromkeys((*a, *b)) if i not in out]

    def entry(p: Place) -> Any:
        total = 0
        for q in places([size[i] for i in inner]):
            at = dict(zip((*out, *inner), (*p, *q), strict=True))
            total += x[1][tuple(at[i] for i in a)] * y[1][tuple(at[i] for i in b)]
        return total

    return _made([size[i] for i in out], entry)


def _counter(op: Op[Any], n: Table) -> Table:
    return _made((_scalar(n),), lambda p: p[0])


#: By family, the meaning over tables: ``meaning(op, *operands, **attributes)``.
MEANINGS: Mapping[str, Callable[..., Table]] = {
    "dimshuffle": _dimshuffle,
    "reshape": _reshape,
    "broadcast_to": _broadcast_to,
    "join": _join,
    "window": _window,
    "window_update": _window_update,
    "unfold": _unfold,
    "fold": _fold,
    "gather": _gather,
    "scatter": _scatter,
    "subtensor": _subtensor,
    "subtensor_update": _subtensor_update,
    "positions": _positions,
    "reduction": _reduction,
    "cumulative": _cumulative,
    "sorting": _sorting,
    "contraction": _contraction,
    "counter": _counter,
    "size": lambda op, x, axis: ((), {(): x[0][axis]}),
    "shape": lambda op, x: ((len(x[0]),), {(k,): n for k, n in enumerate(x[0])}),
}
