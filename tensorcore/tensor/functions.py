"""Functions with axes, shapes and indices, built from the declared ops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import config, dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, provide
from ..ops._families import normalize_axes
from ..ops.composites import clip, fill, shape, sqr
from ..ops.composites import logsumexp as _logsumexp
from ..ops.contraction import contract
from ..ops.creation import as_size, iota
from ..ops.elementwise import (
    abs_,
    add,
    cast,
    cast_to,
    identity,
    int_div,
    mod,
    mul,
    neg,
    pow,
    sqrt,
    sub,
    true_div,
)
from ..ops.logic import and_, eq, ge, gt, invert, le, lt, maximum, or_, xor
from ..ops.movement import broadcast_to, dimshuffle, join, reshape_to, shape_list
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
from .indexing import subtensor

Axis = int | Sequence[int] | None


def _reduce(op: Any, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    axes = normalize_axes(axis, x.ndim, op.name.removeprefix("reduce_"))
    return _restore(op(x, axes=axes), x, axes, keepdims)


def _axis(axis: Any, ndim: int, what: str) -> int:
    """One axis, counted from the left; raises TypeError or ShapeError."""
    (number,) = normalize_axes((axis,), ndim, what)
    return number


def _whole(number: Any, what: str) -> int:
    """A Python integer that is not negative; raises TypeError or ValueError."""
    if not isinstance(number, (int, np.integer)):
        raise TypeError(f"{what} must be an integer, found {number!r}.")
    if number < 0:
        raise ValueError(f"{what} must not be negative, found {number}.")
    return int(number)


def _restore(y: Tensor, x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if not keepdims:
        return y
    rest = iter(range(y.ndim))
    return dimshuffle(y, tuple("x" if i in axes else next(rest) for i in range(x.ndim)))


def sum(x: TensorLike, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over ``axis`` (all by default). Small integers are summed in 64 bits."""
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    return _reduce(reduce_sum, x, axis, keepdims)


def prod(x: TensorLike, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over ``axis`` (all by default). Small integers multiply in 64 bits."""
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    return _reduce(reduce_prod, x, axis, keepdims)


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value over ``axis``; NaN if there is one. Empty axes raise ShapeError."""
    return _reduce(reduce_max, x, axis, keepdims)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest value over ``axis``; NaN if there is one. Empty axes raise ShapeError."""
    return _reduce(reduce_min, x, axis, keepdims)


def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any value over ``axis`` is not zero."""
    return _reduce(reduce_any, x, axis, keepdims)


def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all values over ``axis`` are not zero."""
    return _reduce(reduce_all, x, axis, keepdims)


def argmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int64 position of the first largest value over ``axis``, in C order over several."""
    return _reduce(reduce_argmax, x, axis, keepdims)


def argmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int64 position of the first smallest value over ``axis``."""
    return _reduce(reduce_argmin, x, axis, keepdims)


def count(x: TensorLike, axis: Axis = None) -> Tensor:
    """The number of elements along ``axis`` (all by default), int64."""
    x = as_tensor(x)
    sizes = [shape_list(x)[a] for a in normalize_axes(axis, x.ndim, "size")]
    result = as_size(1, "size")
    for k, size in enumerate(sizes):
        result = size if k == 0 else result * size
    return result


def mean(x: TensorLike, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over ``axis``; of integers in float64. Of nothing, it is NaN."""
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "mean")
    x = cast_to(x, dtypes.canonical(dtype) if dtype else _mean_dtype(x.dtype))
    total = sum(x, axis, keepdims=keepdims)
    return total / cast(count(x, axis), dtypes.real_part(x.dtype))


def _mean_dtype(dtype: str) -> str:
    return dtype if dtypes.is_float(dtype) else "float64"


def var(x: TensorLike, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The variance over ``axis``, divided by ``n - ddof``; computed in two passes."""
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "var")
    x = cast_to(x, _mean_dtype(x.dtype))
    centred = x - mean(x, axis, keepdims=True)
    n = cast(count(x, axis) - ddof, x.dtype)
    return sum(sqr(centred), axis, keepdims=keepdims) / n


def std(x: TensorLike, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The standard deviation over ``axis``: the square root of ``var``."""
    return sqrt(var(x, axis, ddof, keepdims))


# -- products -------------------------------------------------------------------------------


def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """The product summed over the last axis of ``x`` and the second last of ``y``.

    A scalar operand multiplies; a vector ``y`` is summed over its only axis, as in NumPy.
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    a = tuple(range(x.ndim))
    shared = x.ndim - 1
    start = x.ndim
    b = list(range(start, start + y.ndim))
    b[y.ndim - 2 if y.ndim > 1 else 0] = shared
    out = a[:-1] + tuple(i for i in b if i != shared)
    return contract(x, y, a=a, b=tuple(b), out=out)


def tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> Tensor:
    """The product summed over ``axes``: how many (last of ``x``, first of ``y``), or a pair of
    axes, as in NumPy."""
    x, y = as_tensor(x), as_tensor(y)
    pair = isinstance(axes, (tuple, list, np.ndarray)) and len(axes) == 2
    if not pair and not isinstance(axes, (int, np.integer)):
        raise TypeError(
            f"tensordot: axes is how many, or a pair of axes or lists of axes; found {axes!r}."
        )
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= builtin_min(x.ndim, y.ndim):
            raise ShapeError(
                f"tensordot: axes={axes} does not fit operands with {x.ndim} and {y.ndim} axes."
            )
        axes = (tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes)))
    left, right = (
        [_axis(a, t.ndim, "tensordot") for a in (part if np.ndim(part) else [part])]
        for t, part in ((x, axes[0]), (y, axes[1]))
    )
    if len(left) != len(right):
        raise ShapeError(f"tensordot: {len(left)} axes cannot pair with {len(right)}.")
    b = [x.ndim + i for i in range(y.ndim)]
    for p, q in zip(left, right, strict=True):
        b[q] = p
    out = [i for i in range(x.ndim) if i not in left]
    out += [x.ndim + i for i in range(y.ndim) if i not in right]
    return contract(x, y, a=tuple(range(x.ndim)), b=tuple(b), out=tuple(out))


def batched_dot(x: TensorLike, y: TensorLike) -> Tensor:
    """For each entry of the first axis that both share, the ``dot`` of the rest."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"batched_dot: a scalar has no batches; found {x!r} and {y!r}.")
    a = tuple(range(x.ndim))
    b = [0] + [x.ndim + i for i in range(1, y.ndim)]
    if x.ndim > 1 and y.ndim > 1:
        b[y.ndim - 2 if y.ndim > 2 else 1] = x.ndim - 1
    out = [i for i in a if i == 0 or i not in b] + [i for i in b if i not in a]
    return contract(x, y, a=a, b=tuple(b), out=tuple(out))


def outer(x: TensorLike, y: TensorLike) -> Tensor:
    """All products of an entry of ``x`` with one of ``y``, which are flattened to vectors."""
    x, y = (t if t.ndim == 1 else flatten(t) for t in (as_tensor(x), as_tensor(y)))
    return contract(x, y, a=(0,), b=(1,), out=(0, 1))


# -- shapes ---------------------------------------------------------------------------------


def size_list(sizes: Any) -> list[Tensor]:
    """Sizes given as numbers, tensors, a sequence of them or a shape vector."""
    if isinstance(sizes, Tensor):
        if sizes.ndim == 0:
            return [as_size(sizes, "shape")]
        if sizes.op is not None and sizes.op.name == "shape":
            return list(shape_list(sizes.inputs[0]))
        if sizes.op is not None and sizes.op.name == "constant":
            return [as_size(int(n), "shape") for n in sizes.attrs["value"]]
        raise TypeError(
            "a shape given as one symbolic vector has an unknown number of axes; give ndim=, or "
            "a list of sizes."
        )
    if isinstance(sizes, (int, np.integer)):
        return [as_size(sizes, "shape")]
    if not isinstance(sizes, (tuple, list, np.ndarray)):
        raise TypeError(
            f"a shape is a list of integers, of symbolic integers, or x.shape; found {sizes!r}."
        )
    return [as_size(s, "shape") for s in sizes]


def reshape(x: TensorLike, newshape: Any, ndim: int | None = None) -> Tensor:
    """``x`` under another shape, in C order. One size may be -1: it is what remains."""
    x = as_tensor(x)
    if isinstance(newshape, Tensor) and newshape.ndim == 1 and ndim is not None:
        newshape = [newshape[i] for i in range(ndim)]
    sizes = size_list(newshape)
    if ndim is not None and ndim != len(sizes):
        raise ShapeError(f"reshape: ndim={ndim} but {len(sizes)} sizes.")
    unknown = [
        i
        for i, s in enumerate(sizes)
        if s.op is not None and s.op.name == "constant" and int(s.attrs["value"]) == -1
    ]
    if len(unknown) > 1:
        raise ShapeError("reshape: only one size may be -1.")
    if unknown:
        known = as_size(1, "reshape")
        for i, size in enumerate(sizes):
            known = known if i in unknown else known * size
        sizes[unknown[0]] = count(x) // known
    return reshape_to(x, *sizes)


def flatten(x: TensorLike, ndim: int = 1) -> Tensor:
    """``x`` with its last axes merged so that ``ndim`` axes remain."""
    x = as_tensor(x)
    if not 1 <= _whole(ndim, "flatten: ndim") <= builtin_max(x.ndim, 1):
        raise ShapeError(f"flatten: ndim={ndim} does not fit a tensor with {x.ndim} axes.")
    lead = shape_list(x)[: ndim - 1]
    return reshape_to(x, *lead, count(x, tuple(range(ndim - 1, x.ndim))))


def builtin_min(*numbers: int) -> int:
    """The smallest of some Python numbers (``min`` here is the tensor function)."""
    return sorted(numbers)[0]


def builtin_max(*numbers: int) -> int:
    """The largest of some Python numbers (``max`` here is the tensor function)."""
    return sorted(numbers)[-1]


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """Axes permuted; reversed by default."""
    x = as_tensor(x)
    if axes is None:
        return dimshuffle(x, tuple(reversed(range(x.ndim))))
    order = tuple(_axis(a, x.ndim, "transpose") for a in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ShapeError(f"transpose: {axes!r} must name each of the {x.ndim} axes once.")
    return dimshuffle(x, order)


def shape_padleft(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the left."""
    x = as_tensor(x)
    return dimshuffle(x, ("x",) * _whole(n_ones, "shape_padleft: n_ones") + tuple(range(x.ndim)))


def shape_padright(x: TensorLike, n_ones: int = 1) -> Tensor:
    """``x`` with axes of size 1 added at the right."""
    x = as_tensor(x)
    return dimshuffle(x, tuple(range(x.ndim)) + ("x",) * _whole(n_ones, "shape_padright: n_ones"))


def concatenate(tensor_list: Any, axis: int = 0) -> Tensor:
    """The tensors side by side along an axis that they have. Raises ShapeError."""
    parts = _listed(tensor_list, "concatenate")
    _axis(axis, builtin_max(1, *(p.ndim for p in parts)), "concatenate")
    return join(*parts, axis=axis)


def _listed(tensors: Any, what: str) -> list[Tensor]:
    """The tensors of a list that is not empty; raises TypeError or ValueError."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Iterable):
        found = "one tensor" if isinstance(tensors, Tensor) else repr(tensors)
        raise TypeError(f"{what} takes a list of tensors, found {found}.")
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ValueError(f"{what} needs at least one tensor, found an empty list.")
    return parts


def stack(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """The tensors side by side along a new axis."""
    parts = _listed(tensors, "stack")
    ndim = parts[0].ndim + 1
    if others := [p for p in parts if p.ndim != ndim - 1]:
        raise ShapeError(
            f"stack: all parts need the same number of dimensions, found {parts[0]!r} with "
            f"{ndim - 1} and {others[0]!r} with {others[0].ndim}."
        )
    position = _axis(axis, ndim, "stack")
    rest = list(range(ndim - 1))
    pattern = (*rest[:position], "x", *rest[position:])
    return join(*(dimshuffle(p, pattern) for p in parts), axis=position)


# -- creation -------------------------------------------------------------------------------


def alloc(value: TensorLike, *shape: Any) -> Tensor:
    """``value`` broadcast to a shape."""
    sizes = size_list(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
    return broadcast_to(value, *sizes)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of a shape; floatX by default."""
    return _full(0, shape, dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of a shape; floatX by default."""
    return _full(1, shape, dtype)


def _full(value: int, shape: Any, dtype: Any) -> Tensor:
    filled = as_tensor(np.asarray(value, dtype=dtypes.canonical(dtype or config.floatX)))
    return broadcast_to(filled, *size_list(shape))


def zeros_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Zeros in the shape of ``x``."""
    x = as_tensor(x)
    return fill(x, np.asarray(0, dtype=dtypes.canonical(dtype or x.dtype)))


def ones_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """Ones in the shape of ``x``."""
    x = as_tensor(x)
    return fill(x, np.asarray(1, dtype=dtypes.canonical(dtype or x.dtype)))


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """``start, start + step, ...`` below ``stop``; of integers, int64 by default."""
    if stop is None:
        start, stop = 0, start
    start, stop, step = (as_tensor(v) for v in (start, stop, step))
    whole = [v for v in (start, stop, step) if not dtypes.is_float(v.dtype)]
    if len(whole) == 3:
        start, stop, step = (cast_to(v, "int64") for v in (start, stop, step))
        length = maximum(-((start - stop) // step), 0)
    else:
        from ..ops.elementwise import ceil

        length = cast(maximum(ceil((stop - start) / step), 0), "int64")
    result = start + iota(length) * step
    return result if dtype is None else cast(result, dtype)


def eye(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """The matrix with ones on its ``k``-th diagonal; floatX by default."""
    rows, columns = iota(n), iota(n if m is None else m)
    match = eq(dimshuffle(rows, (0, "x")) + k, dimshuffle(columns, ("x", 0)))
    return cast(match, dtypes.canonical(dtype or config.floatX))


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))`` over ``axis`` (all by default), without overflow."""
    x = as_tensor(x)
    return _reduce(_logsumexp, cast_to(x, dtypes.float_result(x.dtype)), axis, keepdims)


def addbroadcast(x: TensorLike, *axes: int) -> Tensor:
    """``x`` with some axes declared to have size 1, which is checked at the call."""
    x = as_tensor(x)
    sizes = list(shape_list(x))
    for axis in axes:
        sizes[_axis(axis, x.ndim, "addbroadcast")] = as_size(1, "addbroadcast")
    return reshape_to(x, *sizes)


provide(
    add=add,
    sub=sub,
    mul=mul,
    true_div=true_div,
    int_div=int_div,
    mod=mod,
    pow=pow,
    neg=neg,
    abs=abs_,
    invert=invert,
    and_=and_,
    or_=or_,
    xor=xor,
    lt=lt,
    le=le,
    gt=gt,
    ge=ge,
    dot=dot,
    sum=sum,
    prod=prod,
    max=max,
    min=min,
    any=any,
    all=all,
    argmax=argmax,
    argmin=argmin,
    mean=mean,
    var=var,
    std=std,
    cast=cast,
    reshape=reshape,
    flatten=flatten,
    dimshuffle=dimshuffle,
    identity=identity,
    shape=shape,
    count=count,
    stack=stack,
    subtensor=subtensor,
)
__all__ = [
    "addbroadcast", "all", "alloc", "any", "arange", "argmax", "argmin", "batched_dot", "clip",
    "concatenate", "count", "dot", "eye", "flatten", "logsumexp", "max", "mean", "min", "ones",
    "ones_like", "outer", "prod", "reshape", "shape_padleft", "shape_padright", "size_list",
    "stack", "std", "sum", "tensordot", "transpose", "var", "zeros", "zeros_like",
]  # fmt: skip
