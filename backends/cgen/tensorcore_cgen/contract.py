"""Contractions in C: BLAS from NumPy's own library, or our own loops where it does not pay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tensorcore.codegen.dialect import C99
from tensorcore.dtypes import DTYPES, DType, real_part
from tensorcore.ops.contraction import matrix_form
from tensorcore.program import Call, Program, SizeId

from . import blas

# Below this many multiplications a BLAS call costs more than it saves.
_SMALL = 400

_LOOPS = """\
static void tc_contract_#(Context *c, i64 nb, i64 m, i64 n, i64 k,
    const T *restrict a, i64 ab, i64 am, i64 ak,
    const T *restrict b, i64 bb, i64 bk, i64 bn,
    T *restrict r, i64 rb, i64 rm, i64 rn) {
  BLAS
  for (i64 x = 0; x < nb; x++, a += ab, b += bb, r += rb) {
    if (bn == 1 && rn == 1) {
      for (i64 i = 0; i < m; i++) {
        T *restrict row = r + i * rm;
        for (i64 j = 0; j < n; j++) row[j] = 0;
        for (i64 l = 0; l < k; l++) {
          const T f = a[i * am + l * ak];
          const T *restrict p = b + l * bk;
          #pragma omp simd
          for (i64 j = 0; j < n; j++) row[j] = (T)(row[j] + f * p[j]);
        }
      }
      continue;
    }
    for (i64 i = 0; i < m; i++)
      for (i64 j = 0; j < n; j++) {
        T s = 0;
        const T *p = a + i * am, *q = b + j * bn;
        for (i64 l = 0; l < k; l++) s = (T)(s + p[l * ak] * q[l * bk]);
        r[i * rm + j * rn] = s;
      }
  }
}
"""

# For values that registers hold in another form than memory: a strip of the result at a time.
_STRIPS = """\
static void tc_contract_#(Context *c, i64 nb, i64 m, i64 n, i64 k,
    const T *restrict a, i64 ab, i64 am, i64 ak,
    const T *restrict b, i64 bb, i64 bk, i64 bn,
    T *restrict r, i64 rb, i64 rm, i64 rn) {
  BLAS
  for (i64 x = 0; x < nb; x++, a += ab, b += bb, r += rb)
    for (i64 i = 0; i < m; i++)
      for (i64 start = 0; start < n; start += 256) {
        const i64 w = n - start < 256 ? n - start : 256;
        const T *p = b + start * bn;
        ACC s[256];
        for (i64 j = 0; j < w; j++) s[j] = ZERO;
        for (i64 l = 0; l < k; l++) {
          const ACC f = LOAD(a[i * am + l * ak]);
          for (i64 j = 0; j < w; j++) {
            const ACC e = LOAD(p[l * bk + j * bn]);
            s[j] = SUM;
          }
        }
        for (i64 j = 0; j < w; j++) r[i * rm + (start + j) * rn] = STORE(s[j]);
      }
}
"""

# CBLAS by row-major order: 101 row major, 111 as it is, 112 transposed. A result whose rows
# run fastest is computed as its transpose. A vector operand makes it a product with a matrix.
# An axis that an operand lacks has stride 0, which BLAS refuses for vectors, even of one entry.
_GEMM = """\
static int tc_gemm_#(Context *c, i64 nb, i64 m, i64 n, i64 k,
    const T *a, i64 ab, i64 am, i64 ak, const T *b, i64 bb, i64 bk, i64 bn,
    T *r, i64 rb, i64 rm, i64 rn) {
  typedef void (*Gemm)(int, int, int, INT, INT, INT, T, const T *, INT, const T *, INT, T,
                       T *, INT);
  typedef void (*Gemv)(int, int, INT, INT, T, const T *, INT, const T *, INT, T, T *, INT);
  Gemm gemm = (Gemm)c->blas[GEMM];
  Gemv gemv = (Gemv)c->blas[GEMV];
  if (n == 1 && gemv && (ak == 1 || am == 1)) {
    for (i64 x = 0; x < nb; x++, a += ab, b += bb, r += rb) {
      if (ak == 1) gemv(101, 111, m, k, 1, a, am > k ? am : k, b, bk + !bk, 0, r, rm + !rm);
      else gemv(101, 112, k, m, 1, a, ak > m ? ak : m, b, bk + !bk, 0, r, rm + !rm);
    }
    return 1;
  }
  if (!gemm || (ak != 1 && am != 1) || (bn != 1 && bk != 1) || rn != 1) return 0;
  for (i64 x = 0; x < nb; x++, a += ab, b += bb, r += rb)
    gemm(101, ak == 1 ? 111 : 112, bn == 1 ? 111 : 112, m, n, k, 1,
         a, ak == 1 ? (am > k ? am : k) : (ak > m ? ak : m),
         b, bn == 1 ? (bk > n ? bk : n) : (bn > k ? bn : k), 0, r, rm > n ? rm : n);
  return 1;
}
"""
# Factors of complex functions are passed by address. There is no version for vectors: one
# column is a matrix, and NumPy's rounding is no closer.
_COMPLEX_GEMM = """\
static int tc_gemm_#(Context *c, i64 nb, i64 m, i64 n, i64 k,
    const T *a, i64 ab, i64 am, i64 ak, const T *b, i64 bb, i64 bk, i64 bn,
    T *r, i64 rb, i64 rm, i64 rn) {
  typedef void (*Gemm)(int, int, int, INT, INT, INT, const void *, const void *, INT,
                       const void *, INT, const void *, void *, INT);
  Gemm gemm = (Gemm)c->blas[GEMM];
  const T one = {1, 0}, zero = {0, 0};
  if (!gemm || (ak != 1 && am != 1) || (bn != 1 && bk != 1) || rn != 1) return 0;
  for (i64 x = 0; x < nb; x++, a += ab, b += bb, r += rb)
    gemm(101, ak == 1 ? 111 : 112, bn == 1 ? 111 : 112, m, n, k, &one,
         a, ak == 1 ? (am > k ? am : k) : (ak > m ? ak : m),
         b, bn == 1 ? (bk > n ? bk : n) : (bn > k ? bn : k), &zero, r, rm > n ? rm : n);
  return 1;
}
"""
_TRY_BLAS = """\
if (m * n * k > SMALL && m < 2000000000 && n < 2000000000 && k < 2000000000) {
    if (m == 1 && n > 1) {
      if (tc_gemm_#(c, nb, n, m, k, b, bb, bn, bk, a, ab, ak, am, r, rb, rn, rm)) return;
    } else if (rn == 1 || n == 1) {
      if (tc_gemm_#(c, nb, m, n, k, a, ab, am, ak, b, bb, bk, bn, r, rb, rm, rn)) return;
    } else if (tc_gemm_#(c, nb, n, m, k, b, bb, bn, bk, a, ab, ak, am, r, rb, rn, rm)) return;
  }
"""


def _typed(text: str, dtype: DType) -> str:
    words = text.replace("_#", f"_{dtype.c}").replace("SMALL", str(_SMALL))
    return re.sub(r"\bT\b", dtype.c, words)


def _float(dtype: DType) -> str:
    if dtype.name in C99.computed:
        words = {"ACC": DTYPES[C99.in_registers(dtype.name)].c, "ZERO": "0", "SUM": "s[j] + f * e",
                 "LOAD": "tc_load_#", "STORE": "tc_store_#", "BLAS": "(void)c;"}  # fmt: skip
        return _typed(_filled(_STRIPS, words), dtype)
    return _with_blas(dtype, _GEMM, _LOOPS)


def _complex(dtype: DType) -> str:
    zero = f"tc_complex_{DTYPES[real_part(dtype.name)].c}(0, 0)"
    words = {"ACC": "T", "ZERO": zero, "SUM": "tc_add_#(s[j], tc_mul_#(f, e))",
             "LOAD": "", "STORE": ""}  # fmt: skip
    return _with_blas(dtype, _COMPLEX_GEMM, _filled(_STRIPS, words))


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(rf"\b{word}\b" for word in words), lambda m: words[m.group()], text)


def _with_blas(dtype: DType, gemm: str, loops: str) -> str:
    integer = blas.find().integer
    if not integer:
        return _typed(loops.replace("BLAS", "(void)c;"), dtype)
    letter = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}[dtype.name]
    call = gemm.replace("INT", f"i{8 * integer}")
    call = re.sub(r"\bGEMM\b", str(blas.NAMES.index(f"{letter}gemm")), call)
    if "GEMV" in call:
        call = re.sub(r"\bGEMV\b", str(blas.NAMES.index(f"{letter}gemv")), call)
    return _typed(call + loops.replace("BLAS", _TRY_BLAS), dtype)


def _integer(dtype: DType) -> str:
    return _typed(_LOOPS.replace("BLAS", "(void)c;"), dtype)


#: By kind of dtype, what makes the helper's text.
CONTRACT: Mapping[str, Callable[[DType], str]] = {
    "f": _float,
    "c": _complex,
    "i": _integer,
    "u": _integer,
}


def contract_operands(program: Program, step: Call) -> tuple[str, list[SizeId]]:
    """The step's function, with ``$`` for its name, and the sizes whose product is the work.

    Its operand table holds the three slots and then the sizes of their axes, in order. Roles
    (batch, rows, columns, summed) are runs of neighbouring axes, so that each has one length
    and one stride per operand.
    """
    a, b, out = (step.attrs[key] for key in ("a", "b", "out"))
    batch, rows, columns, summed = matrix_form(a, b, out)
    names: dict[tuple[str, int], str] = {}
    position = 3
    for operand, labels in (("a", a), ("b", b), ("r", out)):
        for axis in range(len(labels)):
            names[operand, axis] = f"c->size[o[{position}]]"
            position += 1

    def length(role: tuple[int, ...], operand: str, labels: tuple[int, ...]) -> str:
        return " * ".join(names[operand, labels.index(i)] for i in role) or "1"

    def stride(role: tuple[int, ...], operand: str, labels: tuple[int, ...]) -> str:
        if not role:
            return "0"
        after = range(labels.index(role[-1]) + 1, len(labels))
        return " * ".join(names[operand, axis] for axis in after) or "1"

    left = ", ".join(stride(role, "a", a) for role in (batch, rows, summed))
    right = ", ".join(stride(role, "b", b) for role in (batch, summed, columns))
    result = ", ".join(stride(role, "r", out) for role in (batch, rows, columns))
    text = (
        "__attribute__((noinline)) void $(Context *c, const u32 *o) {\n"
        f"  tc_contract_TYPE(c, {length(batch, 'a', a)}, {length(rows, 'a', a)},\n"
        f"    {length(columns, 'b', b)}, {length(summed, 'a', a)},\n"
        f"    c->slot[o[0]], {left},\n    c->slot[o[1]], {right},\n"
        f"    c->slot[o[2]], {result});\n}}\n"
    )
    shapes = [program.slots[s].shape for s in step.inputs]
    sizes = dict(zip(b + a, shapes[1] + shapes[0], strict=True))
    return text, list(sizes.values())
