"""Names of ``theano.scalar``: types of numbers, and functions of numbers, which are those of
tensors here; a program's own scalar ops run their ``impl`` entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes, tensor
from ..node import Tensor, as_tensor
from ..types import TensorType
from .user_ops import Apply, Op

_DTYPES = tuple(dtypes.ALL)
_FUNCTIONS = (
    "abs_",
    "add",
    "and_",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cast",
    "ceil",
    "clip",
    "complex",
    "conj",
    "cos",
    "cosh",
    "deg2rad",
    "eq",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "gamma",
    "gammaln",
    "ge",
    "gt",
    "identity",
    "imag",
    "int_div",
    "inv",
    "invert",
    "isinf",
    "isnan",
    "le",
    "log",
    "log10",
    "log1p",
    "log2",
    "lt",
    "maximum",
    "minimum",
    "mod",
    "mul",
    "neg",
    "neq",
    "or_",
    "pow",
    "psi",
    "rad2deg",
    "real",
    "round_half_to_even",
    "second",
    "sgn",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqr",
    "sqrt",
    "sub",
    "switch",
    "tan",
    "tanh",
    "tri_gamma",
    "true_div",
    "trunc",
    "xor",
)
_CLASSES = {
    "Abs": "abs_", "Add": "add", "Sub": "sub", "Mul": "mul", "TrueDiv": "true_div", "Pow": "pow",
    "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Sqr": "sqr", "Tanh": "tanh", "Maximum": "maximum",
    "Minimum": "minimum", "Switch": "switch", "Identity": "identity", "Cast": "cast",
    "EQ": "eq", "NEQ": "neq", "LT": "lt", "GT": "gt", "LE": "le", "GE": "ge", "Neg": "neg",
    "Inv": "inv", "Sgn": "sgn", "GammaLn": "gammaln", "Psi": "psi", "Erf": "erf", "Erfc": "erfc",
    "ScalarSigmoid": "sigmoid", "Clip": "clip",
}  # fmt: skip

__all__ = [
    "BinaryScalarOp", "Composite", "Scalar", "ScalarOp", "ScalarType", "UnaryScalarOp",
    "all_types", "as_scalar", "bool", "complex_types", "constant", "continuous_types",
    "discrete_types", "float_types", "get_scalar_type", "int_types", "scalar_types", "same_out",
    "same_out_nocomplex", "shared", "transfer_type", "uint_types", "upgrade_to_float",
    "upgrade_to_float_no_complex", *_DTYPES, *_FUNCTIONS, *_CLASSES,
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
        given = [as_tensor(x) for x in inputs]
        rank = max((x.ndim for x in given), default=0)
        padded = [tensor.shape_padleft(x, rank - x.ndim) if x.ndim < rank else x for x in given]
        flags = tuple(all(x.broadcastable[k] for x in padded) for k in range(rank))
        prefer = getattr(self, "output_types_preference", None) or same_out
        kinds = prefer(*(TensorType(x.dtype, ()) for x in given))
        kinds = kinds if isinstance(kinds, (tuple, list)) else (kinds,)
        return Apply(self, padded, [TensorType(t.dtype, flags)() for t in kinds])

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
        self.inputs, self.outputs = inputs, outputs

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The expressions on tensors."""
        from ..function import clone

        made = clone(list(self.outputs), replace=dict(zip(self.inputs, inputs, strict=True)))
        return made[0] if len(made) == 1 else made


def _class_of(name: str, function: str) -> Any:
    """Theano's class of a scalar op: its instances are the function of tensors."""

    class Known(UnaryScalarOp):
        def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
            return getattr(tensor, function)(*inputs)

        def impl(self, *numbers: Any) -> Any:
            """The number, by the reference."""
            return getattr(tensor, function)(*numbers).eval()

        st_impl = impl

    Known.__name__ = Known.__qualname__ = name
    Known.__doc__ = f"Theano's class; called, it is ``T.{function}``."
    return Known


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        made = globals()[name] = _class_of(name, _CLASSES[name])
        return made
    if name == "second":
        return tensor.fill
    if name in _FUNCTIONS:
        return getattr(tensor, name)
    raise AttributeError(f"tensorcore.legacy.scalars has no {name!r}.")
