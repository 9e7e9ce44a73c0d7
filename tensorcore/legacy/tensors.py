"""Names of ``theano.tensor`` and its modules that only old programs use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from .. import tensor as T
from ..errors import DTypeError, ShapeError
from ..node import Tensor, as_tensor, is_constant
from ..node import TensorConstant as _OurConstant
from ..ops.foreign import Site, results_of_python
from ..ops.movement import shape_list
from ..shared import Shared
from ..types import TensorType
from .flags import config
from .gradients import DisconnectedType, NullType, grad, numeric_grad
from .top import shared
from .user_ops import Apply, Op

__all__ = [
    "Apply", "AsTensorError", "Assert", "DisconnectedType", "EmptyConstantError", "MakeSlice",
    "NoneConst", "NotScalarConstantError", "NullType", "Op", "ShapeError", "TensorConstant",
    "TensorConstantSignature", "TensorSharedVariable", "TensorVariable",
    "advanced_inc_subtensor1", "advanced_set_subtensor1", "advanced_subtensor1", "all_dtypes",
    "allclose", "as_tensor_variable", "assert_op", "check_equal_numpy", "complex_dtypes",
    "config", "constant_or_value", "continuous_dtypes", "default", "diagonal_of",
    "discrete_dtypes", "extract_constant", "float_dtypes", "get_scalar_constant_value",
    "get_vector_length", "grad", "hashtype", "hstack", "int_dtypes", "integer_dtypes", "isclose",
    "largest", "makeKeepDims", "mgrid", "new", "numeric_grad", "ogrid", "ScalarSharedVariable",
    "scalar_constructor", "scalar_from_tensor",
    "shared", "smallest", "stacklists", "tensor", "tensor5", "tensor5s", "tensor_constructor",
    "tensor_copy", "tensor_from_scalar", "uint_dtypes", "value", "vstack",
    *(f"{d.letter}tensor5" for d in dtypes.DTYPES.values() if d.letter.isalpha()),
]  # fmt: skip

_by_kind = {k: [d for d in dtypes.ALL if dtypes.kind(d) == k] for k in "biufc"}
float_dtypes, complex_dtypes = _by_kind["f"], _by_kind["c"]
int_dtypes, uint_dtypes = _by_kind["i"], _by_kind["u"]
integer_dtypes = [*int_dtypes, *uint_dtypes]
discrete_dtypes = ["bool", *integer_dtypes]
continuous_dtypes = [*float_dtypes, *complex_dtypes]
all_dtypes = [*discrete_dtypes, *continuous_dtypes]


class AsTensorError(DTypeError):
    """A value that cannot become a tensor."""


class NotScalarConstantError(Exception):
    """A tensor that is no constant number."""


class EmptyConstantError(NotScalarConstantError):
    """A constant without entries."""


class _Called(type):
    """A class of ours under Theano's constructor."""

    _kind: type
    _other: tuple[type, ...] = ()
    _rank: int | None = None

    def __instancecheck__(cls, value: object) -> bool:
        if not isinstance(value, cls._kind) or isinstance(value, cls._other):
            return False
        return cls._rank is None or getattr(value, "ndim", None) == cls._rank

    def __subclasscheck__(cls, other: type) -> bool:
        return type.__subclasscheck__(cls, other) or issubclass(other, cls._kind)


class TensorConstant(metaclass=_Called):
    """``TensorConstant(type, data, name)``; constants are instances."""

    _kind = _OurConstant

    def __new__(cls, type: Any, data: Any, name: str | None = None) -> Any:
        made = T.constant(np.asarray(data, dtype=type.dtype))
        made.name = name
        return made


class TensorVariable(metaclass=_Called):
    """``TensorVariable(type, owner, index, name)``; tensors are instances, but for constants and
    shared variables."""

    _kind = Tensor
    _other = (_OurConstant, Shared)

    def __new__(
        cls, type: Any, owner: Any = None, index: Any = None, name: str | None = None
    ) -> Any:
        return type(name)


class TensorSharedVariable(metaclass=_Called):
    """``TensorSharedVariable(name, type, value, strict)``; shared variables are instances."""

    _kind = Shared

    def __new__(cls, name: Any, type: Any, value: Any, strict: bool = False, **kwargs: Any) -> Any:
        return shared(np.asarray(value, dtype=type.dtype), name, broadcastable=type.broadcastable)


class ScalarSharedVariable(metaclass=_Called):
    """Shared variables without axes are instances."""

    _kind = Shared
    _rank = 0


def scalar_constructor(value: Any, name: str | None = None, **kwargs: Any) -> Shared:
    """``shared`` of a number. Raises TypeError for anything else."""
    if not isinstance(value, (np.number, float, int, complex)):
        raise TypeError(f"scalar_constructor: expected a number, found {value!r:.60}.")
    return shared(value, name, **kwargs)


class NoneConst:
    """Theano's constant for None."""


TensorConstantSignature = MakeSlice = type("Unused", (), {"__doc__": "Nothing here makes one."})


class Assert:
    """``Assert(message)(x, *conditions)`` is ``x``; a call in which one is false is an error."""

    def __init__(self, msg: str = "Theano Assert failed!") -> None:
        self.msg = msg

    def __call__(self, value: Any, *conditions: Any) -> Tensor:
        """``value``, checked when it is computed; raises AssertionError with the message."""
        x = as_tensor(value)
        if not conditions:
            return x
        count = len(conditions)
        site = Site(
            self._check, [x.type], title="Assert", shapes=lambda inputs: [shape_list(inputs[0])],
            gradient=lambda inputs, outputs, g: [g[0], *[None] * count],
        )  # fmt: skip
        return results_of_python(site, [x, *map(as_tensor, conditions)])[0]

    def _check(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        if not all(condition.all() for condition in arrays[1:]):
            raise AssertionError(self.msg)
        return arrays[:1]


assert_op = Assert()


def as_tensor_variable(x: Any, name: str | None = None, ndim: int | None = None) -> Tensor:
    """``T.as_tensor_variable``. Raises AsTensorError for what is no tensor."""
    if type(x) is Apply:
        x = x.default_output()
    try:
        return T.as_tensor_variable(x, name=name, ndim=ndim)
    except DTypeError as cause:
        raise AsTensorError(str(cause)) from cause


_as_tensor_variable = as_tensor_variable
_shared = shared


def get_scalar_constant_value(
    v: Any, elemwise: bool = True, only_process_constants: bool = False, max_recur: int = 10
) -> np.ndarray:
    """The number that ``v`` is, if that is known without a call. Raises NotScalarConstantError."""
    from ..graph import variables

    if not isinstance(v, Tensor):
        array = np.asarray(v)
        if array.ndim:
            raise NotScalarConstantError(f"{v!r} is no number.")
        return array
    if variables([v]) or (only_process_constants and not is_constant(v)):
        raise NotScalarConstantError(f"{v!r} depends on a variable.")
    value = v.attrs["value"] if is_constant(v) else v.eval()
    if value.size == 0:
        raise EmptyConstantError(f"{v!r} has no entries.")
    if (value != value.flat[0]).any():
        raise NotScalarConstantError(f"{v!r} has different entries.")
    return np.array(value.flat[0])


extract_constant = get_scalar_constant_value


def get_vector_length(v: Any) -> int:
    """The length of a vector, if that is known without a call. Raises ValueError."""
    from ..graph import variables
    from ..tensor.shapes import known_length

    x = as_tensor(v)
    if x.ndim != 1:
        raise ValueError(f"get_vector_length: expected a vector, found {x.type!r}.")
    length = known_length(x)
    if length is not None:
        return length
    if not variables([x]):
        return int(x.eval().shape[0])
    raise ValueError(f"get_vector_length: the length of {x!r} is known only at a call.")


def constant_or_value(x: Any) -> Any:
    """The array of a constant, and anything else as it is."""
    return x.attrs["value"] if isinstance(x, Tensor) and is_constant(x) else x


value = constant_or_value


def isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Where two tensors are close to each other, as ``numpy.isclose`` has it."""
    x, y = as_tensor(a), as_tensor(b)
    close = T.le(T.abs_(x - y), atol + rtol * T.abs_(y))
    close = T.or_(T.eq(x, y), T.and_(close, T.invert(T.isinf(y))))
    if equal_nan:
        close = T.or_(close, T.and_(T.isnan(x), T.isnan(y)))
    return close


def allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether two tensors are close everywhere."""
    return T.all(isclose(a, b, rtol, atol, equal_nan))


def _allclose(a: Any, b: Any, rtol: float | None = None, atol: float | None = None) -> bool:
    """Whether arrays are close, by what their dtypes can hold."""
    x, y = np.asarray(a), np.asarray(b)
    narrow = "float32" in (x.dtype.name, y.dtype.name)
    room = 1e-5 if narrow else 1e-7
    return bool(np.allclose(x, y, rtol=rtol or room * 10, atol=atol or room))


def check_equal_numpy(x: Any, y: Any) -> bool:
    """Whether two arrays are the same."""
    return bool(np.asarray(x).dtype == np.asarray(y).dtype and np.array_equal(x, y))


def stacklists(arg: Any) -> Tensor:
    """Nested lists of tensors as one tensor."""
    if isinstance(arg, (list, tuple)):
        return T.stack([stacklists(a) for a in arg])
    return as_tensor(arg)


def largest(*args: Any) -> Tensor:
    """The largest of the arguments, entry by entry."""
    found = as_tensor(args[0])
    for other in args[1:]:
        found = T.maximum(found, other)
    return found


def smallest(*args: Any) -> Tensor:
    """The smallest of the arguments, entry by entry."""
    found = as_tensor(args[0])
    for other in args[1:]:
        found = T.minimum(found, other)
    return found


def advanced_subtensor1(x: Any, ilist: Any) -> Tensor:
    """The rows of ``x`` at these places."""
    return as_tensor(x)[as_tensor(ilist)]


def advanced_set_subtensor1(x: Any, y: Any, ilist: Any) -> Tensor:
    """``x`` with these rows replaced."""
    return T.set_subtensor(as_tensor(x)[as_tensor(ilist)], y)


def advanced_inc_subtensor1(x: Any, y: Any, ilist: Any) -> Tensor:
    """``x`` with these rows increased."""
    return T.inc_subtensor(as_tensor(x)[as_tensor(ilist)], y)


def _picked(x: Tensor, index: Any) -> Tensor:
    found: Tensor = x[index]
    return found


def makeKeepDims(x: Any, y: Any, axis: Any) -> Tensor:
    """``y``, a reduction of ``x`` over ``axis``, with these axes again, of size 1."""
    x, y = as_tensor(x), as_tensor(y)
    axes = range(x.ndim) if axis is None else ([axis] if isinstance(axis, int) else axis)
    gone = {a % x.ndim for a in axes}
    rest = iter(range(y.ndim))
    kept: Tensor = y.dimshuffle(["x" if a in gone else next(rest) for a in range(x.ndim)])
    return kept


class _Grid:
    """``mgrid[0:5, 0:3]``, of symbols or numbers."""

    def __init__(self, sparse: bool) -> None:
        self._sparse = sparse

    def __getitem__(self, parts: Any) -> list[Tensor]:
        listed = parts if isinstance(parts, tuple) else (parts,)
        axes = [T.arange(p.start or 0, p.stop, p.step or 1) for p in listed]
        n = len(axes)
        opened = [
            a.dimshuffle([0 if k == j else "x" for k in range(n)]) for j, a in enumerate(axes)
        ]
        if self._sparse:
            return opened
        zero = sum(opened[1:], opened[0]) * 0
        return [a + zero for a in opened]


mgrid, ogrid = _Grid(False), _Grid(True)


def _untyped5(name: str | None = None, dtype: Any = None) -> Tensor:
    return TensorType(dtypes.canonical(dtype or "floatX"), (False,) * 5)(name)


tensor5 = _untyped5
globals().update({
    f"{d.letter}tensor5": TensorType(d.name, (False,) * 5)
    for d in dtypes.DTYPES.values() if d.letter.isalpha()
})  # fmt: skip


def tensor5s(*names: str) -> list[Tensor]:
    """Several 5-dimensional variables."""
    return [tensor5(name) for name in names]


def tensor(dtype: Any = None, broadcastable: Any = (), name: str | None = None) -> Tensor:
    """A variable of this type."""
    return TensorType(dtypes.canonical(dtype or "floatX"), broadcastable)(name)


def tensor_constructor(value: Any, name: str | None = None, **kwargs: Any) -> Shared:
    """``shared``."""
    return shared(value, name, **kwargs)


def hashtype(self: Any) -> int:
    """A number for the type of an object."""
    return hash(type(self))


def tensor_copy(x: Any) -> Tensor:
    """``x``."""
    return as_tensor(x).copy()


scalar_from_tensor = tensor_from_scalar = as_tensor


def default(a: Any, b: Any) -> Tensor:
    """``a``, or ``b`` where there is none."""
    return as_tensor(b if a is None else a)


def diagonal_of(x: Any) -> Tensor:
    """The diagonal of a matrix."""
    return T.diagonal(as_tensor(x))


def hstack(tup: Sequence[Any]) -> Tensor:
    """Matrices side by side."""
    return T.concatenate(list(tup), axis=1 if as_tensor(tup[0]).ndim > 1 else 0)


def vstack(tup: Sequence[Any]) -> Tensor:
    """Matrices one below the other."""
    return T.concatenate([T.shape_padleft(x) if as_tensor(x).ndim < 2 else x for x in tup])


def new(x: Any) -> Tensor:
    """A variable of the type of ``x``."""
    return as_tensor(x).type()


class _scal_elemwise:  # Theano's decorator, with which programs define functions by name
    def __init__(self, symbol: Any = None, nfunc: Any = None, nin: Any = None) -> None:
        self.symbol = symbol

    def __new__(cls, *symbol: Any, **kwargs: Any) -> Any:
        if len(symbol) == 1 and callable(symbol[0]):
            return getattr(T, symbol[0].__name__)
        return object.__new__(cls)

    def __call__(self, symbol: Any) -> Any:
        return getattr(T, symbol.__name__)


def _sum_grad_over_bcasted_dims(x: Tensor, gx: Tensor) -> Tensor:
    """``gx`` summed over the axes along which ``x`` was stretched."""
    from ..ops.movement import sum_to

    return sum_to(gx, x)
