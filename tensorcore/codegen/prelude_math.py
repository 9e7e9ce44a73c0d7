"""Elementary functions for languages whose own ones keep a loop from becoming vector code.

Plain arithmetic on one number without a branch, so that a compiler makes vector code of a loop
over them; a number's result is the same at any place of an array. They rely on a fused
multiply-add; for a machine that has none they are the language's own functions.

Coefficients are near-minimax: Chebyshev expansions on the reduced interval, in 60 digits. A
constant in two parts is one whose first part is short, so that its multiples by the whole
numbers in question are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .prelude_angles import ANGLES, ANGLES_BY_TYPE, SHARED_OF_ANGLES
from .prelude_inverse import ERRORS, INVERSES, POWERS, SHARED_OF_INVERSES

#: Where a fused multiply-add is one instruction.
FAST = "defined(__FMA__) || defined(__FPFAST_FMA) || defined(__ARM_FEATURE_FMA)"
_INLINE = "static inline __attribute__((always_inline))"

#: What ``$NAME`` stands for in the texts below, by type. ``MAGIC``: added to a number it rounds
#: it to a whole one, in the last bits. ``ROOT``: the bits of the square root of 1/2. ``POWER``:
#: as ``MAGIC``, with the bias of exponents added, so that the last bits are those of 2**n;
#: ``QUARTER`` those of 2**(n - 2).
_CONSTANTS: dict[str, dict[str, str]] = {
    "f32": {
        "MANTISSA": "23", "MASK": "0x007fffffu", "SIGN": "0x80000000u", "SIZE": "0x7fffffffu",
        "BIAS": "127u",
        "MAGIC": "12582912.0f", "WHOLE": "0x4b400000u", "OFFSET": "8388735.0f",
        "OR": "0x4b000000u", "ROOT": "0x3f3504f3u", "NAN": "0x7fc00000u", "INFINITY": "0x7f800000u",
        "TINY": "1e-9f", "NORMAL": "1.17549435e-38f", "UP": "16777216.0f", "PLACES": "24",
        "PLACE_OF_SIGN": "31", "PI_4": "0.7853982f", "PI_4_REST": "-2.1855695000931213e-08f",
        "EXP_LOW": "-104.0f", "EXP_HIGH": "89.0f", "EXP2_LOW": "-151.0f", "EXP2_HIGH": "129.0f",
        "EXPM1_LOW": "-20.0f", "SINH_HIGH": "89.45f", "TANH_HIGH": "20.0f",
        "LOG2_E": "1.44269504f", "LN2_HIGH": "0.693145751953125f",
        "LN2_LOW": "1.4286068203094173e-06f",
        "LN2": "0.6931472f", "LN2_REST": "-1.904654299957768e-09f",
        "PER_LN2": "1.442695f", "PER_LN2_REST": "1.9259629911266175e-08f",
        "PER_LN10": "0.4342945f", "PER_LN10_REST": "-1.0103050052231683e-08f",
        "LOG10_2_HIGH": "0.301025390625f", "LOG10_2_LOW": "4.605038981195214e-06f",
        "ERF_HIGH": "4.0f", "ERF_MIDDLE": "2.5f",
        "POWER": "12583039.0f", "QUARTER": "12583037.0f", "LOG4_E": "0.72134752f",
        "LN4_HIGH": "1.38629150390625f", "LN4_LOW": "2.857213640618834e-06f",
    },
    "f64": {
        "MANTISSA": "52", "MASK": "0x000fffffffffffffull", "SIGN": "0x8000000000000000ull",
        "SIZE": "0x7fffffffffffffffull",
        "BIAS": "1023u", "MAGIC": "6755399441055744.0", "WHOLE": "0x4338000000000000ull",
        "OFFSET": "4503599627371519.0", "OR": "0x4330000000000000ull",
        "ROOT": "0x3fe6a09e667f3bcdull", "NAN": "0x7ff8000000000000ull",
        "INFINITY": "0x7ff0000000000000ull",
        "TINY": "1e-18", "NORMAL": "2.2250738585072014e-308", "UP": "18014398509481984.0",
        "PLACES": "54", "PLACE_OF_SIGN": "63",
        "PI_4": "0.7853981633974483", "PI_4_REST": "3.061616997868383e-17",
        "EXP_LOW": "-746.0", "EXP_HIGH": "710.0", "EXP2_LOW": "-1076.0", "EXP2_HIGH": "1025.0",
        "EXPM1_LOW": "-40.0", "SINH_HIGH": "710.5", "TANH_HIGH": "44.0",
        "LOG2_E": "1.4426950408889634", "LN2_HIGH": "0.6931471803691238",
        "LN2_LOW": "1.9082149292705877e-10",
        "LN2": "0.6931471805599453", "LN2_REST": "2.3190468138462996e-17",
        "PER_LN2": "1.4426950408889634", "PER_LN2_REST": "2.0355273740931033e-17",
        "PER_LN10": "0.4342944819032518", "PER_LN10_REST": "1.098319650216765e-17",
        "LOG10_2_HIGH": "0.30102999566361177", "LOG10_2_LOW": "3.694239077158931e-13",
        "ERF_HIGH": "6.0", "ERF_MIDDLE": "3.5",
        "POWER": "6755399441056767.0", "QUARTER": "6755399441056765.0",
        "LOG4_E": "0.7213475204444817",
        "LN4_HIGH": "1.3862943607382476", "LN4_LOW": "3.8164298585411754e-10",
    },
}  # fmt: skip

#: Polynomials, the highest power first.
_POLYNOMIALS: dict[str, dict[str, tuple[float, ...]]] = {
    # (e**r - 1 - r) / r**2 for |r| <= log(2) / 2
    "EXP": {
        "f32": (0.001392640047984433, 0.008363352682558865, 0.041666553310798285,
                0.16666575943917947, 0.5),
        "f64": (2.5100666142918374e-08, 2.7620453391695057e-07, 2.7557267868262007e-06,
                2.480152052648056e-05, 0.0001984126986343555, 0.0013888888917710368,
                0.008333333333329985, 0.04166666666662313, 0.16666666666666669,
                0.5000000000000001),
    },
    # The same for |r| <= log(2)
    "EXP_WIDE": {
        "f32": (0.00020041052959119695, 0.0014068890498041492, 0.008332972514806261,
                0.04166341474007319, 0.16666667630971968, 0.500000086914009),
        "f64": (1.6169745736052821e-10, 2.104288330771501e-09, 2.5051508779512944e-08,
                2.755641928872635e-07, 2.755732072001869e-06, 2.4801589547099848e-05,
                0.00019841269839583058, 0.0013888888886356976, 0.008333333333334029,
                0.04166666666667711, 0.16666666666666666, 0.49999999999999994),
    },
    # (arcsin(s) - s) / s**3 over s**2, for 0 <= s <= 1/2
    "ASIN": {
        "f32": (0.03369084720283012, 0.017149238357677253, 0.03110066273549457,
                0.04459940152851218, 0.07500094543497424, 0.16666666337430908),
        "f64": (0.028169218060881414, -0.010749050339697808, 0.01603551434914882,
                0.0078029494773533175, 0.011875494382636922, 0.013929652902326633,
                0.017355259955786323, 0.02237204763174451, 0.03038194736709848,
                0.044642857103423646, 0.07500000000020764, 0.1666666666666665),
    },
    # erf(a) / a - 1 over a**2, for 0 <= a <= 1
    "ERF_NEAR": {
        "f32": (7.875875062685488e-05, -0.000801686428716587, 0.005189087423433974,
                -0.026854212010626412, 0.11283594715160218, -0.37612626666720334,
                0.12837916584835093),
        "f64": (5.957176147748911e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
                -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05,
                0.0001205533111164271, -0.000854832698083379, 0.0052239776248180145,
                -0.026866170645076792, 0.11283791670954879, -0.3761263890318375,
                0.1283791670955126),
    },
    # -log(erfc(a)) over a less the middle, for a from one to where the error function is one
    "ERF_FAR": {
        "f32": (-1.6371514145936436e-06, 1.3315014397316908e-05, -7.729137615384619e-05,
                0.00042012252354128946, -0.0021653035491625196, 0.010858541642896825,
                0.9438937036106507, 5.352680674224487, 7.806815272727264),
        "f64": (5.038175090820216e-18, -3.169997093543526e-17, -1.8647709480120564e-17,
                4.137506353844001e-16, -5.507869202468303e-16, 5.252994671634073e-15,
                -6.703248087615219e-14, 4.1568031971878565e-13, -2.0554075993038623e-12,
                9.09456815352739e-12, -3.065185473437961e-11, 2.5027567470717578e-11,
                7.74894938262315e-10, -9.532060947155006e-09, 8.069303240006965e-08,
                -5.856139032767791e-07, 3.889557155325179e-06, -2.4386373823313104e-05,
                0.00014729777489954873, -0.000873687323545211, 0.005225658221939981,
                0.9667530547422176, 7.266099588365191, 14.112437402148174),
    },
    # 2 (e**r - 1 - r - r**2 / 2) / r**3 for the same r
    "EXPM1": {
        "f32": (0.0003976587842243921, 0.002785280095968866, 0.01666664148415921,
                0.08333310662159657, 0.3333333333333333),
        "f64": (4.182287409196849e-09, 5.020133228583675e-08, 5.511456509395892e-07,
                5.511453573652401e-06, 4.960317463483449e-05, 0.000396825397268711,
                0.0027777777777772995, 0.01666666666665997, 0.08333333333333333,
                0.33333333333333337),
    },
    # (sin(r) - r) / r**3 over r**2, for |r| <= pi / 4
    "SIN": {
        "f32": (-0.000195828306788358, 0.008332724613783694, -0.16666664539365847),
        "f64": (1.5915309183057952e-10, -2.5051092308431318e-08, 2.7557315910939e-06,
                -0.00019841269836385435, 0.0083333333333307, -0.16666666666666666),
    },
    # (cos(r) - 1 + r**2 / 2) / r**4 over r**2, for the same r
    "COS": {
        "f32": (2.4542871110870263e-05, -0.0013888279330556918, 0.04166666453632113),
        "f64": (-1.1380868171449914e-11, 2.0876121534608454e-09, -2.7557317151858866e-07,
                2.480158729853226e-05, -0.0013888888888887241, 0.041666666666666664),
    },
    # (arctan(t) - t) / t**3 over t**2, for |t| <= 1/2
    "ATAN": {
        "f32": (-0.05580655245620754, 0.10422272232224028, -0.14227143941046436,
                0.19998209370165365, -0.3333332441491893),
        "f64": (-0.009211063504627926, 0.024999689507521367, -0.03806224794996687,
                0.04627870086418654, -0.052400641544110685, 0.05879573107799684,
                -0.06666435144143137, 0.07692294677482635, -0.09090908618865388,
                0.11111111100881761, -0.1428571428559874, 0.19999999999999485,
                -0.3333333333333333),
    },
    # (log((1 + s) / (1 - s)) / s - 2) / s**2 over s**2, for |s| <= 0.1716
    "LOG": {
        "f32": (0.23331614471843498, 0.28550778633191964, 0.4000012221181065,
                0.6666666655404201),
        "f64": (0.14617807153417325, 0.15331611722055008, 0.1818289243253687,
                0.22222211089379496, 0.28571428626253836, 0.3999999999989889,
                0.666666666666667),
    },
}  # fmt: skip

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
    "exp": """\
INLINE T tc_exp_#(T x) {
  T c = x > $EXP_HIGH ? $EXP_HIGH : x;
  c = c < $EXP_LOW ? $EXP_LOW : c;
  T t = c * $LOG2_E + $MAGIC, n = t - $MAGIC;
  T h = tc_fused_#(n, -$LN2_HIGH, c), r = tc_fused_#(n, -$LN2_LOW, h);
  T e = tc_fused_#(n, -$LN2_LOW, h - r);
  return tc_times_power_#(1 + (r + tc_fused_#(r * r, <EXP r>, e)), t);
}
""",
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
    # c is what 1 + x lost.
    "log1p": """\
INLINE T tc_log1p_#(T x) {
  T u = 1 + x, b = u - 1, c = ((1 - (u - b)) + (x - b)) / u, n, m = tc_split_#(u, &n);
  T f = n == 0 ? x : m - 1;
  c = n == 0 ? 0 : c;
  T y = n * $LN2_HIGH - (tc_log_rest_#(f, tc_fused_#(n, $LN2_LOW, c)) - f);
  y = tc_log_limits_#(u, y);
  return tc_magnitude_#(x) < $TINY ? x : y;
}
""",
    # (e**2a - 1) / (e**2a + 1), the quotient corrected by its remainder.
    "tanh": """\
INLINE T tc_tanh_#(T x) {
  T a = 2 * tc_magnitude_#(x), l;
  T h = tc_expm1_quarter_#(a > $TANH_HIGH ? $TANH_HIGH : a, &l), y = h + l, d = y + (T)0.5;
  T b = d - (T)0.5, e = (y - b) + ((T)0.5 - (d - b)), v = 1 / d, q = y * v;
  l -= y - h;
  q = tc_fused_#(tc_fused_#(-q, d, y) + (l - q * (e + l)), v, q);
  return a < $TINY ? x : tc_with_sign_#(q, x);
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
}


def _text(text: str, word: str) -> str:
    """The text for a type: polynomials by Horner's rule, constants by their values."""
    text = re.sub(r"<(\w+) (\w)>", lambda m: _horner(_POLYNOMIALS[m[1]][word], m[2]), text)
    text = re.sub(r"\$(\w+)", lambda m: _CONSTANTS[word][m[1]], text)
    return text.replace("INLINE", _INLINE)


def _horner(coefficients: tuple[float, ...], x: str) -> str:
    text = f"(T){coefficients[0]!r}"
    for c in coefficients[1:]:
        text = f"tc_fused_#({text}, {x}, (T){c!r})"
    return text


def _guarded(name: str, text: str) -> str:
    head = text[text.index("tc_") : text.index(" {")]  # NAME(T x), or of two numbers
    arguments = ", ".join(re.findall(r"\w+ (\w+)[,)]", head))
    kind = text.split(" tc_", maxsplit=1)[0].removeprefix("INLINE ")
    called = name.removesuffix("_high")
    own = f"static inline {kind} {head} {{ return {called}@({arguments}); }}\n"
    return f"#if {FAST}\n{text}#else\n{own}#endif\n"


#: Where there is a cheap text, the other one is for ``math_accuracy=high``.
_HIGH = {
    f"{name}_high": _FUNCTIONS[name].replace(f"tc_{name}_#", f"tc_{name}_high_#") for name in _CHEAP
}
_PUBLIC = _FUNCTIONS | ANGLES | INVERSES | ERRORS | _CHEAP
_ALL = _SHARED | SHARED_OF_ANGLES | SHARED_OF_INVERSES
_ALL |= {f"tc_{name}": _guarded(name, text) for name, text in (_PUBLIC | _HIGH).items()}
#: Entries of the prelude by name and word of the type.
MATH: dict[str, dict[str, str]] = {
    name: {word: _text(text, word) for word in _CONSTANTS} for name, text in _ALL.items()
}
MATH |= {
    name: {word: _text(text, word) for word, text in texts.items()}
    for name, texts in ANGLES_BY_TYPE.items()
}
MATH |= {
    f"tc_{name}": {word: _text(_guarded(name, text), word) for word, text in texts.items()}
    for name, texts in POWERS.items()
}
#: The functions that are here, by name and word of the type, each with its entry.
INLINED: Mapping[tuple[str, str], str] = {
    (name, word): f"tc_{name}" for name in [*_PUBLIC, *POWERS] for word in MATH[f"tc_{name}"]
}
#: The same where float64 is held to limits of its own.
INLINED_HIGH: Mapping[tuple[str, str], str] = {
    (name, word): f"tc_{name}_high" if word == "f64" and name in _CHEAP else entry
    for (name, word), entry in INLINED.items()
    if word != "f64" or name not in INVERSES
}
