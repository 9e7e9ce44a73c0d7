"""Ops written in Python (``theano.Op``, ``as_op``, ``OpFromGraph``) on each backend."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import clone, config, function, grad, scan, shared
from tensorcore.errors import DTypeError, NullTypeGradError, ShapeError
from tensorcore.gradient import grad_not_implemented
from tensorcore.legacy.graph_ops import OpFromGraph
from tensorcore.legacy.user_ops import Apply, Op, as_op

V = np.array([3.0, -1.0, 2.0])


class SortedWithPlaces(Op):
    """Two results, of other types than the input; counts its calls."""

    __props__ = ("reverse",)
    calls = 0

    def __init__(self, reverse: bool = False) -> None:
        self.reverse = reverse

    def make_node(self, x: Any) -> Apply:
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type("sorted"), T.lvector("places")])

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        type(self).calls += 1
        places = np.argsort(inputs[0])
        places = places[::-1] if self.reverse else places
        outputs[0][0], outputs[1][0] = inputs[0][places], places

    def L_op(self, inputs: Any, outputs: Any, gradients: Any) -> Any:
        return [T.set_subtensor(T.zeros_like(inputs[0])[outputs[1]], gradients[0])]


class Above(Op):
    """The entries above 0: how many there are is known only at the call."""

    itypes, otypes = [T.dvector], [T.dvector]

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = inputs[0][inputs[0] > 0]


def test_several_results_one_call_and_a_gradient(each_backend: str) -> None:
    x = T.dvector("x")
    ordered, places = SortedWithPlaces()(x)
    weights = T.constant(np.array([1.0, 10.0, 100.0]))
    f = function([x], [ordered, places, grad((ordered * weights).sum(), x)])
    SortedWithPlaces.calls = 0
    found = f(V)
    assert [r.tolist() for r in found] == [[-1.0, 2.0, 3.0], [1, 2, 0], [100.0, 1.0, 10.0]]
    assert SortedWithPlaces.calls == 1
    assert ordered.name == "sorted" and ordered.owner.inputs == [x]


def test_equal_ops_on_equal_inputs_run_once(each_backend: str) -> None:
    x = T.dvector("x")
    same = SortedWithPlaces()(x)[0] + SortedWithPlaces()(x)[0] + SortedWithPlaces(True)(x)[0]
    f = function([x], same)
    SortedWithPlaces.calls = 0
    assert f(V).tolist() == [1.0, 6.0, 5.0] and SortedWithPlaces.calls == 2


def test_an_op_runs_again_before_all_its_results_are_taken(each_backend: str) -> None:
    """The second result of the first run is read after the second run."""
    x = T.dvector("x")
    op = SortedWithPlaces()
    ordered, places = op(x)
    turned, again = op(-ordered)
    f = function([x], [turned, again, places])
    assert [r.tolist() for r in f(V)] == [[-3.0, -2.0, 1.0], [2, 1, 0], [1, 2, 0]]
    copied = clone(places, replace={x: -ordered})
    g = function([x], [places, copied + 0 * places, copied])
    assert [r.tolist() for r in g(V)] == [[1, 2, 0], [2, 1, 0], [2, 1, 0]]


def test_results_are_forgotten_after_the_call(each_backend: str) -> None:
    from tensorcore.ops.foreign import _results

    x = T.dvector("x")
    function([x], SortedWithPlaces()(x))(V)
    assert _results.depth == 0 and len(_results.of) <= 64
    before = len(_results.of)
    function([x], SortedWithPlaces()(x))(V)
    assert len(_results.of) <= before


class Cube(Op):
    __props__ = ()
    itypes, otypes = [T.dvector], [T.dvector]

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = inputs[0] ** 3

    def infer_shape(self, node: Apply, shapes: Any) -> Any:
        return shapes

    def grad(self, inputs: Any, gradients: Any) -> Any:
        return [3 * inputs[0] ** 2 * gradients[0]]


def test_derivatives_of_higher_order_through_an_op(each_backend: str) -> None:
    x = T.dvector("x")
    y = Cube()(x)
    inner = (Cube()(T.sin(x)) ** 2).sum()
    f = function(
        [x], [T.jacobian(y, x), T.hessian(y.sum(), x), T.Rop(y, x, x), T.hessian(inner, x)]
    )
    jacobian, hessian, along, composed = f(V)
    np.testing.assert_allclose(jacobian, np.diag(3 * V**2))
    np.testing.assert_allclose(hessian, np.diag(6 * V))
    np.testing.assert_allclose(along, 3 * V**3)
    # The second derivative of sin(x) ** 6.
    second = 30 * np.sin(V) ** 4 * np.cos(V) ** 2 - 6 * np.sin(V) ** 6
    np.testing.assert_allclose(composed, np.diag(second), atol=1e-12)


def test_a_size_that_only_the_code_knows(each_backend: str) -> None:
    x = T.dvector("x")
    y = Above()(x)
    f = function([x], [y * 2, y.sum(), y.shape[0]])
    for value in (V, -V, np.zeros(0)):
        kept = value[value > 0]
        found = f(value)
        assert found[0].tolist() == (2 * kept).tolist()
        assert (float(found[1]), int(found[2])) == (kept.sum(), len(kept))


def test_threads_do_not_mix_their_results(each_backend: str) -> None:
    x = T.dvector("x")
    f = function([x], Above()(x) + 0.0)
    wrong: list[Any] = []

    def many(value: float) -> None:
        for n in range(1, 40):
            found = f(np.full(n, value))
            if found.tolist() != [value] * n:
                wrong.append(found)

    threads = [threading.Thread(target=many, args=(float(k + 1),)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_in_a_loop_by_infer_shape_and_refused_without(each_backend: str) -> None:
    doubled = as_op([T.dvector], [T.dvector], lambda node, shapes: shapes)(lambda x: 2 * x)
    m = T.dmatrix("m")
    rows, _ = scan(doubled, sequences=m)
    assert function([m], rows)([[1.0, 2.0]]).tolist() == [[2.0, 4.0]]
    unknown, _ = scan(Above(), sequences=m)
    with pytest.raises(ShapeError, match="must give one shape"):
        function([m], unknown)


def test_values_are_the_codes_own(each_backend: str) -> None:
    kept: list[Any] = []

    @as_op([T.dvector], [T.dvector])
    def spoil(x: Any) -> Any:
        kept.append(x)
        x[...] = -1.0
        return x

    x, w = T.dvector("x"), shared(V.copy())
    f = function([x], spoil(x) + spoil(w))
    given = V.copy()
    assert f(given).tolist() == [-2.0] * 3
    assert given.tolist() == V.tolist() and w.get_value().tolist() == V.tolist()


def test_an_error_reaches_the_caller_and_no_update_happens(each_backend: str) -> None:
    @as_op([T.dvector], [T.dvector])
    def refuse(x: Any) -> Any:
        raise RuntimeError("not today")

    x, w = T.dvector("x"), shared(np.zeros(3))
    f = function([x], refuse(x), updates={w: w + x})
    with pytest.raises(RuntimeError, match="not today"):
        f(V)
    assert w.get_value().tolist() == [0.0] * 3


@pytest.mark.usefixtures("on_reference")
class TestMistakes:
    def test_a_result_of_another_dtype(self) -> None:
        op = as_op([T.dvector], [T.lvector])(lambda x: x * 1.5)
        x = T.dvector("x")
        with pytest.raises(DTypeError, match="must be int64 and is float64"):
            function([x], op(x))(V)

    def test_no_result(self) -> None:
        class Silent(Above):
            def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
                pass

        x = T.dvector("x")
        with pytest.raises(ValueError, match="left output 0 without a value"):
            function([x], Silent()(x))(V)

    def test_no_perform(self) -> None:
        class OnlyC(Op):
            itypes, otypes = [T.dvector], [T.dvector]

            def c_code(self, *args: Any) -> str:
                return ""

        with pytest.raises(TypeError, match="has only c_code, and C code is not compiled here"):
            OnlyC()(T.dvector())

    def test_no_gradient(self) -> None:
        x = T.dvector("x")
        with pytest.raises(NullTypeGradError, match="declares no gradient"):
            grad(Above()(x).sum(), x)

        class Undefined(Above):
            def grad(self, inputs: Any, gradients: Any) -> Any:
                return [grad_not_implemented(self, 0, inputs[0], "It is hard.")]

        with pytest.raises(NullTypeGradError, match=r"Undefined does not implement .* It is hard"):
            grad(Undefined()(x).sum(), x)
        nan = grad(Undefined()(x).sum(), x, null_gradients="return")
        assert np.isnan(function([x], nan)(V)).all()

    def test_inputs_of_other_types(self) -> None:
        with pytest.raises(TypeError, match=r"input 0 must be TensorType\(float64, vector\)"):
            Above()(T.dmatrix())
        with pytest.raises(ValueError, match=r"takes 1 input\(s\), found 2"):
            Above()(T.dvector(), T.dvector())

    def test_test_values_pass_through(self) -> None:
        with config.change_flags(compute_test_value="raise"):
            x = T.dvector("x")
            x.tag.test_value = V
            assert (Above()(x) + 1).tag.test_value.tolist() == [4.0, 3.0]


def test_a_graph_as_an_op(each_backend: str) -> None:
    a, b = T.dscalars("a", "b")
    both = OpFromGraph([a, b], [a * b, a + b])
    x = T.dscalar("x")
    product, total = both(x, x)
    f = function([x], [product, total, grad(product + total, x)])
    assert [float(r) for r in f(3.0)] == [9.0, 6.0, 8.0]


def test_gradients_of_a_graph_are_overridden(each_backend: str) -> None:
    a, b, x = T.dscalars("a", "b", "x")
    plain = OpFromGraph([a, b], [a * b], lop_overrides=lambda i, o, g: [g[0] * o[0], None])
    listed = OpFromGraph([a, b], [a * b], grad_overrides=[lambda i, g: 7 * g[0], "default"])
    two = OpFromGraph([a], [a**2, a**3], grad_overrides=lambda i, g: [g[0] + 10 * g[1]])
    second = two(x)
    outputs = [grad(plain(x, T.constant(2.0)), x), grad(listed(x, x), x), grad(sum(second), x)]
    # 2 x = 6; 7 for the first input and x for the second; 1 + 10
    assert [float(r) for r in function([x], outputs)(3.0)] == [6.0, 10.0, 11.0]


def test_a_graph_with_an_op_is_pickled(on_reference: None) -> None:
    x = T.dvector("x")
    y = Above()(x) * 2
    x2, y2 = pickle.loads(pickle.dumps((x, y)))
    assert function([x2], y2)(V).tolist() == [6.0, 4.0]
