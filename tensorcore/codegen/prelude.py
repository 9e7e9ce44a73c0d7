"""Scalar functions that templates use, in the common subset of C99, OpenCL C and CUDA C.

Each entry is named as templates write it, with ``#`` for the dtype word; ``needed`` picks the
entries a text mentions, so that a unit carries nothing it does not use.
"""

from __future__ import annotations

import re

from ..dtypes import DTYPES

_FLOORDIV_SIGNED = """\
static inline T tc_floordiv_#(T a, T b) {
  if (b == 0) return 0;
  if (b == -1) return (T)(0 - (U)a);
  T q = (T)(a / b);
  return (T)(q - ((a % b != 0) & ((a < 0) != (b < 0))));
}
"""
_FLOORDIV_UNSIGNED = """\
static inline T tc_floordiv_#(T a, T b) { return b == 0 ? 0 : (T)(a / b); }
"""
# NumPy's floor division: the quotient is derived from fmod, so that it agrees with mod.
_FLOORDIV_FLOAT = """\
static inline T tc_floordiv_#(T a, T b) {
  if (b == 0) return a / b;
  T m = fmod@(a, b);
  T q = (a - m) / b;
  if (m != 0 && (b < 0) != (m < 0)) q -= 1;
  if (q != 0) {
    T f = floor@(q);
    return q - f > (T)0.5 ? f + 1 : f;
  }
  return copysign@((T)0, a / b);
}
"""
_MOD_SIGNED = """\
static inline T tc_mod_#(T a, T b) {
  if (b == 0 || b == -1) return 0;
  T m = (T)(a % b);
  return (T)(m + (m != 0 && (m < 0) != (b < 0) ? b : 0));
}
"""
_MOD_UNSIGNED = """\
static inline T tc_mod_#(T a, T b) { return b == 0 ? 0 : (T)(a % b); }
"""
_MOD_FLOAT = """\
static inline T tc_mod_#(T a, T b) {
  T m = fmod@(a, b);
  if (b == 0) return m;
  if (m == 0) return copysign@((T)0, b);
  return (b < 0) != (m < 0) ? m + b : m;
}
"""
_POW_SIGNED = """\
static inline T tc_pow_#(T a, T b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  U r = 1, x = (U)a;
  for (; b; b >>= 1, x = (U)(x * x)) if (b & 1) r = (U)(r * x);
  return (T)r;
}
"""
_POW_UNSIGNED = """\
static inline T tc_pow_#(T a, T b) {
  T r = 1;
  for (; b; b >>= 1, a = (T)(a * a)) if (b & 1) r = (T)(r * a);
  return r;
}
"""
# Out of range and NaN give the smallest integer, as the machine instruction does for NumPy.
_TRUNCATE = """\
static inline i64 tc_truncate_#(T x) {
  return x >= (T)-9223372036854775808.0 && x < (T)9223372036854775808.0
    ? (i64)x : (i64)0x8000000000000000ull;
}
static inline i32 tc_truncate32_#(T x) {
  return x > (T)-2147483649.0 && x < (T)2147483648.0 ? (i32)x : (i32)0x80000000u;
}
static inline u64 tc_truncate_unsigned_#(T x) {
  return x >= (T)9223372036854775808.0 && x < (T)18446744073709551616.0
    ? (u64)x : (u64)tc_truncate_#(x);
}
"""

_KINDS: dict[str, dict[str, str]] = {
    "tc_floordiv": {"i": _FLOORDIV_SIGNED, "u": _FLOORDIV_UNSIGNED, "f": _FLOORDIV_FLOAT},
    "tc_mod": {"i": _MOD_SIGNED, "u": _MOD_UNSIGNED, "f": _MOD_FLOAT},
    "tc_pow": {"i": _POW_SIGNED, "u": _POW_UNSIGNED},
    "tc_truncate": {"f": _TRUNCATE},
}
# Bool shares its C type with uint8, which comes later and so names the functions.
_WORDS = {d.c: d for d in DTYPES.values()}
_MENTION = re.compile(r"\b(tc_[a-z]+?)(?:32|_unsigned)?_([iuf](?:8|16|32|64))\b")


def needed(text: str) -> str:
    """The definitions of all prelude functions that the text calls."""
    found = dict.fromkeys((m.group(1), m.group(2)) for m in _MENTION.finditer(text))
    return "".join(_definition(name, word) for name, word in sorted(found) if name in _KINDS)


def _definition(name: str, word: str) -> str:
    dtype = _WORDS[word]
    suffix = "f" if word in ("f32", "f16") else ""
    text = _KINDS[name][dtype.kind].replace("#", word).replace("@", suffix)
    unsigned = "u" + word[1:]
    return re.sub(r"\bU\b", unsigned, re.sub(r"\bT\b", word, text))
