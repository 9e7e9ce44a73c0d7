"""What differs between C-family languages, as one value per language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..dtypes import DTYPES


class Dialect(NamedTuple):
    """Spellings of one C-family language.

    ``types``: dtype name to the type that buffers hold. ``suffix``: dtype name to what
    replaces ``@`` in a template (``"f"`` makes ``exp@`` into ``expf``). ``pointer``: the
    qualifiers of a buffer pointer. ``simd``: the line before a loop whose steps are
    independent, with ``{clauses}`` for its reductions; empty where the language has none.
    """

    name: str
    types: Mapping[str, str]
    suffix: Mapping[str, str]
    pointer: str = "restrict"
    simd: str = ""

    def fill(self, template: str, dtype: str, args: list[str]) -> str:
        """A template's text: ``{0}`` operands, ``@`` function suffix, ``#`` dtype word."""
        text = template.replace("@", self.suffix.get(dtype, "")).replace("#", DTYPES[dtype].c)
        return text.format(*args)


#: C99 with the short type names of the prelude.
C99 = Dialect(
    name="c",
    types={name: d.c for name, d in DTYPES.items()},
    suffix={"float32": "f", "float16": "f"},
    simd="#pragma omp simd{clauses}",
)
