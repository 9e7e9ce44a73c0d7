"""Which dtype a result has, and that what is computed has it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tensorcore as tc
import tensorcore.tensor as T
from tensorcore import config, dtypes, function
from tensorcore.errors import DTypeError
from tensorcore.types import TensorType

pytestmark = pytest.mark.usefixtures("on_reference")
REAL = ("bool", *dtypes.INTEGERS, "float16", "float32", "float64")
PAIRS = list(itertools.combinations_with_replacement((*REAL, "complex64", "complex128"), 2))


def var(dtype, ndim=1):
    return TensorType(dtype, (False,) * ndim)("v")


class TestPairs:
    @pytest.mark.parametrize("op", [T.add, T.mul, T.maximum, T.mod])
    def test_the_common_dtype_is_numpys(self, op):
        made = []
        for a, b in PAIRS:
            if op in (T.maximum, T.mod) and "c" in dtypes.kind(a) + dtypes.kind(b):
                continue
            if op is T.mod and a == b == "bool":
                continue
            x, y = var(a), var(b)
            z = op(x, y)
            assert z.dtype == np.promote_types(a, b), (a, b)
            assert op(y, x).dtype == z.dtype
            made.append((x, y, z))
        inputs = [v for x, y, _ in made for v in (x, y)]
        f = function(inputs, [z for *_, z in made])
        found = f(*(np.ones(2, v.dtype) for v in inputs))
        for value, (x, y, z) in zip(found, made, strict=True):
            assert value.dtype == z.dtype, (x.dtype, y.dtype)
            one = np.ones(2, z.dtype)
            expected = {T.add: one + one, T.mod: 0 * one}.get(op, one)
            assert (value == expected).all()

    def test_comparisons_give_bool(self):
        for a, b in PAIRS:
            assert T.eq(var(a), var(b)).dtype == "bool"

    @pytest.mark.parametrize("floatx", ["float32", "float64"])
    def test_integer_division_gives_floatx(self, floatx):
        with config.change_flags(floatX=floatx):
            for a, b in itertools.product(("bool", *dtypes.INTEGERS), repeat=2):
                z = var(a) / var(b)
                assert z.dtype == floatx, (a, b)
            x = T.lvector()
            same = function([x], x / 2)([1, 2, 3])
        assert same.dtype == floatx
        np.testing.assert_array_equal(same, [0.5, 1.0, 1.5])

    def test_division_of_floats_keeps_them(self):
        assert (T.fvector() / T.fvector()).dtype == "float32"
        assert (T.fvector() / T.lvector()).dtype == "float64"
        assert (T.fvector() / T.bvector()).dtype == "float32"

    def test_rounded_division_keeps_integers(self):
        x, y = T.lvector("x"), T.lvector("y")
        f = function([x, y], [x // y, x % y])
        quotient, rest = f([7, -7, 7, -7, 5], [2, 2, -2, -2, 0])
        np.testing.assert_array_equal(quotient, [3, -4, -4, 3, 0])
        np.testing.assert_array_equal(rest, [1, 1, -1, -1, 0])
        assert quotient.dtype == rest.dtype == "int64"


class TestLiterals:
    @pytest.mark.parametrize("number", [2, 2.5, 0.1, True, -3, 1e-3, 123456789, 1e300])
    def test_a_number_keeps_float32(self, number):
        x = T.fvector("x")
        results = [x + number, number * x, x / number, number - x, x**number, T.maximum(x, number)]
        assert {z.dtype for z in results} == {"float32"}
        for value in function([x], results)([1.0, 2.0]):
            assert value.dtype == "float32"

    def test_a_numpy_scalar_is_no_literal(self):
        assert (T.fvector() * np.float64(2)).dtype == "float64"
        assert (T.fvector() * np.float32(2)).dtype == "float32"
        assert (T.fvector() * np.array(2.0)).dtype == "float64"

    def test_the_smallest_integer_dtype(self):
        for value, dtype in ((1, "int8"), (-128, "int8"), (128, "int16"), (40_000, "int32"),
                             (2**40, "int64"), (2**63, "uint64")):  # fmt: skip
            assert T.constant(value).dtype == dtype
        with pytest.raises(DTypeError, match="64 bits"):
            T.constant(2**64)

    def test_integers_with_literals(self):
        assert (T.bvector() + 1).dtype == "int8"
        assert (T.bvector() + 1000).dtype == "int16"
        assert (T.lvector() * 2.0).dtype in ("float32", "float64")
        x = T.lscalar("x")
        np.testing.assert_allclose(function([x], x * 0.1)(3), 0.30000000000000004, rtol=1e-7)

    @pytest.mark.parametrize("number", [1, 0, 100, 200, 1000, 2**40, -1, -100])
    @pytest.mark.parametrize("dtype", dtypes.INTEGERS)
    def test_an_integer_that_fits_raises_no_integer(self, dtype, number):
        info = np.iinfo(dtype)
        x = var(dtype)
        results = [x + number, number * x, T.maximum(x, number), T.switch(T.eq(x, 0), x, number)]
        if info.min <= number <= info.max:
            expected = (np.ones(1, dtype) + number).dtype  # NumPy's own rule for Python numbers
            value = function([x], results[0])(np.ones(2, dtype))
            np.testing.assert_array_equal(value, np.ones(2, dtype) + number)
        else:  # where NumPy raises OverflowError
            expected = np.promote_types(dtype, dtypes.literal_dtype(number))
        assert {z.dtype for z in results} == {expected.name}

    def test_integers_among_floats_and_bools(self):
        for dtype in ("float16", "float32", "float64", "complex64"):
            assert (var(dtype) + 1000).dtype == (np.ones(1, dtype) + 1000).dtype
        assert (var("bool") + 1).dtype == "int8"  # Theano's; NumPy's is int64
        assert (var("uint64") + 1).dtype == "uint64"

    def test_a_float_literal_follows_floatx(self):
        with config.change_flags(floatX="float32"):
            assert T.constant(0.1).dtype == "float32"
            assert T.scalar().dtype == "float32"
            assert (T.scalar() * 0.1 + 2).dtype == "float32"
            assert T.zeros((2,)).dtype == T.eye(2).dtype == "float32"
            assert T.cast(T.lscalar(), "floatX").dtype == "float32"
        assert T.constant(0.1).dtype == "float64"
        assert T.scalar().dtype == "float64"

    def test_lists_and_literals_through_a_chain_stay_float32(self):
        x = T.fmatrix("x")
        y = T.nnet.sigmoid(x * 2 - 1).mean(axis=0) + 0.5 * (x**2).sum(axis=0)
        cost = y.sum()
        assert y.dtype == cost.dtype == T.grad(cost, x).dtype == "float32"
        f = function([x], [cost, T.grad(cost, x)])
        for value in f(np.ones((2, 2), "float32")):
            assert value.dtype == "float32"


class TestFunctions:
    @pytest.mark.parametrize("op", [T.exp, T.log, T.sqrt, T.tanh, T.nnet.sigmoid, T.nnet.softplus])
    def test_float_functions_of_integers(self, op):
        expected = dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "float32")
        expected |= dict.fromkeys(("int32", "int64", "uint32", "uint64", "float64"), "float64")
        expected |= {"float16": "float16", "float32": "float32"}
        inputs = [var(d) for d in expected]
        results = [op(v) for v in inputs]
        assert [r.dtype for r in results] == list(expected.values())
        found = function(inputs, results)(*(np.ones(2, v.dtype) for v in inputs))
        assert [r.dtype.name for r in found] == list(expected.values())

    def test_sums_of_small_integers_are_wide(self):
        x, u, b = T.bvector("x"), var("uint8"), var("bool")
        f = function([x, u, b], [x.sum(), u.sum(), b.sum(), x.prod(), x.max()])
        found = f(np.full(3, 100, "int8"), np.full(3, 200, "uint8"), np.ones(3, "bool"))
        assert [v.dtype.name for v in found] == ["int64", "uint64", "int64", "int64", "int8"]
        assert [int(v) for v in found] == [300, 600, 3, 1_000_000, 100]

    def test_means_of_integers_are_float64(self):
        x = T.bvector("x")
        f = function([x], [x.mean(), x.var(), x.std()])
        for value in f([100, 120]):
            assert value.dtype == "float64"
        assert f([100, 120])[0] == 110

    def test_switch_takes_the_dtype_of_its_branches(self):
        x = T.fvector("x")
        assert T.switch(x > 0, x, 0).dtype == "float32"
        assert T.switch(x > 0, 0.5, x).dtype == "float32"
        assert T.switch(T.lscalar(), T.bvector(), T.wvector()).dtype == "int16"

    def test_cast_truncates_and_names_what_it_refuses(self):
        x = T.dvector("x")
        found = function([x], T.cast(x, "int32"))([1.9, -1.9])
        np.testing.assert_array_equal(found, [1, -1])
        assert found.dtype == "int32"
        with pytest.raises(DTypeError, match="imaginary"):
            T.cast(T.zvector(), "float64")

    def test_bitwise_ops_refuse_floats(self):
        for op in (lambda x: x & x, lambda x: ~x, lambda x: x ^ 1):
            with pytest.raises(DTypeError, match="does not take float64"):
                op(T.dvector())

    def test_booleans_subtract_no_more_than_in_numpy(self):
        with pytest.raises(DTypeError, match="bool"):
            var("bool") - var("bool")


class TestNames:
    @pytest.mark.parametrize("bad", ["float8", "f9", object(), "datetime64[s]", "U3"])
    def test_unknown_dtypes_are_refused_with_the_list(self, bad):
        with pytest.raises(DTypeError, match=r"Known: bool, .*complex128"):
            TensorType(bad, ())

    def test_numpys_spellings_are_known(self):
        assert TensorType(np.float32, ()).dtype == "float32"
        assert TensorType(np.dtype("i4"), ()).dtype == "int32"
        assert TensorType("f8", ()) is T.dscalar
        assert TensorType(float, ()) is T.dscalar

    def test_every_dtype_round_trips_through_a_function(self):
        inputs = [var(d) for d in dtypes.ALL]
        found = function(inputs, [T.stack([v, v]) for v in inputs])(
            *(np.ones(2, d) for d in dtypes.ALL)
        )
        assert [v.dtype.name for v in found] == list(dtypes.ALL)

    def test_the_dtype_of_floatx_is_read_when_the_variable_is_made(self):
        with config.change_flags(floatX="float32"):
            x = tc.tensor.vector()
        assert x.dtype == "float32"
