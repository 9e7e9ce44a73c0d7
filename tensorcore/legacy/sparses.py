"""Names of ``theano.sparse`` that are nobody's but old programs'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import sparse
from .. import tensor as T
from ..node import Tensor, as_tensor
from ..sparse import SparseType, SparseVariable
from ..sparse.operations import is_sparse
from ..sparse.variables import enable_sparse
from ..sparse.variables import sparse as _sparse

__all__ = [
    "SparseConstant", "SparseTensorSharedVariable", "add_s_s_data", "bsr_matrix", "conjugate",
    "dmatrix", "enable_sparse", "ensure_sorted_indices", "eq", "fmatrix", "ge", "get_item_2d",
    "get_item_2lists", "get_item_list", "get_item_scalar", "gt", "hash_from_sparse", "le", "lt",
    "mul_s_v", "neq", "sparse_constructor", "structured_add_s_v",
]  # fmt: skip

SparseConstant = SparseTensorSharedVariable = SparseVariable
sparse_constructor = sparse.shared
mul_s_v = sparse.col_scale


def _is_sparse_variable(x: Any) -> bool:
    """Whether ``x`` is a sparse variable."""
    return isinstance(x, SparseVariable)


_is_sparse = is_sparse


def ensure_sorted_indices(x: Any) -> SparseVariable:
    """The matrix: its entries are always in order."""
    return _sparse(x, "ensure_sorted_indices")


def get_item_2d(x: Any, index: Any) -> Any:
    """``x[index]``, which is a matrix."""
    return _sparse(x, "get_item_2d")[index]


get_item_list = get_item_2d


def get_item_2lists(x: Any, rows: Any, columns: Any) -> Tensor:
    """The entries at pairs of places, dense."""
    found: Tensor = _sparse(x, "get_item_2lists")[rows, columns]
    return found


get_item_scalar = get_item_2lists


def conjugate(x: Any) -> SparseVariable:
    """The conjugate of each entry."""
    a = _sparse(x, "conjugate")
    return a.with_data(T.conj(a.data))


def add_s_s_data(x: Any, y: Any) -> SparseVariable:
    """The sum of two matrices that have entries at the same places."""
    a, b = _sparse(x, "add_s_s_data"), _sparse(y, "add_s_s_data")
    return a.with_data(a.data + b.data)


def structured_add_s_v(x: Any, y: Any) -> SparseVariable:
    """To each stored entry the entry of a vector for its column added."""
    a = _sparse(x, "structured_add_s_v")
    return a.with_data(a.data + as_tensor(y)[a.coordinates()[1]])


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def compare(x: Any, y: Any) -> Any:
        both = [sparse.dense_from_sparse(v) if is_sparse(v) else as_tensor(v) for v in (x, y)]
        found = getattr(T, name)(*both)
        if not (is_sparse(x) and is_sparse(y)):
            return found
        make = sparse.csr_from_dense if _sparse(x, name).format == "csr" else sparse.csc_from_dense
        return make(T.cast(found, "uint8"))

    compare.__name__ = name
    compare.__doc__ = f"``{name}`` of all entries; sparse of two sparse matrices, else dense."
    return compare


eq, neq, lt, gt, le, ge = map(_comparison, ("eq", "neq", "lt", "gt", "le", "ge"))


def fmatrix(format: str = "csc", name: str | None = None) -> SparseVariable:
    """A sparse variable in float32."""
    return SparseType(format, "float32")(name)


def dmatrix(format: str = "csc", name: str | None = None) -> SparseVariable:
    """A sparse variable in float64."""
    return SparseType(format, "float64")(name)


def bsr_matrix(*args: Any, **kwargs: Any) -> Any:
    """The format of blocks is not here."""
    raise TypeError("bsr_matrix: sparse matrices are stored by rows or columns; use csr_matrix.")


def hash_from_sparse(data: Any) -> str:
    """A digest of a matrix of SciPy."""
    from .seldom import hash_from_ndarray

    parts = (data.data, data.indices, data.indptr)
    return "".join(hash_from_ndarray(a)[:16] for a in parts) + str(data.shape)
