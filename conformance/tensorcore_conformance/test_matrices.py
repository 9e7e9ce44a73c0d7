"""Linear algebra and Fourier transforms by what defines them: factors that multiply to the matrix,
solutions that solve, gradients of functions that no choice of basis changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tensorcore import Tensor, TensorType, grad, jacobian, scan, sparse
from tensorcore import tensor as T
from tensorcore.errors import MatrixError, ShapeError
from tensorcore.tensor import fourier, linalg

from .subject import Subject
from .values import Array, generator

DTYPES = ("float32", "float64", "complex64", "complex128")
_STEP = 1e-6


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes(*DTYPES, "int32", "int64", "bool"):
        pytest.skip(f"one of {', '.join(DTYPES)}, int64, bool is not among the declared dtypes")


def _random(dtype: str, *shape: int) -> Array:
    rng = generator("matrices", dtype, shape)
    x = rng.uniform(-1, 1, shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.uniform(-1, 1, shape)
    return np.asarray(x.astype(dtype))


def _square(dtype: str, *lead: int) -> Array:
    """Well-conditioned matrices of size 4."""
    return np.asarray(_random(dtype, *lead, 4, 4) + np.diag(np.arange(2, 6)).astype(dtype))


def _adjoint(x: Array) -> Array:
    return np.asarray(np.conj(np.swapaxes(x, -1, -2)))


def _variable(array: Array) -> Tensor:
    return TensorType(array.dtype.name, (False,) * array.ndim)()


def _near(found: Array, wanted: Array) -> None:
    assert found.shape == wanted.shape
    eps = np.finfo(found.dtype).eps
    np.testing.assert_allclose(found, wanted, rtol=0, atol=200 * eps * (1 + np.abs(wanted).max()))


def _lu(a: Array, p: Array, l: Array, u: Array) -> None:  # noqa: E741  # its usual name
    _near(p.astype(a.dtype) @ l @ u, a)
    assert (l == np.tril(l)).all()
    assert (u == np.triu(u)).all()
    assert (np.diagonal(l, 0, -2, -1) == 1).all()
    assert (np.sort(p, -1) == np.sort(np.eye(p.shape[-1]), -1)).all()
    assert (np.abs(l) <= 1 + 1e-5).all()


def _qr(a: Array, q: Array, r: Array) -> None:
    _near(q @ r, a)
    _near(_adjoint(q) @ q, np.broadcast_to(np.eye(q.shape[-1], dtype=a.dtype), q.shape[:-2] + (
        q.shape[-1],) * 2))  # fmt: skip
    assert (r == np.triu(r)).all()


def _svd(a: Array, u: Array, s: Array, vh: Array) -> None:
    k = s.shape[-1]
    _near(u[..., :k] * s[..., None, :].astype(a.dtype) @ vh[..., :k, :], a)
    _near(_adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[-1], dtype=a.dtype), u.shape[:-2] + (
        u.shape[-1],) * 2))  # fmt: skip
    assert (np.diff(s) <= 0).all()
    assert (s >= 0).all()


def _eigh(a: Array, w: Array, v: Array) -> None:
    low = np.tril(a, -1)
    whole = low + _adjoint(low) + np.real(a) * np.eye(4, dtype=a.dtype)
    _near(whole @ v, v * w[..., None, :].astype(a.dtype))
    _near(_adjoint(v) @ v, np.broadcast_to(np.eye(4, dtype=a.dtype), v.shape))
    assert (np.diff(w) >= 0).all()


def _eig(a: Array, w: Array, v: Array) -> None:
    _near(a.astype(w.dtype) @ v, v * w[..., None, :])
    _near(np.sum(np.abs(v) ** 2, -2), np.ones(w.shape, w.real.dtype))


def _pinv(a: Array, p: Array) -> None:
    _near(a @ p @ a, a)
    _near(p @ a @ p, p)
    _near(_adjoint(a @ p), a @ p)
    _near(_adjoint(p @ a), p @ a)


#: What is computed of a matrix, and how it is judged.
DECOMPOSITIONS: dict[str, tuple[Callable[[Tensor], Any], Callable[..., None], tuple[int, ...]]] = {
    "three triangular factors": (linalg.lu, _lu, (2, 4, 4)),
    "three triangular factors, tall": (linalg.lu, _lu, (5, 3)),
    "three triangular factors, wide": (linalg.lu, _lu, (2, 3, 5)),
    "orthonormal columns, tall": (linalg.qr, _qr, (2, 5, 3)),
    "orthonormal columns, wide": (linalg.qr, _qr, (3, 5)),
    "an orthonormal basis": (lambda a: linalg.qr(a, "complete"), _qr, (2, 5, 3)),
    "few singular vectors, tall": (lambda a: linalg.svd(a, False), _svd, (2, 5, 3)),
    "few singular vectors, wide": (lambda a: linalg.svd(a, False), _svd, (3, 5)),
    "all singular vectors": (linalg.svd, _svd, (2, 3, 5)),
    "eigenvectors of the lower triangle": (linalg.eigh, _eigh, (2, 4, 4)),
    "eigenvectors": (linalg.eig, _eig, (2, 4, 4)),
    "pseudoinverse, tall": (linalg.pinv, _pinv, (2, 5, 3)),
    "pseudoinverse, wide": (linalg.pinv, _pinv, (3, 5)),
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_make_the_matrix(dtype: str, subject: Subject) -> None:
    """Every decomposition, all in one function, with batches and without."""
    arrays = [_random(dtype, *shape) for *_, shape in DECOMPOSITIONS.values()]
    inputs = [_variable(a) for a in arrays]
    made = [expression(x) for (expression, *_), x in zip(
        DECOMPOSITIONS.values(), inputs, strict=True)]  # fmt: skip
    parts = [list(y) if isinstance(y, tuple) else [y] for y in made]
    found = iter(subject.function(inputs, [y for row in parts for y in row])(*arrays))
    for name, array, row in zip(DECOMPOSITIONS, arrays, parts, strict=True):
        try:
            DECOMPOSITIONS[name][1](array, *(next(found) for _ in row))
        except AssertionError as cause:
            pytest.fail(f"{name}: {cause}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_solutions_solve(dtype: str, subject: Subject) -> None:
    """Equations with any matrix, with triangles, with positive definite ones; batches that meet."""
    a, b, v = _square(dtype, 2), _random(dtype, 2, 4, 3), _random(dtype, 4)
    single = _square(dtype)
    positive = single @ _adjoint(single)
    x, y, z, m, p = (_variable(array) for array in (a, b, v, single, positive))
    factor = linalg.cholesky(p)
    outputs = [
        linalg.solve(x, y), linalg.solve(x, z), linalg.solve(m, y), linalg.inv(x),
        linalg.solve_triangular(x, y, 2, lower=True), linalg.solve(p, z, "pos"), factor,
        linalg.cholesky(p, lower=False), *linalg.slogdet(x), linalg.det(x), linalg.expm(x),
        linalg.expm(-x), linalg.matrix_power(m, 3), linalg.lstsq(y, y)[0],
    ]  # fmt: skip
    found = subject.function([x, y, z, m, p], outputs)(a, b, v, single, positive)
    (many, one, shared, inverse, triangular, definite, left, right, sign, logarithm, whole,
     grown, shrunk, cubed, least) = found  # fmt: skip
    _near(a @ many, b)
    _near(a @ one[..., None], np.broadcast_to(v[:, None], (2, 4, 1)))
    _near(single @ shared, b)
    _near(a @ inverse, np.broadcast_to(np.eye(4, dtype=dtype), a.shape))
    _near(_adjoint(np.tril(a)) @ triangular, b)
    _near(positive @ definite, v)
    _near(left @ _adjoint(left), positive)
    assert (left == np.tril(left)).all()
    _near(_adjoint(right) @ right, positive)
    _near(sign * np.exp(logarithm), whole)
    _near(grown @ shrunk, np.broadcast_to(np.eye(4, dtype=dtype), a.shape))
    _near(cubed, single @ single @ single)
    _near(least, np.broadcast_to(np.eye(3, dtype=dtype), (2, 3, 3)))


#: Real functions of a complex square matrix that no choice of a basis or phase changes.
_COSTS: dict[str, Callable[[Tensor], Tensor]] = {
    "factor": lambda a: _parts(linalg.cholesky(T.dot(a, T.conj(a).T))),
    "solution": lambda a: _parts(linalg.solve(a, a * a)),
    "triangle": lambda a: _parts(linalg.solve_triangular(a, a * a, lower=True)),
    "inverse": lambda a: _parts(linalg.inv(a)),
    "determinant": lambda a: _parts(linalg.det(a)),
    "sign and logarithm": lambda a: _parts(linalg.slogdet(a)[0]) + linalg.slogdet(a)[1],
    "exponential": lambda a: _parts(linalg.expm(a)),
    "eigenvalues": lambda a: _weighted(linalg.eigvalsh(a, "U")),
    "projection": lambda a: _projected(linalg.eigh(a)[1][:, :1]),
    "any eigenvalues": lambda a: _parts(T.sum(linalg.eig(a)[0] ** 3)),
    "singular values": lambda a: _weighted(linalg.svdvals(a)),
    "polar factor": lambda a: _parts(T.dot(*linalg.svd(a, False)[::2])),
    "projection on columns": lambda a: _projected(linalg.svd(a[:, :3])[0][:, :3]),
    "projection on the rest": lambda a: _projected(linalg.svd(a[:, :3])[0][:, 3:]),
    "projection on what is left": lambda a: _projected(linalg.qr(a[:, :2], "complete")[0][:, 2:]),
    "pseudoinverse": lambda a: _parts(linalg.pinv(a[:3])),
    "orthonormal columns": lambda a: _parts(linalg.qr(a)[0]) + _parts(linalg.qr(a[:, :2])[1]),
    "three factors": lambda a: _parts(linalg.lu(a[::-1])[1]) + _parts(linalg.lu(a[::-1])[2]),
    "function of the eigenvalues": lambda a: _of_eigenvalues(*linalg.eig(a)),
    "orthonormal columns, wide": lambda a: (
        _parts(linalg.qr(a[:2])[0]) + _parts(linalg.qr(a[:2])[1])
    ),
    "polar factor, wide": lambda a: _parts(T.dot(*linalg.svd(a[:2], False)[::2])),
    "polar factor, tall": lambda a: _parts(T.dot(*linalg.svd(a[:, :3], False)[::2])),
    "pseudoinverse, tall": lambda a: _parts(linalg.pinv(a[:, :3])),
    "transforms": lambda a: _parts(fourier.fftn(a)) + _parts(fourier.ifft(a, 3)),
    "real transforms": lambda a: _weighted(fourier.irfft(a, 5).flatten()),
    "three factors, wide": lambda a: _parts(linalg.lu(a[:2])[1]) + _parts(linalg.lu(a[:2])[2]),
    "three factors, tall": lambda a: (
        _parts(linalg.lu(a[:, :2])[1]) + _parts(linalg.lu(a[:, :2])[2])
    ),
    "transforms of reals": lambda a: _parts(fourier.rfft(T.real(a), 6)),
}


def _parts(y: Tensor) -> Tensor:
    """A real number that depends on all parts of all entries."""
    flat = y.flatten()
    weights = T.arange(1, flat.shape[0] + 1)
    return T.sum(T.real(flat) * T.cos(weights)) + T.sum(T.imag(flat) * T.sin(weights))


def _weighted(y: Tensor) -> Tensor:
    return T.sum(y * T.cos(T.arange(1, y.shape[0] + 1)))


def _of_eigenvalues(w: Tensor, v: Tensor) -> Tensor:
    """Of a matrix with the same eigenvectors and other eigenvalues."""
    return _parts(T.dot(v * T.exp(w / 4), linalg.inv(v)))


def _projected(v: Tensor) -> Tensor:
    """Of the projection on orthonormal columns."""
    return _parts(T.dot(v, T.conj(v).T))


def test_complex_gradients(subject: Subject, full: bool) -> None:
    """By both parts of each entry of a complex matrix, against central differences."""
    costs = dict(list(_COSTS.items())[:: 1 if full else 5])
    a = _square("complex128")
    x = _variable(a)
    made = [cost(x) for cost in costs.values()]
    values = subject.function([x], made)
    slopes = subject.function([x], [grad(y, x) for y in made])(a)
    wanted = np.zeros((len(costs), *a.shape), "complex128")
    for place in np.ndindex(*a.shape):
        for step in (1, 1j):
            moved = [a.copy(), a.copy()]
            moved[0][place] += step * _STEP
            moved[1][place] -= step * _STEP
            up, down = (np.array(values(m)) for m in moved)
            wanted[(slice(None), *place)] += step * (up - down) / (2 * _STEP)
    for name, found, expected in zip(costs, slopes, wanted, strict=True):
        error = np.abs(found - expected).max() / (1 + np.abs(expected).max())
        assert error < 1e-6, f"{name}: off by {error}"


def test_jacobian_and_loop(subject: Subject) -> None:
    """A Jacobian computes for a batch; inside a loop matrices come one after the other."""
    a, v = _square("float64"), _random("float64", 4)
    x, z = _variable(a), _variable(v)
    f = subject.function([x, z], jacobian(linalg.solve(x, z), z))
    _near(f(a, v), np.linalg.inv(a))
    many = _square("float64", 3)
    xs = _variable(many)
    inverses, _ = scan(linalg.inv, sequences=xs)
    g = subject.function([xs], [inverses, grad(inverses.sum(), xs), grad(linalg.inv(xs).sum(), xs)])
    found, one, other = g(many)
    _near(found, np.linalg.inv(many))
    _near(one, other)


def test_matrices_that_do_not_suit(subject: Subject) -> None:
    """Errors name the matrix; no shared state, no result."""
    many = np.stack([np.eye(3), np.ones((3, 3)), np.eye(3)])
    x = _variable(many)
    with pytest.raises(MatrixError, match=r"solve: the 3x3 matrix \[1\] of a batch .* is singular"):
        subject.function([x], linalg.solve(x, x))(many)
    factor = subject.function([x], linalg.cholesky(x))
    with pytest.raises(MatrixError, match=r"\[1\].* not positive definite"):
        factor(many)
    with pytest.raises(MatrixError, match="NaN"):
        factor(many * np.nan)
    with pytest.raises(ShapeError, match="must be square"):
        factor(many[:, :2])
    found = subject.function([x], linalg.cholesky(x, on_error="nan"))(many)
    assert np.isnan(found[1]).all()
    _near(found[::2], many[::2])


def test_transforms(subject: Subject) -> None:
    """Against the sum that defines them, and back again."""
    values = _random("complex128", 3, 5)
    z, x = _variable(values), _variable(values.real)
    k = np.arange(5)
    table = np.exp(-2j * np.pi * np.outer(k, k) / 5)
    outputs = [fourier.fft(z), fourier.ifft(z, axis=0), fourier.rfft(x), fourier.irfft(z, 9)]
    outputs += [fourier.irfft(fourier.rfft(x, norm="ortho"), 5, norm="ortho")]
    forward, back, half, real, again = subject.function([z, x], outputs)(values, values.real)
    _near(forward, values @ table)
    j = np.arange(3)
    _near(back, np.exp(2j * np.pi * np.outer(j, j) / 3) @ values / 3)
    _near(half, values.real @ table[:, :3])
    assert real.shape == (3, 9)
    _near(again, values.real)


def test_sparse_matrices(subject: Subject) -> None:
    """Products, sums and gradients of matrices given by their parts, against dense ones."""
    dense = np.where(generator("sparse").uniform(size=(2, 4, 5)) < 0.5, 0.0, _random(
        "float64", 2, 4, 5))  # fmt: skip
    right = _random("float64", 5, 3)
    w, m, n = (_variable(a) for a in (right, *dense))
    data, indices, indptr = T.dvector(), T.ivector(), T.ivector()
    x, y = sparse.CSR(data, indices, indptr, (4, 5)), sparse.csr_from_dense(n)
    product = sparse.dot(x, w)
    outputs = [product, *grad((product**2).sum(), [data, w]), (x + y).toarray(),
               (x * y).toarray(), (x.T - sparse.csc_from_dense(m).T).toarray()]  # fmt: skip
    rows, columns = dense[0].nonzero()
    ends = np.concatenate([[0], np.cumsum((dense[0] != 0).sum(1))])
    given = (dense[0][rows, columns], columns.astype("int32"), ends.astype("int32"))
    f = subject.function([data, indices, indptr, w, m, n], outputs)
    found, by_data, by_w, total, common, nothing = f(*given, right, *dense)
    _near(found, dense[0] @ right)
    _near(by_data, (2 * dense[0] @ right @ right.T)[rows, columns])
    _near(by_w, 2 * dense[0].T @ dense[0] @ right)
    _near(total, dense[0] + dense[1])
    _near(common, dense[0] * dense[1])
    assert not nothing.any()
