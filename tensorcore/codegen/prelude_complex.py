"""Complex arithmetic and functions in the common subset of C, over pairs of reals.

The formulas are those of real arithmetic on the parts; where a value is not finite, the results
are those of annex G of C99, as NumPy's are.
"""

from __future__ import annotations

#: Entries over a real dtype that make or use the complex one.
CONSTRUCT: dict[str, str] = {
    "tc_complex": """\
static inline C tc_complex_#(T re, T im) { C z; z.re = re; z.im = im; return z; }
""",
    "tc_polar": """\
static inline C tc_polar_#(T r, T a) { return tc_complex_#(r * cos@(a), r * sin@(a)); }
""",
}

#: Entries over a complex dtype.
COMPLEX: dict[str, str] = {
    "tc_add": """\
static inline T tc_add_#(T a, T b) { return tc_complex_~(a.re + b.re, a.im + b.im); }
""",
    "tc_sub": """\
static inline T tc_sub_#(T a, T b) { return tc_complex_~(a.re - b.re, a.im - b.im); }
""",
    "tc_mul": """\
static inline T tc_mul_#(T a, T b) {
  return tc_complex_~(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}
""",
    # R. L. Smith, "Algorithm 116: complex division", 1962: no square overflows.
    "tc_div": """\
static inline T tc_div_#(T a, T b) {
  R x = fabs@(b.re), y = fabs@(b.im), t, s;
  if (x >= y) {
    if (x == 0 && y == 0) return tc_complex_~(a.re / x, a.im / x);
    t = b.im / b.re;
    s = 1 / (b.re + b.im * t);
    return tc_complex_~((a.re + a.im * t) * s, (a.im - a.re * t) * s);
  }
  t = b.re / b.im;
  s = 1 / (b.im + b.re * t);
  return tc_complex_~((a.re * t + a.im) * s, (a.im * t - a.re) * s);
}
""",
    "tc_neg": """\
static inline T tc_neg_#(T a) { return tc_complex_~(-a.re, -a.im); }
""",
    "tc_conj": """\
static inline T tc_conj_#(T a) { return tc_complex_~(a.re, -a.im); }
""",
    "tc_abs": """\
static inline R tc_abs_#(T a) { return hypot@(a.re, a.im); }
""",
    "tc_angle": """\
static inline R tc_angle_#(T a) { return atan2@(a.im, a.re); }
""",
    "tc_eq": """\
static inline u8 tc_eq_#(T a, T b) { return a.re == b.re && a.im == b.im; }
""",
    "tc_sgn": """\
static inline T tc_sgn_#(T a) {
  R r = hypot@(a.re, a.im);
  if (r == 0) return tc_complex_~(0, 0);
  if (r - r == 0) return tc_complex_~(a.re / r, a.im / r);
  if (r != r || fabs@(a.re) == fabs@(a.im)) return tc_complex_~(r - r, r - r);
  if (fabs@(a.re) == r) return tc_complex_~(copysign@((R)1, a.re), 0);
  return tc_complex_~(0, copysign@((R)1, a.im));
}
""",
    # In two steps where the exponential alone would overflow and the product does not.
    "tc_exp": """\
static inline T tc_exp_#(T a) {
  R r, s = 1;
  if (a.im == 0) return tc_complex_~(exp@(a.re), a.im);
  if (a.im - a.im != 0 && a.re - a.re != 0 && a.re < 0) return tc_complex_~(0, 0);
  if (a.re > 20 && a.re - a.re == 0) { s = exp@(a.re / 2); r = exp@(a.re - a.re / 2); }
  else r = exp@(a.re);
  if (r == 0 && a.im - a.im != 0) return tc_complex_~(0, 0);
  return tc_complex_~(r * cos@(a.im) * s, r * sin@(a.im) * s);
}
""",
    # Near the unit circle the logarithm of the modulus is that of 1 plus a small number, which
    # is computed from the parts without rounding the modulus first.
    "tc_log": """\
static inline T tc_log_#(T a) {
  R x = fabs@(a.re), y = fabs@(a.im), r = hypot@(a.re, a.im), t;
  if (x < y) { t = x; x = y; y = t; }
  if (r > (R)0.5 && r < 2) t = (R)0.5 * log1p@((x - 1) * (x + 1) + y * y);
  else t = log@(r);
  return tc_complex_~(t, atan2@(a.im, a.re));
}
""",
    "tc_sqrt": """\
static inline T tc_sqrt_#(T a) {
  R x = fabs@(a.re), y = fabs@(a.im), s = 1, t;
  if (x == 0 && y == 0) return tc_complex_~(0, a.im);
  if (y - y != 0 && y == y) return tc_complex_~(y, a.im);
  if (x - x != 0 && x == x) {
    t = a.im - a.im;
    if (a.re > 0) return tc_complex_~(a.re, t == 0 ? copysign@((R)0, a.im) : t);
    return tc_complex_~(t == 0 ? 0 : t, copysign@(x, a.im));
  }
  if (x > 1e30f || y > 1e30f) { x /= 16; y /= 16; s = 4; }
  else if (x < 1e-30f && y < 1e-30f) { x *= 1048576; y *= 1048576; s = (R)(1.0 / 1024); }
  t = sqrt@((x + hypot@(x, y)) / 2);
  if (a.re >= 0) return tc_complex_~(t * s, copysign@(y / (2 * t) * s, a.im));
  return tc_complex_~(y / (2 * t) * s, copysign@(t * s, a.im));
}
""",
    "tc_sinh": """\
static inline T tc_sinh_#(T a) {
  if (a.im == 0) return tc_complex_~(sinh@(a.re), a.im);
  if (a.re == 0) return tc_complex_~(a.re, sin@(a.im));
  return tc_complex_~(sinh@(a.re) * cos@(a.im), cosh@(a.re) * sin@(a.im));
}
""",
    "tc_cosh": """\
static inline T tc_cosh_#(T a) {
  if (a.im == 0) return tc_complex_~(cosh@(a.re), a.im * copysign@((R)1, a.re));
  if (a.re == 0) return tc_complex_~(cos@(a.im), a.re * sin@(a.im));
  return tc_complex_~(cosh@(a.re) * cos@(a.im), sinh@(a.re) * sin@(a.im));
}
""",
    # W. Kahan, "Branch cuts for complex elementary functions", 1987: with t the tangent of the
    # imaginary part and s the hyperbolic sine of the real one, nothing overflows or cancels.
    "tc_tanh": """\
static inline T tc_tanh_#(T a) {
  R t, b, s, r, d;
  if (fabs@(a.re) > 22) {
    t = a.im - a.im == 0 ? 4 * sin@(a.im) * cos@(a.im) * exp@(-2 * fabs@(a.re)) : 0;
    return tc_complex_~(copysign@((R)1, a.re), t);
  }
  if (a.im == 0) return tc_complex_~(tanh@(a.re), a.im);
  t = tan@(a.im);
  b = 1 + t * t;
  s = sinh@(a.re);
  r = sqrt@(1 + s * s);
  d = 1 + b * s * s;
  return tc_complex_~(b * r * s / d, t / d);
}
""",
    "tc_sin": """\
static inline T tc_sin_#(T a) {
  T z = tc_sinh_#(tc_complex_~(-a.im, a.re));
  return tc_complex_~(z.im, -z.re);
}
""",
    "tc_cos": """\
static inline T tc_cos_#(T a) { return tc_cosh_#(tc_complex_~(-a.im, a.re)); }
""",
    "tc_tan": """\
static inline T tc_tan_#(T a) {
  T z = tc_tanh_#(tc_complex_~(-a.im, a.re));
  return tc_complex_~(z.im, -z.re);
}
""",
    # The product of annex G: where an infinite factor makes both parts NaN, it is infinite.
    "tc_product": """\
static inline R tc_unit_#(R x) { return copysign@((R)(x - x != 0 && x == x), x); }
static inline R tc_part_#(R x) { return x == x ? x : copysign@((R)0, x); }
static inline T tc_product_#(T a, T b) {
  T r = tc_mul_#(a, b);
  R big = (R)1 / 0;
  int left = fabs@(a.re) == big || fabs@(a.im) == big;
  int right = fabs@(b.re) == big || fabs@(b.im) == big;
  if (r.re == r.re || r.im == r.im || !(left || right)) return r;
  if (left) {
    a = tc_complex_~(tc_unit_#(a.re), tc_unit_#(a.im));
    b = tc_complex_~(tc_part_#(b.re), tc_part_#(b.im));
  }
  if (right) {
    b = tc_complex_~(tc_unit_#(b.re), tc_unit_#(b.im));
    a = tc_complex_~(tc_part_#(a.re), tc_part_#(a.im));
  }
  r = tc_mul_#(a, b);
  return tc_complex_~(big * r.re, big * r.im);
}
""",
    # As NumPy: a whole power below 100 is a product, any other one exp(b log(a)).
    "tc_pow": """\
static inline T tc_pow_#(T a, T b) {
  T p, r;
  int k;
  if (b.re == 0 && b.im == 0) return tc_complex_~(1, 0);
  if (a.re == 0 && a.im == 0) {
    if (b.re > 0) return tc_complex_~(0, 0);
    p.re = (b.re - b.re) / 0;
    return tc_complex_~(p.re, p.re);
  }
  if (b.im == 0 && b.re > -100 && b.re < 100 && b.re == floor@(b.re)) {
    if (b.re == 1) return a;
    r = tc_complex_~(1, 0);
    k = (int)fabs@(b.re);
    for (p = a; k; k >>= 1, p = tc_mul_#(p, p)) if (k & 1) r = tc_mul_#(r, p);
    return b.re > 0 ? r : tc_div_#(tc_complex_~(1, 0), r);
  }
  return tc_exp_#(tc_product_#(b, tc_log_#(a)));
}
""",
}
