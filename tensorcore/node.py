"""``Tensor``: what the user holds, and the node of the graph itself; and constants.

A Tensor's ``op, inputs, attrs, type`` never change. Each expression the user writes is its own
object; nodes are merged only when a Graph freezes them.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import dtypes
from .array_protocol import no_array, of_function, of_ufunc
from .errors import DTypeError
from .operators import Operators, apply
from .origin import Origin, user_line
from .types import TensorType

if TYPE_CHECKING:
    from .ops._declare import Op

_EMPTY: Mapping[str, Any] = MappingProxyType({})
#: What makes the owner of a node, where old spellings are in use and have put something here.
OWNERS: list[Callable[[Tensor], Any]] = []


#: What functions of tensors take: a Tensor, or what can become a constant.
TensorLike: TypeAlias = "Tensor | np.ndarray | np.generic | complex | Sequence[Any]"


def _bool_error(kind: str) -> TypeError:
    return TypeError(
        f"a symbolic tensor has no value, so {kind}(tensor) is not possible. Compare with "
        f"T.eq, T.lt, ...; choose with T.switch; get a number with .eval({{input: value}})."
    )


class Tag(SimpleNamespace):
    """A user's notes on a tensor. ``trace`` says where that was made, in the form of Theano's: a
    list of stacks of ``(file, line, function, text)``."""

    __slots__ = ("_origin",)

    def __init__(self, origin: tuple[Any, ...] | None = None) -> None:
        super().__init__()
        self._origin = origin

    @property
    def trace(self) -> list[list[tuple[str, int, str, str]]]:
        """One stack, of one line."""
        if self._origin is None:
            return []
        file, line, *_ = self._origin
        return [[(file, line, "", linecache.getline(file, line).strip())]]

    @trace.setter
    def trace(self, stacks: Any) -> None:
        self._origin = tuple(stacks[0][-1][:2]) if stacks and stacks[0] else None


class Tensor(Operators):
    """A symbolic tensor: the result of ``op`` on ``inputs``, or a variable when ``op`` is None.

    ``type`` holds dtype and broadcastable axes. ``name`` and ``tag`` are free for the user;
    ``origin`` is where it was made. ``==`` is identity; use ``T.eq`` to compare.
    """

    __slots__ = (
        "op",
        "inputs",
        "attrs",
        "type",
        "name",
        "origin",
        "_tag",
        "evaluated",
        "__weakref__",
        "__dict__",  # what programs write onto their variables, as old libraries did
    )
    op: Op[Any] | None
    inputs: tuple[Tensor, ...]
    attrs: Mapping[str, Any]
    type: TensorType
    name: str | None
    origin: Origin
    __array_priority__ = 1000

    def __init__(
        self,
        op: Op[Any] | None,
        inputs: tuple[Tensor, ...],
        attrs: Mapping[str, Any],
        type: TensorType,
        name: str | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.attrs = attrs or _EMPTY
        self.type = type
        self.name = name
        self.origin = user_line()
        self._tag: Any = None
        self.evaluated: dict[Any, Any] | None = None

    # -- what it is ---------------------------------------------------------------------

    @property
    def tag(self) -> Any:
        """A namespace for the user's own notes on this tensor."""
        if self._tag is None:
            self._tag = Tag(self.origin)
        return self._tag

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.type.ndim

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """Per axis, whether its size is known to be 1."""
        return self.type.broadcastable

    @property
    def owner(self) -> Any:
        """How an op made this tensor, else None (Theano's ``owner``): its ``op``, ``inputs`` and
        ``outputs``; of a result of a user's op, the application of that op."""
        if self.op is None or is_constant(self):
            return None
        site = self.attrs.get("site")
        if site is not None and site.owner is not None:
            return site.owner(self)
        return OWNERS[-1](self) if OWNERS else Application(self)

    @property
    def outputs(self) -> list[Tensor]:
        """This node alone: what an ``owner`` gives (Theano's ``Apply.outputs``)."""
        return [self]

    def clone(self) -> Tensor:
        """A new variable of this type and name."""
        return self.type(self.name)

    def get_parents(self) -> list[Tensor]:
        """The owner, if there is one."""
        return [] if self.owner is None else [self.owner]

    def __repr__(self) -> str:
        if self.name:
            return self.name
        if self.op is None:
            return f"<{self.type!r}>"
        if self.op.name == "constant":
            return constant_text(self)
        return f"{self.op.name}.0"

    def __bool__(self) -> bool:
        raise _bool_error("bool")

    def __float__(self) -> float:
        raise _bool_error("float")

    def __int__(self) -> int:
        raise _bool_error("int")

    def __len__(self) -> int:
        raise TypeError("a symbolic tensor has no length; use x.shape[0], which is symbolic.")

    def __iter__(self) -> Iterator[Tensor]:
        from .tensor.shapes import known_length

        length = known_length(self)
        if length is not None:
            return iter([self[i] for i in range(length)])
        raise TypeError(
            "a symbolic tensor cannot be iterated, its size is known only when it is called; "
            "index it (x[0]), or write the computation over whole tensors."
        )

    def __contains__(self, value: Any) -> bool:
        raise TypeError(
            "whether a symbolic tensor holds a value is known only when it is called; write "
            "T.any(T.eq(x, value)), which is symbolic."
        )

    # -- NumPy --------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise no_array()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return of_ufunc(apply, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is np.ndim:  # the one that a symbol can answer
            return self.ndim
        return of_function(apply, function.__name__, args, options)

    def __copy__(self) -> Tensor:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from .state import reduced

        return reduced(self)

    # -- computing --------------------------------------------------------------------

    def eval(self, inputs_to_values: Mapping[Tensor, Any] | None = None) -> Any:
        """Compile (once per set of inputs) and compute this expression.

        Returns an array. Raises MissingInputError when a variable has no value.
        """
        from .expressions import evaluate

        return evaluate(self, inputs_to_values or {})

    def _repr_html_(self) -> str:
        from .inspection.drawing import html_of

        return html_of(self)

    def _repr_svg_(self) -> str | None:
        from .inspection.drawing import small_svg

        return small_svg(self)


class Application:
    """An op on its inputs, as programs that walk through graphs see it. Those of one tensor are
    equal, and those of the results of one loop. What it lacks itself it has from the tensor."""

    __slots__ = ("result",)

    def __init__(self, result: Tensor) -> None:
        self.result = result

    @property
    def source(self) -> Tensor:
        """The node of ``op``: the tensor, or the loop or choice of which it is one result."""
        node = self.result
        return node.inputs[0] if node.inputs and node.inputs[0].dtype == "tuple" else node

    @property
    def op(self) -> Any:
        """What was applied."""
        return self.source.op

    @property
    def inputs(self) -> list[Tensor]:
        """What the op takes."""
        return list(self.source.inputs)

    @property
    def outputs(self) -> list[Tensor]:
        """What the op gives: the tensor, or all results of a loop."""
        node, several = self.result, getattr(self.source.type, "items", None)
        if several is None or node.op is None or node is self.source:
            return [node]
        made = [node.op.make((self.source,), {"index": k}) for k in range(len(several))]
        made[node.attrs["index"]] = node
        return made

    out = property(lambda self: self.result)
    nin = property(lambda self: len(self.inputs))
    nout = property(lambda self: len(self.outputs))

    def default_output(self) -> Tensor:
        """The tensor."""
        return self.result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.result, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Application) and other.source is self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return repr(self.result)


class TensorConstant(Tensor):
    """A constant; ``data`` is its array, which cannot be written."""

    __slots__ = ()

    @property
    def data(self) -> np.ndarray:
        """The value."""
        value: np.ndarray = self.attrs["value"]
        return value


def constant_text(node: Tensor) -> str:
    """Theano's text for a constant."""
    if node.name:
        return node.name
    value = node.attrs["value"]
    text = str(value) if value.size <= 8 else f"{value.dtype}{value.shape}"
    kind = "TensorConstant"
    if value.ndim and value.size > 1 and (value == value.flat[0]).all():
        text = f"{value.shape} of {value.flat[0]}"
    return f"{kind}{{{text}}}"


def constant_op() -> Op[Any]:
    """The op of constants (declared with the other ops, needed here to recognise them)."""
    from .ops.creation import constant

    return constant


def is_constant(node: Tensor) -> bool:
    """Whether the node is a constant."""
    return node.op is not None and node.op.name == "constant"


def as_tensor(value: TensorLike, dtype: str | None = None) -> Tensor:
    """``value`` as a Tensor: Tensors as they are, numbers, lists and arrays as constants.

    Python numbers become literals: they take a small dtype and never raise the precision of
    floating operands. Raises DTypeError for anything that is no number.
    """
    if isinstance(value, Tensor):
        return value
    literal = isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        return apply("stack", value)
    if literal:
        array = np.asarray(value, dtype=dtype or dtypes.literal_dtype(value))
    else:
        try:
            array = np.array(value, dtype=dtype, order="C")
        except (ValueError, TypeError) as cause:
            raise DTypeError(f"{value!r} cannot become a tensor: {cause}") from cause
    if array.dtype.kind in "OUSV":
        raise DTypeError(
            f"a {type(value).__name__} ({value!r:.60}) cannot become a tensor: expected a number, "
            f"an array or list of numbers, or a symbolic tensor."
        )
    if array.dtype.name not in dtypes.DTYPES:
        raise DTypeError(
            f"a {type(value).__name__} ({value!r:.60}) cannot become a tensor: dtype "
            f"{array.dtype} is not supported. Known: {', '.join(dtypes.ALL)}."
        )
    return make_constant(array, literal and dtype is None)


def make_constant(array: np.ndarray, literal: bool = False) -> Tensor:
    """A constant node; the array is frozen and must not be shared with the user."""
    array = np.array(array, order="C", copy=None)
    if array.dtype.byteorder not in "=|":
        array = array.astype(array.dtype.newbyteorder("="))
    array.flags.writeable = False
    type_ = TensorType(array.dtype.name, tuple(n == 1 for n in array.shape))
    return TensorConstant(constant_op(), (), {"value": array, "literal": literal}, type_)


def is_literal(node: Tensor) -> bool:
    """Whether the node is a constant written as a Python number."""
    return is_constant(node) and bool(node.attrs["literal"])
