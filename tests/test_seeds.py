"""The examples of the Theano tutorials, with only the import changed: values and dtypes."""

from __future__ import annotations

import warnings

import numpy
import numpy as np
import pytest

import tensorcore as theano
import tensorcore.tensor as T
from tensorcore import function, pp, shared

pytestmark = pytest.mark.usefixtures("each_backend")


def same(found, expected, dtype="float64"):
    """An ndarray with this dtype, shape and value."""
    assert isinstance(found, np.ndarray)
    assert found.dtype == dtype
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-8)


class TestNotes:
    def test_integer_scalar_doubles(self):
        x = T.lscalar("x")
        same(function([x], x * 2)(3), 6, "int64")

    def test_givens_cast_a_literal_to_the_variable(self):
        x, y, c = T.dscalar("x"), T.dscalar("y"), T.dscalar("c")
        same(function([c], x * 2 + y, givens=[(x, c * 10), (y, 5)])(2), 45.0)
        same(function([c], x * 2 + y, givens={x: c * 10, y: 5.0})(2), 45.0)

    def test_gradient_of_one_of_two_scalars(self):
        x, y = T.dscalars("x", "y")
        z = (x + 2 * y) ** 2
        same(function([x, y], T.grad(z, y))(1, 2), 20.0)

    def test_shared_vector_takes_a_list_of_another_length(self):
        x = T.dscalar("x")
        b = shared(numpy.array([1, 2, 3, 4, 5]))
        f = function([x], b * x)
        same(f(2), [2.0, 4, 6, 8, 10])
        same(b.get_value(), [1, 2, 3, 4, 5], "int64")
        b.set_value([10, 11, 12])
        same(f(2), [20.0, 22, 24])

    def test_the_old_value_is_returned_before_the_update(self):
        c = shared(0)
        f = function([], c, updates={c: c + 1})
        for expected in range(3):
            same(f(), expected, "int64")
        same(c.get_value(), 3, "int64")

    def test_gradient_descent_by_updates(self):
        x, c = T.dvector("x"), shared(0.0)
        y = T.sum((x - c) ** 2)
        d2 = function([x], y, updates={c: c - 0.05 * T.grad(y, c)})
        for value, state in ((55.0, 1.5), (21.25, 2.25), (12.8125, 2.625)):
            same(d2([1, 2, 3, 4, 5]), value)
            same(c.get_value(), state)


class TestQuickIntro:
    @pytest.mark.parametrize("kind", [T.dscalar, T.dmatrix])
    def test_y_minus_x_squared_is_known_to_be_zero(self, kind):
        x = kind("x")
        y = x**2
        f = function([x], y - x**2, on_unused_input="ignore")
        (output,) = f.maker.fgraph.outputs
        while output.op is not None and output.op.name in ("broadcast_to", "fill"):
            output = output.inputs[0] if output.op.name == "broadcast_to" else output.inputs[1]
        assert output.op.name == "constant"
        assert output.attrs["value"] == 0
        value = np.full((2,) * x.ndim, 3.0)
        same(f(value), np.zeros((2,) * x.ndim))

    def test_logistic_of_a_nested_list(self):
        x = T.dmatrix("x")
        logistic = function([x], 1 / (1 + T.exp(-x)))
        expected = [[0.5, 0.73105858], [0.26894142, 0.11920292]]
        np.testing.assert_allclose(logistic([[0, 1], [-1, -2]]), expected, atol=1e-8)

    def test_log_of_one_plus_a_tiny_number(self):
        x = T.dscalar("x")
        same(function([x], T.log(1 + x))(1e-20), 1e-20)


class TestNotebook:
    def test_a_symbol_prints_as_its_name(self):
        foo = T.scalar("x")
        assert str(foo) == "x"
        assert pp(foo**2) == "(x ** TensorConstant{2})"
        assert repr(foo.type) == "TensorType(float64, scalar)"
        assert "3" not in str(foo + 3)

    def test_square_by_function_and_by_eval(self):
        foo = T.scalar("x")
        bar = foo**2
        same(function([foo], bar)(3), 9.0)
        same(bar.eval({foo: 3}), 9.0)

    def test_linear_mix(self):
        A, x, b = T.matrix("A"), T.vector("x"), T.vector("b")
        y = T.dot(A, x) + b
        z = T.sum(A**2)
        linear_mix = function([A, x, b], [y, z])
        out = linear_mix([[1, 2, 3], [4, 5, 6]], [1, 2, 3], [4, 5])
        assert isinstance(out, list)
        same(out[0], [18.0, 37])
        same(out[1], 91.0)

    @pytest.mark.parametrize("spell", ["Param", "In"])
    def test_inputs_with_a_default(self, spell):
        A, x, b = T.matrix("A"), T.vector("x"), T.vector("b")
        y, z = T.dot(A, x) + b, T.sum(A**2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if spell == "Param":
                last = theano.Param(b, default=np.zeros(2))
            else:
                last = theano.In(b, value=np.zeros(2))
        linear_mix = function([A, x, last], [y, z])
        mat = [[1, 2, 3], [4, 5, 6]]
        same(linear_mix(mat, [1, 2, 3])[0], [14.0, 32])
        same(linear_mix(mat, [1, 2, 3], [4, 5])[0], [18.0, 37])
        same(linear_mix(mat, [1, 2, 3], b=[4, 5])[0], [18.0, 37])
        same(linear_mix(mat, [1, 2, 3])[0], [14.0, 32])

    def test_shared_matrix_set_squared_and_updated(self):
        start = np.array([[1, 2], [3, 4]], dtype=theano.config.floatX)
        shared_var = shared(start)
        assert repr(shared_var.type) == "TensorType(float64, matrix)"
        f = function([], shared_var**2)
        shared_var.set_value(np.array([[3, 4], [2, 1]], dtype=theano.config.floatX))
        same(f(), [[9.0, 16], [4, 1]])
        shared_var.set_value(start)
        same(f(), [[1.0, 4], [9, 16]])
        subtract = T.matrix("subtract")
        f_update = function([subtract], shared_var, updates={shared_var: shared_var - subtract})
        same(f_update([[1, 1], [1, 1]]), start)
        same(shared_var.get_value(), [[0.0, 1], [2, 3]])

    def test_gradient_by_eval(self):
        foo = T.scalar("x")
        same(T.grad(foo**2, foo).eval({foo: 10}), 20.0)

    def test_jacobian_takes_an_input_it_does_not_need(self):
        A, x, b = T.matrix("A"), T.vector("x"), T.vector("b")
        y = T.dot(A, x) + b
        J = theano.gradient.jacobian(y, x)
        same(J.eval({A: [[9, 8, 7], [4, 5, 6]], x: [1, 2, 3], b: [4, 5]}), [[9.0, 8, 7], [4, 5, 6]])

    def test_hessian(self):
        x = T.dvector("x")
        H = theano.gradient.hessian(T.sum(x**3), x)
        same(H.eval({x: [1, 2, 3]}), np.diag([6.0, 12, 18]))

    def test_rop_and_lop(self):
        W, V, x = T.dmatrix("W"), T.dmatrix("V"), T.dvector("x")
        JV = T.Rop(T.dot(x, W), W, V)
        f = function([W, V, x], JV)
        same(f([[1, 1], [1, 1]], [[2, 2], [2, 2]], [0, 1]), [2.0, 2])
        v = T.dvector("v")
        VJ = T.Lop(T.dot(x, W), W, v)
        same(function([v, x], VJ)([2, 2], [0, 1]), [[0.0, 0], [2, 2]])


class TestTutorial:
    def test_star_import_brings_the_bare_names(self):
        names: dict[str, object] = {}
        exec("from tensorcore import *", names)
        assert names["pp"] is pp and names["function"] is function and names["shared"] is shared

    def test_types_of_the_constructors(self):
        x = T.dscalar("x")
        assert x.type is T.dscalar
        assert repr(x.type) == repr(T.dscalar) == "TensorType(float64, scalar)"
        assert type(x) is T.TensorVariable

    def test_adding_two_scalars(self):
        x, y = T.dscalar("x"), T.dscalar("y")
        z = x + y
        assert pp(z) == "(x + y)"
        f = function([x, y], z)
        same(f(2, 3), 5.0)
        same(f(16.3, 12.1), 28.4)

    def test_several_outputs(self):
        x, y, y2 = T.dscalars("x", "y", "y2")
        z = x + y
        f2 = function([x, y, y2], [z, z + y2 - 5])
        first, second = f2(3, 5, 9)
        same(first, 8.0)
        same(second, 12.0)

    def test_adding_matrices_given_as_lists(self):
        x, y = T.dmatrix("x"), T.dmatrix("y")
        same(
            function([x, y], x + y)([[1, 2], [3, 4]], [[10, 20], [30, 40]]), [[11.0, 22], [33, 44]]
        )

    def test_the_two_pp_rows_to_the_letter(self):
        x = T.dscalar("x")
        gy = T.grad(x**2, x)
        assert pp(gy) == (
            "((fill((x ** TensorConstant{2}), TensorConstant{1.0}) * TensorConstant{2}) * "
            "(x ** (TensorConstant{2} - TensorConstant{1})))"
        )
        f = function([x], gy)
        assert pp(f.maker.fgraph.outputs[0]) == "(TensorConstant{2.0} * x)"
        same(f(4), 8.0)
        same(f(94.2), 188.4)

    def test_gradient_by_a_list(self):
        x1, x2, x3 = T.dscalars("x1", "x2", "x3")
        f = function(
            [x1, x2, x3], T.grad(x1**3 + x2**2 + x3, [x1, x2, x3]), on_unused_input="ignore"
        )
        for at, expected in (((1, 1, 1), [3, 2, 1]), ((2, 4, 6), [12, 8, 1])):
            found = f(*at)
            assert isinstance(found, list)
            for value, wanted in zip(found, expected, strict=True):
                same(value, float(wanted))

    def test_statistics(self):
        x = T.dvector("x")
        f = function([x], [T.sum(x), T.prod(x), T.mean(x), T.var(x), T.std(x), x.mean(), x.sum()])
        expected = (15, 120, 3, 2, 1.4142135623730951, 3, 15)
        for value, wanted in zip(f([1, 2, 3, 4, 5]), expected, strict=True):
            same(value, float(wanted))

    def test_elementwise_functions(self):
        x = T.dvector("x")
        at = np.arange(-4.0, 5.0)
        e, s = function([x], [T.exp(x), 1 / (1 + T.exp(-x))])(at)
        same(e, np.exp(at))
        same(s, 1 / (1 + np.exp(-at)))

    def test_logarithms_of_eight(self):
        x = T.dscalar("x")
        a, b, c = function([x], [T.log(x), T.log2(x), T.log10(x)])(8)
        same(a, 2.0794415416798357)
        same(b, 3.0)
        same(c, 0.9030899869919435)

    def test_dot_of_vectors(self):
        x1, x2 = T.dvectors("x1", "x2")
        same(function([x1, x2], T.dot(x1, x2))([1, 2, 3], [6, -5, 4]), 8.0)

    def test_shared_state_seen_by_three_functions(self):
        s, x = shared(5, name="s"), T.lscalar("x")
        f1, f2, f3 = function([x], s + x), function([x], s - x + 4), function([], s * 3)
        assert (f1(7), f2(7), f3()) == (12, 2, 15)
        same(s.get_value(), 5, "int64")
        s.set_value(-10)
        assert (f1(7), f2(7), f3()) == (-3, -13, -30)

    def test_accumulator_and_decrementor_share_a_state(self):
        state, inc = shared(0), T.iscalar("inc")
        accumulator = function([inc], state, updates=[(state, state + inc)])
        decrementor = function([inc], state, updates=[(state, state - inc)])
        same(state.get_value(), 0, "int64")
        same(accumulator(5), 0, "int64")
        same(state.get_value(), 5, "int64")
        same(decrementor(3), 5, "int64")
        same(state.get_value(), 2, "int64")


class TestPost:
    def test_inputs_and_outputs_by_keyword(self):
        x = T.dscalar()
        f = function(inputs=[x], outputs=[T.exp(T.sin(x**2))])
        (found,) = f(10)
        same(found, 0.602681965908778)

    def test_gradient_with_wrt_by_keyword(self):
        x = T.dscalar()
        fx = T.exp(T.sin(x**2))
        same(function([x], T.grad(fx, wrt=x))(15), 4.347404090286685)
