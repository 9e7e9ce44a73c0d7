"""Small matrices in C: factors, solutions, inverses and determinants of a stack of them.

A call of NumPy's LAPACK costs far more than a matrix of a few rows. What is computed here is
computed in float64. Larger matrices, and stacks in which one has no result (singular, not positive
definite, not finite), are left to the op's reference, which also knows the words for an error.
Where there is no way to call it (``c->host`` is 0), the call fails and is repeated in Python.
"""

from __future__ import annotations

import re

from tensorcore.dtypes import DTYPES
from tensorcore.program import Call, Program, Size, SizeId

#: Up to how many rows; from there on LAPACK's blocks pay.
LARGEST = 32

_STACK = """\
typedef struct { i64 n, k; const T *a; i64 ab; const T *b; i64 bb; T *r; i64 rb; int failed; }
  tc_matrix_stack_#;
static inline f64 tc_matrix_size_#(f64 x) { return x < 0 ? -x : x; }
static int tc_matrix_factors_#(const T *a, i64 n, f64 *w, i64 *order, f64 *sign) {
  for (i64 i = 0; i < n * n; i++) w[i] = a[i];
  for (i64 i = 0; i < n; i++) order[i] = i;
  *sign = 1;
  for (i64 k = 0; k < n; k++) {
    i64 best = k;
    for (i64 i = k + 1; i < n; i++)
      if (tc_matrix_size_#(w[i * n + k]) > tc_matrix_size_#(w[best * n + k])) best = i;
    const f64 pivot = w[best * n + k];
    if (!(tc_matrix_size_#(pivot) > 0 && tc_matrix_size_#(pivot) < 1e308)) return 0;
    if (best != k) {
      for (i64 j = 0; j < n; j++) {
        const f64 kept = w[k * n + j]; w[k * n + j] = w[best * n + j]; w[best * n + j] = kept;
      }
      const i64 kept = order[k]; order[k] = order[best]; order[best] = kept;
      *sign = -*sign;
    }
    for (i64 i = k + 1; i < n; i++) {
      const f64 f = w[i * n + k] /= pivot;
      for (i64 j = k + 1; j < n; j++) w[i * n + j] -= f * w[k * n + j];
    }
  }
  return 1;
}
static void tc_matrix_down_#(const f64 *w, i64 n, f64 *x, int unit) {
  for (i64 i = 0; i < n; i++) {
    f64 s = x[i];
    for (i64 l = 0; l < i; l++) s -= w[i * n + l] * x[l];
    x[i] = unit ? s : s / w[i * n + i];
  }
}
static void tc_matrix_up_#(const f64 *w, i64 n, f64 *x, int unit) {
  for (i64 i = n - 1; i >= 0; i--) {
    f64 s = x[i];
    for (i64 l = i + 1; l < n; l++) s -= w[i * n + l] * x[l];
    x[i] = unit ? s : s / w[i * n + i];
  }
}
"""
_FACTORS = """\
  f64 w[LARGEST * LARGEST], sign;
  i64 order[LARGEST];
  if (!tc_matrix_factors_#(a, n, w, order, &sign)) return 0;
"""
#: What is computed of one matrix ``a``, with the right side ``b``, into ``r``.
_BODIES = {
    "cholesky": """\
  f64 w[LARGEST * LARGEST];
  for (i64 i = 0; i < n; i++) {
    for (i64 j = 0; j <= i; j++) {
      f64 s = a[i * n + j];
      for (i64 l = 0; l < j; l++) s -= w[i * n + l] * w[j * n + l];
      if (i == j && !(s > 0 && s < 1e308)) return 0;
      w[i * n + j] = i == j ? sqrt(s) : s / w[j * n + j];
    }
    for (i64 j = 0; j < n; j++) r[i * n + j] = j <= i ? (T)w[i * n + j] : 0;
  }
""",
    "solve_matrix": _FACTORS
    + """\
  for (i64 j = 0; j < k; j++) {
    f64 x[LARGEST];
    for (i64 i = 0; i < n; i++) x[i] = b[order[i] * k + j];
    tc_matrix_down_#(w, n, x, 1);
    tc_matrix_up_#(w, n, x, 0);
    for (i64 i = 0; i < n; i++) r[i * k + j] = (T)x[i];
  }
""",
    "solve_triangular": """\
  f64 w[LARGEST * LARGEST];
  for (i64 i = 0; i < n * n; i++) w[i] = a[i];
  for (i64 i = 0; i < n && !UNIT; i++) if (w[i * n + i] == 0) return 0;
  for (i64 j = 0; j < k; j++) {
    f64 x[LARGEST];
    for (i64 i = 0; i < n; i++) x[i] = b[i * k + j];
    tc_matrix_WAY_#(w, n, x, UNIT);
    for (i64 i = 0; i < n; i++) r[i * k + j] = (T)x[i];
  }
""",
    "matrix_inverse": _FACTORS
    + """\
  for (i64 j = 0; j < n; j++) {
    f64 x[LARGEST];
    for (i64 i = 0; i < n; i++) x[i] = order[i] == j;
    tc_matrix_down_#(w, n, x, 1);
    tc_matrix_up_#(w, n, x, 0);
    for (i64 i = 0; i < n; i++) r[i * n + j] = (T)x[i];
  }
""",
    "det": _FACTORS
    + """\
  for (i64 i = 0; i < n; i++) sign *= w[i * n + i];
  r[0] = (T)sign;
""",
    "sign_and_logabsdet": _FACTORS
    + """\
  f64 sum = 0;
  for (i64 i = 0; i < n; i++) {
    sum += log(tc_matrix_size_#(w[i * n + i]));
    if (w[i * n + i] < 0) sign = -sign;
  }
  r[0] = (T)sign; r[1] = (T)sum;
""",
    "lower_upper": _FACTORS
    + """\
  for (i64 i = 0; i < n; i++) {
    for (i64 j = 0; j < n; j++) r[i * (n + 1) + j] = (T)w[i * n + j];
    r[i * (n + 1) + n] = (T)order[i];
  }
""",
}
_LENGTHS = {"det": "1", "sign_and_logabsdet": "2", "lower_upper": "p.n * (p.n + 1)"}
_WITH_RIGHT_SIDES = ("solve_matrix", "solve_triangular")
_ONE = """\
static int $_one(const T *a, const T *b, T *r, i64 n, i64 k) {
  (void)b; (void)k;
BODY  return 1;
}
static void $_0(Context *c, const u32 *o, i64 from, i64 to) {
  tc_matrix_stack_# *const p = c->shared;
  (void)o;
  for (i64 q = from; q < to && !p->failed; q++)
    if (!$_one(p->a + q * p->ab, p->b + q * p->bb, p->r + q * p->rb, p->n, p->k)) p->failed = 1;
}
__attribute__((noinline)) void $(Context *c, const u32 *o) {
  tc_matrix_stack_# p = {SIZES};
  p.a = c->slot[o[0]]; p.b = c->slot[o[SECOND]]; p.r = c->slot[o[RESULT]];
  p.ab = AB; p.bb = BB; p.rb = RB;
  p.failed = p.n > LARGEST || p.n != ROWS;
  c->shared = &p;
  if (!p.failed) tc_split(c, o, $_0, BATCH, 1.0 * p.n * p.n * (p.n + 2 * p.k) + 50, 0);
  if (p.failed && !c->error[0] && (!c->host || c->host(o[HOST]))) c->error[0] = 3;
}
"""


def calls_python(program: Program) -> bool:
    """Whether some step runs in Python, whatever the sizes and the values are."""
    steps = [s for s in program.steps if isinstance(s, Call) and s.host]
    return any(matrix_operands(program, step) is None for step in steps)


def sizes_of_matrices(program: Program) -> list[SizeId]:
    """The numbers of rows that are too large for this where they exceed ``LARGEST``."""
    steps = [s for s in program.steps if isinstance(s, Call) and s.host]
    found = [program.slots[s.inputs[0]].shape[-1] for s in steps if matrix_operands(program, s)]
    return list(dict.fromkeys(found))


def matrix_helper(word: str) -> str:
    """What the functions of one dtype share."""
    return _typed(_STACK, word)


def matrix_operands(program: Program, step: Call) -> tuple[str, list[int], list[SizeId]] | None:
    """The function of a step, with ``$`` for its name, and the slots and sizes in its table, before
    the number that the reference is called by. None for a step that only the reference takes."""
    shapes = [program.slots[s].shape for s in (*step.inputs, *step.outputs)]
    dtype = program.slots[step.outputs[0]].dtype
    if step.op not in _BODIES or dtype not in ("float32", "float64"):
        return None
    lead = len(shapes[0]) - 2
    steps = [_step(program, shape[:lead], shapes[-1][:lead]) for shape in shapes[:-1]]
    if None in steps:
        return None
    right = step.op in _WITH_RIGHT_SIDES
    slots = [*step.inputs, *step.outputs]
    sizes = [*shapes[-1][:lead], shapes[0][-1], *(shapes[1][-1:] if right else shapes[0][-2:-1])]
    first = len(slots)
    number, columns = f"c->size[o[{first + lead}]]", f"c->size[o[{first + lead + 1}]]"
    words = {
        "ROWS": "p.n" if right else columns,
        "BODY": _BODIES[step.op], "SECOND": str(int(right)), "RESULT": str(len(slots) - 1),
        "SIZES": f"{number}, {columns if right else '0'}", "HOST": str(first + len(sizes)),
        "AB": f"{steps[0]} * p.n * p.n", "BB": f"{steps[1]} * p.n * p.k" if right else "0",
        "RB": "p.n * p.k" if right else _LENGTHS.get(step.op, "p.n * p.n"),
        "BATCH": " * ".join(f"c->size[o[{first + k}]]" for k in range(lead)) or "1",
    }  # fmt: skip
    text = re.sub("|".join(rf"\b{word}\b" for word in words), lambda m: words[m.group()], _ONE)
    text = text.replace("BODY", words["BODY"])
    text = re.sub(r"\bUNIT\b", str(int(bool(step.attrs.get("unit")))), text)
    text = text.replace("_WAY_", "_down_" if step.attrs.get("lower") else "_up_")
    return _typed(text, DTYPES[dtype].c), slots, sizes


def _step(program: Program, own: tuple[SizeId, ...], batch: tuple[SizeId, ...]) -> int | None:
    """By how many matrices an operand moves on from one of the batch to the next."""
    if own == batch:
        return 1
    return 0 if all(program.sizes[n] == Size("const", (1,)) for n in own) else None


def _typed(text: str, word: str) -> str:
    text = text.replace("_#", f"_{word}").replace("LARGEST", str(LARGEST))
    return re.sub(r"\bT\b", word, text)
