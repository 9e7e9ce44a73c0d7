"""The one contraction primitive: products of two tensors summed over shared labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import dtypes
from ..dtypes import NUMERIC
from ..node import Tensor, TensorLike, is_literal
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare, tensors
from .complexes import conj

Labels = tuple[int, ...]


class Contraction:
    """Two operands; attributes ``a, b, out`` label their axes and those of the result.

    A label in ``a`` and ``b`` but not in ``out`` is summed; one in all three is a batch axis.
    Each label stands in at least two of the three and at most once in each, so that the
    derivative of a contraction is a contraction with the labels exchanged.
    """

    name = "contraction"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return tensors(args), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        common = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, common, inputs)
        known: dict[int, bool] = {}
        for t, labels in zip(inputs, (attrs["a"], attrs["b"]), strict=True):
            for label, flag in zip(labels, t.broadcastable, strict=True):
                known[label] = known.get(label, True) and flag
        return TensorType(common, tuple(known[label] for label in attrs["out"]))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        names = [t.type.dtype for t in inputs]
        common = dtypes.result_dtype(names, [is_literal(t) for t in inputs])
        return (common, common)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        known: dict[int, int] = {}
        a, b = node.attrs["a"], node.attrs["b"]
        for labels, shape, where in ((a, shapes[0], 0), (b, shapes[1], 1)):
            for axis, label in enumerate(labels):
                if label in known and where == 1:
                    what = f"axis {a.index(label)} of the first and axis {axis} of the second"
                    known[label] = sizes.same(known[label], shape[axis], node, what)
                else:
                    known[label] = shape[axis]
        return tuple(known[label] for label in node.attrs["out"])


def matrix_form(a: Labels, b: Labels, out: Labels) -> tuple[Labels, Labels, Labels, Labels]:
    """The labels by role: batch, rows (only in a), columns (only in b), summed."""
    batch = tuple(x for x in out if x in a and x in b)
    rows = tuple(x for x in out if x in a and x not in b)
    columns = tuple(x for x in out if x in b and x not in a)
    summed = tuple(x for x in a if x in b and x not in out)
    return batch, rows, columns, summed


def _reference(xp: Any, x: Any, y: Any, a: Labels, b: Labels, out: Labels) -> Any:
    batch, rows, columns, summed = matrix_form(a, b, out)
    size = dict(zip(a + b, x.shape + y.shape, strict=True))

    def count(labels: Labels) -> int:
        return math.prod(size[label] for label in labels)

    left = xp.permute_dims(x, tuple(a.index(i) for i in batch + rows + summed))
    right = xp.permute_dims(y, tuple(b.index(i) for i in batch + summed + columns))
    left = xp.reshape(left, (count(batch), count(rows), count(summed)))
    right = xp.reshape(right, (count(batch), count(summed), count(columns)))
    order = batch + rows + columns
    product = xp.reshape(xp.matmul(left, right), tuple(size[i] for i in order))
    return xp.permute_dims(product, tuple(order.index(i) for i in out))


@declare(Contraction(), title="dot", accepts=NUMERIC, reference=_reference)
def contract(x: TensorLike, y: TensorLike, *, a: Labels, b: Labels, out: Labels) -> Tensor:
    """Products of the operands' entries, summed over the labels that ``out`` lacks."""


@contract.gradient
def _(g: Tensor, z: Tensor, x: Tensor, y: Tensor) -> Any:
    a, b, out = z.attrs["a"], z.attrs["b"], z.attrs["out"]
    return (
        lambda: contract(g, conj(y), a=out, b=b, out=a),
        lambda: contract(conj(x), g, a=a, b=out, out=b),
    )
