"""Products of matrices for devices without a library: tiles of the result in registers.

One text for all dtypes and dialects with work-items. Each work-item computes a tile of the result
at a time, whose entries stay in registers while it walks the summed axis once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..dtypes import DTYPES, DType, kind, real_part
from ..program import Call, SizeId, Slot
from .dialect import Dialect
from .items import items_of
from .prelude_math import FAST

#: Rows and columns of a tile, by bytes of an entry: on a processor as many as its vector registers
#: hold, on other devices what keeps many work-items busy.
_TILES = {4: (6, 16), 8: (6, 8), 16: (2, 4)}
_TILE_OF_ITEM = (4, 4)
#: Of the second operand a work-item keeps a panel of so many summed entries, in the order in which
#: they are used, for so many tiles one below the other.
_DEPTH, _STACK = 128, 8
_DEPTH_OF_ITEM, _STACK_OF_ITEM = 8, 1

_PRODUCT = """\
ENTRY $(PLACE const T RESTRICT a, PLACE const T RESTRICT b, PLACE T RESTRICT r,
  WHERE
  const i64 rb, const i64 rm, const i64 rn, const i64 chunk) {
  TABLES
  const i64 down = (m + ROWS * STACK - 1) / (ROWS * STACK), across = (n + COLUMNS - 1) / COLUMNS;
  const i64 count = nb * down * across;
  LOOP {
    const i64 x = t / (down * across), place = t % (down * across);
    const i64 i = place % down * (ROWS * STACK), j = place / down * COLUMNS;
    const i64 h = m - i < ROWS * STACK ? m - i : ROWS * STACK;
    const i64 w = n - j < COLUMNS ? n - j : COLUMNS;
    PLACE const T RESTRICT p = A_BEGIN, RESTRICT q = B_BEGIN;
    PLACE T RESTRICT s = r + x * rb + i * rm + j * rn;
    ACC sum[ROWS * STACK][COLUMNS], panel[DEPTH][COLUMNS];
    for (int y = 0; y < ROWS * STACK; y++) for (int z = 0; z < COLUMNS; z++) sum[y][z] = ZERO;
    for (i64 from_k = 0; from_k < k; from_k += DEPTH) {
      const i64 d = k - from_k < DEPTH ? k - from_k : DEPTH;
      if (NEIGHBOURS w == COLUMNS) {
        for (i64 l = 0; l < d; l++)
          for (int z = 0; z < COLUMNS; z++) panel[l][z] = LOAD(q, B_NEIGHBOUR);
      } else {
        for (int z = 0; z < COLUMNS; z++)
          for (i64 l = 0; l < d; l++)
            panel[l][z] = z < w ? LOAD(q, B_ENTRY) : ZERO;
      }
      for (i64 g = 0; g < h; g += ROWS) {
        ACC tile[ROWS][COLUMNS];
        UNROLLED
        for (int y = 0; y < ROWS; y++)
          UNROLLED
          for (int z = 0; z < COLUMNS; z++) tile[y][z] = sum[g + y][z];
        if (h - g >= ROWS) {
          for (i64 l = 0; l < d; l++)
            UNROLLED
            for (int y = 0; y < ROWS; y++) {
              const ACC f = LOAD(p, A_ENTRY);
              UNROLLED
              for (int z = 0; z < COLUMNS; z++) tile[y][z] = ADDED(tile[y][z], f, panel[l][z]);
            }
        } else {
          for (i64 l = 0; l < d; l++)
            for (int y = 0; y < h - g; y++) {
              const ACC f = LOAD(p, A_ENTRY);
              for (int z = 0; z < COLUMNS; z++) tile[y][z] = ADDED(tile[y][z], f, panel[l][z]);
            }
        }
        UNROLLED
        for (int y = 0; y < ROWS; y++)
          UNROLLED
          for (int z = 0; z < COLUMNS; z++) sum[g + y][z] = tile[y][z];
      }
    }
    for (int y = 0; y < h; y++) for (int z = 0; z < w; z++) { STORE }
  }
}
"""
#: How entries are found: by strides, or by tables of what each row, summed entry and column adds.
_STRIDED = {
    "WHERE": "const i64 nb, const i64 m, const i64 n, const i64 k, const i64 ab, const i64 am, "
    "const i64 ak, const i64 bb, const i64 bk, const i64 bn,",
    "TABLES": "",
    "A_BEGIN": "a + x * ab + i * am",
    "A_ENTRY": "(g + y) * am + (from_k + l) * ak",
    "B_BEGIN": "b + x * bb + j * bn",
    "B_ENTRY": "(from_k + l) * bk + z * bn",
    "B_NEIGHBOUR": "(from_k + l) * bk + z",
    "NEIGHBOURS": "bn == 1 &&",
}
_TABLED = {
    "WHERE": "PLACE const i64 *ax, const i64 nb, const i64 m, const i64 n, const i64 k,",
    "TABLES": "PLACE const i64 *ai = ax + nb, *al = ai + m, *bx = al + k, *bl = bx + nb, "
    "*bj = bl + k;",
    "A_BEGIN": "a + ax[x]",
    "A_ENTRY": "ai[i + g + y] + al[from_k + l]",
    "B_BEGIN": "b + bx[x]",
    "B_ENTRY": "bl[from_k + l] + bj[j + z]",
    "B_NEIGHBOUR": "bl[from_k + l] + bj[j + z]",
    "NEIGHBOURS": "",
}
#: A sum and a product in one, where the machine does that in one instruction.
_MORE = """\
#if FAST
static inline ACC tc_more_ACC(ACC s, ACC a, ACC b) { return FMA(a, b, s); }
#else
static inline ACC tc_more_ACC(ACC s, ACC a, ACC b) { return s + a * b; }
#endif
"""


class Matrices(NamedTuple):
    """A contraction as a product of matrices, batch by batch, from the sizes of its operands.

    Each field is a product of sizes: how many matrices, rows, columns and summed entries there
    are; then how far apart they lie, batch, row and summed entry of the first operand, batch,
    summed entry and column of the second, batch, row and column of the result.
    """

    batch: tuple[SizeId, ...]
    rows: tuple[SizeId, ...]
    columns: tuple[SizeId, ...]
    summed: tuple[SizeId, ...]
    strides: tuple[tuple[SizeId, ...] | None, ...]


def matrices(step: Call, slots: Sequence[Slot], roles: tuple[tuple[int, ...], ...]) -> Matrices:
    """The form of a ``contract`` step. ``roles``: the labels of batch, rows, columns and summed
    entries, each a run of neighbouring axes in every operand; where an operand lacks one, its
    stride is None."""
    a, b, out = (step.attrs[key] for key in ("a", "b", "out"))
    batch, rows, columns, summed = roles
    shapes = [slots[slot].shape for slot in (*step.inputs, *step.outputs)]
    size = dict(zip((*a, *b), (*shapes[0], *shapes[1]), strict=True))

    def stride(role: tuple[int, ...], operand: int) -> tuple[SizeId, ...] | None:
        labels = (a, b, out)[operand]
        return shapes[operand][labels.index(role[-1]) + 1 :] if role else None

    strides = (
        *(stride(role, 0) for role in (batch, rows, summed)),
        *(stride(role, 1) for role in (batch, summed, columns)),
        *(stride(role, 2) for role in (batch, rows, columns)),
    )
    first, second, third, fourth = (tuple(size[x] for x in role) for role in roles)
    return Matrices(first, second, third, fourth, strides)


class Product(NamedTuple):
    """The function of a dtype: its arguments are three buffers, the four lengths and the nine
    strides of ``Matrices`` and the chunk of tiles, all 64-bit integers. A tile has so many rows
    and columns; where ``chunked`` a work-item takes a chunk of them. ``helper``: what the texts of
    several dtypes may share."""

    name: str
    text: str
    helper: str
    rows: int
    columns: int
    chunked: bool


def product(dtype: str, dialect: Dialect, tabled: bool = False) -> Product:
    """The function for operands of one dtype. With ``tabled``, places in the operands come from a
    buffer of 64-bit integers in place of strides: what each batch, row and summed entry adds in
    the first operand, then each batch, summed entry and column in the second. Raises
    UnsupportedOp without words for items."""
    items = items_of(dialect)
    entry, inside = DTYPES[dtype], DTYPES[dialect.in_registers(dtype)]
    single = items.group == 1
    rows, columns = _TILES[max(entry.itemsize, 4)] if single else _TILE_OF_ITEM
    depth, stack = (_DEPTH, _STACK) if single else (_DEPTH_OF_ITEM, _STACK_OF_ITEM)
    name = f"tc_tabled_product_{dtype}" if tabled else f"tc_product_{dtype}"
    zero, added = _arithmetic(inside)
    words = {
        "ENTRY": f"{dialect.entry} {items.sized.format(items.group)}",
        "PLACE": dialect.space.strip(),
        "RESTRICT": dialect.pointer,
        "LOOP": items.loop(),
        "STORE": dialect.store(dtype, "s", "y * rm + z * rn", "sum[y][z]"),
        "ROWS": str(rows),
        "COLUMNS": str(columns),
        "DEPTH": str(depth),
        "STACK": str(stack),
        "ACC": inside.c,
        "T": entry.c,
        "ZERO": zero,
        "UNROLLED": items.unroll,
    }
    places = _TABLED if tabled else _STRIDED
    text = re.sub("|".join(rf"\b{word}\b" for word in places), lambda m: places[m[0]], _PRODUCT)
    text = re.sub(r"ADDED\(([^,]*), (\w+), ([^)]*)\)", lambda m: added.format(*m.groups()), text)
    text = re.sub(r"LOAD\((\w), (.*?)\)(?=[;]| :)", lambda m: dialect.load(dtype, m[1], m[2]), text)
    text = re.sub("|".join(rf"\b{word}\b" for word in words), lambda m: words[m.group()], text)
    helper = ""
    if "tc_more_" in added:
        fma = "fma" + dialect.suffix.get(inside.name, "")
        helper = _MORE.replace("FAST", FAST).replace("FMA(", f"{fma}(").replace("ACC", inside.c)
    return Product(name, text.replace("$", name), helper, rows * stack, columns, single)


def _arithmetic(dtype: DType) -> tuple[str, str]:
    if kind(dtype.name) == "c":
        real = DTYPES[real_part(dtype.name)].c
        return (
            f"tc_complex_{real}(0, 0)",
            f"tc_add_{dtype.c}({{0}}, tc_mul_{dtype.c}({{1}}, {{2}}))",
        )
    if kind(dtype.name) in "iu":  # which wrap around
        wide = "u64" if dtype.itemsize == 8 else "u32"
        return "0", f"({dtype.c})(({wide}){{0}} + ({wide}){{1}} * ({wide}){{2}})"
    return "0", f"tc_more_{dtype.c}({{0}}, {{1}}, {{2}})"
