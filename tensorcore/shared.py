"""Shared variables: the only mutable thing, state that functions share and update."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import setitem
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from .backend import HOST, Memory, put
from .errors import DTypeError, ShapeError
from .node import Tensor
from .types import TensorType

if TYPE_CHECKING:
    from .containers import Container

# Held for the instants in which cells are read or written together. It may be taken again by its
# holder, as a collection of garbage may run anything at any time.
SNAPSHOT = threading.RLock()
_WRITTEN = threading.Condition(SNAPSHOT)
#: A call looks at the cell, or is about to change it.
BUSY = "busy"
#: Holds another object in each child of a fork.
_process = [object()]
#: The variables whose cells calls are about to change.
_CHANGING: set[Shared] = set()


_made = itertools.count()


class Shared(Tensor):
    """A variable with a value that lives between calls.

    The value sits in ``cell[0]``, a buffer of ``memory``, that of the backend which wrote it
    last. ``cell[1]`` is None; ``BUSY`` while a long call that will change the value computes it;
    or, while that is written over the buffer, the number of the thread which does so. ``lock`` is
    held while a function updates the value.
    """

    __slots__ = ("_lock", "_process", "_update", "cell", "memory", "mirrors", "number")

    def __init__(self, array: np.ndarray, type: TensorType, name: str | None) -> None:
        super().__init__(None, (), {}, type, name)
        self.cell: list[Any] = [array, None]
        self._lock = threading.RLock()
        self._process = _process[0]
        self.memory: Memory = HOST
        #: Copies in the memory of other backends that read it: there, of which buffer, the copy.
        self.mirrors: dict[Memory, tuple[Any, Any]] = {}
        self._update: Tensor | None = None
        #: How many were made before this one.
        self.number = next(_made)

    @property
    def default_update(self) -> Tensor | None:
        """The new value after each call of a function that uses the variable and does not update it
        itself; None, or deleted, for none."""
        return self._update

    @default_update.setter
    def default_update(self, value: Tensor | None) -> None:
        self._update = value

    @default_update.deleter
    def default_update(self) -> None:
        self._update = None

    def clone(self) -> Shared:
        """The variable itself: a copy would share the value, as Theano's does."""
        return self

    @property
    def lock(self) -> threading.RLock:
        """Held while a function updates the value. In a child of a fork it is a new one: there may
        be nobody left to give back the old one."""
        if self._process is not _process[0]:
            with SNAPSHOT:
                if self._process is not _process[0]:
                    self._lock, self._process = threading.RLock(), _process[0]
        return self._lock

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> np.ndarray:
        """The present value as an array; a copy unless ``borrow``.

        A borrowed array may or may not change when the variable does: only read it, at once.
        """
        with SNAPSHOT:
            wait_for_writers((self,))
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
            hold((self,), HOST, (array,))

    def zero(self, borrow: bool = False) -> None:
        """Set all entries of the value to zero."""
        self.set_value(np.zeros_like(self.get_value(borrow=True)))

    @property
    def container(self) -> Container:
        """The place of the value, as functions have for theirs."""
        from .containers import Container

        return Container(self, self.name, self.get_value, self.set_value)

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

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        value = np.array(self.get_value(borrow=True), subok=False)
        made = memo[id(self)] = type(self)(value, self.type, self.name)
        vars(made).update(vars(self))
        if self._tag is not None:
            vars(made.tag).update(vars(self.tag))
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        from .state import reduced_shared

        return reduced_shared(self)

    def __setstate__(self, later: Any) -> None:
        from .state import restore_shared

        restore_shared(self, later)


def wait_for_writers(cells: Iterable[Shared]) -> None:
    """Wait, with ``SNAPSHOT`` held, until no other thread writes over these values. Who writes
    waits for nobody, so this comes to an end whatever else the caller holds."""
    me = threading.get_ident()

    def free() -> bool:
        return all(c.cell[1] is None or c.cell[1] is BUSY or c.cell[1] == me for c in cells)

    if not free():
        _WRITTEN.wait_for(free)


def snapshot(cells: Sequence[Shared], written: Sequence[Shared]) -> list[tuple[Memory, Any]]:
    """The values of all cells at one moment, and where they live. The ``written`` ones, whose
    locks the caller holds, are busy from then on.

    Calls that write cells without ``SNAPSHOT`` leave busy ones alone, so all are for an instant.
    """
    with SNAPSHOT:
        wait_for_writers(cells)
        before = [cell.cell[1] for cell in cells]
        try:
            for cell in cells:
                cell.cell[1] = BUSY
            return [(cell.memory, cell.cell[0]) for cell in cells]
        finally:
            for cell, mark in zip(cells, before, strict=True):
                cell.cell[1] = mark
            for cell in written:
                cell.cell[1] = BUSY
            _CHANGING.update(written)


def announce(cells: Iterable[Shared]) -> None:
    """The values, whose locks the caller holds, are about to be written over: readers wait."""
    me = threading.get_ident()
    with SNAPSHOT:
        for cell in cells:
            cell.cell[1] = me


def release(cells: Iterable[Shared]) -> None:
    """The values are busy no more."""
    with SNAPSHOT:
        for cell in cells:
            cell.cell[1] = None
        _CHANGING.difference_update(cells)
        _WRITTEN.notify_all()


def hold(cells: Sequence[Shared], memory: Memory, buffers: Sequence[Any]) -> None:
    """Take buffers of ``memory`` as the values; call it with ``SNAPSHOT`` held.

    One call of C code does it all, so that no signal can come in between: all or none.
    """
    places = [cell.cell for cell in cells]
    fresh: list[dict[Memory, Any]] = [{} for _ in cells]
    changes = chain(
        map(setitem, places, repeat(0), buffers),
        map(setattr, cells, repeat("memory"), repeat(memory)),
        map(setattr, cells, repeat("mirrors"), fresh),
    )
    deque(changes, 0)


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


def _before_fork() -> None:
    """The child gets no lock that a thread holds which it does not have, and no half of a value."""
    SNAPSHOT.acquire()
    wait_for_writers(_CHANGING)


def _in_child() -> None:
    _process[0] = object()
    for cell in _CHANGING:  # nobody is left who would finish these calls
        cell.cell[1] = None
    _CHANGING.clear()
    SNAPSHOT.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=SNAPSHOT.release, after_in_child=_in_child
    )
