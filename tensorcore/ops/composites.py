"""Ops that are expressed through other ops: the body is the lowering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..dtypes import ALL, BOOL, FLOATING, NUMERIC, REAL
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._array_api import copied, larger, smaller, top
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare
from ._families import ELEMENTWISE, REDUCTION, RULES, broadcast_flags, normalize_axes
from .complexes import conj
from .elementwise import add, exp, log, log1p
from .logic import ge, isinf, maximum, minimum, switch
from .movement import broadcast_to, dimshuffle, join, shape_list
from .reduction import reduce_sum, reduce_top, reference_sum

E = ELEMENTWISE


@declare(
    E,
    composite=True,
    accepts=ALL,
    rule="last",
    reference=lambda xp, x, value: copied(xp, xp.broadcast_arrays(x, value)[1]),
)
def fill(x: TensorLike, value: TensorLike) -> Tensor:
    """``value`` in the shape of ``x`` (Theano's ``second``)."""
    x, value = as_tensor(x), as_tensor(value)
    flags = broadcast_flags((x, value))
    if all(flags) and value.ndim == len(flags):
        return value
    sizes = [shape_list(t) for t in (x, value)]
    # At each axis the size is that of an operand which does not stretch there.
    result = []
    for axis in range(-len(flags), 0):
        owners = [s for t, s in zip((x, value), sizes, strict=True) if -axis <= t.ndim]
        real = [s[axis] for s in owners if not _is_one(s[axis])]
        result.append(real[0] if real else owners[0][axis])
    return broadcast_to.make((value, *result), {"broadcastable": flags})


def _is_one(size: Tensor) -> bool:
    return size.op is not None and size.op.name == "constant"


@fill.gradient
def _(g: Tensor, y: Tensor, x: Tensor, value: Tensor) -> Any:
    return None, g


@declare(E, composite=True, accepts=NUMERIC, reference=lambda xp, x: xp.square(x))
def sqr(x: TensorLike) -> Tensor:
    """The square."""
    x = as_tensor(x)
    return x * x


@sqr.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * 2 * conj(x)


def _reference_sigmoid(xp: Any, x: Any) -> Any:
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(5, 3),
    reference=_reference_sigmoid,
)
def sigmoid(x: TensorLike) -> Tensor:
    """The logistic function ``1 / (1 + exp(-x))``, without overflow."""
    # Not 1 / (1 + exp(-x)): that overflows to 0 where the result is small but not yet 0.
    x = as_tensor(x)
    e = exp(-abs(x))
    return switch(ge(x, 0), 1, e) / (1 + e)


@sigmoid.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    # y * sigmoid(-x), not y * (1 - y): the difference would cancel for large x.
    return g * y * sigmoid(-x)


@declare(
    E,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(5, 3),
    reference=lambda xp, x: xp.logaddexp(x, xp.zeros_like(x)),
)
def softplus(x: TensorLike) -> Tensor:
    """``log(1 + exp(x))``, without overflow."""
    x = as_tensor(x)
    return maximum(x, 0) + log1p(exp(-abs(x)))


@softplus.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return g * sigmoid(x)


def _reference_clip(xp: Any, x: Any, low: Any, high: Any) -> Any:
    return smaller(xp, larger(xp, x, low), high)


@declare(
    E,
    composite=True,
    accepts=BOOL + REAL,
    reference=_reference_clip,
)
def clip(x: TensorLike, low: TensorLike, high: TensorLike) -> Tensor:
    """``x`` limited to the interval from ``low`` to ``high``; NaN stays NaN."""
    return minimum(maximum(x, low), high)


class AlongAxes:
    """One operand and the attribute ``axes``; the shape stays."""

    name = "along axes"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x = as_tensor(args[0])
        axis = args[1] if len(args) > 1 else attrs.get("axis", -1)
        if x.ndim == 0:
            raise ShapeError(f"{op.name}: a scalar has no axis to normalise over.")
        return (x,), {"axes": attrs.get("axes") or normalize_axes(axis, x.ndim, op.name)}

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        operand = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, operand, inputs)
        return inputs[0].type.with_dtype(operand)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return RULES["float"]([inputs[0].dtype], [False])[0]

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return tuple(shapes[0])


ALONG_AXES = AlongAxes()


def _kept(reduced: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    rest = iter(range(reduced.ndim))
    return dimshuffle(reduced, tuple("x" if i in axes else next(rest) for i in range(x.ndim)))


def _reference_softmax(xp: Any, x: Any, axes: tuple[int, ...]) -> Any:
    e = xp.exp(x - top(xp, x, axes, keepdims=True))
    return e / reference_sum(xp, e, axes, keepdims=True)


@declare(
    ALONG_AXES,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 16),
    reference=_reference_softmax,
)
def softmax(x: TensorLike, axes: tuple[int, ...] = (-1,)) -> Tensor:
    """``exp(x) / sum(exp(x))`` over the axes, without overflow."""
    x = as_tensor(x)
    e = exp(x - _kept(reduce_top(x, axes=axes), x, axes))
    return e / _kept(reduce_sum(e, axes=axes), x, axes)


@softmax.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    axes = y.attrs["axes"]
    return (g - _kept(reduce_sum(g * y, axes=axes), x, axes)) * y


def _reference_log_softmax(xp: Any, x: Any, axes: tuple[int, ...]) -> Any:
    z = x - top(xp, x, axes, keepdims=True)
    return z - xp.log(reference_sum(xp, xp.exp(z), axes, keepdims=True))


@declare(
    ALONG_AXES,
    composite=True,
    accepts=FLOATING,
    rule="float",
    ulp=(16, 16),
    reference=_reference_log_softmax,
)
def log_softmax(x: TensorLike, axes: tuple[int, ...] = (-1,)) -> Tensor:
    """The logarithm of softmax, without overflow or ``log(0)``."""
    x = as_tensor(x)
    z = x - _kept(reduce_top(x, axes=axes), x, axes)
    return z - log(_kept(reduce_sum(exp(z), axes=axes), x, axes))


@log_softmax.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    axes = y.attrs["axes"]
    return g - softmax(x, axes=axes) * _kept(reduce_sum(g, axes=axes), x, axes)


def _reference_logsumexp(xp: Any, x: Any, axes: tuple[int, ...]) -> Any:
    largest = top(xp, x, axes, keepdims=True)
    shift = xp.where(xp.isinf(largest), xp.zeros_like(largest), largest)
    total = xp.log(reference_sum(xp, xp.exp(x - shift), axes, keepdims=True)) + shift
    return xp.squeeze(total, axis=axes)


@declare(
    REDUCTION,
    composite=True,
    name="logsumexp",
    accepts=FLOATING,
    rule="sum",  # which takes empty axes
    ulp=(16, 16),
    reference=_reference_logsumexp,
)
def logsumexp(x: TensorLike, *, axes: tuple[int, ...]) -> Tensor:
    """``log(sum(exp(x)))`` over the axes, without overflow; of nothing, minus infinity."""
    x = as_tensor(x)
    largest = reduce_top(x, axes=axes)
    shift = switch(isinf(largest), 0, largest)
    return log(reduce_sum(exp(x - _kept(shift, x, axes)), axes=axes)) + shift


@logsumexp.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    axes = y.attrs["axes"]
    return _kept(g, x, axes) * exp(x - _kept(y, x, axes))


class ShapeOf:
    """One operand of any dtype; the result is an int64 vector with one entry per axis."""

    name = "shape"
    data: int | None = None

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        return (as_tensor(args[0]),), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        return TensorType("int64", (inputs[0].ndim == 1,))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        return (inputs[0].dtype,)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        return (sizes.const(len(shapes[0])),)


@declare(
    ShapeOf(),
    composite=True,
    accepts=ALL,
    differentiable=False,
    reference=lambda xp, x: xp.asarray(x.shape, dtype=xp.int64),
)
def shape(x: TensorLike) -> Tensor:
    """The sizes of all axes as an int64 vector."""
    x = as_tensor(x)
    if x.ndim == 0:
        import numpy as np

        return as_tensor(np.zeros(0, dtype="int64"))
    parts = [dimshuffle(s, ("x",)) for s in shape_list(x)]
    return parts[0] if len(parts) == 1 else join(*parts, axis=0)


shape.gradient(lambda g, y, x: None)


def sum_of(terms: Sequence[Tensor]) -> Tensor:
    """The terms added from left to right."""
    result = terms[0]
    for term in terms[1:]:
        result = add(result, term)
    return result
