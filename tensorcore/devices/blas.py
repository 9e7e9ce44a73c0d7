"""A product of matrices in the words of libraries: which operand comes first, transposed or not,
and how far its columns lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: The largest length or stride: those of libraries have 32 bits.
_LARGEST = 2**31 - 1


class Operand(NamedTuple):
    """A matrix as BLAS names it: transposed or not, and how far its columns lie apart."""

    transposed: bool
    leading: int


class Form(NamedTuple):
    """A product in BLAS's words, by columns. ``swapped``: our second operand comes first, as a
    result by rows is its transpose by columns."""

    rows: int
    columns: int
    summed: int
    first: Operand
    second: Operand
    leading: int
    swapped: bool


def _operand(rows: int, columns: int, row_step: int, column_step: int) -> Operand | None:
    """A matrix whose rows lie ``row_step`` apart; None where neither rows nor columns touch."""
    if row_step == 1 or rows == 1:
        leading = column_step if columns > 1 else rows
        if leading >= rows:
            return Operand(False, max(leading, 1))
    if column_step == 1 or columns == 1:
        leading = row_step if rows > 1 else columns
        if leading >= columns:
            return Operand(True, max(leading, 1))
    return None


def form_of(lengths: Sequence[int], strides: Sequence[int]) -> Form | None:
    """How BLAS does it, if it can: nothing empty, no length beyond 32 bits, and in every matrix
    rows or columns that touch."""
    _, m, n, k = lengths
    _, am, ak, _, bk, bn, _, rm, rn = strides
    if min(lengths) < 1 or max(*lengths, *strides) > _LARGEST:
        return None
    result = _operand(n, m, rn, rm)  # the transpose of the result, by columns
    swapped = result is not None and not result.transposed
    if not swapped:
        result = _operand(m, n, rm, rn)
        if result is None or result.transposed:
            return None
        first, second = _operand(m, k, am, ak), _operand(k, n, bk, bn)
    else:
        first, second = _operand(n, k, bn, bk), _operand(k, m, ak, am)
    if first is None or second is None or result is None:
        return None
    rows, columns = (n, m) if swapped else (m, n)
    return Form(rows, columns, k, first, second, result.leading, swapped)
