"""Shared variables: their values, who owns the memory, and what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import function, shared
from tensorcore.errors import DTypeError, ShapeError


class TestValues:
    @pytest.mark.parametrize(
        ("value", "dtype", "ndim"),
        [
            (0, "int64", 0), (1.5, "float64", 0), (True, "bool", 0), ([1, 2], "int64", 1),
            (np.float32(2), "float32", 0), (np.ones((2, 3), "int8"), "int8", 2),
            (1j, "complex128", 0),
            ([], "float64", 1), (np.ones(2, ">f4"), "float32", 1),
        ],
    )  # fmt: skip
    def test_dtype_and_rank_come_from_the_value(self, value, dtype, ndim):
        s = shared(value, name="s")
        assert (s.dtype, s.ndim, s.name, repr(s)) == (dtype, ndim, "s", "s")
        found = s.get_value()
        assert isinstance(found, np.ndarray) and found.dtype == dtype
        np.testing.assert_array_equal(found, value)

    def test_any_size_may_be_set_later(self, each_backend):
        s = shared(np.ones((1, 1)))
        f = function([], [s * 2, s.shape])
        for shape in ((1, 1), (3, 2), (0, 4)):
            s.set_value(np.ones(shape))
            value, sizes = f()
            assert value.shape == shape and tuple(sizes) == shape

    def test_fixed_axes(self, each_backend):
        s = shared(np.ones((1, 3)), broadcastable=(True, False))
        m = T.dmatrix("m")
        f = function([m], s + m)
        assert f(np.ones((2, 3))).shape == (2, 3)
        with pytest.raises(ShapeError, match="axis 0"):
            s.set_value(np.ones((2, 3)))

    def test_an_axis_of_one_does_not_stretch_unless_it_is_declared(self, each_backend):
        s, m = shared(np.ones((1, 3))), T.dmatrix("m")
        with pytest.raises(ShapeError, match=r"found 1 and 2|found 2 and 1"):
            function([m], s + m)(np.ones((2, 3)))


class TestMemory:
    def test_values_are_copied_in_and_out(self, each_backend):
        start = np.zeros(3)
        s = shared(start)
        f = function([], s + 0.5)
        start[:] = 9
        s.get_value()[:] = 9
        np.testing.assert_array_equal(f(), 0.5)
        other = np.ones(3)
        s.set_value(other)
        other[:] = 9
        np.testing.assert_array_equal(f(), 1.5)

    def test_borrowed_values_are_not(self):
        start = np.zeros(3)
        s = shared(start, borrow=True)
        assert s.get_value(borrow=True) is start

    def test_a_returned_value_does_not_change_later(self, each_backend):
        s = shared(np.zeros(3))
        f = function([], s, updates={s: s + 1})
        results = [f() for _ in range(4)]
        kept = s.get_value()
        f()
        for k, value in enumerate(results):
            np.testing.assert_array_equal(value, k)
        np.testing.assert_array_equal(kept, 4)

    def test_read_only_and_strided_values(self, each_backend):
        fixed = np.arange(4.0)
        fixed.flags.writeable = False
        s = shared(fixed)
        step = function([], None, updates={s: s * 2})
        step()
        np.testing.assert_array_equal(s.get_value(), [0, 2, 4, 6])
        s.set_value(np.arange(8.0)[::-2], borrow=True)
        step()
        np.testing.assert_array_equal(s.get_value(), [14, 10, 6, 2])
        np.testing.assert_array_equal(fixed, [0, 1, 2, 3])

    def test_deep_copies_have_a_value_of_their_own(self):
        s = shared(np.zeros(2), name="s")
        t = copy.deepcopy(s)
        s.set_value([1.0, 1.0])
        np.testing.assert_array_equal(t.get_value(), 0)
        assert t.name == "s" and t is not s


class TestRefusals:
    def test_values_that_cannot_be_shared(self):
        for bad, error in (("abc", DTypeError), (None, DTypeError), (object(), DTypeError),
                           ([[1], [1, 2]], ShapeError), (T.dvector(), TypeError)):  # fmt: skip
            with pytest.raises(error):
                shared(bad)

    def test_a_value_that_does_not_fit_leaves_the_old_one(self):
        s = shared(np.arange(3), name="steps")
        for bad, error, words in (
            (np.zeros((2, 2), int), ShapeError, "steps.*expected 1 dimension"),
            ([1.5], DTypeError, "steps.*expected int64, found float64"), (3, ShapeError, "found 0"),
            ("x", DTypeError, "type str"), ([[1], [2, 3]], ShapeError, "ragged"),
        ):  # fmt: skip
            with pytest.raises(error, match=words):
                s.set_value(bad)
        np.testing.assert_array_equal(s.get_value(), [0, 1, 2])
