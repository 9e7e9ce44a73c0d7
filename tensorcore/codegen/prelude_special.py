"""Special functions that C lacks, in the common subset of C99, OpenCL C and CUDA C.

The mathematics is that of ``tensorcore/ops/special_functions.py``, where its sources are named;
here it is bounded loops over scalars. Accuracy, measured against numbers of arbitrary precision,
is what the ops declare as ``ulp``.
"""

from __future__ import annotations

SPECIAL: dict[str, str] = {
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
    # (-1)**(n + 1) n! zeta(n + 1, x).
    "tc_polygamma": """\
static inline T tc_polygamma_#(T n, T x) {
  T r;
  if (n < 1 || !(x >= 0)) return (n - n) / 0;
  r = tgamma@(n + 1) * (x == 0 ? (T)1 / 0 : tc_zeta_#(n + 1, x));
  return fmod@(n, 2) == 1 ? r : -r;
}
""",
}
