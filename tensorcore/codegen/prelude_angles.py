"""Sine, cosine and tangent without a branch, for ``prelude_math``, which says what the texts mean.

Angles of any size are reduced by multiples of the right angle as in M. Payne and R. Hanek,
"Radian reduction for trigonometric functions", 1983: x = m * 2**(s k) with a whole number m, and
a table has 2**(s k) * 2 / pi modulo 4 for each k, in parts. Small x have k = 0.
"""

from __future__ import annotations

# For float32, s = 32, and four rows of two parts, the power of two within them. Rows are chosen
# by comparing, which is faster than to read them, and in float64, as the numbers chosen are: masks
# need not be widened then. What a product with the first part loses is
# the second term; whole turns taken off the first, their sum is exact.
_REDUCE_F32 = """\
#define TC_ROW(t, p, q, r, s) (t < 0x1p55 ? p : t < 0x1p87 ? q : t < 0x1p119 ? r : s)
INLINE u32 tc_reduce_f32(f32 x, f32 *r, f32 *rest) {
  f64 a = tc_magnitude_f32(x), t = a * 0.6366197723675814, b, c, q;
  f64 p0 = TC_ROW(t, 0.6366197723675814, 5.368437522857402e-10,
                  1.0760572810738749e-19, 2.471138875912043e-29);
  f64 p1 = TC_ROW(t, -3.935735335036497e-17, -2.643052792873273e-26,
                  -1.690193447800753e-36, 9.806594596464336e-46);
  b = a * p0;
  c = tc_fused_f64(a, p0, -b);
  b = tc_within_turn_f64(b);
  q = rint(tc_fused_f64(a, p1, b + c));
  *r = (f32)(tc_fused_f64(a, p1, (b - q) + c) * 1.5707963267948966);
  *rest = 0;
  return (u32)(i32)q;
}
"""
# For float64, s = 32: four parts of 53 bits. Products are split into two numbers
# each, whole turns taken off, and the rest added up without error but in the last term.
_REDUCE_ANY_F64 = """\
static const f64 tc_right_angles_f64_0[] = {
0.6366197723675814, 2.3057263591291792, 1.9849753272621515, 1.9578379245607584,
0.8569730280980947, 1.2354059373013278, 1.9934294027905102, 3.8700526584208474,
1.7153996364816557, 2.2589999958929963, 0.02455418790652278, 2.0383540459425755,
0.9926440186547213, 0.6920418289742053, 2.908236858710308, 1.1825449776166452,
0.9125433058255776, 2.7045821103325305, 1.2248815431988307, 1.5129886839099682,
0.6113948551337428, 3.742083086428439, 3.124886989562603, 3.8672728575613147,
3.9343119588102495, 3.351721592113984, 3.4266127830267514, 3.155441863301598,
3.3096656442197623, 2.618651043031746, 1.457637475785212,
};
static const f64 tc_right_angles_f64_1[] = {
-3.935735335036497e-17, -1.135182530699217e-16, -3.1178565966641257e-17,
7.769584704001829e-17, 3.577510976413712e-18, 5.0950457647316266e-17, 7.468610146763042e-17,
1.9744725602752141e-16, 3.989997103266016e-17, 2.0697627390447952e-16,
1.5716943815562158e-18, 1.5421106459015996e-16, -1.0467525454342137e-17,
-2.8341991027430526e-17, 6.271635464139531e-17, 2.098179600458306e-18,
-2.421972770216662e-17, -1.356600927142831e-16, -8.388410436886892e-17,
-6.302354304316678e-18, 3.2051665461021856e-18, -1.1102949761532465e-16,
-1.1015850168037546e-16, -2.006125451527286e-16, 1.8211488159424886e-16,
-1.6525656610109604e-17, 1.3483732715678284e-16, -8.314819587895112e-18,
1.4124214154350981e-16, -7.242896184037602e-17, 2.0558554398611556e-17,
};
static const f64 tc_right_angles_f64_2[] = {
-2.1442872565786008e-33, -5.665244373482231e-33, 6.863064799465887e-34,
3.34906530821634e-33, -4.409950693639701e-35, 8.532979878662327e-34, 2.6623537174486554e-33,
-1.0557320363533948e-32, -2.778971522716871e-33, 5.762075507419365e-33,
-6.677128753021848e-35, 4.257792839986927e-34, 6.293270923234803e-34,
-6.859988001438987e-34, 6.0653663707502085e-33, -3.1428272666860984e-35,
6.213798655161652e-34, 8.4225269935799e-34, -1.3178845532633915e-33, 1.1435170039797679e-34,
-7.81940772565019e-35, 9.065069635060728e-33, 2.0080247848150783e-33,
1.0495422339270514e-32, -1.0200119159100574e-32, 1.2032554679689714e-33,
-6.179393194508596e-33, -5.207463049859117e-35, -5.018340436092126e-33,
1.391760450615745e-33, 4.9571308478526475e-34,
};
static const f64 tc_right_angles_f64_3[] = {
1.6107127853188224e-49, -4.495785048513143e-51, -3.385108475271734e-51,
-1.9473147087135764e-49, 8.125176617421835e-52, 1.6800657131910823e-50,
2.624290316405018e-50, 6.791945991025762e-49, 1.314003515760171e-49, -6.278688914593106e-50,
-3.390363894770571e-51, 2.568817226516546e-50, -3.1076181173778906e-50,
-1.7186745576996058e-50, -3.3322666471961407e-49, 1.3820409653673834e-51,
-5.416972084971054e-51, 8.545114584385982e-50, 8.024134531623681e-50,
-2.1813463004889347e-51, -5.236674178479329e-51, -3.923274543984833e-49,
1.0635763883609244e-49, -4.7234593389917425e-49, 4.232982209733066e-49,
-2.8985615296438144e-50, -5.372733898199806e-50, 2.7482121952990456e-51,
-3.145241241588026e-49, -5.350359402069822e-50, -1.196861860890493e-51,
};
INLINE f64 tc_sum_f64(f64 a, f64 b, f64 *lost) {
  f64 s = a + b, t = s - a;
  *lost = (a - (s - t)) + (b - t);
  return s;
}
INLINE u64 tc_reduce_any_f64(f64 x, f64 *r, f64 *rest) {
  u64 u = tc_bits_f64(x) & $SIZE, e = (u >> 52) - 1075u, k = (e & ((e >> 63) - 1u)) >> 5;
  i64 j = (i64)k;
  f64 m = tc_number_f64(u - (k << 57)), p0 = tc_right_angles_f64_0[j];
  f64 p1 = tc_right_angles_f64_1[j], p2 = tc_right_angles_f64_2[j], p3 = tc_right_angles_f64_3[j];
  f64 a = m * p0, b = tc_fused_f64(m, p0, -a), c = m * p1, d = tc_fused_f64(m, p1, -c);
  f64 g = m * p2, low = tc_fused_f64(m, p3, tc_fused_f64(m, p2, -g));
  f64 l1, l2, l3, l4, l5, l6, s, q, f;
  s = tc_sum_f64(tc_within_turn_f64(a), tc_within_turn_f64(b), &l1);
  s = tc_sum_f64(s, tc_within_turn_f64(c), &l2);
  q = rint(s);
  f = tc_sum_f64(s - q, tc_sum_f64(d, g, &l3), &l4);
  f = tc_sum_f64(f, tc_sum_f64(l1, l2, &l5), &l6);
  low += (l3 + l4) + (l5 + l6);
  s = f + low;
  low -= s - f;
  f = s * 1.5707963267948966;
  *r = f + (x - x);
  *rest = tc_fused_f64(s, 1.5707963267948966, -f)
    + tc_fused_f64(s, 6.123233995736766e-17, low * 1.5707963267948966);
  return tc_bits_f64(q + $MAGIC);
}
"""

# Small angles: multiples of pi / 2 in three parts of 53 bits, the first of which leaves a
# difference without error (W. J. Cody and W. Waite, "Software manual for the elementary functions",
# 1980).
_REDUCE_SMALL_F64 = """\
INLINE u64 tc_reduce_small_f64(f64 x, f64 *r, f64 *rest) {
  f64 a = tc_magnitude_f64(x), t = tc_fused_f64(a, 0.6366197723675814, $MAGIC), q = t - $MAGIC;
  f64 b = tc_fused_f64(-q, 1.5707963267948966, a), p = q * 6.123233995736766e-17, s = b - p;
  f64 low = ((b - s) - p) - tc_fused_f64(q, 6.123233995736766e-17, -p);
  low = tc_fused_f64(q, 1.4973849048591833e-33, low);
  *r = s + low;
  *rest = low - (*r - s);
  return tc_bits_f64(t);
}
"""
_FAR_F64 = """\
INLINE u64 tc_far_f64(f64 x) { return !(tc_magnitude_f64(x) <= 1e5); }
"""
_REDUCE_F64 = """\
INLINE u64 tc_reduce_f64(f64 x, f64 *r, f64 *rest) {
  f64 a, b, c, d;
  u64 n = tc_reduce_any_f64(x, &a, &b), m = tc_reduce_small_f64(x, &c, &d), far = tc_far_f64(x);
  *r = far ? a : c;
  *rest = far ? b : d;
  return far ? n : m;
}
"""

# The sine and cosine of r + rest for |r| <= pi / 4, each less what they leave in ``low``.
_SINE_NEAR_F64 = """\
INLINE T tc_sine_near_#(T r, T rest, T *low) {
  T z = r * r, t = tc_fused_#(z * r, <SIN z>, tc_fused_#((T)-0.5 * z, rest, rest)), y = r + t;
  *low = t - (y - r);
  return y;
}
"""
_COSINE_NEAR_F64 = """\
INLINE T tc_cosine_near_#(T r, T rest, T *low) {
  T z = r * r, h = (T)0.5 * z, w = 1 - h, y;
  T t = ((1 - w) - h) + (tc_fused_#(z * z, <COS z>, tc_fused_#((T)0.5 * r, r, -h) * -1)
    - r * rest);
  y = w + t;
  *low = t - (y - w);
  return y;
}
"""
# For float32 what is lost in rounding is left out: the limits are wide.
_SINE_NEAR_F32 = """\
INLINE f32 tc_sine_near_f32(f32 r, f32 rest, f32 *low) {
  f32 z = r * r;
  (void)rest;
  *low = 0;
  return tc_fused_f32(z * r, <SIN z>, r);
}
"""
_COSINE_NEAR_F32 = """\
INLINE f32 tc_cosine_near_f32(f32 r, f32 rest, f32 *low) {
  f32 z = r * r;
  (void)rest;
  *low = 0;
  return tc_fused_f32(z * z, <COS z>, tc_fused_f32(-0.5f, z, 1.0f));
}
"""

#: Entries by name and word of the type.
ANGLES_BY_TYPE = {
    "tc_reduce": {"f32": _REDUCE_F32, "f64": _REDUCE_F64},
    "tc_reduce_any": {"f64": _REDUCE_ANY_F64},
    "tc_reduce_small": {"f64": _REDUCE_SMALL_F64},
    "tc_far": {"f64": _FAR_F64},
    "tc_sine_near": {"f32": _SINE_NEAR_F32, "f64": _SINE_NEAR_F64},
    "tc_cosine_near": {"f32": _COSINE_NEAR_F32, "f64": _COSINE_NEAR_F64},
}

SHARED_OF_ANGLES: dict[str, str] = {
    "tc_within_turn": """\
INLINE T tc_within_turn_#(T x) { return x - 4 * rint@(x * (T)0.25); }
""",
}

ANGLES: dict[str, str] = {
    "sin": """\
INLINE T tc_sin_#(T x) {
  T r, rest, low;
  U n = tc_reduce_#(x, &r, &rest);
  T s = tc_sine_near_#(r, rest, &low), c = tc_cosine_near_#(r, rest, &low);
  U sign = ((n & 2) << ($PLACE_OF_SIGN - 1)) ^ (tc_bits_#(x) & $SIGN);
  s = n & 1 ? c : s;
  return tc_magnitude_#(x) < $TINY ? x : tc_number_#(tc_bits_#(s) ^ sign);
}
""",
    "cos": """\
INLINE T tc_cos_#(T x) {
  T r, rest, low;
  U n = tc_reduce_#(x, &r, &rest) + 1;
  T s = tc_sine_near_#(r, rest, &low), c = tc_cosine_near_#(r, rest, &low);
  s = n & 1 ? c : s;
  return tc_number_#(tc_bits_#(s) ^ ((n & 2) << ($PLACE_OF_SIGN - 1)));
}
""",
    # The quotient, corrected by its remainder.
    "tan": """\
INLINE T tc_tan_#(T x) {
  T r, rest, l, k;
  U n = tc_reduce_#(x, &r, &rest), sign = (n << $PLACE_OF_SIGN) ^ (tc_bits_#(x) & $SIGN);
  T s = tc_sine_near_#(r, rest, &l), c = tc_cosine_near_#(r, rest, &k);
  T a = n & 1 ? c : s, b = n & 1 ? s : c, e = n & 1 ? k : l, f = n & 1 ? l : k, v = 1 / b;
  T q = a * v;
  q = tc_fused_#(tc_fused_#(-q, b, a) + (e - q * f), v, q);
  return tc_magnitude_#(x) < $TINY ? x : tc_number_#(tc_bits_#(q) ^ sign);
}
""",
    # arctan a = k pi / 4 + arctan t for k = 0, 1, 2: t = a, (a - 1) / (a + 1), -1 / a.
    "atan": """\
INLINE T tc_atan_#(T x) {
  T a = tc_magnitude_#(x) > (T)1e18 ? (T)1e18 : tc_magnitude_#(x);
  T n = a < (T)0.5 ? a : a < 2 ? a - 1 : -1, d = a < (T)0.5 ? 1 : a < 2 ? a + 1 : a;
  T k = a < (T)0.5 ? 0 : a < 2 ? 1 : 2, v = 1 / d, t = n * v, z = t * t;
  T rest = tc_fused_#(tc_fused_#(-t, d, n), v, k * $PI_4_REST);
  T y = k * $PI_4 + (t + tc_fused_#(z * t, <ATAN z>, rest));
  return a < $TINY ? x : tc_with_sign_#(y, x);
}
""",
}
