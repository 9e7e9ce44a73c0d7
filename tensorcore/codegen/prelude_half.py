"""Numbers of 16 bits in the common subset of C: how they are read, written and rounded.

The compiler's own half type is used where the compiler announces one that converts in hardware,
and on CUDA devices their instruction; elsewhere the bits are moved by hand. All round to nearest,
ties to even.
"""

from __future__ import annotations

# Widening: exponent and fraction move up and the bias is corrected by a multiplication, which
# also makes subnormals normal. Infinity and NaN keep an exponent of ones.
_LOAD = """\
static inline f32 tc_load_f16(u16 h) {
#if defined(__F16C__) && defined(__FLT16_MANT_DIG__) && !defined(__OPENCL_VERSION__)
  union { u16 bits; _Float16 half; } v; v.bits = h; return (f32)v.half;
#elif defined(__CUDA_ARCH__)
  f32 x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h));
  return x;
#else
  union { u32 bits; f32 number; } v;
  v.bits = (u32)(h & 0x7fff) << 13;
  v.number *= 5.192296858534828e33f;
  if ((h & 0x7c00) == 0x7c00) v.bits |= 0x7f800000u;
  v.bits |= (u32)(h & 0x8000) << 16;
  return v.number;
#endif
}
"""
# Narrowing: below 2**-14 the sum with 0.5 leaves the fraction in the last bits, rounded by the
# addition; above, half of the last place less one (and the last bit) is added to the bits.
_STORE = """\
static inline u16 tc_store_f16(f32 x) {
#if defined(__F16C__) && defined(__FLT16_MANT_DIG__) && !defined(__OPENCL_VERSION__)
  union { u16 bits; _Float16 half; } v; v.half = (_Float16)x; return v.bits;
#elif defined(__CUDA_ARCH__)
  u16 h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
#else
  union { u32 bits; f32 number; } v;
  u32 sign, r;
  v.number = x;
  sign = (v.bits >> 16) & 0x8000u;
  v.bits &= 0x7fffffffu;
  if (v.bits > 0x7f800000u) r = 0x7e00u;
  else if (v.bits >= 0x477ff000u) r = 0x7c00u;
  else if (v.bits < 0x38800000u) { v.number += 0.5f; r = v.bits - 0x3f000000u; }
  else r = (v.bits - 0x38000000u + 0xfffu + ((v.bits >> 13) & 1u)) >> 13;
  return (u16)(sign | r);
#endif
}
"""
# From double: rounding first to float loses what decides a tie. A float that is not exact is
# made the neighbour with an odd last bit, from which the second rounding is right (S. Boldo,
# G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
# to odd", 2008).
_ROUND = """\
static inline f32 tc_round_#(T x) {
  union { u32 bits; f32 number; } v;
  v.number = (f32)x;
  if ((T)v.number != x && x == x && !(v.bits & 1u)) {
    if (fabs@((T)v.number) > fabs@(x)) v.bits -= 1u; else v.bits += 1u;
  }
  return tc_load_f16(tc_store_f16(v.number));
}
"""
HALF = {"tc_load": _LOAD, "tc_store": _STORE, "tc_round": _ROUND}
