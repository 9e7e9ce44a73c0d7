"""What public programs for Theano use is here: the shares that the project promises."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def coverage() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "theano_coverage.py"), run_name="coverage")


@pytest.fixture(scope="module")
def rows(coverage: dict[str, Any]) -> list[Any]:
    found: list[Any] = coverage["rows"]()
    return found


def test_uses_and_symbols(coverage: dict[str, Any], rows: list[Any]) -> None:
    uses, symbols = coverage["shares"](rows)
    assert uses >= 0.99 and symbols >= 0.95, (uses, symbols)


def test_the_rest_has_a_reason(rows: list[Any]) -> None:
    assert len(rows) > 1700
    assert [row.symbol for row in rows if not row.here and not row.reason] == []


def test_the_numerical_names_are_all_here(coverage: dict[str, Any], rows: list[Any]) -> None:
    found = coverage["numerical"](rows)
    assert len(found) > 450
    assert [row.symbol for row in found if not row.here] == []
    kinds = {row.kind for row in found}
    assert {"function", "op", "class", "type", "method", "rstream", "rskwarg", "kwarg"} <= kinds
    names = {row.symbol for row in found}
    assert {"theano.tensor.nnet.conv2d", "theano.scan(sequences=)", "Mult"} <= names
    assert not any("gpuarray" in name or name.startswith("theano.gof") for name in names)


#: Functions of one tensor.
ALONE = (
    "sum", "log", "sqrt", "exp", "tanh", "mean", "max", "min", "sqr", "square", "abs_", "sgn",
    "prod", "sin", "cos", "cosh", "std", "inv", "erf", "log2", "transpose", "flatten", "cumsum",
    "tril", "triu", "shape_padleft", "shape_padright", "neg",
)  # fmt: skip


def calls(x: Any) -> dict[str, Any]:
    """An expression of a positive matrix for each numerical function that has derivatives."""
    import theano
    import theano.tensor as T

    images = x.dimshuffle("x", "x", 0, 1)
    twice = T.concatenate([images, images * images], axis=1)
    made: dict[str, Any] = {
        "scan": theano.scan(lambda row, h: T.tanh(row + h), x, T.zeros_like(x[0]))[0],
        "map": theano.map(lambda row: row * row, x)[0],
        "ifelse": theano.ifelse.ifelse(T.gt(x[0, 0], 0), x * x, T.exp(x)),
        "conv2d": T.nnet.conv2d(twice, twice[:, :, :2, :2]),
        "conv3d": T.nnet.conv3d(twice.dimshuffle(0, 1, "x", 2, 3),
                                twice[:, :, :2, :2].dimshuffle(0, 1, "x", 2, 3)),
        "pool_2d": theano.tensor.signal.pool.pool_2d(images, (2, 2), ignore_border=False),
        "concatenate": T.concatenate([x, x * x], axis=0), "stack": T.stack([x, x * x]),
        "join": T.join(1, x, x * x), "horizontal_stack": T.horizontal_stack(x, x * x),
        "switch": T.switch(x > 1, x * x, T.exp(x)), "where": T.where(x > 1, x * x, T.exp(x)),
        "set_subtensor": T.set_subtensor(x[1:], x[:-1] * x[1:]),
        "inc_subtensor": T.inc_subtensor(x[:, ::2], x[:, ::2] * 2) * x,
        "subtensor": x[[0, 0, 1]] * x[::-1], "sort": T.sort(x, axis=1) * x,
        "categorical_crossentropy": T.nnet.categorical_crossentropy(
            T.nnet.softmax(x), T.as_tensor_variable(np.array([0, 1, 2], "int32"))),
        "binary_crossentropy": T.nnet.binary_crossentropy(T.nnet.sigmoid(x), 0.25),
        "batch_normalization": T.nnet.bn.batch_normalization(
            x, x[0], x[1], T.mean(x, 0, keepdims=True), T.std(x, 0, keepdims=True)),
        "batch_normalization_train": T.nnet.bn.batch_normalization_train(x, x[:1], x[1:2])[0],
        "batched_dot": T.batched_dot(T.stack([x, x]), T.stack([x * x, x])),
        "batched_tensordot": T.batched_tensordot(T.stack([x, x]), T.stack([x * x, x]), [2, 1]),
        "tensordot": T.tensordot(x, x * x, 1), "dot": T.dot(x, x * x), "outer": T.outer(x, x * x),
        "arctan2": T.arctan2(x, x * x), "pow": x**x, "mod": T.mod(x, 0.7) * x,
        "clip": T.clip(x, 0.4, 1.0) * x, "tile": T.tile(x, (2, 1)) ** 2, "fill": T.fill(x, x[0, 0]),
        "repeat": T.repeat(x, 2, 0) ** 2, "cholesky": theano.tensor.slinalg.cholesky(
            T.dot(x, x.T) + T.eye(3)),
        "solve": theano.tensor.slinalg.solve(x + 4 * T.eye(3), x),
        "matrix_inverse": T.nlinalg.matrix_inverse(x + 4 * T.eye(3)),
        "det": T.nlinalg.det(x + 4 * T.eye(3)), "trace": T.nlinalg.trace(x * x),
        "diag": T.diag(T.diag(x) ** 2), "maximum": T.maximum(x, x * x), "add": T.add(x, x * x),
        "minimum": T.minimum(x, x * x), "mul": T.mul(x, x, x), "true_div": T.true_div(x, 1 + x),
        "relu": T.nnet.relu(x - 0.7, 0.1) * x, "reshape": T.reshape(x * x, (-1,)),
        "elu": T.nnet.elu(x - 0.7) * x, "arccos": T.arccos(x / 4), "alloc": T.alloc(x[0], 3, 3) * x,
    }  # fmt: skip
    for name in ALONE:
        made[name] = getattr(T, name)(x) * T.sum(x)
    for name in ("sigmoid", "softmax", "softplus", "hard_sigmoid"):
        made[name] = getattr(T.nnet, name)(x)
    return made


@pytest.mark.parametrize("backend", ["cgen", "opencl"])
def test_numerical_names_have_two_derivatives(backend: str, request: Any) -> None:
    """On another backend as on the reference; in the short form every eighth of them."""
    from tensorcore import function, grad
    from tensorcore import tensor as T
    from tensorcore.legacy import finder

    every = 1 if request.config.getoption("--long") else 8
    if backend == "opencl" and every > 1:
        pytest.skip("long: give --long")
    skip_unless_ready(backend)
    fresh = finder.install()
    try:
        x = T.dmatrix("x")
        made = dict(list(calls(x).items())[::every])
    finally:
        if fresh:
            finder.uninstall()
    outputs = {}
    for name, y in made.items():
        first = grad(T.sum(y * y), x, disconnected_inputs="ignore")
        outputs[name] = [y, first, grad(T.sum(first * T.sin(x)), x, disconnected_inputs="ignore")]
    flat = [z for row in outputs.values() for z in row]
    values = np.random.default_rng(0).uniform(0.3, 1.5, (3, 3))
    wanted = function([x], flat, backend="numpy_ref")(values)
    found = function([x], flat, backend=backend)(values)
    names = [f"{name}, order {k}" for name in outputs for k in range(3)]
    for name, a, b in zip(names, found, wanted, strict=True):
        assert np.isfinite(b).all(), name
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)


def test_a_name_that_is_nowhere_is_not_found(coverage: dict[str, Any]) -> None:
    from tensorcore.legacy import finder

    fresh = finder.install()
    try:
        place = coverage["_place"]
        for symbol, kind in (
            ("theano.tensor.no_such_op", "function"),
            ("from theano.tensor import nothing", "import"),
            ("theano.function(nothing=)", "kwarg"), ("tensor.nothing()", "method"),
            ("RandomStreams.nothing", "rstream"), ("THEANO_FLAGS:nothing", "flag"),
        ):  # fmt: skip
            assert place(symbol, kind)[0] == "", symbol
    finally:
        if fresh:
            finder.uninstall()
