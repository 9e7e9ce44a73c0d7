"""Long vectors of bit patterns through elementwise ops: any value that a dtype has may come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorcore import TensorType, dtypes
from tensorcore.errors import DTypeError
from tensorcore.ops import OPS, Op

from .cases import Case, Form
from .values import Array, crossed, generator, specials

_CHUNK = 1 << 16


def elementwise(op: Op[Any], dtype: str) -> bool:
    """Whether the op takes just any values of the dtype, entry by entry."""
    plain = op.family.name == "elementwise" and op.samples is None and dtype in op.accepts
    if not plain:
        return False
    try:
        op.make(tuple(TensorType(d, ())() for d in operand_dtypes(op, dtype)), {})
    except DTypeError:
        return False
    return True


def operand_dtypes(op: Op[Any], dtype: str) -> tuple[str, ...]:
    """The dtype of each operand."""
    rest = (dtype,) * (op.arity - 1)
    return ("bool" if op.rule == "select" else dtype, *rest)


def unary(dtype: str) -> list[str]:
    """The names of the elementwise ops of one operand that accept the dtype."""
    return [op.name for op in OPS.values() if op.arity == 1 and elementwise(op, dtype)]


def any_bits(dtype: str, count: int, *words: object) -> Array:
    """Values drawn evenly from the bit patterns of the dtype, the same in every run."""
    rng = generator("bits", dtype, *words)
    if dtypes.kind(dtype) == "b":
        return np.asarray(rng.integers(0, 2, count), dtype="bool")
    size = np.dtype(dtype).itemsize
    values = rng.integers(0, 256, count * size, dtype=np.uint8).view(dtype)
    return np.asarray(values)


def every_float16() -> Array:
    """All 65,536 values of float16, each NaN among them."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def random_form(op: Op[Any], dtype: str, count: int, most: int) -> Form:
    """The op on ``count`` random bit patterns, and on ``most`` combinations of special values."""
    names = operand_dtypes(op, dtype)
    drawn = [any_bits(d, count, op.name, k) for k, d in enumerate(names)]
    combined = crossed([specials(d) for d in names], most, generator("sweep", op.name, dtype))
    return form_of(op, dtype, [drawn, combined])


def form_of(op: Op[Any], dtype: str, rows: Sequence[Sequence[Array]]) -> Form:
    """The op on each row of operands, in pieces, so that memory stays small."""
    cases = tuple(
        Case(tuple(a[at : at + _CHUNK] for a in row), {}, flags, f"row {k}, entries from {at}")
        for k, row in enumerate(rows)
        for flags in [((False,),) * len(row)]
        for at in range(0, len(row[0]), _CHUNK)
    )
    return Form(op, dtype, cases[0].types, {}, cases)
