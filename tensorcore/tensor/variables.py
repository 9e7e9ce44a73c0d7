"""Constructors of variables: ``scalar``, ``dmatrix``, ``lvectors``, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import config, dtypes
from ..node import Tensor
from ..types import TensorType

#: Rank names and their broadcastable axes, as in Theano.
RANKS: dict[str, tuple[bool, ...]] = {
    "scalar": (),
    "vector": (False,),
    "matrix": (False, False),
    "row": (True, False),
    "col": (False, True),
    "tensor3": (False,) * 3,
    "tensor4": (False,) * 4,
}
_LETTERS = {d.letter: d.name for d in dtypes.DTYPES.values() if d.letter.isalpha()}


def _untyped(rank: str, flags: tuple[bool, ...]) -> Callable[..., Tensor]:
    def constructor(name: str | None = None, dtype: Any = None) -> Tensor:
        return TensorType(dtypes.canonical(dtype or config.floatX), flags)(name)

    constructor.__name__ = constructor.__qualname__ = rank
    constructor.__doc__ = f"A {rank} variable; its dtype is floatX unless given."
    return constructor


def _plural(make: Callable[..., Tensor], name: str) -> Callable[..., Any]:
    def several(*names: str | int) -> Any:
        if len(names) == 1 and isinstance(names[0], int):
            return [make() for _ in range(names[0])]
        listed = names[0] if len(names) == 1 and isinstance(names[0], (str, list, tuple)) else names
        made = [make(n) for n in listed]
        return made[0] if len(made) == 1 else made

    several.__name__ = several.__qualname__ = name
    several.__doc__ = (
        f"Several variables like ``{make!r}``: by names, by a word each letter of which is a name, "
        f"or by how many."
    )
    return several


def constructors() -> dict[str, Any]:
    """All constructors by name. Typed ones (``dscalar``) are TensorTypes themselves."""
    table: dict[str, Any] = {}
    for rank, flags in RANKS.items():
        table[rank] = _untyped(rank, flags)
        for letter, dtype in _LETTERS.items():
            table[letter + rank] = TensorType(dtype, flags)
    for name, make in list(table.items()):
        plural = name.replace("matrix", "matrice") + "s"
        table[plural] = _plural(make, plural)
    return table
