"""Wrong uses of the functions of ``T``."""

from __future__ import annotations

import tensorcore.tensor as T
from tensorcore.errors import (
    DTypeError,
    ShapeError,
)

from .rows import Row, row


def text(name: str) -> Row:
    """A word where a tensor belongs."""
    f = getattr(T, name)
    more = ([True],) if name in PAIRS else ()
    return row(lambda a: f("abc", *more), DTypeError, "'abc'", "cannot become a tensor", "number")


def two(name: str) -> list[Row]:
    """Of two operands, the second is missing, or a word."""
    f = getattr(T, name)
    return [
        row(lambda a: f(a.v), TypeError, "2 argument(s), found 1"),
        row(lambda a: f(a.m, "abc"), DTypeError, "'abc'", "cannot become a tensor"),
    ]


def missing(name: str) -> Row:
    """The second argument is missing."""
    f = getattr(T, name)
    return row(lambda a: f(a.v), TypeError, f"{name}() missing 1 required positional argument")


def one_axis(name: str) -> list[Row]:
    """An axis that is not there, or is no number, or is several."""
    f = getattr(T, name)
    k = (1,) if "topk" in name else ()
    return [
        row(lambda a: f(a.m, *k, axis=2), ShapeError, "axis 2 does not exist", "has 2"),
        row(lambda a: f(a.m, *k, axis="x"), TypeError, "an axis is an integer", "'x'"),
        row(lambda a: f(a.m, *k, axis=(0, 1)), TypeError, "an axis is an integer", "(0, 1)"),
    ]


def along(name: str) -> list[Row]:
    """An axis that is not there, or is no number."""
    f = getattr(T, name)
    return [
        row(lambda a: f(a.m, axis=2), ShapeError, "axis 2 does not exist", "has 2"),
        row(lambda a: f(a.m, axis="x"), TypeError, "an axis is an integer", "'x'"),
        row(lambda a: f(a.m, axis=(0, 0)), ShapeError, "named twice"),
    ]


def size(name: str) -> list[Row]:
    f = getattr(T, name)
    return [
        row(lambda a: f((1.5,)), TypeError, "size must be an integer", "1.5"),
        row(lambda a: f(None), TypeError, "a shape is a list of integers", "None"),
        row(lambda a: f(a.i), TypeError, "unknown number of axes"),
        row(lambda a: f((2,), dtype="float31"), DTypeError, "'float31' is no dtype", "float32"),
    ]


UNARY = [
    "abs", "abs_", "ceil", "cos", "exp", "expm1", "floor", "identity", "inv", "isinf",
    "isnan", "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "sgn", "sigmoid",
    "sin", "softplus", "sqr", "sqrt", "square", "tan", "tanh", "log_softmax", "zeros_like",
    "ones_like", "invert", "as_tensor", "as_tensor_variable", "constant", "flatten",
    "transpose", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "argsort",
    "atleast_1d", "atleast_2d", "atleast_3d", "average", "bitwise_not", "conj", "cosh", "cumprod",
    "cumsum", "deg2rad", "diag", "diff", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "exp2",
    "flatnonzero", "flip", "gamma", "gammaln", "identity_like", "imag", "iround", "isfinite",
    "log1mexp", "max_and_argmax", "median", "meshgrid", "nonzero", "nonzero_values", "ptp", "psi",
    "rad2deg", "ravel", "real", "round_half_away_from_zero", "round_half_to_even", "shape", "sign",
    "signbit", "sinh", "sort", "trace", "tri_gamma", "trunc", "unique", "xlogx", "i0", "i1", "j0",
    "j1", "logit", "zeta",
]  # fmt: skip
BINARY = [
    "add", "eq", "ge", "gt", "int_div", "le", "lt", "maximum", "minimum", "mod", "mul", "neq",
    "pow", "sub", "true_div", "fill", "and_", "or_", "xor", "arctan2", "bitwise_and", "bitwise_or",
    "bitwise_xor", "complex", "complex_from_polar", "copysign", "floor_div", "hypot", "left_shift",
    "logaddexp", "polygamma", "power", "right_shift", "truediv", "xlogy0", "gammainc", "gammaincc",
    "iv", "jv",
]  # fmt: skip
#: Functions of two tensors that are no ops.
PAIRS = [
    "ceil_intdiv", "compress", "divmod", "extract", "inner", "kron", "matmul", "searchsorted",
    "second", "vdot", "chi2sf", "gammal", "gammau",
]  # fmt: skip
#: Functions of one axis.
ORDERED = ["argsort", "argtopk", "cumprod", "cumsum", "diff", "sort", "topk", "topk_and_argtopk"]
REDUCTIONS = [
    "all", "any", "argmax", "argmin", "flip", "logsumexp", "max", "max_and_argmax", "mean", "min",
    "prod", "ptp", "std", "sum", "var",
]  # fmt: skip

TENSOR: dict[str, list[Row]] = {name: [text(name)] for name in UNARY}
TENSOR |= {name: two(name) for name in BINARY}
TENSOR |= {name: [text(name), missing(name)] for name in PAIRS}
for _name in REDUCTIONS:
    TENSOR.setdefault(_name, []).extend(along(_name))
for _name in ORDERED:
    TENSOR.setdefault(_name, []).extend(one_axis(_name))
TENSOR |= {name: size(name) for name in ("zeros", "ones", "empty")}
TENSOR["betainc"] = [
    row(lambda a: T.betainc(a.v, a.v), TypeError, "takes 3", "found 2"),
    row(lambda a: T.betainc(a.v, a.v, "abc"), DTypeError, "cannot become a tensor"),
]
TENSOR["exp"] += [
    row(lambda a: T.exp(), TypeError, "exp() takes 1 argument(s), found 0"),
    row(lambda a: T.exp(a.v, a.v), TypeError, "takes 1", "found 2"),
    row(lambda a: T.exp(a.v, speed=3), TypeError, "keywords speed"),
    row(lambda a: T.exp(None), DTypeError, "NoneType", "expected a number"),
    row(lambda a: T.exp({}), DTypeError, "dict", "expected a number"),
]
TENSOR["and_"] += [row(lambda a: T.and_(a.v, a.v), DTypeError, "float64", "bool", "T.cast")]
TENSOR["invert"] += [row(lambda a: T.invert(a.v), DTypeError, "float64", "int8")]
TENSOR["floor"] += [row(lambda a: T.floor(a.z), DTypeError, "complex128", "float32")]
TENSOR["lt"] += [row(lambda a: T.lt(a.z, a.z), DTypeError, "complex128")]
TENSOR["log_softmax"] += [row(lambda a: T.log_softmax(a.s), ShapeError, "scalar", "no axis")]
TENSOR["as_tensor"] += [row(lambda a: T.as_tensor([[1], [1, 2]]), DTypeError, "inhomogeneous")]
TENSOR["constant"] += [row(lambda a: T.constant(1, dtype="foo"), DTypeError, "'foo' is no dtype")]
TENSOR["flatten"] += [
    row(lambda a: T.flatten(a.v, 3), ShapeError, "ndim=3", "1 axes"),
    row(lambda a: T.flatten(a.v, "a"), TypeError, "must be an integer", "'a'"),
]
TENSOR["transpose"] += [
    row(lambda a: T.transpose(a.m, (0,)), ShapeError, "each of the 2 axes"),
    row(lambda a: T.transpose(a.m, "ab"), TypeError, "an axis is an integer", "'ab'"),
    row(lambda a: T.transpose(a.m, (0, 5)), ShapeError, "axis 5 does not exist"),
]
TENSOR["mean"] += [row(lambda a: T.mean(a.m, axis=2), ShapeError, "mean: axis 2")]
TENSOR["sum"] += [row(lambda a: T.sum(a.m, dtype="foo"), DTypeError, "'foo' is no dtype")]
TENSOR |= {
    "addbroadcast": [
        row(lambda a: T.addbroadcast(a.v, 3), ShapeError, "addbroadcast: axis 3 does not exist"),
        row(lambda a: T.addbroadcast(a.v, "x"), TypeError, "an axis is an integer"),
    ],
    "alloc": [
        row(lambda a: T.alloc(a.m, 2), ShapeError, "2 axes do not fit into 1"),
        row(lambda a: T.alloc(0.0, 1.5), TypeError, "a shape is a list of integers", "1.5"),
    ],
    "arange": [
        row(lambda a: T.arange(a.v), TypeError, "arange: expected scalars", "found v"),
        row(lambda a: T.arange("a"), DTypeError, "cannot become a tensor"),
        row(lambda a: T.arange(3, dtype="foo"), DTypeError, "'foo' is no dtype"),
    ],
    "batched_dot": [row(lambda a: T.batched_dot(a.s, a.m), ShapeError, "scalar has no batches")],
    "cast": [
        row(lambda a: T.cast(a.v), TypeError, "a tensor and a dtype", "1 argument(s)"),
        row(lambda a: T.cast(a.v, "int8", 3), TypeError, "a tensor and a dtype", "3 argument(s)"),
        row(lambda a: T.cast(a.v, kind="int8"), TypeError, "a tensor and a dtype", "kind"),
        row(lambda a: T.cast(a.z, "int8"), DTypeError, "drop the imaginary part", "T.real"),
        row(lambda a: T.cast(a.v, "float31"), DTypeError, "'float31' is no dtype", "float32"),
    ],
    "clip": [row(lambda a: T.clip(a.v, 0), TypeError, "takes 3 argument(s), found 2")],
    "concatenate": [
        row(lambda a: T.concatenate(a.v), TypeError, "a list of tensors", "one tensor"),
        row(lambda a: T.concatenate(3), TypeError, "a list of tensors", "3"),
        row(lambda a: T.concatenate([]), ValueError, "at least one"),
        row(lambda a: T.concatenate([a.v, a.m]), ShapeError, "same number", "T.stack"),
        row(lambda a: T.concatenate([a.v, a.v], axis=1), ShapeError, "axis 1 does not exist"),
        row(lambda a: T.concatenate([a.v, a.v], axis="x"), TypeError, "an axis is an integer"),
    ],
    "count": [row(lambda a: T.count(a.v, axis=3), ShapeError, "axis 3 does not exist")],
    "dimshuffle": [
        row(lambda a: T.dimshuffle(a.v, (5,)), ShapeError, "axis 5 does not exist"),
        row(lambda a: a.v.dimshuffle(0, 0), ShapeError, "named twice"),
        row(lambda a: T.dimshuffle(a.v), TypeError, "a tensor and a pattern", "x.dimshuffle"),
        row(lambda a: T.dimshuffle(a.v, 3), TypeError, "a tensor and a pattern", "3"),
        row(lambda a: a.v.dimshuffle("y"), TypeError, "an axis or 'x'", "found 'y'"),
        row(lambda a: a.v.dimshuffle(1.5), TypeError, "pattern", "1.5"),
    ],
    "dot": [row(lambda a: T.dot(a.v, "a"), DTypeError, "cannot become a tensor")],
    "eye": [
        row(lambda a: T.eye(a.v), TypeError, "eye: a size must be an integer scalar", "v"),
        row(lambda a: T.eye(2, k=1.5), TypeError, "eye: k must be of integers", "1.5"),
    ],
    "outer": [row(lambda a: T.outer(a.v, "a"), DTypeError, "cannot become a tensor")],
    "reshape": [
        row(lambda a: T.reshape(a.v, (1.5,)), TypeError, "size must be an integer", "1.5"),
        row(lambda a: T.reshape(a.v, a.i), TypeError, "give ndim="),
        row(lambda a: T.reshape(a.v, (-1, -1)), ShapeError, "only one size may be -1"),
        row(lambda a: T.reshape(a.v, (2, 2), ndim=1), ShapeError, "ndim=1 but 2 sizes"),
    ],
    "shape_padleft": [
        row(lambda a: T.shape_padleft(a.v, "a"), TypeError, "must be an integer", "'a'"),
        row(lambda a: T.shape_padleft(a.v, -1), ValueError, "not be negative", "-1"),
    ],
    "shape_padright": [
        row(lambda a: T.shape_padright(a.v, 1.5), TypeError, "must be an integer", "1.5"),
    ],
        "stack": [
        row(lambda a: T.stack(3), TypeError, "a list of tensors", "3"),
        row(lambda a: T.stack([]), ValueError, "at least one"),
        row(lambda a: T.stack([a.v, a.m]), ShapeError, "same number", "v with 1", "m with 2"),
        row(lambda a: T.stack([a.v], axis=5), ShapeError, "axis 5 does not exist, the result has"),
        row(lambda a: T.stack([a.v], axis="x"), TypeError, "an axis is an integer"),
    ],
    "switch": [
        row(lambda a: T.switch(a.v), TypeError, "3 argument(s), found 1"),
        row(lambda a: T.switch("a", 1, 2), DTypeError, "cannot become a tensor"),
    ],
    "tensordot": [
        row(lambda a: T.tensordot(a.v, a.v, axes=2), ShapeError, "axes=2 does not fit"),
        row(lambda a: T.tensordot(a.m, a.m, axes="x"), TypeError, "pair of axes", "'x'"),
        row(lambda a: T.tensordot(a.m, a.m, [[0], [5]]), ShapeError, "axis 5 does not exist"),
        row(lambda a: T.tensordot(a.m, a.m, [[0, 1], [1]]), ShapeError, "cannot pair"),
    ],
    "batched_tensordot": [
        row(lambda a: T.batched_tensordot(a.v, a.v), ShapeError, "batched_tensordot: axes=2"),
        row(lambda a: T.batched_tensordot(a.t, a.t, [[0], [0]]), ShapeError, "is the batch"),
    ],
    "bincount": [
        row(lambda a: T.bincount(a.v), TypeError, "a vector of integers", "float64"),
        row(lambda a: T.bincount(a.i, minlength=1.5), TypeError, "bincount", "integer", "1.5"),
    ],
    "choose": [
        row(lambda a: T.choose(a.v, [a.v]), TypeError, "choose: the numbers", "integers", "v of"),
        row(lambda a: T.choose(a.i, 3), TypeError, "choose takes a list of tensors", "3"),
        row(lambda a: T.choose(a.i, []), ValueError, "choose needs at least one"),
        row(lambda a: T.choose(a.i, [1], "foo"), ValueError, "mode is one of raise", "'foo'"),
    ],
    "diagonal": [
        row(lambda a: T.diagonal(a.v), ShapeError, "at least 2 dimensions, found 1"),
        row(lambda a: T.diagonal(a.m, 1.5), TypeError, "the offset must be an integer", "1.5"),
        row(lambda a: T.diagonal(a.m, 0, 1, 1), ShapeError, "axis1 and axis2 are both 1"),
        row(lambda a: T.diagonal(a.m, axis1=7), ShapeError, "axis 7 does not exist"),
    ],
    "einsum": [
        row(lambda a: T.einsum(3), TypeError, "subscripts are text", "3"),
        row(lambda a: T.einsum("i"), ShapeError, "names 1 operands, found 0"),
        row(lambda a: T.einsum("ij", a.v), ShapeError, "'ij'", "1 dimension"),
        row(lambda a: T.einsum("i->k", a.v), ShapeError, "'k'", "no operand has"),
    ],
    "expand_dims": [
        row(lambda a: T.expand_dims(a.v, 9), ShapeError, "expand_dims: axis 9", "result has 2"),
        row(lambda a: T.expand_dims(a.v, None), TypeError, "an axis is an integer", "None"),
    ],
    "fill_diagonal": [
        row(lambda a: T.fill_diagonal(a.v, 1), ShapeError, "a matrix and a scalar", "1 and 0"),
    ],
    "fill_diagonal_offset": [
        row(lambda a: T.fill_diagonal_offset(a.m, 1, 1.5), TypeError, "the offset", "integers"),
        row(lambda a: T.fill_diagonal_offset(a.m, 1, a.i), TypeError, "integer scalar", "i of"),
    ],
    "fliplr": [row(lambda a: T.fliplr(a.v), ShapeError, "axis 1 does not exist")],
    "flipud": [row(lambda a: T.flipud(a.s), ShapeError, "axis 0 does not exist")],
    "full": [
        row(lambda a: T.full("a", 1), TypeError, "a shape is a list of integers", "'a'"),
        row(lambda a: T.full((2,), "a"), DTypeError, "cannot become a tensor"),
    ],
    "full_like": [
        row(lambda a: T.full_like(a.v, a.m), ShapeError, "2 dimension(s), more than the 1", "v"),
    ],
    "horizontal_stack": [
        row(lambda a: T.horizontal_stack(a.v, a.v), ShapeError, "axis 1 does not exist"),
    ],
    "hstack": [
        row(lambda a: T.hstack(a.v), TypeError, "hstack takes a list", "one tensor"),
        row(lambda a: T.hstack([]), ValueError, "hstack needs at least one"),
    ],
    "join": [
        row(lambda a: T.join(0), ValueError, "at least one tensor"),
        row(lambda a: T.join(a.s, a.v), TypeError, "axis must be a number", "symbolic"),
    ],
    "linspace": [
        row(lambda a: T.linspace(a.v, 1), TypeError, "linspace: expected scalars", "v of"),
        row(lambda a: T.linspace(0, 1, 1.5), TypeError, "linspace: a size", "1.5"),
    ],
    "mgrid": [
        row(lambda a: T.mgrid[3], TypeError, "slices such as", "3"),
        row(lambda a: T.mgrid[:], TypeError, "where it stops"),
    ],
    "moveaxis": [
        row(lambda a: T.moveaxis(a.m, 1.5, 0), TypeError, "an axis is an integer", "1.5"),
        row(lambda a: T.moveaxis(a.m, [0, 1], 0), ShapeError, "2 axes cannot go to 1"),
    ],
    "norm": [
        row(lambda a: T.norm(a.v, "a"), TypeError, "L is a number", "'a'"),
        row(lambda a: T.norm(a.v, a.s), TypeError, "L is a number", "found s"),
        row(lambda a: T.norm(a.v, 2, 4), ShapeError, "norm: axis 4"),
    ],
    "ogrid": [row(lambda a: T.ogrid["a"], TypeError, "slices such as", "'a'")],
    "pad": [
        row(lambda a: T.pad(a.v, 1.5), TypeError, "pad_width is a number, a pair", "1.5"),
        row(lambda a: T.pad(a.v, 1, "foo"), ValueError, "pad: mode is one of", "'foo'"),
        row(lambda a: T.pad(a.v, -1), ValueError, "must not be negative"),
        row(lambda a: T.pad(a.v, [(1, 2)] * 2), ShapeError, "a pair per axis (1)"),
    ],
    "patternbroadcast": [
        row(lambda a: T.patternbroadcast(a.v, 3), TypeError, "one bool per axis", "3"),
        row(lambda a: T.patternbroadcast(a.v, (True,) * 2), ShapeError, "2 flags", "1 axes"),
    ],
    "percentile": [
        row(lambda a: T.percentile(a.v, 200), ValueError, "q must be from 0 to 100"),
        row(lambda a: T.percentile(a.v, 20, 4), ShapeError, "percentile: axis 4"),
    ],
    "quantile": [
        row(lambda a: T.quantile(a.v, 2.0), ValueError, "q must be from 0 to 1"),
        row(lambda a: T.quantile(a.z, 0.5), DTypeError, "complex128"),
    ],
    "ravel_multi_index": [
        row(lambda a: T.ravel_multi_index(a.v, (2,)), TypeError, "a list of tensors"),
        row(lambda a: T.ravel_multi_index([a.v], (2,)), TypeError, "integers", "v of"),
        row(lambda a: T.ravel_multi_index([a.i] * 2, (2,)), ShapeError, "2 coord", "1 axes"),
        row(lambda a: T.ravel_multi_index([a.i], (2,), "q"), ValueError, "mode is one of"),
    ],
    "repeat": [
        row(lambda a: T.repeat(a.v, 1.5), TypeError, "repeat: expected an integer", "float32"),
        row(lambda a: T.repeat(a.v, -1), ValueError, "must not be negative", "-1"),
        row(lambda a: T.repeat(a.v, 2, 5), ShapeError, "repeat: axis 5"),
    ],
    "roll": [row(lambda a: T.roll(a.v, 1.5), TypeError, "roll", "integer scalar", "1.5")],
    "rollaxis": [
        row(lambda a: T.rollaxis(a.m, 0, "a"), TypeError, "start must be an integer", "'a'"),
        row(lambda a: T.rollaxis(a.m, 0, 7), ShapeError, "no place 7 among 2"),
    ],
    "rot90": [
        row(lambda a: T.rot90(a.v), ShapeError, "rot90", "2 dimensions, found 1"),
        row(lambda a: T.rot90(a.m, 1.5), TypeError, "rot90: k must be an integer", "1.5"),
    ],
    "set_subtensor": [
        row(lambda a: T.set_subtensor(a.v, 1), TypeError, "such as a[2:5]", "rows.py"),
        row(lambda a: T.set_subtensor(3, 1), TypeError, "such as a[2:5]", "found 3"),
        row(lambda a: T.set_subtensor(a.i[0], 1.5), DTypeError, "float32", "int32", "T.cast"),
        row(lambda a: T.set_subtensor(a.v[0], a.v), ShapeError, "0 dimension(s)", "has 1"),
    ],
    "inc_subtensor": [
        row(lambda a: T.inc_subtensor(a.v, 1), TypeError, "inc_subtensor", "such as a[2:5]"),
        row(lambda a: T.inc_subtensor(a.i[0], a.v[0]), DTypeError, "float64", "int32", "T.cast"),
    ],
    "shape_padaxis": [
        row(lambda a: T.shape_padaxis(a.v, 5), ShapeError, "shape_padaxis: axis 5", "result has 2"),
        row(lambda a: T.shape_padaxis(a.v, "a"), TypeError, "shape_padaxis: an axis is", "'a'"),
    ],
    "specify_shape": [
        row(lambda a: T.specify_shape(a.v, (1, 2)), ShapeError, "2 sizes", "1 axes"),
        row(lambda a: T.specify_shape(a.v, (1.5,)), TypeError, "integer scalar", "1.5"),
    ],
    "split": [
        row(lambda a: T.split(a.v, "a"), TypeError, "a number of parts, a list", "'a'"),
        row(lambda a: T.split(a.v, [1.5]), TypeError, "split: a size", "integer", "1.5"),
        row(lambda a: T.split(a.v, 0), ValueError, "at least 1"),
        row(lambda a: T.split(a.v, [1, 2], "a"), TypeError, "n_splits must be an integer", "'a'"),
        row(lambda a: T.split(a.v, [1, 2], 3), ShapeError, "n_splits=3 but 2 lengths"),
        row(lambda a: T.split(a.v, a.i), TypeError, "give n_splits="),
    ],
    "squeeze": [row(lambda a: T.squeeze(a.v, 4), ShapeError, "squeeze: axis 4 does not exist")],
    "swapaxes": [row(lambda a: T.swapaxes(a.m, 0, 4), ShapeError, "swapaxes: axis 4")],
    "take": [
        row(lambda a: T.take(a.v, a.v), TypeError, "an index must be an integer", "T.cast"),
        row(lambda a: T.take(a.v, 0, 4), ShapeError, "take: axis 4"),
        row(lambda a: T.take(a.v, 0, mode="q"), ValueError, "mode is one of raise", "'q'"),
    ],
    "take_along_axis": [
        row(lambda a: T.take_along_axis(a.m, a.i), ShapeError, "as many dimensions", "1 and 2"),
        row(lambda a: T.take_along_axis(a.v, a.v), TypeError, "the positions must be of integers"),
    ],
    "tile": [
        row(lambda a: T.tile(a.v, 1.5), TypeError, "tile: a shape is a list", "1.5"),
        row(lambda a: T.tile(a.v, (2, 2), ndim=1), ShapeError, "ndim=1 but 2"),
        row(lambda a: T.tile(a.v, 2, ndim="a"), TypeError, "tile: ndim must be an integer"),
    ],
    "to_one_hot": [row(lambda a: T.to_one_hot(a.v, 3), TypeError, "a vector of integers")],
    "tri": [row(lambda a: T.tri(2, k=1.5), TypeError, "tri: k must be of integers", "1.5")],
    "tril": [row(lambda a: T.tril(a.v), ShapeError, "tril: expected a matrix, found 1")],
    "triu": [row(lambda a: T.triu(a.m, 1.5), TypeError, "triu: k must be of integers", "1.5")],
    "unbroadcast": [row(lambda a: T.unbroadcast(a.v, 4), ShapeError, "unbroadcast: axis 4")],
    "unravel_index": [
        row(lambda a: T.unravel_index(a.v, (2,)), TypeError, "integers", "v of", "T.cast"),
        row(lambda a: T.unravel_index(a.i, (2,), "q"), ValueError, "order is one of C, F", "'q'"),
    ],
    "vertical_stack": [row(lambda a: T.vertical_stack(a.m, 3), ShapeError, "same number")],
    "vstack": [row(lambda a: T.vstack(3), TypeError, "vstack takes a list", "3")],
    "where": [row(lambda a: T.where(a.v), TypeError, "3 argument(s), found 1")],
    "TensorType": [
        row(lambda a: T.TensorType("foo", ()), DTypeError, "'foo' is no dtype"),
        row(lambda a: T.TensorType("int8", 3), TypeError, "one bool per axis", "3"),
        row(lambda a: T.TensorType("int8", (2,)), TypeError, "Sizes are no part of a type"),
    ],
}  # fmt: skip

TENSOR["argsort"] += [
    row(lambda a: T.argsort(a.v, kind="q"), ValueError, "kind is one of stable", "'q'"),
]
TENSOR["average"] += [
    row(lambda a: T.average(a.m, 7), ShapeError, "average: axis 7"),
    row(lambda a: T.average(a.m, 1, a.t), ShapeError, "weights with 3", "a vector along it"),
]
TENSOR["compress"] += [
    row(lambda a: T.compress(a.m, a.v), ShapeError, "must be a vector", "matrix"),
    row(lambda a: T.compress(a.v, a.m, 5), ShapeError, "compress: axis 5"),
]
TENSOR["constant"] += [
    row(lambda a: T.constant(a.v), TypeError, "symbolic tensor v", "T.as_tensor_variable"),
    row(lambda a: T.constant([1, 2], ndim=0), ShapeError, "1 dimensions, ndim=0"),
]
TENSOR["as_tensor_variable"] += [
    row(lambda a: T.as_tensor_variable(a.m, ndim=1), ShapeError, "m has 2", "ndim=1", "size 1"),
    row(lambda a: T.as_tensor_variable(a.m, ndim="a"), TypeError, "must be an integer", "'a'"),
]
TENSOR["diag"] += [
    row(lambda a: T.diag(a.t), ShapeError, "a vector or a matrix, found 3"),
    row(lambda a: T.diag(a.v, 1.5), TypeError, "diag: k must be an integer", "1.5"),
]
TENSOR["diff"] += [row(lambda a: T.diff(a.v, -1), ValueError, "diff: n must not be negative")]
TENSOR["identity_like"] += [row(lambda a: T.identity_like(a.v), ShapeError, "expected a matrix")]
TENSOR["left_shift"] += [row(lambda a: T.left_shift(a.v, 1), DTypeError, "float64", "int8")]
TENSOR["matmul"] += [row(lambda a: T.matmul(a.s, a.v), ShapeError, "a scalar is no matrix", "*")]
TENSOR["meshgrid"] += [
    row(lambda a: T.meshgrid(a.v, a.m), ShapeError, "expected vectors", "found m"),
    row(lambda a: T.meshgrid(a.v, indexing="q"), ValueError, "'xy' or 'ij'", "'q'"),
]
TENSOR["nonzero"] += [row(lambda a: T.nonzero(a.s), ShapeError, "no positions", "dimshuffle")]
TENSOR["round"] += [row(lambda a: T.round(a.v, "q"), ValueError, "'half_to_even'", "'q'")]
TENSOR["searchsorted"] += [
    row(lambda a: T.searchsorted(a.m, a.v), ShapeError, "expected a vector, found 2"),
    row(lambda a: T.searchsorted(a.v, a.v, "q"), ValueError, "left, right", "'q'"),
]
TENSOR["trace"] += [row(lambda a: T.trace(a.v), ShapeError, "at least 2 dimensions, found 1")]
