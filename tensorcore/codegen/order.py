"""Sorted positions on devices: runs that grow by merging, each entry finding its place by itself.

The sort is stable, and NaN comes behind every number. Runs of 16 are sorted by insertion. Then an
entry's place in the union of its run and the neighbouring one is its place in its own plus the
number of those before it in the other, which a binary search finds; so all move at once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..dtypes import DTYPES
from .dialect import Dialect
from .items import items_of

#: Entries of a run that one work-item sorts.
RUN = 16

_ORDER = """\
static inline int tc_before_#(PLACE const T *x, i64 i, i64 j) {
  const VALUE a = LOAD_I, b = LOAD_J;
  return a < b || (b != b && a == a);
}
ENTRY $_runs(PLACE const T RESTRICT x, PLACE i64 RESTRICT r, const i64 rows, const i64 n,
             const i64 chunk) {
  const i64 per = (n + RUN - 1) / RUN, count = rows * per;
  LOOP {
    const i64 row = t / per * n, start = t % per * RUN;
    const i64 stop = start + RUN < n ? start + RUN : n;
    for (i64 i = start; i < stop; i++) {
      i64 j = i;
      for (; j > start && tc_before_#(x + row, i, r[row + j - 1]); j--) r[row + j] = r[row + j - 1];
      r[row + j] = i;
    }
  }
}
ENTRY $_merge(PLACE const T RESTRICT x, PLACE const i64 RESTRICT s, PLACE i64 RESTRICT r,
              const i64 rows, const i64 n, const i64 run, const i64 chunk) {
  const i64 count = rows * n;
  LOOP {
    const i64 row = t / n * n, i = t % n, own = i / run * run, pair = i / (2 * run) * (2 * run);
    const i64 late = own != pair, other = late ? pair : own + run;
    i64 low = other < n ? other : n, high = other + run < n ? other + run : n;
    const i64 first = low, mine = s[row + i];
    while (low < high) {
      const i64 middle = low + (high - low) / 2, theirs = s[row + middle];
      const int before = late ? !tc_before_#(x + row, mine, theirs)
                              : tc_before_#(x + row, theirs, mine);
      if (before) low = middle + 1; else high = middle;
    }
    r[row + pair + (i - own) + (low - first)] = mine;
  }
}
"""


class Order(NamedTuple):
    """The functions that sort entries of one dtype, ``<name>_runs`` and ``<name>_merge``.

    The arguments are buffers, then 64-bit integers. Of ``_runs``: the entries, the positions, how
    many rows, their length, the chunk of runs. Of ``_merge``: the entries, positions in sorted runs
    and those in runs of twice the length, how many rows, their length, that of a run, the chunk
    of entries. Where ``chunked`` a work-item takes a chunk, else every so many-th.
    """

    name: str
    text: str
    chunked: bool


def order(dtype: str, dialect: Dialect) -> Order:
    """The functions for one dtype. Raises UnsupportedOp without words for items."""
    items = items_of(dialect)
    entry = DTYPES[dtype]
    words = {
        "ENTRY": f"{dialect.entry} {items.sized.format(items.group)}",
        "PLACE": dialect.space.strip(),
        "RESTRICT": dialect.pointer,
        "LOOP": items.loop(),
        "RUN": str(RUN),
        "VALUE": DTYPES[dialect.in_registers(dtype)].c,
        "LOAD_I": dialect.load(dtype, "x", "i"),
        "LOAD_J": dialect.load(dtype, "x", "j"),
        "T": entry.c,
    }
    text = re.sub("|".join(rf"\b{word}\b" for word in words), lambda m: words[m.group()], _ORDER)
    name = f"tc_order_{entry.name}"
    return Order(name, text.replace("_#", f"_{entry.name}").replace("$", name), items.group == 1)
