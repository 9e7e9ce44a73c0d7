"""Theano's classes of ops that index, and what reads their index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any as Anything

import numpy as np

from .. import tensor as T
from ..node import Tensor, as_tensor
from ..ops.subtensor import Ref, Slice
from .known_ops import given_axis, made_class

__all__ = [
    "AdvancedBooleanSubtensor", "AdvancedIncSubtensor", "AdvancedIncSubtensor1",
    "AdvancedSubtensor", "AdvancedSubtensor1", "FillDiagonal", "FillDiagonalOffset",
    "IncSubtensor", "NonZero", "PermuteRowElements", "Subtensor", "get_canonical_form_slice",
    "get_constant_idx", "get_idx_list",
]  # fmt: skip


def _with_inputs(idx_list: Iterable[Anything], rest: Iterator[Anything]) -> list[Anything]:
    """The entries of an index, their types replaced by the inputs, in order."""

    def part(entry: Anything) -> Anything:
        if isinstance(entry, slice):
            return slice(part(entry.start), part(entry.stop), part(entry.step))
        if entry is None or isinstance(entry, (int, np.integer)):
            return entry
        return next(rest)

    return [part(entry) for entry in idx_list]


def get_idx_list(
    inputs: Anything, idx_list: Anything, get_count: bool = False
) -> tuple[Anything, ...]:
    """The index that an op takes: of ``op.idx_list`` and the inputs of the application."""
    return tuple(_with_inputs(idx_list, iter(inputs[1:])))


def get_constant_idx(
    idx_list: Anything, inputs: Anything, allow_partial: bool = False, **kwargs: Anything
) -> list[Anything]:
    """The index with numbers in it. Raises NotScalarConstantError where one is not known."""
    from .tensors import NotScalarConstantError, get_scalar_constant_value

    def number(entry: Anything) -> Anything:
        if isinstance(entry, slice):
            return slice(number(entry.start), number(entry.stop), number(entry.step))
        try:
            return entry if entry is None else int(get_scalar_constant_value(entry))
        except NotScalarConstantError:
            if allow_partial:
                return entry
            raise

    return [number(entry) for entry in get_idx_list(inputs, idx_list)]


def get_canonical_form_slice(theslice: Anything, length: Anything) -> tuple[Anything, int]:
    """A slice with its bounds inside an axis of this length, and 1; an index from the start."""
    n = as_tensor(length)
    if not isinstance(theslice, slice):
        place = as_tensor(theslice)
        return T.switch(T.lt(place, 0), place + n, place), 1
    step = 1 if theslice.step is None else theslice.step
    if not (isinstance(step, int) and step > 0):
        raise TypeError(f"get_canonical_form_slice: expected a step above 0, found {step!r}.")

    def inside(bound: Anything, missing: Anything) -> Tensor:
        place = as_tensor(missing if bound is None else bound)
        return T.clip(T.switch(T.lt(place, 0), place + n, place), 0, n)

    return slice(inside(theslice.start, 0), inside(theslice.stop, n), step), 1


def _index_facts(first: int) -> Anything:
    """The facts of a node whose positions begin among its inputs at ``first``."""

    def facts(node: Tensor) -> dict[str, Anything]:
        def part(entry: Anything) -> Anything:
            if isinstance(entry, Slice):
                return slice(*map(part, entry))
            return node.inputs[first + entry.number].type if isinstance(entry, Ref) else entry

        assert node.op is not None
        found = [part(entry) for entry in node.attrs.get("index", ())]
        while found and found[-1] == slice(None, None, None):
            found.pop()
        return {"idx_list": tuple(found), "set_instead_of_inc": node.op.name == "set_subtensor"}

    return facts


def _advanced(node: Tensor) -> bool:
    first = 1 if node.op is not None and node.op.name == "subtensor" else 2
    return any(
        isinstance(entry, Ref) and node.inputs[first + entry.number].ndim > 0
        for entry in node.attrs.get("index", ())
    )


def _rows_only(node: Tensor) -> bool:
    index = node.attrs.get("index", ())
    rest = (isinstance(e, Slice) and e.whole and e.step in (None, 1) for e in index[1:])
    return _advanced(node) and isinstance(index[0], Ref) and all(rest)


def _updated(op: Anything, x: Anything, y: Anything, index: Anything) -> Tensor:
    update = T.set_subtensor if op.set_instead_of_inc else T.inc_subtensor
    return update(as_tensor(x)[tuple(index)], y)


def _plain(node: Tensor) -> bool:
    return not _advanced(node)


Subtensor = made_class(
    "Subtensor", "subtensor window", parameters="idx_list=",
    apply=lambda op, x, *rest: as_tensor(x)[tuple(_with_inputs(op.idx_list, iter(rest)))],
    facts=_index_facts(1), when=_plain,
)  # fmt: skip
AdvancedSubtensor1 = made_class(
    "AdvancedSubtensor1", "subtensor gather",
    apply=lambda op, x, rows: as_tensor(x)[as_tensor(rows)],
    when=_rows_only,
)  # fmt: skip
AdvancedSubtensor = made_class(
    "AdvancedSubtensor", "subtensor gather", apply=lambda op, x, *index: as_tensor(x)[index],
    when=_advanced,
)  # fmt: skip
_UPDATE = "inplace=False set_instead_of_inc=False"
IncSubtensor = made_class(
    "IncSubtensor", "inc_subtensor set_subtensor window_add window_set",
    parameters=f"idx_list= {_UPDATE}",
    apply=lambda op, x, y, *rest: _updated(op, x, y, _with_inputs(op.idx_list, iter(rest))),
    facts=_index_facts(2), when=_plain,
)  # fmt: skip
AdvancedIncSubtensor1 = made_class(
    "AdvancedIncSubtensor1", "inc_subtensor set_subtensor scatter_add scatter_set",
    parameters=_UPDATE, apply=lambda op, x, y, rows: _updated(op, x, y, [as_tensor(rows)]),
    facts=_index_facts(2), when=_rows_only,
)  # fmt: skip
AdvancedIncSubtensor = made_class(
    "AdvancedIncSubtensor", "inc_subtensor set_subtensor scatter_add scatter_set",
    parameters=_UPDATE, apply=lambda op, x, y, *index: _updated(op, x, y, index),
    facts=_index_facts(2), when=_advanced,
)  # fmt: skip
AdvancedBooleanSubtensor = AdvancedSubtensor
NonZero = made_class("NonZero", apply=lambda op, x: T.nonzero(x))
FillDiagonal = made_class("FillDiagonal", apply=lambda op, x, value: T.fill_diagonal(x, value))
FillDiagonalOffset = made_class(
    "FillDiagonalOffset", apply=lambda op, x, v, offset: T.fill_diagonal_offset(x, v, offset)
)


def _permuted(op: Anything, x: Anything, order: Anything, inverse: Anything = 0) -> Tensor:
    from .seldom import permute_row_elements

    return permute_row_elements(x, order, int(given_axis(None, as_tensor(inverse))))


PermuteRowElements = made_class("PermuteRowElements", apply=_permuted)
