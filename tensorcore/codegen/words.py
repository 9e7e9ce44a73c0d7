"""Loops that draw random words, cut into blocks whose words are made together.

Compilers multiply two vectors of 64 bits by three multiplications, also where the upper halves are
known to be zero, and a draw is ten such products one after the other. A function that is written
for the machine does each in one, for several vectors side by side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .dialect import Dialect
from .versions import slice_of, versioned

_HEAD = re.compile(r"\s*for \(i64 (\w+) = ([^;]+); (\w+) < ([^;]+); \1\+\+\) \{$")
_DRAW = re.compile(r"tc_philox_u64\((v\d+), (v\d+)\)")
_DEFINED = re.compile(r"\s*const \w+ (v\d+) = ")
_VALUE = re.compile(r"\bv\d+\b")
#: How many words a block has; they stay in the nearest cache.
_BLOCK = 256


def tuned(lines: Sequence[str], dialect: Dialect) -> list[str]:
    """The lines of a vectorised loop (its pragma, its head, its body and the bracket), or what
    does the same faster."""
    cut = _in_blocks(lines) if dialect.blocks else None
    if cut is None:
        return versioned(lines, dialect)
    before, loop, after = cut
    return [*before, *versioned(loop, dialect), *after]


def _used(lines: Sequence[str]) -> list[str]:
    """The lines without values that no later line mentions: only words were made of them."""
    kept: list[str] = []
    names: set[str] = set()
    for line in reversed(lines):
        defined = _DEFINED.match(line)
        if defined is None or defined[1] in names:
            kept.append(line)
            names.update(_VALUE.findall(line))
    return kept[::-1]


def _in_blocks(lines: Sequence[str]) -> tuple[list[str], list[str], list[str]] | None:
    """What comes before the loop of a block, that loop and what is behind it; None where a loop
    draws nothing, or in a way that does not let it be cut."""
    pragma, head, body = lines[0], lines[1], lines[2:-1]
    match = _HEAD.match(head)
    draws = list(dict.fromkeys(d for line in body for d in _DRAW.findall(line)))
    parts = [slice_of(counter, body) for _, counter in draws]
    moving = any(slice_of(key, body) for key, _ in draws)
    whole = match is not None and "reduction" not in pragma and "}" not in map(str.strip, body)
    if not draws or not whole or match is None or moving or None in parts:
        return None
    index, start, _, end = match.groups()
    indent = head[: len(head) - len(head.lstrip())]
    inner = f"{indent}  for (i64 {index} = first; {index} < last; {index}++) {{"
    before = [
        f"{indent}for (i64 first = {start}; first < {end}; first += {_BLOCK}) {{",
        f"{indent}  const i64 last = first + {_BLOCK} < {end} ? first + {_BLOCK} : {end};",
    ]
    changed = "\n".join(body)
    for k, ((key, counter), part) in enumerate(zip(draws, parts, strict=True)):
        words = f"words{k}"
        before += [
            f"{indent}  u64 {words}[{_BLOCK}];", f"{indent}  {pragma.lstrip()}", inner,
            *(f"  {body[place]}" for place in sorted(part or ())),
            f"{indent}    {words}[{index} - first] = {counter};", f"{indent}  }}",
            f"{indent}  tc_philox_many_u64({key}, {words}, last - first);",
        ]  # fmt: skip
        changed = changed.replace(f"tc_philox_u64({key}, {counter})", f"{words}[{index} - first]")
    used = _used(changed.split("\n"))
    loop = [f"  {pragma}", inner, *(f"  {line}" for line in used), f"{indent}  }}"]
    return before, loop, [f"{indent}}}"]
