"""Sparse matrices against SciPy's, on every backend here; gradients; values in and out."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import function, plugins, sparse
from tensorcore.errors import OutOfRange, ShapeError

sp = pytest.importorskip("scipy.sparse")
RNG = np.random.default_rng(5)
FORMATS = ("csr", "csc")


@pytest.fixture(params=["numpy_ref", "cgen"])
def backend(request: Any) -> str:
    status = plugins.status(request.param)
    if status.state != "ok":
        pytest.skip(status.reason)
    return str(request.param)


def random(n: int, m: int, format: str = "csr", dtype: str = "float64") -> Any:
    return sp.random(n, m, 0.4, format=format, random_state=RNG, dtype=dtype)


def check(found: Any, wanted: Any) -> None:
    assert sp.issparse(found) == sp.issparse(wanted)
    first, second = (a.toarray() if sp.issparse(a) else a for a in (found, wanted))
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)


def with_entries(a: Any, f: Any) -> Any:
    a = a.copy()
    a.data = f(a.data)
    return a


#: Of x in either format, y by rows, and the dense w, v and m: here and in SciPy.
CASES: dict[str, tuple[Any, Any]] = {
    "dot, matrix": (lambda x, y, w, v, m: sparse.dot(x, w), lambda x, y, w, v, m: x @ w),
    "dot, vector": (lambda x, y, w, v, m: sparse.dot(x, v), lambda x, y, w, v, m: x @ v),
    "dot, on the right": (
        lambda x, y, w, v, m: sparse.dot(w.T, x.T), lambda x, y, w, v, m: w.T @ x.T),
    "dot, both": (lambda x, y, w, v, m: sparse.dot(x, y.T), lambda x, y, w, v, m: (
        x @ y.T).toarray()),
    "T.dot": (lambda x, y, w, v, m: T.dot(m.T, x), lambda x, y, w, v, m: m.T @ x),
    "structured_dot": (
        lambda x, y, w, v, m: sparse.structured_dot(x, y.T), lambda x, y, w, v, m: x @ y.T),
    "add": (lambda x, y, w, v, m: x + y, lambda x, y, w, v, m: x + y),
    "add, dense": (lambda x, y, w, v, m: x + m, lambda x, y, w, v, m: x.toarray() + m),
    "sub": (lambda x, y, w, v, m: x - y, lambda x, y, w, v, m: x - y),
    "sub, dense": (
        lambda x, y, w, v, m: sparse.sub(m, x), lambda x, y, w, v, m: m - x.toarray()),
    "mul": (lambda x, y, w, v, m: x * y, lambda x, y, w, v, m: x.multiply(y).tocsr()),
    "mul, dense": (lambda x, y, w, v, m: x * m, lambda x, y, w, v, m: x.multiply(m).tocsr()),
    "mul, column": (lambda x, y, w, v, m: x * T.addbroadcast(m[:, :1], 1),
        lambda x, y, w, v, m: x.multiply(m[:, :1]).tocsr()),
    "mul, vector": (lambda x, y, w, v, m: x * v, lambda x, y, w, v, m: x.multiply(v[None]).tocsr()),
    "mul, number": (lambda x, y, w, v, m: 2.5 * x, lambda x, y, w, v, m: x * 2.5),
    "neg": (lambda x, y, w, v, m: -x, lambda x, y, w, v, m: -x),
    "transpose": (lambda x, y, w, v, m: sparse.transpose(x), lambda x, y, w, v, m: x.T),
    "dense": (lambda x, y, w, v, m: x.toarray(), lambda x, y, w, v, m: x.toarray()),
    "sum": (lambda x, y, w, v, m: x.sum(), lambda x, y, w, v, m: x.sum()),
    "sum, columns": (
        lambda x, y, w, v, m: sparse.sp_sum(x, 0), lambda x, y, w, v, m: x.toarray().sum(0)),
    "sum, rows": (
        lambda x, y, w, v, m: sparse.sp_sum(x, 1), lambda x, y, w, v, m: x.toarray().sum(1)),
    "csr_from_dense": (
        lambda x, y, w, v, m: sparse.csr_from_dense(m), lambda x, y, w, v, m: sp.csr_matrix(m)),
    "csc_from_dense": (
        lambda x, y, w, v, m: sparse.csc_from_dense(m), lambda x, y, w, v, m: sp.csc_matrix(m)),
    "hstack": (
        lambda x, y, w, v, m: sparse.hstack([x, y]), lambda x, y, w, v, m: sp.hstack([x, y])),
    "vstack": (lambda x, y, w, v, m: sparse.vstack([x, y, x], "csc"),
        lambda x, y, w, v, m: sp.vstack([x, y, x])),
    "ones": (lambda x, y, w, v, m: sparse.sp_ones_like(x),
        lambda x, y, w, v, m: with_entries(x, np.ones_like)),
    "zeros": (lambda x, y, w, v, m: sparse.sp_zeros_like(x), lambda x, y, w, v, m: x * 0),
    "structured_exp": (lambda x, y, w, v, m: sparse.structured_exp(x),
        lambda x, y, w, v, m: with_entries(x, np.exp)),
    "structured_pow": (lambda x, y, w, v, m: sparse.structured_pow(x, 2.0),
        lambda x, y, w, v, m: x.power(2)),
    "tanh": (lambda x, y, w, v, m: sparse.tanh(x), lambda x, y, w, v, m: x.tanh()),
    "remove0": (lambda x, y, w, v, m: sparse.remove0(sparse.structured_maximum(x, 0.5) * (
        sparse.structured_add(x, -0.5))), lambda x, y, w, v, m: with_entries(x, lambda d: (
        np.maximum(d, 0.5) * (d - 0.5)))),
    "diag": (lambda x, y, w, v, m: sparse.diag(x), lambda x, y, w, v, m: x.diagonal()),
    "square_diagonal": (
        lambda x, y, w, v, m: sparse.square_diagonal(v), lambda x, y, w, v, m: sp.diags(v).tocsc()),
    "row_scale": (lambda x, y, w, v, m: sparse.row_scale(x, m[:, 0]),
        lambda x, y, w, v, m: x.multiply(m[:, :1]).tocsr()),
    "col_scale": (lambda x, y, w, v, m: sparse.col_scale(x, v),
        lambda x, y, w, v, m: x.multiply(v[None]).tocsr()),
    "sampling_dot": (lambda x, y, w, v, m: sparse.sampling_dot(m, m, sparse.csr_from_dense(
        T.dot(m, m.T))), lambda x, y, w, v, m: sp.csr_matrix((m @ m.T) ** 2)),
    "usmm": (lambda x, y, w, v, m: sparse.usmm(2, x, v, m[:, 0]),
        lambda x, y, w, v, m: 2 * (x @ v) + m[:, 0]),
    "shape": (lambda x, y, w, v, m: x.shape, lambda x, y, w, v, m: np.array(x.shape)),
}  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
def test_against_scipy(format: str, backend: str, request: Any) -> None:
    """All in one function, for several sizes, empty ones too; by rows on the reference and by
    columns compiled, and the other way round in the long form only."""
    usual = (format == "csr") == (backend == "numpy_ref")
    if not usual and not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    x, y = sparse.matrix(format, "x", "float64"), sparse.csr_dmatrix("y")
    w, v, m = T.dmatrix("w"), T.dvector("v"), T.dmatrix("m")
    f = function([x, y, w, v, m], [ours(x, y, w, v, m) for ours, _ in CASES.values()],
                 backend=backend)  # fmt: skip
    for n, k in ((4, 5), (5, 3), (1, 1), (3, 1), (0, 3)):
        dense = RNG.normal(size=(k, 2)), RNG.normal(size=k), RNG.normal(size=(n, k))
        values = (random(n, k, format), random(n, k), *dense)
        for name, found in zip(CASES, f(*values), strict=True):
            try:
                check(found, CASES[name][1](*values))
            except AssertionError as cause:
                pytest.fail(f"{name}, {n}x{k}: {cause}")


@pytest.mark.parametrize("format", FORMATS)
def test_gradients(format: str, backend: str) -> None:
    """By the dense operand, and by the stored entries of the sparse one."""
    x, w = sparse.matrix(format, "x", "float64"), T.dmatrix("w")
    by_x, by_w = T.grad(T.sum(T.sqr(sparse.dot(x, w))), [x, w])
    a, b = random(4, 5, format), RNG.normal(size=(5, 2))
    found, other = function([x, w], [by_x, by_w], backend=backend)(a, b)
    product = a @ b
    check(found.toarray(), 2 * product @ b.T * (a.toarray() != 0))
    check(other, 2 * a.T @ product)
    assert found.format == format
    assert found.nnz == a.nnz


def test_second_order(backend: str) -> None:
    x, v = sparse.csr_dmatrix("x"), T.dvector("v")
    hessian = T.hessian(T.sum(sparse.dot(x, v) ** 2), v)
    a = random(4, 3)
    check(function([x, v], hessian, backend=backend)(a, np.ones(3)), 2 * (a.T @ a).toarray())


def test_shared_and_updates(backend: str) -> None:
    a, b = random(4, 5), RNG.normal(size=(5, 2))
    s, w = sparse.shared(a, "s"), T.dmatrix("w")
    step = function([w], sparse.dot(s, w), updates=[(s, s * 0.5)], backend=backend)
    check(step(b), a @ b)
    check(s.get_value(), a * 0.5)
    s.set_value(random(2, 5))
    assert step(b).shape == (2, 2)


@pytest.mark.usefixtures("on_reference")
class TestValues:
    def test_constants_and_formats(self) -> None:
        a, b = random(4, 5), RNG.normal(size=(5, 2))
        w, x = T.dmatrix("w"), sparse.csr_dmatrix("x")
        check(function([w], sparse.dot(a, w))(b), a @ b)
        check(function([w], sparse.dot(sparse.as_sparse_variable(a.tocoo()), w))(b), a @ b)
        f = function([x], x)
        check(f(a.tocsc()), a)
        check(f(x=a.tocoo()), a)
        twice = sp.csr_matrix((np.ones(3), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 4))
        check(f(twice), sp.csr_matrix([[1.0, 0.0, 2.0, 0.0]]))

    def test_parts(self) -> None:
        a = random(3, 4)
        data, indices, indptr = T.dvector(), T.ivector(), T.ivector()
        made = sparse.CSR(data, indices, indptr, (3, 4))
        check(function([data, indices, indptr], made)(a.data, a.indices, a.indptr), a)
        x = sparse.csr_dmatrix("x")
        for found, wanted in zip(
            function([x], list(sparse.csm_properties(x)))(a),
            (a.data, a.indices, a.indptr, np.array(a.shape)), strict=True,
        ):  # fmt: skip
            np.testing.assert_array_equal(found, wanted)

    def test_what_does_not_fit(self) -> None:
        x, w = sparse.csr_dmatrix("x"), T.dmatrix("w")
        f = function([x, w], sparse.dot(x, w))
        a = random(4, 5)
        with pytest.raises(TypeError, match=r"x takes a sparse matrix.*found a ndarray"):
            f(np.ones((4, 5)), np.ones((5, 2)))
        for rows in (4, 6):
            with pytest.raises(ShapeError, match=f"found {rows} and 5"):
                f(a, np.ones((rows, 2)))
        with pytest.raises(TypeError, match="takes 2 inputs, found 1"):
            f(a)
        g = function(
            [x], sparse.dot(sparse.CSR(x.data, x.indices + 3, x.indptr, (4, 5)), T.ones(5))
        )
        with pytest.raises(OutOfRange):
            g(a)

    def test_a_dtype_stays(self) -> None:
        x = sparse.csr_fmatrix("x")
        found = function([x], sparse.dot(x, T.ones(3, dtype="float32")))(random(2, 3, "csr", "f"))
        assert found.dtype == "float32"

    def test_types(self) -> None:
        x = sparse.csr_matrix("x")
        assert x.type == sparse.SparseType("csr")
        assert x.type != x.T.type
        assert (x.T.format, x.dtype, x.ndim, repr(x)) == ("csc", "float64", 2, "x")
        assert isinstance(np.ones((2, 2)) * x, sparse.SparseVariable)

    def test_the_function_inside(self) -> None:
        x = sparse.csr_dmatrix("x")
        f = function([x], x.sum())
        assert f.backend == "numpy_ref"
        assert [i.name for i in f.inner._inputs] == ["x.data"]


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = "import sys, tensorcore; print([n for n in sys.modules if 'sparse' in n])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert tensorcore.sparse is sparse


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts go in and dense results come out; a sparse result says what is missing."""
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    x = sparse.csr_dmatrix("x")
    with pytest.raises(ImportError, match=r"scipy is not installed.*\[sparse\]"):
        x.together([np.ones(1), np.zeros(1), np.array([0, 1]), 1, 1])


# -- in and out of everything that takes tensors ---------------------------------------------

M = sp.csr_matrix(np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 4.0], [5.0, 0.0, 0.0, 0.0]]))
INDICES = {
    "rows": np.s_[0:2], "a row": np.s_[1], "the last row": np.s_[-1], "columns": np.s_[:, 1:3],
    "with steps": np.s_[::2, 1::2], "from the end": np.s_[-2:, :-1], "nothing": np.s_[2:1],
    "an entry": np.s_[2, 0], "no entry": np.s_[0, -1], "a list": np.s_[[2, 0]],
    "a list of columns": np.s_[:, [3, 3]], "pairs": np.s_[[0, 1], [2, 1]], "beyond": np.s_[1:9],
}  # fmt: skip


@pytest.mark.usefixtures("on_reference")
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("index", INDICES.values(), ids=list(INDICES))
def test_indexing_is_that_of_scipy(index: Any, format: str) -> None:
    x = sparse.matrix(format, "x")
    found, wanted = x[index].eval({x: M}), M[index]
    if sp.issparse(wanted):
        assert found.format == format and found.shape == wanted.shape
        assert (found.toarray() == wanted.toarray()).all()
    else:
        np.testing.assert_array_equal(found, np.asarray(wanted).reshape(found.shape))


def test_an_index_that_is_none_is_said() -> None:
    x = sparse.csr_matrix("x")
    for wrong, error in ((np.s_[0, 0, 0], ShapeError), (np.s_["a"], TypeError)):
        with pytest.raises(error):
            x[wrong]
    with pytest.raises(OutOfRange, match="a step above 0"):
        x[::-1]


@pytest.mark.usefixtures("on_reference")
def test_gradients_flow_through_an_index() -> None:
    x = sparse.csr_matrix("x")
    g = T.grad(sparse.sp_sum(sparse.sqr(x[1:, :2])), x)
    found = function([x], g)(M).toarray()
    assert found.tolist() == [[0, 0, 0, 0], [0, 6, 0, 0], [10, 0, 0, 0]]


@pytest.mark.usefixtures("on_reference")
def test_sparse_functions_are_kept_copied_and_watched(tmp_path: Path) -> None:
    x, v, w = sparse.csr_matrix("x"), T.dvector("v"), sparse.shared(M, "w")
    f = function([x, v], [sparse.dot(x, v), x * 2], updates={w: w + x})
    value = np.arange(4.0)
    for again in (
        pickle.loads(pickle.dumps(f)), copy.deepcopy(f), f.copy(swap={w: sparse.shared(M)})
    ):  # fmt: skip
        product, twice = again(M, value)
        assert product.tolist() == (M @ value).tolist() and (twice != 2 * M).nnz == 0
        assert (w.get_value() != M).nnz == 0  # none of them writes what this one does
    path = tmp_path / "kept"
    tensorcore.save(path, {"f": f, "x": x, "w": w})
    loaded = tensorcore.load(path)
    assert loaded["f"](v=value, x=M)[0].tolist() == (M @ value).tolist()
    # The function in the file and the variable beside it are one.
    assert (loaded["w"].get_value() != 2 * M).nnz == 0 and loaded["x"].type == x.type
    for mode in ("DebugMode", "NanGuardMode"):
        assert function([x, v], sparse.dot(x, v), mode=mode)(M, value).tolist() == [4, 15, 0]


@pytest.mark.usefixtures("on_reference")
def test_sparse_values_take_the_place_of_variables() -> None:
    x, v = sparse.csr_matrix("x"), T.dvector("v")
    value, product = np.arange(4.0), sparse.dot(x, v)
    wanted = (M @ value).tolist()
    assert product.eval({x: M, v: value}).tolist() == wanted
    for given in (M, sparse.shared(M), M.tocsc()):
        assert function([v], product, givens={x: given})(value).tolist() == wanted
    with_default = function([tensorcore.In(x, value=M), v], tensorcore.Out(product))
    assert with_default(v=value).tolist() == wanted
    other = tensorcore.clone(product, replace={x: sparse.shared(2 * M)})
    assert other.eval({v: value}).tolist() == (2 * M @ value).tolist()
    assert ((x / 2).eval({x: M}) != M / 2).nnz == 0
    with pytest.raises(TypeError, match="cannot become"):
        function([v], product, givens={x: sparse.csc_matrix()})
