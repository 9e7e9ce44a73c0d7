"""The logarithm of the gamma function and its derivative without a branch, for ``prelude_math``,
which says what the texts mean: polynomials about 2 and about the root of psi, where recurrences
lead (Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.1.15 and 6.3.5), asymptotic
series from 8 on (6.1.40, 6.3.18), and the formulas of reflection below 0 (6.1.17, 6.3.7).
"""

from __future__ import annotations

SHARED_OF_GAMMAS: dict[str, str] = {
    # |sin(pi a)| / pi, and what it lost.
    "tc_sine_of_turns": """\
INLINE T tc_sine_of_turns_#(T a, T *low) {
  T f = tc_magnitude_#(a - rint@(a)), z = f * f, h = (T)0.5 - f, w = h * h;
  T g = f * z * <SINC z>, k = w * <COSC w> + $PER_PI_REST, b = f < (T)0.25 ? f : $PER_PI, s;
  g = f < (T)0.25 ? g : k;
  s = b + g;
  *low = (b - s) + g;
  return s;
}
""",
}

#: C has it.
GAMMAS: dict[str, str] = {
    # With y = t + k and |t| <= 1/2, (y - 1) ... (y - k + 2) leads from 2 + t to y; below, y or
    # y (y + 1). For negative x = -a, y = 1 + a; near 0 in one logarithm, since sums of opposite
    # signs would lose places.
    "lgamma": """\
INLINE T tc_lgamma_#(T x) {
  T a = tc_magnitude_#(x), y = x < 0 ? 1 + a : a, c = y < 8 ? y : 2, k = rint@(c), t = c - k;
  T p = k < 1 ? c * (c + 1) : k < 2 ? c : 1;
  p = (k > 2 ? c - 1 : p) * (k > 3 ? c - 2 : 1) * ((k > 4 ? c - 3 : 1) * (k > 5 ? c - 4 : 1))
    * ((k > 6 ? c - 5 : 1) * (k > 7 ? c - 6 : 1));
  T sl, s = tc_sine_of_turns_#(a, &sl), v = s / p, q = s * p;
  T ql = (tc_fused_#(s, p, -q) + sl * p) / q;
  q = k < 2 ? v : q;
  ql = k < 2 ? 0 : ql;
  p = x < 0 ? q : p;
  T side = k < 2 ? -1 : 1, l = tc_log_#(y < 8 ? p : y);
  T near = tc_fused_#(t, <GAMMALN t>, (x < 0 ? 1 : side) * l);
  T r = 1 / y, u = r * r;
  T far = tc_fused_#(y - (T)0.5, l - 1, tc_fused_#(<STIRLING u>, r, (T)0.4189385332046727));
  T below = far + tc_log_#(s);
  ql += near;
  v = y < 8 ? near : far;
  below = y < 8 ? ql : below;
  below = s == 0 ? -tc_number_#($INFINITY) : below;
  v = x < 0 ? -below : v;
  return a == tc_number_#($INFINITY) ? a : v;
}
""",
}

SPECIAL_GAMMAS: dict[str, str] = {
    # With z = y - k between 1 and 2, n / d is the sum of 1 / (y - j) for j from 1 to k, or
    # -1 / y where y is below one. For negative x = -a, y = 1 + a.
    "tc_psi": """\
#define TC_TERM(j) g = k >= j ? c - j : 1; n = k >= j ? tc_fused_#(n, g, d) : n; d *= g;
INLINE T tc_psi_#(T x) {
  T a = tc_magnitude_#(x), y = x < 0 ? 1 + a : a, c = y < 8 ? y : 1, k = floor@(c) - 1, g;
  T n = k < 0 ? -1 : 0, d = k < 0 ? c : 1, z = c - k;
  TC_TERM(1) TC_TERM(2) TC_TERM(3) TC_TERM(4) TC_TERM(5) TC_TERM(6)
  T w = z - (T)1.5, near = ((z - $PSI_ROOT) - $PSI_ROOT_REST) * <PSI w> + n / d;
  T r = 1 / y, u = r * r, far = (tc_log_#(y) - (T)0.5 * r) - u * <PSI_FAR u>;
  T f = a - rint@(a), h = (T)0.5 - tc_magnitude_#(f), q = f * f, p = h * h;
  T v = (T)3.141592653589793 * tc_fused_#(h * p, <SINC p>, h) / tc_fused_#(f * q, <SINC q>, f);
  v = f == 0 ? tc_number_#($NAN) : v;
  v = (x < 0 ? v : 0) + (y < 8 ? near : far);
  return x == 0 ? -1 / x : v;
}
#undef TC_TERM
""",
}
