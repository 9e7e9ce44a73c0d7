"""Mistakes in shapes: both sizes, the op, and the user's file and line."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import errors, function
from tensorcore.errors import DTypeError, ShapeError


def line_above() -> int:
    frame = inspect.currentframe()
    return frame.f_back.f_lineno - 1


def refused(inputs, output, values, *words):
    f = function(inputs, output)
    with pytest.raises(ShapeError) as caught:
        f(*values)
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


class TestAtTheCall:
    def test_sizes_op_and_line(self, each_backend):
        x, y = T.dvectors("x", "y")
        z = x + y
        here = line_above()
        message = refused([x, y], z, ([1, 2], [1, 2, 3]), "add", "found 2 and 3", "operands: x")
        assert f"{__file__}:{here}: z = x + y" in message

    def test_the_line_survives_rewriting_and_gradients(self, each_backend):
        x, y = T.dvectors("x", "y")
        p = T.nnet.sigmoid(x * y)
        here = line_above()
        cost = -T.log(1 - p).sum()
        g = T.grad(cost, x)
        refused([x, y], [cost, g], ([1, 2], [1, 2, 3]), "found 2 and 3", f"{__file__}:{here}")

    @pytest.mark.parametrize(
        ("make", "found"),
        [
            (lambda a, b: a + b, "found 3 and 4"), (T.dot, "found 3 and 2"),
            (lambda a, b: T.concatenate([a, b]), "found 3 and 4"),
            (lambda a, b: a.reshape((4, 2)) + b[0, 0], "found 6 and 8"),
            (lambda a, b: T.switch(a > 0, a, b), "found 3 and 4"),
            (lambda a, b: T.fill(a, b) * a, "3 and 4"),
            (lambda a, b: (a * b[:, :1].T[0]) + b.sum(), "3 and 2"),
            (T.batched_dot, "3 and 4"), (T.tensordot, "3 and 4"),
        ],
    )  # fmt: skip
    def test_both_sizes(self, each_backend, make, found):
        a, b = T.dmatrices("a", "b")
        refused([a, b], make(a, b), (np.ones((2, 3)), np.ones((2, 4))), found, "test_errors.py")

    def test_an_index_outside_its_axis(self, each_backend):
        a = T.dmatrix("a")
        f = function([a], a[5])
        with pytest.raises(IndexError, match="outside: 5 from the start of 2 entries") as caught:
            f(np.ones((2, 3)))
        assert "test_errors.py" in str(caught.value)

    @pytest.mark.parametrize("reduce", [T.max, T.min, T.argmax])
    def test_nothing_has_no_largest(self, each_backend, reduce):
        x = T.dvector("x")
        refused([x], reduce(x), ([],), "axis 0", "must not be empty")

    def test_a_sum_a_product_and_a_mean_of_nothing(self, each_backend):
        x = T.dmatrix("x")
        f = function([x], [x.sum(), x.prod(axis=0), x.mean(), x.any(), x.all(), T.dot(x.T, x)])
        total, product, mean, some, every, square = f(np.zeros((0, 2)))
        assert (total, bool(some), bool(every)) == (0, False, True) and np.isnan(mean)
        np.testing.assert_array_equal(product, [1, 1])
        np.testing.assert_array_equal(square, np.zeros((2, 2)))

    def test_a_function_works_again_after_a_refusal(self, each_backend):
        x, y = T.dvectors("x", "y")
        f = function([x, y], x + y)
        for _ in range(3):
            with pytest.raises(ShapeError):
                f([1, 2], [1])
            np.testing.assert_array_equal(f([1, 2], [1, 2]), [2, 4])

    def test_curly_brackets_in_names_do_no_harm(self):
        x, y = T.dvector("{0} {oops}"), T.dvector("}{")
        refused([x, y], x + y, ([1], [1, 2]), "found 1 and 2", "{0} {oops}")


class TestWhenBuilt:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda v, m: m.sum(axis=2), "axis 2 does not exist"),
            (lambda v, m: m.sum(axis=(0, 0)), "named twice"),
            (lambda v, m: m.dimshuffle(0, 2), "axis 2 does not exist"),
            (lambda v, m: m.dimshuffle(0), "not known to have size 1"),
            (lambda v, m: m.dimshuffle(0, 0, 1), "named twice"),
            (lambda v, m: T.concatenate([v, m]), "same number of dimensions"),
            (lambda v, m: T.concatenate([m, m], axis=3), "axis 3 does not exist"),
            (lambda v, m: v[0, 0], "too many indices"),
            (lambda v, m: v[..., ...], "more than once"),
            (lambda v, m: m.reshape((-1, -1)), "only one size may be -1"),
            (lambda v, m: m.flatten(3), "ndim=3"), (lambda v, m: T.alloc(m, 3), "do not fit"),
            (lambda v, m: T.nnet.softmax(m.sum()), "no axis"),
        ],
    )  # fmt: skip
    def test_shapes(self, make, words):
        with pytest.raises(ShapeError, match=words):
            make(T.dvector("v"), T.dmatrix("m"))

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda x: x.sum(axis=1.5), "an axis is an integer"),
            (lambda x: x.sum(axis="0"), "an axis is an integer"),
            (lambda x: x[1.5], "must be an integer"), (lambda x: x[True], "a bool cannot index"),
            (lambda x: x["a"], "cannot become a tensor"),
            (lambda x: x.reshape((1.5,)), "integer scalar"),
            (T.concatenate, "a list of tensors"), (lambda x: x & 1, "does not take"),
            (lambda x: T.zeros((2.5,)), "integer scalar"), (lambda x: x + "a", "cannot become"),
        ],
    )  # fmt: skip
    def test_types(self, make, words):
        with pytest.raises(TypeError, match=words):
            make(T.dvector("x"))

    def test_sizes_that_can_never_fit_are_found_when_compiling(self):
        x = T.constant(np.ones(2)) + T.constant(np.ones(3))
        here = line_above()
        with pytest.raises(ShapeError, match=rf"found 2 and 3(.|\n)*test_errors\.py:{here}"):
            function([], x)


def test_every_error_is_one_of_ours_and_a_kind_python_knows():
    assert issubclass(ShapeError, ValueError) and issubclass(DTypeError, TypeError)
    for value in vars(errors).values():
        if isinstance(value, type):
            assert issubclass(value, errors.TensorcoreError) and value.__doc__
