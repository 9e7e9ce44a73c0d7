"""Values written or added at computed places, for devices: each place is one work-item's.

Three functions. The first makes one number, a key, of the positions of each value, and reports
those that lie outside. When values are sorted by their keys (``order.py``), equal ones side by
side and in their first order, the second has a work-item for each entry of each place: it adds its
values one after the other, so that results have the same bits in every run, or keeps the last. The
third adds each value where it belongs at once, in whatever order the device likes.
"""

from __future__ import annotations

from typing import NamedTuple

from ..dtypes import DTYPES, kind, real_part
from .dialect import Dialect
from .items import items_of

_KEYS = """\
ENTRY {name}({parameters}) {{
  const i64 count = {count};
  {loop} {{
    i64 rest = t, key = 0;
    {coordinates}
    {keys}
    keys[t] = key;
  }}
}}
"""
_SORTED = """\
ENTRY {name}_sorted(SPACEi64 *error, SPACEconst i64 PTR keys, SPACEconst i64 PTR order,
    SPACEconst {T} PTR x, SPACE{T} PTR r, const i64 n, const i64 w, {strides}, const i64 chunk) {{
  if (error[0]) return;
  const i64 count = n * w;
  {loop} {{
    const i64 p = t / w, c = t % w, key = keys[order[p]];
    {only}
  }}
}}
"""
_ADDED = """\
if (p && keys[order[p - 1]] == key) continue;
    {V} sum = {load_r};
    for (i64 q = p; q < n && keys[order[q]] == key; q++) {{
      const i64 j = order[q];
      {at}
      sum = {added};
    }}
    {store}"""
_LAST = """\
if (p + 1 < n && keys[order[p + 1]] == key) continue;
    const i64 j = order[p];
    {at}
    const {V} sum = {load_x};
    {store}"""
_ATOMIC = """\
ENTRY {name}_atomic(SPACEi64 *error, SPACEconst i64 PTR keys, SPACEconst {T} PTR x, SPACE{T} PTR r,
    const i64 n, const i64 w, {strides}, const i64 chunk) {{
  if (error[0]) return;
  const i64 count = n * w;
  {loop} {{
    const i64 j = t / w, c = t % w, key = keys[j];
    {at}
    {adds}
  }}
}}
"""


class Places(NamedTuple):
    """The functions for one dtype, number and rank of indices, and rank of what lies at a place.

    All numbers are 64-bit integers, the last is the chunk. ``<keys>`` takes the record of errors,
    the indices and the keys; then the number that the failure of the first index has, the lengths
    of the indices' axes, for each index the length of the axis it counts along, and its strides.
    ``<name>_sorted`` takes the record, the keys, their positions in order, values and result; then
    how many values there are and how many entries each has, the lengths of the indices' axes but
    the first and of the entries' axes but the first, and the values' strides, first along the
    one and then along the other. ``<name>_atomic`` takes the same without the order.
    ``atomic``: whether there is the latter. ``texts``: the first of them, and the others. Where
    ``chunked`` a work-item takes a chunk.
    """

    keys: str
    name: str
    texts: tuple[str, str]
    atomic: bool
    chunked: bool


def places(
    dtype: str, combine: str, indices: int, rank: int, entry_rank: int, dialect: Dialect
) -> Places:
    """The functions for values of one dtype, which are added where ``combine`` says ``sum``."""
    items = items_of(dialect)
    word = DTYPES[dtype].name
    keys = f"tc_keys_{indices}_{rank}"
    name = f"tc_{combine or 'set'}_{word}_{rank}_{entry_rank}"
    atomic = bool(combine and items.adds) and real_part_of(dtype) in items.adds
    facts = {
        "name": name,
        "T": DTYPES[dtype].c,
        "V": DTYPES[dialect.in_registers(dtype)].c,
        "loop": items.loop(),
        "strides": _strides(rank, entry_rank),
        "at": _at(rank, entry_rank),
        "load_x": dialect.load(dtype, "x", "at"),
        "load_r": dialect.load(dtype, "r", "key * w + c"),
        "store": dialect.store(dtype, "r", "key * w + c", "sum"),
    }
    facts["added"] = _added(dtype, facts["load_x"], dialect)
    facts["only"] = (_ADDED if combine else _LAST).format(**facts)
    text = _SORTED.format(**facts)
    if atomic:
        parts = (".re", ".im") if kind(dtype) == "c" else ("",)
        add = items.adds[real_part_of(dtype)]
        pairs = ((f"r[key * w + c]{part}", f"x[at]{part}") for part in parts)
        text += _ATOMIC.format(adds=" ".join(add.format(*pair) for pair in pairs), **facts)
    words = {"SPACE": dialect.space, "PTR": dialect.pointer}
    words["ENTRY"] = f"{dialect.entry} {items.sized.format(items.group)}"
    texts = [_keys(keys, indices, rank, dialect), text]
    for word, spelled in words.items():
        texts = [each.replace(word, spelled) for each in texts]
    return Places(keys, name, (texts[0], texts[1]), atomic, items.group == 1)


def real_part_of(dtype: str) -> str:
    """The dtype of what is added: of complex numbers that of their parts."""
    return real_part(dtype) if kind(dtype) == "c" else dtype


def _added(dtype: str, value: str, dialect: Dialect) -> str:
    if kind(dtype) == "c":
        return f"tc_add_{DTYPES[dtype].c}(sum, {value})"
    return f"sum {'|' if kind(dtype) == 'b' else '+'} {value}"


def _keys(name: str, indices: int, rank: int, dialect: Dialect) -> str:
    space = dialect.space
    parameters = [f"{space}i64 *error"]
    parameters += [f"{space}const i64 {dialect.pointer} i{k}" for k in range(indices)]
    parameters += [f"{space}i64 {dialect.pointer} keys", "const i64 failure"]
    parameters += [f"const i64 e{a}" for a in range(rank)]
    parameters += [f"const i64 m{k}" for k in range(indices)]
    parameters += [f"const i64 s{k}_{a}" for k in range(indices) for a in range(rank)]
    coordinates = [f"const i64 y{a} = rest % e{a}; rest /= e{a};" for a in reversed(range(rank))]
    lines = []
    for k in range(indices):
        at = " + ".join(f"y{a} * s{k}_{a}" for a in range(rank)) or "0"
        lines.append(f"const i64 g{k} = i{k}[{at}], v{k} = g{k} < 0 ? g{k} + m{k} : g{k};")
        test = f"v{k} < 0 || v{k} >= m{k}"
        lines.append(f"if ({test}) {{ tc_fail(error, failure + {k}, g{k}, m{k}); return; }}")
        lines.append(f"key = key * m{k} + v{k};")
    return _KEYS.format(
        name=name, parameters=", ".join([*parameters, "const i64 chunk"]),
        count=" * ".join(f"e{a}" for a in range(rank)) or "1", loop=items_of(dialect).loop(),
        coordinates="\n    ".join(coordinates), keys="\n    ".join(lines),
    )  # fmt: skip


def _strides(rank: int, entry_rank: int) -> str:
    lengths = [f"e{a}" for a in range(1, rank)] + [f"f{a}" for a in range(1, entry_rank)]
    strides = [f"s{a}" for a in range(rank)] + [f"z{a}" for a in range(entry_rank)]
    return ", ".join(f"const i64 {name}" for name in [*lengths, *strides, "none"])


def _at(rank: int, entry_rank: int) -> str:
    """Where the value with the number ``j`` has its entry ``c``."""
    terms = []
    for which, count, length, stride in (("j", rank, "e", "s"), ("c", entry_rank, "f", "z")):
        rest = which
        for a in reversed(range(count)):
            here = f"{rest} % {length}{a}" if a else rest
            terms.append(f"({here}) * {stride}{a}")
            rest = f"({rest} / {length}{a})" if a else rest
    return f"const i64 at = {' + '.join(terms) or '0'};"
