"""One application of an op, and what one compiled expression serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorcore import Tensor, TensorType
from tensorcore.ops import Op

from .indexings import Pick
from .values import Array, Shape, domain

Flags = tuple[bool, ...]
_MAIN_DTYPES = ("float32", "int64", "bool")
#: Operands of up to so many entries are shown.
_SHOWN = 8


@dataclass(frozen=True)
class Case:
    """Arrays for one application of an op. ``flags`` has, per operand, its axes that are
    declared to have size 1."""

    arrays: tuple[Array, ...]
    attrs: Mapping[str, Any]
    flags: tuple[Flags, ...]
    label: str

    @property
    def types(self) -> tuple[TensorType, ...]:
        """The types of the operands."""
        pairs = zip(self.arrays, self.flags, strict=True)
        return tuple(TensorType(a.dtype.name, flags) for a, flags in pairs)


@dataclass(frozen=True)
class Form:
    """Cases that one compiled expression serves: same op, operand types and attributes."""

    op: Op[Any]
    dtype: str
    types: tuple[TensorType, ...]
    attrs: Mapping[str, Any]
    cases: tuple[Case, ...]

    def variables(self) -> list[Tensor]:
        """New variables for the operands."""
        return [type_(f"x{k}") for k, type_ in enumerate(self.types)]

    def apply(self, inputs: Sequence[Tensor]) -> Tensor:
        """The op on these operands."""
        return self.op.make(tuple(inputs), self.attrs)

    def operands_at(self, case: Case, at: tuple[int, ...]) -> list[str]:
        """The operands of which the entry ``at`` of the result is made, in words: as numbers
        where they are few, else as shapes."""
        return [_in_words(part) for part in self._parts(case.arrays, at)]

    def _parts(self, arrays: Sequence[Array], at: tuple[int, ...]) -> Sequence[Array]:
        family, axes = self.op.family.name, self.attrs.get("axes", ())
        if family in ("elementwise", "cast"):
            return [array[at] for array in np.broadcast_arrays(*arrays)]
        if family not in ("reduction", "along axes") or len(arrays) != 1:
            return arrays
        (array,) = arrays
        kept = iter(n for k, n in enumerate(at) if len(at) < array.ndim or k not in axes)
        return [array[tuple(slice(None) if k in axes else next(kept) for k in range(array.ndim))]]

    @property
    def result_dtype(self) -> str:
        """The dtype of the result."""
        return self.apply(self.variables()).dtype

    def __str__(self) -> str:
        operands = ", ".join(map(repr, self.types))
        attrs = "".join(f", {k}={v!r}" for k, v in self.attrs.items())
        return f"{self.op.name}({operands}{attrs})"


@dataclass(frozen=True)
class Request:
    """What cases are asked for: ``full`` for every class of shapes, else the main ones; with
    ``shared`` those of a class come in every layout in the op's main dtype only."""

    op: Op[Any]
    dtype: str
    full: bool
    rng: np.random.Generator
    shared: bool = False

    @property
    def main(self) -> str:
        """The dtype in which the smoke tier checks more than one form of the op."""
        return main_dtype(self.op)

    @property
    def every_layout(self) -> bool:
        """Whether shapes come in every layout that come after the first of their class."""
        return self.full and not (self.shared and self.dtype != self.main)

    def operand_dtypes(self) -> tuple[str, ...]:
        """The dtype of each operand of an elementwise op."""
        rest = (self.dtype,) * (self.op.arity - 1)
        return ("bool" if self.op.rule == "select" else self.dtype, *rest)

    def spread(self, pick: Pick) -> Pick:
        """A pick with one shape for each operand, where it has one for all of them."""
        missing = 0 if pick.places else self.op.arity - len(pick.shapes)
        if missing <= 0 or self.op.family.name != "cumulative":
            return pick
        flags = pick.flags + pick.flags[:1] * missing
        return pick._replace(shapes=pick.shapes + pick.shapes[:1] * missing, flags=flags)

    def domain(self, shape: Shape, dtype: str | None = None) -> Array:
        """Values of the op's domain."""
        return domain(self.op, dtype or self.dtype, shape, self.rng)


def main_dtype(op: Op[Any]) -> str:
    """The dtype in which the smoke tier checks more than one form of an op."""
    return next((dtype for dtype in _MAIN_DTYPES if dtype in op.accepts), op.accepts[0])


def _in_words(part: Array) -> str:
    if np.ndim(part) == 0:
        return str(part)
    if part.size <= _SHOWN:
        return f"[{', '.join(map(str, part.ravel()))}]" if part.ndim == 1 else str(part.tolist())
    return f"{part.dtype}{list(part.shape)}"
