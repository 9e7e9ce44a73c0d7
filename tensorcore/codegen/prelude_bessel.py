"""Bessel functions, incomplete gamma and beta functions and the zeta function, in the common subset
of C99, OpenCL C and CUDA C.

The mathematics is that of ``tensorcore/ops/bessel_functions.py`` and ``incomplete_functions.py``,
where its sources are named; here it is loops over scalars that end when nothing changes.
"""

from __future__ import annotations

BESSEL: dict[str, str] = {
    # Hankel's expansion for large x: the even terms, and the odd ones in *odd; with alternating
    # signs for J (turn = -1), or all of them together with their own for I (turn = 1).
    "tc_hankel": """\
static inline T tc_hankel_#(T v, T x, int turn, T *odd) {
  T m = 4 * v * v, t = 1, last = 1, even = 1, s = 1;
  int k;
  *odd = 0;
  for (k = 1; k < 50; k++) {
    t *= (m - (T)(2 * k - 1) * (2 * k - 1)) / (8 * k * x);
    if (fabs@(t) > last || t == 0) break;
    last = fabs@(t);
    if (k % 2 == 0) { if (turn < 0) s = -s; even += s * t; }
    else *odd += s * t;
  }
  return even;
}
""",
    "tc_power_over_gamma": """\
static inline T tc_power_over_gamma_#(T v, T x) {
  if (v <= 25) return pow@(x / 2, v) / tgamma@(v + 1);
  return x > 0 ? exp@(v * log@(x / 2) - lgamma@(v + 1)) : 0;
}
""",
    "tc_bessel_series": """\
static inline T tc_bessel_series_#(T v, T x, T z) {
  T t = 1, s = 1, old;
  int k;
  for (k = 1; k < 3000; k++) {
    old = s;
    t *= z / (k * (v + k));
    s += t;
    if (s == old && k > -v) break;
  }
  return tc_power_over_gamma_#(v, x) * s;
}
""",
    # J by its recurrence from a high order down, and the sum that gives the scale. Numbers that
    # grow too large are made smaller, all together.
    "tc_miller": """\
static inline T tc_miller_#(T v, T x) {
  T m = floor@(v), f = v - m, top = v > x ? v : x, n = floor@(top + 12 * cbrt@(top) + 20);
  T low = m < 0 ? m : 0, before = 0, now = (T)1e-15, sum = 0, found = 0, next, h;
  for (; n >= low; n -= 1) {
    if (n == m) found = now;
    h = n / 2;
    if (n >= 0 && h == floor@(h))
      sum = now + sum * (h == 0 ? f + 2 : (f + n + 2) / (f + n) * (f + h) / (h + 1));
    next = 2 * (f + n) / x * now - before;
    before = now;
    now = next;
    if (fabs@(now) > (T)1e15) {
      before *= (T)1e-15; now *= (T)1e-15; sum *= (T)1e-15; found *= (T)1e-15;
    }
  }
  return found * pow@(x / 2, f) / (tgamma@(f + 1) * sum);
}
""",
    "tc_jv": """\
static inline T tc_jv_#(T v, T x) {
  T sign = 1, p, q, turn, c, s;
  if (v != v || x != x) return v + x;
  if (x < 0) {
    if (v != floor@(v)) return (x - x) / 0;
    if (fmod@(v, 2) != 0) sign = -sign;
    x = -x;
  }
  if (v - v != 0 || x - x != 0) return 0;
  if (v < 0 && v == floor@(v)) {
    v = -v;
    if (fmod@(v, 2) != 0) sign = -sign;
  }
  if (x > 25 + v * v / 2) {
    p = tc_hankel_#(v, x, -1, &q);
    turn = fmod@(v / 2 + (T)0.25, 2) * (T)3.141592653589793;
    c = cos@(x) * cos@(turn) + sin@(x) * sin@(turn);
    s = sin@(x) * cos@(turn) - cos@(x) * sin@(turn);
    return sign * sqrt@((T)0.6366197723675814 / x) * (p * c - q * s);
  }
  if (v < 0 ? x < 1 : x * x <= 4 * (v + 1)) return sign * tc_bessel_series_#(v, x, -x * x / 4);
  return sign * tc_miller_#(v, x);
}
""",
    "tc_iv": """\
static inline T tc_iv_#(T v, T x) {
  T sign = 1, p, q, h;
  if (v != v || x != x) return v + x;
  if (x < 0) {
    if (v != floor@(v)) return (x - x) / 0;
    if (fmod@(v, 2) != 0) sign = -sign;
    x = -x;
  }
  if (v - v != 0) return 0;
  if (x - x != 0) return sign * x;
  if (v < 0 && v == floor@(v)) v = -v;
  if (x > 30 + v * v / 2) {
    p = tc_hankel_#(v, x, 1, &q);
    h = exp@(x / 2);
    return sign * h * ((p - q) / sqrt@((T)6.283185307179586 * x)) * h;
  }
  return sign * tc_bessel_series_#(v, x, x * x / 4);
}
""",
}

INCOMPLETE: dict[str, str] = {
    # x**k exp(-x) / gamma(k + 1). For large k by Stirling's series, and what is left of the
    # exponents, k (u - log(1 + u)) with u = (x - k) / k, without cancellation.
    "tc_gamma_density": """\
static inline T tc_gamma_density_#(T k, T x) {
  T u, z, w, d, t, r;
  int j;
  if (k < 16) return x > 800 ? 0 : pow@(x, k) * exp@(-x) / tgamma@(k + 1);
  u = (x - k) / k;
  d = u - log@(x / k);
  if (fabs@(u) < (T)0.5) {
    z = u / (2 + u); w = z * z; t = 0;
    for (j = 33; j >= 3; j -= 2) t = t * w + (T)1 / j;
    d = u * z - 2 * z * w * t;
  }
  r = 1 / (k * k);
  t = ((T)(1.0 / 12) - r * ((T)(1.0 / 360) - r * ((T)(1.0 / 1260) - r * ((T)(1.0 / 1680)
    - r * ((T)(1.0 / 1188) - r * (T)(691.0 / 360360)))))) / k;
  return exp@(-k * d - t) / sqrt@((T)6.283185307179586 * k);
}
""",
    # The lower function (upper = 0) or the upper one: the small one of the two is computed.
    "tc_incomplete_gamma": """\
static inline T tc_incomplete_gamma_#(T k, T x, int upper) {
  T r = 1, t = 1, old, b, c, d, e;
  int j;
  if (!(k >= 0) || !(x >= 0) || (k == 0 && x == 0)) return (k + x - (k + x)) / 0;
  if (x == 0 || k - k != 0) return upper;
  if (k == 0 || x - x != 0) return 1 - upper;
  if (x < k + 1) {
    for (j = 1; j < 5000; j++) { old = r; t *= x / (k + j); r += t; if (r == old) break; }
    r *= tc_gamma_density_#(k, x);
    return upper ? 1 - r : r;
  }
  b = x + 1 - k;
  c = (T)1e30;
  r = d = 1 / b;
  for (j = 1; j < 300; j++) {
    e = j * (k - j);
    b += 2;
    d = 1 / (e * d + b);
    c = b + e / c;
    e = c * d;
    old = r;
    r *= e;
    if (r == old) break;
  }
  r *= tc_gamma_density_#(k, x) * k;
  return upper ? r : 1 - r;
}
""",
    "tc_gammainc": """\
static inline T tc_gammainc_#(T k, T x) { return tc_incomplete_gamma_#(k, x, 0); }
""",
    "tc_gammaincc": """\
static inline T tc_gammaincc_#(T k, T x) { return tc_incomplete_gamma_#(k, x, 1); }
""",
    "tc_beta_fraction": """\
static inline T tc_beta_fraction_#(T a, T b, T x) {
  T c = 1, d = 1 - (a + b) * x / (a + 1), r, e, old;
  int m;
  if (fabs@(d) < (T)1e-30) d = (T)1e-30;
  d = 1 / d;
  r = d;
  for (m = 1; m < 300; m++) {
    e = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + e * d; if (fabs@(d) < (T)1e-30) d = (T)1e-30;
    c = 1 + e / c; if (fabs@(c) < (T)1e-30) c = (T)1e-30;
    d = 1 / d;
    r *= d * c;
    e = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + e * d; if (fabs@(d) < (T)1e-30) d = (T)1e-30;
    c = 1 + e / c; if (fabs@(c) < (T)1e-30) c = (T)1e-30;
    d = 1 / d;
    old = r;
    r *= d * c;
    if (r == old) break;
  }
  return r;
}
""",
    "tc_betainc": """\
static inline T tc_betainc_#(T a, T b, T x) {
  T front, s = a + b;
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1)) return (x - x) / 0;
  if (x == 0 || x == 1) return x;
  if (s < 30) front = tgamma@(s) / (tgamma@(a) * tgamma@(b)) * pow@(x, a) * pow@(1 - x, b);
  else front = exp@(lgamma@(s) - lgamma@(a) - lgamma@(b) + a * log@(x) + b * log1p@(-x));
  if (x <= (a + 1) / (s + 2)) return front * tc_beta_fraction_#(a, b, x) / a;
  return 1 - front * tc_beta_fraction_#(b, a, 1 - x) / b;
}
""",
    # The sum of (x + n)**-s by Euler and Maclaurin, for s > 1 and x > 0.
    "tc_zeta": """\
static inline T tc_zeta_#(T s, T x) {
  T r = 0, q;
  int k;
  if (s == 1 && x > 0) return (T)1 / 0;
  if (!(s > 1) || !(x > 0)) return (s - s) / 0;
  for (k = 0; k < 12; k++) { r += pow@(x, -s); x += 1; }
  q = pow@(x, -s);
  r += q * (x / (s - 1) + (T)0.5);
  q *= s / x;
  r += q * (T)(1.0 / 12);
  q *= (s + 1) * (s + 2) / (x * x); r -= q * (T)(1.0 / 720);
  q *= (s + 3) * (s + 4) / (x * x); r += q * (T)(1.0 / 30240);
  q *= (s + 5) * (s + 6) / (x * x); r -= q * (T)(1.0 / 1209600);
  q *= (s + 7) * (s + 8) / (x * x); r += q * (T)(1.0 / 47900160);
  q *= (s + 9) * (s + 10) / (x * x); r -= q * (T)(691.0 / 1307674368000.0);
  return r;
}
""",
}
