"""Where kinds of loops meet: what one op reads or writes at computed places, another combines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore
from tensorcore import TensorType, dtypes, grad
from tensorcore import tensor as T
from tensorcore.errors import NumberError, OutOfRange
from tensorcore.ops import OPS, Op
from tensorcore.tensor.shared_randomstreams import RandomStreams

from .oracle import reference
from .subject import Subject
from .values import generator, specials


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes("float64", "int64", "bool"):
        pytest.skip("float64, int64 or bool is not among the declared dtypes")


def _reductions() -> list[Op[Any]]:
    return [op for op in OPS.values() if op.family.name in ("reduction", "along axes")]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("op", _reductions(), ids=lambda op: op.name)
def test_reductions_of_gathered_values(op: Op[Any], axis: int, subject: Subject) -> None:
    """Along the rows and along the columns, in short and in long ones; a wrong place is found."""
    x, places = TensorType("float64", (False,) * 2)("x"), TensorType("int64", (False,) * 2)("i")
    dtype = "bool" if "float64" not in op.accepts else "float64"
    taken = T.take_along_axis(T.cast(x, dtype), places, 1)
    f = subject.function([x, places], op.make((taken,), {"axes": (axis,)}))
    rng = np.random.default_rng(0)
    for rows, columns in ((4, 5), (1, 700), (300, 3)):
        values = rng.integers(-2, 3, (rows, columns)).astype("float64")
        where = rng.integers(-columns, columns, (rows, columns))
        picked = np.take_along_axis(values, where, 1).astype(dtype)
        expected = reference(op, [picked], {"axes": (axis,)})
        np.testing.assert_allclose(f(values, where), expected, rtol=1e-6, atol=1e-6)
        for outside in (columns, -columns - 1):
            where[-1, -1] = outside
            with pytest.raises(OutOfRange):
                f(values, where)


def test_places_of_nothing(subject: Subject) -> None:
    """An index that does not change along an axis is looked at only where the axis has entries."""
    x, row = TensorType("float64", (False,))("x"), TensorType("float64", (True, False))("row")
    first = T.zeros(x.shape, "int64")
    back = T.argsort(-row, axis=1)
    outputs = [x[first], x[first + 7], T.take_along_axis(row, back, 1) + x.dimshuffle(0, "x")]
    f = subject.function([x, row], outputs[::2])
    for size in (0, 3):
        values = np.arange(size) + 1.0
        picked, turned = f(values, values.reshape(1, -1))
        np.testing.assert_array_equal(picked, np.ones(size))
        np.testing.assert_array_equal(turned, values[::-1] + values[:, None])
    written = subject.function([x], T.set_subtensor(x[first], x))
    assert written(np.zeros(0)).shape == (0,) and written(np.arange(3.0))[0] == 2
    g = subject.function([x], outputs[1])
    assert g(np.zeros(0)).shape == (0,)
    with pytest.raises(OutOfRange):
        g(np.zeros(3))


def test_a_wrong_place_is_named(subject: Subject) -> None:
    """With the index, its axis as the user counts it, and the size; also in what is written, and
    in the gradient."""
    x, i = TensorType("float64", (False, False))("x"), TensorType("int64", (False,))("i")
    read = x[:, i]
    made = [read, T.set_subtensor(read, 1.0), T.inc_subtensor(read, 1.0), T.take(x, i, axis=1)]
    made.append(grad(T.sum(read), x))
    for y in made:
        f = subject.function([x, i], y)
        f(np.zeros((5, 4)), np.array([3, -4]))
        with pytest.raises(OutOfRange, match=r"\b6\b.* axis 1\b.*\b4\b"):
            f(np.zeros((5, 4)), np.array([0, 6]))


def test_a_place_that_a_shape_lacks_is_refused(subject: Subject) -> None:
    """Counted through the shape, or by coordinates."""
    i = TensorType("int64", (False,))("i")
    flat = subject.function([i], list(T.unravel_index(i, (3, 4))))
    np.testing.assert_array_equal(flat(np.array([0, 7, 11])), [[0, 1, 2], [0, 3, 3]])
    position = subject.function([i], T.ravel_multi_index([i, 0 * i + 2], (3, 4)))
    np.testing.assert_array_equal(position(np.array([0, 2])), [2, 10])
    for f, wrong in ((flat, 12), (flat, -1), (position, 3), (position, -1)):
        with pytest.raises(OutOfRange):
            f(np.array([0, wrong]))


@pytest.mark.parametrize("rows", [3, 3000])
def test_a_class_that_is_none_is_refused(rows: int, subject: Subject) -> None:
    """In the entropies, and where only their gradient is computed; with its number, in whichever
    row; and nothing is updated then."""
    x, y = TensorType("float64", (False, False))("x"), TensorType("int64", (False,))("y")
    entropy = T.nnet.categorical_crossentropy(T.nnet.softmax(x), y)
    count = tensorcore.shared(np.int64(0), "count")
    f = subject.function([x, y], entropy, updates=[(count, count + 1)])
    g = subject.function([x, y], grad(entropy.mean(), x), updates=[(count, count + 1)])
    values, classes = np.random.default_rng(0).standard_normal((rows, 4)), np.arange(rows) % 4
    shares = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    true = shares[np.arange(rows), classes]
    np.testing.assert_allclose(f(values, classes), -np.log(true), rtol=1e-12)
    slopes = (shares - np.eye(4)[classes]) / rows
    np.testing.assert_allclose(g(values, classes), slopes, rtol=1e-12, atol=1e-16)
    for place, wrong in ((0, 4), (rows - 1, -1), (rows // 2, 70)):
        given = classes.copy()
        given[place] = wrong
        for function in (f, g):
            with pytest.raises(OutOfRange, match=rf"outside: {wrong}\b.* 4 classes"):
                function(values, given)
    assert count.get_value() == 2


def test_a_number_that_is_none_is_refused(subject: Subject) -> None:
    """By itself, among others, beside what is summed, and as a size; one that is right is not."""
    x, n = TensorType("float64", (False, False))("x"), TensorType("int64", ())("n")
    streams = RandomStreams(3)
    inside = subject.function([x], streams.binomial(p=x))
    row = subject.function([x], T.sum(streams.binomial(p=x), axis=1))
    single = subject.function([x], streams.binomial((50,), p=x[0, 0]))
    shares = subject.function([x], streams.multinomial(pvals=x))
    for f in (inside, row, single):
        f(np.full((2, 40), 0.25))
        for wrong in (1.5, -0.5, np.nan):
            values = np.full((2, 40), 0.25)
            values[0, 0] = wrong
            with pytest.raises(NumberError, match="p must be from 0 to 1"):
                f(values)
    shares(np.full((2, 4), 0.25))
    with pytest.raises(NumberError, match="come to 1 or less"):
        shares(np.array([[0.25] * 4, [0.5] * 4]))
    top = subject.function([x, n], T.topk(x, n))
    assert top(np.zeros((2, 3)), -3).shape == (2, 3)
    with pytest.raises(NumberError, match=r"\b4 entries .* are 3\b"):
        top(np.zeros((2, 3)), 4)
    steps = subject.function([n], [T.arange(0, 4, n), T.arange(0.0, 4.0, n)])
    assert steps(-1)[0].shape == (0,) and steps(2)[1].tolist() == [0, 2]
    with pytest.raises(NumberError, match="step must not be 0"):
        steps(0)
    counts = subject.function([n], T.bincount(T.stack([n, 1])))
    assert counts(3).tolist() == [0, 1, 0, 1]
    with pytest.raises(OutOfRange, match="negative: -2"):
        counts(-2)


def test_a_refused_number_inside_a_loop(subject: Subject) -> None:
    """Ends the whole call, in whichever iteration it comes."""
    n = TensorType("int64", (False,))("n")
    rows, _ = tensorcore.scan(lambda k, total: total + T.bincount(k.dimshuffle("x"))[-1],
                              [n], [T.constant(np.int64(0))])  # fmt: skip
    f = subject.function([n], rows)
    assert f(np.array([2, 0, 5])).tolist() == [1, 2, 3]
    for place in range(3):
        given = np.arange(3)
        given[place] = -7
        with pytest.raises(OutOfRange, match="negative: -7"):
            f(given)


def test_integers_beside_sines(subject: Subject) -> None:
    """A loop that has two versions of a sine, and integers that nothing of it needs."""
    x, i = TensorType("float64", (False,))("x"), TensorType("int64", (False,))("i")
    whole = T.cast(T.floor(T.sqrt(T.cast(i, "float64"))), "int64") * 3
    f = subject.function([x, i], [T.sin(T.clip(x, -3, 3)), whole, T.cos(x * 1e7) + whole])
    values, counts = np.linspace(-4, 4, 40), np.arange(40)
    found = f(values, counts)
    np.testing.assert_allclose(found[0], np.sin(np.clip(values, -3, 3)), rtol=1e-14)
    np.testing.assert_array_equal(found[1], np.floor(np.sqrt(counts)).astype("int64") * 3)
    np.testing.assert_allclose(found[2], np.cos(values * 1e7) + found[1], rtol=1e-12)


@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_numbers_in_expressions(dtype: str, subject: Subject) -> None:
    """A number that stands in an expression keeps every bit, whatever number it is."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    wanted = specials(dtype)
    mask, x = TensorType("bool", (False,))("mask"), TensorType(dtype, (False,))("x")
    f = subject.function([mask, x], [T.switch(mask, x, value) for value in wanted])
    for value, found in zip(wanted, f(np.zeros(3, "bool"), np.ones(3, dtype)), strict=True):
        exact = np.full(3, value)
        for a, b in ((found.real, exact.real), (found.imag, exact.imag)):
            same = np.array_equal(a, b, equal_nan=dtypes.kind(dtype) in "fc")
            assert same and np.array_equal(np.signbit(a[a == 0]), np.signbit(b[b == 0])), (
                f"the number {value!r} in an expression became {found[0]!r}"
            )


def test_values_do_not_depend_on_fusing(float_dtype: str, subject: Subject) -> None:
    """What is computed and used at once has the bits that it has when it is returned."""
    if not subject.takes(float_dtype):
        pytest.skip(f"{float_dtype} is not among the declared dtypes")
    x, y = (TensorType(float_dtype, (False,))(name) for name in "xy")
    made = [x * y, x + y, x - y, x / y]
    alone = subject.function([x, y], made)
    before = [node.type(f"v{k}") for k, node in enumerate(made)]
    pairs = list(zip(made, before, strict=True))
    ways = [[n - v for n, v in pairs], [T.max(n) - T.max(v) for n, v in pairs]]
    fused = [subject.function([x, y, *before], way) for way in ways]  # as each use may tempt alone
    rng = generator("fusing", float_dtype)
    arrays = [rng.uniform(1, 3, 700).astype(float_dtype) for _ in range(2)]
    for f in fused:
        for node, off in zip(made, f(*arrays, *alone(*arrays)), strict=True):
            assert not off.any(), f"{node} in {float_dtype} has other bits inside an expression"


def test_windows_of_windows(subject: Subject) -> None:
    """A slice of a slice, and of what is turned round, reads what NumPy's reads."""
    m = TensorType("float64", (False, False))("m")
    slices = [slice(1, None, 2), slice(None, None, -1), slice(-2, 0, -3), slice(2, -1), slice(3, 3)]
    pairs = [(a, b) for a in slices for b in slices]
    f = subject.function([m], [m[a][b] + m.T[:, a][:, b].T for a, b in pairs])
    for size in (13, 14, 20):
        array = np.arange(float(size * size)).reshape(size, size)
        for (a, b), found in zip(pairs, f(array), strict=True):
            expected = array[a][b] + array.T[:, a][:, b].T
            assert np.array_equal(found, expected), f"slice {b} of slice {a}"


def test_values_that_are_used_late(subject: Subject) -> None:
    """What is needed again behind other large results is still there."""
    m = TensorType("float64", (False, False))("m")
    made = [m]
    for k in range(6):
        made.append(T.dot(made[-1], m) if k % 2 else T.cumsum(made[-1] + k, axis=0))
    total = made[1]
    for node in made[2:]:
        total = T.dot(total, node) - made[1]
    f = subject.function([m], total)
    rng = generator("late")
    for size in (3, 8, 5):
        array = rng.uniform(-1, 1, (size, size))
        known = [array]
        for k in range(6):
            known.append(known[-1] @ array if k % 2 else np.cumsum(known[-1] + k, axis=0))
        expected = known[1]
        for value in known[2:]:
            expected = expected @ value - known[1]
        np.testing.assert_allclose(f(array), expected, rtol=1e-9, atol=1e-6)


#: Rows and columns of matrices: none, few and many of both.
_MATRICES = (
    (0, 5), (5, 0), (1, 1), (3, 4), (33, 7), (40, 15), (40, 16), (41, 17), (67, 300), (700, 20),
    (2100, 3), (530, 131),
)  # fmt: skip


def _products(x: Any, y: Any, w: Any, v: Any, i: Any) -> list[Any]:
    """What one may do with a matrix's rows and then, by what they gave, with its columns."""
    z, u = T.dot(x, w), T.dot(x, v)
    e = T.tanh(z) * y - u
    picked = T.tanh(z) * y[i]
    rows = T.nnet.softmax(x) * z.dimshuffle(0, "x")
    sums = [z, T.dot(e, x), T.dot(x.T, z * 2), T.dot(picked, x), T.sum(e), T.dot(e, x) * w]
    return [*sums, rows, T.gt(T.exp(z) * y, 0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_and_columns_of_one_matrix(dtype: str, subject: Subject) -> None:
    """Products along the rows, and down the columns by what follows from them."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    x = TensorType(dtype, (False, False))("x")
    y, w, v = (TensorType(dtype, (False,))(name) for name in "ywv")
    i = TensorType("int64", (False,))("i")
    operands = [x, y, w, v, i]
    together = subject.function(operands, _products(*operands))
    # Each alone too, as what shares a loop depends on what else there is.
    made = _products(*operands)
    alone = [subject.function(operands, y) for y in made[1:4]]
    pair = subject.function(operands, [made[1], made[-1]])
    rng = generator("matrix", dtype)
    for rows, columns in _MATRICES:
        a = rng.uniform(-1, 1, (rows, columns)).astype(dtype)
        b, c, d = (rng.uniform(-1, 1, n).astype(dtype) for n in (rows, columns, columns))
        places = rng.integers(-rows, max(rows, 1), rows)
        wide = [t.astype("longdouble") for t in (a, b, c, d)]
        z, u = wide[0] @ wide[2], wide[0] @ wide[3]
        e, picked = np.tanh(z) * wide[1] - u, np.tanh(z) * wide[1][places]
        top = np.exp(wide[0] - wide[0].max(axis=1, keepdims=True, initial=-1))
        soft = top / top.sum(axis=1, keepdims=True) * z[:, None]
        sums = [e @ wide[0], 2 * z @ wide[0], picked @ wide[0]]
        expected = [z, *sums, e.sum(), sums[0] * wide[2], soft, 1.0 * (b > 0)]
        found = [*together(a, b, c, d, places), *(f(a, b, c, d, places) for f in alone)]
        found += pair(a, b, c, d, places)
        largest = 1 + np.abs(z).max(initial=0)  # no term of a sum is larger
        limit = (rows + columns + 8) * np.finfo(dtype).eps * 4 * largest
        for one, other in zip(found, [*expected, *sums, sums[0], expected[-1]], strict=True):
            off = np.abs(one - other).max(initial=0)
            assert off <= limit, f"{rows} rows of {columns}: off by {off:.3g}, limit {limit:.3g}"
        again = together(a, b, c, d, places)
        same = all(np.array_equal(*pair) for pair in zip(again, found, strict=False))
        assert same, f"{rows} rows of {columns}: other bits in the next call"
        if rows:
            places[rows // 2] = rows
            with pytest.raises(OutOfRange):
                together(a, b, c, d, places)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint64", "complex64"])
def test_products_of_known_sizes(dtype: str, subject: Subject) -> None:
    """Small matrices whose sizes stand in the expression: on the left, on the right, and many."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    shapes = [(m, k, n) for m in (1, 3, 9) for k in (1, 2, 3, 8, 9) for n in (1, 3, 8, 9)]

    def made(u: Any, v: Any, many: Any) -> list[Any]:
        found = []
        for m, k, n in shapes:
            a, b = u.reshape((-1, k)), v[: k * n].reshape((k, n))
            found += [a @ b, a @ b[:, 0], b.T @ a.T, a @ v[: k * n].reshape((n, k)).T]
            if m == n:
                found.append(many(u.reshape((-1, m, k)), v.reshape((-1, k, n))))
        return found

    u, v = (TensorType(dtype, (False,))(name) for name in "uv")
    f = subject.function([u, v], made(u, v, T.batched_dot))
    rng = generator("small", dtype)
    for size in (1296, 648):  # whole numbers of matrices of each size
        x, y = (rng.integers(-2, 3, size).astype(dtype) for _ in range(2))
        for found, expected in zip(f(x, y), made(x, y, np.matmul), strict=True):
            same = found.shape == expected.shape and np.array_equal(found, expected)
            assert same, f"a product of shape {expected.shape}: found {found} for {expected}"
