"""Linear algebra under the names of NumPy and SciPy.

All functions take stacks of matrices: the last two axes are those of the matrices, the others a
batch. ``nlinalg`` and ``slinalg`` have the same under Theano's names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops import decompositions as parts
from ..ops import matrices
from ..ops._matrix_parts import (
    adjoint,
    column,
    columns,
    entry,
    first_row,
    identity,
    on_diagonal,
    rows,
    sizes,
    smaller,
    transposed,
    triangle,
)
from ..ops._matrix_parts import product as matrix_product
from ..ops.complexes import conj, real
from ..ops.elementwise import abs_, cast_to, sqrt
from ..ops.logic import eq, gt, maximum, switch
from ..ops.matrices import det, expm
from ..ops.matrices import matrix_inverse as inv
from ..ops.movement import broadcast_like, dimshuffle, shape_list
from .checks import integer, listed, one_axis, one_of
from .products import kron, matmul, outer
from .reductions import max as largest
from .reductions import min as smallest
from .reductions import norm as entries_norm
from .reductions import sum as total
from .shapes import diagonal, moveaxis, reshape

__all__ = [
    "cholesky", "cholesky_solve", "cond", "det", "eig", "eigh", "eigvals", "eigvalsh", "expm",
    "inv", "kron", "lstsq", "lu", "matmul", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "outer", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensorinv",
    "tensorsolve", "trace",
]  # fmt: skip

_STRUCTURES = ("gen", "sym", "her", "pos")


def matrix(a: TensorLike, what: str) -> Tensor:
    """A stack of matrices; raises ShapeError."""
    a = as_tensor(a)
    if a.ndim < 2:
        raise ShapeError(
            f"{what}: expected a matrix, or a batch of matrices in front of which there are other "
            f"axes; found {a!r} with {a.ndim} dimension(s)."
        )
    return a


# -- factors and equations ------------------------------------------------------------------


def cholesky(a: TensorLike, lower: bool = True, on_error: str = "raise") -> Tensor:
    """The triangular ``L`` with ``a = L L^H``; with ``lower=False`` the ``U`` with ``a = U^H U``.

    Only that triangle of ``a`` is read. ``on_error``: what a matrix that is not positive definite
    gives, a MatrixError (``raise``) or NaN (``nan``).
    """
    one_of(on_error, ("raise", "nan"), "cholesky: on_error")
    a = matrix(a, "cholesky")
    if lower:
        return matrices.cholesky(a, nan=on_error == "nan")
    return adjoint(matrices.cholesky(adjoint(a), nan=on_error == "nan"))


def solve(a: TensorLike, b: TensorLike, assume_a: str = "gen", lower: bool = False) -> Tensor:
    """The ``x`` with ``a x = b``; a ``b`` with one axis is a vector, one with more has matrices.

    ``assume_a``: ``gen``, any regular matrix; ``sym`` or ``her``, symmetric or Hermitian, of which
    the triangle that ``lower`` says is read; ``pos``, besides positive definite, by a Cholesky
    factor. Raises MatrixError in a call for a matrix that has no inverse.
    """
    one_of(assume_a, _STRUCTURES, "solve: assume_a")
    a, b = matrix(a, "solve"), as_tensor(b)
    if assume_a == "pos":
        return cholesky_solve(cholesky(a, lower), b, lower)
    if assume_a != "gen":
        half = triangle(a, lower=lower, strict=True)
        other = adjoint(half) if assume_a == "her" else transposed(half)
        a = triangle(a, lower=lower) + other
    return _for_columns(lambda right: matrices.solve_matrix(a, right), b, "solve")


def _for_columns(solution: Callable[[Tensor], Tensor], b: Tensor, what: str) -> Tensor:
    """The solution for ``b`` as columns; of a vector it is one."""
    if b.ndim == 0:
        raise ShapeError(f"{what}: the right side is a vector or matrices, found a scalar.")
    if b.ndim > 1:
        return solution(b)
    found = solution(column(b))
    return dimshuffle(found, tuple(range(found.ndim - 1)))


def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
) -> Tensor:
    """The ``x`` with ``a x = b`` for triangular ``a``, of which only the one triangle is read.

    ``trans``: 0 or ``N`` for ``a``, 1 or ``T`` for its transpose, 2 or ``C`` for its adjoint.
    ``unit_diagonal``: the diagonal is taken to be ones and is not read.
    """
    one_of(trans, (0, 1, 2, "N", "T", "C"), "solve_triangular: trans")
    a, b = matrix(a, "solve_triangular"), as_tensor(b)
    if trans not in (0, "N"):
        a = transposed(a) if trans in (1, "T") else adjoint(a)
        lower = not lower
    attrs = {"lower": bool(lower), "unit": bool(unit_diagonal)}
    return _for_columns(
        lambda right: matrices.solve_triangular(a, right, **attrs), b, "solve_triangular"
    )


def cholesky_solve(c: TensorLike, b: TensorLike, lower: bool = True) -> Tensor:
    """The ``x`` with ``a x = b`` from the Cholesky factor ``c`` of ``a``."""
    first = solve_triangular(c, b, 0 if lower else 2, lower)
    return solve_triangular(c, first, 2 if lower else 0, lower)


def lu(a: TensorLike, permute_l: bool = False) -> tuple[Tensor, ...]:
    """``p``, ``l`` and ``u`` with ``a = p l u``: a permutation, a lower triangle with ones on the
    diagonal and an upper one, with as many columns and rows as the smaller size of ``a``; with
    ``permute_l`` ``p l`` and ``u``."""
    a = matrix(a, "lu")
    packed = parts.lower_upper(a)
    (_, n), k = sizes(a), smaller(a)
    factors = columns(packed, 0, n)
    some = columns(factors, 0, k)
    left = triangle(some, strict=True) + cast_to(on_diagonal(some), factors.dtype)
    right = triangle(rows(factors, 0, k), lower=False)
    order = cast_to(parts.row_order(packed, a), dtypes.real_part(factors.dtype))
    return (matrix_product(order, left), right) if permute_l else (order, left, right)


def qr(a: TensorLike, mode: str = "reduced") -> Any:
    """``q`` and ``r`` with ``a = q r``: orthonormal columns and an upper triangle.

    ``mode``: ``reduced`` (as many columns as needed), ``complete`` (a square ``q``), ``r`` for that
    alone, or ``raw``: LAPACK's own form, the transpose of ``r`` and of the vectors of reflections,
    and their factors; it has no gradient.
    """
    known = {"full": "reduced", "f": "reduced", "economic": "r", "e": "r"}
    mode = known.get(mode, mode)
    one_of(mode, ("reduced", "complete", "r", "raw"), "qr: mode")
    a = matrix(a, "qr")
    if mode == "raw":
        raw, (_, n) = parts.householder(a), sizes(a)
        return rows(raw, 0, n), columns(first_row(raw[..., n:, :]), 0, smaller(a))
    op = parts.orthogonal_full if mode == "complete" else parts.orthogonal_thin
    packed, (m, n) = op(a), sizes(a)
    right = transposed(rows(packed, m, n))
    return right if mode == "r" else (rows(packed, 0, m), right)


# -- eigenvalues and singular values --------------------------------------------------------


def _is_lower(triangle_read: str, what: str) -> bool:
    one_of(triangle_read, ("L", "U", "l", "u"), f"{what}: UPLO")
    return triangle_read in ("L", "l")


def eigh(a: TensorLike, UPLO: str = "L") -> tuple[Tensor, Tensor]:
    """The eigenvalues of Hermitian matrices, ascending, and the eigenvectors as columns; read from
    the lower triangle (``L``) or the upper (``U``).

    The gradient is right for functions that do not depend on the sign (or phase) of the vectors,
    nor, where eigenvalues are equal, on the basis that was chosen.
    """
    packed = parts.hermitian_eigen(matrix(a, "eigh"), lower=_is_lower(UPLO, "eigh"))
    return real(first_row(packed)), parts.lower_part(packed)


def eigvalsh(a: TensorLike, UPLO: str = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending; read as by ``eigh``."""
    return parts.eigvalsh(matrix(a, "eigvalsh"), lower=_is_lower(UPLO, "eigvalsh"))


def eigvals(a: TensorLike) -> Tensor:
    """The eigenvalues of square matrices, in no order; complex always."""
    return eig(matrix(a, "eigvals"))[0]


def eig(a: TensorLike) -> tuple[Tensor, Tensor]:
    """The eigenvalues of square matrices, in no order, and the eigenvectors as columns of length 1.

    Both are complex always, where NumPy looks at the values. Gradients as for ``eigh``.
    """
    packed = parts.eigen(matrix(a, "eig"))
    return first_row(packed), parts.lower_part(packed)


def svd(a: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """``u``, ``s``, descending, and ``vh`` with ``a = u diag(s) vh``; or ``s`` alone.

    ``full_matrices``: ``u`` and ``vh`` are square; else they have as many columns and rows as ``s``
    has entries, which is enough. Gradients as for ``eigh``.
    """
    a = matrix(a, "svd")
    if not compute_uv:
        return parts.singular_values(a)
    if not full_matrices:
        u, s, v = parts.three_parts(parts.singular_thin(a), a)
        return u, s, adjoint(v)
    u, s, v = parts.three_parts(parts.singular_full(a), a)
    m, n = sizes(a)
    count = smaller(a)
    few = first_row(columns(dimshuffle(s, (*range(s.ndim - 1), "x", s.ndim - 1)), 0, count))
    return columns(u, 0, m), few, adjoint(columns(v, 0, n))


def svdvals(a: TensorLike) -> Tensor:
    """The singular values, descending."""
    return parts.singular_values(matrix(a, "svdvals"))


def pinv(a: TensorLike, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverse; singular values below ``rcond`` times the largest count as zeros."""
    return parts.pinv(matrix(a, "pinv"), rcond=_cut_off(rcond, "pinv"))


def _cut_off(rcond: Any, what: str) -> float:
    if isinstance(rcond, (int, float, np.number)):
        return float(rcond)
    raise TypeError(f"{what}: rcond must be a number such as 1e-15, found {rcond!r:.60}.")


def lstsq(
    a: TensorLike, b: TensorLike, rcond: float | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The ``x`` of least length for which ``a x`` is nearest to ``b``; the sums of the squares of
    what is left, by column of ``b``; the rank of ``a``; and its singular values.

    Singular values below ``rcond`` times the largest count as zeros; by default, or when it is
    negative, eps times the larger size of ``a``. The sums are there always, where NumPy leaves
    them out for matrices without full rank.
    """
    a, b = matrix(a, "lstsq"), as_tensor(b)
    limit = _cut_off(-1 if rcond is None else rcond, "lstsq")
    inverse, s = parts.pinv(a, rcond=limit), parts.singular_values(a)
    solution = _for_columns(lambda right: matrix_product(*_same(inverse, right)), b, "lstsq")
    left = b - matmul(a, solution)
    axis = left.ndim - (1 if b.ndim == 1 else 2)
    squares = total(real(left * conj(left)), axis)
    return solution, squares, _rank(a, s, limit), s


def _same(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Two stacks with equally many batch axes."""
    ndim = max(x.ndim, y.ndim)
    return tuple(  # type: ignore[return-value]
        dimshuffle(t, ("x",) * (ndim - t.ndim) + tuple(range(t.ndim))) for t in (x, y)
    )


def _rank(a: Tensor, s: Tensor, limit: float) -> Tensor:
    eps = np.finfo(s.dtype).eps
    cut = cast_to(maximum(*sizes(a)), s.dtype) * eps if limit < 0 else np.asarray(limit, s.dtype)
    return total(cast_to(gt(s, largest(s, axis=-1, keepdims=True) * cut), "int64"), -1)


def matrix_rank(a: TensorLike, rtol: float | None = None) -> Tensor:
    """How many singular values exceed ``rtol`` times the largest; int64. The default is that of
    ``lstsq``."""
    a = matrix(a, "matrix_rank")
    limit = _cut_off(-1 if rtol is None else rtol, "matrix_rank")
    return _rank(a, parts.singular_values(a), limit)


# -- numbers of a matrix --------------------------------------------------------------------


def slogdet(a: TensorLike) -> tuple[Tensor, Tensor]:
    """The sign of the determinant and the logarithm of its absolute value: it neither overflows
    nor vanishes. Of a singular matrix 0 and minus infinity."""
    packed = matrices.sign_and_logabsdet(matrix(a, "slogdet"))
    return entry(packed, 0), real(entry(packed, 1))


def cond(x: TensorLike, p: Any = None) -> Tensor:
    """The condition number: the norm ``p``, one of those of matrices, times that of the inverse.
    None is 2, where it is the quotient of the largest singular value by the smallest. Of a singular
    matrix it is infinite there, and with another norm MatrixError is raised in a call."""
    x = matrix(x, "cond")
    if p in (None, 2, -2):
        s = parts.singular_values(x)
        over, under = largest(s, -1), smallest(s, -1)
        if p == -2:
            over, under = under, over
        none = np.asarray(np.inf, s.dtype)
        return switch(eq(under, np.zeros((), s.dtype)), none, over / under)
    one_of(p, ("fro", "nuc", 1, -1, np.inf, -np.inf), "cond: p, if not 2 or -2,")
    return _matrix_norm(x, p) * _matrix_norm(inv(x), p)


def trace(a: TensorLike, offset: int = 0) -> Tensor:
    """The sum of the entries on a diagonal of the last two axes."""
    a = matrix(a, "trace")
    return total(diagonal(a, offset, a.ndim - 2, a.ndim - 1), -1)


def norm(x: TensorLike, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of a vector (one ``axis``) or of a matrix (two), as in NumPy.

    ``ord``: of a vector any number, of a matrix ``fro``, ``nuc``, 1, -1, 2, -2 or an infinite one.
    None is the root of the sum of all squares; without ``axis`` ``x`` may then have any shape.
    """
    x = as_tensor(x)
    if axis is None and ord is None:
        return entries_norm(x, 2, None, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if np.ndim(axis) else (axis,)
    axes = tuple(one_axis(a, x.ndim, "norm") for a in axes)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ShapeError(f"norm: a norm is over one axis or two, found {len(axes)} of them.")
    found = _matrix_norm(moveaxis(x, axes, (x.ndim - 2, x.ndim - 1)), ord)
    if not keepdims:
        return found
    rest = iter(range(found.ndim))
    return dimshuffle(found, tuple("x" if a in axes else next(rest) for a in range(x.ndim)))


def _vector_norm(x: Tensor, ord: Any, axis: int, keepdims: bool) -> Tensor:
    if ord == -np.inf:
        return smallest(abs_(x), axis, keepdims)
    return entries_norm(x, 2 if ord is None else ord, axis, keepdims)


def _matrix_norm(x: Tensor, ord: Any) -> Tensor:
    if ord in (None, "fro"):
        return sqrt(total(real(x * conj(x)), (x.ndim - 2, x.ndim - 1)))
    if ord in (2, -2, "nuc"):
        s = parts.singular_values(x)
        if ord == "nuc":
            return total(s, -1)
        return largest(s, -1) if ord == 2 else smallest(s, -1)
    one_of(ord, (1, -1, np.inf, -np.inf), "norm: the ord of a matrix, if not fro, nuc, 2 or -2,")
    sums = total(abs_(x), -2 if ord in (1, -1) else -1)
    return largest(sums, -1) if ord > 0 else smallest(sums, -1)


# -- products -------------------------------------------------------------------------------


def matrix_power(a: TensorLike, n: int) -> Tensor:
    """The matrix multiplied with itself, ``n`` times; of a negative ``n``, its inverse."""
    a, n = matrix(a, "matrix_power"), integer(n, "matrix_power: n")
    if n < 0:
        a, n = inv(a), -n
    if n == 0:
        return broadcast_like(identity(sizes(a)[0], a.dtype), a)
    result = None
    while True:
        if n % 2:
            result = a if result is None else matrix_product(result, a)
        n //= 2
        if not n:
            assert result is not None
            return result
        a = matrix_product(a, a)


def multi_dot(tensors: Iterable[TensorLike]) -> Tensor:
    """The product of several matrices, from left to right."""
    result, *others = listed(tensors, "multi_dot")
    for other in others:
        result = matmul(result, other)
    return result


def tensorinv(a: TensorLike, ind: int = 2) -> Tensor:
    """The inverse for ``tensordot`` over ``ind`` axes: of ``a`` as a matrix whose rows are its
    first ``ind`` axes, with the axes of the rows last."""
    a, ind = as_tensor(a), integer(ind, "tensorinv: ind")
    if not 0 < ind < a.ndim:
        raise ShapeError(f"tensorinv: ind must be 1 to {a.ndim - 1} here, found {ind}.")
    shape = shape_list(a)
    inverse = inv(reshape(a, (_many(shape[:ind]), _many(shape[ind:]))))
    return reshape(inverse, (*shape[ind:], *shape[:ind]))


def _many(some: Sequence[Tensor]) -> Tensor:
    result = some[0]
    for size in some[1:]:
        result = result * size
    return result


def tensorsolve(a: TensorLike, b: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """The ``x`` with ``tensordot(a, x, x.ndim) = b``; the ``axes`` of ``a`` move to its end."""
    a, b = as_tensor(a), as_tensor(b)
    moved = [one_axis(axis, a.ndim, "tensorsolve") for axis in axes or ()]
    a = dimshuffle(a, (*(k for k in range(a.ndim) if k not in moved), *moved))
    if not 0 < b.ndim < a.ndim:
        raise ShapeError(
            f"tensorsolve: the first has the axes of the second and more, found {a.ndim} and "
            f"{b.ndim} dimension(s)."
        )
    shape = shape_list(a)
    rest = shape[b.ndim :]
    x = solve(reshape(a, (_many(shape[: b.ndim]), _many(rest))), b.flatten())
    return reshape(x, rest)
