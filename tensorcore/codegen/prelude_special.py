"""Special functions that C lacks, in the common subset of C99, OpenCL C and CUDA C.

The mathematics is that of ``tensorcore/ops/special_functions.py``, where its sources are named;
here it is bounded loops over scalars. Accuracy, measured against numbers of arbitrary precision,
is what the ops declare as ``ulp``.
"""

from __future__ import annotations

import math

_TERMS = "\n    ".join(
    f"+ (T){math.exp(-k * k / 4)!r} / (q + (T){k * k / 4!r})" for k in range(1, 13)
)

SPECIAL: dict[str, str] = {
    # exp(x * x): the square is split, as its rounding error would grow with it.
    "tc_exp_square": """\
static inline T tc_exp_square_#(T x) {
  T high = trunc@(x * 16) / 16;
  return exp@(high * high) * exp@((x - high) * (x + high));
}
""",
    "tc_erfcx": f"""\
static inline T tc_erfcx_#(T x) {{
  T y = fabs@(x), q = y * y, s;
  if (y > (T)1e9) s = (T)0.5641895835477563 / y;
  else if (y < (T)0.5) s = exp@(q) * erfc@(y);
  else {{
    s = y * (T)0.3183098861837907 * ((T)0.5 / q
    {_TERMS});
    if (y < (T)6.28) s -= 2 * tc_exp_square_#(y) / expm1@(y * (T)12.566370614359172);
  }}
  if (x != x) return x;
  if (x >= 0) return s;
  return x > -30 ? 2 * tc_exp_square_#(y) - s : (T)1 / 0;
}}
""",
    # For |y| <= 1/2.
    "tc_erfinv_middle": """\
static inline T tc_erfinv_middle_#(T y) {
  T q = y * y, u;
  int k;
  T x = y * (T)0.886226925452758 * (1 + q * ((T)0.2617993877991494 + q * (T)0.14393173084921979));
  for (k = 0; k < 3; k++) {
    u = (erf@(x) - y) * (T)0.886226925452758 * exp@(x * x);
    x -= u / (1 + x * u);
  }
  return x;
}
""",
    # For 0 < p < 1/2.
    "tc_erfcinv_tail": """\
static inline T tc_erfcinv_tail_#(T p) {
  T w = log@(p) + log@(2 - p), b = (T)4.330746750799873 + w / 2, u, l = log@(p);
  T x = sqrt@(sqrt@(b * b - w / (T)0.147) - b);
  int k;
  for (k = 0; k < 5; k++) {
    u = (T)0.886226925452758 * (exp@(x * x + l) - tc_erfcx_#(x));
    x -= u / (1 + x * u);
  }
  return x;
}
""",
    "tc_erfinv": """\
static inline T tc_erfinv_#(T y) {
  T a = fabs@(y);
  if (a <= (T)0.5) return tc_erfinv_middle_#(y);
  if (a < 1) return copysign@(tc_erfcinv_tail_#(1 - a), y);
  return (1 - a) == 0 ? y / 0 : (y - y) / 0;
}
""",
    "tc_erfcinv": """\
static inline T tc_erfcinv_#(T p) {
  if (p >= (T)0.5 && p <= (T)1.5) return tc_erfinv_middle_#(1 - p);
  if (p > 0 && p < 2) return p < 1 ? tc_erfcinv_tail_#(p) : -tc_erfcinv_tail_#(2 - p);
  return p == 0 ? (T)1 / 0 : p == 2 ? (T)-1 / 0 : (p - p) / 0;
}
""",
    # log x - 1/2x - ..., for x of 10 and more.
    "tc_psi_far": """\
static inline T tc_psi_far_#(T x) {
  T q = 1 / (x * x);
  return log@(x) - (T)0.5 / x - q * ((T)(1.0 / 12) - q * ((T)(1.0 / 120) - q * ((T)(1.0 / 252)
    - q * ((T)(1.0 / 240) - q * ((T)(1.0 / 132) - q * ((T)(691.0 / 32760) - q * (T)(1.0 / 12)))))));
}
""",
    # For 1 <= x <= 2, as a multiple of the distance from the root.
    "tc_psi_root": """\
static inline T tc_psi_root_#(T x) {
  const T high = (T)1.4616321325302124, low = (T)1.2438149938918909e-08;
  T d = (x - high) - low, s = 0, u, v, t, a, b, p, q;
  int k;
  for (k = 0; k < 10; k++) s += 1 / ((x + k) * ((high + k) + low));
  u = 1 / (x + 10);
  v = 1 / (high + 10 + low);
  t = d * v;
  s += t == 0 ? v : log1p@(t) / d;
  a = u * u;
  b = v * v;
  p = (T)(1.0 / 12);
  q = a + b; p -= (T)(1.0 / 120) * q;
  t = b * b; q = a * q + t; p += (T)(1.0 / 252) * q;
  t *= b; q = a * q + t; p -= (T)(1.0 / 240) * q;
  t *= b; q = a * q + t; p += (T)(1.0 / 132) * q;
  t *= b; q = a * q + t; p -= (T)(691.0 / 32760) * q;
  t *= b; q = a * q + t; p += (T)(1.0 / 12) * q;
  return d * (s + u * v / 2 + u * v * (u + v) * p);
}
""",
    "tc_psi": """\
static inline T tc_psi_#(T x) {
  T r = 0, f;
  int k;
  if (x <= 0) {
    f = x - rint@(x);
    if (x == 0) return (T)-1 / x;
    if (f == 0 || x - x != 0) return (x - x) / 0;
    if (fabs@(f) <= (T)0.25) r = (T)-3.141592653589793 / tan@((T)3.141592653589793 * f);
    else {
      r = (T)-3.141592653589793 * tan@((T)3.141592653589793 * ((T)0.5 - fabs@(f)));
      if (f < 0) r = -r;
    }
    x = 1 - x;
  }
  if (x >= 10) return r + (x - x == 0 ? tc_psi_far_#(x) : x);
  if (x < 1) { r -= 1 / x; x += 1; }
  for (k = 0; k < 9 && x > 2; k++) { x -= 1; r += 1 / x; }
  return r + tc_psi_root_#(x);
}
""",
    "tc_tri_gamma": """\
static inline T tc_tri_gamma_#(T x) {
  T r = 0, q, f, s = 1;
  int k;
  if (x <= 0) {
    f = x - rint@(x);
    if (x == 0) return (T)1 / 0;
    if (x - x != 0) return (x - x) / 0;
    if (f == 0) return (T)1 / 0;
    f = (T)3.141592653589793 / sin@((T)3.141592653589793 * f);
    r = f * f;
    x = 1 - x;
    s = -1;
  }
  if (x > (T)1e15) return r + s / x;
  for (k = 0; k < 12 && x < 12; k++) { r += s / (x * x); x += 1; }
  q = 1 / (x * x);
  return r + s * (1 / x + q / 2 + q / x * ((T)(1.0 / 6) - q * ((T)(1.0 / 30) - q * ((T)(1.0 / 42)
    - q * ((T)(1.0 / 30) - q * ((T)(5.0 / 66) - q * (T)(691.0 / 2730)))))));
}
""",
    # (-1)**(n + 1) n! zeta(n + 1, x) by the sum of Euler and Maclaurin, for x > 0 and n >= 1.
    "tc_polygamma": """\
static inline T tc_polygamma_#(T n, T x) {
  T s = n + 1, r = 0, q, t;
  int k;
  if (n < 1 || !(x >= 0)) return (n - n) / 0;
  t = tgamma@(s);
  if (x == 0) r = (T)1 / 0;
  else {
    for (k = 0; k < 12; k++) { r += pow@(x, -s); x += 1; }
    q = pow@(x, -s);
    r += q * (x / n + (T)0.5);
    q *= s / x;
    r += q * (T)(1.0 / 12);
    q *= (s + 1) * (s + 2) / (x * x); r -= q * (T)(1.0 / 720);
    q *= (s + 3) * (s + 4) / (x * x); r += q * (T)(1.0 / 30240);
    q *= (s + 5) * (s + 6) / (x * x); r -= q * (T)(1.0 / 1209600);
    q *= (s + 7) * (s + 8) / (x * x); r += q * (T)(1.0 / 47900160);
    q *= (s + 9) * (s + 10) / (x * x); r -= q * (T)(691.0 / 1307674368000.0);
  }
  return fmod@(n, 2) == 1 ? t * r : -(t * r);
}
""",
}
