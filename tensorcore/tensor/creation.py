"""Functions that make tensors: filled, counted, on a grid, on and about the diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config, dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant, is_literal, make_constant
from ..ops.checked import checked, within
from ..ops.composites import fill
from ..ops.creation import as_size, iota
from ..ops.elementwise import cast, cast_to
from ..ops.logic import eq, ge, gt, maximum, switch
from ..ops.movement import broadcast_to, dimshuffle, shape_list
from ..ops.rounding import ceil
from ..origin import where_made
from .checks import integer, integer_scalar, listed, whole
from .indexing import set_subtensor
from .shapes import diagonal, shape_padleft, size_list

__all__ = [
    "alloc", "arange", "as_tensor_variable", "constant", "diag", "empty", "eye",
    "fill_diagonal", "fill_diagonal_offset", "full", "full_like", "identity_like", "linspace",
    "meshgrid", "mgrid", "ogrid", "ones", "ones_like", "second", "to_one_hot", "tri", "tril",
    "triu", "zeros", "zeros_like",
]  # fmt: skip


def constant(
    value: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None
) -> Tensor:
    """A constant tensor with this value; ``ndim`` adds axes of size 1 at the left."""
    if isinstance(value, Tensor) and not is_constant(value):
        raise TypeError(
            f"constant: expected a number or an array, found the symbolic tensor {value!r}, made "
            f"at {where_made(value)}; T.as_tensor_variable takes both."
        )
    node = as_tensor(value, None if dtype is None else dtypes.canonical(dtype))
    if ndim is not None:
        array = node.attrs["value"]
        if ndim < array.ndim:
            raise ShapeError(f"constant: the value has {array.ndim} dimensions, ndim={ndim}.")
        node = make_constant(array.reshape((1,) * (ndim - array.ndim) + array.shape))
    if name:
        node.name = name
    return node


def as_tensor_variable(
    x: TensorLike, name: str | None = None, ndim: int | None = None, *, dtype: Any = None
) -> Tensor:
    """``x`` itself if it is symbolic, else a constant called ``name``; ``dtype`` casts.

    ``ndim``: the number of axes wanted; some of size 1 are added at the left, or taken away there.
    Raises ShapeError if such an axis is not known to have size 1, DTypeError for what is no number.
    """
    symbolic = isinstance(x, Tensor)
    node = as_tensor(x, None if symbolic or dtype is None else dtypes.canonical(dtype))
    if dtype is not None:
        node = cast(node, dtype)
    if ndim is not None and node.ndim < whole(ndim, "as_tensor_variable: ndim"):
        node = shape_padleft(node, ndim - node.ndim)
    elif ndim is not None and node.ndim > ndim:
        extra = node.ndim - ndim
        if not all(node.broadcastable[:extra]):
            raise ShapeError(
                f"as_tensor_variable: {node!r} has {node.ndim} dimensions and cannot have "
                f"ndim={ndim}: its first {extra} are not known to have size 1."
            )
        node = dimshuffle(node, tuple(range(extra, node.ndim)))
    if name and not symbolic:
        node.name = name
    return node


def alloc(value: TensorLike, *shape: Any) -> Tensor:
    """``value`` broadcast to a shape."""
    sizes = size_list(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
    return broadcast_to(value, *sizes)


def full(shape: Any, fill_value: TensorLike, dtype: Any = None) -> Tensor:
    """A tensor of a shape with ``fill_value`` everywhere."""
    value = as_tensor(fill_value)
    return broadcast_to(value if dtype is None else cast(value, dtype), *size_list(shape))


def _full(value: int, shape: Any, dtype: Any) -> Tensor:
    filled = as_tensor(np.asarray(value, dtype=dtypes.canonical(dtype or config.floatX)))
    return broadcast_to(filled, *size_list(shape))


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of a shape; floatX by default."""
    return _full(0, shape, dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of a shape; floatX by default."""
    return _full(1, shape, dtype)


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of a shape whose content is of no interest: zeros."""
    return _full(0, shape, dtype)


def second(a: TensorLike, b: TensorLike) -> Tensor:
    """``b`` broadcast to the shape of ``a``; ``fill`` in other words."""
    return fill(a, b)


def full_like(x: TensorLike, fill_value: TensorLike, dtype: Any = None) -> Tensor:
    """``fill_value`` in the shape and, by default, the dtype of ``x``."""
    x, value = as_tensor(x), as_tensor(fill_value)
    if value.ndim > x.ndim:
        raise ShapeError(
            f"full_like: the value has {value.ndim} dimension(s), more than the {x.ndim} of "
            f"{x!r}, whose shape it is to take."
        )
    return fill(x, cast_to(value, dtypes.canonical(dtype or x.dtype)))


def zeros_like(x: TensorLike, dtype: Any = None, opt: bool = False) -> Tensor:
    """Zeros in the shape of ``x``."""
    return full_like(x, np.zeros((), dtypes.canonical(dtype or as_tensor(x).dtype)), dtype)


def ones_like(x: TensorLike, dtype: Any = None, opt: bool = False) -> Tensor:
    """Ones in the shape of ``x``."""
    return full_like(x, np.ones((), dtypes.canonical(dtype or as_tensor(x).dtype)), dtype)


# -- counted --------------------------------------------------------------------------------


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """``start, start + step, ...`` below ``stop``: int64 of integers, else floats; ``dtype`` casts.

    A step of zero raises ValueError, a symbolic one at the call.
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = _scalars("arange", start, stop, step)
    if is_constant(step) and step.attrs["value"] == 0:
        raise ValueError("arange: the step must not be zero.")
    whole = [v for v in (start, stop, step) if not dtypes.is_float(v.dtype)]
    if len(whole) == 3:
        start, stop, step = (cast_to(v, "int64") for v in (start, stop, step))
        step = _some(step)
        length = maximum(-((start - stop) // step), 0)
    else:
        common = dtypes.result_dtype(
            [v.dtype for v in (start, stop, step)], [is_literal(v) for v in (start, stop, step)]
        )
        if all(is_literal(v) for v in (start, stop, step)):
            common = str(config.floatX)
        start, stop, step = (cast_to(v, common) for v in (start, stop, step))
        step = _some(step)
        length = cast(maximum(ceil((stop - start) / step), 0), "int64")
    result = cast_to(start + iota(length) * step, start.dtype)
    return result if dtype is None else cast(result, dtype)


def _some(step: Tensor) -> Tensor:
    """The step, which must not be zero."""
    if is_constant(step):
        return step
    zero = "the step must not be {0}"
    return checked(step, gt(abs(step), 0), cast(step, "int64"), message=zero, error="NumberError")


def _scalars(what: str, *values: TensorLike) -> tuple[Tensor, ...]:
    nodes = tuple(as_tensor(v) for v in values)
    for node in nodes:
        if node.ndim:
            raise TypeError(f"{what}: expected scalars, found {node!r} of type {node.type!r}.")
    return nodes


def linspace(
    start: TensorLike, stop: TensorLike, num: TensorLike = 50, endpoint: bool = True
) -> Tensor:
    """``num`` numbers at equal distances from ``start`` to ``stop``, the end included or not."""
    n = as_size(num, "linspace")
    parts = cast(maximum(n - 1, 1) if endpoint else maximum(n, 1), "float64")
    first, last = _scalars("linspace", start, stop)
    share = iota(n) / parts
    return first + share * (last - first)


class _Grid:
    """``mgrid[0:3, 0:4]``: coordinates over a grid, whole or with axes of size 1."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole

    def __getitem__(self, index: Any) -> Any:
        slices = index if isinstance(index, tuple) else (index,)
        axes = []
        for entry in slices:
            if not isinstance(entry, slice) or isinstance(entry.step, complex):
                raise TypeError(f"a grid is made of slices such as 0:3 or 0:10:2, found {entry!r}.")
            if entry.stop is None:
                raise TypeError(f"a grid needs to know where it stops, as in 0:3; found {entry!r}.")
            axes.append(
                arange(entry.start or 0, entry.stop, 1 if entry.step is None else entry.step)
            )
        if not isinstance(index, tuple):
            return axes[0]
        return meshgrid(*axes, indexing="ij", sparse=not self.whole)


#: ``mgrid[0:3, 0:4]``: a list of full coordinate tensors, one per slice.
mgrid = _Grid(whole=True)
#: ``ogrid[0:3, 0:4]``: the same with axes of size 1, which stretch.
ogrid = _Grid(whole=False)


def meshgrid(*vectors: TensorLike, indexing: str = "xy", sparse: bool = False) -> list[Tensor]:
    """The coordinates of a grid over vectors, one tensor per vector.

    ``indexing``: ``ij``, axis k follows vector k; ``xy``, the first two are exchanged. With
    ``sparse`` the other axes have size 1.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}.")
    parts = listed(vectors, "meshgrid")
    for p in parts:
        if p.ndim != 1:
            raise ShapeError(f"meshgrid: expected vectors, found {p!r} of type {p.type!r}.")
    order = list(range(len(parts)))
    if indexing == "xy" and len(parts) > 1:
        order[:2] = [1, 0]
    grids = [
        dimshuffle(p, tuple(0 if a == order[k] else "x" for a in range(len(parts))))
        for k, p in enumerate(parts)
    ]
    if sparse:
        return grids
    sizes: list[Any] = [None] * len(parts)
    for k, p in enumerate(parts):
        sizes[order[k]] = shape_list(p)[0]
    return [broadcast_to(g, *sizes) for g in grids]


# -- the diagonal ---------------------------------------------------------------------------


def eye(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    """The matrix with ones on its ``k``-th diagonal; floatX by default."""
    rows, columns = (iota(as_size(s, "eye")) for s in (n, n if m is None else m))
    match = eq(
        dimshuffle(rows, (0, "x")) + integer_scalar(k, "eye: k"), dimshuffle(columns, ("x", 0))
    )
    return cast(match, dtypes.canonical(dtype or config.floatX))


def identity_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """The identity matrix in the shape of the matrix ``x``."""
    x = _matrix(x, "identity_like")
    rows, columns = shape_list(x)
    return eye(rows, columns, 0, dtype or x.dtype)


def _matrix(x: TensorLike, what: str) -> Tensor:
    x = as_tensor(x)
    if x.ndim != 2:
        raise ShapeError(f"{what}: expected a matrix, found {x.ndim} dimension(s).")
    return x


def _below(x: Tensor, k: Any) -> Tensor:
    rows, columns = (iota(s) for s in shape_list(x)[-2:])
    return ge(dimshuffle(rows, (0, "x")) + k, dimshuffle(columns, ("x", 0)))


def tri(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    """The matrix with ones on and below its ``k``-th diagonal; floatX by default."""
    rows, columns = (as_size(s, "tri") for s in (n, n if m is None else m))
    return cast(
        _below(zeros((rows, columns)), integer_scalar(k, "tri: k")),
        dtypes.canonical(dtype or config.floatX),
    )


def tril(m: TensorLike, k: Any = 0) -> Tensor:
    """``m`` with zeros above its ``k``-th diagonal, over the last two axes."""
    m = as_tensor(m) if as_tensor(m).ndim > 2 else _matrix(m, "tril")
    return switch(_below(m, integer_scalar(k, "tril: k")), m, np.zeros((), m.dtype))


def triu(m: TensorLike, k: Any = 0) -> Tensor:
    """``m`` with zeros below its ``k``-th diagonal, over the last two axes."""
    m = as_tensor(m) if as_tensor(m).ndim > 2 else _matrix(m, "triu")
    return switch(_below(m, integer_scalar(k, "triu: k") - 1), np.zeros((), m.dtype), m)


def diag(v: TensorLike, k: int = 0) -> Tensor:
    """The ``k``-th diagonal of a matrix; or the matrix with the vector ``v`` on it."""
    v, k = as_tensor(v), integer(k, "diag: k")
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag: expected a vector or a matrix, found {v.ndim} dimension(s).")
    n = shape_list(v)[0]
    size = n + abs(k)
    place = iota(n)
    blank = broadcast_to(np.zeros((), v.dtype), size, size)
    return set_subtensor(blank[place + (-k if k < 0 else 0), place + (k if k > 0 else 0)], v)


def fill_diagonal(a: TensorLike, val: TensorLike) -> Tensor:
    """``a`` with the scalar ``val`` on its main diagonal, that of all axes together."""
    return fill_diagonal_offset(a, val, 0)


def fill_diagonal_offset(a: TensorLike, val: TensorLike, offset: TensorLike) -> Tensor:
    """The matrix ``a`` with the scalar ``val`` on the diagonal ``offset`` places to the right."""
    a, value = as_tensor(a), as_tensor(val)
    offset = integer_scalar(offset, "fill_diagonal_offset: the offset")
    if a.ndim < 2 or value.ndim:
        raise ShapeError(
            f"fill_diagonal: expected a matrix and a scalar, found {a.ndim} and {value.ndim} "
            f"dimension(s)."
        )
    counters = [dimshuffle(iota(s), ("x",) * k + (0,) + ("x",) * (a.ndim - 1 - k))
                for k, s in enumerate(shape_list(a))]  # fmt: skip
    on = eq(counters[0] + offset, counters[1])
    for counter in counters[2:]:
        on = on & eq(counters[0] + offset, counter)
    return switch(on, cast_to(value, a.dtype), a)


def to_one_hot(y: TensorLike, nb_class: Any, dtype: Any = None) -> Tensor:
    """A matrix with a row per entry of the integer vector ``y``: one in its column, else zeros;
    floatX by default. A class outside 0 to ``nb_class`` - 1 raises OutOfRange at the call."""
    y = as_tensor(y)
    if y.ndim != 1 or not y.dtype.startswith(("int", "uint")):
        raise TypeError(f"to_one_hot: expected a vector of integers, found {y.type!r}.")
    classes = as_size(nb_class, "to_one_hot")
    y = within(y, classes, "a class lies outside: {0}, where there are {1} classes")
    match = eq(dimshuffle(iota(classes), ("x", 0)), dimshuffle(y, (0, "x")))
    return cast(match, dtypes.canonical(dtype or config.floatX))
