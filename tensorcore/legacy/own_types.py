"""Types of a program's own (``theano.gof.Type``) and ``generic``: Python objects that go into
functions, through the program's ops, and out.

To the compiler such a value is a number, under which the object is found in a table of the thread;
no backend looks at it. The table is emptied when the call of a function ends.
"""

from __future__ import annotations

import copy
import itertools
import threading
import weakref
from typing import Any

import numpy as np

from ..node import Tensor, TensorConstant, make_constant
from ..shared import Shared
from ..types import TensorType

__all__ = ["Constant", "Generic", "GenericShared", "ObjectFunction", "Type", "generic"]

#: Numbers of objects begin here, so that none is taken for a number that a program counts with.
_numbers = itertools.count(1 << 52)
_constants: dict[int, Any] = {}


class _Objects(threading.local):
    def __init__(self) -> None:
        self.known: dict[int, Any] = {}


_objects = _Objects()


class Type(TensorType):
    """The base of a program's types: ``filter(value, strict=, allow_downcast=)`` gives the value as
    it is to be, or raises TypeError."""

    __slots__ = ("__dict__",)

    def __new__(cls, *args: Any, **kwargs: Any) -> Type:  # noqa: PYI034
        """A type of its own, whatever the arguments."""
        made = object.__new__(cls)
        for name, value in (("dtype", "int64"), ("broadcastable", ()), ("ndim", 0)):
            object.__setattr__(made, name, value)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (type(self), dict(vars(self))))

    def __repr__(self) -> str:
        return type(self).__name__

    def filter(self, data: Any, strict: bool = False, allow_downcast: Any = None) -> Any:
        """Any object, unless a program's class says which."""
        return data

    def convert(self, value: Any, what: str, *, downcast: bool | None = None) -> np.ndarray:
        """The number of an object that is passed to a function, or that an op has made."""
        if isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim == 0:
            number = int(value)
            if number in _objects.known or number in _constants:
                return value
        return self.held(value)

    def held(self, value: Any) -> np.ndarray:
        """The number of an object, after the filter."""
        number = next(_numbers)
        _objects.known[number] = self.filter(value, strict=False, allow_downcast=None)
        return np.array(number, np.int64)

    def is_valid_value(self, data: Any) -> bool:
        """Whether the filter takes it."""
        try:
            self.filter(data, strict=True)
        except (TypeError, ValueError):
            return False
        return True

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two values are equal."""
        return bool(a == b)

    def values_eq_approx(self, a: Any, b: Any, *options: Any, **more: Any) -> bool:
        """``values_eq``."""
        return self.values_eq(a, b)

    def make_constant(self, value: Any, name: str | None = None) -> Tensor:
        """A constant that is this object."""
        return Constant(self, value, name)  # type: ignore[no-any-return]


def _restored(cls: type[Type], facts: dict[str, Any]) -> Type:
    made = cls.__new__(cls)
    vars(made).update(facts)
    return made


class Generic(Type):
    """The type of any Python object."""

    def __eq__(self, other: object) -> bool:
        return type(other) is Generic

    def __hash__(self) -> int:
        return hash(Generic)


generic = Generic()


def object_of(array: np.ndarray) -> Any:
    """The object with this number."""
    number = int(array)
    return _constants[number] if number in _constants else _objects.known[number]


class GenericShared(Shared):
    """A shared variable whose value is any Python object."""

    __slots__ = ("held",)
    #: The number of the object that is kept for it.
    held: list[int]

    @classmethod
    def of(cls, value: Any, name: str | None = None) -> GenericShared:
        """One with this value."""
        made = cls(np.array(-1, np.int64), generic, name)
        made.held = [-1]
        made.set_value(value, borrow=True)
        weakref.finalize(made, _forget, made.held)
        return made

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The object; a copy of it unless ``borrow``."""
        value = object_of(super().get_value(borrow=True))
        return value if borrow else copy.deepcopy(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Take another object, of which a copy is kept unless ``borrow``."""
        number = next(_numbers)
        _constants[number] = new_value if borrow else copy.deepcopy(new_value)
        super().set_value(np.array(number, np.int64))
        self._hold(number)

    def keep(self) -> None:
        """Hold on to the object that an update has put here, which the call would forget."""
        number = int(super().get_value(borrow=True))
        if number not in _constants:
            _constants[number] = _objects.known[number]
            self._hold(number)

    def _hold(self, number: int) -> None:
        """Let the object go that was the value before."""
        _constants.pop(self.held[0], None)
        self.held[0] = number

    def __reduce__(self) -> tuple[Any, ...]:
        return (GenericShared.of, (self.get_value(borrow=True), self.name))

    def __deepcopy__(self, memo: dict[int, Any]) -> GenericShared:
        made = memo[id(self)] = GenericShared.of(self.get_value(), self.name)
        return made


def _forget(held: list[int]) -> None:
    _constants.pop(held[0], None)


class _ConstantClass(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, TensorConstant)

    def __subclasscheck__(cls, other: type) -> bool:
        return type.__subclasscheck__(cls, other) or issubclass(other, TensorConstant)


class Constant(metaclass=_ConstantClass):
    """``Constant(type, data, name)``; all constants are instances."""

    def __new__(cls, type: Any, data: Any, name: str | None = None) -> Any:
        """The constant."""
        if isinstance(type, Type):
            number = next(_numbers)
            _constants[number] = type.filter(data, strict=False, allow_downcast=None)
            plain = make_constant(np.array(number, np.int64))
            made: Any = TensorConstant(plain.op, (), plain.attrs, type)
        else:
            made = make_constant(np.array(data, dtype=type.dtype))
        made.name = name
        return made


class ObjectFunction:
    """A function some of whose inputs or outputs are objects; all else is the function's own."""

    def __init__(self, f: Any) -> None:
        self._f = f

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs, objects among them."""
        before, _objects.known = _objects.known, {}
        wanted = kwargs.pop("output_subset", None)
        try:
            found = self._f(*args, **kwargs)
            types = [y.variable.type for y in self._f.maker.outputs]
            many = isinstance(found, list)
            for cell in self._f.get_shared():
                if isinstance(cell, GenericShared):
                    cell.keep()
            results = [
                object_of(value) if isinstance(type_, Type) else value
                for type_, value in zip(types, found if many else [found], strict=True)
            ]
            if wanted is not None:
                return [results[k] for k in wanted]
            return results if many else results[0]
        finally:
            _objects.known = before

    def copy(self, *args: Any, **kwargs: Any) -> ObjectFunction:
        """See ``Function.copy``."""
        return ObjectFunction(self._f.copy(*args, **kwargs))

    def __reduce__(self) -> tuple[Any, ...]:
        return (ObjectFunction, (self._f,))

    def __getitem__(self, key: Any) -> Any:
        return self._f[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._f[key] = value

    def __getattr__(self, name: str) -> Any:
        if name == "_f":
            raise AttributeError(name)
        return getattr(self._f, name)


def with_objects(f: Any) -> Any:
    """The function, as one of objects if some of its inputs or outputs are such."""
    maker = getattr(f, "maker", None)
    if maker is None:
        return f
    types = [v.variable.type for v in (*maker.inputs, *maker.outputs)]
    types += [cell.type for cell in getattr(f, "get_shared", list)()]
    return ObjectFunction(f) if any(isinstance(t, Type) for t in types) else f
