"""``theano.typed_list``: lists of tensors of one type, of any sizes, as values of functions.

They are Python objects to all backends, and what is done to them is Python code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..node import Tensor, as_tensor
from ..types import TensorType
from .own_types import Type, object_of
from .user_ops import Apply, Op

__all__ = [
    "Append", "Count", "Extend", "GetItem", "Index", "Insert", "Length", "MakeList", "Remove",
    "Reverse", "TypedListConstant", "TypedListType", "TypedListVariable", "append", "count",
    "extend", "getitem", "index_", "insert", "length", "make_list", "remove", "reverse",
]  # fmt: skip

_INT = TensorType("int64", ())


class TypedListType(Type):
    """``TypedListType(ttype)``: lists of values of ``ttype``; with a ``depth``, lists of lists."""

    def __init__(self, ttype: TensorType, depth: int = 0) -> None:
        if not isinstance(ttype, TensorType):
            raise TypeError(f"TypedListType: expected a type such as T.dvector, found {ttype!r}.")
        self.ttype = ttype if depth == 0 else TypedListType(ttype, depth - 1)

    def __call__(self, name: str | None = None) -> TypedListVariable:
        """A new variable of this type."""
        made: TypedListVariable = _as_list(super().__call__(name))
        return made

    make_variable = __call__

    def filter(self, data: Any, strict: bool = False, allow_downcast: Any = None) -> Any:
        """The list, each entry as the type has it. Raises TypeError for what is no list."""
        if not isinstance(data, (list, tuple)):
            raise DTypeError(f"expected a list of {self.ttype!r}, found {data!r:.60}.")
        return [self.ttype.filter(entry, strict, allow_downcast) for entry in data]

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two lists are equal, entry by entry."""
        return len(a) == len(b) and all(map(self.ttype.values_eq, a, b))

    def get_depth(self) -> int:
        """How many lists are around the lists of tensors."""
        inner = self.ttype
        return inner.get_depth() + 1 if isinstance(inner, TypedListType) else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedListType) and self.ttype == other.ttype

    def __hash__(self) -> int:
        return hash((TypedListType, self.ttype))

    def __repr__(self) -> str:
        return f"TypedList <{self.ttype!r}>"


class TypedListVariable(Tensor):
    """A variable, or a result, that is a list."""

    __slots__ = ()

    @property
    def ttype(self) -> TensorType:
        """The type of the entries."""
        found: TensorType = self.type.ttype  # type: ignore[attr-defined]
        return found

    def __getitem__(self, index: Any) -> Any:
        return getitem(self, index)

    def append(self, element: Any) -> TypedListVariable:
        """See ``append``."""
        return append(self, element)  # type: ignore[no-any-return]

    def extend(self, other: Any) -> TypedListVariable:
        """See ``extend``."""
        return extend(self, other)  # type: ignore[no-any-return]

    def insert(self, index: Any, element: Any) -> TypedListVariable:
        """See ``insert``."""
        return insert(self, index, element)  # type: ignore[no-any-return]

    def remove(self, element: Any) -> TypedListVariable:
        """See ``remove``."""
        return remove(self, element)  # type: ignore[no-any-return]

    def reverse(self) -> TypedListVariable:
        """See ``reverse``."""
        return reverse(self)  # type: ignore[no-any-return]

    def count(self, element: Any) -> Tensor:
        """See ``count``."""
        return count(self, element)  # type: ignore[no-any-return]

    def index(self, element: Any) -> Tensor:
        """See ``index_``."""
        return index_(self, element)  # type: ignore[no-any-return]

    ind = index


TypedListConstant = TypedListVariable


def _as_list(x: Any) -> Any:
    """The tensor, as a list if its type says so."""
    if isinstance(x.type, TypedListType):
        x.__class__ = TypedListVariable
    return x


def _checked(x: Any) -> Tensor:
    if not isinstance(x, Tensor) or not isinstance(x.type, TypedListType):
        raise TypeError(
            f"expected a list, a variable of a TypedListType, found {x!r:.60}. "
            f"make_list([a, b]) makes one of tensors."
        )
    return x


class _ListOp(Op):
    """An op on a list and what the ``takes`` of its class name: entries, numbers, other lists."""

    __props__: Any = ()
    takes: tuple[str, ...] = ()
    compute: Callable[..., Any]

    def make_node(self, x: Any, *rest: Any) -> Apply:
        """The application to a list."""
        given = [_checked(x)]
        type_: Any = given[0].type
        if len(rest) != len(self.takes):
            raise TypeError(f"{self} takes {len(self.takes)} argument(s) beside the list.")
        for kind, value in zip(self.takes, rest, strict=True):
            if kind == "entry":
                value = _of_type(type_.ttype, value)
            elif kind == "list":
                value = _of_type(type_, _checked(value))
            given.append(as_tensor(value))
        return Apply(self, given, [self.result(type_)])

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The result on a list."""
        return _as_list(super().__call__(*inputs, **kwargs))

    def result(self, type_: Any) -> Tensor:
        """A variable of the type of the result."""
        made: Tensor = type_()
        return made

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The result, by ``compute(values, *arguments)``."""
        found = type(self).compute(node.inputs[0].type, list(inputs[0]), *inputs[1:])
        outputs[0][0] = np.asarray(found, np.int64) if isinstance(found, int) else found


def _of_type(type_: TensorType, value: Any) -> Tensor:
    if isinstance(type_, TypedListType):
        if not isinstance(value, Tensor) or value.type != type_:
            raise TypeError(f"expected {type_!r}, found {value!r:.60}.")
        return value
    return type_.filter_variable(value)


class _Counting(_ListOp):
    def result(self, type_: Any) -> Tensor:
        """A number."""
        return _INT()

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Of a number: no sizes."""
        return [()]


def _place(type_: Any, values: list[Any], element: Any) -> int:
    for k, value in enumerate(values):
        if type_.ttype.values_eq(value, element):
            return k
    raise ValueError(f"{element!r:.60} is not in the list.")


def _declared(name: str, takes: str, compute: Callable[..., Any], base: type = _ListOp) -> Any:
    words = f"What ``{name.lower()}`` is."
    body = {"takes": tuple(takes.split()), "compute": staticmethod(compute), "__doc__": words}
    return type(name, (base,), {**body, "__module__": __name__})


def _with(values: list[Any], place: Any, element: Any) -> list[Any]:
    values.insert(int(place), element)
    return values


Append = _declared("Append", "entry", lambda t, values, element: [*values, element])
Extend = _declared("Extend", "list", lambda t, values, other: [*values, *other])
Insert = _declared(
    "Insert", "number entry", lambda t, values, k, element: _with(values, k, element)
)
Remove = _declared(
    "Remove", "entry",
    lambda t, values, element: [v for k, v in enumerate(values) if k != _place(t, values, element)],
)  # fmt: skip
Reverse = _declared("Reverse", "", lambda t, values: values[::-1])
Count = _declared(
    "Count", "entry", lambda t, values, e: sum(t.ttype.values_eq(v, e) for v in values), _Counting
)
Index = _declared("Index", "entry", _place, _Counting)
Length = _declared("Length", "", lambda t, values: len(values), _Counting)
append, extend, insert, remove, reverse = Append(), Extend(), Insert(), Remove(), Reverse()
count, index_, length = Count(), Index(), Length()


class _Size(_Counting):
    """The size of an entry along an axis."""

    __props__ = ("axis",)
    takes = ("number",)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The size."""
        outputs[0][0] = np.asarray(inputs[0][int(inputs[1])].shape[self.axis], np.int64)


class GetItem(_ListOp):
    """``getitem(values, k)`` is an entry; ``k`` may be a slice, then it is a list."""

    __props__ = ("idx_list",)

    def __init__(self, idx_list: tuple[bool, ...] = ()) -> None:
        self.idx_list = idx_list

    def __call__(self, x: Any, index: Any = None, *rest: Any, **kwargs: Any) -> Any:
        """The entry, or the list of some."""
        if isinstance(index, slice):
            bounds = (index.start, index.stop, index.step)
            made = GetItem(tuple(b is not None for b in bounds))
            return _as_list(Op.__call__(made, x, *(b for b in bounds if b is not None)))
        return super().__call__(x, index, *rest, **kwargs)

    def make_node(self, x: Any, *numbers: Any) -> Apply:
        """The application to a list."""
        type_: Any = _checked(x).type
        made = type_() if self.idx_list else type_.ttype()
        return Apply(self, [x, *map(as_tensor, numbers)], [made])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The entry, or the list of some."""
        values, numbers = inputs[0], [int(n) for n in inputs[1:]]
        if self.idx_list:
            rest = iter(numbers)
            bounds = (next(rest) if given else None for given in self.idx_list)
            outputs[0][0] = values[slice(*bounds)]
        else:
            outputs[0][0] = values[numbers[0]]

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """The sizes of the entry, which are read from the list."""
        x, *numbers = node.inputs
        ndim = 0 if self.idx_list else x.type.ttype.ndim
        return [tuple(_Size(axis)(x, numbers[0]) for axis in range(ndim))]


getitem = GetItem()


class MakeList(Op):
    """``make_list([a, b])``: tensors of one type as a list."""

    __props__ = ()

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The list."""
        return _as_list(super().__call__(*inputs, **kwargs))

    def make_node(self, a: Sequence[Any]) -> Apply:
        """The application to tensors."""
        if not isinstance(a, (list, tuple)) or not a:
            raise TypeError(f"make_list: expected a list of tensors, found {a!r:.60}.")
        given = [as_tensor(x) for x in a]
        if any(x.type != given[0].type for x in given):
            raise TypeError(f"make_list: all types must be equal, found {[x.type for x in given]}.")
        return Apply(self, given, [TypedListType(given[0].type)()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The list."""
        kinds = [isinstance(x.type, Type) for x in node.inputs]
        outputs[0][0] = [
            object_of(v) if known and isinstance(v, np.ndarray) and v.ndim == 0 else v
            for v, known in zip(inputs, kinds, strict=True)
        ]


make_list = MakeList()
