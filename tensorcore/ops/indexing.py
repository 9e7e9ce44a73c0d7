"""Primitives that read and write at computed positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..dtypes import ALL, BOOL, NUMERIC
from ..errors import OutOfRange, ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import Places, as_dtype
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare
from ._families import broadcast_flags
from .creation import as_size
from .elementwise import cast_to
from .movement import dimshuffle, sum_to, zeros_like

#: What a failed bounds check says of the index and the size of the axis.
OUTSIDE = "an index lies outside: {{0}} on axis {axis}, which has {{1}} entries"


def _places(xp: Any, x: Any, indices: Sequence[Any], named: Sequence[int] | None = None) -> Places:
    """The positions on the leading axes of ``x``; raises OutOfRange."""
    for axis, index in enumerate(indices):
        size = x.shape[axis]
        wrong = (index < -size) | (index >= size)
        if xp.any(wrong):
            first = int(index[wrong][0])
            axis = named[axis] if named else axis
            raise OutOfRange(OUTSIDE.format(axis=axis).format(first, size))
    return Places(xp, x.shape, indices)


class Gather:
    """A tensor, and one int64 index per leading axis of it; the indices have one rank and
    stretch as elementwise operands do. A negative index counts from the end. The attribute
    ``named``, where there is one, has what messages call the indexed axes."""

    name = "gather"
    data: int | None = None
    #: How many operands come before the indices.
    before = 1

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        values = tuple(as_tensor(a) for a in args[: self.before])
        indices = tuple(as_tensor(a) for a in args[self.before :])
        if not 0 < len(indices) <= values[0].ndim:
            raise ShapeError(
                f"{op.name}: {len(indices)} indices for a tensor with {values[0].ndim} axes."
            )
        for index in indices:
            if index.dtype == "bool" or index.dtype.startswith(("float", "complex")):
                raise TypeError(f"{op.name}: an index must be of integers, found {index.type!r}.")
        rank = max(i.ndim for i in indices)
        aligned = (dimshuffle(i, ("x",) * (rank - i.ndim) + tuple(range(i.ndim))) if i.ndim < rank
                   else i for i in indices)  # fmt: skip
        return (*values, *(cast_to(i, "int64") for i in aligned)), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        x, *indices = inputs
        check_accepts(op, x.dtype, inputs)
        return TensorType(x.dtype, broadcast_flags(indices) + x.broadcastable[len(indices) :])

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        count = len(inputs) - self.before
        return (inputs[0].dtype,) * self.before + ("int64",) * count

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return self.index_shape(node, shapes, sizes) + shapes[0][len(node.inputs) - 1 :]

    def index_shape(self, node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder) -> Shape:
        """The sizes of the indices, broadcast together."""
        result: list[int] = []
        indices = node.inputs[self.before :]
        for axis in range(indices[0].ndim):
            real = [
                s[axis]
                for i, s in zip(indices, shapes[self.before :], strict=True)
                if not i.broadcastable[axis]
            ]
            size = real[0] if real else sizes.const(1)
            for other in real[1:]:
                size = sizes.same(size, other, node, f"axis {axis} of its indices")
            result.append(size)
        return tuple(result)


@declare(
    Gather(),
    accepts=ALL,
    reference=lambda xp, x, *indices, named=None: _places(xp, x, indices, named).read(x),
    title="x[...]",
)
def gather(x: TensorLike, *indices: TensorLike) -> Tensor:
    """The entries of ``x`` at integer positions of its leading axes.

    The result has the axes of the indices, then the axes of ``x`` that have no index. Raises
    OutOfRange, an IndexError, for an index outside its axis.
    """


class Scatter(Gather):
    """A base, what is written to it, and the indices as for ``gather``."""

    name = "scatter"
    before = 2

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        base, value, *indices = inputs
        check_accepts(op, base.dtype, inputs)
        rank = indices[0].ndim + base.ndim - len(indices)
        if value.ndim != rank:
            raise ShapeError(
                f"{op.name}: these indices select {rank} dimension(s), but what is written there "
                f"has {value.ndim}."
            )
        return base.type

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        value = node.inputs[1]
        wanted = self.index_shape(node, shapes, sizes) + shapes[0][len(node.inputs) - 2 :]
        for axis, (size, found) in enumerate(zip(wanted, shapes[1], strict=True)):
            if not value.broadcastable[axis]:
                sizes.same(size, found, node, f"axis {axis} of the places and of what is written")
        return shapes[0]


def _reference_scatter_set(xp: Any, base: Any, value: Any, *indices: Any, named: Any = None) -> Any:
    return _places(xp, base, indices, named).write(base, value)


def _reference_scatter_add(xp: Any, base: Any, value: Any, *indices: Any, named: Any = None) -> Any:
    return _places(xp, base, indices, named).add(base, value)


@declare(Scatter(), accepts=ALL, reference=_reference_scatter_set, title="set_subtensor")
def scatter_set(base: TensorLike, value: TensorLike, *indices: TensorLike) -> Tensor:
    """``base`` with ``value`` written at integer positions of its leading axes.

    Of values for one position the last in C order stays. Raises OutOfRange.
    """


@declare(
    Scatter(),
    accepts=BOOL + NUMERIC,
    reference=_reference_scatter_add,
    c="sum",
    title="inc_subtensor",
)
def scatter_add(base: TensorLike, value: TensorLike, *indices: TensorLike) -> Tensor:
    """``base`` with ``value`` added at integer positions of its leading axes.

    Several values for one position are all added, one after the other. Raises OutOfRange.
    """


@gather.gradient
def _(g: Tensor, y: Tensor, x: Tensor, *indices: Tensor) -> Any:
    back = scatter_add.make((zeros_like(x, g.dtype), g, *indices), y.attrs)
    return (back,) + (None,) * len(indices)


@scatter_add.gradient
def _(g: Tensor, y: Tensor, base: Tensor, value: Tensor, *indices: Tensor) -> Any:
    picked = lambda: sum_to(gather.make((g, *indices), y.attrs), value)  # noqa: E731
    return (g, picked) + (None,) * len(indices)


@scatter_set.gradient
def _(g: Tensor, y: Tensor, base: Tensor, value: Tensor, *indices: Tensor) -> Any:
    # Where several values fall on one position, each receives its gradient, as in Theano.
    return (
        lambda: scatter_set.make((g, zeros_like(value, g.dtype), *indices), y.attrs),
        lambda: sum_to(gather.make((g, *indices), y.attrs), value),
        *(None,) * len(indices),
    )


class Positions:
    """A bool vector, how many of its entries are true, and pairs of sizes that must agree."""

    name = "positions"
    data: int | None = 1

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        mask = as_tensor(args[0])
        if mask.ndim != 1 or mask.dtype != "bool":
            raise ShapeError(f"{op.name}: expected a vector of bools, found {mask.type!r}.")
        return (mask, *(as_size(a, op.name) for a in args[1:])), {}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType("int64", (False,))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return ("bool",) + ("int64",) * (len(inputs) - 1)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        _, count, *pairs = node.inputs
        for axis in range(len(pairs) // 2):
            a, b = (sizes.integer(s) for s in pairs[2 * axis : 2 * axis + 2])
            sizes.same(a, b, node, f"axis {axis} of the mask and of the tensor that it indexes")
        return (sizes.integer(count),)


@declare(
    Positions(),
    accepts=BOOL,
    reference=lambda xp, mask, count, *pairs: as_dtype(xp, xp.nonzero(mask)[0], xp.int64),
    differentiable=False,
    title="x[mask]",
)
def positions(mask: TensorLike, count: TensorLike, *pairs: TensorLike) -> Tensor:
    """The places, ascending, at which a bool vector is true; ``count`` says how many."""


positions.gradient(lambda g, y, *inputs: (None,) * len(inputs))
