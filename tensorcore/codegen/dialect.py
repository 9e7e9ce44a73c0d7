"""What differs between C-family languages, as one value per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..dtypes import DTYPES
from .prelude_math import INLINED, INLINED_HIGH, VERSIONS

_NONE: Mapping[str, str] = {}
_NO_VERSIONS: Mapping[str, tuple[str, str]] = {}
_NOTHING_INLINED: Mapping[tuple[str, str], str] = {}
_CALL = re.compile(r"\b(\w+)@\(")


class Dialect(NamedTuple):
    """Spellings of one C-family language.

    ``types``: dtype name to the type that buffers hold. ``suffix``: dtype name to what
    replaces ``@`` in a template (``"f"`` makes ``exp@`` into ``expf``). ``entry``: what stands
    before the name of a function that is called from outside. ``space`` and ``pointer``: what
    stands before and after the type of a buffer. ``simd``: the line before a loop whose steps are
    independent, with ``{clauses}`` for its reductions; empty where the language has none.
    ``inlined``: functions, as templates name them before ``@``, each with the word of a type,
    with the prelude's that is called instead of the language's own. ``versions``: functions with
    a faster one for small arguments, and what says that an argument is not (``versions.py``).

    A dtype that is stored but not computed with has four entries more. ``computed``: the dtype
    of its values in registers. ``loads``: how a buffer is read, ``{0}`` the pointer and ``{1}``
    the index. ``stores``: how it is written, ``{2}`` the value. ``rounds``: how a value of the
    computed dtype becomes one that the stored dtype has, ``{0}`` the value and ``#`` its word.
    """

    name: str
    types: Mapping[str, str]
    suffix: Mapping[str, str]
    entry: str = "void"
    space: str = ""
    pointer: str = "*restrict"
    simd: str = ""
    inlined: Mapping[tuple[str, str], str] = _NOTHING_INLINED
    versions: Mapping[str, tuple[str, str]] = _NO_VERSIONS
    computed: Mapping[str, str] = _NONE
    loads: Mapping[str, str] = _NONE
    stores: Mapping[str, str] = _NONE
    rounds: Mapping[str, str] = _NONE

    def in_registers(self, dtype: str) -> str:
        """The dtype in which values of ``dtype`` are computed."""
        return self.computed.get(dtype, dtype)

    def fill(self, template: str, dtype: str, args: list[str]) -> str:
        """A template's text: ``{0}`` operands, ``@`` function suffix, ``#`` dtype word."""
        dtype = self.in_registers(dtype)
        word = DTYPES[dtype].c
        text = _CALL.sub(lambda call: self._called(call, word), template)
        text = text.replace("@", self.suffix.get(dtype, "")).replace("#", word)
        return text.format(*args)

    def _called(self, call: re.Match[str], word: str) -> str:
        entry = self.inlined.get((call[1], word))
        return call[0] if entry is None else f"{entry}_#("

    def load(self, dtype: str, pointer: str, index: str) -> str:
        """The value at an index, in the dtype of registers."""
        return self.loads.get(dtype, "{0}[{1}]").format(pointer, index)

    def store(self, dtype: str, pointer: str, index: str, value: str) -> str:
        """The statement that writes a value of the dtype of registers."""
        return self.stores.get(dtype, "{0}[{1}] = {2};").format(pointer, index, value)

    def rounded(self, dtype: str, source: str, value: str) -> str:
        """A value of the dtype ``source`` as one that ``dtype`` has, in registers."""
        template = self.rounds.get(dtype)
        if template is None:
            return value
        return template.replace("#", DTYPES[source].c).format(value)


#: C99 with the short type names of the prelude.
C99 = Dialect(
    name="c",
    types={name: d.c for name, d in DTYPES.items()},
    suffix={"float32": "f"},
    simd="#pragma omp simd{clauses}",
    inlined=INLINED,
    versions=VERSIONS,
    computed={"float16": "float32"},
    loads={"float16": "tc_load_f16({0}[{1}])"},
    stores={"float16": "{0}[{1}] = tc_store_f16({2});"},
    rounds={"float16": "tc_round_#({0})"},
)
#: The same with float64 functions that are right to one or two units in the last place.
C99_HIGH = C99._replace(inlined=INLINED_HIGH)


def c99(accuracy: str) -> Dialect:
    """C99 as the option ``math_accuracy`` asks for it."""
    return C99_HIGH if accuracy == "high" else C99
