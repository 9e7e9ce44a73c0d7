"""Sorted positions in C: a stable merge sort of each row."""

from __future__ import annotations

import re

from tensorcore.codegen.dialect import C99
from tensorcore.dtypes import DTYPES, DType
from tensorcore.program import Call, Program, SizeId

# Runs of 16 by insertion, then merged in pairs from one buffer to the other and back. NaN sorts
# behind every number.
_ARGSORT = """\
static inline int tc_argsort_less_#(const T *x, i64 i, i64 j) {
  const VALUE a = LOAD_I, b = LOAD_J;
  return a < b || (b != b && a == a);
}
static void tc_argsort_#(Context *c, const T *x, i64 *r, i64 *w, i64 n) {
  for (i64 i = 0; i < n; i++) {
    if (i % 65536 == 65535 && c->poll && c->poll(c)) { c->error[0] = 4; return; }
    i64 j = i;
    for (; j % 16 && tc_argsort_less_#(x, i, r[j - 1]); j--) r[j] = r[j - 1];
    r[j] = i;
  }
  i64 *from = r, *to = w;
  for (i64 run = 16; run < n; run *= 2) {
    for (i64 start = 0; start < n; start += 2 * run) {
      if (start % 65536 == 0 && c->poll && c->poll(c)) { c->error[0] = 4; return; }
      const i64 middle = start + run < n ? start + run : n;
      const i64 end = start + 2 * run < n ? start + 2 * run : n;
      i64 i = start, j = middle, k = start;
      while (i < middle && j < end) {
        to[k++] = tc_argsort_less_#(x, from[j], from[i]) ? from[j++] : from[i++];
        if (k % 65536 == 0 && c->poll && c->poll(c)) { c->error[0] = 4; return; }
      }
      while (i < middle) to[k++] = from[i++];
      while (j < end) to[k++] = from[j++];
    }
    i64 *swap = from; from = to; to = swap;
  }
  if (from != r) for (i64 i = 0; i < n; i++) r[i] = from[i];
}
"""


def argsort_helper(dtype: DType) -> str:
    """The helper for one dtype."""
    text = _ARGSORT.replace("#", dtype.c)
    for name, index in (("LOAD_I", "i"), ("LOAD_J", "j")):
        text = text.replace(name, C99.load(dtype.name, "x", index))
    text = text.replace("VALUE", DTYPES[C99.in_registers(dtype.name)].c)
    return re.sub(r"\bT\b", dtype.c, text)


def argsort_operands(program: Program, step: Call) -> tuple[str, list[SizeId]]:
    """The step's function, with ``$`` for its name, and the sizes whose product is the work.

    Its operand table holds the slots of operand, result and workspace, then the sizes of the
    axes.
    """
    shape = program.slots[step.inputs[0]].shape
    rank = len(shape)
    rows = " * ".join(f"c->size[o[{3 + k}]]" for k in range(rank - 1)) or "1"
    text = (
        "static void $_0(Context *c, const u32 *o, i64 from, i64 to) {\n"
        "  const TYPE *x = c->slot[o[0]]; i64 *r = c->slot[o[1]], *w = c->slot[o[2]];\n"
        f"  const i64 n = c->size[o[{2 + rank}]];\n"
        "  for (i64 k = from * n; k < to * n && !c->error[0]; k += n)\n"
        "    tc_argsort_TYPE(c, x + k, r + k, w + k, n);\n"
        "}\n"
        "__attribute__((noinline)) void $(Context *c, const u32 *o) {\n"
        f"  if (c->size[o[{2 + rank}]]) "
        f"tc_split(c, o, $_0, {rows}, 60.0 * c->size[o[{2 + rank}]], 0);\n"
        "}\n"
    )
    return text, list(shape)
