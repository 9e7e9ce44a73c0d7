"""Shapes: one compilation serves them all, and wrong ones are refused with words."""

from __future__ import annotations

import numpy as np
import pytest

from tensorcore import TensorType, function
from tensorcore import tensor as T
from tensorcore.errors import ShapeError

from .subject import Counting, Subject
from .values import generator

SHAPES = [(n, m) for n in (1, 2, 3, 8, 17, 64, 100) for m in (1, 2, 5, 9, 31, 65, 128)] + [(0, 4)]


@pytest.fixture(autouse=True)
def _float64(subject: Subject) -> None:
    if not subject.takes("float64"):
        pytest.skip("float64 is not among the declared dtypes")


def test_one_compilation_serves_fifty_shapes(subject: Subject) -> None:
    """Maps, reductions, a contraction and a reshape, in fifty shapes, compiled once."""
    counting = Counting(subject.backend)
    m = TensorType("float64", (False, False))("m")
    v = TensorType("float64", (False,))("v")
    outputs = [m * 2 + v, T.sum(m, axis=0), T.dot(m, v), m.reshape((-1,)), m.T]
    f = function([m, v], outputs, backend=counting)
    rng = generator("shapes")
    order = rng.permutation(len(SHAPES))
    assert len(SHAPES) == 50
    for number in order:
        shape = SHAPES[number]
        a, b = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape[1])
        mapped, summed, product, flat, turned = f(a, b)
        np.testing.assert_array_equal(mapped, a * 2 + b)
        np.testing.assert_allclose(summed, a.sum(axis=0), rtol=0, atol=1e-13)
        np.testing.assert_allclose(product, a @ b, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(flat, a.ravel())
        np.testing.assert_array_equal(turned, a.T)
    assert counting.compiles == 1


def test_sizes_that_do_not_fit(subject: Subject) -> None:
    """The error names both sizes and the user's line; later calls work."""
    x, y = (TensorType("float64", (False,))(name) for name in "xy")
    total = x + y  # the line that the message names
    f = subject.function([x, y], total)
    for sizes in ((3, 41), (41, 3)):
        with pytest.raises(ShapeError) as caught:
            f(*map(np.zeros, sizes))
        words = str(caught.value)
        assert "3" in words and "41" in words
        assert "test_shapes.py" in words and "the line that the message names" in words
    assert f(np.ones(2), np.ones(2)).tolist() == [2.0, 2.0]


def test_inner_sizes_of_a_product(subject: Subject) -> None:
    """Likewise for what a contraction sums over."""
    a, b = (TensorType("float64", (False, False))(name) for name in "ab")
    f = subject.function([a, b], T.dot(a, b))
    with pytest.raises(ShapeError, match=r"(?s)7.*5|5.*7"):
        f(np.zeros((2, 7)), np.zeros((5, 3)))
    assert f(np.ones((2, 7)), np.ones((7, 3))).tolist() == [[7.0] * 3] * 2


def test_numbers_of_times_that_are_negative(subject: Subject) -> None:
    """Entries are repeated as often as each says, and never fewer times than none."""
    x, n = TensorType("float64", (False,))("x"), TensorType("int64", (False,))("n")
    f = subject.function([x, n], T.repeat(x, n))
    with pytest.raises(ShapeError, match=r"(?s)must not be negative; found -1.*test_shapes"):
        f(np.arange(3.0), np.array([1, -1, 2]))
    assert f(np.arange(3.0), np.array([1, 0, 2])).tolist() == [0.0, 2.0, 2.0]


@pytest.mark.parametrize("shape", [(), (2, 2)])
def test_a_wrong_rank(shape: tuple[int, ...], subject: Subject) -> None:
    """The rank is part of the type."""
    x = TensorType("float64", (False,))("x")
    f = subject.function([x], x + 1)
    with pytest.raises(ShapeError):
        f(np.zeros(shape))


def test_a_declared_axis_of_size_one(subject: Subject) -> None:
    """An axis declared to have size 1 takes no other size, and an undeclared one does not
    stretch."""
    row, m = TensorType("float64", (True, False))("row"), TensorType("float64", (False,) * 2)("m")
    f = subject.function([row, m], row + m)
    with pytest.raises(ShapeError):
        f(np.zeros((2, 3)), np.zeros((2, 3)))
    assert f(np.ones((1, 3)), np.ones((2, 3))).tolist() == [[2.0] * 3] * 2
    g = subject.function([m, row], m - row)
    assert g(np.ones((1, 3)), np.ones((1, 3))).tolist() == [[0.0] * 3]


def test_sizes_from_values(subject: Subject) -> None:
    """Sizes that an integer input brings: each call may bring others."""
    if not subject.takes("int64"):
        pytest.skip("int64 is not among the declared dtypes")
    x, n = TensorType("float64", (False,))("x"), TensorType("int64", ())("n")
    f = subject.function([x, n], [x.reshape((n, -1)), x[:n]])
    for count in (1, 2, 3, 6, 12):
        matrix, head = f(np.arange(12.0), count)
        assert matrix.shape == (count, 12 // count) and head.tolist() == list(range(count))
    with pytest.raises(ShapeError):
        f(np.arange(12.0), 5)


def test_arithmetic_of_sizes(subject: Subject) -> None:
    """Where integers become sizes they are computed with as Python does, negative ones too."""
    if not subject.takes("int64"):
        pytest.skip("int64 is not among the declared dtypes")
    x = TensorType("float64", (False,))("x")
    a, b = (TensorType("int64", ())(name) for name in "ab")
    sizes = [a // b, a % b, a - b, a + 2 * b, -a, abs(a), T.minimum(a, b), T.maximum(a, b)]
    f = subject.function([x, a, b], [x[:size] for size in sizes])
    array = np.arange(20.0)
    for m in (-7, -6, -1, 0, 1, 6, 7):
        for n in (-3, -2, -1, 1, 2, 3):
            wanted = [m // n, m % n, m - n, m + 2 * n, -m, abs(m), min(m, n), max(m, n)]
            for size, found in zip(wanted, f(array, m, n), strict=True):
                assert found.tolist() == array[:size].tolist(), f"size {size} of {m} and {n}"


@pytest.mark.parametrize("known", [True, False])
def test_products_without_rows(subject: Subject, known: bool) -> None:
    """Of small products whose sizes are known from the start, also the 0 rows, or at the call."""
    x = TensorType("float64", (False, False, False))("x")
    left = T.specify_shape(x, (2, 0, 3)) if known else x
    f = subject.function([x], T.batched_dot(left, np.ones((2, 3, 3))))
    assert f(np.ones((2, 0, 3))).shape == (2, 0, 3)
