"""Texts of elementary functions for ``math_accuracy=high``, for ``prelude_math``, which says what
they mean: float64 is right to one unit in the last place (``tanh`` to two). What is lost in
rounding is carried along in a second number: sums by D. Knuth's or T. J. Dekker's, products by a
fused multiply-add, quotients and roots by their remainder.
"""

from __future__ import annotations

SHARED_OF_ACCURATE: dict[str, str] = {
    # e**(x + more), where ``more`` is small beside one.
    "tc_exp_parts": """\
INLINE T tc_exp_parts_#(T x, T more) {
  T c = x > $EXP_HIGH ? $EXP_HIGH : x;
  c = c < $EXP_LOW ? $EXP_LOW : c;
  T t = c * $LOG2_E + $MAGIC, n = t - $MAGIC;
  T h = tc_fused_#(n, -$LN2_HIGH, c), g = tc_fused_#(n, -$LN2_LOW, h);
  T e = tc_fused_#(n, -$LN2_LOW, h - g) + more, r = g + e;
  e -= r - g;
  return tc_times_power_#(1 + (r + tc_fused_#(r * r, <EXP r>, e)), t);
}
""",
    # log(1 + x + more) + twice log 2, where ``more`` is what x lost.
    "tc_log1p_parts": """\
INLINE T tc_log1p_parts_#(T x, T more, T twice) {
  T u = 1 + x, b = u - 1, n, m = tc_split_#(u, &n), f = n == 0 ? x : m - 1;
  T c = (n == 0 ? more : ((1 - (u - b)) + (x - b)) + more) / u, k = n + twice;
  return tc_log_limits_#(u, k * $LN2_HIGH - (tc_log_rest_#(f, tc_fused_#(k, $LN2_LOW, c)) - f));
}
""",
}

ACCURATE: dict[str, str] = {
    "exp": """\
INLINE T tc_exp_#(T x) { return tc_exp_parts_#(x, 0); }
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
    # 2 (y + y / (4 y + 1)) with y = (e**a - 1) / 4.
    "sinh": """\
INLINE T tc_sinh_#(T x) {
  T a = tc_magnitude_#(x), l;
  T h = tc_expm1_quarter_#(a > $SINH_HIGH ? $SINH_HIGH : a, &l), y = h + l, d = y + (T)0.25;
  T b = d - (T)0.25, e = (y - b) + ((T)0.25 - (d - b)), v = 1 / d, q = y * v, p, s;
  l -= y - h;
  p = (tc_fused_#(-q, d, y) + (l - q * (e + l))) * v;
  s = tc_fused_#((T)0.25, q, y);
  s = 2 * (s + (tc_fused_#((T)0.25, q, y - s) + tc_fused_#((T)0.25, p, l)));
  return a < $TINY ? x : tc_with_sign_#(s, x);
}
""",
    # 2 (y + 1 / 16 y) with y = e**a / 4.
    "cosh": """\
INLINE T tc_cosh_#(T x) {
  T a = tc_magnitude_#(x), l;
  T h = tc_expm1_quarter_#(a > $SINH_HIGH ? $SINH_HIGH : a, &l), g = h + (T)0.25;
  T b = g - (T)0.25, e = ((h - b) + ((T)0.25 - (g - b))) + l;
  T y = g + e, q = (T)0.0625 / y, s = y + q;
  e -= y - g;
  e += (tc_fused_#(-q, y, (T)0.0625) - q * e) * (16 * q);
  return 2 * (s + (((y - s) + q) + e));
}
""",
    # log(1 + u) with u = a + a**2 / (1 + sqrt(1 + a**2)); for large a, log 2 a.
    "asinh": """\
INLINE T tc_asinh_#(T x) {
  T a = tc_magnitude_#(x), b = a > (T)1e9 ? 1 : a, q = b * b, k = tc_fused_#(b, b, -q);
  T g = 1 + q, z = g - q, r = sqrt@(g), d = 1 + r, w = q / d, u = b + w;
  T e = (q - (g - z)) + (1 - z) + k;
  e = (tc_fused_#(-r, r, g) + e) * ((T)0.5 / r) + (1 - (d - r));
  e = (tc_fused_#(-w, d, q) + (k - w * e)) / d + (w - (u - b));
  T y = tc_log1p_parts_#(a > (T)1e9 ? a - 1 : u, a > (T)1e9 ? 0 : e, a > (T)1e9 ? 1 : 0);
  return a < $TINY ? x : tc_with_sign_#(y, x);
}
""",
    # log(1 + u) with u = t + sqrt(t (t + 2)) and t = x - 1; for large x, log 2 x.
    "acosh": """\
INLINE T tc_acosh_#(T x) {
  T t = x < 1 ? tc_number_#($NAN) : x - 1, b = t > (T)1e9 ? 1 : t, w = b + 2, z = w - b, p = b * w;
  T e = tc_fused_#(b, w, -p) + b * ((b - (w - z)) + (2 - z)), s = sqrt@(p), u = b + s;
  e = s > 0 ? (tc_fused_#(-s, s, p) + e) * ((T)0.5 / s) : 0;
  z = u - b;
  e += (b - (u - z)) + (s - z);
  return tc_log1p_parts_#(t > (T)1e9 ? t : u, t > (T)1e9 ? 0 : e, t > (T)1e9 ? 1 : 0);
}
""",
    "atanh": """\
INLINE T tc_atanh_#(T x) {
  T a = tc_magnitude_#(x), d = 1 - a, q = 2 * a / d;
  T y = tc_log1p_parts_#(q, (tc_fused_#(-q, d, 2 * a) - q * ((1 - d) - a)) / d, 0);
  return a < $TINY ? x : tc_with_sign_#((T)0.5 * y, x);
}
""",
}
