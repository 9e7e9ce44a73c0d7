"""Wrong uses of ``tensorcore.sparse``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorcore.tensor as T
from tensorcore import sparse
from tensorcore.errors import DTypeError, ShapeError

from .rows import Row, row

_X = sparse.csr_dmatrix("x")


def dense(f: Callable[..., Any], *more: Any) -> Row:
    """A dense tensor where a sparse matrix belongs."""
    return row(lambda a: f(a.m, *more), TypeError, "expected a sparse variable", "csr_from_dense")


def both_dense(f: Callable[..., Any]) -> list[Row]:
    """Two dense tensors where one must be sparse."""
    return [row(lambda a: f(a.m, a.m), TypeError, "expected a sparse variable")]


def stacked(f: Callable[..., Any]) -> list[Row]:
    """Nothing, what is dense, and a format that is not known."""
    return [
        row(lambda a: f([]), ValueError, "at least one", "[]"),
        row(lambda a: f([a.m]), TypeError, "expected a sparse"),
        row(lambda a: f([_X], "coo"), ValueError, "csr, csc", "'coo'"),
    ]


def made(f: Callable[..., Any], *unknown: str) -> list[Row]:
    """A name that is no text, and a dtype that is not known."""
    rows = [row(lambda a: f(3), TypeError, "is text, found 3")]
    more = [row(lambda a: f(*unknown), DTypeError, "'y' is no dtype")]
    return rows + more if unknown else rows


def of_matrices(f: Callable[..., Any]) -> list[Row]:
    """A vector where a matrix belongs."""
    return [row(lambda a: f(a.v), ShapeError, "expected a matrix")]


def of_parts(f: Callable[..., Any]) -> list[Row]:
    """Parts that do not make a matrix."""
    return [
        row(lambda a: f(a.m, a.i, a.i, (2, 2)), ShapeError, "a vector"),
        row(lambda a: f(a.v, a.v, a.i, (2, 2)), DTypeError, "integers"),
        row(lambda a: f(a.v, a.i, a.i, (2,)), ShapeError, "two sizes"),
    ]


#: Functions of one sparse matrix, and what else they take.
_OF_ONE: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("as_sparse", "as_sparse_variable", "clean", "csm_data", "csm_indices", "csm_indptr",
         "csm_properties", "csm_shape", "dense_from_sparse", "diag", "neg", "remove0",
         "sp_ones_like", "sp_sum", "sp_zeros_like", "transpose", "shared"), ()),
    **dict.fromkeys(sparse.structured.__all__, ()),
    **dict.fromkeys(("structured_add", "structured_maximum", "structured_minimum",
                     "structured_pow"), (1.0,)),
    "cast": ("float32",), "row_scale": (T.dvector(),), "col_scale": (T.dvector(),),
}  # fmt: skip
SPARSE: dict[str, list[Row]] = {
    name: [dense(getattr(sparse, name), *more)] for name, more in _OF_ONE.items()
}
for _name in ("add", "sub", "mul", "dot", "structured_dot", "true_dot"):
    SPARSE[_name] = both_dense(getattr(sparse, _name))
SPARSE["cast"].append(row(lambda a: sparse.cast(_X, "x"), DTypeError, "'x' is no dtype"))
SPARSE["sp_sum"].append(row(lambda a: sparse.sp_sum(_X, 2), ValueError, "axis", "found 2"))
SPARSE["mul"].append(row(lambda a: sparse.mul(_X, a.t), ShapeError, "3 dimensions"))
SPARSE["dot"].append(row(lambda a: sparse.dot(_X, a.t), ShapeError, "3 dimension(s)"))
for _name in ("hstack", "vstack"):
    SPARSE[_name] = stacked(getattr(sparse, _name))
for _name in ("csr_matrix", "csc_matrix"):
    SPARSE[_name] = made(getattr(sparse, _name), "x", "y")
for _name in ("csr_dmatrix", "csr_fmatrix", "csc_dmatrix", "csc_fmatrix"):
    SPARSE[_name] = made(getattr(sparse, _name))
for _name in ("csr_from_dense", "csc_from_dense"):
    SPARSE[_name] = of_matrices(getattr(sparse, _name))
for _name in ("CSR", "CSC"):
    SPARSE[_name] = of_parts(getattr(sparse, _name))
SPARSE |= {
    "CSM": [row(lambda a: sparse.CSM("x", a.v, a.i, a.i, (2, 2)), ValueError, "csr, csc", "'x'")],
    "SparseType": [row(lambda a: sparse.SparseType("coo"), ValueError, "csr, csc", "'coo'")],
    "matrix": [row(lambda a: sparse.matrix("coo"), ValueError, "csr, csc", "'coo'")],
    "as_sparse_or_tensor_variable": [
        row(lambda a: sparse.as_sparse_or_tensor_variable("abc"), DTypeError, "'abc'"),
    ],
    "sampling_dot": [row(lambda a: sparse.sampling_dot(a.m, a.m, a.m), TypeError, "a sparse")],
    "square_diagonal": [row(lambda a: sparse.square_diagonal(a.m), ShapeError, "a vector")],
    "usmm": [row(lambda a: sparse.usmm(1, a.m, a.m, a.m), TypeError, "a sparse")],
}
SPARSE["shared"].append(row(lambda a: sparse.shared(_X), TypeError, "not a symbolic matrix"))
