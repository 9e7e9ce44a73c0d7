"""Products of a matrix and vectors that read the matrix once.

A step of a regression multiplies the rows of a matrix by weights, computes an error for each row,
and multiplies the columns by these errors: two products, each of which reads the matrix. Where
the error follows from the first product row by row, both are one kernel: the first is a sum along
each row, the second a *total*, which the rows add up while each is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..graph import toposort
from ..node import Tensor
from .fuse import MAX_OPERATIONS, data_inputs, is_pointwise, scalar_operations, space_axes

_DTYPES = frozenset({"float32", "float64"})


class Product(NamedTuple):
    """A contraction of a matrix with a vector, ``along`` its rows or down its columns."""

    matrix: Tensor
    vector: Tensor
    along: bool


def read_once(nodes: Iterable[Tensor]) -> dict[Tensor, Product]:
    """The contractions that may share a kernel: those along rows from which one down the columns
    of the same matrix follows row by row, and these."""
    found = {node: made for node in nodes if (made := _product(node)) is not None}
    result: dict[Tensor, Product] = {}
    for node, made in found.items():
        if not made.along:
            rows = {n for n, p in found.items() if p.along and p.matrix is made.matrix}
            first = _followed(made.vector, rows) if rows else set()
            result |= {n: found[n] for n in (*first, node) if first}
    return result


def _product(node: Tensor) -> Product | None:
    """The node as such a product, if it is one; a matrix of which an axis is known to be 1, or
    that is not there from the start, makes none."""
    if node.op is None or node.op.name != "contract" or node.dtype not in _DTYPES:
        return None
    (x, y), (a, b) = node.inputs, (node.attrs["a"], node.attrs["b"])
    if x.ndim == 1:
        x, y, a, b = y, x, b, a
    if (x.ndim, y.ndim, node.ndim) != (2, 1, 1) or x.op is not None or any(x.broadcastable):
        return None
    return Product(x, y, b[0] == a[1])


def _followed(vector: Tensor, starts: set[Tensor]) -> set[Tensor]:
    """Those of ``starts`` from which the vector follows point by point; none where a part of
    it needs more than one row, or is long enough to fill a kernel."""
    reached: set[Tensor] = set()
    count = 0
    for node in toposort([vector], stop=starts):
        if node in starts:
            reached.add(node)
        elif not reached.isdisjoint(data_inputs(node)):
            if not is_pointwise(node) or node.ndim != 1 or len(space_axes(node)) != 1:
                return set()
            reached.add(node)
            count += scalar_operations(node)
    return reached & starts if vector in reached and 2 * count <= MAX_OPERATIONS else set()
