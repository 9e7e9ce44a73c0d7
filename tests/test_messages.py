"""Kind errors: for each public function, wrong uses and the words that the error must hold.

A new public function needs a row, or a reason in EXEMPT. A row is an expression that fails, the
class of the error, and words of its message.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, function, printing, shared
from tensorcore.errors import (
    BackendUnavailable,
    ConfigError,
    DisconnectedInputError,
    DTypeError,
    MissingInputError,
    PluginError,
    ShapeError,
    UnusedInputError,
)

pytestmark = pytest.mark.usefixtures("on_reference")


class Row(NamedTuple):
    make: Callable[[Any], Any]
    error: type[Exception]
    words: tuple[str, ...]


class Variables:
    """What the rows compute with."""

    def __init__(self) -> None:
        self.s, self.v, self.m = T.dscalar("s"), T.dvector("v"), T.dmatrix("m")
        self.t, self.z, self.i = T.dtensor3("t"), T.zvector("z"), T.ivector("i")
        self.w = shared(np.zeros(2), name="w")


def row(make: Callable[[Any], Any], error: type[Exception], *words: str) -> Row:
    return Row(make, error, words)


def text(name: str) -> Row:
    """A word where a tensor belongs."""
    f = getattr(T, name)
    return row(lambda a: f("abc"), DTypeError, "'abc'", "cannot become a tensor", "number")


def two(name: str) -> list[Row]:
    """Of two operands, the second is missing, or a word."""
    f = getattr(T, name)
    return [
        row(lambda a: f(a.v), TypeError, "2 argument(s), found 1"),
        row(lambda a: f(a.m, "abc"), DTypeError, "'abc'", "cannot become a tensor"),
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
    "transpose",
]  # fmt: skip
BINARY = [
    "add", "eq", "ge", "gt", "int_div", "le", "lt", "maximum", "minimum", "mod", "mul", "neq",
    "pow", "sub", "true_div", "fill", "second", "and_", "or_", "xor",
]  # fmt: skip
REDUCTIONS = [
    "all", "any", "argmax", "argmin", "logsumexp", "max", "mean", "min", "prod", "std", "sum",
    "var",
]  # fmt: skip

TENSOR: dict[str, list[Row]] = {name: [text(name)] for name in UNARY}
TENSOR |= {name: two(name) for name in BINARY}
TENSOR |= {name: along(name) for name in REDUCTIONS}
TENSOR |= {name: size(name) for name in ("zeros", "ones")}
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
    row(lambda a: T.transpose(a.m, "ab"), TypeError, "an axis is an integer", "'a'"),
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
        row(lambda a: T.arange(a.v), TypeError, "integer scalar", "v"),
        row(lambda a: T.arange(3, dtype="foo"), DTypeError, "'foo' is no dtype"),
    ],
    "batched_dot": [row(lambda a: T.batched_dot(a.s, a.m), ShapeError, "scalar has no batches")],
    "cast": [row(lambda a: T.cast(a.v, "float31"), DTypeError, "'float31' is no dtype", "float32")],
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
    ],
    "dot": [row(lambda a: T.dot(a.v, "a"), DTypeError, "cannot become a tensor")],
    "eye": [row(lambda a: T.eye(a.v), TypeError, "integer scalar", "v")],
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
    "size_list": [row(lambda a: T.size_list(1.5), TypeError, "a shape is a list of integers")],
    "stack": [
        row(lambda a: T.stack(3), TypeError, "a list of tensors", "3"),
        row(lambda a: T.stack([]), ValueError, "at least one"),
        row(lambda a: T.stack([a.v, a.m]), ShapeError, "same number", "v with 1", "m with 2"),
        row(lambda a: T.stack([a.v], axis=5), ShapeError, "axis 5 does not exist"),
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
    "where": [row(lambda a: T.where(a.v), TypeError, "3 argument(s), found 1")],
    "TensorType": [
        row(lambda a: T.TensorType("foo", ()), DTypeError, "'foo' is no dtype"),
        row(lambda a: T.TensorType("int8", 3), TypeError, "one bool per axis", "3"),
        row(lambda a: T.TensorType("int8", (2,)), TypeError, "Sizes are no part of a type"),
    ],
}  # fmt: skip

NNET: dict[str, list[Row]] = {
    "binary_crossentropy": [
        row(lambda a: T.nnet.binary_crossentropy(a.v, "a"), DTypeError, "cannot become a tensor"),
    ],
    "categorical_crossentropy": [
        row(lambda a: T.nnet.categorical_crossentropy(a.m, a.t), DTypeError, "must be integers"),
    ],
    "logsoftmax": [row(lambda a: T.nnet.logsoftmax(a.s), ShapeError, "scalar", "no axis")],
    "relu": [row(lambda a: T.nnet.relu("a"), DTypeError, "cannot become a tensor")],
    "sigmoid": [row(lambda a: T.nnet.sigmoid("a"), DTypeError, "cannot become a tensor")],
    "softmax": [row(lambda a: T.nnet.softmax(a.v, axis=3), ShapeError, "axis 3 does not exist")],
    "softplus": [row(lambda a: T.nnet.softplus("a"), DTypeError, "cannot become a tensor")],
}

TOP: dict[str, list[Row]] = {
    "In": [row(lambda a: tensorcore.In("x"), TypeError, "In: expected a variable", "'x'")],
    "Param": [row(lambda a: tensorcore.Param(3), TypeError, "expected a variable", "3")],
    "Out": [row(lambda a: tensorcore.Out("x"), DTypeError, "cannot become a tensor")],
    "grad": [
        row(lambda a: tensorcore.grad(a.v, a.v), ShapeError, "must be a scalar", "T.sum"),
        row(lambda a: tensorcore.grad(a.s, "x"), TypeError, "wrt must hold tensors", "str"),
        row(lambda a: tensorcore.grad("x", a.s), TypeError, "cost must be a tensor", "str"),
        row(lambda a: tensorcore.grad(a.s, a.v), DisconnectedInputError, "disconnected_inputs"),
        row(lambda a: tensorcore.grad(a.i.sum(), a.i), DTypeError, "must be floating", "Cast"),
    ],
    "Lop": [row(lambda a: tensorcore.Lop(a.v, "x", a.v), TypeError, "tensors", "str")],
    "Rop": [
        row(lambda a: tensorcore.Rop(a.v, [a.v] * 2, [a.v]), ValueError, "2 tensors", "1 eval"),
    ],
    "jacobian": [
        row(lambda a: tensorcore.jacobian(a.m, a.v), ShapeError, "must be a vector", "Flatten"),
    ],
    "hessian": [
        row(lambda a: tensorcore.hessian(a.v, a.v), ShapeError, "must be a scalar"),
        row(lambda a: tensorcore.hessian(a.m.sum(), a.m), ShapeError, "wrt must be vectors"),
    ],
    "clone": [
        row(lambda a: tensorcore.clone("x"), TypeError, "expected an expression", "'x'"),
        row(lambda a: tensorcore.clone(a.v, 3), TypeError, "dict or a list of pairs", "3"),
        row(lambda a: tensorcore.clone(a.v, {a.v: a.m}), ShapeError, "1 dimension(s)", "2"),
    ],
    "shared": [
        row(lambda a: shared("x"), DTypeError, "str", "cannot be shared"),
        row(lambda a: shared(a.v), TypeError, "takes a value", "symbolic"),
        row(lambda a: shared([[1], [1, 2]]), ShapeError, "ragged"),
        row(lambda a: shared(1.0, name=3), TypeError, "the name is text", "3"),
        row(lambda a: a.w.set_value("x"), DTypeError, "'w'", "no array of numbers"),
        row(lambda a: a.w.set_value([[1.0]]), ShapeError, "'w'", "expected 1", "found 2"),
        row(lambda a: a.w.set_value(np.zeros(2, complex)), DTypeError, "lose information"),
    ],
    "pp": [row(lambda a: tensorcore.pp(3), TypeError, "pp: expected an expression", "int")],
    "debugprint": [row(lambda a: tensorcore.debugprint(3), TypeError, "expected an expression")],
    "explain": [row(lambda a: tensorcore.explain("x"), TypeError, "expected", "'x'")],
    "function": [
        row(lambda a: function(a.v, a.v), TypeError, "inputs must be a list", "[x]"),
        row(lambda a: function(["v"], a.v), TypeError, "must be a variable or In", "'v'"),
        row(lambda a: function([a.v], a.v + a.s), MissingInputError, "need s", "givens",
            "test_messages.py"),
        row(lambda a: function([a.v, a.s], a.v), UnusedInputError, "s", "on_unused_input"),
        row(lambda a: function([a.v, a.v], a.v), ValueError, "named twice"),
        row(lambda a: function([a.v + 1], a.v), TypeError, "computed", "givens"),
        row(lambda a: function([a.w], a.w), TypeError, "shared variable", "leave it out"),
        row(lambda a: function([a.v], "x"), DTypeError, "cannot become a tensor"),
        row(lambda a: function([a.v], a.v, updates=3), TypeError, "list of pairs", "3"),
        row(lambda a: function([a.v], a.v, updates={a.v: 1}), TypeError, "only shared"),
        row(lambda a: function([a.v], a.v, updates=[(a.w, a.m)]), ShapeError, "1 dimension(s)"),
        row(lambda a: function([a.v], a.v, givens={"x": 1}), TypeError, "only tensors", "'x'"),
        row(lambda a: function([a.v], a.v, givens=a.v), TypeError, "list of pairs"),
        row(lambda a: function([a.v], a.v, backend="foo"), BackendUnavailable, "'foo'", "Hint"),
        row(lambda a: function([a.v], a.v, backend=3), PluginError, "no method"),
        row(lambda a: function([a.v], a.v, on_unused_input="x"), ValueError, "'raise'", "'x'"),
        row(lambda a: function([a.v], a.v, upates=3), TypeError, "upates"),
        row(lambda a: function([a.v], a.v)(), MissingInputError, "input 0", "'v'"),
        row(lambda a: function([a.v], a.v)(1, 2), TypeError, "takes 1", "found 2"),
        row(lambda a: function([a.v], a.v)([1], v=[1]), TypeError, "given twice"),
        row(lambda a: function([a.v], a.v)(x=1), TypeError, "no input 'x'", "v"),
        row(lambda a: function([a.v], a.v)("x"), DTypeError, "input 0 (v)", "float64", "str"),
        row(lambda a: function([a.v], a.v)([[1.0]]), ShapeError, "expected 1", "found 2"),
        row(lambda a: function([a.i], a.i)([1.5]), DTypeError, "int32", "lose information"),
        row(lambda a: function([a.v], a.v)(a.v), TypeError, "symbolic tensor has no value"),
    ],
    "Tensor": [
        row(lambda a: bool(a.v), TypeError, "no value", "T.eq", "T.switch"),
        row(lambda a: a.v and a.v, TypeError, "no value", "T.switch"),
        row(lambda a: float(a.s), TypeError, "no value", ".eval"),
        row(lambda a: math.exp(a.s), TypeError, "no value", ".eval"),
        row(lambda a: int(a.s), TypeError, "no value", ".eval"),
        row(lambda a: len(a.v), TypeError, "x.shape[0]"),
        row(lambda a: list(a.v), TypeError, "cannot be iterated", "index it"),
        row(lambda a: 3 in a.v, TypeError, "T.any(T.eq"),
        row(lambda a: a.v + "x", DTypeError, "'x'", "cannot become a tensor"),
        row(lambda a: a.v + None, DTypeError, "None", "expected a number"),
        row(lambda a: a.v["x"], DTypeError, "cannot become a tensor"),
        row(lambda a: a.v[0, 0], ShapeError, "too many indices"),
        row(lambda a: a.v.sum(axis=3), ShapeError, "axis 3 does not exist"),
        row(lambda a: a.v.sum(axsi=0), TypeError, "axsi"),
        row(lambda a: a.v.astype("float31"), DTypeError, "'float31' is no dtype"),
        row(lambda a: a.v.eval(), MissingInputError, "need v"),
        row(lambda a: a.v.eval({"v": 1}), TypeError, "must be a variable", "'v'"),
        row(lambda a: a.v.shape[5], ShapeError, "shape[5]", "1 dimension"),
        row(lambda a: np.exp(a.v), TypeError, "np.exp", "T.exp", ".eval"),
        row(lambda a: np.sum(a.v), TypeError, "np.sum", "T.sum"),
        row(lambda a: np.maximum(a.v, 0), TypeError, "np.maximum", "T.maximum"),
        row(lambda a: np.dot(a.v, np.ones(3)), TypeError, "np.dot", "T.dot"),
        row(lambda a: np.where(a.v > 0, a.v, 0), TypeError, "np.where", "T.switch"),
        row(lambda a: np.concatenate([a.v, a.v]), TypeError, "T.concatenate"),
        row(lambda a: np.fft.fft(a.v), TypeError, "np.fft", "tensorcore.tensor"),
        row(lambda a: np.add.reduce(a.v), TypeError, "np.add.reduce"),
        row(lambda a: np.array(a.v), TypeError, "no value", "T.stack"),
        row(lambda a: np.add(np.ones(2), a.v, out=np.ones(2)), TypeError, "in place"),
    ],
    "TensorType": TENSOR["TensorType"],
}  # fmt: skip

PRINTING: dict[str, list[Row]] = {
    "min_informative_str": [
        row(lambda a: printing.min_informative_str(3), TypeError, "expected an expression"),
    ],
    "pprint": [row(lambda a: printing.pprint("x"), TypeError, "expected an expression")],
    "pydotprint": [
        row(lambda a: printing.pydotprint(3), TypeError, "picture", "int"),
        row(lambda a: printing.pydotprint(a.v, format="png"), ValueError, "SVG", "'png'"),
    ],
    "to_svg": [
        row(lambda a: printing.to_svg(3), TypeError, "picture", "int"),
        row(lambda a: printing.to_svg(a.v, stage="x"), ValueError, "user, optimised, program"),
    ],
}

NAMES: list[Row] = [
    row(lambda a: T.qqqqq, AttributeError, "no 'qqqqq'"),
    row(lambda a: T.softmx, AttributeError, "did you mean 'nnet.softmax'?"),
    row(lambda a: T.concatenat, AttributeError, "did you mean 'concatenate'?"),
    row(lambda a: config.flotX, AttributeError, "did you mean 'floatX'?"),
    row(lambda a: setattr(config, "floatX", "foo"), ConfigError, "'foo'", "float32"),
]

MODULE = "a module; its functions have rows of their own"
OTHERS = "what another name in this table is, too"
EXEMPT = {
    "Function": "made by function(), whose rows call it",
    "Shared": "made by shared()",
    "TensorVariable": OTHERS, "grad": OTHERS, "Lop": OTHERS, "Rop": OTHERS,
    "hessian": OTHERS, "jacobian": OTHERS, "Tensor": OTHERS, "pp": OTHERS, "debugprint": OTHERS,
    "config": MODULE, "gradient": MODULE, "nnet": MODULE, "printing": MODULE, "tensor": MODULE,
    "verify_grad": "for tests of the user's own ops; tested with them",
}  # fmt: skip
CONSTRUCTORS = sorted(T._constructors)
TABLES = {"top": TOP, "tensor": TENSOR, "nnet": NNET, "printing": PRINTING}
ROWS = [
    pytest.param(r, id=f"{table}.{name}.{k}")
    for table, functions in {**TABLES, "names": {"names": NAMES}}.items()
    for name, rows in functions.items()
    for k, r in enumerate(rows)
]


@pytest.mark.parametrize("wrong", ROWS)
def test_the_words_of_an_error(wrong):
    with pytest.raises(wrong.error) as caught:
        wrong.make(Variables())
    missing = [word for word in wrong.words if word not in str(caught.value)]
    assert not missing, str(caught.value)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_the_name_of_a_variable_is_text(name):
    with pytest.raises(TypeError, match=r"is text, found 1\.5"):
        getattr(T, name)(1.5)


@pytest.mark.parametrize(
    ("module", "table"),
    [(tensorcore, TOP), (T, TENSOR), (T.nnet, NNET), (printing, PRINTING)],
    ids=["top", "tensor", "nnet", "printing"],
)
def test_every_public_function_has_a_row(module, table):
    without = set(module.__all__) - set(table) - set(EXEMPT) - set(CONSTRUCTORS)
    assert not without, f"add rows to tests/test_messages.py for {sorted(without)}"
    assert not set(table) - set(module.__all__), "rows of functions that are gone"


def test_operators_with_an_array_at_the_left_stay_symbolic():
    x, a = T.dvector("x"), np.array([1.0, 2.0, 3.0])
    given = {x: [3.0, 2.0, 2.0]}
    cases = [
        (a + x, a + given[x]), (a - x, a - given[x]), (a / x, a / given[x]), (a**x, a**given[x]),
        (a // x, a // given[x]), (a % x, a % given[x]), (a @ x, 13.0),
        (np.float64(2) * x, [6, 4, 4]),
        (a < x, [True, False, False]), (np.float32(2) >= x, [False, True, True]),
    ]  # fmt: skip
    for symbolic, expected in cases:
        assert isinstance(symbolic, T.Tensor)
        np.testing.assert_array_equal(symbolic.eval(given), expected)
    assert np.ndim(x) == 1
    assert (a == x) is False and (a != x) is True
    with pytest.raises(TypeError, match="in place"):
        a += x
