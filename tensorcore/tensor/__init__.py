"""What users import as ``T``: variables, operators and functions of symbolic tensors."""

from __future__ import annotations

from typing import Any

from ..gradient import Lop, Rop, grad, hessian, jacobian, verify_grad
from ..node import Tensor, as_tensor
from ..ops.composites import clip, fill, log_softmax, sigmoid, softplus, sqr
from ..ops.elementwise import (
    abs_,
    add,
    cast,
    ceil,
    cos,
    exp,
    expm1,
    floor,
    identity,
    int_div,
    log,
    log1p,
    log2,
    log10,
    mod,
    mul,
    neg,
    pow,
    round_half_to_even,
    sgn,
    sin,
    sqrt,
    sub,
    tan,
    tanh,
    true_div,
)
from ..ops.logic import (
    and_,
    eq,
    ge,
    gt,
    invert,
    isinf,
    isnan,
    le,
    lt,
    maximum,
    minimum,
    neq,
    or_,
    switch,
    xor,
)
from ..ops.movement import dimshuffle
from ..ops.stable import log1mexp, logaddexp
from ..types import TensorType
from . import nnet
from .functions import *  # noqa: F403
from .functions import __all__ as _functions
from .variables import constructors

TensorVariable = Tensor
as_tensor_variable = as_tensor
abs = abs_
where = switch
inv = reciprocal = lambda x: 1 / as_tensor(x)
square = sqr
round = round_half_to_even
second = fill


def constant(value: Any, name: str | None = None, dtype: Any = None) -> Tensor:
    """A constant tensor with this value."""
    from .. import dtypes

    node = as_tensor(value, dtypes.canonical(dtype) if dtype else None)
    if name:
        node.name = name
    return node


_constructors = constructors()
globals().update(_constructors)

__all__ = [  # noqa: PLE0604
    "Lop", "Rop", "Tensor", "TensorType", "TensorVariable", "abs", "abs_", "add", "and_",
    "as_tensor", "as_tensor_variable", "cast", "ceil", "clip", "constant", "cos", "dimshuffle",
    "eq", "exp", "expm1", "fill", "floor", "ge", "grad", "gt", "hessian", "identity", "int_div",
    "inv", "invert", "isinf", "isnan", "jacobian", "le", "log", "log10", "log1mexp", "log1p",
    "log2", "log_softmax", "logaddexp", "lt", "maximum", "minimum", "mod", "mul", "neg", "neq",
    "nnet", "or_", "pow", "reciprocal", "round", "second", "sgn", "sigmoid", "sin", "softplus",
    "sqr", "sqrt", "square", "sub", "switch", "tan", "tanh", "true_div", "verify_grad", "where",
    "xor",
    *_functions, *_constructors,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Only reached for unknown names; it also tells type checkers that constructors exist.
    import difflib

    near = difflib.get_close_matches(name, __all__, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise AttributeError(f"tensorcore.tensor has no {name!r}{hint}")
