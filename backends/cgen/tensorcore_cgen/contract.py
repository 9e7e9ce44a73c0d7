"""Contractions in C: BLAS from NumPy's own library, or our own loops where it does not pay."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tensorcore.codegen.dialect import C99
from tensorcore.dtypes import DTYPES, DType, real_part
from tensorcore.ops.contraction import matrix_form
from tensorcore.program import Call, Program, SizeId

from . import blas

# Below this many multiplications a BLAS call costs more than it saves.
_SMALL = 400

# A product of matrices, batch by batch: what its parts have in common.
_PRODUCT = """\
typedef struct {
  i64 nb, m, n, k; const T *a; i64 ab, am, ak; const T *b; i64 bb, bk, bn; T *r; i64 rb, rm, rn;
  i64 block; int across;
} tc_matrices_#;
"""

# One row of the result after the other, by number.
_LOOPS = """\
static void tc_loops_#(Context *c, const u32 *o, i64 from, i64 to) {
  const tc_matrices_# *const p = c->shared;
  const i64 n = p->n, k = p->k, ak = p->ak, bk = p->bk, bn = p->bn, rn = p->rn;
  (void)o;
  for (i64 x = from / p->m, i = from % p->m, q = from; q < to; q++) {
    const T *restrict a = p->a + x * p->ab + i * p->am, *restrict b = p->b + x * p->bb;
    T *restrict r = p->r + x * p->rb + i * p->rm;
    if (bn == 1 && rn == 1) {
      for (i64 j = 0; j < n; j++) r[j] = 0;
      for (i64 l = 0; l < k; l++) {
        const T f = a[l * ak];
        const T *restrict e = b + l * bk;
        #pragma omp simd
        for (i64 j = 0; j < n; j++) r[j] = (T)(r[j] + f * e[j]);
      }
    } else {
      for (i64 j = 0; j < n; j++) {
        T s = 0;
        for (i64 l = 0; l < k; l++) s = (T)(s + a[l * ak] * b[l * bk + j * bn]);
        r[j * rn] = s;
      }
    }
    if (++i == p->m) { i = 0; x++; }
  }
}
"""

# For values that registers hold in another form than memory: a strip of the result at a time.
_STRIPS = """\
static void tc_loops_#(Context *c, const u32 *o, i64 from, i64 to) {
  const tc_matrices_# *const p = c->shared;
  const i64 n = p->n, k = p->k, ak = p->ak, bk = p->bk, bn = p->bn, rn = p->rn;
  (void)o;
  for (i64 x = from / p->m, i = from % p->m, q = from; q < to; q++) {
    const T *restrict a = p->a + x * p->ab + i * p->am;
    T *restrict r = p->r + x * p->rb + i * p->rm;
    for (i64 start = 0; start < n; start += 256) {
      const i64 w = n - start < 256 ? n - start : 256;
      const T *restrict b = p->b + x * p->bb + start * bn;
      ACC s[256];
      for (i64 j = 0; j < w; j++) s[j] = ZERO;
      for (i64 l = 0; l < k; l++) {
        const ACC f = LOAD(a[l * ak]);
        for (i64 j = 0; j < w; j++) {
          const ACC e = LOAD(b[l * bk + j * bn]);
          s[j] = SUM;
        }
      }
      for (i64 j = 0; j < w; j++) r[(start + j) * rn] = STORE(s[j]);
    }
    if (++i == p->m) { i = 0; x++; }
  }
}
"""

_CONTRACT = """\
static void tc_contract_#(Context *c, const u32 *o, tc_matrices_# p) {
  c->shared = &p;
  BLAS
  if (p.nb * p.m > 0) tc_split(c, o, tc_loops_#, p.nb * p.m, 1.0 * p.n * p.k + p.n, 0);
}
"""

# CBLAS by row-major order: 101 row major, 111 as it is, 112 transposed. A result whose rows
# run fastest is computed as its transpose. A vector operand makes it a product with a matrix.
# An axis that an operand lacks has stride 0, which BLAS refuses for vectors, even of one entry.
# Blocks of rows, or of columns where there are more of those, are shared out by us while BLAS is
# held to one thread, so that its threads and ours never wait for the same cores. How they are cut
# depends on the sizes alone, and so no bit of a result depends on the number of threads.
_GEMV = """\
static void tc_gemv_#(Context *c, const u32 *o, i64 from, i64 to) {
  typedef void (*Gemv)(int, int, INT, INT, T, const T *, INT, const T *, INT, T, T *, INT);
  const tc_matrices_# *const p = c->shared;
  Gemv gemv = (Gemv)c->blas[GEMV];
  const i64 blocks = (p->m + p->block - 1) / p->block, m = p->m, k = p->k, ak = p->ak, am = p->am;
  (void)o;
  for (i64 q = from; q < to; q++) {
    const i64 x = q / blocks, i = q % blocks * p->block;
    const i64 w = m - i < p->block ? m - i : p->block;
    const T *a = p->a + x * p->ab + i * am, *b = p->b + x * p->bb;
    T *r = p->r + x * p->rb + i * p->rm;
    if (ak == 1) gemv(101, 111, w, k, 1, a, am > k ? am : k, b, p->bk + !p->bk, 0, r,
                      p->rm + !p->rm);
    else gemv(101, 112, k, w, 1, a, ak > m ? ak : m, b, p->bk + !p->bk, 0, r, p->rm + !p->rm);
  }
}
"""
_GEMM = """\
static void tc_gemm_#(Context *c, const u32 *o, i64 from, i64 to) {
  typedef void (*Gemm)(int, int, int, INT, INT, INT, FACTOR, const T *, INT, const T *, INT,
                       FACTOR, T *, INT);
  const tc_matrices_# *const p = c->shared;
  Gemm gemm = (Gemm)c->blas[GEMM];
  const i64 m = p->m, n = p->n, k = p->k, ak = p->ak, am = p->am, bk = p->bk, bn = p->bn;
  const i64 length = p->across ? n : m, blocks = (length + p->block - 1) / p->block;
  FACTORS
  (void)o;
  for (i64 q = from; q < to; q++) {
    const i64 x = q / blocks, start = q % blocks * p->block;
    const i64 w = length - start < p->block ? length - start : p->block;
    const i64 i = p->across ? 0 : start, j = p->across ? start : 0;
    gemm(101, ak == 1 ? 111 : 112, bn == 1 ? 111 : 112,
         p->across ? m : w, p->across ? w : n, k, ONE,
         p->a + x * p->ab + i * am, ak == 1 ? (am > k ? am : k) : (ak > m ? ak : m),
         p->b + x * p->bb + j * bn, bn == 1 ? (bk > n ? bk : n) : (bn > k ? bn : k),
         ZERO, p->r + x * p->rb + i * p->rm + j, p->rm > n ? p->rm : n);
  }
}
"""
_TRY_GEMV = """\
  if (p.n == 1 && c->blas[GEMV] && (p.ak == 1 || p.am == 1)) {
    const f64 blocks = 1.0 * p.m * p.k / 16384;
    p.block = blocks < 2 ? p.m : (i64)(p.m / (blocks < 64 ? blocks : 64)) / 16 * 16;
    if (p.block < 64) p.block = 64;
    const i64 count = p.nb * ((p.m + p.block - 1) / p.block);
    tc_alone(c, o, tc_gemv_#, count, 2.0 * p.block * p.k, 1.0 * p.m * p.k > 8192);
    return 1;
  }
"""
# BLAS uses its own threads only for what is `large`.
ALONE = """\
static void tc_alone(Context *c, const u32 *o, Part *part, i64 count, f64 cost, int large) {
  if (c->alone && large) c->alone(1);
  if (c->alone || !large) tc_split(c, o, part, count, cost, 0);
  else for (i64 q = 0; q < count && !c->error[0]; q++) {
    if (q && c->poll && c->poll(c)) c->error[0] = 4;
    else part(c, o, q, q + 1);
  }
  if (c->alone && large) c->alone(0);
}
"""
_BLAS = """\
static int tc_blas_#(Context *c, const u32 *o, tc_matrices_# p) {
  c->shared = &p;
TRY_GEMV
  if (!c->blas[GEMM] || (p.ak != 1 && p.am != 1) || (p.bn != 1 && p.bk != 1) || p.rn != 1)
    return 0;
  const f64 work = 1.0 * p.m * p.n * p.k;
  p.across = p.n > p.m;
  const i64 length = p.across ? p.n : p.m;
  i64 blocks = 1;
  if (c->blas[THREADS] && work > 400000)
    while (blocks < 32 && length / blocks >= (blocks == 1 ? 64 : 256)) blocks *= 2;
  p.block = blocks == 1 ? length : (length + 8 * blocks - 1) / (8 * blocks) * 8;
  blocks = (length + p.block - 1) / p.block;
  tc_alone(c, o, tc_gemm_#, p.nb * blocks, 400 + work / blocks * sizeof(T) / 32, work > 200000);
  return 1;
}
static tc_matrices_# tc_turned_#(tc_matrices_# p) {
  return (tc_matrices_#){p.nb, p.n, p.m, p.k, p.b, p.bb, p.bn, p.bk, p.a, p.ab, p.ak, p.am,
                        p.r, p.rb, p.rn, p.rm, 0, 0};
}
"""
_TRY_BLAS = """\
if (p.m * p.n * p.k > SMALL && p.m < 2000000000 && p.n < 2000000000 && p.k < 2000000000) {
    const int turned = p.m == 1 ? p.n > 1 : p.rn != 1 && p.n != 1;
    if (tc_blas_#(c, o, turned ? tc_turned_#(p) : p)) return;
    c->shared = &p;
  }
"""


def _typed(text: str, dtype: DType) -> str:
    words = text.replace("_#", f"_{dtype.c}").replace("SMALL", str(_SMALL))
    return re.sub(r"\bT\b", dtype.c, words)


def _float(dtype: DType) -> str:
    if dtype.name in C99.computed:
        words = {"ACC": DTYPES[C99.in_registers(dtype.name)].c, "ZERO": "0", "SUM": "s[j] + f * e",
                 "LOAD": "tc_load_#", "STORE": "tc_store_#"}  # fmt: skip
        return _typed(_PRODUCT + _filled(_STRIPS + _CONTRACT, {**words, "BLAS": ""}), dtype)
    words = {"FACTOR": "T", "FACTORS": "", "ONE": "1", "ZERO": "0"}
    return _with_blas(dtype, words, _LOOPS)


def _complex(dtype: DType) -> str:
    zero = f"tc_complex_{DTYPES[real_part(dtype.name)].c}(0, 0)"
    loops = {"ACC": "T", "ZERO": zero, "SUM": "tc_add_#(s[j], tc_mul_#(f, e))",
             "LOAD": "", "STORE": ""}  # fmt: skip
    # Factors of complex functions are passed by address. There is no version for vectors: one
    # column is a matrix, and NumPy's rounding is no closer.
    words = {"FACTOR": "const T *", "FACTORS": "const T one = {1, 0}, zero = {0, 0};",
             "ONE": "&one", "ZERO": "&zero"}  # fmt: skip
    return _with_blas(dtype, words, _filled(_STRIPS, loops))


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(rf"\b{word}\b" for word in words), lambda m: words[m.group()], text)


def _with_blas(dtype: DType, words: Mapping[str, str], loops: str) -> str:
    integer = blas.find().integer
    if not integer:
        return _typed(_PRODUCT + loops + _filled(_CONTRACT, {"BLAS": ""}), dtype)
    letter = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}[dtype.name]
    gemv = f"{letter}gemv"
    try_gemv = _TRY_GEMV if gemv in blas.NAMES else ""
    text = _PRODUCT + (_GEMV if try_gemv else "") + _GEMM + _BLAS.replace("TRY_GEMV", try_gemv)
    numbers = {"INT": f"i{8 * integer}", "GEMM": str(blas.NAMES.index(f"{letter}gemm")),
               "THREADS": str(blas.THREADS)}  # fmt: skip
    if try_gemv:
        numbers["GEMV"] = str(blas.NAMES.index(gemv))
    text = _filled(text, {**words, **numbers})
    return _typed(text + loops + _filled(_CONTRACT, {"BLAS": _TRY_BLAS}), dtype)


def _integer(dtype: DType) -> str:
    return _typed(_PRODUCT + _LOOPS + _filled(_CONTRACT, {"BLAS": ""}), dtype)


#: By kind of dtype, what makes the helper's text.
CONTRACT: Mapping[str, Callable[[DType], str]] = {
    "f": _float,
    "c": _complex,
    "i": _integer,
    "u": _integer,
}


#: Products with no more columns and no more terms, both known from the start, are unrolled.
_UNROLLED = 8
_FIXED = """\
static void $_0(Context *c, const u32 *o, i64 from, i64 to) {
  const i64 m = ROWS;
  const TYPE *left = c->slot[o[0]], *right = c->slot[o[1]];
  TYPE *result = c->slot[o[2]];
  if (!m) return; /* a product without rows: nothing is divided by their number */
  for (i64 x = from / m, i = from % m, q = from; q < to; q++) {
    const TYPE *restrict a = left + x * (AB) + i * (AM), *restrict b = right + x * (BB);
    TYPE *restrict r = result + x * (RB) + i * (RM), s[N] = {0};
    #pragma GCC unroll 8
    for (i64 l = 0; l < K; l++) {
      const TYPE f = a[l * (AK)];
      #pragma GCC unroll 8
      for (i64 j = 0; j < N; j++) s[j] = (TYPE)(s[j] + f * b[l * (BK) + j * (BN)]);
    }
    for (i64 j = 0; j < N; j++) r[j * (RN)] = s[j];
    if (++i == m) { i = 0; x++; }
  }
}
__attribute__((noinline)) void $(Context *c, const u32 *o) {
  tc_split(c, o, $_0, (COUNT) * (ROWS), 2.0 * N * K + N, 0);
}
"""


class _Form(NamedTuple):
    """Lengths and strides of a product as C expressions: by batch, rows, columns and summed."""

    lengths: tuple[str, str, str, str]
    left: tuple[str, str, str]
    right: tuple[str, str, str]
    result: tuple[str, str, str]


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
    for operand, slot in zip("abr", (*step.inputs, *step.outputs), strict=True):
        for axis, number in enumerate(program.slots[slot].shape):
            size = program.sizes[number]
            known = size.kind == "const"
            names[operand, axis] = str(size.args[0]) if known else f"c->size[o[{position}]]"
            position += 1

    def length(role: tuple[int, ...], operand: str, labels: tuple[int, ...]) -> str:
        return " * ".join(names[operand, labels.index(i)] for i in role) or "1"

    def stride(role: tuple[int, ...], operand: str, labels: tuple[int, ...]) -> str:
        if not role:
            return "0"
        after = range(labels.index(role[-1]) + 1, len(labels))
        return " * ".join(names[operand, axis] for axis in after) or "1"

    form = _Form(
        (length(batch, "a", a), length(rows, "a", a), length(columns, "b", b),
         length(summed, "a", a)),
        (stride(batch, "a", a), stride(rows, "a", a), stride(summed, "a", a)),
        (stride(batch, "b", b), stride(summed, "b", b), stride(columns, "b", b)),
        (stride(batch, "r", out), stride(rows, "r", out), stride(columns, "r", out)),
    )  # fmt: skip
    shapes = [program.slots[s].shape for s in step.inputs]
    sizes = dict(zip(b + a, shapes[1] + shapes[0], strict=True))
    return _fixed(program, step, form) or _sized(form), list(sizes.values())


def _sized(form: _Form) -> str:
    """The function for sizes that the call knows."""
    (count, rows, columns, summed), left, right, result = form
    return (
        "__attribute__((noinline)) void $(Context *c, const u32 *o) {\n"
        f"  tc_contract_TYPE(c, o, (tc_matrices_TYPE){{{count}, {rows},\n"
        f"    {columns}, {summed},\n"
        f"    c->slot[o[0]], {', '.join(left)},\n    c->slot[o[1]], {', '.join(right)},\n"
        f"    c->slot[o[2]], {', '.join(result)}, 0, 0}});\n}}\n"
    )


def _fixed(program: Program, step: Call, form: _Form) -> str:
    """The function for few columns and few terms that are known from the start; else empty."""
    dtype = DTYPES[program.slots[step.inputs[0]].dtype]
    numbers = [_product_of(text) for text in form.lengths[2:]]
    if dtype.kind == "c" or dtype.name in C99.computed or None in numbers:
        return ""
    n, k = (number or 0 for number in numbers)
    if not (1 <= n <= _UNROLLED and 1 <= k <= _UNROLLED):
        return ""
    words = {"COUNT": form.lengths[0], "ROWS": form.lengths[1], "N": str(n), "K": str(k)}
    words |= dict(zip(("AB", "AM", "AK"), form.left, strict=True))
    words |= dict(zip(("BB", "BK", "BN"), form.right, strict=True))
    words |= dict(zip(("RB", "RM", "RN"), form.result, strict=True))
    return _filled(_FIXED, words)


def _product_of(text: str) -> int | None:
    """The number that an expression of lengths is, if all of them are numbers."""
    factors = text.split(" * ")
    return math.prod(map(int, factors)) if all(f.isdigit() for f in factors) else None
