"""The closed table of dtypes, how they combine, and the numeric contract for all backends.

Two rules decide a result dtype. Theano decides for Python floats (they do not raise a float32),
for integer division (``floatX``) and for float functions of integers; NumPy's promotion table
decides everything else. ``docs/dtypes.md`` is the whole table.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np

from . import config
from .errors import DTypeError


class DType(NamedTuple):
    """One dtype: its NumPy name, kind (``b i u f c``), size in bytes and C type."""

    name: str
    kind: str
    itemsize: int
    c: str
    letter: str

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(self.name)


_TABLE = (
    DType("bool", "b", 1, "u8", "?"),
    DType("int8", "i", 1, "i8", "b"),
    DType("int16", "i", 2, "i16", "w"),
    DType("int32", "i", 4, "i32", "i"),
    DType("int64", "i", 8, "i64", "l"),
    DType("uint8", "u", 1, "u8", ""),
    DType("uint16", "u", 2, "u16", ""),
    DType("uint32", "u", 4, "u32", ""),
    DType("uint64", "u", 8, "u64", ""),
    DType("float16", "f", 2, "f16", ""),
    DType("float32", "f", 4, "f32", "f"),
    DType("float64", "f", 8, "f64", "d"),
    DType("complex64", "c", 8, "c64", "c"),
    DType("complex128", "c", 16, "c128", "z"),
)
DTYPES: dict[str, DType] = {d.name: d for d in _TABLE}
ALL = tuple(DTYPES)
BOOL = ("bool",)
SIGNED = tuple(d.name for d in _TABLE if d.kind == "i")
UNSIGNED = tuple(d.name for d in _TABLE if d.kind == "u")
INTEGERS = SIGNED + UNSIGNED
FLOATING = tuple(d.name for d in _TABLE if d.kind == "f")
COMPLEX = tuple(d.name for d in _TABLE if d.kind == "c")
REAL = INTEGERS + FLOATING
NUMERIC = REAL + COMPLEX
DISCRETE = BOOL + INTEGERS


def kind(name: str) -> str:
    """Kind letter of a dtype name: ``b`` bool, ``i``, ``u``, ``f`` or ``c``."""
    return DTYPES[name].kind


def is_float(name: str) -> bool:
    """Whether values of this dtype carry a gradient (floating or complex)."""
    return DTYPES[name].kind in "fc"


def canonical(dtype: object) -> str:
    """The dtype's name in the table; ``"floatX"`` is looked up in the configuration.

    Raises DTypeError for anything that is not one of the fourteen dtypes.
    """
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype
    if dtype == "floatX":
        return str(config.floatX)
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError as cause:
        raise DTypeError(f"{dtype!r} is no dtype. Known: {', '.join(ALL)}.") from cause
    if name not in DTYPES:
        raise DTypeError(f"dtype {name!r} is not supported. Known: {', '.join(ALL)}.")
    return str(name)


@cache
def _promote_pair(a: str, b: str) -> str:
    return str(np.promote_types(a, b).name)


def promote(names: Iterable[str]) -> str:
    """NumPy's common dtype of all the names."""
    result = ""
    for name in names:
        result = name if not result else _promote_pair(result, name)
    return result


def literal_dtype(value: object) -> str:
    """The dtype a Python literal takes on its own, as in Theano.

    An ``int`` takes the smallest signed integer that holds it; a ``float`` takes floatX when
    that is narrower than float64, else the smallest of float32 and float64 that is exact.
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        for name in SIGNED:
            info = np.iinfo(name)
            if info.min <= value <= info.max:
                return name
        if 0 <= value <= np.iinfo("uint64").max:
            return "uint64"
        raise DTypeError(f"the integer {value} does not fit any dtype; the widest is 64 bits.")
    if isinstance(value, complex):
        return "complex64" if config.floatX == "float32" else "complex128"
    if isinstance(value, float):
        if config.floatX != "float64":
            return str(config.floatX)
        with np.errstate(over="ignore"):
            exact = float(np.float32(value)) == value or value != value
        return "float32" if exact else "float64"
    raise DTypeError(f"{value!r} is no number.")


def adopted(value: int, name: str, others: Iterable[str]) -> str:
    """The dtype of a Python integer among operands that are none: theirs, when they are integers
    and it holds the value, as in NumPy; else ``name``, which it takes on its own.

    ``uint8 + 1`` is uint8 and ``int8 + 1000`` is int16: nothing overflows unseen.
    """
    firm = promote(others)
    if not firm or kind(firm) not in "iu":
        return name
    info = np.iinfo(firm)
    return firm if info.min <= value <= info.max else name


def result_dtype(names: Iterable[str], literal: Iterable[bool]) -> str:
    """The common dtype of operands, where ``literal`` marks those written as Python numbers.

    A literal float adopts the precision of the floating operands it meets; otherwise
    operands promote as in NumPy.
    """
    pairs = tuple(zip(names, literal, strict=True))
    firm = promote(name for name, weak in pairs if not weak)
    if firm and is_float(firm):
        weak_kinds = {kind(name) for name, weak in pairs if weak}
        if "c" in weak_kinds and kind(firm) == "f":
            return "complex128" if firm == "float64" else "complex64"
        return firm
    return promote(name for name, _ in pairs)


def float_result(name: str) -> str:
    """The dtype of a float function (exp, sin, ...) of ``name``: itself when floating, else
    float32 for integers of up to 16 bits and float64 above, as in Theano."""
    if is_float(name):
        return name
    return "float32" if DTYPES[name].itemsize <= 2 else "float64"


def real_part(name: str) -> str:
    """The dtype of the real part of ``name``."""
    return {"complex64": "float32", "complex128": "float64"}.get(name, name)
