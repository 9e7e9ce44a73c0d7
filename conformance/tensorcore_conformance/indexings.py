"""Shapes, positions and attributes for the families of ops that read and write at positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tensorcore.ops.subtensor import Ref, Slice

from .values import Array, Shape, generator

Flags = tuple[bool, ...]


class Pick(NamedTuple):
    """Shapes of the operands with values of the op's own dtype, then the operands with positions,
    attributes, and the declared axes of size 1 of all operands (empty: none)."""

    shapes: tuple[Shape, ...]
    places: tuple[Array, ...]
    attrs: dict[str, Any]
    flags: tuple[Flags, ...] = ()


def _places(*lists: Any) -> tuple[Array, ...]:
    return tuple(np.asarray(entry, dtype="int64") for entry in lists)


#: A shape, positions for its leading axes (each row once or more), declared axes of size 1.
_GATHERS: tuple[tuple[Shape, tuple[Array, ...], tuple[Flags, ...]], ...] = (
    ((4, 5), _places([2, 0, -1]), ()),
    ((4, 5), _places([2, 0, -1, 3], [0, 4, -2, 0]), ()),
    ((4, 5), _places([[1, 0], [3, -2]]), ()),
    ((5,), _places(-2), ()),
    ((3, 4, 2), _places([[0], [2]], [[1, -1, 0]]), ((False,) * 3, (False, True), (True, False))),
    ((4, 0), _places([1, 2]), ()),
    ((4, 5), _places(np.zeros((0,))), ()),
    ((0, 3), _places(np.zeros((0,))), ()),
    ((2, 3, 4), _places(1, -1), ()),
)
_TWICE = ((4, 3), _places([1, 1, -3, 0, 1]), ())


def _gather(full: bool) -> Iterator[Pick]:
    for shape, places, flags in (*_GATHERS, _TWICE) if full else _GATHERS[:3]:
        known = flags or ((False,) * len(shape), *((False,) * p.ndim for p in places))
        yield Pick((shape,), places, {}, known)


def _scatter(full: bool) -> Iterator[Pick]:
    for shape, places, flags in (*_GATHERS, _TWICE) if full else (*_GATHERS[:3], _TWICE):
        spots = np.broadcast_shapes(*(p.shape for p in places)) + shape[len(places) :]
        known = flags or ((False,) * len(shape), *((False,) * p.ndim for p in places))
        yield Pick((shape, spots), places, {}, (known[0], (False,) * len(spots), *known[1:]))
        ones = tuple(1 for _ in spots)  # one value for all places
        yield Pick((shape, ones), places, {}, (known[0], (True,) * len(spots), *known[1:]))


def _positions(full: bool) -> Iterator[Pick]:
    for n in (7, 0, 1, 1000) if full else (7, 0):
        mask = generator("positions", n).integers(0, 2, n).astype(bool)
        for found in (mask, np.zeros(n, bool), np.ones(n, bool)):
            count = np.asarray(found.sum(), dtype="int64")
            yield Pick((), (found, count), {}, ((False,), ()))


def _cumulative(full: bool) -> Iterator[Pick]:
    rows: list[tuple[Shape, int]] = [((3, 5), 1), ((3, 5), 0), ((7,), 0)]
    if full:
        rows += [((2, 3, 4), 1), ((0, 3), 0), ((3, 0), 1), ((3, 0), 0), ((4, 300), 1), ((1,), 0)]
    for shape, axis in rows:
        yield Pick((shape,), (), {"axis": axis}, ((False,) * len(shape),))


def _sorting(full: bool) -> Iterator[Pick]:
    rows: list[Shape] = [(7,), (3, 5), (0,), (3, 0)]
    if full:
        rows += [(1,), (17,), (2, 3, 4), (40, 33), (0, 4), (4, 1)]
    for shape in rows:
        yield Pick((shape,), (), {}, ((False,) * len(shape),))


_ALL = Slice(None, None, None)
#: A shape, a template, and the operands it refers to.
_INDICES: tuple[tuple[Shape, tuple[Any, ...], tuple[Array, ...]], ...] = (
    ((5, 4), (1, _ALL), ()),
    ((5, 4), (Slice(None, None, -2), Slice(1, 3, None)), ()),
    ((5, 4), (Ref(0), _ALL), _places([3, 0, -1])),
    ((5, 4), (Ref(0), Ref(1)), _places([3, 0, -1], [1, -1, 2])),
    ((5, 4), (-1, Ref(0)), _places(2)),
    ((5,), (Slice(Ref(0), Ref(1), None),), _places(-4, 4)),
    ((5,), (Slice(Ref(0), Ref(1), -3),), _places(100, -100)),
    ((5,), (Slice(4, 1, None),), ()),
    ((5, 4), (Slice(None, None, Ref(0)), Slice(1, Ref(1), Ref(2))), _places(-2, -1, 2)),
    ((7,), (Slice(None, None, Ref(0)),), _places(3)),
    ((7,), (Slice(5, None, Ref(0)),), _places(-2)),
    ((7,), (Slice(None, Ref(0), Ref(1)),), _places(-100, -(2**62))),
    ((3, 4, 5), (_ALL, Ref(0), Slice(1, None, 2)), _places([2, -4])),
    ((3, 4, 5), (Ref(0), _ALL, Ref(1)), _places([2, 0], [4, -1])),
    ((3, 4, 5), (Ref(0), 1, _ALL), _places([[2, 0], [1, -1]])),
    ((3, 4, 5), (None, 0, _ALL, None, Ref(0)), _places([[3], [0]])),
    ((3, 4, 5), (_ALL, None, Ref(0), None, 2), _places([3, 0, 1])),
    ((3, 4), (None, _ALL, None, Slice(-2, None, None)), ()),
    ((0, 4), (_ALL, Ref(0)), _places([3, 0])),
    ((4,), (Ref(0),), _places(np.zeros((0, 2)))),
    ((33, 65), (Slice(1, None, 2), Slice(None, None, -1)), ()),
)


def _result_shape(shape: Shape, template: tuple[Any, ...], places: tuple[Array, ...]) -> Shape:
    def value(entry: Any) -> Any:
        if isinstance(entry, Ref):
            return places[entry.number] if places[entry.number].ndim else int(places[entry.number])
        return entry

    index = tuple(slice(*map(value, e)) if isinstance(e, Slice) else value(e) for e in template)
    return tuple(np.asarray(np.empty(shape)[index]).shape)


def _subtensor(full: bool) -> Iterator[Pick]:
    for shape, template, places in _INDICES if full else _INDICES[:6]:
        flags = ((False,) * len(shape), *((False,) * p.ndim for p in places))
        yield Pick((shape,), places, {"index": template}, flags)
    if full:
        yield Pick(((1, 4),), (), {"index": (Slice(None, None, -1), 2)}, ((True, False),))


def _subtensor_update(full: bool) -> Iterator[Pick]:
    for shape, template, places in _INDICES if full else _INDICES[:6]:
        spots = _result_shape(shape, template, places)
        rest = tuple((False,) * p.ndim for p in places)
        attrs = {"index": template}
        yield Pick((shape, spots), places, attrs, ((False,) * len(shape), _ones(spots), *rest))
        yield Pick((shape, ()), places, attrs, ((False,) * len(shape), (), *rest))


def _ones(shape: Shape) -> Flags:
    return tuple(n == 1 for n in shape)


INDEXINGS: dict[str, Callable[[bool], Iterator[Pick]]] = {
    "gather": _gather,
    "scatter": _scatter,
    "positions": _positions,
    "cumulative": _cumulative,
    "sorting": _sorting,
    "subtensor": _subtensor,
    "subtensor_update": _subtensor_update,
}
