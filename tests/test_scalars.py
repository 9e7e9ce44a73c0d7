"""Scalar functions as users write them: names, modes, operators, and numbers of every dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, dtypes, function, plugins, shared
from tensorcore.errors import DTypeError
from tensorcore.ops import OPS

BACKENDS = ("numpy_ref", "cgen")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if plugins.status(name).state != "ok":
        pytest.skip(plugins.status(name).reason)
    return name


def vector(dtype: str) -> Any:
    return T.TensorType(dtype, (False,))()


def apply(f: Callable[..., Any], backend: str, *values: Any) -> Any:
    inputs = [vector(np.asarray(v).dtype.name) for v in values]
    return function(inputs, f(*inputs), backend=backend)(*values)


class TestFloat16:
    #: Every number of 16 bits, and 64-bit numbers at and beside the middle between two of them.
    ALL = np.arange(65536, dtype="uint16").view("float16")

    def between(self) -> np.ndarray[Any, Any]:
        finite = np.sort(self.ALL[np.isfinite(self.ALL)].astype("float64"))
        middle = (finite[1:] + finite[:-1]) / 2
        near = [middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf)]
        ends = [65519.999999999, 65520.0, -65520.0, 1e300, np.inf, np.nan, 5e-324, -0.0]
        return np.concatenate([*near, np.array(ends)])

    @pytest.mark.parametrize("flags", ["", "-U__F16C__"])
    def test_conversions_round_once(self, flags: str) -> None:
        """In hardware and by hand, from float64 without a stop at float32."""
        if plugins.status("cgen").state != "ok":
            pytest.skip(plugins.status("cgen").reason)
        with config.change_flags(**{"cgen.flags": flags}):
            up = apply(lambda x: T.cast(x, "float64"), "cgen", self.ALL)
            np.testing.assert_array_equal(up, self.ALL.astype("float64"))
            for source in ("float64", "float32"):
                with np.errstate(over="ignore"):
                    values = self.between().astype(source)
                    expected = values.astype("float16")
                down = apply(lambda x: T.cast(x, "float16"), "cgen", values)
                good = np.isnan(expected)
                assert np.isnan(down[good]).all()
                np.testing.assert_array_equal(down[~good].view("u2"), expected[~good].view("u2"))

    def test_a_fused_expression_rounds_as_the_steps_do(self, backend: str) -> None:
        """300 * 300 is infinite in 16 bits, although it is halved at once."""
        values = np.array([300.0, 1.0, 0.1], "float16")
        found = apply(lambda x: x * x / 2, backend, values)
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(found, values * values / np.float16(2))

    def test_gradient_of_a_maximum_finds_its_element(self, backend: str) -> None:
        x = vector("float16")
        product = x * x
        f = function([x], [product, T.grad(T.max(product), x)], backend=backend)
        np.testing.assert_array_equal(f(np.array([0.1, 0.7, 0.3], "float16"))[1] != 0, [0, 1, 0])

    def test_long_sums_do_not_stall(self, backend: str) -> None:
        """Added in 16 bits, 1 is lost beside 2048."""
        assert apply(T.sum, backend, np.ones(5000, "float16")) == 5000
        ones = np.ones((1, 5000), "float16")
        x = T.TensorType("float16", (False, False))()
        assert function([x], T.dot(x, x.T), backend=backend)(ones) == 5000


class TestComplex:
    Z = np.array([1 + 2j, -3 + 0.5j, 0.25 - 4j])

    def test_parts_and_conjugates_of_real_tensors(self) -> None:
        x = T.dvector("x")
        assert T.real(x) is x and T.conj(x) is x and x.conj() is x
        assert x.imag.eval({x: np.ones(2)}).tolist() == [0, 0]

    @pytest.mark.parametrize("dtype", dtypes.COMPLEX)
    def test_a_network_of_complex_weights_learns(self, backend: str, dtype: str) -> None:
        """The gradient step lowers a real cost; weights live in a shared variable."""
        rng = np.random.default_rng(1)
        data = (rng.normal(size=(40, 3)) + 1j * rng.normal(size=(40, 3))).astype(dtype)
        true = (self.Z * np.exp(0.5j)).astype(dtype)
        w = shared(np.zeros(3, dtype), "w")
        x = T.TensorType(dtype, (False, False))("x")
        y = vector(dtype)
        error = T.dot(x, w) - y
        cost = T.mean(abs(error) ** 2)
        step = function([x, y], cost, updates=[(w, w - 0.2 * T.grad(cost, w))], backend=backend)
        for _ in range(100):
            step(data, data @ true)
        np.testing.assert_allclose(w.get_value(), true, rtol=1e-4)
        assert w.get_value().dtype == dtype

    def test_matrix_products_and_means(self, backend: str) -> None:
        rng = np.random.default_rng(2)
        a, b = rng.normal(size=(2, 30, 30)) + 1j * rng.normal(size=(2, 30, 30))
        x, y = T.zmatrix("x"), T.zmatrix("y")
        found = function([x, y], [T.dot(x, y.T), T.mean(x, 0), T.var(x)], backend=backend)(a, b)
        np.testing.assert_allclose(found[0], a @ b.T, rtol=1e-12)
        np.testing.assert_allclose(found[1], a.mean(0), rtol=1e-12)
        np.testing.assert_allclose(found[2], a.var(), rtol=1e-12)
        assert found[2].dtype == np.float64

    def test_order_is_refused(self) -> None:
        z = T.zvector("z")
        for ask in (lambda: z < z, lambda: T.maximum(z, z), lambda: T.max(z), lambda: T.argmin(z)):
            with pytest.raises(DTypeError, match="does not take complex128"):
                ask()

    def test_a_logarithm_of_one_plus_z_stays_complex(self, backend: str) -> None:
        """Rules for real numbers must not catch complex ones."""
        z = T.zvector("z")
        cost = T.real(T.sum(T.log(1 + T.exp(z))))
        f = function([z], [T.log(1 + z), T.grad(cost, z)], backend=backend)
        value = self.Z / 10
        logarithm, slope = f(value)
        np.testing.assert_allclose(logarithm, np.log(1 + value), rtol=1e-14)
        e = np.exp(value)
        np.testing.assert_allclose(slope, np.conj(e / (1 + e)), rtol=1e-14)

    def test_the_gradient_of_a_modulus_at_zero_is_zero(self, backend: str) -> None:
        z = T.zvector("z")
        slope = T.grad(T.sum(abs(z)), z)
        found = function([z], slope, backend=backend)(np.array([0, 3 + 4j]))
        np.testing.assert_allclose(found, [0, 0.6 + 0.8j])


def test_casts_between_all_dtypes(backend: str) -> None:
    for source in dtypes.ALL:
        values = np.array([0, 1, 2, 100], source)
        targets = [
            d for d in dtypes.ALL if dtypes.kind(source) != "c" or dtypes.kind(d) in ("c", "b")
        ]
        x = vector(source)
        cast = function([x], [T.cast(x, d) for d in targets], backend=backend)
        for target, found in zip(targets, cast(values), strict=True):
            np.testing.assert_array_equal(found, values.astype(target))
            assert found.dtype == target


def test_rounding_modes(backend: str) -> None:
    values = np.array([-2.5, -1.5, -0.4, 0.5, 1.5, 2.5])
    assert apply(T.round, backend, values).tolist() == [-2, -2, -0.0, 0, 2, 2]
    away = apply(lambda x: T.round(x, mode="half_away_from_zero"), backend, values)
    assert away.tolist() == [-3, -2, -0.0, 1, 2, 3]
    assert apply(T.iround, backend, values).dtype == "int64"
    with pytest.raises(ValueError, match=r"half_to_even.*found 'up'"):
        T.round(T.dvector(), mode="up")


def test_shifts_and_divmod_as_operators(backend: str) -> None:
    x, y = np.array([1, -5, 7], "int8"), np.array([9, 1, -1], "int8")
    assert apply(lambda a, b: a << b, backend, x, y).tolist() == np.left_shift(x, y).tolist()
    assert apply(lambda a, b: a >> b, backend, x, y).tolist() == np.right_shift(x, y).tolist()
    assert apply(lambda a: 1 << a, backend, np.array([3], "int64")).tolist() == [8]
    quotient = apply(lambda a, b: divmod(a, b)[0], backend, x, y)
    rest = apply(lambda a, b: T.divmod(a, b)[1], backend, x, y)
    assert (quotient.tolist(), rest.tolist()) == ([0, -5, -7], [1, 0, 0])
    assert apply(T.ceil_intdiv, backend, x, np.array([2, 2, 2], "int8")).tolist() == [1, -2, 4]
    with pytest.raises(DTypeError, match="left_shift does not take float64"):
        T.dvector() << 1


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
        ("softsign", lambda x: x / (1 + np.abs(x))),
        ("hard_sigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ("selu", lambda x: 1.0507009873554805
         * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))),
    ],
)  # fmt: skip
def test_activations(backend: str, name: str, formula: Any) -> None:
    x = T.dvector("x")
    y = getattr(T.nnet, name)(x)
    values = np.array([-800.0, -3.0, -0.5, 0.25, 2.0, 800.0])
    found, slope = function([x], [y, T.grad(T.sum(y), x)], backend=backend)(values)
    np.testing.assert_allclose(found, formula(values), rtol=1e-14)
    step = 1e-6
    expected = (formula(values + step) - formula(values - step)) / (2 * step)
    np.testing.assert_allclose(slope, expected, atol=1e-8)


def test_the_fast_sigmoid_is_near_the_sigmoid(backend: str) -> None:
    values = np.linspace(-12, 12, 2001)
    found = apply(T.nnet.ultra_fast_sigmoid, backend, values)
    assert np.abs(found - 1 / (1 + np.exp(-values))).max() < 0.028
    assert found.min() == pytest.approx(0.00247262315663)
    assert found.max() == pytest.approx(0.9975273768)


def test_cross_entropies_of_logits(backend: str) -> None:
    rng = np.random.default_rng(0)
    logits, bias, classes = rng.normal(size=(5, 4)), rng.normal(size=4), np.array([0, 3, 1, 1, 2])
    x, b, y = T.dmatrix("x"), T.dvector("b"), T.lvector("y")
    outputs = T.nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y)
    entropy, found, best, where = function([x, b, y], list(outputs), backend=backend)(
        logits, bias, classes
    )
    shifted = np.exp(logits + bias)
    expected = shifted / shifted.sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(entropy, -np.log(expected[range(5), classes]), rtol=1e-14)
    np.testing.assert_allclose(best, expected.max(1), rtol=1e-14)
    assert where.tolist() == expected.argmax(1).tolist()
    z, t = T.dvector("z"), T.dvector("t")
    far = function([z, t], T.nnet.sigmoid_binary_crossentropy(z, t), backend=backend)
    np.testing.assert_allclose(far([-800.0, 800.0, 0.0], [1, 1, 0.5]), [800, 0, np.log(2)])


def test_special_functions_agree_with_arbitrary_precision_far_out(backend: str) -> None:
    mpmath = pytest.importorskip("mpmath")
    cases: list[tuple[Any, Any, list[float]]] = [
        (T.erfcx, lambda v: mpmath.exp(v * v) * mpmath.erfc(v), [-26.0, 1e-300, 0.5, 30.0, 9000.0]),
        (T.erfcinv, lambda v: mpmath.erfinv(1 - v), [1e-300, 1e-20, 0.3, 1.9999]),
        (T.gamma, mpmath.gamma, [-15.9, 1e-300, 171.5, 0.5]),
        (T.gammaln, mpmath.loggamma, [1e-300, 1.000001, 2.5, 1e10]),
        (T.psi, mpmath.digamma, [-0.5, 1e-300, 1.4616, 1e300]),
        (T.tri_gamma, lambda v: mpmath.psi(1, v), [-0.5, 1e-3, 1e10]),
    ]
    for f, exact, points in cases:
        with mpmath.workdps(400):
            expected = [float(exact(mpmath.mpf(v))) for v in points]
        np.testing.assert_allclose(
            apply(f, backend, np.array(points)), expected, rtol=4e-15, err_msg=f.__name__
        )


def test_notes_are_sentences() -> None:
    noted = [op for op in OPS.values() if op.notes]
    assert noted
    assert all(op.notes[0].isupper() and op.notes.endswith(".") for op in noted)
