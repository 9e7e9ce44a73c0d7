"""Shared variables: the only mutable thing, state that functions share and update."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from . import dtypes
from .backend import HOST, Memory
from .errors import DTypeError, ShapeError
from .node import Tensor
from .types import TensorType


class Shared(Tensor):
    """A variable with a value that lives between calls.

    The value sits in ``cell[0]``, a buffer of ``memory``; ``cell[1]`` is None, or marks that a
    long call is about to write it. ``lock`` is held while a function updates the value.
    """

    __slots__ = ("cell", "lock", "memory", "default_update")

    def __init__(self, array: np.ndarray, type: TensorType, name: str | None) -> None:
        super().__init__(None, (), {}, type, name)
        self.cell: list[Any] = [array, None]
        self.lock = threading.RLock()
        self.memory: Memory = HOST
        self.default_update: Tensor | None = None

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> np.ndarray:
        """The present value as an array; a copy unless ``borrow``.

        A borrowed array may or may not change when the variable does: only read it, at once.
        """
        buffer = self.cell[0]
        if borrow and self.memory is HOST:
            array: np.ndarray = buffer
            return array
        return self.memory.get(buffer)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Take a new value: any shape of the same rank, copied unless ``borrow``.

        Raises DTypeError or ShapeError, and then the old value stays.
        """
        what = f"shared variable {self.name or self.type!r}"
        array = self.type.convert(new_value, what)
        if (not borrow and np.may_share_memory(array, new_value)) or not array.flags.writeable:
            array = array.copy()
        with self.lock:
            self.cell[0] = self.memory.put(array) if self.memory is not HOST else array

    def __repr__(self) -> str:
        return self.name or f"<shared {self.type!r}>"

    def __deepcopy__(self, memo: Any) -> Shared:
        return Shared(self.get_value(), self.type, self.name)


def shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Any = None,
) -> Shared:
    """A shared variable with this starting value: a number, a list or an array.

    A Python int makes an int64 scalar, a float a float64 one. Sizes are free to change with
    ``set_value`` unless ``broadcastable`` fixes an axis to 1. ``strict`` and
    ``allow_downcast`` are Theano's and change nothing here. Raises DTypeError, and ShapeError for
    ragged lists.
    """
    if isinstance(value, Tensor):
        raise TypeError("shared() takes a value, not a symbolic tensor; compute it first.")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"shared(): the name is text, found {name!r}.")
    try:
        array = np.asarray(value)
    except ValueError as cause:
        raise ShapeError(f"shared(): the value is ragged: {cause}") from cause
    if array.dtype.name not in dtypes.DTYPES:
        raise DTypeError(
            f"shared(): a {type(value).__name__} with dtype {array.dtype} cannot be shared. "
            f"Known dtypes: {', '.join(dtypes.ALL)}."
        )
    flags = (False,) * array.ndim if broadcastable is None else broadcastable
    type_ = TensorType(array.dtype.name, flags)
    array = type_.convert(array, f"shared variable {name or ''}".strip())
    if (np.may_share_memory(array, value) and not borrow) or not array.flags.writeable:
        array = array.copy()
    return Shared(array, type_, name)
