"""The primitive behind all sorting: the positions in sorted order along the last axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..dtypes import BOOL, REAL
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import as_dtype, ordered
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare


class Sorting:
    """One operand with at least one axis; the shape stays."""

    name = "sorting"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x = as_tensor(args[0])
        if x.ndim == 0:
            raise ShapeError(f"{op.name}: a scalar has no axis to sort along.")
        return (x,), {}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        check_accepts(op, inputs[0].dtype, inputs)
        return inputs[0].type.with_dtype("int64")

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].dtype,)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(shapes[0])


def _reference_argsort(xp: Any, x: Any) -> Any:
    return as_dtype(xp, xp.argsort(ordered(xp, x), axis=-1, stable=True), xp.int64)


@declare(
    Sorting(),
    composite=True,
    accepts=BOOL + REAL,
    differentiable=False,
    reference=_reference_argsort,
)
def argsort(x: TensorLike) -> Tensor:
    """The int64 positions that sort ``x`` along its last axis; equal entries keep their order
    and NaN comes last."""
    # Each entry's rank is the number of entries that come before it. That is quadratic work,
    # all of it parallel; backends with a sorting routine claim the op.
    from .creation import iota
    from .indexing import scatter_set
    from .logic import and_, eq, invert, isnan, lt, or_
    from .movement import dimshuffle, shape_list, zeros_like
    from .reduction import reduce_sum

    x = as_tensor(x)
    n = shape_list(x)[-1]
    lead = tuple(range(x.ndim - 1))
    mine = dimshuffle(x, (*lead, x.ndim - 1, "x"))
    other = dimshuffle(x, (*lead, "x", x.ndim - 1))
    place = iota(n)
    earlier = lt(dimshuffle(place, ("x", 0)), dimshuffle(place, (0, "x")))
    before, same = lt(other, mine), eq(other, mine)
    if x.dtype.startswith("float"):
        nan_mine, nan_other = isnan(mine), isnan(other)
        before = or_(before, and_(nan_mine, invert(nan_other)))
        same = or_(same, and_(nan_mine, nan_other))
    rank = reduce_sum(or_(before, and_(same, earlier)), axes=(x.ndim,))
    # result[..., rank[..., i]] = i
    leading = [iota(size) for size in shape_list(x)[:-1]]
    grids = [
        dimshuffle(counter, ("x",) * k + (0,) + ("x",) * (x.ndim - 1 - k))
        for k, counter in enumerate(leading)
    ]
    blank = zeros_like(x, "int64")
    values = dimshuffle(place, ("x",) * len(lead) + (0,))
    return scatter_set(blank, values, *grids, rank)


argsort.gradient(lambda g, y, x: None)
