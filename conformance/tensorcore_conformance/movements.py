"""Shapes, sizes and attributes for the families of ops that move values or read sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Shape = tuple[int, ...]
#: Shapes of the moved operands, integer operands, attributes, and declared axes of size 1
#: (empty: none).
Move = tuple[tuple[Shape, ...], tuple[int, ...], dict[str, Any], tuple[tuple[bool, ...], ...]]


def _dimshuffle(full: bool) -> Iterator[Move]:
    rows: list[tuple[Shape, tuple[bool, ...], tuple[Any, ...]]] = [
        ((3, 4), (False, False), (1, 0)),
        ((5,), (False,), ("x", 0)),
        ((1, 4), (True, False), (1,)),
    ]
    if full:
        rows += [
            ((), (), ("x", "x")),
            ((5,), (False,), (0, "x")),
            ((0, 4), (False, False), (1, 0)),
            ((2, 3, 4), (False,) * 3, (2, 0, 1)),
            ((2, 3, 4), (False,) * 3, (1, "x", 2, 0)),
            ((2, 1, 4), (False, True, False), (2, "x", 0)),
            ((2, 3, 4, 5), (False,) * 4, (0, 3, 1, 2)),
            ((1, 1), (True, True), ()),
            ((33, 65), (False, False), (1, 0)),
        ]
    for shape, flags, pattern in rows:
        yield (shape,), (), {"pattern": pattern}, (flags,)


def _reshape(full: bool) -> Iterator[Move]:
    rows: list[tuple[Shape, tuple[int, ...]]] = [((3, 4), (12,)), ((6,), (2, 3)), ((4, 0), (0,))]
    if full:
        rows += [
            ((), (1,)), ((1,), ()), ((2, 3, 4), (4, 6)), ((12,), (2, 3, 2)), ((0,), (3, 0)),
            ((2, 6), (3, 4)), ((5,), (5,)), ((2, 3), (1, 6)),
        ]  # fmt: skip
    for shape, sizes in rows:
        yield (shape,), sizes, {"broadcastable": (False,) * len(sizes)}, ()


def _broadcast_to(full: bool) -> Iterator[Move]:
    rows: list[tuple[Shape, tuple[bool, ...], tuple[int, ...]]] = [
        ((1, 4), (True, False), (3, 4)),
        ((), (), (5,)),
    ]
    if full:
        rows += [
            ((4,), (False,), (3, 4)),
            ((3, 1), (False, True), (2, 3, 5)),
            ((1, 1), (True, True), (0, 3)),
            ((0,), (False,), (3, 0)),
            ((2, 3), (False, False), (2, 3)),
            ((), (), ()),
        ]
    for shape, flags, sizes in rows:
        yield (shape,), sizes, {"broadcastable": (False,) * len(sizes)}, (flags,)


def _join(full: bool) -> Iterator[Move]:
    rows: list[tuple[tuple[Shape, ...], int]] = [
        (((3, 4), (2, 4)), 0),
        (((3, 4), (3, 1), (3, 2)), 1),
    ]
    if full:
        rows += [
            (((5,),), 0),
            (((5,), (0,), (3,)), 0),
            (((0, 2), (0, 2)), 0),
            (((2, 3, 4), (2, 3, 1)), 2),
            (((1, 4), (1, 4)), 0),
        ]
    for shapes, axis in rows:
        yield shapes, (), {"axis": axis}, ()


#: Shape, axes, and per axis start, length, step.
_WINDOWS: tuple[tuple[Shape, tuple[int, ...], tuple[int, ...]], ...] = (
    ((7,), (0,), (1, 3, 2)), ((7,), (0,), (6, 7, -1)), ((4, 5), (1,), (1, 3, 1)),
    ((4, 5), (0, 1), (3, 4, -1, 0, 3, 2)), ((7,), (0,), (2, 0, 1)), ((0,), (0,), (0, 0, 1)),
    ((7,), (0,), (5, 2, -3)), ((3, 4, 5), (0, 2), (0, 2, 2, 4, 5, -1)), ((5,), (0,), (4, 1, 1)),
)  # fmt: skip


def _window(full: bool) -> Iterator[Move]:
    for shape, axes, sizes in _WINDOWS if full else _WINDOWS[:4]:
        yield (shape,), sizes, {"axes": axes, "index": ()}, ()
    if full:
        yield ((4, 5),), (2, 1, 1), {"axes": (0,), "index": (0,)}, ()


def _window_update(full: bool) -> Iterator[Move]:
    """The windows, turned round: what was read is written; and one value for all of a window."""
    for shape, axes, sizes in _WINDOWS if full else _WINDOWS[:4]:
        small = list(shape)
        for k, axis in enumerate(axes):
            small[axis] = sizes[3 * k + 1]
        yield (shape, tuple(small)), sizes, {"axes": axes, "index": ()}, ()
        ones = (1,) * len(shape)
        flags = ((False,) * len(shape), (True,) * len(shape))
        yield (shape, ones), sizes, {"axes": axes, "index": ()}, flags


def _size(full: bool) -> Iterator[Move]:
    for shape in ((5,), (0,), (3, 0), (2, 3, 4)):
        for axis in range(len(shape)):
            yield (shape,), (), {"axis": axis}, ()


def _shape(full: bool) -> Iterator[Move]:
    for shape in ((), (5,), (0,), (3, 0), (2, 3, 4)):
        yield (shape,), (), {}, ()


MOVEMENTS: dict[str, Callable[[bool], Iterator[Move]]] = {
    "dimshuffle": _dimshuffle,
    "reshape": _reshape,
    "broadcast_to": _broadcast_to,
    "join": _join,
    "window": _window,
    "window_update": _window_update,
    "size": _size,
    "shape": _shape,
}
