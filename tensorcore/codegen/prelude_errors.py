"""The error function and its kin without a branch, for ``prelude_math``, which says what the texts
mean. Where the argument is large, what is rational in it is a polynomial in ``(a - 2) / (a + 2)``,
after M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in
0 <= x < infinity", 1981. Inverses are polynomials in ``-log(1 - x^2)`` and its root, after M.
Giles, "Approximating the erfinv function", 2010. These hold the limits of float64 of their own.
"""

from __future__ import annotations

SHARED_OF_ERRORS: dict[str, str] = {
    # exp(a**2) erfc(a) for a >= 0.
    "tc_erfcx_right": """\
INLINE T tc_erfcx_right_#(T a) {
  T c = (T)1e18 < a ? (T)1e18 : a, q = (c - 2) / (c + 2);
  return (T)0.5 * <ERFCX q> / ((T)0.5 + a);
}
""",
    # erfc(x) for |x| < 1/2.
    "tc_erfc_near": """\
INLINE T tc_erfc_near_#(T x) {
  T z = x * x;
  return 1 - tc_fused_#(x, <ERF_NEAR z>, x);
}
""",
    # x erfinv(x) / x by w = -log(1 - x**2).
    "tc_erfinv_part": """\
INLINE T tc_erfinv_part_#(T x, T w) {
  T u = w - $ERFINV_NEAR_MIDDLE, v = sqrt@(w) - $ERFINV_TAIL_MIDDLE;
  return x * (w < $ERFINV_NEAR_END ? <ERFINV_NEAR u> : <ERFINV_TAIL v>);
}
""",
}

#: C has the first two.
ERRORS: dict[str, str] = {
    # By a polynomial below one; beyond, 1 - e**log(erfc a), where little of the exponent's error
    # remains. From ``$ERF_HIGH`` on the result is one.
    "erf": """\
INLINE T tc_erf_#(T x) {
  T a = tc_magnitude_#(x), z = a * a, c = $ERF_HIGH < a ? $ERF_HIGH : a, u = c - $ERF_MIDDLE;
  T near = tc_fused_#(a, <ERF_NEAR z>, a), far = 1 - tc_exp_#(-(<ERF_FAR u>));
  return tc_with_sign_#(a < 1 ? near : far, x);
}
""",
    "erfc": """\
INLINE T tc_erfc_#(T x) {
  T a = tc_magnitude_#(x), c = $ERFC_HIGH < a ? $ERFC_HIGH : a, h = c * c;
  T r = tc_erfcx_right_#(c) * tc_exp_parts_#(-h, -tc_fused_#(c, c, -h));
  return a < (T)0.5 ? tc_erfc_near_#(x) : x < 0 ? 2 - r : r;
}
""",
}

SPECIAL_ERRORS: dict[str, str] = {
    "tc_erfcx": """\
INLINE T tc_erfcx_#(T x) {
  T a = tc_magnitude_#(x), r = tc_erfcx_right_#(a), c = $ERFC_HIGH < a ? $ERFC_HIGH : a, h = c * c;
  T e = tc_exp_parts_#(h, tc_fused_#(c, c, -h));
  return a < (T)0.5 ? e * tc_erfc_near_#(x) : x < 0 ? 2 * e - r : r;
}
""",
    "tc_erfinv": """\
INLINE T tc_erfinv_#(T x) {
  T r = tc_erfinv_part_#(x, -tc_log_#(tc_fused_#(-x, x, 1)));
  return tc_magnitude_#(x) == 1 ? tc_with_sign_#(tc_number_#($INFINITY), x) : r;
}
""",
    "tc_erfcinv": """\
INLINE T tc_erfcinv_#(T p) {
  T x = 1 - p, z = p * (2 - p), w = -tc_log_#(z), v = sqrt@(w) - $ERFINV_FAR_MIDDLE;
  T r = w < $ERFINV_FAR_START ? tc_erfinv_part_#(x, w) : x * <ERFINV_FAR v>;
  return z == 0 ? tc_with_sign_#(tc_number_#($INFINITY), x) : r;
}
""",
}
