"""What users import as ``T``: variables, operators and functions of symbolic tensors."""

from __future__ import annotations

from typing import Any

from ..gradient import Lop, Rop, grad, hessian, jacobian, verify_grad
from ..node import Tensor, TensorConstant
from ..operators import provide
from ..ops.bessel import i0, i1, iv, j0, j1, jv
from ..ops.complexes import angle, complex_from_polar, conj, imag, real
from ..ops.complexes import from_parts as complex
from ..ops.composites import clip, fill, log_softmax, shape, sigmoid, softplus, sqr
from ..ops.elementwise import (
    abs_,
    add,
    cast,
    exp,
    exp2,
    expm1,
    identity,
    int_div,
    inv,
    log,
    log1p,
    log2,
    log10,
    mod,
    mul,
    neg,
    pow,
    sgn,
    sqrt,
    sub,
    true_div,
)
from ..ops.incomplete import betainc, chi2sf, gammainc, gammaincc, gammal, gammau, zeta
from ..ops.logic import (
    and_,
    eq,
    ge,
    gt,
    invert,
    isfinite,
    isinf,
    isnan,
    le,
    left_shift,
    lt,
    maximum,
    minimum,
    neq,
    or_,
    right_shift,
    signbit,
    switch,
    xor,
)
from ..ops.movement import dimshuffle
from ..ops.rounding import (
    ceil,
    ceil_intdiv,
    copysign,
    divmod,
    floor,
    iround,
    round,
    round_half_away_from_zero,
    round_half_to_even,
    trunc,
)
from ..ops.special import (
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfinv,
    gamma,
    gammaln,
    logit,
    polygamma,
    psi,
    tri_gamma,
    xlogx,
    xlogy0,
)
from ..ops.stable import log1mexp, logaddexp
from ..ops.trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    deg2rad,
    hypot,
    rad2deg,
    sin,
    sinh,
    tan,
    tanh,
)
from ..shared import Shared
from ..types import TensorType
from . import (
    creation,
    indexing,
    joining,
    nnet,
    ordering,
    products,
    reductions,
    shapes,
)
from .creation import *  # noqa: F403
from .creation import as_tensor_variable
from .indexing import *  # noqa: F403
from .indexing import subtensor  # noqa: F401 (what x[...] calls)
from .joining import *  # noqa: F403
from .ordering import *  # noqa: F403
from .products import *  # noqa: F403
from .reductions import *  # noqa: F403
from .shapes import *  # noqa: F403
from .variables import constructors

Variable = TensorVariable = Tensor
Constant = TensorConstant
SharedVariable = TensorSharedVariable = Shared
as_tensor = as_tensor_variable
abs = abs_
where = switch
reciprocal = inv
square = sqr
sign = sgn
power = pow
floor_div = int_div
truediv = true_div
bitwise_and, bitwise_or, bitwise_xor, bitwise_not = and_, or_, xor, invert


_constructors = constructors()
globals().update(_constructors)
provide(globals())

__all__ = [  # noqa: PLE0604
    "Constant", "Lop", "Rop", "SharedVariable", "Tensor", "TensorConstant",
    "TensorSharedVariable", "TensorType", "TensorVariable", "Variable", "abs", "abs_", "add",
    "and_", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "as_tensor", "betainc", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "cast",
    "ceil", "ceil_intdiv", "chi2sf", "clip", "complex", "complex_from_polar", "conj",
    "copysign", "cos", "cosh", "deg2rad", "dimshuffle", "divmod", "eq", "erf", "erfc",
    "erfcinv", "erfcx", "erfinv", "exp", "exp2", "expm1", "fill", "floor", "floor_div", "gamma",
    "gammainc", "gammaincc", "gammal", "gammaln", "gammau", "ge", "grad", "gt", "hessian",
    "hypot", "i0", "i1", "identity", "imag", "int_div", "inv", "invert", "iround", "isfinite",
    "isinf", "isnan", "iv", "j0", "j1", "jacobian", "jv", "le", "left_shift", "log", "log10",
    "log1mexp", "log1p", "log2", "log_softmax", "logaddexp", "logit", "lt", "maximum",
    "minimum", "mod", "mul", "neg", "neq", "nnet", "or_", "polygamma", "pow", "power", "psi",
    "rad2deg", "real", "reciprocal", "right_shift", "round", "round_half_away_from_zero",
    "round_half_to_even", "sgn", "shape", "sigmoid", "sign", "signbit", "sin", "sinh",
    "softplus", "sqr", "sqrt", "square", "sub", "switch", "tan", "tanh", "tri_gamma",
    "true_div", "truediv", "trunc", "verify_grad", "where", "xlogx", "xlogy0", "xor", "zeta",
    *creation.__all__, *indexing.__all__, *joining.__all__, *ordering.__all__, *products.__all__,
    *reductions.__all__, *shapes.__all__, *_constructors,
]  # fmt: skip


#: Modules that are imported when they are asked for, as most programs do not.
_LATER = ("fft", "fourier", "linalg", "nlinalg", "shared_randomstreams", "signal", "slinalg")


def __getattr__(name: str) -> Any:
    # Reached for names that are not there yet; it also tells type checkers that constructors exist.
    if name in _LATER:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    if name.startswith("_"):  # asked for by tools, dozens of times, which want no advice
        raise AttributeError(f"tensorcore.tensor has no {name!r}.", name=None, obj=None)
    import difflib

    words = {word: word for word in __all__}
    words |= {word: f"nnet.{word}" for word in vars(nnet) if word[0] != "_" and word not in words}
    near = difflib.get_close_matches(name, words, 1, cutoff=0.75)
    hint = f"; did you mean {words[near[0]]!r}?" if near else "."
    # Named, so that Python itself does not guess once more.
    raise AttributeError(f"tensorcore.tensor has no {name!r}{hint}", name=None, obj=None)
