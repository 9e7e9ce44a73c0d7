"""Names of ``theano.scalar``: types of numbers, and functions of numbers, which are those of
tensors here; a program's own scalar ops run their ``impl`` entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes, tensor
from ..graph import substitute
from ..node import Tensor, TensorConstant, as_tensor
from ..ops._declare import Op as Declared
from ..shared import Shared
from ..types import TensorType
from .known_ops import made_class, pulled_back
from .user_ops import Apply, Op

_DTYPES = tuple(dtypes.ALL)
_FUNCTIONS = [
    "chi2sf", "gammainc", "gammaincc", "i0", "i1", "j0", "j1", "abs_", "add", "and_", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cast", "ceil", "clip",
    "complex", "conj", "cos", "cosh", "deg2rad", "eq", "erf", "erfc", "erfcinv", "erfcx",
    "erfinv", "exp", "exp2", "expm1", "floor", "gamma", "gammaln", "ge", "gt", "identity", "imag",
    "int_div", "inv", "invert", "isinf", "isnan", "le", "log", "log10", "log1p", "log2", "lt",
    "maximum", "minimum", "mod", "mul", "neg", "neq", "or_", "pow", "psi", "rad2deg", "real",
    "round_half_to_even", "second", "sgn", "sigmoid", "sin", "sinh", "softplus", "sqr", "sqrt",
    "sub", "switch", "tan", "tanh", "tri_gamma", "true_div", "trunc", "xor",
]  # fmt: skip
#: Theano's names of classes that are no plain spelling of the function's.
_SPELT = {
    "ScalarSigmoid": "sigmoid", "ScalarSoftplus": "softplus", "AND": "and_", "OR": "or_",
    "XOR": "xor", "EQ": "eq", "NEQ": "neq", "LT": "lt", "GT": "gt", "LE": "le", "GE": "ge",
    "GammaLn": "gammaln", "IsNan": "isnan", "IsInf": "isinf", "ArcSin": "arcsin",
    "ArcCos": "arccos", "ArcTan": "arctan", "ArcTan2": "arctan2", "ArcSinh": "arcsinh",
    "ArcCosh": "arccosh", "ArcTanh": "arctanh", "Rad2Deg": "rad2deg", "Deg2Rad": "deg2rad",
    "Chi2SF": "chi2sf",
}  # fmt: skip


#: Functions of each entry, among these.
ELEMENTWISE = [f for f in _FUNCTIONS if f not in ("cast", "complex", "identity", "second")]


def _plain(function: str) -> str:
    return "".join(part.capitalize() for part in function.split("_"))


_CLASSES = {
    **_SPELT, **{_plain(f): f for f in _FUNCTIONS if f not in _SPELT.values()}
}  # fmt: skip
_CLASS_OF = {function: name for name, function in _CLASSES.items()}

__all__ = [
    "BinaryScalarOp", "Cast", "Composite", "Scalar", "ScalarOp", "ScalarType", "UnaryScalarOp",
    "ScalarConstant", "ScalarFromTensor", "ScalarSharedVariable", "ScalarVariable", "all_types",
    "as_scalar", "bool", "complexs", "complexs128", "complexs64", "convert_to_bool",
    "complex_types", "constant", "continuous_types",
    "discrete_types", "float_types", "floats", "floats32", "floats64", "get_scalar_type",
    "int_types", "ints", "scalar_types", "same_out",
    "same_out_nocomplex", "shared", "transfer_type", "uint_types", "upgrade_to_float",
    "upgrade_to_float_no_complex",
    *(f"convert_to_{name}" for name in _DTYPES if name != "bool"), *_DTYPES, *_FUNCTIONS, *_CLASSES,
]  # fmt: skip


def get_scalar_type(dtype: Any) -> TensorType:
    """The type of a number of this dtype: that of a tensor without axes."""
    return TensorType(dtype, ())


Scalar = ScalarType = get_scalar_type
globals().update({name: TensorType(name, ()) for name in _DTYPES})


def _types(kinds: str) -> tuple[TensorType, ...]:
    return tuple(TensorType(d, ()) for d in _DTYPES if dtypes.kind(d) in kinds)


int_types, uint_types, float_types, complex_types = map(_types, "iufc")
discrete_types, continuous_types = _types("biu"), _types("fc")
all_types = scalar_types = _types("biufc")


def _several(dtype: str) -> Callable[..., Any]:
    """Theano's ``floats("xy")``: a variable for each letter, each name, or so many without one."""
    type_ = TensorType(dtype, ())

    def make(*names: Any) -> Any:
        if len(names) == 1 and isinstance(names[0], int):
            names = (None,) * names[0]
        elif len(names) == 1:
            names = tuple(names[0])
        made = [type_(name) for name in names]
        return made[0] if len(made) == 1 else made

    make.__doc__ = f"Variables of {dtype}, one for each letter of a text or each of several names."
    return make


ints, floats, complexs = _several("int64"), _several("float64"), _several("complex128")
complexs64, complexs128 = _several("complex64"), _several("complex128")
floats32, floats64 = _several("float32"), _several("float64")


def as_scalar(x: Any, name: str | None = None) -> Tensor:
    """A tensor without axes."""
    t = as_tensor(x)
    if t.ndim:
        raise TypeError(f"as_scalar: expected a number, found {t.type!r}.")
    return t


constant = as_scalar


def shared(value: Any, name: str | None = None, **kwargs: Any) -> Any:
    """A shared number."""
    from .top import shared as make

    return make(np.asarray(value), name, **kwargs)


def same_out(*types: Any) -> tuple[TensorType, ...]:
    """The type that the results of numbers of these types have."""
    return (TensorType(dtypes.promote([t.dtype for t in types]), ()),)


same_out_nocomplex = same_out


def upgrade_to_float(*types: Any) -> tuple[TensorType, ...]:
    """The floating type that the results of numbers of these types have."""
    found = dtypes.promote([t.dtype for t in types])
    return (TensorType(found if dtypes.is_float(found) else "float64", ()),)


upgrade_to_float_no_complex = upgrade_to_float


def transfer_type(*transfer: int | None) -> Callable[..., tuple[Any, ...]]:
    """The rule by which a result has the type of an operand, by number."""
    return lambda *types: tuple(types[k if k is not None else 0] for k in transfer)


class ScalarOp(Op):
    """An op on numbers whose method ``impl`` computes one: used on tensors, it runs entry by
    entry."""

    nin, nout = -1, 1

    def __init__(self, output_types_preference: Any = None, name: str | None = None) -> None:
        self.output_types_preference, self.name = output_types_preference, name

    def make_node(self, *inputs: Any) -> Apply:
        """The application, entry by entry."""
        return self._applied(self, inputs)

    def on_tensors(self, op: Any, *inputs: Any) -> Any:
        """The results, made by ``op``: an ``Elemwise`` of this one."""
        found = self._applied(op, inputs).outputs
        return found if len(found) > 1 else found[0]

    def _applied(self, op: Any, inputs: Any) -> Apply:
        given = [as_tensor(x) for x in inputs]
        rank = max((x.ndim for x in given), default=0)
        padded = [tensor.shape_padleft(x, rank - x.ndim) if x.ndim < rank else x for x in given]
        flags = tuple(all(x.broadcastable[k] for x in padded) for k in range(rank))
        prefer = getattr(self, "output_types_preference", None) or same_out
        kinds = prefer(*(TensorType(x.dtype, ()) for x in given))
        kinds = kinds if isinstance(kinds, (tuple, list)) else (kinds,)
        return Apply(op, padded, [TensorType(t.dtype, flags)() for t in kinds])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """``impl`` on each entry."""
        with np.errstate(all="ignore"):
            for storage, value in zip(outputs, self._all(inputs), strict=True):
                storage[0] = value

    def _all(self, inputs: Any) -> list[Any]:
        impl = self.impl  # type: ignore[attr-defined]
        shape = np.broadcast_shapes(*(x.shape for x in inputs))
        flat = [np.broadcast_to(x, shape).ravel() for x in inputs]
        rows = [impl(*row) for row in zip(*flat, strict=True)]
        columns = zip(*rows, strict=True) if self.nout > 1 else [rows]
        return [np.array(list(column)).reshape(shape) for column in columns]

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """The sizes of the longest operand, axis by axis."""
        x = node.inputs[0]
        for other in node.inputs[1:]:
            x = x + tensor.cast(other, x.dtype) * 0 if other.ndim else x
        return [tuple(x.shape[k] for k in range(x.ndim))]

    def c_code_cache_version(self) -> tuple[int, ...]:
        """Nothing is compiled."""
        return ()


class UnaryScalarOp(ScalarOp):
    """A scalar op of one operand."""

    nin = 1


class BinaryScalarOp(ScalarOp):
    """A scalar op of two operands."""

    nin = 2


class Composite(ScalarOp):
    """Several scalar expressions as one op."""

    def __init__(self, inputs: Any, outputs: Any) -> None:
        super().__init__()
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.nin, self.nout = len(self.inputs), len(self.outputs)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The expressions on tensors, entry by entry."""
        if len(inputs) != self.nin:
            raise TypeError(f"Composite takes {self.nin} input(s), found {len(inputs)}.")
        given = dict(zip(self.inputs, map(as_tensor, inputs), strict=True))
        made = substitute(self.outputs, given)
        return made[0] if len(made) == 1 else made

    def on_tensors(self, op: Any, *inputs: Any) -> Any:
        """The expressions on tensors, entry by entry."""
        return self(*inputs)

    def impl(self, *numbers: Any) -> Any:
        """The value for numbers, by the reference."""
        made = self(*numbers)
        return tuple(y.eval() for y in made) if isinstance(made, list) else made.eval()


class KnownScalarOp(UnaryScalarOp):
    """A scalar op of Theano's: called, it is the function of tensors."""

    function = ""
    o_type: TensorType | None = None

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The function of these."""
        if self.o_type is not None:
            return tensor.cast(inputs[0], self.o_type.dtype)
        return getattr(tensor, "fill" if self.function == "second" else self.function)(*inputs)

    def on_tensors(self, op: Any, *inputs: Any) -> Any:
        """The function of these."""
        return self(*inputs)

    def make_node(self, *inputs: Any) -> Any:
        """The application of the function."""
        return self(*inputs).owner

    def grad(self, inputs: Any, output_gradients: Any) -> Any:
        """The gradients by the inputs."""
        return pulled_back(self, inputs, output_gradients)

    def impl(self, *numbers: Any) -> Any:
        """The number, by the reference."""
        return self(*numbers).eval()

    st_impl = impl

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Declared):
            return other is getattr(tensor, self.function, None)
        return type(self) is type(other) and self.o_type == other.o_type

    def __hash__(self) -> int:
        return hash(self.function)

    def __str__(self) -> str:
        return self.function.rstrip("_")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_known, (self.function, self.o_type))


class Cast(KnownScalarOp):
    """``Cast(o_type)``: the number in another dtype."""

    function = "cast"

    def __init__(self, o_type: Any, name: str | None = None) -> None:
        super().__init__(name=name or f"Cast{{{o_type.dtype}}}")
        self.o_type = o_type


globals().update({f"convert_to_{name}": Cast(TensorType(name, ())) for name in _DTYPES})
ScalarVariable, ScalarConstant, ScalarSharedVariable = Tensor, TensorConstant, Shared
ScalarFromTensor = made_class("ScalarFromTensor", apply=lambda op, x: x)


def _class_of(function: str) -> Any:
    """Theano's class of a scalar op."""
    name = _CLASS_OF.get(function) or _plain(function)
    if name not in globals():
        words = f"Theano's class; its instances are ``T.{function}`` of numbers."
        body = {"function": function, "__module__": __name__, "__doc__": words}
        globals()[name] = type(name, (KnownScalarOp,), body)
    return globals()[name]


def scalar_op(name: str, node: Tensor | None = None) -> Any:
    """The scalar op of an op of ours, as found in a graph."""
    if name == "cast" and node is not None:
        return Cast(TensorType(node.dtype, ()))
    words = {"abs": "abs_", "and": "and_", "or": "or_", "fill": "second"}
    made = _class_of(words.get(name, name))(name=name)
    if node is not None:
        made.nin = len(node.inputs)
    return made


def _known(function: str, o_type: TensorType | None) -> Any:
    return Cast(o_type) if o_type is not None else _class_of(function)(name=function.rstrip("_"))


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return _class_of(_CLASSES[name])
    if name == "cast":
        return tensor.cast
    if name in _FUNCTIONS:
        made = globals()[name] = scalar_op(name)
        return made
    raise AttributeError(f"tensorcore.legacy.scalars has no {name!r}.")
