"""Elementary functions that generated C has inlined: the same bits at any place, and exact where
mathematics is exact. How near they are to the truth is the conformance suite's."""

from __future__ import annotations

import platform
import subprocess
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready
from tensorcore_cgen import toolchain

import tensorcore.tensor as T
from tensorcore import TensorType, config, function
from tensorcore.codegen.dialect import C99, C99_HIGH, c99
from tensorcore.codegen.prelude import needed
from tensorcore.codegen.prelude_math import INLINED
from tensorcore.codegen.versions import versioned

#: Of these C has none.
SPECIAL = ("erfcx", "erfinv", "erfcinv", "psi")
NAMES = sorted({name for name, _ in INLINED} | {*SPECIAL})
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
    "asin": ([-0.0, 5e-324, -1.0, 1.5], [-0.0, 5e-324, -np.pi / 2, np.nan]),
    "acos": ([1.0, 0.0, -0.0, -1.0, -1.5], [0.0, np.pi / 2, np.pi / 2, np.pi, np.nan]),
    "asinh": ([-0.0, 5e-324, np.inf, -np.inf], [-0.0, 5e-324, np.inf, -np.inf]),
    "acosh": ([1.0, np.inf, 0.5, -1e9, -np.inf], [0.0, np.inf, np.nan, np.nan, np.nan]),
    "atanh": (
        [-0.0, 5e-324, 1.0, -1.0, 2.0, -np.inf],
        [-0.0, 5e-324, np.inf, -np.inf] + [np.nan] * 2,
    ),
    "erfc": ([0.0, -0.0, 28.0, -6.0, np.inf, -np.inf, np.nan], [1, 1, 0, 2, 0, 2, np.nan]),
    "erfcx": ([0.0, -30.0, -np.inf, np.inf, np.nan], [1, np.inf, np.inf, 0, np.nan]),
    "erfinv": (
        [-0.0, 5e-324, -1.0, 1.0, 1.5, -np.inf, np.nan],
        [-0.0, 5e-324, -np.inf, np.inf] + [np.nan] * 3,
    ),
    "erfcinv": (
        [1.0, 0.0, -0.0, 2.0, -0.5, 2.5, np.inf, np.nan],
        [0.0, np.inf, np.inf, -np.inf] + [np.nan] * 4,
    ),
    "lgamma": (
        [1.0, 2.0, 0.0, -0.0, -3.0, -1.5e308, np.inf, -np.inf, 1e306, np.nan],
        [0, 0] + [np.inf] * 7 + [np.nan],
    ),
    "psi": (
        [0.0, -0.0, -3.0, -1e300, np.inf, -np.inf, np.nan],
        [-np.inf, np.inf, np.nan, np.nan, np.inf, np.nan, np.nan],
    ),
    "erf": ([-0.0, 6.0, np.inf, -np.inf, np.nan], [-0.0, 1.0, 1.0, -1.0, np.nan]),
}
#: Of two numbers: the first, the second, the result.
EXACT_OF_TWO = {
    "atan2": (
        [0.0, -0.0, 0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 5e-324, 1.0, np.nan],
        [0.0, 0.0, -0.0, -0.0, 0.0, -0.0, np.inf, -np.inf, 1.0, np.inf, np.inf],
        [0.0, -0.0, np.pi, -np.pi, np.pi / 2, -np.pi / 2, np.pi / 4, -3 * np.pi / 4, 5e-324, 0.0]
        + [np.nan],
    ),
    "hypot": (
        [0.0, -0.0, 3e300, 5e-324, np.inf, np.nan, np.nan, 1.7e308],
        [0.0, 0.0, -4e300, 0.0, np.nan, -np.inf, 1.0, 1.7e308],
        [0.0, 0.0, 5e300, 5e-324, np.inf, np.inf, np.nan, np.inf],
    ),
    "pow": (  # as C99 says in annex F
        [0.0, -0.0, -0.0, -0.0, 0.0, -1.0, -1.0, 1.0, np.nan, -2.0, -2.0, -2.0, -8.0, 0.5, 2.0]
        + [0.5, 2.0, -np.inf, -np.inf, -np.inf, np.inf, 3.0, -np.inf, np.nan, 2.0],
        [-1.0, -3.0, 3.0, -2.0, 0.5, np.inf, -np.inf, np.nan, 0.0, 3.0, 2.0, -1.0, 0.5, np.inf]
        + [np.inf, -np.inf, -np.inf, 3.0, -3.0, 0.5, 0.25, 4.0, 2.0, 1.0, np.nan],
        [np.inf, -np.inf, -0.0, np.inf, 0.0, 1.0, 1.0, 1.0, 1.0, -8.0, 4.0, -0.5, np.nan, 0.0]
        + [np.inf, np.inf, 0.0, -np.inf, -0.0, np.inf, np.inf, 81.0, np.inf, np.nan, np.nan],
    ),
}


def _op(name: str) -> Any:
    if name in ("pow", "lgamma"):
        return T.power if name == "pow" else T.gammaln
    return getattr(T, "arc" + name[1:] if name.startswith("a") else name)


def _compiled(name: str, dtype: str) -> Any:
    operands = [TensorType(dtype, (False,))() for _ in range(1 + (name in EXACT_OF_TWO))]
    return function(operands, _op(name)(*operands), backend="cgen")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_a_result_does_not_depend_on_its_place(name: str, dtype: str) -> None:
    skip_unless_ready("cgen")
    f = _compiled(name, dtype)
    values = np.random.default_rng(0).lognormal(0, 3, (2, 67)).astype(dtype)
    values = values[: 1 + (name in EXACT_OF_TWO)]
    whole = f(*values)
    for start in range(17):
        for length in (1, 3, 8, 31, 50):
            part = slice(start, start + length)
            found = f(*(v[part].copy() for v in values))
            assert found.tobytes() == whole[part].tobytes()


def _is_exact(name: str, dtype: str = "float64") -> None:
    *arguments, results = EXACT_OF_TWO.get(name) or EXACT[name]
    found = _compiled(name, dtype)(*(np.array(a, dtype) for a in arguments))
    expected = np.array(results, dtype)
    np.testing.assert_array_equal(found, expected)
    number = ~np.isnan(expected)  # the sign of NaN says nothing
    np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(expected)[number])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exact_is_exact(name: str) -> None:
    skip_unless_ready("cgen")
    _is_exact(name)


def test_powers_are_exact_where_c_says_so() -> None:
    skip_unless_ready("cgen")
    _is_exact("pow", "float32")


@pytest.mark.parametrize("name", ["exp", "tanh", "asin"])
def test_what_is_exact_is_exact_with_high_accuracy(name: str) -> None:
    skip_unless_ready("cgen")
    with config.change_flags(math_accuracy="high"):
        _is_exact(name)


def test_accuracy_chooses_the_text() -> None:
    assert c99("default") is C99 and c99("high") is C99_HIGH
    assert C99.fill("exp@({0})", "float64", ["x"]) == "tc_exp_f64(x)"
    assert C99_HIGH.fill("exp@({0})", "float64", ["x"]) == "tc_exp_high_f64(x)"
    assert C99_HIGH.fill("exp@({0})", "float32", ["x"]) == "tc_exp_f32(x)"
    assert C99_HIGH.fill("asin@({0})", "float64", ["x"]) == "asin(x)"


def _fused() -> bool:
    """Whether the functions are ours: else there is no fused multiply-add, and they are C's."""
    command = [*toolchain.find().command, *toolchain.flags(), "-dM", "-E", "-x", "c", "/dev/null"]
    macros = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return any(name in macros for name in ("__FMA__", "__FP_FAST_FMA", "__ARM_FEATURE_FMA"))


@pytest.mark.parametrize("name", [*SPECIAL, "exp", "cos", "lgamma", "pow", "erfc"])
def test_what_is_exact_is_exact_without_a_fused_multiply_add(name: str) -> None:
    skip_unless_ready("cgen")
    flag = "-mno-fma" if platform.machine() in ("x86_64", "AMD64") else ""
    with config.change_flags(**{"cgen.flags": flag}):
        assert not (flag and _fused())
        _is_exact(name)


def test_high_accuracy_is_the_more_accurate() -> None:
    """In the same process too: what is kept of one accuracy does not answer for the other. C's own
    function is accurate whatever is asked for."""
    skip_unless_ready("cgen")
    x = np.random.default_rng(0).uniform(-9, 9, 20000)
    exact = np.exp(x.astype(np.longdouble))
    worst = {}
    for accuracy in ("default", "high"):
        with config.change_flags(math_accuracy=accuracy):
            found = _compiled("exp", "float64")(x)
        worst[accuracy] = float(np.max(np.abs(found - exact) / np.spacing(found)))
    if np.finfo(np.longdouble).nmant > 60:  # else the exact is not
        assert worst["high"] < 1
        assert 1 < worst["default"] < 3 if _fused() else worst["default"] < 1


def test_the_hardest_angles_are_reduced() -> None:
    """The double nearest to a multiple of pi / 2 (W. Kahan), and multiples of pi."""
    skip_unless_ready("cgen")
    x = TensorType("float64", (False,))("x")
    cosine, sine = function([x], [T.cos(x), T.sin(x)], backend="cgen")(
        np.array([6381956970095103.0 * 2.0**797, np.pi, 1e22])
    )
    # Without a fused multiply-add this is C's function, and glibc's errs by 7 units here.
    rtol = 4e-16 if _fused() else 4e-15
    np.testing.assert_allclose(cosine[0], -4.68716592425462761112e-19, rtol=rtol)
    np.testing.assert_allclose(sine[1:], [1.2246467991473532e-16, -0.8522008497671888], rtol=4e-16)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_have_the_same_bits_beside_larger_ones(name: str) -> None:
    """Small ones alone take another version of the loop."""
    skip_unless_ready("cgen")
    x = TensorType("float64", (False,))("x")
    f = function([x], [_op(name)(x), T.sum(_op(name)(2 * x))], backend="cgen")
    rng = np.random.default_rng(0)
    edges = [1e5, -1e5, np.nextafter(1e5, 0), -0.0, 5e-324]
    multiples = np.arange(-5000, 5000) * (np.pi / 2)
    small = np.concatenate([rng.uniform(-1e5, 1e5, 5000), multiples, edges])
    alone, total = f(small)
    beside, _ = f(np.concatenate([small, [1e300, np.nan, 1e5 + 1]]))
    assert alone.tobytes() == beside[: len(small)].tobytes()
    assert np.isnan(beside[-2]) and f(np.array([1e300]))[0] == beside[-3]
    scalar = function([x], _op(name)(x[0]), backend="cgen")  # no loop, and one version
    assert all(scalar(small[k:]) == alone[k] for k in range(0, len(small), 997))
    assert np.isfinite(total)


def test_a_loop_has_versions_where_the_argument_is_arithmetic() -> None:
    def of(argument: str) -> list[str]:
        head = ["#pragma omp simd", "for (i64 i = 0; i < n; i++) {"]
        body = ["  const f64 v0 = p0[i];", f"  const f64 v1 = {argument};"]
        body += ["  const f64 v2 = tc_sin_f64(v1);", "  p1[i] = v2;", "}"]
        return versioned([*head, *body], C99)

    text = "\n".join(of("v0 * v0"))
    assert text.count("v0 * v0") == 3 and text.count("p1[i] = v2") == 2
    assert "reduction(|:far)" in text and "far |= tc_far_f64(v1);" in text
    assert text.index("tc_far_f64") < text.index("tc_sin_f64") < text.index("tc_sin_small_f64")
    assert len(of("tc_exp_f64(v0)")) == 7  # looking would cost as much as computing
    assert len(of("tc_sin_f64(v0)")) > 7 and "tc_sin_f64(v1)" in "".join(of("tc_sin_f64(v0)")[-2:])


def test_a_language_may_keep_its_own_functions() -> None:
    template = "exp@({0})"
    plain = C99._replace(inlined={})
    assert C99.fill(template, "float32", ["x"]) == "tc_exp_f32(x)"
    assert plain.fill(template, "float32", ["x"]) == "expf(x)"
    assert C99.fill("my_exp@({0})", "float64", ["x"]) == "my_exp(x)"


def test_a_text_carries_what_it_uses_and_no_more() -> None:
    text = needed("y = tc_exp_f64(x);", C99)
    assert "tc_exp_f64" in text and "f32" not in text and "tc_log" not in text
    assert "#else\nstatic inline f64 tc_exp_f64(f64 x) { return exp(x); }" in text
