"""Rewriting: which formulas are recognised, that nothing gets worse, and the engine itself."""

from __future__ import annotations

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function, pp
from tensorcore.errors import ConfigError, ShapeError
from tensorcore.graph import Graph, GraphError, toposort
from tensorcore.lower.pipeline import optimise
from tensorcore.rewrite.engine import Rewriter, index_rules, rewrite
from tensorcore.rewrite.pattern import Exactness, rule, var
from tensorcore.rewrite.simplify import SIMPLIFY
from tensorcore.rewrite.stabilize import STABILIZE

pytestmark = pytest.mark.usefixtures("on_reference")


def optimised(*outputs):
    return optimise(Graph((), outputs))[0].outputs


def ops(*outputs):
    return [n.op.name for n in toposort(optimised(*outputs)) if n.op is not None]


def only(output, *names):
    """The ops that remain are these, constants and movement aside."""
    plain = ("constant", "size", "cast", "dimshuffle", "reshape_to", "broadcast_to", "window")
    assert [o for o in ops(output) if o not in plain] == list(names)


LOGITS = np.array([[800.0, -800.0], [0.5, -40.0], [40.0, 1e-9]])
SIGMOIDS = {
    "nnet": T.nnet.sigmoid,
    "quotient": lambda x: 1 / (1 + T.exp(-x)),
    "floats": lambda x: 1.0 / (T.exp(-x) + 1.0),
    "exp over": lambda x: T.exp(x) / (T.exp(x) + 1),
    "inv": lambda x: T.inv(1 + T.exp(-x)),
    "power": lambda x: (1 + T.exp(-x)) ** -1,
    "complement": lambda x: 1 - 1 / (1 + T.exp(x)),
    "ones_like": lambda x: T.ones_like(x) / (1 + T.exp(-x)),
    "array": lambda x: 1 / (np.ones((3, 2)) + T.exp(-x)),
}
MOVES = {
    "none": (lambda p: p, lambda v: v),
    "transpose": (lambda p: p.T, lambda v: v.T),
    "reshape": (lambda p: p.reshape((2, 3)), lambda v: v.reshape(2, 3)),
    "flatten": (lambda p: p.T.flatten(), lambda v: v.T.reshape(6)),
    "broadcast": (lambda p: p.dimshuffle("x", 0, 1), lambda v: v[None]),
    "alloc": (lambda p: T.alloc(p, 2, 3, 2), lambda v: np.stack([v, v])),
    "slice": (lambda p: p[1:], lambda v: v[1:]),
    "flip": (lambda p: p[::-1], lambda v: v[::-1]),
}
LOGS = {
    "log(move(p))": (lambda p, m: T.log(m(p)), 1),
    "move(log(p))": (lambda p, m: m(T.log(p)), 1),
    "log(1 - move(p))": (lambda p, m: T.log(1 - m(p)), -1),
    "log(move(1 - p))": (lambda p, m: T.log(m(1 - p)), -1),
    "log(1 + -move(p))": (lambda p, m: T.log(1 + -m(p)), -1),
    "log1p(-move(p))": (lambda p, m: T.log1p(-m(p)), -1),
    "log1p(move(-p))": (lambda p, m: T.log1p(m(-p)), -1),
    "log(ones - move(p))": (lambda p, m: T.log(T.ones_like(m(p)) - m(p)), -1),
}


class TestLogSigmoid:
    @pytest.mark.parametrize("spelling", SIGMOIDS)
    def test_value_and_gradient_are_exact_in_every_order(self, spelling):
        x = T.dmatrix("x")
        p = SIGMOIDS[spelling](x)
        cases = [
            (f"{log} with {move}", form(p, there), sign, back)
            for move, (there, back) in MOVES.items()
            for log, (form, sign) in LOGS.items()
        ]
        values = [y for _, y, _, _ in cases]
        found = function([x], values + [T.grad(y.sum(), x) for y in values])(LOGITS)
        for k, (name, _, sign, back) in enumerate(cases):
            z = sign * LOGITS
            small = np.exp(-np.abs(z))
            exact = -(np.maximum(-z, 0) + np.log1p(small))
            np.testing.assert_allclose(found[k], back(exact), rtol=1e-12, err_msg=name)
            slope = sign * np.where(z < 0, 1, small) / (1 + small)
            count = np.zeros(6)
            np.add.at(count, back(np.arange(6).reshape(3, 2)).reshape(-1), 1)
            wanted = slope * count.reshape(3, 2)
            g = found[len(cases) + k]
            np.testing.assert_allclose(g, wanted, rtol=1e-12, atol=1e-300, err_msg=name)

    @pytest.mark.parametrize("order", [1, -1])
    def test_both_orders_of_the_rules_end_in_the_same_graph(self, order):
        x = T.dvector("x")
        p = 1 / (1 + T.exp(-x))
        rules = index_rules((*STABILIZE, *SIMPLIFY)[::order])
        for y, expected in ((T.log(p), "(-softplus((-x)))"), (T.log(1 - p), "(-softplus(x))")):
            graph = Graph((x,), (y,))
            (found,) = Rewriter(rules, graph.interner.add).run(graph.outputs)
            assert pp(found) == expected

    def test_a_graph_without_such_formulas_is_untouched_by_grad(self):
        x = T.dvector("x")
        y = T.tanh(x * 2).sum()
        from tensorcore.rewrite.stabilize import raised

        assert raised([y], [x]) == [y]

    def test_a_pinned_sigmoid_stays_what_the_gradient_is_asked_for(self):
        x = T.dvector("x")
        p = T.nnet.sigmoid(x)
        g = function([x], T.grad(T.log(p).sum(), p))([0.0, 1.0])
        np.testing.assert_allclose(g, 1 + np.exp(-np.array([0.0, 1.0])))


class TestOtherStableFormulas:
    def test_log1p_and_expm1(self):
        x = T.dscalar("x")
        f = function([x], [T.log(1 + x), T.log(1 - x), T.exp(x) - 1, T.log(x + 1)])
        np.testing.assert_allclose(f(1e-20), [1e-20, -1e-20, 1e-20, 1e-20], rtol=1e-15)

    @pytest.mark.parametrize("sign", [1, -1])
    def test_softplus(self, sign):
        x = T.dvector("x")
        y = T.log(1 + T.exp(sign * x))
        v, g = function([x], [y, T.grad(y.sum(), x)])([800.0, -800.0, 0.0])
        z = sign * np.array([800.0, -800.0, 0.0])
        np.testing.assert_allclose(v, np.logaddexp(0, z), rtol=1e-15)
        np.testing.assert_allclose(g, sign * np.array([z[0] > 0, z[1] > 0, 0.5]))

    @pytest.mark.parametrize("spelling", ["nnet", "written out"])
    @pytest.mark.parametrize("move", ["none", "transpose", "reshape", "flatten", "slice"])
    def test_log_softmax(self, spelling, move):
        there, back = MOVES[move]
        x = T.dmatrix("x")
        p = T.nnet.softmax(x) if spelling == "nnet" else T.exp(x) / T.exp(x).sum(1, keepdims=True)
        y = T.log(there(p))
        v, g = function([x], [y, T.grad(y.sum(), x)])(LOGITS)
        exact = LOGITS - np.logaddexp(*LOGITS.T)[:, None]
        np.testing.assert_allclose(v, back(exact), rtol=1e-12)
        assert np.isfinite(g).all()

    def test_softmax_of_a_vector_written_out(self):
        x = T.dvector("x")
        f = function([x], T.exp(x) / T.sum(T.exp(x)))
        np.testing.assert_allclose(f([1000.0, 1000.0]), [0.5, 0.5])

    def test_exponentials_over_another_sum_are_no_softmax(self):
        x = T.dmatrix("x")
        square = [[0.0, 1.0], [2.0, 3.0]]
        for axis, keep in ((0, False), (0, True), (1, True), (1, False)):
            f = function([x], T.exp(x) / T.exp(x).sum(axis=axis, keepdims=keep))
            e = np.exp(square)
            np.testing.assert_allclose(f(square), e / e.sum(axis=axis, keepdims=keep))

    def test_over_no_axes_there_is_no_softmax(self):
        x = T.dscalar("x")
        y = T.sum(T.exp(x))
        f = function([x], [T.exp(x) / y, x - T.log(y), x - T.logsumexp(x)])
        assert [float(v) for v in f(2.0)] == [1, 0, 0]

    def test_logsumexp(self):
        x = T.dmatrix("x")
        y = T.log(T.exp(x).sum(axis=1))
        v, g = function([x], [y, T.grad(y.sum(), x)])([[1000.0, 1000.0], [-1000.0, -1001.0]])
        np.testing.assert_allclose(v, [1000 + np.log(2), -1000 + np.log1p(np.exp(-1))])
        np.testing.assert_allclose(g.sum(axis=1), [1, 1])

    def test_cross_entropies_from_logits(self):
        x = T.dmatrix("x")
        classes = np.array([0, 1])
        cost = T.nnet.categorical_crossentropy(T.nnet.softmax(x), classes)
        v, g = function([x], [cost, T.grad(cost.sum(), x)])([[-800.0, 800.0], [0.0, 0.0]])
        np.testing.assert_allclose(v, [1600, np.log(2)])
        np.testing.assert_allclose(g, [[-1, 1], [0.5, -0.5]])
        z = T.dvector("z")
        cost = T.nnet.binary_crossentropy(T.nnet.sigmoid(z), np.array([0.0, 1.0]))
        v, g = function([z], [cost, T.grad(cost.sum(), z)])([800.0, -800.0])
        np.testing.assert_allclose(v, [800, 800])
        np.testing.assert_allclose(g, [1, -1])


class TestSimplify:
    def test_constants_fold(self):
        x = T.dvector("x")
        assert ops(x * (T.constant(2.0) * 3 + T.exp(0))) == ["constant", "mul"]

    def test_equal_expressions_are_computed_once(self):
        x = T.dvector("x")
        assert ops(T.exp(x) * T.exp(x)).count("exp") == 1
        a, b = optimised(T.sin(x) + 1, T.sin(x) + 1)
        assert a is b

    def test_dead_code_is_gone(self):
        x, y = T.dvector("x"), T.dvector("y")
        only(T.grad((x**2).sum() + (y**3).sum(), x), "mul")

    @pytest.mark.parametrize(
        "make",
        [
            lambda x: x * 1, lambda x: 1 * x, lambda x: x / 1, lambda x: x**1, lambda x: T.neg(-x),
            lambda x: x - 0, lambda x: x + 0, T.identity, lambda x: x.T.T,
            lambda x: T.cast(x, "float64"), lambda x: T.switch(x > 0, x, x), lambda x: x * 1.0,
        ],
    )  # fmt: skip
    def test_what_changes_nothing_is_removed(self, make):
        x = T.dmatrix("x")
        assert optimised(make(x)) == (x,)

    def test_a_rule_never_changes_the_type(self):
        x, m = T.fvector("x"), T.dmatrix("m")
        for y in (x * T.constant(np.ones(1)), x + np.zeros((2, 1)), x * np.float64(1), m * x * 1):
            (found,) = optimised(y)
            assert found.type is y.type
        i = T.lvector("i")
        assert optimised(i / 1)[0].dtype == "float64"

    def test_nan_and_infinity_survive_when_nothing_is_assumed(self):
        x = T.dvector("x")
        with config.change_flags(assume_finite=False):
            f = function([x], [x - x, x * 0])
        special = [np.nan, np.inf, 1.0]
        for value in f(special):
            np.testing.assert_array_equal(value, [np.nan, np.nan, 0])
        for value in function([x], [x - x, x * 0])(special):
            np.testing.assert_array_equal(value, [0, 0, 0])

    def test_negative_zero_is_no_zero(self):
        x = T.dvector("x")
        with config.change_flags(assume_finite=False):
            found = function([x], [x + 0.0, x - 0.0, x + T.constant(-0.0)])([-0.0])
            found.append(function([x], x - T.constant(-0.0))([-0.0]))
        assert [bool(np.signbit(v[0])) for v in found] == [False, True, True, False]

    def test_constants_of_equal_value_and_other_bits_stay_apart(self):
        found = function([], [T.constant(v) for v in (0.0, -0.0, True, 1, np.float64(1))])()
        assert [v.dtype.name for v in found] == ["float32", "float32", "bool", "int8", "float64"]
        assert [bool(np.signbit(v)) for v in found[:2]] == [False, True]

    def test_a_transposed_operand_of_a_product_is_not_copied(self):
        x, y = T.dmatrix("x"), T.dmatrix("y")
        assert ops(T.dot(x.T, y.T)) == ["contract"]

    def test_the_size_of_a_result_needs_no_result(self):
        x = T.dmatrix("x")
        assert ops(T.exp(x * 2 + 1).T.shape[0]) == ["size"]

    @pytest.mark.parametrize(
        ("make", "expected"),
        [
            (lambda x: (x + 1) + 2, "(x + TensorConstant{3.0})"),
            (lambda x: (x + 5) - 2, "(x + TensorConstant{3.0})"),
            (lambda x: (x * 2) * 3, "(x * TensorConstant{6.0})"),
            (lambda x: 3 * (2 * x), "(x * TensorConstant{6.0})"),
            (lambda x: -(x * 3), "(x * TensorConstant{-3.0})"),
            (lambda x: x / 4, "(x * TensorConstant{0.25})"),
            (lambda x: x**3, "(x * sqr(x))"), (lambda x: x**4, "sqr(sqr(x))"),
            (lambda x: T.sqrt(x * x), "abs(x)"), (lambda x: abs(-x), "abs(x)"),
            (lambda x: T.sqr(-x), "sqr(x)"), (lambda x: T.log(T.exp(x)), "x"),
            (lambda x: T.maximum(x, x), "x"), (lambda x: T.switch(True, x, 2.0), "x"),
            (lambda x: T.switch(T.constant(0), 2.0, x), "x"),
            (lambda x: x.reshape(x.shape), "x"),
        ],
    )  # fmt: skip
    def test_forms(self, make, expected):
        (found,) = optimised(make(T.dmatrix("x")))
        assert pp(found) == expected

    def test_constants_that_would_round_worse_stay_apart(self):
        x = T.dvector("x")
        for y in ((x + 0.1) + 0.2, (x * 1e-200) * 1e-200, (x * 1e200) * 1e200):
            assert len([o for o in ops(y) if o != "constant"]) == 2
        assert optimised((x + 0.5) + 0.25)[0].inputs[0] is x

    def test_a_number_that_tests_itself_for_nan_still_does(self):
        x = T.dvector("x")
        f = function([x], [T.neq(x, x), T.eq(x, x)])
        for value, expected in zip(f([np.nan, 1.0]), ([True, False], [False, True]), strict=True):
            np.testing.assert_array_equal(value, expected)

    def test_what_a_rule_drops_is_still_checked(self, each_backend):
        x = T.dvector("x")
        cases = (
            1 / (np.ones(3) + T.exp(-x)), T.log(np.ones(3) + T.exp(x)), T.log(np.ones(3) - x),
            T.switch(True, x, np.zeros(3)), x.reshape((3,)).reshape((x.shape[0],)),
        )  # fmt: skip
        for y in cases:
            f = function([x], y)
            assert f(np.full(3, 0.5)).shape == (3,)
            with pytest.raises(ShapeError, match="4"):
                f(np.full(4, 0.5))

    def test_the_logarithm_of_a_sum_over_nothing(self, each_backend):
        x = T.dmatrix("x")
        y = T.log(T.sum(T.exp(x), axis=1))
        value, slope = function([x], [y, T.grad(y.sum(), x)])(np.zeros((2, 0)))
        np.testing.assert_array_equal(value, [-np.inf, -np.inf])
        assert slope.shape == (2, 0)


REGRESSIONS = {
    "quotient": lambda z: 1 / (1 + T.exp(-z)), "floats": lambda z: 1.0 / (T.exp(-z) + 1.0),
    "nnet": T.nnet.sigmoid, "exp over": lambda z: T.exp(z) / (1 + T.exp(z)),
    "power": lambda z: (1 + T.exp(-z)) ** -1, "tanh": lambda z: 0.5 * (T.tanh(0.5 * z) + 1),
}  # fmt: skip


class TestConfluence:
    """However the regression of the tutorials is spelled, it becomes the same graph."""

    @pytest.mark.parametrize("spelling", REGRESSIONS)
    def test_logistic_regression(self, spelling):
        x, w, b, y = T.dmatrix("x"), T.dvector("w"), T.dscalar("b"), T.dvector("y")

        def made(p):
            xent = -y * T.log(p) - (1 - y) * T.log(1 - p)
            cost = xent.mean() + 0.01 * (w**2).sum()
            return optimised(p, xent, cost, *T.grad(cost, [w, b]))

        z = T.dot(x, w) + b
        found, expected = made(REGRESSIONS[spelling](z)), made(T.nnet.sigmoid(z))
        assert [pp(a) for a in found] == [pp(a) for a in expected]

    @pytest.mark.parametrize(
        "make",
        [
            lambda x: T.log(T.nnet.softmax(x)), T.nnet.logsoftmax,
            lambda x: T.log(T.exp(x) / T.exp(x).sum(axis=1, keepdims=True)),
            lambda x: x - T.log(T.exp(x).sum(axis=1, keepdims=True)),
            lambda x: x - T.logsumexp(x, axis=1, keepdims=True),
        ],
    )  # fmt: skip
    def test_log_softmax(self, make):
        x = T.dmatrix("x")
        (found,) = optimised(make(x))
        assert (found.op.name, found.inputs) == ("log_softmax", (x,))


class TestOptions:
    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            ({}, ["log1p", "mul"]), ({"optimizer": "fast_compile"}, ["add", "log", "mul"]),
            ({"mode": "FAST_COMPILE"}, ["add", "log", "mul"]),
            ({"optimizer": None}, ["add", "log", "mul", "mul", "mul"]),
            ({"optimizer_excluding": "log_one_plus:mul_constants"}, ["add", "log", "mul", "mul"]),
            ({"optimizer_excluding": "stabilize,stable"}, ["add", "log", "mul", "mul"]),
        ],
    )  # fmt: skip
    def test_which_rules_run(self, flags, expected):
        x = T.dvector("x")
        y = T.log(1 + x) * 1 * 3 * 5
        with config.change_flags(**flags):
            found = [o for o in ops(y) if o not in ("constant", "cast")]
            value = function([x], y)([1.0])
        assert sorted(found) == expected
        np.testing.assert_allclose(value, [15 * np.log(2)])

    def test_including_a_rule_that_is_off(self):
        x = T.dvector("x")
        assert ops(x / x) == ["true_div"]
        with config.change_flags(optimizer_including="div_self"):
            assert "true_div" not in ops(x / x)

    def test_an_unknown_optimizer_is_refused(self):
        with pytest.raises(ConfigError, match="fast_run"):
            config.change_flags(optimizer="fastrun")


class TestEngine:
    def test_a_circle_of_rules_is_named_and_broken(self):
        a, b = var("a"), var("b")
        swap = rule("swap", a + b, b + a, Exactness.EXACT)
        x, y = T.dscalar("x"), T.dscalar("y")
        graph = Graph((x, y), (x + y,))
        with pytest.warns(RuntimeWarning, match="'swap' undoes"):
            (found,) = Rewriter(index_rules([swap]), graph.interner.add).run(graph.outputs)
        assert found.op.name == "add"

    def test_a_rule_without_end_is_named_in_the_error(self):
        a = var("a")
        grows = rule("grows", T.exp(a), T.exp(a * 1) * T.exp(a * 1), Exactness.EXACT)
        with pytest.raises(GraphError, match=r"'grows' fired \d+ times.*test_rewrite\.py:\d+"):
            Rewriter(index_rules([grows])).run([T.exp(T.dscalar("x"))])

    def test_a_trace_lists_the_firings_in_order(self):
        x = T.dvector("x")
        graph = Graph((x,), (T.log(1 + T.exp(x * 1)),))
        trace = []
        found, fired = rewrite(graph, index_rules(STABILIZE + SIMPLIFY), trace)
        assert [(f.rule, f.exactness) for f in trace] == [
            ("mul_one", "exact"), ("softplus", "stable"),
        ]  # fmt: skip
        assert trace[0].after is x and trace[-1].after is found.outputs[0]
        assert fired == {"mul_one": 1, "softplus": 1}

    def test_firings_are_counted(self):
        x = T.dscalar("x")
        graph = Graph((x,), (T.sin(x * 1) * 1 + 0,))
        _, fired = optimise(graph)
        assert fired["mul_one"] == 2 and fired["add_zero"] == 1

    def test_a_repeated_placeholder_matches_only_the_same_node(self):
        x, y = T.dvector("x"), T.dvector("y")
        only(x - y, "sub")
        only(T.switch(x > 0, x, y), "gt", "switch")

    def test_fast_math_is_off_unless_asked_for(self):
        a = var("a")
        loose = rule("loose", T.exp(T.log(a)), a, Exactness.FAST_MATH)
        x = T.dscalar("x")
        y = T.exp(T.log(x))
        assert Rewriter(index_rules([loose])).run([y]) == [y]
        with config.change_flags(fast_math=True):
            assert Rewriter(index_rules([loose])).run([y]) == [x]

    def test_every_rule_has_a_name_of_its_own(self):
        names = [r.name for r in (*STABILIZE, *SIMPLIFY)]
        assert len(set(names)) == len(names)

    def test_origins_of_merged_nodes_are_kept(self):
        x = T.dvector("x")
        graph = Graph((x,), (T.exp(x), T.exp(x)))
        assert graph.outputs[0] is graph.outputs[1]
        assert len(graph.interner.origins[graph.outputs[0]]) == 2
