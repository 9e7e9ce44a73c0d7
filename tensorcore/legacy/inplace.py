"""``theano.tensor.inplace``: ``exp_inplace`` and its kin, which are the functions themselves: what
may be written over is found out when a function is compiled."""

from __future__ import annotations

from typing import Any

from .. import tensor
from .scalars import ELEMENTWISE

_END = "_inplace"
__all__ = [f"{name.rstrip('_')}{_END}" for name in (*ELEMENTWISE, "fill", "transpose")]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"tensorcore.legacy.inplace has no {name!r}.")
    word = name.removesuffix(_END)
    return getattr(tensor, word if hasattr(tensor, word) else f"{word}_")
