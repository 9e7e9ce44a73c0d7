"""Products, sums and conversions of sparse matrices.

Gradients come by themselves: everything is written with gathers and sums at positions. By a sparse
matrix they are taken at its stored entries alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import dtypes
from .. import tensor as T
from ..errors import ShapeError
from ..node import Tensor, as_tensor
from ..ops.creation import iota
from ..tensor.checks import one_of
from .variables import FORMATS, SparseVariable, sparse

__all__ = [
    "add", "cast", "clean", "col_scale", "csc_from_dense", "csr_from_dense", "dense_from_sparse",
    "diag", "dot", "hstack", "mul", "neg", "remove0", "row_scale", "sampling_dot", "sp_ones_like",
    "sp_sum", "sp_zeros_like", "square_diagonal", "structured_dot", "sub", "transpose", "true_dot",
    "usmm", "vstack",
]  # fmt: skip

Sizes = tuple[Tensor, Tensor]


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse variable or a matrix of SciPy."""
    return isinstance(x, SparseVariable) or hasattr(x, "asformat")


# -- conversions ----------------------------------------------------------------------------


def dense_from_sparse(x: Any) -> Tensor:
    """The dense matrix."""
    a = sparse(x, "dense_from_sparse")
    blank = T.zeros(a.sizes, dtype=a.dtype)
    return T.inc_subtensor(blank[a.coordinates()], a.data)


def csr_from_dense(x: Any) -> SparseVariable:
    """The entries of a dense matrix that are not zero, by rows."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ShapeError(f"csr_from_dense: expected a matrix, found {x!r} of type {x.type!r}.")
    rows, columns = T.nonzero(x)
    return by_rows(rows, columns, x[rows, columns], (x.shape[0], x.shape[1]), "csr")


def csc_from_dense(x: Any) -> SparseVariable:
    """The entries of a dense matrix that are not zero, by columns."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ShapeError(f"csc_from_dense: expected a matrix, found {x!r} of type {x.type!r}.")
    return csr_from_dense(x.T).T


def by_rows(
    major: Tensor, minor: Tensor, data: Tensor, sizes: Sequence[Tensor], format: str
) -> SparseVariable:
    """The matrix of entries that are sorted by rows (or columns, as the format says)."""
    counts = T.zeros((sizes[0 if format == "csr" else 1] + 1,), dtype="int64")
    ends = T.cumsum(T.inc_subtensor(counts[major + 1], 1))
    places = (T.cast(minor, "int32"), T.cast(ends, "int32"))
    return SparseVariable(format, (data, *places, *sizes))


def _gathered(
    entries: Sequence[tuple[Tensor, Tensor, Tensor]], sizes: Sequence[Tensor], format: str
) -> tuple[SparseVariable, list[Tensor]]:
    """All places at which one of several lists of rows, columns and values has an entry; with the
    sum there, and the values of each list there."""
    pairs = [(r, c) if format == "csr" else (c, r) for r, c, _ in entries]
    width = sizes[1 if format == "csr" else 0]
    keys = T.concatenate([major * width + minor for major, minor in pairs])
    places, where = T.unique(keys, return_inverse=True)
    data = []
    start: Any = 0
    for (_, _, values), (major, _) in zip(entries, pairs, strict=True):
        count = major.shape[0]
        blank = T.zeros((places.shape[0],), dtype=values.dtype)
        data.append(T.inc_subtensor(blank[where[start : start + count]], values))
        start = start + count
    total = data[0]
    for other in data[1:]:
        total = total + other
    return by_rows(places // width, places % width, total, sizes, format), data


def cast(x: Any, dtype: Any) -> SparseVariable:
    """The entries in another dtype."""
    a = sparse(x, "cast")
    return a.with_data(T.cast(a.data, dtype))


def transpose(x: Any) -> SparseVariable:
    """Rows and columns exchanged: the same entries in the other format."""
    return sparse(x, "transpose").T


def remove0(x: Any) -> SparseVariable:
    """Without the stored entries that are zero."""
    a = sparse(x, "remove0")
    rows, columns = a.coordinates()
    kept = T.flatnonzero(a.data)
    pair = (rows[kept], columns[kept])
    major, minor = pair if a.format == "csr" else pair[::-1]
    return by_rows(major, minor, a.data[kept], a.sizes, a.format)


clean = remove0


# -- sums -----------------------------------------------------------------------------------


def neg(x: Any) -> SparseVariable:
    """The entries with the other sign."""
    a = sparse(x, "neg")
    return a.with_data(-a.data)


def add(x: Any, y: Any) -> Any:
    """The sum: sparse of two sparse matrices, dense where one is."""
    if is_sparse(x) and is_sparse(y):
        a, b = sparse(x, "add"), sparse(y, "add")
        entries = [(*t.coordinates(), t.data) for t in (a, b)]
        return _gathered(entries, _common(a, b), a.format)[0]
    if not is_sparse(x) and not is_sparse(y):
        sparse(x, "add")  # says what is wrong
    dense, other = (as_tensor(y), x) if is_sparse(x) else (as_tensor(x), y)
    return dense_from_sparse(sparse(other, "add")) + dense


def sub(x: Any, y: Any) -> Any:
    """The difference; see ``add``."""
    return add(x, neg(y) if is_sparse(y) else -as_tensor(y))


def _common(x: SparseVariable, y: SparseVariable) -> Sizes:
    """The sizes of two matrices, which must be equal."""
    first, second = (
        T.specify_shape(T.zeros(x.sizes, dtype="int8"), y.sizes).shape[k] for k in range(2)
    )
    return first, second


def mul(x: Any, y: Any) -> SparseVariable:
    """The product by entries, which is sparse; a dense operand is a number, a vector along the
    columns or a matrix. Of two sparse matrices, with entries wherever one has them."""
    if is_sparse(x) and is_sparse(y):
        a, b = sparse(x, "mul"), sparse(y, "mul")
        entries = [(*t.coordinates(), t.data) for t in (a, b)]
        whole, (left, right) = _gathered(entries, _common(a, b), a.format)
        return whole.with_data(left * right)
    if not is_sparse(x):
        x, y = y, x
    a, other = sparse(x, "mul"), as_tensor(y)
    if other.ndim == 0:
        return a.with_data(a.data * other)
    rows, columns = a.coordinates()
    if other.ndim == 1:
        return a.with_data(a.data * T.specify_shape(other, (a.sizes[1],))[columns])
    if other.ndim != 2:
        raise ShapeError(f"mul: a sparse matrix and {other!r} with {other.ndim} dimensions.")
    known = other.broadcastable
    sizes = [None if flag else n for flag, n in zip(known, a.sizes, strict=True)]
    checked = T.specify_shape(other, sizes)
    place = tuple(p * 0 if flag else p for p, flag in zip((rows, columns), known, strict=True))
    return a.with_data(a.data * checked[place])


def sp_sum(x: Any, axis: int | None = None, sparse_grad: bool = False) -> Tensor:
    """The sum of all entries, of each column (``axis`` 0) or of each row (1); dense.
    ``sparse_grad`` changes nothing: gradients are at the stored entries."""
    a = sparse(x, "sp_sum")
    one_of(axis, (None, 0, 1, -1, -2), "sp_sum: axis")
    if axis is None:
        return T.sum(a.data)
    kept = 1 - axis % 2
    wanted = T.sum(a.data[:0]).dtype  # small integers are summed in 64 bits
    blank = T.zeros((a.sizes[kept],), dtype=wanted)
    return T.inc_subtensor(blank[a.coordinates()[kept]], a.data)


def sp_ones_like(x: Any) -> SparseVariable:
    """Ones at the places of the stored entries."""
    a = sparse(x, "sp_ones_like")
    return a.with_data(T.ones_like(a.data))


def sp_zeros_like(x: Any) -> SparseVariable:
    """A matrix of the same sizes without entries."""
    a = sparse(x, "sp_zeros_like")
    ends = T.zeros_like(a.indptr)
    return SparseVariable(a.format, (a.data[:0], a.indices[:0], ends, *a.sizes))


# -- products -------------------------------------------------------------------------------


def dot(x: Any, y: Any) -> Tensor:
    """The product of matrices, or of a matrix and a vector, of which one or both are sparse; dense.

    Raises ShapeError at the call where the sizes do not fit.
    """
    if is_sparse(x):
        y = dense_from_sparse(y) if is_sparse(y) else as_tensor(y)
        return _times_dense(sparse(x, "dot"), y)
    y, dense = sparse(y, "dot"), as_tensor(x)
    found = _times_dense(y.T, dense.T if dense.ndim == 2 else dense)
    return found.T


def _times_dense(x: SparseVariable, y: Tensor) -> Tensor:
    if y.ndim not in (1, 2):
        raise ShapeError(f"dot: a sparse matrix and {y!r} with {y.ndim} dimension(s).")
    rows, columns = x.coordinates()
    wanted = dtypes.promote([x.dtype, y.dtype])
    rest = tuple(y.shape[k] for k in range(1, y.ndim))
    checked = T.specify_shape(y, (x.sizes[1], *(None for _ in rest)))
    data = T.cast(x.data, wanted)
    factors = data.dimshuffle(0, *("x" for _ in rest))
    blank = T.zeros((x.sizes[0], *rest), dtype=wanted)
    return T.inc_subtensor(blank[rows], factors * checked[columns])


def structured_dot(x: Any, y: Any) -> Any:
    """``dot``; of two sparse matrices it is sparse."""
    return true_dot(x, y) if is_sparse(x) and is_sparse(y) else dot(x, y)


def true_dot(x: Any, y: Any, grad_preserves_dense: bool = True) -> Any:
    """The product of two sparse matrices as a sparse one, in the format of the first; the second
    is made dense for it. With a dense operand it is ``dot``."""
    if not (is_sparse(x) and is_sparse(y)):
        return dot(x, y)
    make: Callable[[Any], SparseVariable]
    make = csr_from_dense if sparse(x, "true_dot").format == "csr" else csc_from_dense
    return make(dot(x, y))


def usmm(alpha: Any, x: Any, y: Any, z: Any) -> Tensor:
    """``alpha * dot(x, y) + z``."""
    return as_tensor(alpha) * dot(x, y) + as_tensor(z)


def sampling_dot(x: Any, y: Any, p: Any) -> SparseVariable:
    """The entries of ``dot(x, y.T)`` for dense ``x`` and ``y`` where ``p`` has some, times these;
    no others are computed."""
    pattern, left, right = sparse(p, "sampling_dot"), as_tensor(x), as_tensor(y)
    rows, columns = pattern.coordinates()
    return pattern.with_data(T.sum(left[rows] * right[columns], axis=1) * pattern.data)


# -- by rows and columns --------------------------------------------------------------------


def row_scale(x: Any, s: Any) -> SparseVariable:
    """Each row times an entry of a vector."""
    a = sparse(x, "row_scale")
    return a.with_data(a.data * T.specify_shape(as_tensor(s), (a.sizes[0],))[a.coordinates()[0]])


def col_scale(x: Any, s: Any) -> SparseVariable:
    """Each column times an entry of a vector."""
    a = sparse(x, "col_scale")
    return a.with_data(a.data * T.specify_shape(as_tensor(s), (a.sizes[1],))[a.coordinates()[1]])


def diag(x: Any) -> Tensor:
    """The main diagonal, as a dense vector."""
    a = sparse(x, "diag")
    rows, columns = a.coordinates()
    on = T.flatnonzero(T.eq(rows, columns))
    blank = T.zeros((T.minimum(*a.sizes),), dtype=a.dtype)
    return T.inc_subtensor(blank[rows[on]], a.data[on])


def square_diagonal(diag: Any) -> SparseVariable:
    """The sparse matrix with a vector on its diagonal, stored by columns."""
    v = as_tensor(diag)
    if v.ndim != 1:
        raise ShapeError(f"square_diagonal: expected a vector, found {v!r} of type {v.type!r}.")
    n = v.shape[0]
    places = T.cast(iota(n), "int32")
    return SparseVariable("csc", (v, places, T.cast(iota(n + 1), "int32"), n, n))


def _stacked(blocks: Any, format: str | None, dtype: Any, down: bool, what: str) -> SparseVariable:
    one_of(format, (None, *FORMATS), f"{what}: format")
    if isinstance(blocks, SparseVariable) or not len(blocks):
        raise ValueError(
            f"{what} takes a list of at least one sparse matrix, found {blocks!r:.60}."
        )
    parts = [sparse(b, what) for b in blocks]
    entries, done = [], None
    for part in parts:
        rows, columns = part.coordinates()
        size = part.sizes[0 if down else 1]
        if done is not None:
            rows, columns = (rows + done, columns) if down else (rows, columns + done)
        entries.append((rows, columns, part.data))
        done = size if done is None else done + size
    assert done is not None
    across = parts[0].sizes[1 if down else 0]
    sizes = (done, across) if down else (across, done)
    found, _ = _gathered(entries, sizes, format or parts[0].format)
    return found if dtype is None else cast(found, dtype)


def hstack(blocks: Any, format: str | None = None, dtype: Any = None) -> SparseVariable:
    """Matrices with as many rows, side by side; in a format, by default that of the first."""
    return _stacked(blocks, format, dtype, False, "hstack")


def vstack(blocks: Any, format: str | None = None, dtype: Any = None) -> SparseVariable:
    """Matrices with as many columns, one below the other; in a format, by default that of the
    first."""
    return _stacked(blocks, format, dtype, True, "vstack")
