"""``function``: inputs, outputs, updates, givens, defaults, and the calls themselves."""

from __future__ import annotations

import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tensorcore as tc
import tensorcore.tensor as T
from tensorcore import In, config, expressions, function, shared
from tensorcore.errors import (
    BackendUnavailable,
    DTypeError,
    MissingInputError,
    ShapeError,
    UnusedInputError,
)
from tensorcore.graph import toposort

pytestmark = pytest.mark.usefixtures("on_reference")


@pytest.fixture
def add():
    x, y = T.dvectors("x", "y")
    return function([x, y], x + y)


class TestOutputs:
    def test_one_a_list_a_tuple_and_none(self):
        x = T.dscalar("x")
        assert function([x], x * 2)(1) == 2
        assert function([x], [x * 2])(1) == [2]
        assert function([x], (x * 2, x))(1) == [2, 1]
        assert function([x], [], on_unused_input="ignore")(1) == []
        assert function([], None)() == []
        assert function([x], tc.Out(x * 2, borrow=True))(1) == 2

    def test_results_are_arrays_also_of_scalars_and_constants(self):
        x = T.dscalar("x")
        for found in (function([x], x + 1)(1), function([x], x)(2), function([], 3)()):
            assert isinstance(found, np.ndarray) and found.shape == ()

    def test_no_result_shares_memory_with_an_argument_a_cell_or_another(self, each_backend):
        x, s = T.dvector("x"), shared(np.ones(3))
        value = np.arange(3.0)
        results = function([x], [x, x, x[1:], s, s, x.dimshuffle("x", 0), T.constant(np.ones(2))])(
            value
        )
        everything = [value, s.get_value(borrow=True), *results]
        for i, a in enumerate(everything):
            for b in everything[:i]:
                assert not np.may_share_memory(a, b)
        for result in results:
            result += 1
        np.testing.assert_array_equal(s.get_value(), 1)


class TestArguments:
    def test_keywords_by_the_name_of_the_input(self, add):
        np.testing.assert_array_equal(add([1], y=[2]), [3])
        np.testing.assert_array_equal(add(y=[2], x=[1]), [3])

    def test_number_and_names_of_arguments(self, add):
        with pytest.raises(MissingInputError, match=r"no value for input 1 \('y'"):
            add([1])
        with pytest.raises(TypeError, match="takes 2 argument"):
            add([1], [2], [3])
        with pytest.raises(TypeError, match="no input 'z'; its inputs: x, y"):
            add([1], z=[2])
        with pytest.raises(TypeError, match="'x' is given twice"):
            add([1], x=[2])

    @pytest.mark.parametrize(
        ("value", "error", "words"),
        [
            ([[1.0]], ShapeError, r"expected 1 dimension.*found 2 with shape \(1, 1\)"),
            (1.0, ShapeError, r"expected 1 dimension.*found 0"),
            ([[1], [1, 2]], ShapeError, "ragged"),
            ("abc", DTypeError, "type str"),
            (None, DTypeError, "NoneType"),
            (object(), DTypeError, "type object"),
            ([1j], DTypeError, "expected float64, found complex128"),
            ({"a": 1}, DTypeError, "type dict"),
        ],
    )
    def test_bad_values_name_the_input(self, add, value, error, words):
        with pytest.raises(error, match=rf"input 0 \(x\).*{words}"):
            add(value, [2.0])

    @pytest.mark.parametrize(
        "value",
        [
            [1, 2], (1, 2), np.array([1, 2]), np.array([1, 2], "int8"), np.array([1.0, 2], "f4"),
            np.array([1.0, 2])[::-1][::-1], np.array([[1.0, 0], [2, 0]])[:, 0], [True, 2],
            np.array([1.0, 2], ">f8"), np.frombuffer(b"\0" + np.array([1.0, 2]).tobytes(), "u1")[1:]
            .view("f8"),
        ],
    )  # fmt: skip
    def test_values_that_are_converted(self, each_backend, value):
        x = T.dvector("x")
        found = function([x], x * 2)(value)
        assert found.dtype == "float64"
        np.testing.assert_array_equal(found, [2, 4])

    def test_downcasts(self):
        x, i, b = T.fvector("x"), T.lscalar("i"), T.bscalar("b")
        wide = np.array([1.5, 2.0])
        f, g, h = function([x], x), function([i], i), function([b], b)
        assert f([1.5, 2.0]).dtype == "float32"
        for call, value in ((f, wide), (g, 2.5), (g, 2.0), (h, 300), (h, np.int64(3))):
            with pytest.raises(DTypeError, match="would lose information"):
                call(value)
        assert function([x], x, allow_input_downcast=True)(wide).dtype == "float32"
        assert function([i], i, allow_input_downcast=True)(2.5) == 2
        with pytest.raises(DTypeError):
            function([x], x, allow_input_downcast=False)([1.5])
        assert function([tc.In(x, allow_downcast=True)], x)(wide).dtype == "float32"
        with config.change_flags(allow_input_downcast=True):
            lenient = function([i], i)
        assert lenient(2.5) == 2
        assert h(7) == 7 and g(True) == 1

    def test_nan_infinity_and_nothing_pass_through(self, each_backend):
        x, y = T.dvectors("x", "y")
        f = function([x, y], [x + y, T.sum(x * y)])
        total, product = f([np.nan, np.inf, 1], [2, -np.inf, np.inf])
        np.testing.assert_array_equal(total, [np.nan, np.nan, np.inf])
        assert np.isnan(product)
        total, product = f([], np.zeros(0))
        assert total.shape == (0,) and product == 0

    def test_one_function_serves_every_size(self, each_backend):
        A = T.dmatrix("A")
        f = function([A], [T.dot(A, A.T), A.sum(axis=0), T.nnet.softmax(A)])
        for n, k in ((1, 1), (3, 4), (0, 2), (2, 1), (65, 33), (4, 3)):
            value = np.linspace(-1, 1, n * k).reshape(n, k)
            product, total, soft = f(value)
            np.testing.assert_allclose(product, value @ value.T, atol=1e-12)
            np.testing.assert_allclose(total, value.sum(axis=0), atol=1e-12)
            assert soft.shape == (n, k)

    def test_a_broadcastable_axis_must_have_size_one(self, each_backend):
        r = T.drow("r")
        f = function([r], r * 2)
        assert f([[1, 2]]).shape == (1, 2)
        with pytest.raises(ShapeError, match="axis 0 is broadcastable"):
            f([[1, 2], [3, 4]])


class TestInputs:
    def test_unused_inputs(self):
        x, y = T.dvectors("x", "y")
        with pytest.raises(UnusedInputError, match=r"input y \(made at .*test_function\.py:\d+"):
            function([x, y], x)
        with pytest.warns(UserWarning, match="input y") as seen:
            function([x, y], x, on_unused_input="warn")
        assert seen[0].filename == __file__
        np.testing.assert_array_equal(function([x, y], x, on_unused_input="ignore")([1], [2]), [1])
        with config.change_flags(on_unused_input="ignore"):
            function([x, y], x)
        with pytest.raises(ValueError, match="on_unused_input"):
            function([x], x, on_unused_input="maybe")

    def test_missing_inputs_name_the_variable_and_its_line(self):
        x, y = T.dvectors("x", "y")
        with pytest.raises(MissingInputError, match=r"need y .*test_function\.py:\d+"):
            function([x], x + y)
        with pytest.raises(MissingInputError, match="need y"):
            function([x], x, updates={shared(np.ones(1)): y})

    def test_what_cannot_be_an_input(self):
        x = T.dvector("x")
        for bad, error, words in (
            ([x, x], ValueError, "named twice"), ([x * 2], TypeError, "is computed"),
            ([T.constant(1)], TypeError, "is computed"), (x, TypeError, "must be a list"),
            ([shared(1.0)], TypeError, "implicit input"), (["x"], TypeError, "must be a variable"),
        ):  # fmt: skip
            with pytest.raises(error, match=words):
                function(bad, x)

    def test_defaults_and_their_names(self):
        x, y, w = T.dscalars("x", "y", "w")
        f = function([x, tc.In(y, value=1), tc.In(w, value=2, name="weight")], (x + y) * w)
        assert f(33) == 68 and f(33, 2) == 70 and f(33, 0, 1) == 33
        assert f(33, weight=1) == 34 and f(33, weight=1, y=0) == 33 and f(33) == 68
        with pytest.raises(TypeError, match="no input 'w'"):
            f(33, w=1)

    def test_an_unknown_backend(self):
        x = T.dscalar("x")
        with pytest.raises(BackendUnavailable, match="'nope'"):
            function([x], x, backend="nope")


class TestGivens:
    def test_forms_and_literals(self):
        x, y = T.dscalars("x", "y")
        for givens in ({y: 5}, [(y, 5)], ((y, 5.0),), [[y, np.int8(5)]], {y: shared(5.0)}):
            assert function([x], x * y, givens=givens)(2) == 10

    def test_an_intermediate_is_replaced_by_identity(self):
        x = T.dscalar("x")
        a, b = x * 2, x * 2
        assert function([x], a - b, givens={a: x * 5})(1) == 3

    def test_replacements_in_updates(self):
        x, s = T.dscalar("x"), shared(1.0)
        function([], None, updates={s: s + x}, givens={x: 3})()
        assert s.get_value() == 4

    def test_what_does_not_fit(self):
        x, i = T.dscalar("x"), T.lscalar("i")
        with pytest.raises(DTypeError, match="must be int64"):
            function([], i * 1, givens={i: 2.5})
        with pytest.raises(DTypeError, match=r"found float64.*x, made at"):
            function([x], i * 1, givens={i: x})
        with pytest.raises(ShapeError, match="0 dimension"):
            function([], x * 1, givens={x: [1.0, 2.0]})
        with pytest.raises(TypeError, match="only tensors"):
            function([], x * 1, givens={"x": 1})
        with pytest.raises(TypeError, match="pairs"):
            function([], x * 1, givens=[x])


class TestUpdates:
    @pytest.mark.parametrize("form", [dict, list, tuple])
    def test_all_see_the_old_values(self, each_backend, form):
        a, b = shared(1.0), shared(10.0)
        f = function([], [a, b], updates=form([(a, b + 1), (b, a * 2)]))
        assert f() == [1, 10]
        assert (a.get_value(), b.get_value()) == (11, 2)

    def test_swap(self, each_backend):
        a, b = shared(np.arange(3.0)), shared(np.ones(2))
        function([], None, updates=[(a, b), (b, a)])()
        np.testing.assert_array_equal(a.get_value(), [1, 1])
        np.testing.assert_array_equal(b.get_value(), [0, 1, 2])

    def test_all_or_nothing_when_the_call_fails(self, each_backend):
        a, b, x = shared(np.ones(2)), shared(np.ones(3)), T.dvector("x")
        f = function([x], None, updates=[(a, a * 2), (b, b + x)])
        with pytest.raises(ShapeError):
            f([1.0, 2.0])
        np.testing.assert_array_equal(a.get_value(), 1)
        np.testing.assert_array_equal(b.get_value(), 1)

    def test_the_new_value_may_have_another_size(self, each_backend):
        a = shared(np.ones(1))
        f = function([], a, updates={a: T.concatenate([a, a + 1])})
        f(), f()
        np.testing.assert_array_equal(a.get_value(), [1, 2, 2, 3])

    def test_an_update_of_a_wider_dtype_names_the_op_that_raised_it(self):
        w = shared(np.float32(1), name="w")
        wide = w * np.float64(2)
        words = r"w must be float32, found float64.*Constant\{2.0\}, made at .*test_function"
        with pytest.raises(DTypeError, match=words):
            function([], None, updates={w: wide - 1})
        function([], None, updates={w: w * 2.0 - 1})()
        assert w.get_value().dtype == "float32"

    def test_what_cannot_be_updated(self):
        x, w = T.dvector("x"), shared(1.0, name="w")
        for updates, error, words in (
            ({x: x}, TypeError, "only shared"), ([(w, w), (w, w + 1)], ValueError, "twice"),
            ([w], TypeError, "pairs"), ({w: x}, ShapeError, "must have 0 dimension"),
        ):  # fmt: skip
            with pytest.raises(error, match=words):
                function([x], None, updates=updates)

    def test_default_updates(self):
        w = shared(0)
        w.default_update = w + 1
        f, g = function([], w), function([], w, no_default_updates=True)
        assert [int(f()), int(f()), int(g()), int(g())] == [0, 1, 2, 2]


class TestEval:
    def test_what_it_compiled_goes_with_the_expression(self):
        x = T.dscalar("x")
        y = x * 2
        assert y.eval({x: 3}) == 6
        gone = weakref.ref(y)
        del y
        gc.collect()
        assert gone() is None

    def test_value_missing_and_wrong(self):
        x, y = T.dvectors("x", "y")
        np.testing.assert_array_equal((x + y).eval({x: [1], y: [2]}), [3])
        assert T.constant(3.0).eval() == 3
        with pytest.raises(MissingInputError, match="needs a value for y"):
            (x + y).eval({x: [1]})
        with pytest.raises(TypeError, match="'x'"):
            (x + y).eval({"x": [1]})

    def test_compiled_once_per_set_of_inputs_and_configuration(self, monkeypatch):
        made = []
        monkeypatch.setattr(
            expressions, "function", lambda *a, **k: made.append(1) or function(*a, **k)
        )
        x = T.dvector("x")
        y = x * 2
        for _ in range(3):
            y.eval({x: [1.0]})
        assert len(made) == 1
        with config.change_flags(allow_input_downcast=True):
            y.eval({x: [1.0]})
        assert len(made) == 2


class TestThreads:
    def test_eight_threads_call_one_function(self, each_backend):
        x, w, count = T.dvector("x"), shared(np.arange(50.0)), shared(0)
        f = function([x], (x * w).sum(), updates={count: count + 1})

        def right(k):
            return all(f(np.full(50, float(k))) == k * 1225 for _ in range(200))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(right, range(8)))
        assert count.get_value() == 1600


class TestDepth:
    def test_a_chain_and_its_gradient_take_linear_time(self):
        def seconds_per_node(links):
            start = time.process_time()
            x = T.dvector("x")
            y = x
            for _ in range(links):
                y = T.tanh(y * 0.99 + x) - 0.1
            outputs = [y.sum(), T.grad(y.sum(), x)]
            f = function([x], outputs)
            value, g = f(np.arange(3.0))
            assert np.isfinite(value) and np.isfinite(g).all()
            return (time.process_time() - start) / len(toposort(outputs))

        with config.change_flags(debug=False):
            seconds_per_node(20)
            short = seconds_per_node(100)
            assert seconds_per_node(1_000) < 3 * short


def test_an_input_with_an_update_is_a_state_of_the_function():
    """The accumulator of Theano's tutorial, before it had shared variables."""
    state, inc = T.dscalar("state"), T.dscalar("inc")
    f = function([inc, In(state, value=10.0, update=state + inc)], state)
    assert [f(1.0), f(5.0), f(0.0)] == [10.0, 11.0, 16.0]
    other = function([inc, In(state, value=10.0, update=state + inc)], state)
    assert other(0.0) == 10.0
    with pytest.raises(ValueError, match="needs a value"):
        In(state, update=state + inc)
