"""Scalar functions that templates use, in the common subset of C99, OpenCL C and CUDA C.

Each entry is named as templates write it, with ``#`` for the dtype word; ``needed`` picks the
entries a text mentions, and what those mention, so that a unit carries nothing it does not use.
In an entry ``T`` is the type of its dtype, ``U`` the unsigned one, ``R`` the type of a part of
a complex number and ``~`` its word, ``C`` the complex type over ``T``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..dtypes import DTYPES, real_part
from .dialect import Dialect
from .prelude_bessel import BESSEL, INCOMPLETE
from .prelude_complex import COMPLEX, CONSTRUCT
from .prelude_half import HALF
from .prelude_math import MATH
from .prelude_special import SPECIAL

#: The types of complex numbers: a pair of reals, as no one spelling of them is common to all.
COMPLEX_TYPES = """\
typedef struct { f32 re, im; } c64; typedef struct { f64 re, im; } c128;
"""

_FAIL = """\
static void tc_fail(SPACEi64 *error, i64 failure, i64 a, i64 b) {
  CLAIMerror[1] = failure; error[2] = a; error[3] = b;
}
"""


def fail(dialect: Dialect) -> str:
    """How code says that it leaves: which failure, and the numbers of its message. Of several
    work-items the first to say so is heard."""
    claim = "error[0] = 2; "
    if dialect.items is not None:
        claim = f"if (!({dialect.items.claim})) return;\n  "
    return _FAIL.replace("SPACE", dialect.space).replace("CLAIM", claim)


# Both halves stay in 64-bit integers, so that a vector of them multiplies in one instruction; the
# rounds are written out, as compilers vectorise no loop around another.
_PHILOX_ROUND = """\
  product = (T)(u32)low * (T)0xd256d193u;
  low = ((product >> 32) ^ ((k + %#xu) & 0xffffffffu) ^ high) & 0xffffffffu;
  high = product & 0xffffffffu;
"""
_PHILOX = (
    """\
static inline T tc_philox_#(T key, T counter) {
  T low = counter & 0xffffffffu, high = counter >> 32, k = key & 0xffffffffu, product;
"""
    + "".join(_PHILOX_ROUND % (turn * 0x9E3779B9 % 2**32) for turn in range(10))
    + "  return high << 32 | low;\n}\n"
)
# Many at a time, in place of their counters: four vectors side by side, as each round waits for the
# one before. One instruction multiplies the lower halves of lanes, which no expression asks for.
_LANES = 4
_PHILOX_MANY_ROUND = "    k = (tc_lanes){} + ((key + %#xu) & 0xffffffffu);\n" + "".join(
    f"    p = tc_lower_product(l{j}, m); l{j} = (p >> 32) ^ k ^ h{j}; h{j} = p;\n"
    for j in range(_LANES)
)
_PHILOX_MANY = (
    """\
#if defined(__AVX2__) && defined(__GNUC__) && !defined(__clang__)
typedef u64 tc_lanes __attribute__((vector_size(32)));
typedef u64 tc_unaligned __attribute__((vector_size(32), aligned(8)));
typedef int tc_halves __attribute__((vector_size(32)));
static inline tc_lanes tc_lower_product(tc_lanes a, tc_lanes b) {
  return (tc_lanes)__builtin_ia32_pmuludq256((tc_halves)a, (tc_halves)b);
}
#endif
static void tc_philox_many_#(T key, T *w, i64 n) {
  i64 i = 0;
#if defined(__AVX2__) && defined(__GNUC__) && !defined(__clang__)
  const tc_lanes m = (tc_lanes){} + 0xd256d193u;
  for (; i + LANES4 <= n; i += LANES4) {
    tc_lanes k, p;
"""
    + "".join(
        f"    tc_lanes l{j} = *(tc_unaligned *)(w + i + {4 * j}), h{j} = l{j} >> 32;\n"
        for j in range(_LANES)
    )
    + "".join(_PHILOX_MANY_ROUND % (turn * 0x9E3779B9 % 2**32) for turn in range(10))
    + "".join(
        f"    *(tc_unaligned *)(w + i + {4 * j}) = h{j} << 32 | (l{j} & 0xffffffffu);\n"
        for j in range(_LANES)
    )
    + """\
  }
#endif
  #pragma omp simd
  for (i64 j = i; j < n; j++) w[j] = tc_philox_#(key, w[j]);
}
"""
).replace("LANES4", str(4 * _LANES))
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
"""
_TRUNCATE_SHORT = """\
static inline i32 tc_truncate_short_#(T x) {
  return x > (T)-2147483649.0 && x < (T)2147483648.0 ? (i32)x : (i32)0x80000000u;
}
"""
_TRUNCATE_UNSIGNED = """\
static inline u64 tc_truncate_unsigned_#(T x) {
  return x >= (T)9223372036854775808.0 && x < (T)18446744073709551616.0
    ? (u64)x : (u64)tc_truncate_#(x);
}
"""
# Shifting by the width or more is no operation of C. NumPy then gives what remains: 0 or the
# sign; a negative number of places counts as a large one.
_SHIFT_LEFT = """\
static inline T tc_shift_left_#(T a, T b) {
  return (u64)b < 8 * sizeof(T) ? (T)((U)a << b) : 0;
}
"""
_SHIFT_RIGHT = """\
static inline T tc_shift_right_#(T a, T b) {
  return (u64)b < 8 * sizeof(T) ? (T)(a >> b) : (T)(a < 0 ? -1 : 0);
}
"""
_SHIFT_RIGHT_UNSIGNED = """\
static inline T tc_shift_right_#(T a, T b) {
  return (u64)b < 8 * sizeof(T) ? (T)(a >> b) : 0;
}
"""

#: By kind of dtype, or by the word of one.
_KINDS: dict[str, dict[str, str]] = {
    "tc_philox": {"u": _PHILOX},
    "tc_philox_many": {"u": _PHILOX_MANY},
    "tc_floordiv": {"i": _FLOORDIV_SIGNED, "u": _FLOORDIV_UNSIGNED, "f": _FLOORDIV_FLOAT},
    "tc_mod": {"i": _MOD_SIGNED, "u": _MOD_UNSIGNED, "f": _MOD_FLOAT},
    "tc_pow": {"i": _POW_SIGNED, "u": _POW_UNSIGNED, "c": COMPLEX["tc_pow"]},
    "tc_shift_left": {"i": _SHIFT_LEFT, "u": _SHIFT_LEFT},
    "tc_shift_right": {"i": _SHIFT_RIGHT, "u": _SHIFT_RIGHT_UNSIGNED},
    "tc_truncate": {"f": _TRUNCATE},
    "tc_truncate_short": {"f": _TRUNCATE_SHORT},
    "tc_truncate_unsigned": {"f": _TRUNCATE_UNSIGNED},
    **{
        name: {"f": text}
        for name, text in (HALF | SPECIAL | BESSEL | INCOMPLETE | CONSTRUCT).items()
    },
    **{name: {"c": text} for name, text in COMPLEX.items() if name != "tc_pow"},
}
for _name, _texts in MATH.items():
    _KINDS[_name] = _KINDS.get(_name, {}) | _texts
# Bool shares its C type with uint8, which comes later and so names the functions.
_WORDS = {d.c: d for d in DTYPES.values()}
_MENTION = re.compile(r"\b(tc_[a-z0-9_]+?)_([iufc](?:8|16|32|64|128))\b")


def needed(text: str, dialect: Dialect) -> str:
    """The definitions of all prelude functions that the text calls, each after those it uses."""
    found: dict[tuple[str, str], str] = {}
    for key in sorted(set(_mentioned(text))):
        _collect(key, found, dialect)
    return "".join(found.values())


def _mentioned(text: str) -> Iterator[tuple[str, str]]:
    return ((m.group(1), m.group(2)) for m in _MENTION.finditer(text) if m.group(1) in _KINDS)


def _collect(key: tuple[str, str], found: dict[tuple[str, str], str], dialect: Dialect) -> None:
    if key in found:
        return
    text = _definition(*key, dialect)
    for other in _mentioned(text):
        if other != key:
            _collect(other, found, dialect)
    found[key] = text


def _definition(name: str, word: str, dialect: Dialect) -> str:
    dtype = _WORDS[word]
    real = DTYPES[real_part(dtype.name)].c
    suffix = dialect.suffix.get(real_part(dtype.name), "")
    types = {"T": word, "U": "u" + word[1:], "R": real, "C": "c" + str(2 * int(word[1:]))}
    texts = _KINDS[name]
    text = texts.get(word) or texts[dtype.kind]
    text = text.replace("_#", f"_{word}").replace("~", real)
    text = text.replace("@", suffix).replace("static const ", f"{dialect.table} ")
    return re.sub(r"\b[TURC]\b", lambda m: types[m.group()], text)
