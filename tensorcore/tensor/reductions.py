"""Functions that combine the entries along axes: sums, extremes, statistics, running totals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops._families import normalize_axes
from ..ops.complexes import conj, real
from ..ops.composites import logsumexp as _logsumexp
from ..ops.composites import sqr
from ..ops.creation import as_size
from ..ops.cumulative import cumulative_prod, cumulative_sum
from ..ops.elementwise import abs_, cast, cast_to, sqrt
from ..ops.logic import neq
from ..ops.movement import dimshuffle, reshape_to, shape_list
from ..ops.reduction import (
    reduce_all,
    reduce_any,
    reduce_argmax,
    reduce_argmin,
    reduce_max,
    reduce_min,
    reduce_prod,
    reduce_sum,
)
from .checks import one_axis, whole

__all__ = [
    "all", "any", "argmax", "argmin", "average", "count", "cumprod", "cumsum", "diff", "logsumexp",
    "max", "max_and_argmax", "mean", "min", "norm", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip

Axis = int | Sequence[int] | None


def _reduce(op: Callable[..., Tensor], what: str, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    axes = normalize_axes(axis, x.ndim, what)
    return _restore(op(x, axes=axes), x, axes, keepdims)


def _restore(y: Tensor, x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if not keepdims:
        return y
    rest = iter(range(y.ndim))
    return dimshuffle(y, tuple("x" if i in axes else next(rest) for i in range(x.ndim)))


def _accumulated(
    op: Callable[..., Tensor],
    what: str,
    x: TensorLike,
    axis: Axis,
    keepdims: bool,
    dtype: Any,
    acc_dtype: Any,
) -> Tensor:
    x = as_tensor(x)
    inner = acc_dtype or dtype
    result = _reduce(op, what, x if inner is None else cast(x, inner), axis, keepdims)
    return result if dtype is None else cast_to(result, dtypes.canonical(dtype))


def sum(
    x: TensorLike,
    axis: Axis = None,
    dtype: Any = None,
    keepdims: bool = False,
    acc_dtype: Any = None,
) -> Tensor:
    """The sum over ``axis`` (all by default). Small integers are summed in 64 bits.

    ``dtype`` is that of the result, ``acc_dtype`` (by default the same) that of the sum.
    """
    return _accumulated(reduce_sum, "sum", x, axis, keepdims, dtype, acc_dtype)


def prod(
    x: TensorLike,
    axis: Axis = None,
    dtype: Any = None,
    keepdims: bool = False,
    acc_dtype: Any = None,
    no_zeros_in_input: bool = False,
) -> Tensor:
    """The product over ``axis`` (all by default). Small integers multiply in 64 bits.

    The gradient is right for zeros too, so ``no_zeros_in_input`` changes nothing.
    """
    return _accumulated(reduce_prod, "prod", x, axis, keepdims, dtype, acc_dtype)


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value over ``axis``; NaN if there is one. Empty axes raise ShapeError."""
    return _reduce(reduce_max, "max", as_tensor(x), axis, keepdims)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest value over ``axis``; NaN if there is one. Empty axes raise ShapeError."""
    return _reduce(reduce_min, "min", as_tensor(x), axis, keepdims)


def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any value over ``axis`` is not zero."""
    return _reduce(reduce_any, "any", as_tensor(x), axis, keepdims)


def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all values over ``axis`` are not zero."""
    return _reduce(reduce_all, "all", as_tensor(x), axis, keepdims)


def argmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int64 position of the first largest value over ``axis``, in C order over several."""
    return _reduce(reduce_argmax, "argmax", as_tensor(x), axis, keepdims)


def argmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int64 position of the first smallest value over ``axis``."""
    return _reduce(reduce_argmin, "argmin", as_tensor(x), axis, keepdims)


def max_and_argmax(
    x: TensorLike, axis: Axis = None, keepdims: bool = False
) -> tuple[Tensor, Tensor]:
    """The largest value over ``axis``, and its position."""
    return max(x, axis, keepdims), argmax(x, axis, keepdims)


def count(x: TensorLike, axis: Axis = None) -> Tensor:
    """The number of elements along ``axis`` (all by default), int64."""
    x = as_tensor(x)
    sizes = [shape_list(x)[a] for a in normalize_axes(axis, x.ndim, "size")]
    result = as_size(1, "size")
    for k, size in enumerate(sizes):
        result = size if k == 0 else result * size
    return result


# -- statistics -----------------------------------------------------------------------------


def mean(
    x: TensorLike,
    axis: Axis = None,
    dtype: Any = None,
    keepdims: bool = False,
    acc_dtype: Any = None,
) -> Tensor:
    """The arithmetic mean over ``axis``; of integers in float64. Of nothing, it is NaN.

    ``dtype`` is that of the result, ``acc_dtype`` (by default the same) that of the sum.
    """
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "mean")
    given = dtype or acc_dtype
    wanted = dtypes.canonical(given) if given else _mean_dtype(x.dtype)
    inner = dtypes.canonical(acc_dtype) if acc_dtype else _wide(wanted)
    x = cast_to(x, inner)
    result = sum(x, axis, keepdims=keepdims) / cast(count(x, axis), dtypes.real_part(inner))
    return cast_to(result, wanted)


def _mean_dtype(dtype: str) -> str:
    return dtype if dtypes.is_float(dtype) else "float64"


def _wide(dtype: str) -> str:
    """Sums and counts of float16 soon pass its range, so both are made in float32."""
    return "float32" if dtype == "float16" else dtype


def var(
    x: TensorLike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
) -> Tensor:
    """The variance over ``axis``, divided by ``n - ddof``; computed in two passes.

    Of complex numbers it is that of the distance from the mean, and real. The two passes make
    Theano's ``corrected`` needless.
    """
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "var")
    wanted = _mean_dtype(x.dtype)
    x = cast_to(x, _wide(wanted))
    centred = x - mean(x, axis, keepdims=True)
    squares = real(centred * conj(centred)) if dtypes.kind(x.dtype) == "c" else sqr(centred)
    n = cast(count(x, axis) - ddof, dtypes.real_part(x.dtype))
    return cast_to(sum(squares, axis, keepdims=keepdims) / n, dtypes.real_part(wanted))


def std(
    x: TensorLike,
    axis: Axis = None,
    ddof: int = 0,
    keepdims: bool = False,
    corrected: bool = False,
) -> Tensor:
    """The standard deviation over ``axis``: the square root of ``var``."""
    return sqrt(var(x, axis, ddof, keepdims))


def average(x: TensorLike, axis: int | None = None, weights: TensorLike | None = None) -> Tensor:
    """The mean over ``axis``, each entry counted by its weight.

    ``weights``: the shape of ``x``, or a vector along ``axis``.
    """
    x = as_tensor(x)
    if axis is not None:
        axis = one_axis(axis, x.ndim, "average")
    if weights is None:
        return mean(x, axis)
    w = as_tensor(weights)
    if w.ndim != x.ndim:
        if axis is None or w.ndim != 1:
            raise ShapeError(
                f"average: weights with {w.ndim} dimension(s) for a tensor with {x.ndim} need an "
                f"axis and must be a vector along it."
            )
        w = dimshuffle(w, tuple(0 if a == axis % x.ndim else "x" for a in range(x.ndim)))
    return sum(x * w, axis) / sum(w + 0 * x, axis)


def ptp(x: TensorLike, axis: Axis = None) -> Tensor:
    """The largest value less the smallest over ``axis``."""
    x = as_tensor(x)
    axes = normalize_axes(axis, x.ndim, "ptp")
    return max(x, axes) - min(x, axes)


def norm(x: TensorLike, L: float, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The ``L``-norm over ``axis`` (all by default): ``sum(|x| ** L) ** (1 / L)``.

    ``L`` is 0 (how many entries are not zero), 1, 2, any other number, or ``inf``.
    """
    if not isinstance(L, (int, float, np.integer, np.floating)):
        raise TypeError(f"norm: L is a number such as 1, 2 or inf, found {L!r:.60}.")
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "norm")
    size = abs_(x)
    if math.isinf(L):
        return max(size, axis, keepdims)
    if L == 0:
        return sum(cast(neq(x, 0), _mean_dtype(size.dtype)), axis, keepdims=keepdims)
    if L == 1:
        return sum(size, axis, keepdims=keepdims)
    if L == 2:
        return sqrt(sum(sqr(size), axis, keepdims=keepdims))
    return sum(size**L, axis, keepdims=keepdims) ** (1.0 / L)


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))`` over ``axis`` (all by default), without overflow."""
    x = as_tensor(x)
    return _reduce(
        _logsumexp, "logsumexp", cast_to(x, dtypes.float_result(x.dtype)), axis, keepdims
    )


# -- one entry after the other --------------------------------------------------------------


def _flat(x: TensorLike, axis: int | None, what: str) -> tuple[Tensor, int]:
    x = as_tensor(x)
    return (reshape_to(x, count(x)), 0) if axis is None else (x, one_axis(axis, x.ndim, what))


def cumsum(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The sums of the entries up to each one along ``axis``; by default of ``x`` flattened."""
    x, axis = _flat(x if dtype is None else cast(x, dtype), axis, "cumsum")
    return cumulative_sum(x, axis=axis)


def cumprod(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The products of the entries up to each one along ``axis``; by default of ``x`` flattened."""
    x, axis = _flat(x if dtype is None else cast(x, dtype), axis, "cumprod")
    return cumulative_prod(x, axis=axis)


def diff(x: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Each entry along ``axis`` less the one before it, ``n`` times over; of bools, whether they
    differ."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim, "diff")
    before: tuple[Any, ...] = (slice(None),) * axis
    for _ in range(whole(n, "diff: n")):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        x = neq(later, earlier) if x.dtype == "bool" else later - earlier
    return x
