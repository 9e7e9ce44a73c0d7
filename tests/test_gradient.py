"""Derivatives: against central differences and formulas, and what cannot be differentiated."""

from __future__ import annotations

import numpy as np
import pytest

import tensorcore as tc
import tensorcore.tensor as T
from tensorcore import function, gradient
from tensorcore.batching import batched
from tensorcore.errors import DisconnectedInputError, DTypeError, NullTypeGradError, ShapeError
from tensorcore.gradient import verify_grad

pytestmark = pytest.mark.usefixtures("on_reference")
RNG = np.random.default_rng(3)


def slope(cost, x, at):
    return function([x], T.grad(cost, x))(at)


def gradient_at(fun, at):
    x = T.TensorType("float64", (False,) * np.ndim(at))("x")
    return slope(fun(x).sum(), x, at)


UNARY = {
    "exp": T.exp, "expm1": T.expm1, "log": T.log, "log1p": T.log1p, "log2": T.log2,
    "log10": T.log10, "sqrt": T.sqrt, "sin": T.sin, "cos": T.cos, "tan": T.tan, "tanh": T.tanh,
    "abs": abs, "sqr": T.sqr, "sigmoid": T.nnet.sigmoid, "softplus": T.nnet.softplus,
    "floor": T.floor, "relu": T.nnet.relu, "pow": lambda x: x**3.5, "rpow": lambda x: 2.0**x,
    "inv": T.inv, "clip": lambda x: T.clip(x, 0.3, 0.8), "neg": lambda x: -x,
    "cast": lambda x: T.cast(x, "float64") * x, "self": lambda x: x**x, "mod": lambda x: x % 0.3,
    "switch": lambda x: T.switch(x > 0.5, x**2, -x), "softmax": T.nnet.softmax,
    "logsoftmax": T.nnet.logsoftmax, "max": lambda x: T.maximum(x, 1 - x) * x,
    "min": lambda x: T.minimum(x, 1 - x) * x,
}  # fmt: skip
SHAPES = {
    "sum": lambda x: x.sum(axis=0) ** 2, "sum keep": lambda x: x.sum(axis=1, keepdims=True) * x,
    "mean": lambda x: x.mean(axis=1) ** 2, "var": lambda x: x.var(axis=0),
    "std": lambda x: x.std(axis=(0, 1)), "prod": lambda x: x.prod(axis=1),
    "max": lambda x: x.max(axis=0) ** 2, "min": lambda x: x.min(), "T": lambda x: x.T * x.T,
    "reshape": lambda x: x.reshape((3, 2)) ** 2, "flatten": lambda x: x.flatten() ** 2,
    "dimshuffle": lambda x: x.dimshuffle(1, "x", 0) ** 2, "index": lambda x: x[1] ** 2,
    "slice": lambda x: x[:, 1:] ** 2, "step": lambda x: x[::-1, ::2] ** 2,
    "dot": lambda x: T.dot(x, x.T), "matmul": lambda x: x @ np.ones((3, 2)) * 2,
    "tensordot": lambda x: T.tensordot(x, x, axes=2), "outer": lambda x: T.outer(x[0], x[1]),
    "batched": lambda x: T.batched_dot(x, x), "stack": lambda x: T.stack([x[0], x[1] ** 2]),
    "join": lambda x: T.concatenate([x, x**2], axis=1), "lse": lambda x: T.logsumexp(x, axis=1),
    "broadcast": lambda x: x * x[0], "column": lambda x: x / x.sum(axis=1, keepdims=True),
    "fill": lambda x: T.fill(x, x.sum()), "alloc": lambda x: T.alloc(x[0] ** 2, 4, 3),
    "ones": lambda x: T.ones_like(x) * x**2, "softmax": lambda x: T.nnet.softmax(x, axis=0) * x,
    "xent": lambda x: T.nnet.categorical_crossentropy(T.nnet.softmax(x), np.array([0, 2])),
    "bias": lambda x: T.tanh(T.dot(x, x.T) + x[:, 0]),
}  # fmt: skip


class TestAgainstDifferences:
    @pytest.mark.parametrize("name", UNARY)
    def test_functions_of_one_point(self, name):
        verify_grad(UNARY[name], [RNG.uniform(0.05, 0.95, size=5)])

    @pytest.mark.parametrize("name", SHAPES)
    def test_functions_with_axes(self, name):
        verify_grad(SHAPES[name], [RNG.uniform(0.1, 1.5, size=(2, 3))])

    @pytest.mark.parametrize("name", SHAPES)
    def test_second_derivatives(self, name):
        at = RNG.uniform(0.1, 1.5, size=(2, 3))

        def curvature(x):
            return T.grad((SHAPES[name](x) ** 2).sum(), x)

        verify_grad(curvature, [at], n_tests=1, abs_tol=1e-4, rel_tol=1e-4)

    def test_two_operands_that_broadcast(self):
        for make in (T.add, T.sub, T.mul, T.true_div, T.maximum, T.pow):
            verify_grad(make, [RNG.uniform(0.5, 1, (2, 3)), RNG.uniform(0.5, 1, (3,))])
            verify_grad(make, [np.array(0.7), RNG.uniform(0.8, 1, (2, 3))])

    def test_a_wrong_gradient_is_found(self, monkeypatch):
        monkeypatch.setattr(T.tanh, "vjp", lambda g, y, x: g * (1 - y))
        with pytest.raises(AssertionError, match="input 0 at"):
            verify_grad(T.tanh, [np.array([1.0, 0.0])])

    def test_float32(self):
        verify_grad(T.tanh, [RNG.uniform(size=(3,)).astype("float32")])


class TestExactCases:
    @pytest.mark.parametrize(
        ("fun", "at", "expected"),
        [
            (lambda x: x**2, 0.0, 0.0), (lambda x: x**0, 0.0, 0.0), (lambda x: x**1, 0.0, 1.0),
            (lambda x: x**3, -2.0, 12.0), (abs, 0.0, 0.0), (T.sqrt, 0.0, np.inf),
            (T.exp, -np.inf, 0.0), (T.nnet.sigmoid, 800.0, 0.0), (T.nnet.softplus, 800.0, 1.0),
            (T.nnet.softplus, -800.0, 0.0), (T.tanh, 400.0, 0.0), (T.log1p, 0.0, 1.0),
            (lambda x: x * x * x, np.nan, np.nan), (lambda x: (-2.0) ** x, 2.0, np.nan),
            (lambda x: x % 3, -2.0, 1.0), (T.sgn, 2.0, 0.0),
        ],
    )  # fmt: skip
    def test_at_special_points(self, fun, at, expected):
        np.testing.assert_equal(float(gradient_at(fun, at)), expected)

    def test_the_tails_of_the_sigmoid_keep_their_digits(self):
        for at in (40.0, -40.0, 700.0, -700.0):
            found = gradient_at(T.nnet.sigmoid, at)
            np.testing.assert_allclose(found, np.exp(-abs(at)), rtol=1e-12)

    def test_products_with_zeros(self):
        for at, expected in (
            ([0, 2, 3], [6, 0, 0]),
            ([0, 0, 3], [0, 0, 0]),
            ([1, 2, 3], [6, 3, 2]),
        ):
            np.testing.assert_array_equal(gradient_at(T.prod, at), expected)

    def test_every_largest_entry_gets_the_gradient(self):
        np.testing.assert_array_equal(gradient_at(T.max, [[1, 2], [3, 3]]), [[0, 0], [1, 1]])

    def test_empty_and_scalar_inputs(self):
        assert gradient_at(lambda x: x**2, np.zeros(0)).shape == (0,)
        assert gradient_at(T.mean, np.zeros((0, 3))).shape == (0, 3)
        assert gradient_at(lambda x: x**2, 3.0).shape == ()

    def test_a_row_collects_what_it_was_broadcast_to(self):
        r, A = T.drow("r"), T.dmatrix("A")
        g = function([r, A], T.grad((r * A).sum(), r))([[0, 0]], [[1, 2], [3, 4]])
        np.testing.assert_array_equal(g, [[4, 6]])

    def test_the_gradient_has_the_type_of_wrt(self):
        x, r = T.fvector("x"), T.drow("r")
        g, h = T.grad((T.cast(x, "float64").sum() * r).sum(), [x, r])
        assert g.type is x.type and h.type is r.type


class TestForms:
    def test_one_or_a_list(self):
        x, y = T.dvectors("x", "y")
        assert isinstance(T.grad((x * y).sum(), x), tc.Tensor)
        assert isinstance(T.grad((x * y).sum(), [x]), list)
        a, b = T.grad((x * x).sum(), [x, x])
        np.testing.assert_array_equal(function([x], a + b)([1.0]), [4.0])

    def test_with_respect_to_an_intermediate(self):
        x = T.dvector("x")
        y = x**2
        f = function([x], T.grad((3 * y).sum() + x.sum(), [y, x]))
        np.testing.assert_array_equal(f([1.0, 2])[0], [3, 3])
        np.testing.assert_array_equal(f([1.0, 2])[1], [7, 13])

    def test_consider_constant(self):
        x = T.dvector("x")
        y = x**2
        g = T.grad((x * y).sum(), x, consider_constant=[y])
        np.testing.assert_array_equal(function([x], g)([1.0, 3]), [1, 9])
        p = T.nnet.sigmoid(x)
        g = T.grad((T.log(p) * x).sum(), x, consider_constant=[p])
        np.testing.assert_allclose(function([x], g)([0.0]), np.log(0.5))

    def test_known_gradients(self):
        x = T.dvector("x")
        y = x**2
        seeds = {y: np.array([1.0, 10.0])}
        for cost, expected in ((None, [2, 40]), (y.sum(), [4, 44])):
            g = T.grad(cost, x, known_grads=seeds)
            np.testing.assert_array_equal(function([x], g)([1.0, 2]), expected)
        with pytest.raises(ShapeError, match="must have 1 dimension"):
            T.grad(None, x, known_grads={y: np.array(1.0)})
        with pytest.raises(ValueError, match="known_grads"):
            T.grad(None, x)

    def test_shared_variables(self):
        b = tc.shared(np.ones(3), name="b")
        np.testing.assert_array_equal(function([], T.grad((b**2).sum(), b))(), [2, 2, 2])


class TestRefusals:
    @pytest.mark.parametrize("kind", ["other", "int", "argmax", "shape", "compared", "rounded"])
    def test_disconnected_inputs(self, kind):
        x, y, i = T.dvector("x"), T.dvector("y"), T.lvector("i")
        cost, wrt = {
            "other": (x.sum(), y), "int": ((x * i).sum(), i),
            "argmax": (T.cast(x.argmax(), "float64"), x),
            "shape": (T.cast(x.shape[0], "float64"), x),
            "compared": (T.cast(x > 0, "float64").sum(), x),
            "rounded": (T.cast(T.cast(x, "int64"), "float64").sum(), x),
        }[kind]  # fmt: skip
        with pytest.raises(DisconnectedInputError, match=r"test_gradient\.py:\d+.*ignore"):
            T.grad(cost, wrt)
        with pytest.warns(UserWarning, match="no gradient flows") as seen:
            T.grad(cost, wrt, disconnected_inputs="warn")
        assert seen[0].filename == __file__
        zero = T.grad(cost, wrt, disconnected_inputs="ignore")
        found = function([wrt], zero)(np.ones(2, wrt.dtype))
        np.testing.assert_array_equal(found, [0, 0])
        none = T.grad(cost, wrt, disconnected_inputs="ignore", return_disconnected="None")
        assert none is None

    def test_costs_that_are_no_floating_scalar(self):
        x = T.dvector("x")
        with pytest.raises(ShapeError, match=r"must be a scalar.*test_gradient\.py"):
            T.grad(x * 2, x)
        with pytest.raises(DTypeError, match="must be floating"):
            T.grad(T.lvector().sum(), x)
        with pytest.raises(TypeError, match="must be a tensor"):
            T.grad(2.0, x)
        with pytest.raises(TypeError, match="wrt must hold tensors"):
            T.grad(x.sum(), "x")
        with pytest.raises(ValueError, match="disconnected_inputs"):
            T.grad(x.sum(), x, disconnected_inputs="maybe")


class TestControl:
    """What users put into expressions to change what flows back."""

    def test_barriers_pass_values_on(self):
        x = T.dvector("x")
        made = [gradient.disconnected_grad(x), gradient.zero_grad(x),
                gradient.grad_clip(x, -1, 1), gradient.grad_scale(x, 2),
                gradient.with_gradient(x * 1, [x], lambda g, y, a: g)]  # fmt: skip
        f = function([x], made)
        for value in f([1.0, 2]):
            np.testing.assert_array_equal(value, [1, 2])
        assert all(node is x for node in f.maker.fgraph.outputs)

    @pytest.mark.parametrize(
        ("make", "expected"),
        [
            (lambda x: gradient.disconnected_grad(x) * x, [0.5, -2]),
            (lambda x: gradient.zero_grad(x) * x, [0.5, -2]),
            (gradient.zero_grad, [0, 0]),
            (lambda x: gradient.consider_constant(x**2) + x, [1, 1]),
            (lambda x: gradient.grad_clip(x**2, -0.1, 0.1) * 3, [0.1, -0.4]),
            (lambda x: gradient.grad_scale(x, 5), [5, 5]),
            (lambda x: gradient.with_gradient(T.round(x), [x], lambda g, y, a: g * a), [0.5, -2]),
        ],
    )
    def test_what_flows_back(self, make, expected):
        np.testing.assert_allclose(gradient_at(make, [0.5, -2.0]), expected)

    def test_a_gradient_of_ones_own_in_higher_orders_and_forward(self):
        x = T.dvector("x")
        y = gradient.with_gradient(T.round(x), [x], lambda g, z, a: g * a**2)
        second = T.grad(T.grad(y.sum(), x).sum(), x)
        pushed = T.Rop(y, x, T.constant(np.array([1.0, 2.0])))
        a, b = function([x], [second, pushed])([0.5, 3.0])
        np.testing.assert_allclose(a, [1, 6])
        np.testing.assert_allclose(b, [0.25, 18])

    def test_what_is_not_linear_has_no_forward_derivative(self):
        x = T.dvector("x")
        for y, name in (
            (gradient.grad_clip(x, -1, 1), "grad_clip"),
            (gradient.with_gradient(x, [x], lambda g, z, a: g * g), "with_gradient"),
        ):
            with pytest.raises(NullTypeGradError, match=rf"{name}.*test_gradient\.py:\d+.*linear"):
                T.Rop(y, x, x)

    def test_a_rule_that_gives_too_few(self):
        x, y = T.dvectors("x", "y")
        z = gradient.with_gradient(x + y, [x, y], lambda g, z, a, b: g)
        with pytest.raises(ShapeError, match="1 gradient"):
            T.grad(z.sum(), [x, y])
        with pytest.raises(ValueError, match="grad_clip"):
            gradient.grad_clip(x, 1, -1)

    @pytest.mark.parametrize("make", [gradient.grad_undefined, gradient.grad_not_implemented])
    def test_null_gradients(self, monkeypatch, make):
        x = T.dvector("x")
        monkeypatch.setattr(T.tanh, "vjp", lambda g, y, x: make(T.tanh, 0, x, "Ask later."))
        cost = T.tanh(x).sum()
        with pytest.raises(NullTypeGradError, match=r"tanh.*Ask later.*test_gradient\.py"):
            T.grad(cost, x)
        found = function([x], T.grad(cost, x, null_gradients="return"))([1.0, 2])
        np.testing.assert_array_equal(found, [np.nan, np.nan])
        with pytest.raises(ValueError, match="null_gradients"):
            T.grad(cost, x, null_gradients="maybe")

    def test_the_gradient_of_a_part_and_of_the_rest_is_that_of_the_whole(self):
        x, w, v = T.dvectors("x", "w", "v")
        hidden = T.tanh(x * w)
        cost = ((hidden * v) ** 2).sum()
        (gv,), (gh,) = gradient.subgraph_grad([v], [hidden], cost=cost)
        (gw,), (gx,) = gradient.subgraph_grad([w], [x], start={hidden: gh})
        whole = T.grad(cost, [v, w, x])
        at = RNG.normal(size=(3, 4))
        found = function([x, w, v], [gv, gw, gx, *whole])(*at)
        for a, b in zip(found[:3], found[3:], strict=True):
            np.testing.assert_allclose(a, b)
        with pytest.raises(ValueError, match="cost, or start"):
            gradient.subgraph_grad([v], [hidden])

    @pytest.mark.parametrize(
        ("make", "op"),
        [
            (lambda x: T.cast(x // 3, "float64") * 1.0, "int_div"),
            (lambda x: T.cast(T.cast(x, "int64"), "float64"), "cast"),
            (lambda x: T.cast(x > 0, "float64"), "gt"),
            (gradient.disconnected_grad, "disconnected_grad"),
        ],
    )
    def test_the_error_says_where_the_flow_stops(self, make, op):
        x = T.dvector("x")
        with pytest.raises(DisconnectedInputError, match=rf"stops at {op}.*test_gradient\.py:\d+"):
            T.grad(make(x).sum(), x)


class TestHigherOrders:
    @pytest.mark.parametrize("at", [0.0, 0.7, -1.3])
    def test_third_derivatives(self, at):
        x = T.dscalar("x")
        growth = 8 * np.exp(2 * at)
        for y, third in ((x**2, 0.0), (x**3, 6.0), (x**4, 24 * at), (T.exp(2 * x), growth),
                         (T.sin(x), -np.cos(at)), (x * x * x * x, 24 * at)):  # fmt: skip
            d = y
            for _ in range(3):
                d = T.grad(d, x)
            np.testing.assert_allclose(function([x], d, on_unused_input="ignore")(at), third)

    def test_powers_at_zero(self):
        x, y = T.dvectors("x", "y")
        g = function([x, y], T.grad((x**y).sum(), x))
        np.testing.assert_array_equal(g([0.0, 0, 0], [0.0, 1, 2]), [0, 1, 0])

    def test_an_extreme_that_is_nan_has_no_gradient_of_zero(self):
        for make in (T.max, T.min, lambda x: T.maximum(x, 0), lambda x: T.minimum(0, x)):
            found = gradient_at(make, [np.nan])
            assert np.isnan(found).all()


class TestMatrices:
    @pytest.mark.parametrize("name", sorted(set(SHAPES) - {"alloc"}))
    def test_jacobians_and_pushed_vectors_agree(self, name):
        x, v = T.dmatrix("x"), T.dmatrix("v")
        y = SHAPES[name](x).flatten() if SHAPES[name](x).ndim else SHAPES[name](x).dimshuffle("x")
        at, along = RNG.uniform(0.1, 1.5, (2, 3)), RNG.normal(size=(2, 3))
        u = RNG.normal(size=function([x], y)(at).shape)
        J, right, left = function(
            [x, v], [tc.jacobian(y, x), T.Rop(y, x, v), T.Lop(y, x, T.constant(u))]
        )(at, along)
        np.testing.assert_allclose(right, np.tensordot(J, along, 2), atol=1e-12)
        np.testing.assert_allclose(left, np.tensordot(u, J, 1), atol=1e-12)

    def test_hessian_of_two_vectors(self):
        x, y = T.dvectors("x", "y")
        H = tc.hessian((x**2 * y).sum() + (y**3).sum(), [x, y])
        a, b = function([x, y], H, on_unused_input="ignore")([1.0, 2], [3.0, 4])
        np.testing.assert_array_equal(a, np.diag([6.0, 8]))
        np.testing.assert_array_equal(b, np.diag([18.0, 24]))

    def test_rop_of_several_that_share_a_row(self):
        x, y = T.dvectors("x", "y")
        pushed = T.Rop([x * y, x + y, x], [x, y], [x, y])
        at = [1.0, 2], [2.0, 3]
        for found, expected in zip(
            function([x, y], pushed)(*at), ([4, 12], [3, 5], [1, 2]), strict=True
        ):
            np.testing.assert_array_equal(found, expected)

    def test_shapes_that_do_not_fit(self):
        A, x, s = T.dmatrix("A"), T.dvector("x"), T.dscalar("s")
        with pytest.raises(ShapeError, match="must be a vector"):
            tc.jacobian(A, A)
        with pytest.raises(ShapeError, match="must be vectors"):
            tc.hessian((A**2).sum(), A)
        with pytest.raises(ShapeError, match="must have 1 dimension"):
            T.Rop(x**2, x, s)
        with pytest.raises(ValueError, match="1 tensors in wrt but 2"):
            T.Rop(x**2, [x], [x, x])
        with pytest.raises(DisconnectedInputError):
            tc.jacobian(x, T.dvector("y"))

    def test_the_jacobian_of_a_scalar_is_its_gradient(self):
        x = T.dscalar("x")
        assert function([x], tc.jacobian(x**2, x))(3) == 6

    def test_rows_that_do_not_depend_are_repeated(self):
        x = T.dvector("x")
        J = function([x], tc.jacobian(T.stack([x.sum(), 2 * x[0]]), x))(np.ones(3))
        np.testing.assert_array_equal(J, [[1, 1, 1], [2, 0, 0]])


class TestBatching:
    """``batched`` against one call per entry of the batch."""

    @pytest.mark.parametrize(
        "make",
        [
            lambda u, v, m: u * v, lambda u, v, m: m + u, lambda u, v, m: T.fill(m, u),
            lambda u, v, m: T.fill(u, v), lambda u, v, m: T.switch(m > 0, u, v),
            lambda u, v, m: T.alloc(u, 2, 3), lambda u, v, m: T.alloc(v * u, 2, 3),
            lambda u, v, m: T.dot(m * u, v), lambda u, v, m: T.dot(m * u, v * u), lambda u, v, m: v,
            lambda u, v, m: T.concatenate([v, v * u]), lambda u, v, m: (v * u)[1:].sum(),
            lambda u, v, m: T.cast((m * u).T.reshape((6,)), "float32"), lambda u, v, m: u.size + v,
            lambda u, v, m: (v * u).shape[0] * v, lambda u, v, m: (m * u).shape,
            lambda u, v, m: T.nnet.softmax(m * u), lambda u, v, m: (m * u).argmax(axis=1),
        ],
    )  # fmt: skip
    def test_of_scalars(self, make):
        u, v, m = T.dscalar("u"), T.dvector("v"), T.dmatrix("m")
        units = T.dvector("units")
        row = make(u, v, m)
        (whole,) = batched([row], {u: units}, units.shape[0])
        assert whole.broadcastable[0] is False and whole.ndim == row.ndim + 1
        at = np.array([2.0, -1.0, 0.5, 3.0])
        rest = np.array([1.0, -2, 3]), np.arange(-3.0, 3).reshape(2, 3)
        found = function([units, v, m], whole, on_unused_input="ignore")(at, *rest)
        one = function([u, v, m], row, on_unused_input="ignore")
        np.testing.assert_allclose(found, np.stack([one(value, *rest) for value in at]))
        assert found.dtype == row.dtype

    def test_sizes_that_differ_within_the_batch_are_refused(self):
        u, units = T.lscalar("u"), T.lvector("units")
        with pytest.raises(NullTypeGradError, match="no common shape"):
            batched([T.alloc(1.0, u) * u], {u: units}, units.shape[0])
