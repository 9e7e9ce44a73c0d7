"""The operators and methods of ``Tensor``, each of which calls the function of ``T`` that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .node import Tensor, TensorLike

_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def provide(functions: Mapping[str, Any]) -> None:
    """Name the functions that operators and methods call; done once, by ``tensorcore.tensor``."""
    _FUNCTIONS.update({name: f for name, f in functions.items() if callable(f)})


def apply(name: str, *args: Any, **options: Any) -> Tensor:
    """The function of ``T`` with this name, on these arguments."""
    result: Tensor = _FUNCTIONS[name](*args, **options)
    return result


def _elementwise(name: str) -> Callable[[Any], Tensor]:
    def method(self: Operators) -> Tensor:
        return apply(name, self)

    method.__name__ = name
    method.__qualname__ = f"Operators.{name}"
    method.__doc__ = f"See ``T.{name}``."
    return method


def _one_by_one(values: tuple[Any, ...]) -> Any:
    """``f(2, 3)`` means ``f((2, 3))``."""
    single = len(values) == 1 and not isinstance(values[0], (int, str))
    return values[0] if single else values


class Operators:
    """What can be written with a tensor: ``x + y``, ``x[2:]``, ``x.sum(axis=0)``."""

    __slots__ = ()

    # -- what it is made of -------------------------------------------------------------

    @property
    def shape(self) -> Tensor:
        """The sizes as a symbolic int64 vector of length ``ndim``."""
        return apply("shape", self)

    @property
    def size(self) -> Tensor:
        """The number of elements, symbolic int64."""
        return apply("count", self)

    @property
    def T(self) -> Tensor:
        """The axes reversed."""
        return apply("transpose", self)

    @property
    def real(self) -> Tensor:
        """The real part; of a real tensor, the tensor itself."""
        return apply("real", self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part; zeros for a real tensor."""
        return apply("imag", self)

    # -- operators ----------------------------------------------------------------------

    def __add__(self, other: TensorLike) -> Tensor:
        return apply("add", self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return apply("add", other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return apply("sub", self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return apply("sub", other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return apply("mul", self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return apply("mul", other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return apply("true_div", self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return apply("true_div", other, self)

    def __floordiv__(self, other: TensorLike) -> Tensor:
        return apply("int_div", self, other)

    def __rfloordiv__(self, other: TensorLike) -> Tensor:
        return apply("int_div", other, self)

    def __mod__(self, other: TensorLike) -> Tensor:
        return apply("mod", self, other)

    def __rmod__(self, other: TensorLike) -> Tensor:
        return apply("mod", other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return apply("pow", self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return apply("pow", other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return apply("matmul", other, self)

    def __neg__(self) -> Tensor:
        return apply("neg", self)

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]

    def __abs__(self) -> Tensor:
        return apply("abs", self)

    def __invert__(self) -> Tensor:
        return apply("invert", self)

    def __and__(self, other: TensorLike) -> Tensor:
        return apply("and_", self, other)

    def __rand__(self, other: TensorLike) -> Tensor:
        return apply("and_", other, self)

    def __or__(self, other: TensorLike) -> Tensor:
        return apply("or_", self, other)

    def __ror__(self, other: TensorLike) -> Tensor:
        return apply("or_", other, self)

    def __xor__(self, other: TensorLike) -> Tensor:
        return apply("xor", self, other)

    def __rxor__(self, other: TensorLike) -> Tensor:
        return apply("xor", other, self)

    def __lshift__(self, other: TensorLike) -> Tensor:
        return apply("left_shift", self, other)

    def __rlshift__(self, other: TensorLike) -> Tensor:
        return apply("left_shift", other, self)

    def __rshift__(self, other: TensorLike) -> Tensor:
        return apply("right_shift", self, other)

    def __rrshift__(self, other: TensorLike) -> Tensor:
        return apply("right_shift", other, self)

    def __divmod__(self, other: TensorLike) -> tuple[Tensor, Tensor]:
        return apply("int_div", self, other), apply("mod", self, other)

    def __rdivmod__(self, other: TensorLike) -> tuple[Tensor, Tensor]:
        return apply("int_div", other, self), apply("mod", other, self)

    def __lt__(self, other: TensorLike) -> Tensor:
        return apply("lt", self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return apply("le", self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return apply("gt", self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return apply("ge", self, other)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a symbolic tensor cannot be changed. T.set_subtensor(x[index], value) is x with "
            "other entries there, T.inc_subtensor adds to them."
        )

    def __delitem__(self, index: Any) -> None:
        raise TypeError("a symbolic tensor cannot be changed; index what is to remain.")

    def __getitem__(self, index: Any) -> Tensor:
        return apply("subtensor", self, index)

    # -- methods ------------------------------------------------------------------------

    def sum(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Tensor:
        """See ``T.sum``."""
        return apply("sum", self, axis, dtype, keepdims, acc_dtype)

    def prod(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Tensor:
        """See ``T.prod``."""
        return apply("prod", self, axis, dtype, keepdims, acc_dtype)

    def mean(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Tensor:
        """See ``T.mean``."""
        return apply("mean", self, axis, dtype, keepdims, acc_dtype)

    def var(
        self, axis: Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
    ) -> Tensor:
        """See ``T.var``."""
        return apply("var", self, axis, ddof, keepdims)

    def std(
        self, axis: Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
    ) -> Tensor:
        """See ``T.std``."""
        return apply("std", self, axis, ddof, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.max``."""
        return apply("max", self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.min``."""
        return apply("min", self, axis, keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.argmax``."""
        return apply("argmax", self, axis, keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.argmin``."""
        return apply("argmin", self, axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.any``."""
        return apply("any", self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.all``."""
        return apply("all", self, axis, keepdims)

    def max_and_argmax(self, axis: Any = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
        """See ``T.max_and_argmax``."""
        return self.max(axis, keepdims), self.argmax(axis, keepdims)

    def ptp(self, axis: Any = None) -> Tensor:
        """See ``T.ptp``."""
        return apply("ptp", self, axis)

    def norm(self, L: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
        """See ``T.norm``."""
        return apply("norm", self, L, axis, keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """See ``T.cumsum``."""
        return apply("cumsum", self, axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        """See ``T.cumprod``."""
        return apply("cumprod", self, axis)

    def dot(self, other: TensorLike) -> Tensor:
        """See ``T.dot``."""
        return apply("dot", self, other)

    def trace(self) -> Tensor:
        """See ``T.trace``."""
        return apply("trace", self)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """See ``T.diagonal``."""
        return apply("diagonal", self, offset, axis1, axis2)

    def conj(self) -> Tensor:
        """The complex conjugate; of a real tensor, the tensor itself."""
        return apply("conj", self)

    conjugate = conj

    def round(self, mode: str | None = None) -> Tensor:
        """See ``T.round``."""
        return apply("round", self, mode)

    def clip(self, a_min: TensorLike, a_max: TensorLike) -> Tensor:
        """See ``T.clip``."""
        return apply("clip", self, a_min, a_max)

    def astype(self, dtype: Any) -> Tensor:
        """This tensor cast to another dtype."""
        return apply("cast", self, dtype)

    def fill(self, value: TensorLike) -> Tensor:
        """A tensor of this shape with ``value`` everywhere; see ``T.fill``."""
        return apply("fill", self, value)

    def zeros_like(self, dtype: Any = None) -> Tensor:
        """See ``T.zeros_like``."""
        return apply("zeros_like", self, dtype)

    def ones_like(self, dtype: Any = None) -> Tensor:
        """See ``T.ones_like``."""
        return apply("ones_like", self, dtype)

    def reshape(self, *sizes: Any, ndim: int | None = None, shape: Any = None) -> Tensor:
        """See ``T.reshape``; sizes may be given as one sequence or one by one."""
        if shape is not None and not sizes:
            return apply("reshape", self, shape, ndim)
        if len(sizes) == 2 and not isinstance(sizes[0], (int, Operators)):
            listed, ndim = sizes  # Theano's reshape(sizes, ndim)
            return apply("reshape", self, listed, ndim)
        return apply("reshape", self, _one_by_one(sizes), ndim)

    def flatten(self, ndim: int = 1) -> Tensor:
        """See ``T.flatten``."""
        return apply("flatten", self, ndim)

    def ravel(self) -> Tensor:
        """See ``T.ravel``."""
        return apply("ravel", self)

    def dimshuffle(self, *pattern: Any) -> Tensor:
        """Axes permuted, dropped (if of size 1) and added (``'x'``) as the pattern says."""
        return apply("dimshuffle", self, _one_by_one(pattern))

    def transpose(self, *axes: Any) -> Tensor:
        """Axes permuted; reversed when none are given."""
        return apply("transpose", self, _one_by_one(axes) if axes else None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """See ``T.swapaxes``."""
        return apply("swapaxes", self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> Tensor:
        """See ``T.squeeze``."""
        return apply("squeeze", self, axis)

    def repeat(self, repeats: TensorLike, axis: int | None = None) -> Tensor:
        """See ``T.repeat``."""
        return apply("repeat", self, repeats, axis)

    def sort(self, axis: int | None = -1, kind: str = "stable", order: Any = None) -> Tensor:
        """See ``T.sort``."""
        return apply("sort", self, axis)

    def argsort(self, axis: int | None = -1, kind: str = "stable", order: Any = None) -> Tensor:
        """See ``T.argsort``."""
        return apply("argsort", self, axis)

    def nonzero(self, return_matrix: bool = False) -> Any:
        """See ``T.nonzero``."""
        return apply("nonzero", self, return_matrix)

    def nonzero_values(self) -> Tensor:
        """See ``T.nonzero_values``."""
        return apply("nonzero_values", self)

    def take(self, indices: TensorLike, axis: int | None = None, mode: str = "raise") -> Tensor:
        """See ``T.take``."""
        return apply("take", self, indices, axis, mode)

    def choose(self, choices: Any, mode: str = "raise") -> Tensor:
        """See ``T.choose``."""
        return apply("choose", self, choices, mode)

    def compress(self, condition: TensorLike, axis: int | None = None) -> Tensor:
        """The entries where ``condition`` is true; see ``T.compress``."""
        return apply("compress", condition, self, axis)

    def searchsorted(
        self, v: TensorLike, side: str = "left", sorter: TensorLike | None = None
    ) -> Tensor:
        """See ``T.searchsorted``."""
        return apply("searchsorted", self, v, side, sorter)

    def copy(self, name: str | None = None) -> Tensor:
        """A new tensor with the same value."""
        result = apply("identity", self)
        result.name = name
        return result

    arccos = _elementwise("arccos")
    arccosh = _elementwise("arccosh")
    arcsin = _elementwise("arcsin")
    arcsinh = _elementwise("arcsinh")
    arctan = _elementwise("arctan")
    arctanh = _elementwise("arctanh")
    ceil = _elementwise("ceil")
    cos = _elementwise("cos")
    cosh = _elementwise("cosh")
    deg2rad = _elementwise("deg2rad")
    exp = _elementwise("exp")
    exp2 = _elementwise("exp2")
    expm1 = _elementwise("expm1")
    floor = _elementwise("floor")
    log = _elementwise("log")
    log10 = _elementwise("log10")
    log1p = _elementwise("log1p")
    log2 = _elementwise("log2")
    rad2deg = _elementwise("rad2deg")
    sin = _elementwise("sin")
    sinh = _elementwise("sinh")
    sqrt = _elementwise("sqrt")
    tan = _elementwise("tan")
    tanh = _elementwise("tanh")
    trunc = _elementwise("trunc")
