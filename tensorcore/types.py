"""Tensor types: a dtype and, per axis, whether that axis is known to have size 1; and tuples."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from . import dtypes
from .errors import DTypeError, RankError, ShapeError

if TYPE_CHECKING:
    from .node import Tensor

_NAMES: dict[tuple[bool, ...], str] = {
    (): "scalar",
    (False,): "vector",
    (False, False): "matrix",
    (True, False): "row",
    (False, True): "col",
}


#: Called with each new variable, where old spellings are in use and have put something here.
ON_NEW_VARIABLE: list[Callable[[Tensor], None]] = []


class TensorType:
    """The type of a symbolic tensor; interned, so types compare with ``is``.

    ``dtype`` is a dtype name; ``broadcastable`` has one flag per axis, true where the size is
    known to be 1. Calling a type makes a variable of it: ``TensorType("float64", ())("x")``.
    ``name`` is Theano's and changes nothing.
    Raises DTypeError for an unknown dtype.
    """

    __slots__ = ("dtype", "broadcastable", "ndim", "__weakref__")
    dtype: str
    broadcastable: tuple[bool, ...]
    ndim: int
    _table: ClassVar[dict[tuple[str, tuple[bool, ...]], TensorType]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __new__(  # noqa: PYI034 (interned)
        cls, dtype: Any, broadcastable: Any = (), name: str | None = None
    ) -> TensorType:
        listed = isinstance(broadcastable, Iterable) and not isinstance(broadcastable, str)
        flags = tuple(broadcastable) if listed else (broadcastable,)
        if not listed or any(flag not in (True, False) for flag in flags):
            raise TypeError(
                f"TensorType: broadcastable takes one bool per axis, found {broadcastable!r}. "
                f"Sizes are no part of a type."
            )
        key = (dtypes.canonical(dtype), tuple(bool(flag) for flag in flags))
        found = cls._table.get(key)
        if found is None:
            with cls._lock:
                found = cls._table.get(key)
                if found is None:
                    found = object.__new__(cls)
                    object.__setattr__(found, "dtype", key[0])
                    object.__setattr__(found, "broadcastable", key[1])
                    object.__setattr__(found, "ndim", len(key[1]))
                    cls._table[key] = found
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a TensorType is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return (TensorType, (self.dtype, self.broadcastable))

    def __call__(self, name: str | None = None) -> Tensor:
        """A new symbolic variable of this type. Raises TypeError if the name is no text."""
        from .node import Tensor

        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a variable is text, found {name!r}.")
        made = Tensor(None, (), {}, self, name)
        for look in ON_NEW_VARIABLE:
            look(made)
        return made

    def __repr__(self) -> str:
        flags = self.broadcastable
        axes = str(flags) if any(flags) else f"{self.ndim}D"
        return f"TensorType({self.dtype}, {_NAMES.get(flags, axes)})"

    make_variable = __call__

    @property
    def numpy_dtype(self) -> np.dtype:
        """The dtype as NumPy's object."""
        return np.dtype(self.dtype)

    def clone(self, dtype: Any = None, broadcastable: Any = None) -> TensorType:
        """This type with another dtype or other axes."""
        flags = self.broadcastable if broadcastable is None else broadcastable
        return TensorType(self.dtype if dtype is None else dtype, flags)

    def filter(
        self, data: Any, strict: bool = False, allow_downcast: bool | None = None
    ) -> np.ndarray:
        """``data`` as an array of this type. Raises DTypeError or ShapeError; ``strict`` takes
        only what is one already."""
        if strict and not (isinstance(data, np.ndarray) and data.dtype.name == self.dtype):
            raise DTypeError(
                f"filter: expected an array of {self.dtype}, found {data!r:.60}. Cast it, or leave "
                f"strict out."
            )
        return self.convert(data, "filter", downcast=allow_downcast)

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Tensor:
        """``other``, a tensor or a value, as a tensor of this type. Raises DTypeError for one that
        is of another dtype or rank; axes are fixed to size 1 only if ``allow_convert``."""
        from .node import Tensor, as_tensor
        from .ops.movement import in_type

        x = other if isinstance(other, Tensor) else as_tensor(self.filter(other))
        fits = (x.dtype, x.ndim) == (self.dtype, self.ndim)
        if not fits or not (allow_convert or self.is_super(x.type)):
            raise DTypeError(
                f"filter_variable: expected {self!r}, found {other!r:.60} of {x.type!r}. Cast or "
                f"reshape it."
            )
        return x if self.is_super(x.type) else in_type(x, self)

    def is_valid_value(self, data: Any) -> bool:
        """Whether ``data`` is an array of this type."""
        try:
            self.filter(data, strict=True)
        except (DTypeError, ShapeError):
            return False
        return True

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two arrays are the same; NaN is no number, so never."""
        return bool(np.asarray(a).shape == np.asarray(b).shape and np.all(np.equal(a, b)))

    def values_eq_approx(
        self, a: Any, b: Any, allow_remove_inf: bool = False, allow_remove_nan: bool = False,
        rtol: float | None = None, atol: float | None = None,
    ) -> bool:  # fmt: skip
        """Whether two arrays differ by no more than rounding does in their dtype; infinite entries
        of the first, and NaN, count only where they are not allowed to go."""
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape or x.dtype != y.dtype:
            return False
        if x.dtype.kind not in "fc":
            return bool((x == y).all())
        free = np.isnan(x) & allow_remove_nan | np.isinf(x) & allow_remove_inf
        room = 1e-5 if x.dtype.itemsize < 8 else 1e-7
        close = np.isclose(x, y, rtol or room * 10, atol or room, equal_nan=True)
        return bool((close | free).all())

    def value_zeros(self, shape: Any) -> np.ndarray:
        """An array of zeros."""
        return np.zeros(shape, self.dtype)

    def may_share_memory(self, a: Any, b: Any) -> bool:
        """Whether two arrays may lie in the same memory."""
        both = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return both and np.may_share_memory(a, b)

    def is_super(self, other: Any) -> bool:
        """Whether every value of another type is one of this."""
        return (
            isinstance(other, TensorType)
            and (other.dtype, other.ndim) == (self.dtype, self.ndim)
            and all(
                b or not a for a, b in zip(self.broadcastable, other.broadcastable, strict=True)
            )
        )

    def in_same_class(self, other: Any) -> bool:
        """Whether another type is this one."""
        return self is other

    def with_dtype(self, dtype: str) -> TensorType:
        """The same axes with another dtype."""
        return self if dtype == self.dtype else TensorType(dtype, self.broadcastable)

    def convert(self, value: Any, what: str, *, downcast: bool | None = None) -> np.ndarray:
        """``value`` as a C-contiguous array of this type, for inputs and shared variables.

        Integers may become floats, and lists become arrays. With ``downcast=None`` only a
        Python float may lose precision; ``True`` lets anything cast, ``False`` nothing.
        Raises DTypeError or ShapeError; ``what`` names the receiver in the message.
        """
        try:
            array = np.asarray(value)
        except ValueError as cause:
            raise ShapeError(f"{what}: the value is ragged: {cause}") from cause
        target = np.dtype(self.dtype)
        if array.dtype != target:
            array = self._cast(value, array, target, what, downcast)
        if array.ndim != self.ndim:
            raise RankError(
                f"{what}: expected {self.ndim} dimension(s) ({self!r}), found {array.ndim} with "
                f"shape {array.shape}. Reshape the value or declare the variable with "
                f"{array.ndim} dimension(s)."
            )
        for axis, known in enumerate(self.broadcastable):
            if known and array.shape[axis] != 1:
                raise RankError(
                    f"{what}: axis {axis} is broadcastable and must have size 1, found shape "
                    f"{array.shape}."
                )
        return np.require(array, requirements=["C", "A"])

    def _cast(
        self, value: Any, array: np.ndarray, target: np.dtype, what: str, downcast: bool | None
    ) -> np.ndarray:
        if array.dtype.kind not in "biufc":
            raise DTypeError(
                f"{what}: expected {self.dtype}, found a value of type {type(value).__name__} "
                f"that is no array of numbers."
            )
        literal = not isinstance(value, (np.ndarray, np.generic))
        fits = np.can_cast(array.dtype, target, "safe")
        if not fits and array.dtype.kind in "biu" and target.kind in "fc":
            fits = True
        if not fits and literal and downcast is not False:
            fits = array.dtype.kind == "f" and target.kind in "fc"
        if not fits and literal and array.dtype.kind in "biu" and target.kind in "iu":
            fits = _in_range(array, target)
        if not fits and not downcast:
            raise DTypeError(
                f"{what}: expected {self.dtype}, found {array.dtype}, which would lose "
                f"information. Cast the value: numpy.asarray(value, dtype={self.dtype!r}). Inputs "
                f"of a function are cast with function(..., allow_input_downcast=True)."
            )
        with np.errstate(all="ignore"):
            return array.astype(target)


class TupleType(NamedTuple):
    """The type of a node with several results, which ``item`` takes apart; no user holds one."""

    items: tuple[TensorType, ...]

    @property
    def dtype(self) -> str:
        """No dtype of numbers."""
        return "tuple"

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """No axes."""
        return ()

    @property
    def ndim(self) -> int:
        """No axes."""
        return 0


def _in_range(array: np.ndarray, target: np.dtype) -> bool:
    if array.size == 0:
        return True
    info = np.iinfo(target)
    return bool(int(array.min()) >= info.min and int(array.max()) <= info.max)
