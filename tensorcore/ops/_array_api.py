"""What references need beside the functions of the Python array API standard.

A reference runs on any namespace ``xp`` of the standard (2024.12). Where NumPy has a faster way
that gives the same bits, it goes first here, so that references need not ask.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any
Axes = tuple[int, ...]


def copied(xp: Any, x: Array) -> Array:
    """An array of its own with these values."""
    return xp.asarray(x, copy=True)


def as_dtype(xp: Any, x: Array, dtype: Any) -> Array:
    """``x`` in another dtype. NumPy's functions give scalars in place of 0-d arrays, which its
    ``astype`` does not take before 2.1."""
    return xp.astype(xp.asarray(x), dtype)


def ordered(xp: Any, x: Array) -> Array:
    """Numbers in the order of ``x``: the standard compares no bools."""
    return as_dtype(xp, x, xp.uint8) if x.dtype == xp.bool else x


def added(xp: Any, x: Array, y: Array) -> Array:
    """The sum; logical or for bools, which the standard does not add."""
    return xp.logical_or(x, y) if x.dtype == xp.bool else xp.add(x, y)


def larger(xp: Any, x: Array, y: Array) -> Array:
    """The larger of two; logical or for bools."""
    return xp.logical_or(x, y) if x.dtype == xp.bool else xp.maximum(x, y)


def smaller(xp: Any, x: Array, y: Array) -> Array:
    """The smaller of two; logical and for bools."""
    return xp.logical_and(x, y) if x.dtype == xp.bool else xp.minimum(x, y)


def top(xp: Any, x: Array, axes: Axes, keepdims: bool = False) -> Array:
    """The largest value over axes; minus infinity over an empty axis."""
    if all(x.shape[axis] for axis in axes):
        return xp.max(x, axis=axes, keepdims=keepdims)
    kept = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
    shape = kept if keepdims else [n for axis, n in enumerate(x.shape) if axis not in axes]
    return xp.full(tuple(shape), -math.inf, dtype=x.dtype)


def complex_of(xp: Any, re: Array, im: Array) -> Array:
    """The complex numbers with these parts, to the bit: also infinite, NaN or -0 ones."""
    re, im = xp.broadcast_arrays(re, im)
    dtype = xp.result_type(re, xp.complex64)
    if isinstance(re, np.ndarray):
        result = np.empty(re.shape, dtype)
        result.real, result.imag = re, im
        return result
    # The standard has no function for it, and in re + im * 1j the parts would mix.
    pairs = zip(_entries(xp, re), _entries(xp, im), strict=True)
    numbers = [complex(float(a), float(b)) for a, b in pairs]
    return xp.reshape(xp.asarray(numbers, dtype=dtype), re.shape)


def host_integers(xp: Any, x: Array) -> np.ndarray:
    """An array of integers as a NumPy array."""
    if isinstance(x, np.ndarray):
        return x
    return np.array([int(n) for n in _entries(xp, x)], dtype="int64").reshape(x.shape)


def _entries(xp: Any, x: Array) -> list[Array]:
    """The entries in C order, as 0-d arrays."""
    vector = xp.reshape(x, (math.prod(x.shape),))
    return [vector[k] for k in range(vector.shape[0])]


# -- computed positions ---------------------------------------------------------------------


class Places:
    """Positions along the first ``len(indices)`` axes of arrays of one shape, as one number
    each: those axes are taken as one, in C order. The indices broadcast together; a negative
    one counts from the end; none lies outside."""

    def __init__(self, xp: Any, shape: Axes, indices: Sequence[Array]) -> None:
        self.xp = xp
        count = len(indices)
        self.rows = math.prod(shape[:count])
        self.rest = shape[count:]
        total = xp.zeros((), dtype=xp.int64)
        for index, size in zip(indices, shape, strict=False):
            total = total * size + xp.where(index < 0, index + size, index)
        self.shape = total.shape
        self.flat = xp.reshape(total, (math.prod(self.shape),))

    def read(self, x: Array) -> Array:
        """The entries at the positions: the axes of the indices, then the others."""
        taken = self.xp.take(self._as_rows(x), self.flat, axis=0)
        return self.xp.reshape(taken, (*self.shape, *self.rest))

    def write(self, x: Array, value: Array) -> Array:
        """``x`` with the value written; of several for one position the last stays."""
        rows, values = self._as_rows(x), self._values(value)
        if isinstance(rows, np.ndarray):
            rows = rows.copy()
            rows[self.flat] = values
        else:
            begin, end, order = self._runs()
            rows = self._chosen(begin < end, end - 1, order, values, rows)
        return self.xp.reshape(rows, x.shape)

    def add(self, x: Array, value: Array) -> Array:
        """``x`` with the value added, one after the other for one position."""
        rows, values = self._as_rows(x), self._values(value)
        if isinstance(rows, np.ndarray):
            rows = rows.copy()
            np.add.at(rows, self.flat, values)
        else:
            begin, end, order = self._runs()
            most = int(self.xp.max(end - begin)) if self.rows else 0
            for turn in range(most):  # the first for each position, the second, ...
                here = begin + turn
                zero = self.xp.zeros_like(rows)
                one = self._chosen(here < end, here, order, values, zero)
                rows = self._where(here < end, added(self.xp, rows, one), rows)
        return self.xp.reshape(rows, x.shape)

    def _as_rows(self, x: Array) -> Array:
        return self.xp.reshape(x, (self.rows, *self.rest))

    def _values(self, value: Array) -> Array:
        full = self.xp.broadcast_to(value, (*self.shape, *self.rest))
        return self.xp.reshape(full, (math.prod(self.shape), *self.rest))

    def _runs(self) -> tuple[Array, Array, Array]:
        """For each row, where the run of its values begins and ends in ``order``, which sorts
        the values by row and leaves those of one row in C order."""
        xp = self.xp
        order = xp.argsort(self.flat, stable=True)
        row, each = xp.take(self.flat, order), xp.arange(self.rows, dtype=xp.int64)
        return (
            xp.searchsorted(row, each, side="left"),
            xp.searchsorted(row, each, side="right"),
            order,
        )

    def _chosen(self, chosen: Array, at: Array, order: Array, values: Array, other: Array) -> Array:
        """For each chosen row the value number ``order[at]``, for the others ``other``."""
        if not values.shape[0]:
            return other
        source = self.xp.take(order, self.xp.where(chosen, at, self.xp.zeros_like(at)))
        return self._where(chosen, self.xp.take(values, source, axis=0), other)

    def _where(self, chosen: Array, x: Array, y: Array) -> Array:
        column = self.xp.reshape(chosen, (self.rows, *(1 for _ in self.rest)))
        return self.xp.where(column, x, y)
