"""What one sabotage is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Named:
    """A test of the conformance suite: its module, its name, its parameters, and whether only
    the pr tier has the case."""

    module: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    full: bool = False

    def __str__(self) -> str:
        words = "-".join(str(value) for value in self.parameters.values())
        return f"{self.module}.{self.name}" + (f"[{words}]" if words else "")


@dataclass(frozen=True)
class Sabotage:
    """``old`` becomes ``new`` in one place, and ``caught`` fails with ``says`` in its words.

    ``where`` is one of:

    - ``op NAME, c``: the scalar code of an op;
    - ``op NAME, reference``: what the reference backend computes for an op, as an expression of
      its operands ``a``, ``b``, ``c`` in ``dtype``, its attributes, and the right result ``y``;
    - ``op NAME, gradient``: its rule;
    - ``prelude NAME, KIND``: a function of generated C for a kind of dtype;
    - ``MODULE:NAME``, ``MODULE:NAME[KEY]`` or ``MODULE:CLASS.METHOD``: a text, an entry of a
      table, or the code of a function;
    - ``frame.c``, ``memory.c`` or ``runtime.c``.

    ``op`` is the one whose plain random test stays green, with these attributes.
    """

    name: str
    backend: str
    where: str
    old: str
    new: str
    op: str
    dtype: str
    caught: Named
    says: str
    attrs: Mapping[str, Any] | None = None


def values(op: str, dtype: str, full: bool = False) -> Named:
    """The test of an op's values in a dtype."""
    return Named("test_ops", "test_values", {"op_name": op, "dtype": dtype}, full)
