"""Shared variables: the only mutable thing, state that functions share and update."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from . import dtypes
from .backend import HOST, Memory, put
from .errors import DTypeError, ShapeError
from .node import Tensor
from .types import TensorType

# Held for the instants in which cells are read or written together.
SNAPSHOT = threading.Lock()


class Shared(Tensor):
    """A variable with a value that lives between calls.

    The value sits in ``cell[0]``, a buffer of ``memory``, that of the backend which wrote it
    last; ``cell[1]`` is None, or marks that a long call is about to write it. ``lock`` is held
    while a function updates the value.
    """

    __slots__ = ("cell", "lock", "memory", "mirrors", "default_update")

    def __init__(self, array: np.ndarray, type: TensorType, name: str | None) -> None:
        super().__init__(None, (), {}, type, name)
        self.cell: list[Any] = [array, None]
        self.lock = threading.RLock()
        self.memory: Memory = HOST
        #: Copies in the memory of other backends that read it: there, of which buffer, the copy.
        self.mirrors: dict[Memory, tuple[Any, Any]] = {}
        self.default_update: Tensor | None = None

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> np.ndarray:
        """The present value as an array; a copy unless ``borrow``.

        A borrowed array may or may not change when the variable does: only read it, at once.
        """
        with SNAPSHOT:
            memory, buffer = self.memory, self.cell[0]
        if borrow and memory is HOST:
            array: np.ndarray = buffer
            return array
        return memory.get(buffer)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Take a new value: any shape of the same rank, copied unless ``borrow``.

        Raises DTypeError or ShapeError, and then the old value stays.
        """
        what = f"shared variable {self.name or self.type!r}"
        array = self.type.convert(new_value, what)
        if (not borrow and np.may_share_memory(array, new_value)) or not array.flags.writeable:
            array = array.copy()
        with self.lock, SNAPSHOT:
            self.hold(HOST, array)

    def hold(self, memory: Memory, buffer: Any) -> None:
        """Take a buffer of ``memory`` as the value; call it with ``SNAPSHOT`` held."""
        self.cell[0] = buffer
        self.memory = memory
        if self.mirrors:
            self.mirrors = {}

    def copied_to(self, memory: Memory, home: Memory, buffer: Any) -> Any:
        """The value ``buffer``, which is in the memory ``home``, as a buffer of ``memory``.

        Copied once for as long as the value stays: a backend that only reads a variable keeps
        its copy. Raises PluginError when the memory makes buffers that pass for the host's.
        """
        if home is memory:
            return buffer
        known = self.mirrors.get(memory)
        if known is not None and known[0] is buffer:
            return known[1]
        array = buffer if home is HOST else home.get(buffer)
        copy = array if memory is HOST else put(memory, array)
        with SNAPSHOT:
            if self.cell[0] is buffer:
                self.mirrors = {**self.mirrors, memory: (buffer, copy)}
        return copy

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
