"""The kernels of a Program as functions that take buffers, sizes and numbers as arguments.

All that a C-like backend needs beside a compiler: it puts the types of its language before the
text, compiles it and calls the functions. ``interpret.Interpreter`` does the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dtypes import DTYPES
from ..program import Failure, Program, SizeId, SlotId, all_kernels
from .columns import print_kernel
from .dialect import Dialect
from .prelude import COMPLEX_TYPES, fail, needed
from .render import KernelText

#: The short type names that all texts use, in C.
C_TYPES = """\
typedef signed char i8; typedef short i16; typedef int i32; typedef long long i64;
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64; typedef float f32; typedef double f64; typedef u16 f16;
"""


class KernelFunction(NamedTuple):
    """How the function of one kernel is called.

    The arguments are, in this order: pointers to the buffers of ``slots``, the ``sizes`` as
    64-bit integers, ``numbers`` in their own dtypes and, where there are ``failures``, a pointer
    to four 64-bit integers, zero at first. The function leaves early with them set to 2, the
    position of the failure in ``failures``, and the two numbers that its message takes.
    """

    name: str
    slots: tuple[SlotId, ...]
    sizes: tuple[SizeId, ...]
    numbers: tuple[np.generic, ...]
    failures: tuple[Failure, ...]


def kernel_functions(program: Program, dialect: Dialect) -> tuple[str, tuple[KernelFunction, ...]]:
    """One text for all kernels of a Program, and the function of each of ``all_kernels``.

    The text has everything but the types of the language, which are named as in ``C_TYPES``.
    Kernels of equal structure share a function. Raises UnsupportedOp for scalar code that the
    dialect has no words for.
    """
    names: dict[str, str] = {}
    functions = []
    for owner, kernel in all_kernels(program):
        found = print_kernel(kernel, owner.slots, owner.sizes, dialect)
        name = names.setdefault(_function(found, dialect), f"k{len(names)}")
        numbers = zip(found.numbers, found.number_dtypes, strict=True)
        functions.append(
            KernelFunction(
                name,
                tuple(found.slots),
                tuple(found.sizes),
                tuple(number_of(bits, dtype) for bits, dtype in numbers),
                tuple(kernel.failures[k] for k in found.failures),
            )
        )
    text = "".join(source.replace("$", name) for source, name in names.items())
    head = COMPLEX_TYPES + needed(text, dialect) + (fail(dialect) if "tc_fail(" in text else "")
    return dialect.spelled(head + text), tuple(functions)


def _function(text: KernelText, dialect: Dialect) -> str:
    """The function of a kernel; ``$`` stands for its name."""
    parameters = [
        f"{dialect.space}{'' if written else 'const '}{DTYPES[dtype].c} {dialect.pointer} p{k}"
        for k, (dtype, written) in enumerate(zip(text.dtypes, text.written, strict=True))
    ]
    parameters += [f"const i64 n{k}" for k in range(len(text.sizes))]
    parameters += [f"const {DTYPES[d].c} k{k}" for k, d in enumerate(text.number_dtypes)]
    if text.failures:
        parameters.append(f"{dialect.space}i64 {dialect.pointer} error")
    numbered = "".join(f"  const i64 f{k} = {k};\n" for k in range(len(text.failures)))
    return f"{dialect.entry} $({', '.join(parameters)}) {{\n{numbered}{text.body}\n}}\n"


def number_of(bits: int, dtype: str) -> Any:
    """The scalar with these bits; see ``render.bits``."""
    return np.frombuffer(bits.to_bytes(8, "little"), dtype, count=1)[0]
