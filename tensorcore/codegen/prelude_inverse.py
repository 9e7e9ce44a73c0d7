"""Inverse functions, lengths, powers and the error function without a branch, for
``prelude_math``, which says what the texts mean. ``INVERSES`` are within the limits of float32
in units of either dtype, which is what ``math_accuracy=default`` asks for; with ``high`` float64
has the language's own.
"""

from __future__ import annotations

#: arcsin s for 0 <= s <= 1: near one by arcsin s = pi / 2 - 2 arcsin sqrt((1 - s) / 2). Twice
#: the part that is an arc sine is what arc cosine wants of it.
SHARED_OF_INVERSES: dict[str, str] = {
    "tc_asin_part": """\
INLINE T tc_asin_part_#(T a) {
  T z = a > (T)0.5 ? (T)0.5 * (1 - a) : a * a, s = a > (T)0.5 ? sqrt@(z) : a;
  return tc_fused_#(z * s, <ASIN z>, s);
}
""",
}

INVERSES: dict[str, str] = {
    "asin": """\
INLINE T tc_asin_#(T x) {
  T a = tc_magnitude_#(x), p = tc_asin_part_#(a);
  T y = 2 * (($PI_4 - p) + $PI_4_REST);
  return tc_with_sign_#(a > (T)0.5 ? y : p, x);
}
""",
    "acos": """\
INLINE T tc_acos_#(T x) {
  T a = tc_magnitude_#(x), p = tc_asin_part_#(a), near = a > (T)0.5 ? 2 * p : -p;
  T right = a > (T)0.5 ? 0 : 2, k = x < 0 ? 4 - right : right;
  return k * $PI_4 + ((x < 0 ? -near : near) + k * $PI_4_REST);
}
""",
    # log(1 + u) with u = a + a**2 / (1 + sqrt(1 + a**2)); for large a, log 2 a.
    "asinh": """\
INLINE T tc_asinh_#(T x) {
  T a = tc_magnitude_#(x), b = a > (T)1e9 ? 1 : a, q = b * b;
  T u = a > (T)1e9 ? a - 1 : b + q / (1 + sqrt@(1 + q));
  return tc_with_sign_#(tc_log1p_#(u) + (a > (T)1e9 ? $LN2 : 0), x);
}
""",
    # log(1 + u) with u = t + sqrt(2 t + t**2) and t = x - 1; for large x, log 2 x.
    "acosh": """\
INLINE T tc_acosh_#(T x) {
  T t = x < 1 ? tc_number_#($NAN) : x - 1, b = t > (T)1e9 ? 1 : t;
  T u = t > (T)1e9 ? t : b + sqrt@(tc_fused_#(b, b, 2 * b));
  return tc_log1p_#(u) + (t > (T)1e9 ? $LN2 : 0);
}
""",
    "atanh": """\
INLINE T tc_atanh_#(T x) {
  T a = tc_magnitude_#(x);
  return tc_with_sign_#((T)0.5 * tc_log1p_#(2 * a / (1 - a)), x);
}
""",
    # The arc tangent of what is at most one; infinities are equal, and so are zeros.
    "atan2": """\
INLINE T tc_atan2_#(T y, T x) {
  T a = tc_magnitude_#(y), b = tc_magnitude_#(x), low = a < b ? a : b, high = a < b ? b : a;
  T q = a == b ? (a == 0 ? 0 : 1) : low / high, r = tc_atan_#(q);
  T k = a > b ? 2 : tc_bits_#(x) & $SIGN ? 4 : 0;
  U turn = (tc_bits_#(x) & $SIGN) ^ (a > b ? $SIGN : 0);
  r = k * $PI_4 + (tc_number_#(tc_bits_#(r) ^ turn) + k * $PI_4_REST);
  return tc_with_sign_#(r, y);
}
""",
    # No square is taken of what is not near one; an infinity wins over NaN.
    "hypot": """\
INLINE T tc_hypot_#(T x, T y) {
  T a = tc_magnitude_#(x), b = tc_magnitude_#(y), low = a < b ? a : b, high = a < b ? b : a;
  T q = a == b ? (a == 0 ? 0 : 1) : low / high, r = high * sqrt@(tc_fused_#(q, q, 1));
  r = a == tc_number_#($INFINITY) ? a : r;
  return b == tc_number_#($INFINITY) ? b : r;
}
""",
}

# In float64, whose logarithm has the bits that the exponential wants. Roots of negative numbers
# are none; a whole exponent is odd where its half is not whole.
_POW_F32 = """\
INLINE f32 tc_pow_f32(f32 x, f32 y) {
  f64 a = tc_magnitude_f32(x), e = y, p = tc_exp_f64(e * tc_log_f64(a));
  f32 r = (f32)p, h = 0.5f * y;
  u32 whole = rint@(y) == y, odd = whole & (rint@(h) != h);
  r = tc_number_f32(tc_bits_f32(r) | (odd ? tc_bits_f32(x) & $SIGN : 0));
  r = x < 0 && x >= -3.402823466e38f && !whole ? tc_number_f32($NAN) : r;
  r = x == -1 && h - h != 0 && y == y ? 1 : r;
  return x == 1 || y == 0 ? 1 : r;
}
"""

#: By a polynomial below one; beyond, 1 - e**log(erfc a), where little of the exponent's error
#: remains. From ``$ERF_HIGH`` on the result is one.
ERRORS: dict[str, str] = {
    "erf": """\
INLINE T tc_erf_#(T x) {
  T a = tc_magnitude_#(x), z = a * a, c = $ERF_HIGH < a ? $ERF_HIGH : a, u = c - $ERF_MIDDLE;
  T near = tc_fused_#(a, <ERF_NEAR z>, a), far = 1 - tc_exp_#(-(<ERF_FAR u>));
  return tc_with_sign_#(a < 1 ? near : far, x);
}
""",
}

#: Entries by name and word of the type.
POWERS = {"pow": {"f32": _POW_F32}}
