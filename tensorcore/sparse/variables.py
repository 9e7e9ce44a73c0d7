"""Sparse variables, and how they are made and taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import config, dtypes
from .. import tensor as T
from ..bundles import Bundle
from ..errors import DTypeError, ShapeError
from ..function import function
from ..node import Tensor, as_tensor
from ..ops.creation import as_size
from ..shared import shared as dense_shared
from ..tensor.checks import one_of
from ..tensor.shapes import size_list
from ..types import TensorType

__all__ = [
    "CSC", "CSM", "CSR", "SparseType", "SparseVariable", "as_sparse",
    "as_sparse_or_tensor_variable", "as_sparse_variable", "csc_dmatrix", "csc_fmatrix",
    "csc_matrix", "csm_data", "csm_indices", "csm_indptr", "csm_properties", "csm_shape",
    "csr_dmatrix", "csr_fmatrix", "csr_matrix", "matrix", "shared",
]  # fmt: skip

FORMATS = ("csr", "csc")
#: Always there: what needs SciPy says so when it is missing.
enable_sparse = True


class SparseVariable(Bundle):
    """A symbolic sparse matrix: ``data``, ``indices`` and ``indptr`` as SciPy has them, by rows
    (format ``csr``) or by columns (``csc``), and ``sizes``, two scalars.

    It is a value and never changes. Operators make new ones, or dense tensors: ``x + y``, ``x * y``
    (by entries), ``sparse.dot(x, y)``, ``x.T``.
    """

    ndim = 2
    broadcastable = (False, False)
    __array_ufunc__ = None  # an array on the left leaves the operator to us

    def __init__(
        self, format: str, parts: Sequence[Tensor], name: str | None = None, owner: Any = None
    ) -> None:
        self.format = format
        self.parts = tuple(parts)
        self.name = name
        self.owner = owner
        #: Free for the user's notes.
        self.tag = SimpleNamespace()

    @property
    def data(self) -> Tensor:
        """The entries that are stored."""
        return self.parts[0]

    @property
    def indices(self) -> Tensor:
        """Of each entry its column, or its row where the format is ``csc``."""
        return self.parts[1]

    @property
    def indptr(self) -> Tensor:
        """Where each row (or column) begins among the entries, and where the last one ends."""
        return self.parts[2]

    @property
    def sizes(self) -> tuple[Tensor, Tensor]:
        """The numbers of rows and of columns."""
        return self.parts[3], self.parts[4]

    @property
    def shape(self) -> Tensor:
        """Both sizes as a vector."""
        return T.stack(list(self.sizes))

    @property
    def dtype(self) -> str:
        """That of the entries."""
        return self.data.dtype

    @property
    def type(self) -> SparseType:
        """Format and dtype."""
        return SparseType(self.format, self.dtype)

    @property
    def T(self) -> SparseVariable:
        """Rows and columns exchanged: the same entries in the other format."""
        data, indices, indptr, rows, columns = self.parts
        other = "csc" if self.format == "csr" else "csr"
        return SparseVariable(other, (data, indices, indptr, columns, rows))

    def transpose(self) -> SparseVariable:
        """Rows and columns exchanged."""
        return self.T

    def with_parts(self, parts: Sequence[Tensor]) -> SparseVariable:
        """A matrix of the same format."""
        return SparseVariable(self.format, parts)

    def with_data(self, data: Tensor) -> SparseVariable:
        """Other entries at the same places."""
        return SparseVariable(self.format, (data, *self.parts[1:]))

    def coordinates(self) -> tuple[Tensor, Tensor]:
        """The rows and the columns of the entries, int64."""
        count = self.data.shape[0]
        marks = T.zeros((count + 1,), dtype="int64")
        ends = T.cast(self.indptr[1:], "int64")
        major = T.cumsum(T.inc_subtensor(marks[ends], 1))[:-1]
        minor = T.cast(self.indices, "int64")
        return (major, minor) if self.format == "csr" else (minor, major)

    def like(self, value: Any, what: str) -> SparseVariable:
        """A sparse variable of this format and dtype, or a matrix of SciPy that becomes one."""
        found = sparse(value.asformat(self.format) if hasattr(value, "asformat") else value, what)
        if found.type != self.type:
            raise TypeError(
                f"{what}: {self!r} is {self.type!r} and cannot become {found!r}, which is "
                f"{found.type!r}."
            )
        return found

    def eval(self, inputs_to_values: Any = None) -> Any:
        """The value, a matrix of SciPy; the values of variables come as a dict."""
        given = dict(inputs_to_values or {})
        compiled: Any = function(list(given), self, on_unused_input="ignore")
        return compiled(*given.values())

    # -- values ---------------------------------------------------------------------------

    def apart(self, value: Any) -> tuple[Any, ...]:
        """The arrays of a matrix of SciPy, which is brought into the format, without doubles."""
        if not hasattr(value, "asformat") or getattr(value, "ndim", 0) != 2:
            raise TypeError(
                f"{self!r} takes a sparse matrix such as scipy.sparse.csr_matrix(x), found a "
                f"{type(value).__name__}."
            )
        found = value.asformat(self.format)
        if not found.has_canonical_format:
            found = found.copy()
            found.sum_duplicates()
        positions = (np.asarray(a).astype("int32", copy=False) for a in (
            found.indices, found.indptr))  # fmt: skip
        return (found.data, *positions, *(np.int64(n) for n in found.shape))

    def together(self, arrays: Sequence[Any]) -> Any:
        """A matrix of SciPy."""
        scipy = _scipy()
        data, indices, indptr, rows, columns = arrays
        make = scipy.csr_matrix if self.format == "csr" else scipy.csc_matrix
        return make((data, indices, indptr), shape=(int(rows), int(columns)))

    def get_value(self, borrow: bool = False) -> Any:
        """The value of a shared one, as a matrix of SciPy."""
        return self.together([self._cell(p).get_value() for p in self.parts])

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """A new value for a shared one, of any size."""
        for part, array in zip(self.parts, self.apart(value), strict=True):
            self._cell(part).set_value(array)

    def _cell(self, part: Tensor) -> Any:
        if not hasattr(part, "get_value"):
            raise TypeError(f"{self!r} is not shared, it has no value; see sparse.shared.")
        return part

    # -- operators: dense results where the other one is dense and its entries count ------------

    def __add__(self, other: Any) -> Any:
        return _operations().add(self, other)

    def __radd__(self, other: Any) -> Any:
        return _operations().add(other, self)

    def __sub__(self, other: Any) -> Any:
        return _operations().sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _operations().sub(other, self)

    def __mul__(self, other: Any) -> SparseVariable:
        """The product by entries."""
        found: SparseVariable = _operations().mul(self, other)
        return found

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SparseVariable:
        """The quotient by a number, or by a dense matrix at the stored entries."""
        return self * (1 / as_tensor(other))

    def __getitem__(self, index: Any) -> Any:
        """Rows and columns by slices, numbers and lists; of two numbers, the entry."""
        from .indexing import indexed

        return indexed(self, index)

    def __neg__(self) -> SparseVariable:
        found: SparseVariable = _operations().neg(self)
        return found

    def __matmul__(self, other: Any) -> Tensor:
        found: Tensor = _operations().dot(self, other)
        return found

    def __rmatmul__(self, other: Any) -> Tensor:
        found: Tensor = _operations().dot(other, self)
        return found

    __dot__, __rdot__ = __matmul__, __rmatmul__

    def dot(self, other: Any) -> Tensor:
        """See ``sparse.dot``."""
        found: Tensor = _operations().dot(self, other)
        return found

    def sum(self, axis: int | None = None) -> Tensor:
        """See ``sparse.sp_sum``."""
        found: Tensor = _operations().sp_sum(self, axis)
        return found

    def astype(self, dtype: Any) -> SparseVariable:
        """See ``sparse.cast``."""
        found: SparseVariable = _operations().cast(self, dtype)
        return found

    def toarray(self) -> Tensor:
        """The dense matrix."""
        found: Tensor = _operations().dense_from_sparse(self)
        return found

    def __repr__(self) -> str:
        return self.name or f"<Sparse[{self.dtype}, {self.format}]>"


def _operations() -> Any:
    from . import operations

    return operations


def _scipy() -> Any:
    try:
        import scipy.sparse
    except ImportError as cause:
        raise ImportError(
            "a sparse matrix as a value is one of SciPy's, and scipy is not installed. Install "
            "it: pip install scipy (or this project with the extra [sparse])."
        ) from cause
    return scipy.sparse


class SparseType:
    """A format (``csr`` or ``csc``) and a dtype; calling it makes a variable."""

    dtype_set = frozenset(dtypes.ALL)

    def __init__(self, format: str, dtype: Any = None, broadcastable: Any = None) -> None:
        one_of(format, FORMATS, "SparseType: format")
        self.format, self.dtype = format, dtypes.canonical(dtype or config.floatX)

    def __call__(self, name: str | None = None) -> SparseVariable:
        """A variable of this type."""
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a variable is text, found {name!r}.")
        stem = name or "sparse"
        parts = [TensorType(self.dtype, (False,))(f"{stem}.data")]
        parts += [TensorType("int32", (False,))(f"{stem}.{n}") for n in ("indices", "indptr")]
        parts += [TensorType("int64", ())(f"{stem}.{n}") for n in ("rows", "columns")]
        return SparseVariable(self.format, parts, name)

    make_variable = __call__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SparseType) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"Sparse[{self.dtype}, {self.format}]"


def matrix(format: str, name: str | None = None, dtype: Any = None) -> SparseVariable:
    """A sparse variable of a format; floatX by default."""
    return SparseType(format, dtype)(name)


def csr_matrix(name: str | None = None, dtype: Any = None) -> SparseVariable:
    """A sparse variable stored by rows; floatX by default."""
    return matrix("csr", name, dtype)


def csc_matrix(name: str | None = None, dtype: Any = None) -> SparseVariable:
    """A sparse variable stored by columns; floatX by default."""
    return matrix("csc", name, dtype)


csr_fmatrix, csr_dmatrix = SparseType("csr", "float32"), SparseType("csr", "float64")
csc_fmatrix, csc_dmatrix = SparseType("csc", "float32"), SparseType("csc", "float64")


# -- from parts and to parts ----------------------------------------------------------------


def CSM(format: str, data: Any, indices: Any, indptr: Any, shape: Any) -> SparseVariable:
    """The sparse matrix of a format with these parts, as ``scipy.sparse`` takes them. Positions
    within a row (or column) are ascending, and each stands there once."""
    one_of(format, FORMATS, "CSM: format")
    found = [as_tensor(t) for t in (data, indices, indptr)]
    for t, word in zip(found, ("data", "indices", "indptr"), strict=True):
        if t.ndim != 1:
            raise ShapeError(f"CSM: {word} must be a vector, found {t!r} of type {t.type!r}.")
        if word != "data" and not t.dtype.startswith(("int", "uint")):
            raise DTypeError(f"CSM: {word} must be of integers, found {t!r} of type {t.type!r}.")
    places = [T.cast(t, "int32") for t in found[1:]]
    return SparseVariable(format, (found[0], *places, *_sizes(shape)))


def _sizes(shape: Any) -> list[Tensor]:
    if isinstance(shape, Tensor) and shape.ndim == 1:
        return [as_size(shape[k], "CSM: shape") for k in range(2)]
    sizes = size_list(shape, "CSM: shape")
    if len(sizes) != 2:
        raise ShapeError(f"CSM: the shape has two sizes, found {len(sizes)}.")
    return sizes


def CSR(data: Any, indices: Any, indptr: Any, shape: Any) -> SparseVariable:
    """``CSM`` by rows."""
    return CSM("csr", data, indices, indptr, shape)


def CSC(data: Any, indices: Any, indptr: Any, shape: Any) -> SparseVariable:
    """``CSM`` by columns."""
    return CSM("csc", data, indices, indptr, shape)


def sparse(x: Any, what: str) -> SparseVariable:
    """A sparse variable, or a constant from a matrix of SciPy; raises TypeError."""
    if isinstance(x, SparseVariable):
        return x
    if hasattr(x, "asformat") and getattr(x, "format", "") not in ("", None):
        format = x.format if x.format in FORMATS else "csr"
        shell = SparseVariable(format, (), None)
        return SparseVariable(format, [as_tensor(np.array(part)) for part in shell.apart(x)])
    raise TypeError(
        f"{what}: expected a sparse variable or a matrix of scipy.sparse, found {x!r:.60}. "
        f"sparse.csr_from_dense makes one of a dense tensor."
    )


def as_sparse_variable(x: Any, name: str | None = None) -> SparseVariable:
    """``x`` as a sparse variable: one as it is, a matrix of SciPy as a constant."""
    found = sparse(x, "as_sparse_variable")
    return found if name is None else SparseVariable(found.format, found.parts, name)


as_sparse = as_sparse_variable


def as_sparse_or_tensor_variable(x: Any, name: str | None = None) -> Any:
    """As ``as_sparse_variable``; what is not sparse, as a dense tensor."""
    is_sparse = isinstance(x, SparseVariable) or hasattr(x, "asformat")
    return as_sparse_variable(x, name) if is_sparse else T.as_tensor_variable(x, name)


def shared(value: Any, name: str | None = None, borrow: bool = False) -> SparseVariable:
    """A sparse variable with a value, a matrix of SciPy, that ``updates`` may change."""
    if isinstance(value, SparseVariable):
        raise TypeError("sparse.shared() takes a value, not a symbolic matrix.")
    found = sparse(value, "sparse.shared")
    words = ("data", "indices", "indptr", "rows", "columns")
    cells = [
        dense_shared(np.array(part.attrs["value"]), f"{name or 'sparse'}.{word}",
                     broadcastable=(False,) * part.ndim)
        for part, word in zip(found.parts, words, strict=True)
    ]  # fmt: skip
    return SparseVariable(found.format, cells, name)


def csm_properties(x: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``data``, ``indices``, ``indptr`` and ``shape``."""
    x = sparse(x, "csm_properties")
    return x.data, x.indices, x.indptr, x.shape


def csm_data(x: Any) -> Tensor:
    """The entries that are stored."""
    return sparse(x, "csm_data").data


def csm_indices(x: Any) -> Tensor:
    """Their columns (or rows)."""
    return sparse(x, "csm_indices").indices


def csm_indptr(x: Any) -> Tensor:
    """Where each row (or column) begins among them."""
    return sparse(x, "csm_indptr").indptr


def csm_shape(x: Any) -> Tensor:
    """The numbers of rows and columns, as a vector."""
    return sparse(x, "csm_shape").shape


def _is_sparse_variable(x: Any) -> bool:
    """Whether it is a symbolic sparse matrix."""
    return isinstance(x, SparseVariable)


def _is_dense_variable(x: Any) -> bool:
    """Whether it is a symbolic dense tensor."""
    return isinstance(x, Tensor)
