"""Elementary functions that generated C has inlined: the same bits at any place, and exact where
mathematics is exact. How near they are to the truth is the conformance suite's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore.tensor as T
from tensorcore import TensorType, function
from tensorcore.codegen.dialect import C99
from tensorcore.codegen.prelude import needed
from tensorcore.codegen.prelude_math import INLINED

NAMES = sorted({name for name, _ in INLINED})
#: What the largest finite argument, infinity and so on give is the conformance suite's; these
#: are exact.
EXACT = {
    "exp": ([0.0, -0.0, -np.inf], [1, 1, 0]),
    "exp2": ([-1074.0, -3.0, 0.0, 10.0], [5e-324, 0.125, 1, 1024]),
    "expm1": ([-0.0, 5e-324, -np.inf], [-0.0, 5e-324, -1]),
    "log": ([1.0, 0.0, np.inf], [0, -np.inf, np.inf]),
    "log2": ([5e-324, 0.25, 1024.0], [-1074, -2, 10]),
    "log10": ([1e-5, 1.0, 1000.0, 1e22], [-5, 0, 3, 22]),
    "log1p": ([-0.0, 5e-324, -1.0], [-0.0, 5e-324, -np.inf]),
    "tanh": ([-0.0, 5e-324, 50.0, -np.inf], [-0.0, 5e-324, 1, -1]),
    "sinh": ([-0.0, 5e-324, -np.inf], [-0.0, 5e-324, -np.inf]),
    "cosh": ([0.0, -np.inf], [1, np.inf]),
    "sin": ([-0.0, 5e-324, np.inf], [-0.0, 5e-324, np.nan]),
    "cos": ([0.0, 5e-324, -np.inf], [1, 1, np.nan]),
    "atan": ([-0.0, 5e-324, -1.0, np.inf], [-0.0, 5e-324, -np.pi / 4, np.pi / 2]),
    "tan": ([-0.0, 5e-324, np.inf], [-0.0, 5e-324, np.nan]),
}


def _op(name: str) -> Any:
    return getattr(T, {"atan": "arctan"}.get(name, name))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_a_result_does_not_depend_on_its_place(name: str, dtype: str) -> None:
    skip_unless_ready("cgen")
    x = TensorType(dtype, (False,))("x")
    f = function([x], _op(name)(x), backend="cgen")
    values = np.random.default_rng(0).lognormal(0, 3, 67).astype(dtype)
    whole = f(values)
    for start in range(17):
        for length in (1, 3, 8, 31, 50):
            part = slice(start, start + length)
            assert f(values[part].copy()).tobytes() == whole[part].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exact_is_exact(name: str) -> None:
    skip_unless_ready("cgen")
    x = TensorType("float64", (False,))("x")
    arguments, results = EXACT[name]
    found = function([x], _op(name)(x), backend="cgen")(np.array(arguments))
    expected = np.array(results, "float64")
    np.testing.assert_array_equal(found, expected)
    number = ~np.isnan(expected)  # the sign of NaN says nothing
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(expected)[number])


def test_the_hardest_angles_are_reduced() -> None:
    """The double nearest to a multiple of pi / 2 (W. Kahan), and multiples of pi."""
    skip_unless_ready("cgen")
    x = TensorType("float64", (False,))("x")
    cosine, sine = function([x], [T.cos(x), T.sin(x)], backend="cgen")(
        np.array([6381956970095103.0 * 2.0**797, np.pi, 1e22])
    )
    np.testing.assert_allclose(cosine[0], -4.68716592425462761112e-19, rtol=4e-16)
    np.testing.assert_allclose(sine[1:], [1.2246467991473532e-16, -0.8522008497671888], rtol=4e-16)


def test_a_language_may_keep_its_own_functions() -> None:
    template = "exp@({0})"
    plain = C99._replace(inlined=frozenset())
    assert C99.fill(template, "float32", ["x"]) == "tc_exp_f32(x)"
    assert plain.fill(template, "float32", ["x"]) == "expf(x)"
    assert C99.fill("my_exp@({0})", "float64", ["x"]) == "my_exp(x)"


def test_a_text_carries_what_it_uses_and_no_more() -> None:
    text = needed("y = tc_exp_f64(x);", C99)
    assert "tc_exp_f64" in text and "f32" not in text and "tc_log" not in text
    assert "#else\nstatic inline f64 tc_exp_f64(f64 x) { return exp(x); }" in text
