"""Inverse functions, lengths and powers without a branch, for
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

# Roots of negative numbers are none; a whole exponent is odd where its half is not whole.
_SIGNED_POWER = """\
INLINE T tc_signed_power_#(T x, T y, T r) {
  T h = (T)0.5 * y;
  U whole = rint@(y) == y, odd = whole & (rint@(h) != h);
  r = tc_number_#(tc_bits_#(r) | (odd ? tc_bits_#(x) & $SIGN : 0));
  r = x < 0 && x > -tc_number_#($INFINITY) && !whole ? tc_number_#($NAN) : r;
  r = x == -1 && h - h != 0 && y == y ? 1 : r;
  return x == 1 || y == 0 ? 1 : r;
}
"""
SHARED_OF_INVERSES["tc_signed_power"] = _SIGNED_POWER

# In float64, whose logarithm has the bits that the exponential wants.
_POW_F32 = """\
INLINE f32 tc_pow_f32(f32 x, f32 y) {
  f64 a = tc_magnitude_f32(x), e = y;
  return tc_signed_power_f32(x, y, (f32)tc_exp_f64(e * tc_log_f64(a)));
}
"""
# With the logarithm as a sum of two numbers: 2 s + s**3 (2 / 3 + ...) for s = (m - 1) / (m + 1),
# each term with what it lost, and n log 2.
_POW_F64 = """\
INLINE f64 tc_pow_f64(f64 x, f64 y) {
  f64 a = tc_magnitude_f64(x), n, m = tc_split_any_f64(a, &n), f = m - 1, d = m + 1, v = 1 / d;
  f64 s = f * v, sl = (tc_fused_f64(-s, d, f) - s * (m - (d - 1))) * v;
  f64 z = s * s, zl = tc_fused_f64(s, s, -z) + 2 * s * sl;
  f64 w = z * <LOG_FINE z>, p = 0.6666666666666666 + w;
  f64 pl = (((0.6666666666666666 - p) + w) + 3.700743415417188e-17) + 0.4 * zl;
  f64 b = z * p, bl = tc_fused_f64(z, p, -b) + (z * pl + zl * p);
  f64 c = s * b, cl = tc_fused_f64(s, b, -c) + (s * bl + sl * b);
  f64 h = n * $LN2_HIGH, g = h + 2 * s, t = g + c;
  f64 l = ((h - g) + 2 * s) + (((g - t) + c) + tc_fused_f64(n, $LN2_LOW, 2 * sl + cl));
  t = a > 0 ? t : -tc_number_f64($INFINITY);
  t = a < tc_number_f64($INFINITY) ? t : a;
  f64 e = y * t, el = tc_magnitude_f64(e) < 800 ? tc_fused_f64(y, t, -e) + y * l : 0;
  return tc_signed_power_f64(x, y, tc_exp_parts_f64(e, el));
}
"""

#: Entries by name and word of the type.
POWERS = {"pow": {"f32": _POW_F32, "f64": _POW_F64}}
