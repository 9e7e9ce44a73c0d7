"""What matrix ops compute, with the ``linalg`` of NumPy or of a library that has its functions
(``xp``); batches are the leading axes.

Numbers wider than float64, which the conformance suite uses to see rounding, are computed in
float64. A matrix that an op cannot take is an error that says which one of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import MatrixError

#: Of NumPy, or of a library that has its functions.
Array: TypeAlias = Any
#: The largest triangle that is solved at once; larger ones are cut in two.
_BLOCK = 32
_HINTS = {
    "singular": "T.nlinalg.pinv and T.nlinalg.lstsq take any matrix; a small multiple of the "
    "identity, added to it, makes it regular.",
    "positive": "Is it symmetric, and are all its eigenvalues positive? A small multiple of the "
    "identity, added to it, makes up for rounding.",
    "converge": "Are all its entries finite numbers?",
}


def _over_batch(title: str, wrong: str, hint: str) -> Callable[..., Callable[..., Array]]:
    """Decorator of functions of stacks of matrices: widths that LAPACK lacks, and errors."""

    def decorate(function: Callable[..., Array]) -> Callable[..., Array]:
        @wraps(function)
        def computed(xp: Any, *arrays: Array, **attrs: Any) -> Array:
            wide = [xp.asarray(a) for a in arrays]
            dtype = np.result_type(*(a.dtype for a in wide))
            narrow = [_narrowed(a) for a in wide]
            run = partial(function, xp, **attrs)
            try:
                result = run(*narrow)
            except np.linalg.LinAlgError:
                raise MatrixError(_message(run, xp, narrow, title, wrong, hint)) from None
            return result if dtype in ("f", "d", "F", "D") else _widened(result, dtype)

        return computed

    return decorate


def _narrowed(a: Array) -> Array:
    return a.astype({"g": "d", "G": "D"}.get(a.dtype.char, a.dtype.char), copy=False)


def _widened(result: Array, dtype: np.dtype[Any]) -> Array:
    return result.astype(np.clongdouble if result.dtype.kind == "c" else np.longdouble)


def _message(
    run: Callable[..., Array], xp: Any, arrays: list[Array], title: str, wrong: str, hint: str
) -> str:
    """Which matrix it is, found by trying one after the other."""
    lead = arrays[0].shape[:-2]
    shape = "x".join(map(str, arrays[0].shape[-2:]))
    where = f"the {shape} matrix"
    for place in np.ndindex(*lead) if lead else ():
        try:
            run(*(a[place] if a.shape[:-2] == lead else a for a in arrays))
        except np.linalg.LinAlgError:
            where = f"the {shape} matrix {list(place)} of a batch of shape {lead}"
            break
    if not xp.isfinite(arrays[0]).all():
        return f"{title}: {where} {wrong}; there are entries that are NaN or infinite."
    return f"{title}: {where} {wrong}. {_HINTS[hint]}"


def adjoint(a: Array) -> Array:
    """The last two axes exchanged, conjugated."""
    return a.swapaxes(-1, -2).conj()


# -- equations ------------------------------------------------------------------------------


@_over_batch("cholesky", "is not positive definite", "positive")
def cholesky(xp: Any, a: Array, nan: bool) -> Array:
    """See ``ops.matrices``."""
    try:
        result = xp.linalg.cholesky(a)
        if xp.isnan(xp.diagonal(result, 0, -2, -1)).any():  # LAPACK lets these pass
            raise np.linalg.LinAlgError
    except np.linalg.LinAlgError:
        if not nan:
            raise
        return _one_by_one(xp, a)
    return result


def _one_by_one(xp: Any, a: Array) -> Array:
    """The factors of those that have one, and NaN."""
    result = xp.full_like(a, xp.nan)
    for place in np.ndindex(*a.shape[:-2]):
        try:
            result[place] = xp.linalg.cholesky(a[place])
        except np.linalg.LinAlgError:
            continue
    return result


@_over_batch("solve", "is singular", "singular")
def solve(xp: Any, a: Array, b: Array) -> Array:
    """See ``ops.matrices``. One matrix is taken apart once, also for a batch of right sides."""
    if a.ndim > 2 and all(n == 1 for n in a.shape[:-2]) and b.size:
        last = xp.moveaxis(b, -2, 0)
        found = xp.linalg.solve(a.reshape(a.shape[-2:]), last.reshape(len(last), -1))
        return xp.moveaxis(found.reshape(last.shape), 0, -2)
    return _solved(xp, a, b)


def _solved(xp: Any, a: Array, b: Array) -> Array:
    """The solution; batches that stretch are laid out, as not every library does that itself."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (xp.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    return xp.linalg.solve(a, b)


@_over_batch("solve_triangular", "has a zero on its diagonal", "singular")
def solve_triangular(xp: Any, a: Array, b: Array, lower: bool, unit: bool) -> Array:
    """See ``ops.matrices``."""
    a = xp.tril(a) if lower else xp.triu(a)
    if unit:
        n = xp.arange(a.shape[-1])
        a[..., n, n] = 1
    return _substituted(xp, a, b, lower)


def _substituted(xp: Any, a: Array, b: Array, lower: bool) -> Array:
    """By halves: one half first, and the other with what it leaves."""
    n = a.shape[-1]
    if n <= _BLOCK:
        return _solved(xp, a, b)
    h = n // 2
    first, second = (slice(0, h), slice(h, n)) if lower else (slice(h, n), slice(0, h))
    one = _substituted(xp, a[..., first, first], b[..., first, :], lower)
    rest = b[..., second, :] - a[..., second, first] @ one
    other = _substituted(xp, a[..., second, second], rest, lower)
    return xp.concatenate((one, other) if lower else (other, one), axis=-2)


@_over_batch("matrix_inverse", "is singular", "singular")
def inverse(xp: Any, a: Array) -> Array:
    """See ``ops.matrices``."""
    return xp.linalg.inv(a)


@_over_batch("pinv", "has singular values that were not found", "converge")
def pseudoinverse(xp: Any, a: Array, rcond: float) -> Array:
    """See ``ops.decompositions``."""
    limit = np.finfo(a.dtype).eps * max(a.shape[-2:]) if rcond < 0 else rcond
    return xp.linalg.pinv(a, limit)


# -- determinants and the exponential -------------------------------------------------------


@_over_batch("det", "has no determinant", "converge")
def determinant(xp: Any, a: Array) -> Array:
    """See ``ops.matrices``."""
    return xp.asarray(xp.linalg.det(a))


@_over_batch("slogdet", "has no determinant", "converge")
def signed_logarithm(xp: Any, a: Array) -> Array:
    """See ``ops.matrices``."""
    sign, logarithm = xp.linalg.slogdet(a)
    return xp.stack(xp.broadcast_arrays(sign, logarithm), axis=-1).astype(a.dtype)


#: Coefficients of the diagonal Padé approximant of degree 13, and up to which norm it is exact
#: to the last place of float64 (Higham 2005, table 2.3).
_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
    10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip
_NORM = 5.371920351148152


@_over_batch("expm", "has no exponential", "converge")
def exponential(xp: Any, a: Array) -> Array:
    """See ``ops.matrices``."""
    if not a.size:
        return a.copy()
    norm = float(xp.max(xp.sum(xp.abs(a), axis=-2), initial=0.0))
    if not np.isfinite(norm):
        raise np.linalg.LinAlgError
    halvings = max(0, int(np.ceil(np.log2(norm / _NORM)))) if norm else 0
    a = a / 2.0**halvings
    result = _rational(xp, a)
    for _ in range(halvings):
        result = result @ result
    return result


@_over_batch("expm", "has no exponential", "converge")
def exponential_along(xp: Any, a: Array, e: Array) -> Array:
    """See ``ops.matrices``."""
    a, e = xp.broadcast_arrays(a, e)
    n = a.shape[-1]
    above, below = xp.concatenate([a, e], -1), xp.concatenate([xp.zeros_like(a), a], -1)
    return exponential(xp, xp.concatenate([above, below], -2))[..., :n, n:].copy()


def _rational(xp: Any, a: Array) -> Array:
    c = [float(number) for number in _PADE]
    eye = xp.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2)
    odd = a @ (odd + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * eye)
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2)
    even = even + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * eye
    return xp.linalg.solve(even - odd, even + odd)


# -- decompositions: parts one below the other ----------------------------------------------


def _stacked(xp: Any, *parts: Array) -> Array:
    """Parts one below the other, in the dtype of all."""
    return xp.concatenate(parts, axis=-2)


def _padded(xp: Any, part: Array, columns: int) -> Array:
    missing = columns - part.shape[-1]
    return xp.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, missing)]) if missing else part


@_over_batch("eigh", "has eigenvalues that were not found", "converge")
def hermitian_eigen(xp: Any, a: Array, lower: bool) -> Array:
    """See ``ops.decompositions``."""
    values, vectors = xp.linalg.eigh(a, "L" if lower else "U")
    return _stacked(xp, values[..., None, :], vectors)


@_over_batch("eigvalsh", "has eigenvalues that were not found", "converge")
def hermitian_eigenvalues(xp: Any, a: Array, lower: bool) -> Array:
    """See ``ops.decompositions``."""
    return xp.linalg.eigvalsh(a, "L" if lower else "U")


@_over_batch("eig", "has eigenvalues that were not found", "converge")
def eigen(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    values, vectors = xp.linalg.eig(a)
    wanted = np.result_type(a.dtype, np.complex64)
    return _stacked(xp, values[..., None, :], vectors).astype(wanted)


def _svd(xp: Any, a: Array, full: bool) -> Array:
    u, s, vh = xp.linalg.svd(a, full_matrices=full)
    width = max(u.shape[-1], vh.shape[-2])
    parts = (u, s[..., None, :], adjoint(vh))
    return _stacked(xp, *(_padded(xp, part, width) for part in parts))


@_over_batch("svd", "has singular values that were not found", "converge")
def singular_thin(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    return _svd(xp, a, full=False)


@_over_batch("svd", "has singular values that were not found", "converge")
def singular_full(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    return _svd(xp, a, full=True)


@_over_batch("svd", "has singular values that were not found", "converge")
def only_singular_values(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    return xp.linalg.svd(a, compute_uv=False)


def _qr(xp: Any, a: Array, mode: Literal["reduced", "complete"]) -> Array:
    q, r = xp.linalg.qr(a, mode)
    return _stacked(xp, q, xp.swapaxes(r, -1, -2))


@_over_batch("qr", "was not taken apart", "converge")
def orthogonal_thin(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    return _qr(xp, a, "reduced")


@_over_batch("qr", "was not taken apart", "converge")
def orthogonal_full(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    return _qr(xp, a, "complete")


@_over_batch("qr", "was not taken apart", "converge")
def householder(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``."""
    h, tau = xp.linalg.qr(a, "raw")
    return _stacked(xp, h, _padded(xp, tau[..., None, :], h.shape[-1]))


@_over_batch("lu", "was not taken apart", "converge")
def lower_upper(xp: Any, a: Array) -> Array:
    """See ``ops.decompositions``. Column by column, for the whole batch at once; the row with the
    largest entry comes first."""
    *lead, m, n = a.shape
    work = a.reshape(math.prod(lead), m, n).copy()
    every = xp.arange(len(work))
    order = xp.tile(xp.arange(m), (len(work), 1))
    for k in range(min(m - 1, n)):
        best = k + xp.argmax(xp.abs(work[:, k:, k]), axis=1)
        for table in (work, order):
            table[every, k], table[every, best] = table[every, best], table[every, k].copy()
        pivot = work[:, k, k]
        scale = xp.where(pivot == 0, 1, pivot)
        work[:, k + 1 :, k] /= scale[:, None]
        work[:, k + 1 :, k + 1 :] -= work[:, k + 1 :, k, None] * work[:, None, k, k + 1 :]
    packed = xp.concatenate([work, order[:, :, None].astype(a.dtype)], axis=-1)
    return packed.reshape(*lead, m, n + 1)
