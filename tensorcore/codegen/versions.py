"""Loops in two versions: one for arguments of which all are small, and one for any.

A sine of large numbers reads a table, which makes the whole loop slow, also where there is no
large number. A short loop before it looks at the arguments, and only computes what they need:
if that is more than arithmetic, the function stays as it is. Both versions of a function have
the same bits where both are right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .dialect import Dialect

_DEFINITION = re.compile(r"\s*const \w+ (v\d+) = (.*);$")
_VALUE = re.compile(r"\bv\d+\b")
_CALL = re.compile(r"\b(tc_\w+)\((v\d+)\)")
#: Indices that are no values, and the brackets of blocks.
_FRAME = re.compile(r"\s*(\{ )?const i64 (?!v\d)\w+ = |\s*\}$")
_ANY_CALL = re.compile(r"\b\w+\(")


def versioned(lines: Sequence[str], dialect: Dialect) -> list[str]:
    """The lines of a vectorised loop (its pragma, its head, its body and the bracket), or of both
    versions and the choice between them."""
    head, body = lines[1], lines[2:-1]
    tests: dict[str, None] = {}
    needed: set[int] = set()
    changed = {}
    for name, value in dict.fromkeys(c for line in body for c in _CALL.findall(line)):
        part = slice_of(value, body) if name in dialect.versions else None
        if part is not None:
            small, far = dialect.versions[name]
            tests[f"{far}({value})"] = None
            needed |= part
            changed[f"{name}({value})"] = f"{small}({value})"
    if not tests:
        return [*lines]
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    quick = "\n".join(lines)
    for old, new in changed.items():
        quick = quick.replace(old, new)
    return [
        f"{indent}{{ u64 far = 0;",
        indent + dialect.simd.format(clauses=" reduction(|:far)"),
        head,
        *_looking(body, needed, f"{indent}  far |= {' | '.join(tests)};"),
        f"{indent}}}",
        f"{indent}if (far) {{",
        *lines,
        f"{indent}}} else {{",
        quick,
        f"{indent}}} }}",
    ]


def _looking(body: Sequence[str], needed: set[int], look: str) -> list[str]:
    """The lines that compute the arguments, and the look at them: once in each block, where the
    body has several points in blocks of their own, as in sums of columns."""
    found = []
    blocks = False
    for k, line in enumerate(body):
        if line.strip() == "}":
            blocks = True
            found.append(look)
        if k in needed or _FRAME.match(line):
            found.append(line)
    return found if blocks else [*found, look]


def slice_of(value: str, body: Sequence[str]) -> set[int] | None:
    """The lines that compute a value, or None where one of them calls a function."""
    places: dict[str, list[tuple[int, str]]] = {}
    for k, line in enumerate(body):
        match = _DEFINITION.match(line)
        if match:
            places.setdefault(match[1], []).append((k, match[2]))
    found: set[int] = set()
    wanted = [value]
    while wanted:
        # Nothing where it was computed before the loop; several in blocks.
        for place, text in places.get(wanted.pop(), ()):
            if place in found:
                continue
            if _ANY_CALL.search(text):
                return None
            found.add(place)
            wanted += _VALUE.findall(text)
    return found
