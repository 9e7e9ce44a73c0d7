"""Small matrices are computed in C; what that leaves to the reference has its results and words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore.tensor as T
from tensorcore import TensorType, function, shared
from tensorcore.errors import MatrixError, ShapeError
from tensorcore.tensor import linalg


@pytest.fixture(autouse=True)
def _cgen() -> None:
    skip_unless_ready("cgen")


def _made(a: Any, b: Any) -> list[Any]:
    positive = T.matmul(a, T.swapaxes(a, -1, -2))
    return [
        linalg.solve(a, b), linalg.inv(a), linalg.det(a), *linalg.slogdet(a),
        linalg.cholesky(positive), *linalg.lu(a), linalg.solve_triangular(positive, b, lower=True),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sizes_and_batches(dtype: str) -> None:
    """None, one, few and many; with exchanged rows; on both sides of the largest size."""
    rng = np.random.default_rng(0)
    for rank, shapes in ((2, ((0, 1), (1, 2), (5, 3), (32, 2), (33, 2))), (3, ((4, 2), (33, 1)))):
        a, b = TensorType(dtype, (False,) * rank)(), TensorType(dtype, (False,) * rank)()
        reference = function([a, b], _made(a, b), backend="numpy_ref")
        f = function([a, b], _made(a, b), backend="cgen")
        for n, k in shapes:
            for lead in ((0,), (3,), (40,)) if rank == 3 else ((),):
                x = (rng.normal(size=(*lead, n, n)) + n * np.eye(n)) / max(n, 1)
                y = rng.normal(size=(*lead, n, k)).astype(dtype)
                x = x[..., ::-1, :].astype(dtype)
                limit = 2e-3 if dtype == "float32" else 1e-10
                for one, other in zip(f(x, y), reference(x, y), strict=True):
                    np.testing.assert_allclose(one, other, rtol=limit, atol=limit)


def test_factors_of_oblong_matrices() -> None:
    """They are left to the reference, in stacks and alone, and in a thread that has no Python."""
    a = np.random.default_rng(1).normal(size=(3, 4, 2))
    x = T.dtensor3("x")
    f = function([x], linalg.lu(x), backend="cgen")
    for oblong in (a, a.swapaxes(1, 2), a[:, :2]):
        p, left, right = f(oblong)
        np.testing.assert_allclose(p @ left @ right, oblong, rtol=1e-12, atol=1e-12)


def test_what_has_no_result() -> None:
    """The error says which one; nothing is changed; the next call works."""
    x, w = T.dtensor3("x"), shared(np.zeros((2, 2)))
    f = function([x], linalg.inv(x), updates=[(w, linalg.inv(x)[0])], backend="cgen")
    bad = np.stack([np.eye(2), np.zeros((2, 2)), np.eye(2)])
    for _ in range(3):
        with pytest.raises(MatrixError, match=r"matrix \[1\] of a batch of shape \(3,\)"):
            f(bad)
        assert not w.get_value().any()
    f(bad[:1])
    np.testing.assert_array_equal(w.get_value(), np.eye(2))
    with pytest.raises(ShapeError, match="square"):
        f(np.zeros((1, 2, 3)))
    determinant = function([x], linalg.det(x), backend="cgen")
    assert determinant(bad).tolist() == [1, 0, 1]
    assert np.isnan(determinant(np.full((1, 2, 2), np.nan))).all()
