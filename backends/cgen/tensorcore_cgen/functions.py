"""Kernels as C functions of a table of operands, and how functions are shared out over files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tensorcore.codegen.render import KernelText
from tensorcore.dtypes import DTYPES

#: Kernels per file: compile time grows faster than linearly with the length of a file.
_KERNELS_PER_FILE = 32
#: From this weight on there are two files, as two compilers at once answer sooner.
_SPLIT = 12000
#: How functions that use the helpers of whole-buffer calls are recognised.
CALLS = re.compile(r"tc_(contract|argsort|matrix)_")
#: What takes a compiler longer than its length tells.
_LOOPS = re.compile(r"#pragma omp simd|tc_(?:exp|log|sin|cos|tan|pow)\w*\(")


def kernel_function(text: KernelText, in_place: bool) -> str:
    """The kernel as functions of its operand table, its parts first; ``$`` stands for the name."""
    named = _operands(text, in_place)
    found = []
    if text.shared:
        found.append(
            f"typedef struct {{ {' '.join(f'{d};' for d in text.shared.values())} }} $_s;\n"
        )
    for suffix, parameters, body in text.functions:
        lines = ["  $_s *const k = c->shared;"] if "k->" in body else []
        lines += _mentioned(named, body)
        lines += [f"  (void){name};" for name in _unused(parameters, [*lines, body])]
        head = f"static void ${suffix}(Context *c, const u32 *o, {parameters})"
        found.append("\n".join([f"{head} {{", *lines, body, "}\n"]))
    lines = ["  $_s k; c->shared = &k;"] if text.shared else []
    lines += _mentioned(named, text.body)
    head = "__attribute__((noinline)) void $(Context *c, const u32 *o)"
    found.append("\n".join([f"{head} {{", *lines, text.body, "}\n"]))
    return "".join(found)


def _unused(parameters: str, lines: Sequence[str]) -> list[str]:
    """The parameters of a part that its text does not mention."""
    names = ["c", "o", *(_WORD.findall(p)[-1] for p in parameters.split(","))]
    mentioned = set(_WORD.findall("\n".join(lines)))
    return [name for name in names if name not in mentioned]


def _operands(text: KernelText, in_place: bool) -> list[tuple[str, str]]:
    """The declaration of each buffer, size, number and failure, by its name; sizes first."""
    # A commit in place lets a pointer that is read and one that is written be the same.
    qualifier = "" if in_place else "restrict "
    buffers: list[tuple[str, str]] = []
    found: list[tuple[str, str]] = []
    for k, (dtype, written) in enumerate(zip(text.dtypes, text.written, strict=True)):
        ctype = DTYPES[dtype].c if written else f"const {DTYPES[dtype].c}"
        place = f"c->slot[o[{k}]]"
        if k in text.rows:
            place = f"c->own ? (void *)((u8 *)c->own + {text.rows[k]}) : {place}"
        buffers.append((f"p{k}", f"  {ctype} *{qualifier}p{k} = {place};"))
    position = len(text.slots)
    found += [
        (f"n{k}", f"  const i64 n{k} = c->size[o[{position + k}]];") for k in range(len(text.sizes))
    ]
    position += len(text.sizes)
    for k, dtype in enumerate(text.number_dtypes):
        ctype = DTYPES[dtype].c
        number = f"*(const {ctype} *)&tc_numbers[o[{position + k}]]"
        found.append((f"k{k}", f"  const {ctype} k{k} = {number};"))
    position += len(text.numbers)
    found += [
        (f"f{k}", f"  const i64 f{k} = o[{position + k}];") for k in range(len(text.failures))
    ]
    return [*found, *buffers, ("error", "  i64 *const error = c->error;")]


_NAME = re.compile(r"\b(?:[pnkf]\d+|error)\b")
_WORD = re.compile(r"\w+")


def _mentioned(named: Sequence[tuple[str, str]], body: str) -> list[str]:
    """The declarations that a body needs, and what these need in turn."""
    wanted = set(_NAME.findall(body.replace("c->error", "")))
    for name, line in reversed(named):
        if name in wanted:
            wanted.update(_NAME.findall(line.split("=", 1)[1]))
    return [line for name, line in named if name in wanted]


def by_file(named: Sequence[tuple[str, str]], helpers: str) -> list[list[tuple[str, str]]]:
    """The functions, by name and text, in groups that take a compiler about the same time.
    Those that use the helpers stay together."""
    calls = [pair for pair in named if CALLS.search(pair[1])]
    items = [([pair], _weight(pair[1])) for pair in named if not CALLS.search(pair[1])]
    if calls:
        items.append((calls, _weight(helpers) + sum(_weight(text) for _, text in calls)))
    total = sum(weight for _, weight in items)
    count = max(-(-len(named) // _KERNELS_PER_FILE), 2 if total > _SPLIT else 1)
    groups: list[list[tuple[str, str]]] = [[] for _ in range(count)]
    weights = [0] * count
    for pairs, weight in sorted(items, key=lambda item: -item[1]):
        least = weights.index(min(weights))
        groups[least] += pairs
        weights[least] += weight
    return groups


def _weight(text: str) -> int:
    return 500 + len(text) + 1200 * len(_LOOPS.findall(text))
