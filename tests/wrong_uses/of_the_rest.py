"""Wrong uses of ``T.nnet``, of the package itself, of its other modules, and of names."""

from __future__ import annotations

import io
import math
import sys
import types

import numpy as np

import tensorcore
import tensorcore.tensor as T
from tensorcore import config, function, gradient, printing, scalar, shared
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

from .of_tensor import TENSOR
from .rows import Row, row

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
    "crossentropy_softmax_1hot": [
        row(lambda a: T.nnet.crossentropy_softmax_1hot(a.m, a.v), DTypeError, "must be integers"),
    ],
    "crossentropy_softmax_max_and_argmax_1hot": [
        row(
            lambda a: T.nnet.crossentropy_softmax_max_and_argmax_1hot(a.m, a.v),
            DTypeError,
            "must be integers",
        ),
    ],
    "softmax_with_bias": [
        row(lambda a: T.nnet.softmax_with_bias(a.s, a.s), ShapeError, "scalar", "no axis"),
    ],
}
_FOUR = T.dtensor4()
NNET["batch_normalization"] = [
    row(
        lambda a: T.nnet.batch_normalization(a.m, a.v, a.v, a.v, a.v, mode="fast"),
        ValueError,
        "low_mem",
        "'fast'",
    ),
]
NNET["batch_normalization_train"] = [
    row(
        lambda a: T.nnet.batch_normalization_train(a.m, a.v, a.v, "rows"),
        ValueError,
        "spatial",
        "'rows'",
    ),
    row(
        lambda a: T.nnet.batch_normalization_train(a.m, a.t, a.v),
        ShapeError,
        "gamma needs 2 axes",
        "or 1",
    ),
    row(
        lambda a: T.nnet.batch_normalization_train(a.m, a.v, a.v, running_mean=a.v),
        ValueError,
        "running_var, or neither",
    ),
    row(lambda a: T.nnet.batch_normalization_train(a.m, a.v, a.v, (2,)), ShapeError, "axis 2"),
]
NNET["batch_normalization_test"] = [
    row(
        lambda a: T.nnet.batch_normalization_test(a.m, a.v, a.v, a.t, a.v),
        ShapeError,
        "mean needs 2 axes",
    ),
]
NNET["bilinear_upsampling"] = [
    row(lambda a: T.nnet.bilinear_upsampling(a.m, 2), ShapeError, "images have 4 dimensions"),
    row(lambda a: T.nnet.bilinear_upsampling(_FOUR), ValueError, "ratio or frac_ratio"),
    row(lambda a: T.nnet.bilinear_upsampling(_FOUR, 0), ValueError, "from 1 on", "found 0"),
    row(lambda a: T.nnet.bilinear_upsampling(_FOUR, frac_ratio=(3, 2, 1)), ValueError, "two pairs"),
]
NNET["ctc"] = [
    row(lambda a: T.nnet.ctc(a.t, a.m, a.v), TypeError, "labels must be of integers"),
    row(
        lambda a: T.nnet.ctc(a.m, T.imatrix(), T.ivector()),
        ShapeError,
        "3, 2 and 1 dimensions",
        "found 2, 2 and 1",
    ),
]
NNET["get_conv_output_shape"] = [
    row(
        lambda a: T.nnet.get_conv_output_shape((1, 2, 8), (3, 2), "valid", 1),
        ValueError,
        "found 3 and 2",
    ),
]
NNET["h_softmax"] = [
    row(
        lambda a: T.nnet.h_softmax(a.m, 2, 6, 3, 2, a.m, a.v, a.m, a.m),
        ShapeError,
        "2, 3 and 2 dimensions",
    ),
    row(
        lambda a: T.nnet.h_softmax(a.m, 2, 6, 3, 2, a.m, a.v, a.t, a.m, a.v),
        TypeError,
        "target must be of integers",
    ),
]
NNET["images2neibs"] = [
    row(lambda a: T.nnet.images2neibs(a.m, (2, 2)), ShapeError, "images have 4 dimensions"),
    row(lambda a: T.nnet.images2neibs(_FOUR, (2, 2), mode="same"), ValueError, "wrap_centered"),
    row(lambda a: T.nnet.images2neibs(_FOUR, (0, 2)), ValueError, "at least 1", "(0, 2)"),
    row(lambda a: T.nnet.images2neibs(_FOUR, (2, 2, 2)), ValueError, "found 3"),
]
NNET["neibs2images"] = [
    row(lambda a: T.nnet.neibs2images(a.t, (2, 2), (1, 1, 4, 4)), ShapeError, "expected a matrix"),
    row(lambda a: T.nnet.neibs2images(a.m, (2, 2), (4, 4)), ShapeError, "4 sizes, found 2"),
    row(
        lambda a: T.nnet.neibs2images(a.m, (2, 2), (1, 1, 4, 4), "half"), ValueError, "ignore_bord"
    ),
]
NNET["sparse_block_dot"] = [
    row(
        lambda a: T.nnet.sparse_block_dot(_FOUR, a.t, a.m, a.m, T.imatrix()),
        TypeError,
        "inputIdx must be of integers",
    ),
    row(
        lambda a: T.nnet.sparse_block_dot(a.t, a.t, T.imatrix(), a.m, T.imatrix()),
        ShapeError,
        "4, 3, 2 and 2",
        "found 3, 3",
    ),
]
NNET["conv2d"] = [
    row(lambda a: T.nnet.conv2d(a.t, _FOUR), ShapeError, "input must have 4 dimensions"),
    row(lambda a: T.nnet.conv2d(_FOUR, a.m), ShapeError, "filters must have 4 dimensions"),
    row(lambda a: T.nnet.conv2d(_FOUR, _FOUR, border_mode="same"), ValueError, "'half'", "'same'"),
    row(lambda a: T.nnet.conv2d(_FOUR, _FOUR, subsample=(0, 1)), ValueError, "each at least 1"),
    row(lambda a: T.nnet.conv2d(_FOUR, _FOUR, num_groups=0), ValueError, "num_groups", "found 0"),
    row(lambda a: T.nnet.conv2d(_FOUR, _FOUR, unshared=True), TypeError, "unshared"),
]
NNET["conv3d"] = [
    row(lambda a: T.nnet.conv3d(_FOUR, _FOUR), ShapeError, "input must have 5 dimensions"),
]
NNET["conv2d_grad_wrt_inputs"] = [
    row(
        lambda a: T.nnet.conv2d_grad_wrt_inputs(_FOUR, _FOUR, (None, None, None, 3)),
        ShapeError,
        "rows and columns of input_shape",
    ),
]
NNET["conv2d_grad_wrt_weights"] = [
    row(
        lambda a: T.nnet.conv2d_grad_wrt_weights(a.m, _FOUR, (1, 1, 2, 2)),
        ShapeError,
        "input must have 4 dimensions",
    ),
]
NNET["conv2d_transpose"] = [
    row(
        lambda a: T.nnet.conv2d_transpose(_FOUR, _FOUR, (1, 1, 5, 5), border_mode=-1),
        ValueError,
        "none negative",
    ),
]
for _name in ("elu", "hard_sigmoid", "selu", "softsign", "ultra_fast_sigmoid"):
    NNET[_name] = [
        row(lambda a, name=_name: getattr(T.nnet, name)("a"), DTypeError, "cannot become a tensor")
    ]
for _name in (
    "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias",
):
    NNET[_name] = [
        row(
            lambda a, name=_name: getattr(T.nnet, name)(a.m, a.v, a.v),
            DTypeError,
            "must be integers",
        ),
        row(lambda a, name=_name: getattr(T.nnet, name)(a.m, "a", a.i), DTypeError, "'a'"),
    ]
NNET["sigmoid_binary_crossentropy"] = [
    row(lambda a: T.nnet.sigmoid_binary_crossentropy("a", a.v), DTypeError, "'a'"),
]
NNET["crossentropy_categorical_1hot"] = [
    row(lambda a: T.nnet.crossentropy_categorical_1hot(a.m, a.v), DTypeError, "must be integers"),
]


def _import_after_another_theano() -> None:
    known = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "theano"}
    finders = list(sys.meta_path)
    sys.meta_path[:] = [f for f in finders if type(f).__module__ != "tensorcore.legacy.finder"]
    for name in known:
        del sys.modules[name]
    sys.modules["theano"] = types.ModuleType("theano")
    try:
        tensorcore.install_as_theano()
    finally:
        del sys.modules["theano"]
        sys.modules.update(known)
        sys.meta_path[:] = finders


TOP: dict[str, list[Row]] = {
    "install_as_theano": [
        row(lambda a: _import_after_another_theano(), ImportError, "another theano", "before"),
    ],
    "save": [row(lambda a: tensorcore.save(io.BytesIO(), print), TypeError, "safe", "pickle")],
    "load": [
        row(lambda a: tensorcore.load(io.BytesIO(b"no")), ValueError, "nothing that save"),
    ],
    "scan_checkpoints": [
        row(
            lambda a: tensorcore.scan_checkpoints(lambda x: x, a.v, save_every_N=0),
            ValueError,
            "at least 1",
            "found 0",
        ),
        row(lambda a: tensorcore.scan_checkpoints(lambda x: x), ValueError, "give n_steps"),
        row(
            lambda a: tensorcore.scan_checkpoints(lambda x: x, a.v, n_steps=-2),
            ValueError,
            "n_steps is -2",
        ),
        row(
            lambda a: tensorcore.scan_checkpoints(lambda x: x, {"input": a.v}),
            TypeError,
            "without taps",
            "Use scan",
        ),
        row(
            lambda a: tensorcore.scan_checkpoints(lambda x: (x, tensorcore.until(x > 1)), a.v),
            ValueError,
            "no until",
        ),
    ],
    "scan": [
        row(lambda a: tensorcore.scan(lambda x: x), ValueError, "no sequences", "give n_steps"),
        row(lambda a: tensorcore.scan(lambda x: x, a.s), ShapeError, "scalar", "non_sequences"),
        row(
            lambda a: tensorcore.scan(lambda x: x, {"input": a.v, "tap": [1]}),
            ValueError,
            "keys input, taps",
            "'tap'",
        ),
        row(
            lambda a: tensorcore.scan(lambda x, s: s, a.v, {"initial": a.v, "taps": [1]}),
            ValueError,
            "must be negative",
        ),
        row(
            lambda a: tensorcore.scan(lambda x, s: s, a.v, {"taps": [-1]}), ValueError, "'initial'"
        ),
        row(
            lambda a: tensorcore.scan(lambda x: [x, x], a.v, [None]), ValueError, "2 output(s)", "1"
        ),
        row(
            lambda a: tensorcore.scan(lambda x, s: a.m, a.v, a.v),
            ShapeError,
            "output 0 has 2 dimension(s) after a step and 1 before",
        ),
        row(
            lambda a: tensorcore.scan(lambda x: x + a.s, a.v, strict=True),
            MissingInputError,
            "strict=True refuses",
            "s",
        ),
        row(
            lambda a: tensorcore.scan(lambda x, s: s + x, a.v, T.constant(np.int64(0))),
            DTypeError,
            "output 0 is int64 before the first step and float64 after",
            "T.zeros_like",
        ),
        row(lambda a: tensorcore.scan(lambda x: x, a.v, n_steps=-2), ValueError, "go_backwards"),
        row(lambda a: tensorcore.scan(lambda x: x, a.v, n_steps=a.s), TypeError, "integer scalar"),
        row(lambda a: tensorcore.scan(lambda x: "x", a.v), DTypeError, "is no tensor"),
    ],
    "map": [row(lambda a: tensorcore.map(lambda x: x, a.s), ShapeError, "scalar", "no rows")],
    "reduce": [
        row(lambda a: tensorcore.reduce(lambda x, s: a.m, a.v, a.s), ShapeError, "dimension(s)")
    ],
    "foldl": [row(lambda a: tensorcore.foldl(lambda x, s: s, a.s, a.s), ShapeError, "no rows")],
    "foldr": [row(lambda a: tensorcore.foldr(lambda x, s: s, a.s, a.s), ShapeError, "no rows")],
    "until": [row(lambda a: tensorcore.until(a.v), ShapeError, "scalar", "T.all or T.any")],
    "ifelse": [
        row(lambda a: tensorcore.ifelse(a.v, a.s, a.s), ShapeError, "T.switch", "T.all"),
        row(lambda a: tensorcore.ifelse(a.s, [a.s], a.s), ValueError, "a list and the other"),
        row(lambda a: tensorcore.ifelse(a.s, [a.s, a.s], [a.s]), ValueError, "2 and 1 values"),
        row(lambda a: tensorcore.ifelse(a.s, a.v, a.m), ShapeError, "1 and 2 dimension(s)"),
        row(lambda a: tensorcore.ifelse(a.s, a.v, T.eq(a.v, 0)), DTypeError, "cast one of them"),
    ],
    "In": [row(lambda a: tensorcore.In("x"), TypeError, "In: expected a variable", "'x'")],
    "Param": [row(lambda a: tensorcore.Param(3), TypeError, "expected a variable", "3")],
    "Out": [row(lambda a: tensorcore.Out("x"), DTypeError, "cannot become a tensor")],
    "grad": [
        row(lambda a: tensorcore.grad(a.v, a.v), ShapeError, "must be a scalar", "T.sum"),
        row(lambda a: tensorcore.grad(a.s, "x"), TypeError, "wrt must hold tensors", "str"),
        row(lambda a: tensorcore.grad("x", a.s), TypeError, "cost must be a tensor", "str"),
        row(lambda a: tensorcore.grad(a.s, a.v), DisconnectedInputError, "disconnected_inputs"),
        row(lambda a: tensorcore.grad(a.z.sum(), a.z), DTypeError, "must be real", "abs(cost)"),
        row(lambda a: tensorcore.grad(a.s, a.s, consider_constant=3), TypeError,
            "consider_constant must hold tensors", "3"),
        row(lambda a: tensorcore.grad(a.s, a.s, known_grads=3), TypeError, "known_grads is a dict"),
        row(lambda a: tensorcore.grad(a.s, a.s, known_grads={"a": 1}), TypeError, "is a dict"),
        row(lambda a: tensorcore.grad(None, a.v, known_grads={a.v: a.m}), ShapeError, "found 2"),
        row(lambda a: tensorcore.grad(a.s, a.s, return_disconnected="q"), ValueError, "'zero'"),
        row(lambda a: tensorcore.grad(a.s, a.s, disconnected_inputs="q"), ValueError, "'warn'"),
        row(lambda a: tensorcore.grad(a.i.sum(), a.i), DTypeError, "must be floating", "Cast"),
    ],
    "Lop": [
        row(lambda a: tensorcore.Lop(a.v, "x", a.v), TypeError, "Lop: wrt", "tensors", "str"),
        row(lambda a: tensorcore.Lop("x", a.v, a.v), TypeError, "Lop: f", "tensors", "'x'"),
        row(lambda a: tensorcore.Lop(a.v, a.v, [a.v] * 2), ValueError, "1 tensors in f but 2"),
    ],
    "Rop": [
        row(lambda a: tensorcore.Rop("x", a.v, a.v), TypeError, "Rop: f", "'x'"),
        row(lambda a: tensorcore.Rop(a.v, "x", a.v), TypeError, "Rop: wrt", "'x'"),
        row(lambda a: tensorcore.Rop(a.v, a.v, a.m), ShapeError, "1 dimension(s), found 2"),
        row(lambda a: tensorcore.Rop(a.v, [a.v] * 2, [a.v]), ValueError, "2 tensors", "1 eval"),
    ],
    "jacobian": [
        row(lambda a: tensorcore.jacobian("a", a.v), TypeError, "must be a tensor", "'a'"),
        row(lambda a: tensorcore.jacobian(a.v, "a"), TypeError, "jacobian: wrt", "'a'"),
        row(lambda a: tensorcore.jacobian(a.m, a.v), ShapeError, "must be a vector", "Flatten"),
    ],
    "hessian": [
        row(lambda a: tensorcore.hessian(a.v, a.v), ShapeError, "must be a scalar"),
        row(lambda a: tensorcore.hessian(a.s, 3), TypeError, "hessian: wrt", "int"),
        row(lambda a: tensorcore.hessian(a.m.sum(), a.m), ShapeError, "wrt must be vectors"),
    ],
    "clone": [
        row(lambda a: tensorcore.clone("x"), TypeError, "expected an expression", "'x'"),
        row(lambda a: tensorcore.clone(a.v, 3), TypeError, "dict or a list of pairs", "3"),
        row(lambda a: tensorcore.clone(a.v, {3: a.v}), TypeError, "clone: only tensors", "3"),
        row(lambda a: tensorcore.clone(a.v, {a.v: a.m}), ShapeError, "clone: v", "1 dimension(s)"),
    ],
    "shared": [
        row(lambda a: shared("x"), DTypeError, "str", "cannot be shared"),
        row(lambda a: shared(a.v), TypeError, "takes a value", "symbolic"),
        row(lambda a: shared([[1], [1, 2]]), ShapeError, "ragged"),
        row(lambda a: shared(1.0, name=3), TypeError, "the name is text", "3"),
        row(lambda a: shared(1.0, broadcastable=3), TypeError, "one bool per axis", "3"),
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
            "rows.py"),
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
        row(lambda a: a.v.eval(), MissingInputError, "needs a value for v"),
        row(lambda a: a.v.eval({"v": 1}), TypeError, "a dict by variable", "'v'"),
        row(lambda a: a.v.shape[5], ShapeError, "shape[5]", "1 dimension"),
        row(lambda a: np.cbrt(a.v), TypeError, "np.cbrt", "functions of", ".eval"),
        row(lambda a: np.around(a.v, 2), TypeError, "np.around", "T.round"),
        row(lambda a: np.logical_and(a.v, a.v), TypeError, "np.logical_and", "T.and_"),
        row(lambda a: np.sum(a.v, axis=3), ShapeError, "axis 3 does not exist"),
        row(lambda a: np.sum(a.v, where=True), TypeError, "where"),
        row(lambda a: np.fft.fft(a.v), TypeError, "np.fft", "tensorcore.tensor"),
        row(lambda a: np.add.reduce(a.v), TypeError, "np.add.reduce"),
        row(lambda a: np.array(a.v), TypeError, "no value", "T.stack"),
        row(lambda a: np.add(np.ones(2), a.v, out=np.ones(2)), TypeError, "in place"),
    ],
    "TensorType": TENSOR["TensorType"],
}  # fmt: skip

GRADIENT: dict[str, list[Row]] = {
    "grad_clip": [
        row(lambda a: gradient.grad_clip(a.v, 2, 1), ValueError, "2 is not below 1"),
        row(lambda a: gradient.grad_clip(a.v, "a", 1), TypeError, "must be a number", "'a'"),
    ],
    "grad_scale": [
        row(lambda a: gradient.grad_scale(a.v, "a"), TypeError, "must be a number", "'a'"),
    ],
    "subgraph_grad": [
        row(lambda a: gradient.subgraph_grad([a.v], [a.v]), ValueError, "give a cost, or start"),
        row(lambda a: gradient.subgraph_grad([a.v], 3, cost=a.s), TypeError, "end must hold", "3"),
        row(lambda a: gradient.subgraph_grad([a.v], [a.v], 3), TypeError, "start is a dict", "3"),
    ],
    "with_gradient": [
        row(lambda a: gradient.with_gradient(a.v, [a.v], 3), TypeError, "must be a function", "3"),
        row(lambda a: gradient.with_gradient(a.v, a.v, len), TypeError, "a list of tensors", "v"),
    ],
    "verify_grad": [
        row(lambda a: gradient.verify_grad(3, [1.0]), TypeError, "a function of tensors", "3"),
        row(lambda a: gradient.verify_grad(T.exp, 3), TypeError, "a list of arrays", "3"),
        row(lambda a: gradient.verify_grad(lambda x: 3, [1.0]), TypeError, "return a tensor"),
    ],
    "disconnected_grad": [row(lambda a: gradient.disconnected_grad("a"), DTypeError, "'a'")],
    "zero_grad": [row(lambda a: gradient.zero_grad("a"), DTypeError, "'a'")],
    "consider_constant": [row(lambda a: gradient.consider_constant("a"), DTypeError, "'a'")],
    "grad": TOP["grad"], "Lop": TOP["Lop"], "Rop": TOP["Rop"], "jacobian": TOP["jacobian"],
    "hessian": TOP["hessian"],
}  # fmt: skip

SCALAR = {
    "upcast": [row(lambda a: scalar.upcast("float31"), DTypeError, "'float31' is no dtype")],
}

PRINTING: dict[str, list[Row]] = {
    "Print": [
        row(lambda a: printing.Print("x")("y"), DTypeError, "cannot become a tensor"),
        row(lambda a: printing.Print("x", attrs=("shap",)), AttributeError, "'shap'", "arrays"),
        row(lambda a: printing.Print(3), TypeError, "message", "3"),
    ],
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
