"""Linear algebra: every spelling against NumPy and SciPy, errors, and what it costs to be lazy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import function, plugins
from tensorcore.backend import Capabilities
from tensorcore.errors import DTypeError, MatrixError, NullTypeGradError, ShapeError
from tensorcore.graph import Graph
from tensorcore.lower import pipeline
from tensorcore.program import Call
from tensorcore.tensor import linalg, nlinalg, slinalg

pytestmark = pytest.mark.usefixtures("on_reference")
RNG = np.random.default_rng(7)
A = RNG.normal(size=(4, 4))
B = RNG.normal(size=(4, 3))
V = RNG.normal(size=4)
P = A @ A.T + np.eye(4)
R = RNG.normal(size=(5, 3))
X = RNG.normal(size=(2, 4, 4)) + 4 * np.eye(4)


def values(expressions: Any, *pairs: Any) -> Any:
    """What an expression gives: of variables and their values."""
    several = isinstance(expressions, (tuple, list))
    f = function(pairs[::2], list(expressions) if several else expressions)
    return f(*pairs[1::2])


def check(found: Any, wanted: Any) -> None:
    if isinstance(found, list):
        for one, other in zip(found, wanted, strict=True):
            check(one, other)
        return
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


@pytest.fixture
def m() -> Any:
    return T.dmatrix("m")


@pytest.fixture
def n() -> Any:
    return T.dmatrix("n")


@pytest.fixture
def t() -> Any:
    return T.dtensor3("t")


@pytest.fixture
def v() -> Any:
    return T.dvector("v")


class TestAgainstScipy:
    sl = pytest.importorskip("scipy.linalg")

    @pytest.mark.parametrize("unit", [False, True])
    @pytest.mark.parametrize("lower", [False, True])
    @pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
    def test_solve_triangular(self, m, n, trans, lower, unit):
        found = values(slinalg.solve_triangular(m, n, trans, lower, unit), m, A, n, B)
        check(found, self.sl.solve_triangular(A, B, trans, lower, unit))

    @pytest.mark.parametrize("lower", [False, True])
    @pytest.mark.parametrize("structure", ["gen", "sym", "pos"])
    def test_solve(self, m, v, structure, lower):
        found = values(slinalg.solve(m, v, structure, lower), m, P, v, V)
        check(found, self.sl.solve(P, V, assume_a=structure, lower=lower))
        if structure == "sym":  # one triangle alone is read
            check(values(slinalg.solve(m, v, "sym", lower), m, A, v, V),
                  self.sl.solve(A, V, assume_a="sym", lower=lower))  # fmt: skip

    def test_large_triangles_are_cut(self, m, v):
        big = np.tril(RNG.normal(size=(150, 150))) + 20 * np.eye(150)
        right = RNG.normal(size=150)
        for lower, a in ((True, big), (False, big.T)):
            found = values(slinalg.solve_triangular(m, v, lower=lower), m, a, v, right)
            check(found, self.sl.solve_triangular(a, right, lower=lower))

    def test_factors(self, m):
        check(values(slinalg.cholesky(m, lower=False), m, P), self.sl.cholesky(P))
        for a in (A, R, R.T):
            check(values(slinalg.lu(m), m, a), self.sl.lu(a))
            check(values(slinalg.lu(m, permute_l=True), m, a), self.sl.lu(a, permute_l=True))
        check(values(slinalg.Cholesky()(m), m, P), self.sl.cholesky(P, lower=True))

    def test_cholesky_solve(self, m, v):
        for lower in (True, False):
            factor = self.sl.cholesky(P, lower=lower)
            check(
                values(slinalg.CholeskySolve(lower)(m, v), m, factor, v, V), np.linalg.solve(P, V)
            )

    @pytest.mark.parametrize("lower", [False, True])
    def test_eigvalsh_of_two(self, m, n, lower):
        check(
            values(slinalg.eigvalsh(m, n, lower), m, A, n, P), self.sl.eigvalsh(A, P, lower=lower)
        )
        check(values(slinalg.Eigvalsh(lower)(m), m, A), self.sl.eigvalsh(A, lower=lower))

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
    def test_expm(self, m, scale):
        wanted = self.sl.expm(A * scale)
        found = values(slinalg.expm(m), m, A * scale)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())

    def test_theanos_solve(self, m, v):
        for structure, wanted in (
            ("general", np.linalg.solve(A, V)),
            ("lower_triangular", np.linalg.solve(np.tril(A), V)),
            ("upper_triangular", np.linalg.solve(np.triu(A), V)),
            ("symmetric", self.sl.solve(A, V, assume_a="sym")),
        ):
            check(values(slinalg.Solve(structure)(m, v), m, A, v, V), wanted)


class TestAgainstNumpy:
    def test_numbers_of_a_matrix(self, t):
        found = values(
            [*nlinalg.slogdet(t), nlinalg.det(t), nlinalg.logabsdet(t), linalg.trace(t, 1)], t, X
        )
        sign, logarithm = np.linalg.slogdet(X)
        check(found, [sign, logarithm, np.linalg.det(X), logarithm, np.trace(X, 1, 1, 2)])

    @pytest.mark.parametrize("mode", ["reduced", "complete", "r", "raw"])
    @pytest.mark.parametrize("a", [R, R.T, A])
    def test_qr(self, m, a, mode):
        found = np.linalg.qr(a, mode)
        check(values(nlinalg.qr(m, mode), m, a), found if mode == "r" else list(found))

    def test_the_raw_form_has_no_gradient(self, m):
        with pytest.raises(NullTypeGradError, match="householder"):
            T.grad(T.sum(nlinalg.qr(m, "raw")[0]), m)

    @pytest.mark.parametrize("p", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
    def test_cond(self, t, p):
        check(values(linalg.cond(t, p), t, X), np.linalg.cond(X, p))
        if p in (None, 2, -2):
            check(values(linalg.cond(t, p), t, 0 * X), np.linalg.cond(0 * X, p))

    def test_eigvals(self, m):
        found = values(linalg.eigvals(m), m, A)
        check(np.sort_complex(found), np.sort_complex(np.linalg.eigvals(A)))

    @pytest.mark.parametrize("full", [False, True])
    @pytest.mark.parametrize("a", [R, R.T, A])
    def test_svd(self, m, a, full):
        check(values(nlinalg.svd(m, full), m, a), list(np.linalg.svd(a, full)))
        check(values(nlinalg.svd(m, compute_uv=False), m, a), np.linalg.svd(a, compute_uv=False))

    @pytest.mark.parametrize("right", [RNG.normal(size=(5, 2)), RNG.normal(size=5)])
    def test_lstsq(self, m, right):
        b = T.TensorType("float64", (False,) * right.ndim)("b")
        solution, squares, rank, s = values(nlinalg.lstsq(m, b), m, R, b, right)
        wanted = np.linalg.lstsq(R, right)
        check([solution, rank, s], [wanted[0], wanted[2], wanted[3]])
        check(squares.ravel(), wanted[1])

    def test_lstsq_without_full_rank(self, m, v):
        a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
        solution, _, rank, _ = values(nlinalg.lstsq(m, v), m, a, v, np.ones(3))
        wanted = np.linalg.lstsq(a, np.ones(3))
        check([solution, rank], [wanted[0], 1])
        assert values(linalg.matrix_rank(m), m, a) == 1

    @pytest.mark.parametrize("power", [-2, 0, 1, 2, 5])
    def test_matrix_power(self, t, power):
        check(values(nlinalg.matrix_power(t, power), t, X), np.linalg.matrix_power(X, power))

    @pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
    def test_norms_of_matrices(self, m, t, ord):
        check(values(nlinalg.norm(m, ord), m, R), np.linalg.norm(R, ord))
        wanted = np.linalg.norm(X, ord, axis=(2, 0), keepdims=True)
        check(values(linalg.norm(t, ord, axis=(2, 0), keepdims=True), t, X), wanted)

    @pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, np.inf, -np.inf])
    def test_norms_of_vectors(self, m, v, ord):
        check(values(nlinalg.norm(v, ord), v, V), np.linalg.norm(V, ord))
        wanted = np.linalg.norm(R, ord, axis=0, keepdims=True)
        check(values(linalg.norm(m, ord, axis=0, keepdims=True), m, R), wanted)

    def test_equations_of_tensors(self):
        x, b = T.dtensor4("x"), T.dmatrix("b")
        a, right = RNG.normal(size=(4, 6, 8, 3)), RNG.normal(size=(2, 3))
        check(values(nlinalg.tensorinv(x), x, a), np.linalg.tensorinv(a))
        a = RNG.normal(size=(2, 3, 6, 1))
        check(values(nlinalg.tensorsolve(x, b), x, a, b, right), np.linalg.tensorsolve(a, right))
        a = RNG.normal(size=(6, 2, 3, 1))
        found = values(nlinalg.tensorsolve(x, b, (0,)), x, a, b, right)
        check(found, np.linalg.tensorsolve(a, right, (0,)))

    def test_products(self, m, n):
        check(values(nlinalg.matrix_dot(m, m, n), m, A, n, B), A @ A @ B)

    def test_eigenvalues(self, m):
        for uplo in ("L", "U"):
            w, vectors = values(nlinalg.eigh(m, uplo), m, A)
            wanted = np.linalg.eigh(A, uplo)
            check([w, np.abs(vectors)], [wanted[0], np.abs(wanted[1])])
        w, _ = values(nlinalg.eig(m), m, A)
        check(np.sort_complex(w), np.sort_complex(np.linalg.eigvals(A)))

    @pytest.mark.parametrize("offset", [-1, 0, 2])
    @pytest.mark.parametrize("axes", [(0, 1), (2, 0)])
    def test_diagonals_there_and_back(self, m, offset, axes):
        wide = nlinalg.AllocDiag(offset, *axes)(m)
        found, back = values([wide, nlinalg.ExtractDiag(offset, *axes)(wide)], m, B)
        check(back, B)
        assert np.count_nonzero(found) == B.size
        assert found.shape[axes[0]] == found.shape[axes[1]] == 3 + abs(offset)


class TestTypes:
    def test_integers_are_computed_in_float64(self):
        i = T.imatrix("i")
        found = values(linalg.inv(i), i, np.array([[2, 0], [0, 4]], "int32"))
        assert found.dtype == "float64"
        check(found, [[0.5, 0], [0, 0.25]])

    def test_float16_is_refused(self):
        with pytest.raises(DTypeError, match=r"matrix_inverse does not take float16.*T\.cast"):
            linalg.inv(T.matrix("x", dtype="float16"))

    def test_batches_meet(self, m, t):
        a = T.TensorType("float64", (True, False, False))("a")
        check(values(linalg.solve(a, t), a, A[None], t, X), np.linalg.solve(A, X))
        check(values(linalg.solve(m, t), m, A, t, X), np.linalg.solve(A, X))
        check(values(linalg.solve(t, m), t, X, m, B), np.linalg.solve(X, B))
        pairs = T.TensorType("float64", (False, True, False, False))("pairs")
        rights = RNG.normal(size=(2, 3, 4, 2))
        b = T.dtensor4("b")
        found = values(linalg.solve(pairs, b), pairs, X[:, None], b, rights)
        check(found, np.linalg.solve(X[:, None], rights))
        slope = T.grad(T.sum(linalg.solve(m, t)), [m, t])
        one = T.grad(T.sum(linalg.solve(m, t[0])) + T.sum(linalg.solve(m, t[1])), [m, t])
        check(values([*slope], m, A, t, X), values([*one], m, A, t, X))


class TestErrors:
    def test_the_line_and_the_matrix(self, t):
        inverse = linalg.inv(t)
        f = function([t], inverse)
        with pytest.raises(MatrixError) as caught:
            f(np.stack([np.eye(2), np.ones((2, 2))]))
        message = str(caught.value)
        assert "matrix_inverse: the 2x2 matrix [1] of a batch of shape (2,) is singular" in message
        assert "pinv" in message
        assert "test_linear_algebra.py" in message
        assert isinstance(caught.value, np.linalg.LinAlgError)

    def test_sizes(self, m, v):
        with pytest.raises(ShapeError, match=r"must be square: its two sizes .* found 4 and 3"):
            function([m], linalg.inv(m))(B)
        with pytest.raises(ShapeError, match=r"rows of its second operand .* found 4 and 3"):
            function([m, v], linalg.solve(m, v))(A, V[:3])
        with pytest.raises(ShapeError, match="found 4 and 3"):
            linalg.inv(B)  # a constant: when the graph is built

    @pytest.mark.parametrize("f", [
        linalg.cholesky, lambda m: nlinalg.svd(m)[1], lambda m: nlinalg.eigh(m)[0],
        lambda m: nlinalg.eig(m)[0], linalg.expm,
    ])  # fmt: skip
    def test_nan(self, m, f):
        g = function([m], f(m))
        with pytest.raises(MatrixError, match="NaN or infinite"):
            g(np.full((3, 3), np.nan))

    def test_gradient_of_a_singular_determinant(self, m):
        f = function([m], T.grad(nlinalg.det(m), m))
        with pytest.raises(MatrixError, match="is singular"):
            f(np.ones((2, 2)))


def test_equal_eigenvalues_have_gradients_where_they_are_defined(m):
    """What depends on no choice of a basis: the sum of the eigenvalues is the trace."""
    slope = T.grad(T.sum(nlinalg.eigh(m)[0]), m)
    check(values(slope, m, np.eye(3)), np.eye(3))
    slope = T.grad(T.sum(nlinalg.svd(m)[1]), m)
    check(values(slope, m, np.eye(3)), np.eye(3))


def test_a_backend_may_claim_what_runs_on_the_host(m):
    """Then the call is the backend's own, not one for the reference."""
    graph = Graph([m], [linalg.inv(m)])
    for calls, host in (((), True), (("matrix_inverse",), False)):
        takes = Capabilities(fuses=True, host_calls=True, calls=frozenset(calls))
        steps = pipeline.lower(graph, [], [], takes).steps
        assert [s.host for s in steps if isinstance(s, Call)] == [host]


def test_nothing_is_imported_before_it_is_used():
    """Neither the names of users nor what LAPACK is called with."""
    code = (
        "import sys, tensorcore; print([n for n in sys.modules if n.endswith('_lapack') or "
        "'scipy' in n or n.startswith('tensorcore.tensor.') and 'linalg' in n])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_on_generated_code(m, n):
    """Between the kernels of a backend that fuses."""
    if plugins.status("cgen").state != "ok":
        pytest.skip(plugins.status("cgen").reason)
    y = T.exp(linalg.solve(m * 2, n + 1)) * 3
    f = function([m, n], [y, T.grad(y.sum(), m)], backend="cgen")
    g = function([m, n], [y, T.grad(y.sum(), m)])
    check(f(P, B), g(P, B))
