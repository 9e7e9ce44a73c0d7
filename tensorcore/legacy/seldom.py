"""Functions of ``theano.tensor`` and its modules that few programs use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import tensor as T
from ..errors import ShapeError
from ..node import Tensor, as_tensor
from ..operators import Operators
from ..ops.foreign import Site, results_of_python
from ..ops.movement import shape_list
from ..tensor import nlinalg
from ..types import TensorType
from . import op_classes
from .known_ops import made_class

__all__ = [
    "AllocDiag", "Bartlett", "Choose", "Default", "Diagonal", "ExtractDiag", "NoneTypeT", "Nonzero",
    "Raise", "RavelMultiIndex", "ScalarFromTensor", "SliceType", "TensorFromScalar",
    "UnravelIndex", "alloc_diag", "as_list", "bartlett", "batch_gemm", "broadcastable_to_str",
    "cov", "cpu_contiguous", "dot22", "extract_diag", "gemm", "gemm_inplace", "gemm_no_inplace",
    "gemv", "gemv_inplace", "gemv_no_inplace", "ger", "hash_from_dict", "hash_from_ndarray",
    "inverse_permutation", "load", "make_slice", "make_vector", "none_type_t",
    "permute_row_elements", "shape_of_variables", "slicetype", "transfer", "values_eq_approx",
    "values_eq_approx_always_true", "values_eq_approx_remove_inf",
    "values_eq_approx_remove_inf_nan", "values_eq_approx_remove_nan",
]  # fmt: skip

_tensor_py_operators = Operators
_dot = op_classes.Dot()
cpu_contiguous = op_classes.CpuContiguous()
make_vector = op_classes.MakeVector()
gemm_no_inplace = gemm_inplace = gemm = op_classes.Gemm()
gemv_no_inplace = gemv_inplace = gemv = op_classes.Gemv()
ger, dot22 = op_classes.Ger(), op_classes.Dot22()


def batch_gemm(z: Any, a: Any, x: Any, y: Any, b: Any) -> Tensor:
    """``b * z + a * batched_dot(x, y)``."""
    made: Tensor = b * as_tensor(z) + a * T.batched_dot(x, y)
    return made


# -- statistics and order -------------------------------------------------------------------


def bartlett(M: Any) -> Tensor:
    """The triangular window of ``M`` points that ends at zero, as ``numpy.bartlett``."""
    count = as_tensor(M)
    if count.ndim:
        raise TypeError(f"bartlett: expected a whole number, found {count.type!r}.")
    n = T.cast(T.arange(count), "float64")
    last = T.cast(T.maximum(count - 1, 1), "float64")
    return T.switch(T.le(count, 1), T.ones_like(n), 1 - T.abs_(2 * n / last - 1))


Bartlett = made_class("Bartlett", apply=lambda op, M: bartlett(M))


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
    fweights: Any = None, aweights: Any = None,
) -> Tensor:  # fmt: skip
    """The matrix of covariances of the rows of ``m`` (of the columns without ``rowvar``), and of
    those of ``y`` after them; weights are how often an observation counts, and how much."""
    x = _observations(m, rowvar)
    if y is not None:
        x = T.concatenate([x, _observations(y, rowvar)], axis=0)
    less = (0 if bias else 1) if ddof is None else ddof
    counts = None if fweights is None else as_tensor(fweights)
    shares = None if aweights is None else as_tensor(aweights)
    weights = counts if shares is None else shares if counts is None else counts * shares
    if weights is None:
        centred = x - T.mean(x, axis=1, keepdims=True)
        return T.dot(centred, centred.T) / T.maximum(T.cast(x.shape[1], "float64") - less, 0)
    total = T.cast(T.sum(weights), "float64")
    centred = x - T.sum(x * weights, axis=1, keepdims=True) / total
    lost = less if shares is None else less * T.sum(weights * shares) / total
    return T.dot(centred * weights, centred.T) / T.maximum(total - lost, 0)


def _observations(m: Any, rowvar: bool) -> Tensor:
    x = as_tensor(m)
    if x.ndim > 2:
        raise ShapeError(f"cov: expected a vector or a matrix, found {x.type!r}.")
    if x.ndim < 2:
        return T.shape_padleft(x, 2 - x.ndim)
    return x if rowvar else x.T


def permute_row_elements(x: Any, y: Any, inverse: int = 0) -> Tensor:
    """Each row of ``x`` in the order that the row of ``y`` says; with ``inverse``, the order that
    is undone by it."""
    x, y = as_tensor(x), as_tensor(y)
    if inverse:
        y = T.argsort(y, axis=-1)
    if x.ndim == 1 and y.ndim == 1:
        found: Tensor = x[y]
        return found
    if x.ndim == 1:
        x = T.fill(y, x)
    rows = T.shape_padright(T.arange(x.shape[0]))
    picked: Tensor = x[rows, y if y.ndim == 2 else T.shape_padleft(y)]
    return picked


def inverse_permutation(perm: Any) -> Tensor:
    """The permutation that undoes one; for a matrix, row by row."""
    return T.argsort(as_tensor(perm), axis=-1)


# -- ops by their classes -------------------------------------------------------------------


def _diagonal(op: Any, x: Any) -> Tensor:
    return T.diagonal(x, op.offset, op.axis1, op.axis2)


_DIAGONAL = "offset=0 axis1=0 axis2=1 view=False"
ExtractDiag = Diagonal = made_class("ExtractDiag", parameters=_DIAGONAL, apply=_diagonal)
AllocDiag = made_class(
    "AllocDiag", parameters="offset=0 axis1=0 axis2=1",
    apply=lambda op, x: nlinalg.alloc_diag(x, op.offset, op.axis1, op.axis2),
)  # fmt: skip
Choose = made_class(
    "Choose", parameters="out=None mode=None",
    apply=lambda op, a, choices: T.choose(a, choices, op.mode or "raise"),
)  # fmt: skip
Nonzero = op_classes.NonZero
Default = made_class("Default", apply=lambda op, x, default: default if x is None else x)
UnravelIndex = made_class(
    "UnravelIndex", parameters="order=None",
    apply=lambda op, index, dims: T.unravel_index(index, dims, op.order or "C"),
)  # fmt: skip
RavelMultiIndex = made_class(
    "RavelMultiIndex", parameters="mode=None order=None",
    apply=lambda op, *given: T.ravel_multi_index(
        given[:-1], given[-1], op.mode or "raise", op.order or "C"),
)  # fmt: skip
ScalarFromTensor = TensorFromScalar = made_class("TensorFromScalar", apply=lambda op, x: x)


def alloc_diag(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """See ``theano.tensor.nlinalg.alloc_diag``."""
    return nlinalg.alloc_diag(x, *args, **kwargs)


def extract_diag(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """See ``theano.tensor.nlinalg.extract_diag``."""
    return nlinalg.extract_diag(x, *args, **kwargs)


class Raise:
    """``Raise(message, exc)(x)`` is ``x``; a call that computes it is this error."""

    def __init__(self, msg: str = "", exc: type[Exception] = NotImplementedError) -> None:
        self.msg, self.exc = msg, exc

    def __call__(self, value: Any) -> Tensor:
        """``value``, which nobody gets."""
        x = as_tensor(value)
        site = Site(
            self._fail, [x.type], title="Raise", shapes=lambda inputs: [shape_list(inputs[0])]
        )
        return results_of_python(site, [x])[0]

    def _fail(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        raise self.exc(self.msg)


def load(path: Any, dtype: Any, broadcastable: Sequence[bool], mmap_mode: Any = None) -> Tensor:
    """The array in a file that ``numpy.save`` wrote, read at each call."""
    type_ = TensorType(dtype, broadcastable)
    site = Site(lambda arrays: [np.load(path, mmap_mode=mmap_mode)], [type_], title=f"load {path}")
    return results_of_python(site, [])[0]


def transfer(var: Any, target: Any) -> Tensor:
    """``var``: where values lie is the backend's business."""
    return as_tensor(var)


# -- of arrays ------------------------------------------------------------------------------


def values_eq_approx(
    a: Any, b: Any, allow_remove_inf: bool = False, allow_remove_nan: bool = False,
    rtol: float | None = None, atol: float | None = None,
) -> bool:  # fmt: skip
    """Whether two arrays differ by no more than rounding does; see ``TensorType``."""
    type_ = TensorType(np.asarray(a).dtype, (False,) * np.ndim(a))
    return type_.values_eq_approx(a, b, allow_remove_inf, allow_remove_nan, rtol, atol)


def values_eq_approx_remove_inf(a: Any, b: Any) -> bool:
    """The same, but for infinite entries."""
    return values_eq_approx(a, b, True)


def values_eq_approx_remove_nan(a: Any, b: Any) -> bool:
    """The same, but for NaN."""
    return values_eq_approx(a, b, False, True)


def values_eq_approx_remove_inf_nan(a: Any, b: Any) -> bool:
    """The same, but for infinite entries and NaN."""
    return values_eq_approx(a, b, True, True)


def values_eq_approx_always_true(a: Any, b: Any) -> bool:
    """True."""
    return True


def hash_from_ndarray(data: Any) -> str:
    """A digest of an array: of shape, dtype and entries."""
    import hashlib

    array = np.ascontiguousarray(data)
    head = f"{array.shape} {array.dtype.str}".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()


def hash_from_dict(d: Mapping[Any, Any]) -> str:
    """A digest of a dict of values that are sorted by their keys."""
    import hashlib

    return hashlib.sha256(repr(sorted(d.items(), key=repr)).encode()).hexdigest()


def as_list(x: Any) -> list[Any]:
    """A list of the entries, or of the lone value."""
    return list(x) if isinstance(x, (list, tuple)) else [x]


def broadcastable_to_str(b: Sequence[bool]) -> str:
    """What broadcastable flags are called, as ``matrix``."""
    known = {(): "scalar", (False,): "vector", (False, True): "col", (True, False): "row",
             (False, False): "matrix"}  # fmt: skip
    return known.get(tuple(b), str(tuple(b)))


def shape_of_variables(fgraph: Any, input_shapes: Mapping[Any, Any]) -> dict[Any, tuple[int, ...]]:
    """The shapes of all variables of a graph, from those of its inputs: by computing with zeros."""
    from ..function import function

    inputs = list(fgraph.inputs)
    found = [v for v in fgraph.variables if v not in inputs]
    f = function(inputs, [v.shape for v in found], on_unused_input="ignore")
    shapes = f(*(np.zeros(input_shapes[x], x.dtype) for x in inputs))
    known = {x: tuple(input_shapes[x]) for x in inputs}
    return {**known, **{v: tuple(map(int, s)) for v, s in zip(found, shapes, strict=True)}}


# -- what is no tensor in Theano ------------------------------------------------------------


class SliceType:
    """Theano's type of slices; nothing here has it."""


class NoneTypeT:
    """Theano's type of None; nothing here has it."""


slicetype, none_type_t = SliceType(), NoneTypeT()


def make_slice(*bounds: Any) -> slice:
    """A slice with symbolic bounds, for an index."""
    return slice(*bounds)
