"""The rows of the table of Theano's symbols that say how tensors are written: types, methods and
their keywords, attributes, indices, operators, draws, and keywords of functions. Each is computed
and compared with what NumPy has for it."""

from __future__ import annotations

import operator
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("on_reference")
DOCS = Path(__file__).resolve().parent.parent / "docs"
KINDS = ("type", "method", "methkw", "attr", "index", "operator", "rstream", "rskwarg", "kwarg")
RNG = np.random.default_rng(5)
M, V = RNG.uniform(0.3, 1.5, (3, 4)), RNG.uniform(0.3, 1.5, 4)
I = np.array([[3, 1, 0, 2], [1, 1, 2, 5], [0, 4, 4, 3]])  # noqa: E741
IMAGES, FILTERS = RNG.normal(size=(2, 3, 6, 5)), RNG.normal(size=(4, 3, 3, 2))
#: Elsewhere: what is not a value, and the file that holds it.
ELSEWHERE = {
    "tensor.get_value()": "test_shared.py", "tensor.set_value()": "test_shared.py",
    "tensor.get_value(borrow=)": "test_shared.py", "tensor.set_value(borrow=)": "test_shared.py",
    "tensor.get_value(return_internal_type=)": "test_shared.py", "tensor.eval()": "below",
    "tensor.type()": "below", "Is": "Python's own", "IsNot": "Python's own", "Not": "Python's own",
    "In": "Python's own", "NotIn": "Python's own", "tensor.owner": "test_theano_ops.py",
    "tensor.tag": "test_testing_values.py", "tensor.tag.test_value": "test_testing_values.py",
    "theano.scalar.bool": "test_scalars.py",
}  # fmt: skip
#: Keywords of what makes functions, loops, shared variables and gradients.
_OTHERS = (
    "theano.function(", "theano.scan(", "theano.shared(", "theano.clone(", "theano.In(",
    "theano.Out(", "theano.map(", "theano.ifelse", "theano.sandbox", "theano.sparse",
    "theano.grad(", "theano.gradient.grad(", "theano.tensor.grad(", "theano._asarray",
    "theano.tensor.shared_randomstreams", "theano.tensor.slinalg",
)  # fmt: skip


def written(x: Any, v: Any, i: Any, n: Any) -> dict[str, tuple[Any, Any]]:
    """By symbol, an expression and its value: methods, attributes, operators and indices."""
    return {
        "tensor.dimshuffle()": (x.dimshuffle(1, "x", 0), M.T[:, None]),
        "tensor.sum()": (x.sum(), M.sum()), "tensor.sum(axis=)": (x.sum(axis=1), M.sum(1)),
        "tensor.sum(keepdims=)": (x.sum(axis=0, keepdims=True), M.sum(0, keepdims=True)),
        "tensor.reshape()": (x.reshape((2, 6)), M.reshape(2, 6)),
        "tensor.reshape(ndim=)": (x.reshape(x.shape[::-1], ndim=2), M.reshape(4, 3)),
        "tensor.reshape(shape=)": (x.reshape(shape=(6, -1)), M.reshape(6, 2)),
        "tensor.flatten()": (x.flatten(), M.ravel()),
        "tensor.flatten(ndim=)": (x.dimshuffle("x", 0, 1).flatten(ndim=2), M.reshape(1, 12)),
        "tensor.mean()": (x.mean(), M.mean()), "tensor.mean(axis=)": (x.mean(axis=0), M.mean(0)),
        "tensor.mean(keepdims=)": (x.mean(1, keepdims=True), M.mean(1, keepdims=True)),
        "tensor.astype()": (x.astype("int32"), M.astype("int32")),
        "tensor.max()": (x.max(), M.max()), "tensor.max(axis=)": (x.max(axis=1), M.max(1)),
        "tensor.max(keepdims=)": (x.max(axis=1, keepdims=True), M.max(1, keepdims=True)),
        "tensor.min()": (x.min(), M.min()), "tensor.min(axis=)": (x.min(axis=0), M.min(0)),
        "tensor.transpose()": (x.transpose(1, 0), M.T),
        "tensor.argmax()": (x.argmax(), M.argmax()),
        "tensor.argmax(axis=)": (x.argmax(axis=0), M.argmax(0)),
        "tensor.dot()": (x.dot(v), M @ V), "tensor.copy()": (x.copy(), M),
        "tensor.copy(name=)": (x.copy(name="again"), M),
        "tensor.nonzero()": (i.nonzero()[1], I.nonzero()[1]),
        "tensor.norm()": (x.norm(2), np.sqrt((M * M).sum())),
        "tensor.norm(L=)": (x.norm(L=1), M.sum()),
        "tensor.norm(axis=)": (x.norm(2, axis=1), np.sqrt((M * M).sum(1))),
        "tensor.ravel()": (x.ravel(), M.ravel()), "tensor.repeat()": (v.repeat(2), V.repeat(2)),
        "tensor.repeat(axis=)": (x.repeat(3, axis=0), M.repeat(3, 0)),
        "tensor.var()": (x.var(), M.var()), "tensor.std()": (x.std(), M.std()),
        "tensor.var(keepdims=)": (x.var(axis=1, keepdims=True), M.var(1, keepdims=True)),
        "tensor.all()": ((x > 0.5).all(), (M > 0.5).all()),
        "tensor.any()": ((x > 1.2).any(), (M > 1.2).any()),
        "tensor.diagonal()": (x.diagonal(), M.diagonal()),
        "tensor.zeros_like()": (x.zeros_like(), np.zeros_like(M)),
        "tensor.clip()": (x.clip(0.5, 1.0), M.clip(0.5, 1.0)),
        "tensor.take()": (x.take([2, 0], axis=0), M.take([2, 0], 0)),
        "tensor.cumsum()": (x.cumsum(axis=1), M.cumsum(1)),
        "tensor.shape": (x.shape, np.array([3, 4])), "tensor.size": (x.size, np.array(12)),
        "tensor.T": (x.T, M.T), "tensor.ndim": (v * x.ndim, V * 2),
        "tensor.dtype": (i.astype(x.dtype), I.astype("float64")),
        "tensor.broadcastable": (v * sum(x.dimshuffle(0, "x", 1).broadcastable), V),
        "tensor.type": (x * (x.type == (x + 1).type), M), "tensor.name": (v * len(x.name), V),
        "Mult": (x * v, M * V), "Add": (x + v, M + V), "Sub": (x - v, M - V),
        "Div": (x / v, M / V), "USub": (-x, -M), "Pow": (x**v, M**V),
        "Gt": (x > v, M > V), "Lt": (x < v, M < V), "GtE": (i >= 2, I >= 2),
        "LtE": (i <= 2, I <= 2),
        "Mod": (i % 3, I % 3), "FloorDiv": (i // 2, I // 2), "BitAnd": (i & 3, I & 3),
        "BitXor": (i ^ 5, I ^ 5),
        "x[slice]": (x[1:, :2], M[1:, :2]), "x[int]": (x[-1], M[-1]),
        "x[name-index]": (x[n], M[2]), "x[tensor-index]": (x[:, i[0]], M[:, I[0]]),
        "x[slice-neg-step]": (x[::-1, ::-2], M[::-1, ::-2]),
        "x[newaxis]": (x[:, None], M[:, None]), "x[slice-symbolic]": (x[:n], M[:2]),
        "x[slice-step]": (x[:, ::2], M[:, ::2]), "x[mask]": (x[x > 0.9], M[M > 0.9]),
    }  # fmt: skip


def correlated(images: Any, filters: Any, before: Any = (0, 0), step: Any = (1, 1),
               gap: Any = (1, 1), flip: bool = True) -> Any:  # fmt: skip
    """A convolution of images by hand, one place after the other."""
    x = np.pad(images, [(0, 0), (0, 0), *((n, n) for n in before)])
    w = filters[:, :, ::-1, ::-1] if flip else filters
    reach = [(k - 1) * g + 1 for k, g in zip(w.shape[2:], gap, strict=True)]
    rows, columns = (
        range(0, n - r + 1, s) for n, r, s in zip(x.shape[2:], reach, step, strict=True)
    )

    def one(r: int, c: int) -> Any:
        part = x[:, :, r : r + reach[0] : gap[0], c : c + reach[1] : gap[1]]
        return np.einsum("bcij,ocij->bo", part, w)

    return np.stack([np.stack([one(r, c) for c in columns], -1) for r in rows], -2)


def pooled(x: Any, size: Any, step: Any, how: Any, pad: int = 0, whole: bool = True) -> Any:
    """Pools by hand; without ``whole`` those that reach over the end count too."""
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=-np.inf if pad else 0)
    ends = [n - w + 1 if whole else n for n, w in zip(x.shape[2:], size, strict=True)]
    return np.stack([
        np.stack([
            how(x[:, :, r : r + size[0], c : c + size[1]], axis=(2, 3))
            for c in range(0, ends[1], step[1])
        ], -1) for r in range(0, ends[0], step[0])
    ], -2)  # fmt: skip


def keywords(theano: Any, x: Any, v: Any, i: Any, images: Any, filters: Any) -> dict[str, Any]:
    """By function, its calls with keywords: which these are, the expression and its value."""
    T = theano.tensor
    pool, conv = T.signal.pool.pool_2d, T.nnet.conv2d
    down = T.signal.downsample.max_pool_2d
    old = T.nnet.conv.conv2d
    ordinary = correlated(IMAGES, FILTERS)
    stepped = correlated(IMAGES, FILTERS, step=(2, 1))
    full = correlated(IMAGES, FILTERS, before=(2, 1))
    by_two = pooled(IMAGES, (2, 2), (2, 2), np.max)
    over = pooled(IMAGES, (2, 2), (2, 2), np.max, whole=False)
    one = pooled(IMAGES, (2, 2), (1, 1), np.max)
    g, shape = T.constant(ordinary), IMAGES.shape
    back = T.nnet.abstract_conv.AbstractConv2d_gradInputs(
        imshp=shape, kshp=FILTERS.shape, border_mode="valid", subsample=(1, 1), filter_flip=True
    )
    slope = T.grad(T.sum(conv(images, filters) * g), images)
    stack = (T.stack([x, x * x]), T.stack([x * x, x]), np.stack([M, M * M]), np.stack([M * M, M]))
    mean, deviation = M.mean(0, keepdims=True), M.std(0, keepdims=True)
    normal = T.nnet.bn.batch_normalization(
        x, v, v, T.constant(mean), T.constant(deviation), mode="low_mem"
    )
    named = {
        name: getattr(T, name)(name="n") for name in ("imatrix", "dmatrix", "ivector", "iscalar",
                                                      "dscalar")
    }  # fmt: skip
    return {
        "concatenate": ("axis", T.concatenate([x, x], axis=1), np.concatenate([M, M], 1)),
        "sum": ("axis keepdims dtype", T.sum(x, axis=0, keepdims=True, dtype="float64"),
                M.sum(0, keepdims=True)),
        "argmax": ("axis keepdims", T.argmax(x, axis=1, keepdims=True), M.argmax(1)[:, None]),
        "max": ("axis keepdims", T.max(x, axis=1, keepdims=True), M.max(1, keepdims=True)),
        "min": ("axis", T.min(x, axis=0), M.min(0)), "prod": ("axis", T.prod(x, axis=1), M.prod(1)),
        "mean": ("axis dtype keepdims", T.mean(i, axis=1, dtype="float64", keepdims=True),
                 I.mean(1, keepdims=True)),
        "std": ("axis", T.std(x, axis=0), M.std(0)),
        "any": ("axis keepdims", T.any(x > 1, axis=0, keepdims=True), (M > 1).any(0)[None]),
        "all": ("axis", T.all(x > 0.5, axis=1), (M > 0.5).all(1)),
        "zeros": ("shape dtype", T.zeros(shape=(2, 3), dtype="int8"), np.zeros((2, 3), "int8")),
        "ones": ("dtype", T.ones((2,), dtype="float32"), np.ones(2, "float32")),
        "ones_like": ("dtype", T.ones_like(x, dtype="int32"), np.ones_like(M, "int32")),
        "zeros_like": ("dtype", T.zeros_like(x, dtype="int32"), np.zeros_like(M, "int32")),
        "arange": ("stop dtype", T.arange(2, stop=7, dtype="int16"),
                   np.arange(2, 7, dtype="int16")),
        "constant": ("dtype name", T.constant([1, 2], dtype="float32", name="c"),
                     np.array([1, 2], "float32")),
        "cast": ("dtype", T.cast(x, dtype="int8"), M.astype("int8")),
        "repeat": ("axis", T.repeat(x, 2, axis=1), M.repeat(2, 1)),
        "extra_ops.repeat": ("axis", T.extra_ops.repeat(x, 2, axis=0), M.repeat(2, 0)),
        "stack": ("axis", T.stack([x, x], axis=1), np.stack([M, M], 1)),
        "tensordot": ("axes", T.tensordot(x, x, axes=[[0], [0]]), M.T @ M),
        "batched_tensordot": ("axes", T.batched_tensordot(*stack[:2], axes=[[1], [1]]),
                              np.einsum("bij,bik->bjk", *stack[2:])),
        "argsort": ("axis", T.argsort(x, axis=0), M.argsort(0)),
        "sort": ("axis", T.sort(x, axis=0), np.sort(M, 0)),
        "cumsum": ("axis", T.cumsum(x, axis=0), M.cumsum(0)),
        "flatten": ("outdim", T.flatten(T.stack([x, x]), outdim=2),
                    np.stack([M, M]).reshape(2, 12)),
        "reshape": ("newshape ndim", T.reshape(x, newshape=(2, 6), ndim=2), M.reshape(2, 6)),
        "round": ("mode", T.round(v * 3, mode="half_to_even"), np.round(V * 3)),
        "as_tensor_variable": ("ndim", T.as_tensor_variable(v, ndim=2), V[None]),
        "nnet.relu": ("alpha", T.nnet.relu(x - 1, alpha=0.25), np.maximum(M - 1, (M - 1) / 4)),
        "nnet.bn.batch_normalization": ("mode", normal, (M - mean) * V / deviation + V),
        "nnet.conv2d": (
            "input filters input_shape filter_shape image_shape",
            conv(input=images, filters=filters, input_shape=shape, filter_shape=FILTERS.shape),
            ordinary,
        ),
        "nnet.conv2d ": ("border_mode", conv(images, filters, border_mode="full"), full),
        "nnet.conv2d  ": ("subsample", conv(images, filters, subsample=(2, 1)), stepped),
        "nnet.conv2d   ": (
            "filter_flip filter_dilation",
            conv(images, filters, filter_flip=False, filter_dilation=(2, 1)),
            correlated(IMAGES, FILTERS, gap=(2, 1), flip=False),
        ),
        "nnet.conv.conv2d": (
            "input filters image_shape filter_shape",
            old(input=images, filters=filters, image_shape=shape, filter_shape=FILTERS.shape),
            ordinary,
        ),
        "nnet.conv.conv2d ": (
            "border_mode subsample",
            old(images, filters, border_mode="full", subsample=(1, 1)), full,
        ),
        "nnet.abstract_conv.AbstractConv2d_gradInputs": (
            "imshp kshp border_mode subsample filter_flip", back(filters, g, shape[2:]) - slope,
            np.zeros(shape),
        ),
        "signal.pool.pool_2d": (
            "input ws ignore_border", pool(input=images, ws=(2, 2), ignore_border=False), over,
        ),
        "signal.pool.pool_2d ": (
            "stride mode", pool(images, (2, 2), True, stride=(1, 1), mode="sum"),
            pooled(IMAGES, (2, 2), (1, 1), np.sum),
        ),
        "signal.pool.pool_2d  ": (
            "pad", pool(images, (2, 2), True, pad=(1, 1)),
            pooled(IMAGES, (2, 2), (2, 2), np.max, 1),
        ),
        "signal.pool.pool_2d   ": (
            "ds st", pool(images, ds=(2, 2), st=(1, 1), ignore_border=True), one,
        ),
        "signal.downsample.max_pool_2d": (
            "input ds ignore_border", down(input=images, ds=(2, 2), ignore_border=True), by_two,
        ),
        "signal.downsample.max_pool_2d ": (
            "st mode", down(images, (2, 2), ignore_border=True, st=(1, 1), mode="max"), one,
        ),
        **{name: ("name", y.ndim * T.ones_like(v) * (y.name == "n"), V * 0 + y.ndim)
           for name, y in named.items()},
    }  # fmt: skip


def variables(theano: Any) -> dict[str, Any]:
    """Constructors with a dtype or a name: the symbol, the variable, its dtype and axes."""
    T = theano.tensor
    ranks = {"scalar": 0, "vector": 1, "matrix": 2, "tensor3": 3, "tensor4": 4}
    made: dict[str, Any] = {}
    for name, rank in ranks.items():
        made[f"theano.tensor.{name}(dtype=)"] = getattr(T, name)(dtype="int16"), "int16", rank
        made[f"theano.tensor.{name}(name=)"] = getattr(T, name)(name="n"), T.vector().dtype, rank
    kind = T.TensorType(dtype="int8", broadcastable=(False, True))
    made["theano.tensor.TensorType(dtype=)"] = kind(), "int8", 2
    made["theano.tensor.TensorType(broadcastable=)"] = kind(), "int8", 2
    letters = {"b": "int8", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}
    for letter, dtype in letters.items():
        for name, rank in {**ranks, "col": 2}.items():
            maker = getattr(T, letter + name)
            made[f"theano.tensor.{letter}{name}"] = maker(), dtype, rank
    return made


@pytest.fixture(scope="module")
def theano() -> Any:
    from tensorcore.legacy import finder

    fresh = finder.install()
    import theano as module
    import theano.ifelse
    import theano.tensor.nnet.bn
    import theano.tensor.signal.downsample
    import theano.tensor.signal.pool

    yield module
    if fresh:
        finder.uninstall()


@pytest.fixture(scope="module")
def symbols() -> list[Any]:
    page = runpy.run_path(str(DOCS / "theano_coverage.py"), run_name="coverage")
    return [row for row in page["numerical"](page["rows"]()) if row.kind in KINDS]


def expressions(theano: Any) -> tuple[list[Any], dict[str, tuple[Any, Any]]]:
    """The variables, and by symbol an expression of them and its value."""
    T = theano.tensor
    x, v, i, n = T.dmatrix("x"), T.dvector("v"), T.lmatrix("i"), T.lscalar("n")
    images, filters = T.dtensor4("images"), T.dtensor4("filters")
    found = written(x, v, i, n)
    found["Eq"] = T.eq(i, 1), np.equal(I, 1)
    found["NotEq"] = T.neq(i, 1), np.not_equal(I, 1)
    for function, (names, y, value) in keywords(theano, x, v, i, images, filters).items():
        for name in names.split():
            found[f"theano.tensor.{function.strip()}({name}=)"] = y, value
    return [x, v, i, n, images, filters], found


def test_expressions_are_what_numpy_says(theano: Any) -> None:
    given, found = expressions(theano)
    f = theano.function(given, [y for y, _ in found.values()], on_unused_input="ignore")
    results = f(M, V, I, 2, IMAGES, FILTERS)
    for (symbol, (_, wanted)), result in zip(found.items(), results, strict=True):
        assert np.shape(result) == np.shape(wanted), symbol
        assert np.asarray(result).dtype == np.asarray(wanted).dtype, symbol
        np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-12, err_msg=symbol)


def test_variables_have_their_dtype_and_take_values(theano: Any) -> None:
    made = variables(theano)
    inputs = [y for y, *_ in made.values()]
    f = theano.function(inputs, [y + y for y in inputs])
    values = [
        np.ones([1 if one else 2 for one in y.broadcastable], dtype)
        for y, dtype, _ in made.values()
    ]
    for (symbol, (y, dtype, rank)), value, found in zip(
        made.items(), values, f(*values), strict=True
    ):
        assert (y.dtype, y.ndim, found.dtype) == (dtype, rank, np.dtype(dtype)), symbol
        np.testing.assert_array_equal(found, value * 2)


def test_what_a_variable_is_asked_for(theano: Any) -> None:
    x = theano.tensor.dmatrix("x")
    np.testing.assert_array_equal((x * 2).eval({x: M}), M * 2)
    y = (x * 2).type("y")
    assert y.type == x.type and y.name == "y" and y.owner is None


#: Of a draw, its arguments and what its mean, variance and range are about.
_DRAWS: dict[str, tuple[dict[str, Any], float, float, tuple[float, float]]] = {
    "binomial": ({"n": 4, "p": 0.25, "dtype": "int32"}, 1.0, 0.75, (0, 4)),
    "normal": ({"avg": 2.0, "std": 3.0, "dtype": "float32"}, 2.0, 9.0, (-20, 24)),
    "uniform": ({"low": -1.0, "high": 3.0, "dtype": "float64"}, 1.0, 16 / 12, (-1, 3)),
}


@pytest.mark.parametrize("name", _DRAWS)
@pytest.mark.parametrize("streams", ["shared_randomstreams.RandomStreams", "MRG"])
def test_draws_have_their_moments(theano: Any, name: str, streams: str) -> None:
    module = theano.sandbox.rng_mrg if streams == "MRG" else theano.tensor.shared_randomstreams
    kind = module.MRG_RandomStreams if streams == "MRG" else module.RandomStreams
    arguments, mean, variance, (low, high) = _DRAWS[name]
    draw = getattr(kind(seed=3), name)(size=(100, 200), **arguments)
    found = theano.function([], draw)()
    assert found.shape == (100, 200) and found.dtype == arguments["dtype"]
    assert low <= found.min() and found.max() <= high
    error = 5 * np.sqrt(variance / found.size)
    assert abs(found.mean(dtype="float64") - mean) < error
    assert abs(found.var(dtype="float64") - variance) < 0.05 * variance


def test_draws_of_classes_have_their_chances(theano: Any) -> None:
    p = np.tile([0.1, 0.2, 0.7], (5000, 1))
    streams = theano.sandbox.rng_mrg.MRG_RandomStreams(seed=4)
    found = theano.function([], streams.multinomial(pvals=p, dtype="int64"))()
    assert found.dtype == "int64" and operator.eq(found.sum(1), 1).all()
    np.testing.assert_allclose(found.mean(0), p[0], atol=0.03)


def test_every_row_of_these_kinds_is_computed(theano: Any, symbols: list[Any]) -> None:
    computed = {*expressions(theano)[1], *variables(theano), *ELSEWHERE}
    draws = {f"RandomStreams.{name}" for name in (*_DRAWS, "multinomial")}
    missing = [
        row.symbol
        for row in symbols
        if row.symbol not in computed
        and not row.symbol.startswith(_OTHERS)
        and row.symbol.partition("(")[0] not in draws
    ]
    assert not missing, f"compute these by hand, or say where they are: {missing}"
    assert len(symbols) > 250
