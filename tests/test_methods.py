"""The methods of a tensor give what the functions of ``T`` give, and what NumPy's give."""

from __future__ import annotations

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import function
from tensorcore.operators import Operators

M = np.array([[2.0, -1.5, 0.5, 3.0], [0.0, 2.5, -0.5, 1.0], [1.0, 1.0, 4.5, 0.25]])
V = np.array([1.0, 2.0, 2.5, 4.0])
K = np.array([2, 0, 1, 1])
Z = np.array([1 + 2j, -0.5j, 3.0])
WHERE = np.array([True, False, True])

#: A method, the value it is called on and with, and what NumPy makes of it (None: the same call).
METHODS = [
    ("sum", M, (0,), None),
    ("prod", M, (1,), None),
    ("mean", M, (0,), None),
    ("var", M, (1,), None),
    ("std", M, (None,), None),
    ("max", M, (0,), None),
    ("min", M, (1,), None),
    ("argmax", M, (1,), None),
    ("argmin", M, (None,), None),
    ("any", M, (0,), None),
    ("all", M, (1,), None),
    ("max_and_argmax", M, (1,), lambda m: (m.max(1), m.argmax(1))),
    ("ptp", M, (0,), lambda m: np.ptp(m, 0)),
    ("norm", M, (2, 0), lambda m: np.linalg.norm(m, 2, 0)),
    ("cumsum", M, (1,), None),
    ("cumprod", M, (0,), None),
    ("dot", M, (V,), None),
    ("trace", M, (), None),
    ("diagonal", M, (1,), None),
    ("conj", Z, (), None),
    ("conjugate", Z, (), None),
    ("round", M, (), None),
    ("clip", M, (-1.0, 2.0), None),
    ("astype", M, ("int32",), None),
    ("fill", M, (7.0,), lambda m: np.full_like(m, 7.0)),
    ("zeros_like", M, ("int8",), lambda m: np.zeros_like(m, "int8")),
    ("ones_like", M, (), np.ones_like),
    ("reshape", M, (4, 3), None),
    ("reshape", M, ((2, -1),), None),
    ("reshape", M, ([6, 2], 2), lambda m: m.reshape(6, 2)),
    ("flatten", M, (), None),
    ("flatten", M[None], (2,), lambda m: m.reshape(1, 12)),
    ("ravel", M, (), None),
    ("dimshuffle", M, (1, "x", 0), lambda m: m.T[:, None]),
    ("dimshuffle", M, ((1, 0),), lambda m: m.T),
    ("dimshuffle", V, ("x", 0), lambda v: v[None]),
    ("transpose", M, (), None),
    ("transpose", M, (1, 0), None),
    ("transpose", M, ((0, 1),), None),
    ("swapaxes", M[None], (0, 2), None),
    ("squeeze", M[None], (0,), None),
    ("repeat", M, (2, 1), None),
    ("sort", M, (0,), lambda m: np.sort(m, 0)),
    ("sort", M, (), np.sort),
    ("argsort", M, (1,), None),
    ("nonzero", M, (), None),
    ("nonzero", M, (True,), lambda m: np.array(m.nonzero())),
    ("nonzero_values", M, (), lambda m: m[m.nonzero()]),
    ("take", M, ([2, 0], 0), None),
    ("take", M, ([2, 13], None, "wrap"), lambda m: np.take(m, [2, 13], mode="wrap")),
    ("choose", K, ([V, V + 10, V + 20],), None),
    ("compress", M, (WHERE, 0), lambda m: m[WHERE]),
    ("searchsorted", V, ([2.0, 9.0], "right"), None),
    ("copy", M, (), None),
    *(
        (name, np.abs(V) / 5, (), lambda v, name=name: getattr(np, name)(v))
        for name in (
            "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "deg2rad",
            "exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "rad2deg", "sin",
            "sinh", "sqrt", "tan", "tanh", "trunc",
        )
    ),
    ("arccosh", V, (), np.arccosh),
]  # fmt: skip
PROPERTIES = [("T", M), ("real", Z), ("imag", Z), ("shape", M), ("size", M), ("ndim", M)]


@pytest.mark.parametrize(
    ("name", "value", "arguments", "expected"),
    METHODS,
    ids=[f"{name} {k}" for k, (name, *_) in enumerate(METHODS)],
)
def test_a_method_gives_what_numpy_gives(name, value, arguments, expected, the_reference_first):
    expected = getattr(value, name)(*arguments) if expected is None else expected(value)
    x = T.TensorType(value.dtype, (False,) * value.ndim)("x")
    found = getattr(x, name)(*arguments)
    found = function([x], list(found) if isinstance(found, tuple) else found)(value)
    several = isinstance(found, list)
    for ours, theirs in zip(
        found if several else [found], expected if several else [expected], strict=True
    ):
        assert ours.shape == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("name", "value"), PROPERTIES)
def test_a_property_gives_what_numpy_gives(name, value, the_reference_first):
    x = T.TensorType(value.dtype, (False,) * value.ndim)("x")
    found = function([x], getattr(x, name), on_unused_input="ignore")(value)
    np.testing.assert_array_equal(found, getattr(value, name))


def test_every_public_method_is_in_the_table():
    methods = {
        name
        for name in vars(Operators)
        if name[0] != "_" and not isinstance(vars(Operators)[name], property)
    }
    assert methods == {name for name, *_ in METHODS}


def test_accumulators_and_what_old_programs_pass(on_reference):
    x = T.fvector("x")
    assert x.sum(acc_dtype="float64").dtype == "float64"
    assert x.sum(dtype="float32", acc_dtype="float64").dtype == "float32"
    assert x.mean(acc_dtype="float64").dtype == "float64"
    assert x.prod(dtype="float64").dtype == "float64"
    assert x.sort(0, "quicksort", None).type is x.type
    assert x.var(ddof=1, corrected=True).ndim == 0
    y = x.type("y")
    assert (y.type, y.name) == (x.type, "y")
    assert x.copy(name="z").name == "z"
    assert x.size.ndim == 0


def test_quotient_and_remainder_in_both_orders(the_reference_first):
    x = T.ivector("x")
    f = function([x], [*divmod(x, 3), *divmod(17, x)])
    values = np.array([5, -4, 7], "int32")
    for ours, theirs in zip(f(values), [*divmod(values, 3), *divmod(17, values)], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_operators_with_an_array_at_the_left_stay_symbolic():
    x, a = T.dvector("x"), np.array([1.0, 2.0, 3.0])
    given = {x: [3.0, 2.0, 2.0]}
    cases = [
        (a + x, a + given[x]), (a - x, a - given[x]), (a / x, a / given[x]), (a**x, a**given[x]),
        (a // x, a // given[x]), (a % x, a % given[x]), (a @ x, 13.0),
        (np.float64(2) * x, [6, 4, 4]),
        (a < x, [True, False, False]), (np.float32(2) >= x, [False, True, True]),
    ]  # fmt: skip
    for symbolic, expected in cases:
        assert isinstance(symbolic, T.Tensor)
        np.testing.assert_array_equal(symbolic.eval(given), expected)
    assert np.ndim(x) == 1
    assert (a == x) is False and (a != x) is True
    with pytest.raises(TypeError, match="in place"):
        a += x
