"""Kernels as functions of work-items, for devices: nothing of a kernel runs on the host.

``work_items.py`` prints them; here they become one text with arguments in a fixed order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..dtypes import DTYPES
from ..program import Failure, Program, SizeId, SlotId, all_kernels
from .dialect import Dialect
from .function import number_of
from .meeting import items_of, teams_of
from .parts import CHUNK, CHUNK_OF_GROUPS
from .prelude import COMPLEX_TYPES, fail, needed
from .render import KernelText, Launch
from .work_items import print_items

__all__ = ["ItemKernel", "item_kernels", "items_of", "with_head"]


class ItemKernel(NamedTuple):
    """How a kernel is run: ``names`` are its functions, launched in this order as ``launches``
    say.

    All take the same arguments. First buffers: those of ``slots``; where ``shared_bytes`` is not 0
    one of as many; with ``reports`` one of four 64-bit integers, as ``function.KernelFunction`` has
    it. Then numbers: the ``sizes`` as 64-bit integers, ``numbers`` in their own dtypes, and two
    64-bit integers, the number that the first of ``failures`` has in that record and the chunk.
    ``own`` says, by position, of which slots each work-item (or group, where they share a point)
    has a row of its own, and a group that takes several points at a time one for each: the buffer
    holds as many as that. With a dialect whose indices have 32 bits the sizes do too, and neither a
    size nor the elements of a buffer may be more than ``NARROW``.
    """

    names: tuple[str, ...]
    launches: tuple[Launch, ...]
    slots: tuple[SlotId, ...]
    sizes: tuple[SizeId, ...]
    numbers: tuple[np.generic, ...]
    failures: tuple[Failure, ...]
    shared_bytes: int
    own: tuple[int, ...]
    reports: bool


#: Up to here 32 bits hold every size, every address and every sum of two of them.
NARROW = 2**30


def item_kernels(
    program: Program, dialect: Dialect, more: str = ""
) -> tuple[str, tuple[ItemKernel, ...]]:
    """One text for all kernels of a Program, those of Programs inside it included, and how each
    of ``all_kernels`` is run. ``more`` is text of other functions, which comes last.

    The text has everything but the types of the language, which are named as in
    ``function.C_TYPES``. Kernels of equal structure share functions. Raises UnsupportedOp for
    scalar code that the dialect has no words for.
    """
    names: dict[str, str] = {}
    found = []
    kernels = list(all_kernels(program))
    reports = any(kernel.failures for _, kernel in kernels)
    for owner, kernel in kernels:
        text = print_items(kernel, owner.slots, owner.sizes, dialect)
        name = names.setdefault(_functions(text, dialect, reports), f"k{len(names)}")
        numbers = zip(text.numbers, text.number_dtypes, strict=True)
        found.append(
            ItemKernel(
                tuple(name + suffix for suffix, _, _ in text.functions),
                tuple(text.launches),
                tuple(text.slots),
                tuple(text.sizes),
                tuple(number_of(bits, dtype) for bits, dtype in numbers),
                tuple(kernel.failures[k] for k in text.failures),
                _bytes(text),
                tuple(text.rows),
                reports,
            )
        )
    functions = "".join(source.replace("$", name) for source, name in names.items()) + more
    return with_head(functions, dialect), tuple(found)


def with_head(functions: str, dialect: Dialect) -> str:
    """A text of functions with all that they use before it, but for the types of the language."""
    head = COMPLEX_TYPES + needed(functions, dialect)
    if "tc_chunk(" in functions:
        head += CHUNK if items_of(dialect).group == 1 else CHUNK_OF_GROUPS
    head += fail(dialect) if "tc_fail(" in functions else ""
    return dialect.spelled(head + functions)


def _functions(text: KernelText, dialect: Dialect, reports: bool) -> str:
    """The functions of a kernel; ``$`` stands for its name."""
    items = items_of(dialect)
    parameters = []
    for k, (dtype, written) in enumerate(zip(text.dtypes, text.written, strict=True)):
        name = f"w{k}" if k in text.rows else f"p{k}"
        const = "" if written else "const "
        parameters.append(f"{dialect.space}{const}{DTYPES[dtype].c} {dialect.pointer} {name}")
    if text.shared:
        parameters.append(f"{dialect.space}$_s *const k")
    if reports:
        parameters.append(f"{dialect.space}i64 *const error")
    parameters += [f"const {dialect.indices} n{k}" for k in range(len(text.sizes))]
    parameters += [f"const {DTYPES[d].c} k{k}" for k, d in enumerate(text.number_dtypes)]
    parameters += ["const i64 failure", "const i64 chunk"]
    found = []
    if text.shared:
        fields = " ".join(f"{field};" for field in text.shared.values())
        found.append(f"typedef struct {{ {fields} }} $_s;\n")
    numbered = "".join(f"  const i64 f{k} = failure + {k};\n" for k in range(len(text.failures)))
    for (suffix, _, body), launch in zip(text.functions, text.launches, strict=True):
        size = 1 if launch.way == "one" else items.group
        head = f"{dialect.entry} {items.sized.format(size)} ${suffix}({', '.join(parameters)})"
        # After a failure nothing is done any more, as values may be missing; but who may fail
        # himself does not look where others may be writing at the time.
        looks = reports and ("tc_fail(" not in body or launch.way == "one")
        guard = "  if (error[0]) return;\n" if looks else ""
        own = teams_of(items) if launch.way == "teams" else ""
        own += "".join(_own(text, k, launch, dialect) for k in text.rows)
        found.append(f"{head} {{\n{numbered}{guard}{own}{body}\n}}\n")
    return "".join(found)


def _own(text: KernelText, position: int, launch: Launch, dialect: Dialect) -> str:
    """The row of this work-item, or group or team."""
    items = items_of(dialect)
    found = {"groups": items.group_item, "teams": f"({items.group_item} * teams + mine)"}
    number = found.get(launch.way, items.item)
    word = DTYPES[text.dtypes[position]].c
    place = f"w{position} + (i64){number} * ({text.rows[position]})"
    if launch.way == "groups" and launch.per > 1:  # side by side
        place += f" * {launch.per} + {items.member} % {launch.per}"
    return f"  {dialect.space}{word} {dialect.pointer} p{position} = {place};\n"


def _bytes(text: KernelText) -> int:
    """No less than the struct takes."""
    total = 0
    for field in text.shared.values():
        count = int(field.split("[")[1].rstrip("]")) if "[" in field else 1
        total += 16 * count
    return total
