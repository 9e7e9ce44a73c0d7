"""Elementary functions for languages whose own ones keep a loop from becoming vector code.

Plain arithmetic on one number without a branch, so that a compiler makes vector code of a loop
over them; a number's result is the same at any place of an array. They rely on a fused
multiply-add; for a machine that has none they are the language's own functions.

In the texts ``$NAME`` is a constant and ``<NAME x>`` a polynomial of ``prelude_numbers``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .prelude_accurate import ACCURATE, SHARED_OF_ACCURATE
from .prelude_angles import ANGLES, ANGLES_BY_TYPE, SHARED_OF_ANGLES
from .prelude_errors import ERRORS, SHARED_OF_ERRORS, SPECIAL_ERRORS
from .prelude_gamma import GAMMAS, SHARED_OF_GAMMAS, SPECIAL_GAMMAS
from .prelude_inverse import INVERSES, POWERS, SHARED_OF_INVERSES
from .prelude_numbers import CONSTANTS, POLYNOMIALS

#: Where a fused multiply-add is one instruction.
FAST = (
    "defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__ARM_FEATURE_FMA)"
    " || defined(__CUDA_ARCH__)"
)
#: From so many coefficients on a polynomial is computed in two chains.
_LONG = 12
#: Except where the two chains would cancel.
_ONE_CHAIN = ("ERF_FAR",)
_INLINE = "static inline __attribute__((always_inline))"

_SHARED: dict[str, str] = {
    "tc_bits": """\
INLINE U tc_bits_#(T x) { union { T number; U bits; } v; v.number = x; return v.bits; }
""",
    "tc_number": """\
INLINE T tc_number_#(U x) { union { T number; U bits; } v; v.bits = x; return v.number; }
""",
    "tc_fused": """\
INLINE T tc_fused_#(T a, T b, T c) { return fma@(a, b, c); }
""",
    # A step of Horner's rule, where one rounding more does little harm.
    "tc_step": f"""\
#if {FAST}
INLINE T tc_step_#(T a, T b, T c) {{ return fma@(a, b, c); }}
#else
INLINE T tc_step_#(T a, T b, T c) {{ return a * b + c; }}
#endif
""",
    "tc_magnitude": """\
INLINE T tc_magnitude_#(T x) { return tc_number_#(tc_bits_#(x) & $SIZE); }
""",
    "tc_with_sign": """\
INLINE T tc_with_sign_#(T x, T sign) {
  return tc_number_#((tc_bits_#(x) & $SIZE) | (tc_bits_#(sign) & $SIGN));
}
""",
    # y times the power of two that is in the last bits of t, in two steps: so the result is
    # rounded once, also where it is subnormal, and overflows where it must.
    "tc_times_power": """\
INLINE T tc_times_power_#(T y, T t) {
  U k = tc_bits_#(t) - ($WHOLE - 2 * $BIAS), a = k >> 1;
  return y * tc_number_#(a << $MANTISSA) * tc_number_#((k - a) << $MANTISSA);
}
""",
    # (e**x - 1) / 4 as a sum of two numbers: x = n log 2 + r + e, where e is what r lost.
    "tc_expm1_quarter": """\
INLINE T tc_expm1_quarter_#(T x, T *low) {
  T t = x * $LOG2_E + $MAGIC, n = t - $MAGIC;
  T h = tc_fused_#(n, -$LN2_HIGH, x), r = tc_fused_#(n, -$LN2_LOW, h);
  T e = tc_fused_#(n, -$LN2_LOW, h - r);
  T s = tc_number_#((tc_bits_#(t) - ($WHOLE - $BIAS + 2u)) << $MANTISSA);
  T g = s - (T)0.25, y = tc_fused_#(s, r, g), l = tc_fused_#(s, r, g - y) + ((s - g) - (T)0.25);
  T w = (T)0.5 * r * r, f = tc_fused_#((T)0.5 * r, r, -w) + e;
  *low = tc_fused_#(s, w + tc_fused_#(r * w, <EXPM1 r>, f), l);
  return y;
}
""",
    # x = m * 2**n with m between the roots of 1/2 and 2, for normal x > 0.
    "tc_split": """\
INLINE T tc_split_#(T x, T *n) {
  U u = tc_bits_#(x) - $ROOT;
  *n = tc_number_#(((u + ($BIAS * ($MASK + 1))) >> $MANTISSA) | $OR) - $OFFSET;
  return tc_number_#((u & $MASK) + $ROOT);
}
""",
    # The same for subnormal numbers too.
    "tc_split_any": """\
INLINE T tc_split_any_#(T x, T *n) {
  T k, m = tc_split_#(x < $NORMAL ? x * $UP : x, &k);
  *n = x < $NORMAL ? k - $PLACES : k;
  return m;
}
""",
    # f - log(1 + f) by s = f / (2 + f), as in fdlibm (Sun Microsystems, 1993), e_log.c.
    "tc_log_rest": """\
INLINE T tc_log_rest_#(T f, T more) {
  T s = f / (2 + f), z = s * s, q = (T)0.5 * f * f;
  return q - tc_fused_#(s, tc_fused_#(z, <LOG z>, q), more);
}
""",
    # The logarithm y of x where there is one, else what the limits say.
    "tc_log_limits": """\
INLINE T tc_log_limits_#(T x, T y) {
  T z = x < 0 ? tc_number_#($NAN) : x;
  z = x == 0 ? -tc_number_#($INFINITY) : z;
  return x > 0 && x < tc_number_#($INFINITY) ? y : z;
}
""",
    # Logarithms to another base: w + v as in FreeBSD's e_log2.c, with fused products.
    "tc_log_based": """\
INLINE T tc_log_based_#(T m, T high, T low, T per, T rest) {
  T f = m - 1, c = tc_log_rest_#(f, 0), y = f - c, l = (f - y) - c;
  T p = y * per, q = tc_fused_#(y, per, -p) + tc_fused_#(y, rest, l * per), w = high + p;
  return w + (((high - w) + p) + (q + low));
}
""",
}

_FUNCTIONS: dict[str, str] = {
    "exp2": """\
INLINE T tc_exp2_#(T x) {
  T c = x > $EXP2_HIGH ? $EXP2_HIGH : x;
  c = c < $EXP2_LOW ? $EXP2_LOW : c;
  T t = c + $MAGIC, k = c - (t - $MAGIC), r = k * $LN2;
  T e = tc_fused_#(k, $LN2_REST, tc_fused_#(k, $LN2, -r));
  return tc_times_power_#(1 + (r + tc_fused_#(r * r, <EXP r>, e)), t);
}
""",
    "expm1": """\
INLINE T tc_expm1_#(T x) {
  T l, y, c = x > $EXP_HIGH ? $EXP_HIGH : x;
  c = c < $EXPM1_LOW ? $EXPM1_LOW : c;
  y = tc_expm1_quarter_#(c, &l);
  return tc_magnitude_#(x) < $TINY ? x : 4 * (y + l);
}
""",
    "log": """\
INLINE T tc_log_#(T x) {
  T n, f = tc_split_any_#(x, &n) - 1;
  return tc_log_limits_#(x, n * $LN2_HIGH - (tc_log_rest_#(f, n * $LN2_LOW) - f));
}
""",
    "log2": """\
INLINE T tc_log2_#(T x) {
  T n, m = tc_split_any_#(x, &n);
  return tc_log_limits_#(x, tc_log_based_#(m, n, 0, $PER_LN2, $PER_LN2_REST));
}
""",
    "log10": """\
INLINE T tc_log10_#(T x) {
  T n, m = tc_split_any_#(x, &n);
  T y = tc_log_based_#(m, n * $LOG10_2_HIGH, n * $LOG10_2_LOW, $PER_LN10, $PER_LN10_REST);
  return tc_log_limits_#(x, y);
}
""",
    "log1p": """\
INLINE T tc_log1p_#(T x) {
  T y = tc_log1p_parts_#(x, 0, 0);
  return tc_magnitude_#(x) < $TINY ? x : y;
}
""",
}


#: Within the limits of float32, in units of either dtype: nothing is carried along that was
#: lost in rounding.
_CHEAP: dict[str, str] = {
    # x = 2 n log 2 + r: the power of two is taken twice, which rounds once, also where the result
    # is subnormal, and overflows where it must.
    "exp": """\
INLINE T tc_exp_#(T x) {
  T c = $EXP_HIGH < x ? $EXP_HIGH : x;
  c = c < $EXP_LOW ? $EXP_LOW : c;
  T t = tc_fused_#(c, $LOG4_E, $POWER), n = t - $POWER;
  T r = tc_fused_#(n, -$LN4_LOW, tc_fused_#(n, -$LN4_HIGH, c));
  T s = tc_number_#(tc_bits_#(t) << $MANTISSA);
  return tc_fused_#(tc_fused_#(<EXP_WIDE r>, r, 1), r, 1) * s * s;
}
""",
    "tanh": """\
INLINE T tc_tanh_#(T x) {
  T a = 2 * tc_magnitude_#(x), c = $TANH_HIGH < a ? $TANH_HIGH : a;
  T t = tc_fused_#(c, $LOG2_E, $QUARTER), n = t - $QUARTER;
  T r = tc_fused_#(n, -$LN2_LOW, tc_fused_#(n, -$LN2_HIGH, c));
  T s = tc_number_#(tc_bits_#(t) << $MANTISSA);
  T y = tc_fused_#(s, tc_fused_#(r * r, <EXP r>, r), s - (T)0.25);
  return a < $TINY ? x : tc_with_sign_#(y / (y + (T)0.5), x);
}
""",
    "sinh": """\
INLINE T tc_sinh_#(T x) {
  T a = tc_magnitude_#(x), l;
  T h = tc_expm1_quarter_#(a > $SINH_HIGH ? $SINH_HIGH : a, &l), y = h + l;
  T s = 2 * (y + (y / (4 * y + 1) + (l - (y - h))));
  return a < $TINY ? x : tc_with_sign_#(s, x);
}
""",
    "cosh": """\
INLINE T tc_cosh_#(T x) {
  T a = tc_magnitude_#(x), l;
  T h = tc_expm1_quarter_#(a > $SINH_HIGH ? $SINH_HIGH : a, &l), y = (h + (T)0.25) + l;
  return 2 * (y + (T)0.0625 / y);
}
""",
}


def _text(text: str, word: str) -> str:
    """The text for a type, with its polynomials and constants."""
    text = re.sub(r"<(\w+) (\w)>", lambda m: _polynomial(m[1], word, m[2]), text)
    text = re.sub(r"\$(\w+)", lambda m: CONSTANTS[word][m[1]], text)
    return text.replace("INLINE", _INLINE)


def _polynomial(name: str, word: str, x: str) -> str:
    """By Horner's rule; of a long one the even and the odd powers apart, as the steps of one chain
    wait for each other."""
    coefficients = POLYNOMIALS[name][word]
    if len(coefficients) < _LONG or name in _ONE_CHAIN:
        return _horner(coefficients, x)
    first, second = coefficients[-1::-2][::-1], coefficients[-2::-2][::-1]
    square = f"({x} * {x})"
    return f"tc_step_#({_horner(second, square)}, {x}, {_horner(first, square)})"


def _horner(coefficients: tuple[float, ...], x: str) -> str:
    text = f"(T){coefficients[0]!r}"
    for c in coefficients[1:]:
        text = f"tc_step_#({text}, {x}, (T){c!r})"
    return text


def _guarded(name: str, text: str) -> str:
    head = text[text.index("tc_") : text.index(" {")]  # NAME(T x), or of two numbers
    arguments = ", ".join(re.findall(r"\w+ (\w+)[,)]", head))
    kind = text.split(" tc_", maxsplit=1)[0].removeprefix("INLINE ")
    called = name.removesuffix("_high").removesuffix("_small")
    own = f"static inline {kind} {head} {{ return {called}@({arguments}); }}\n"
    return f"#if {FAST}\n{text}#else\n{own}#endif\n"


_CHEAP |= INVERSES
_PUBLIC = _FUNCTIONS | ANGLES | ERRORS | GAMMAS | _CHEAP
_HIGH = {
    f"{name}_high": text.replace(f"tc_{name}_#", f"tc_{name}_high_#")
    for name, text in ACCURATE.items()
}
#: Of float64, for small arguments.
_SMALL = {
    name: text.replace(f"tc_{name}_#", f"tc_{name}_small_#").replace(
        "tc_reduce_#", "tc_reduce_small_#"
    )
    for name, text in ANGLES.items()
    if "tc_reduce_#" in text
}
_ALL = _SHARED | SHARED_OF_ACCURATE | SHARED_OF_ANGLES | SHARED_OF_ERRORS | SHARED_OF_INVERSES
_ALL |= SHARED_OF_GAMMAS | SPECIAL_ERRORS | SPECIAL_GAMMAS
_ALL |= {f"tc_{name}": _guarded(name, text) for name, text in (_PUBLIC | _HIGH).items()}
_BY_TYPE = ANGLES_BY_TYPE | {
    f"tc_{name}_small": {"f64": _guarded(f"{name}_small", text)} for name, text in _SMALL.items()
}
_BY_TYPE |= {
    f"tc_{name}": {word: _guarded(name, text) for word, text in texts.items()}
    for name, texts in POWERS.items()
}
#: Entries of the prelude by name and word of the type.
MATH: dict[str, dict[str, str]] = {
    name: {word: _text(text, word) for word in CONSTANTS} for name, text in _ALL.items()
}
MATH |= {
    name: {word: _text(text, word) for word, text in texts.items()}
    for name, texts in _BY_TYPE.items()
}
#: The functions that are here, by name and word of the type, each with its entry.
INLINED: Mapping[tuple[str, str], str] = {
    (name, word): f"tc_{name}" for name in [*_PUBLIC, *POWERS] for word in MATH[f"tc_{name}"]
}
#: The same where float64 is held to limits of its own: what has a cheap text only is the
#: language's own.
INLINED_HIGH: Mapping[tuple[str, str], str] = {
    (name, word): f"tc_{name}_high" if word == "f64" and name in ACCURATE else entry
    for (name, word), entry in INLINED.items()
    if word != "f64" or name not in _CHEAP or name in ACCURATE
}
#: What has a version for small arguments, with that and with what says that one is not small.
VERSIONS: Mapping[str, tuple[str, str]] = {
    f"tc_{name}_f64": (f"tc_{name}_small_f64", "tc_far_f64") for name in _SMALL
}
