"""Linear algebra under the names of Theano's ``tensor.nlinalg``; see ``linalg``.

What are classes of ops there (``Det``, ``SVD(...)``) are functions that return functions here, so
that ``Det()(a)`` works as ``det(a)`` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops.creation import iota
from ..ops.movement import broadcast_to, dimshuffle, shape_list
from .checks import integer, one_axis, one_of
from .creation import diag
from .indexing import set_subtensor
from .linalg import (
    det,
    eig,
    eigh,
    inv,
    lstsq,
    matrix_power,
    multi_dot,
    norm,
    pinv,
    qr,
    slogdet,
    svd,
    tensorinv,
    tensorsolve,
)
from .products import trace
from .shapes import diagonal

__all__ = [
    "AllocDiag", "Det", "Eig", "Eigh", "ExtractDiag", "MatrixInverse", "MatrixPinv", "QRFull",
    "QRIncomplete", "SVD", "TensorInv", "TensorSolve", "alloc_diag", "det", "diag", "eig", "eigh",
    "extract_diag", "inv", "logabsdet", "lstsq", "matrix_dot", "matrix_inverse", "matrix_pinv",
    "matrix_power", "norm", "pinv", "qr", "slogdet", "svd", "tensorinv", "tensorsolve", "trace",
]  # fmt: skip

Function = Callable[..., Any]

matrix_inverse = inv
matrix_pinv = pinv


def logabsdet(x: TensorLike) -> Tensor:
    """The logarithm of the absolute value of the determinant."""
    return slogdet(x)[1]


def matrix_dot(*args: TensorLike) -> Tensor:
    """The product of several matrices, from left to right."""
    return multi_dot(args)


def extract_diag(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The entries on a diagonal of two axes, as the last axis; see ``T.diagonal``."""
    return diagonal(x, offset, axis1, axis2)


def alloc_diag(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Zeros with the last axis of ``x`` on a diagonal of two new axes: the reverse of
    ``extract_diag``."""
    x, offset = as_tensor(x), integer(offset, "alloc_diag: the offset")
    if x.ndim == 0:
        raise ShapeError("alloc_diag: a scalar has no axis for a diagonal; found 0 dimensions.")
    first, second = (one_axis(a, x.ndim + 1, "alloc_diag", "the result") for a in (axis1, axis2))
    if first == second:
        raise ShapeError(f"alloc_diag: axis1 and axis2 are both {first}.")
    *lead, n = shape_list(x)
    size = n + abs(offset)
    blank = broadcast_to(np.zeros((), x.dtype), size, size, *lead)
    place = iota(n)
    down, right = (-offset, 0) if offset < 0 else (0, offset)
    turned = dimshuffle(x, (x.ndim - 1, *range(x.ndim - 1)))
    written = set_subtensor(blank[place + down, place + right], turned)
    rest = iter(range(2, x.ndim + 1))
    pattern = (0 if a == first else 1 if a == second else next(rest) for a in range(x.ndim + 1))
    return dimshuffle(written, tuple(pattern))


def ExtractDiag(offset: int = 0, axis1: int = 0, axis2: int = 1, view: bool = False) -> Function:
    """``extract_diag`` with these arguments; ``view`` changes nothing."""
    return partial(extract_diag, offset=offset, axis1=axis1, axis2=axis2)


def AllocDiag(offset: int = 0, axis1: int = 0, axis2: int = 1) -> Function:
    """``alloc_diag`` with these arguments."""
    return partial(alloc_diag, offset=offset, axis1=axis1, axis2=axis2)


def Det() -> Function:
    """``det``."""
    return det


def Eig() -> Function:
    """``eig``."""
    return eig


def Eigh(UPLO: str = "L") -> Function:
    """``eigh`` that reads this triangle."""
    one_of(UPLO, ("L", "U"), "Eigh: UPLO")
    return partial(eigh, UPLO=UPLO)


def MatrixInverse() -> Function:
    """``matrix_inverse``."""
    return matrix_inverse


def MatrixPinv() -> Function:
    """``pinv``."""
    return pinv


def QRFull(mode: str) -> Function:
    """``qr`` with both factors."""
    one_of(mode, ("reduced", "complete", "full", "f"), "QRFull: mode")
    return partial(qr, mode=mode)


def QRIncomplete(mode: str) -> Function:
    """``qr`` with the triangle alone."""
    one_of(mode, ("r", "economic", "e"), "QRIncomplete: mode")
    return partial(qr, mode=mode)


def SVD(full_matrices: bool = True, compute_uv: bool = True) -> Function:
    """``svd`` with these arguments."""
    return partial(svd, full_matrices=full_matrices, compute_uv=compute_uv)


def TensorInv(ind: int = 2) -> Function:
    """``tensorinv`` with this number of axes."""
    return partial(tensorinv, ind=integer(ind, "TensorInv: ind"))


def TensorSolve(axes: Any = None) -> Function:
    """``tensorsolve`` with these axes."""
    return partial(tensorsolve, axes=axes)
