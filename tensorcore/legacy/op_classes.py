"""The classes of Theano's own ops: for ``isinstance(x.owner.op, Elemwise)``, for reading what an op
does (``op.axis``, ``op.new_order``, ``op.scalar_op``), and for making ops by hand."""

from __future__ import annotations

from typing import Any as Anything

import numpy as np

from .. import tensor as T
from ..node import Tensor, as_tensor, is_constant
from ..ops.movement import in_type
from ..types import TensorType
from . import index_classes, product_classes
from .index_classes import *  # noqa: F403
from .known_ops import KnownOp, given_axis, made_class
from .product_classes import *  # noqa: F403

__all__ = [
    "ARange", "All", "Alloc", "Any", "Argmax", "CAReduce", "CAReduceDtype", "CpuContiguous",
    "DeepCopyOp", "DimShuffle", "Elemwise", "Eye", "Flatten", "Join", "MakeVector", "Max",
    "MaxAndArgmax", "Mean", "Min", "Prod", "ProdWithoutZeros", "Rebroadcast", "RepeatOp",
    "Reshape", "Shape", "Shape_i", "SpecifyShape", "Split", "Sum", "Tile", "Tri",
    *index_classes.__all__, *product_classes.__all__,
]  # fmt: skip

# -- entry by entry -------------------------------------------------------------------------

_REDUCED_BY = {
    "add": "sum", "mul": "prod", "maximum": "max", "minimum": "min", "and": "all", "or": "any",
}  # fmt: skip
_SCALAR_OF = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "all": "and_",
              "any": "or_", "argmax": "maximum"}  # fmt: skip


def _scalar(name: str, node: Tensor | None = None) -> Anything:
    from .scalars import scalar_op

    return scalar_op(name, node)


def _elemwise_facts(node: Tensor) -> dict[str, Anything]:
    assert node.op is not None
    scalar = _scalar(node.op.name, node)
    numpy_name = node.op.name if hasattr(np, node.op.name) else None
    spec = (numpy_name, len(node.inputs), 1) if numpy_name else None
    return {"scalar_op": scalar, "inplace_pattern": {}, "name": node.op.name, "nfunc_spec": spec,
            "nin": len(node.inputs), "nout": 1}  # fmt: skip


def _apply_elemwise(op: Anything, *inputs: Anything) -> Anything:
    on_tensors = getattr(op.scalar_op, "on_tensors", None)
    if on_tensors is None and not callable(op.scalar_op):
        raise TypeError(f"Elemwise: expected a scalar op, found {op.scalar_op!r:.60}.")
    return on_tensors(op, *inputs) if on_tensors else op.scalar_op(*inputs)


class _Elemwise(KnownOp):
    def perform(self, node: Anything, inputs: Anything, output_storage: Anything) -> None:
        """The scalar op on each entry."""
        own = self.scalar_op.perform if hasattr(self.scalar_op, "impl") else super().perform
        own(node, inputs, output_storage)

    def infer_shape(self, node: Anything, shapes: Anything) -> list[Anything]:
        """The sizes of the operands, joined."""
        found: list[Anything] = self.scalar_op.infer_shape(node, shapes)
        return found

    def grad(self, inputs: Anything, output_gradients: Anything) -> list[Anything]:
        """By the scalar op's own rule, if it has one."""
        rule = getattr(self.scalar_op, "L_op", None) or getattr(self.scalar_op, "grad", None)
        if rule is None:
            from ..gradient_control import grad_not_implemented

            return [grad_not_implemented(self, k, x) for k, x in enumerate(inputs)]
        if rule.__name__ == "L_op":
            return list(rule(inputs, self(*inputs), output_gradients))
        return list(rule(inputs, output_gradients))

    def _properties(self) -> tuple[Anything, ...]:
        return (self.scalar_op,)

    def __hash__(self) -> int:
        # That of the function, to which it is equal.
        if self.node is not None:
            return hash(self.node.op)
        return hash(getattr(T, getattr(self.scalar_op, "function", ""), "Elemwise"))

    __eq__ = KnownOp.__eq__

    def __str__(self) -> str:
        if self.node is not None and self.name == "cast":
            return f"Elemwise{{Cast{{{self.node.dtype}}}}}"
        return f"Elemwise{{{self.name or self.scalar_op},no_inplace}}"


Elemwise = made_class(
    "Elemwise", "sigmoid softplus sqr clip switch fill true_div minimum maximum",
    "elementwise cast", "scalar_op= inplace_pattern=None name=None nfunc_spec=None openmp=None",
    _apply_elemwise, _elemwise_facts, base=_Elemwise,
)  # fmt: skip


def _reduce_facts(node: Tensor) -> dict[str, Anything]:
    assert node.op is not None
    axes, x = node.attrs["axes"], node.inputs[0]
    kind = node.op.name.removeprefix("reduce_")
    return {
        "axis": None if len(axes) == x.ndim else tuple(axes), "dtype": node.dtype,
        "acc_dtype": node.dtype, "scalar_op": _scalar(_SCALAR_OF.get(kind, kind), None),
    }  # fmt: skip


def _apply_reduction(op: Anything, x: Anything) -> Tensor:
    name = getattr(op.scalar_op, "name", None) or str(op.scalar_op)
    if name.rstrip("_") not in _REDUCED_BY:
        raise TypeError(
            f"CAReduce: expected one of scalar.{', '.join(_REDUCED_BY)}, found {name}. For other "
            f"functions use theano.scan or theano.reduce."
        )
    function: Anything = getattr(T, _REDUCED_BY[name.rstrip("_")])
    return function(x, axis=op.axis)  # type: ignore[no-any-return]


def _reduction(name: str, function: str, ops: str = "") -> Anything:
    def apply(op: Anything, x: Anything) -> Tensor:
        call: Anything = getattr(T, function)
        dtypes = {"dtype": op.dtype} if function in ("sum", "prod", "mean") and op.dtype else {}
        return call(x, axis=op.axis, **dtypes)  # type: ignore[no-any-return]

    return made_class(
        name, ops or f"{function} reduce_{function}",
        parameters="axis=None dtype=None acc_dtype=None", apply=apply, facts=_reduce_facts,
    )  # fmt: skip


CAReduce = made_class(
    "CAReduce", "sum prod max min any all mean", "reduction", "scalar_op= axis=None",
    _apply_reduction, _reduce_facts,
)  # fmt: skip
CAReduceDtype = made_class(
    "CAReduceDtype", "sum prod", "reduction", "scalar_op= axis=None dtype=None acc_dtype=None",
    _apply_reduction, _reduce_facts,
)  # fmt: skip
Sum, Prod, Mean = _reduction("Sum", "sum"), _reduction("Prod", "prod"), _reduction("Mean", "mean")
Max, Min = _reduction("Max", "max"), _reduction("Min", "min")
Any, All = _reduction("Any", "any"), _reduction("All", "all")
Argmax = _reduction("Argmax", "argmax")
MaxAndArgmax = made_class(
    "MaxAndArgmax", "max argmax reduce_max reduce_argmax", parameters="axis=None",
    apply=lambda op, x, axis=None: T.max_and_argmax(x, axis=given_axis(op.axis, axis)),
    facts=_reduce_facts,
)  # fmt: skip


def _of_nonzero(op: Anything, x: Anything) -> Tensor:
    t = as_tensor(x)
    return T.prod(T.switch(T.eq(t, 0), np.ones((), t.dtype), t), axis=op.axis)


ProdWithoutZeros = made_class(
    "ProdWithoutZeros", parameters="axis=None dtype=None acc_dtype=None", apply=_of_nonzero
)


# -- axes and sizes -------------------------------------------------------------------------


def _dimshuffle_facts(node: Tensor) -> dict[str, Anything]:
    order, x = tuple(node.attrs["pattern"]), node.inputs[0]
    kept = [a for a in order if a != "x"]
    return {
        "input_broadcastable": x.broadcastable, "new_order": order, "shuffle": kept,
        "augment": [k for k, a in enumerate(order) if a == "x"], "inplace": True,
        "drop": [k for k in range(x.ndim) if k not in kept],
    }  # fmt: skip


class _DimShuffle(KnownOp):
    def __str__(self) -> str:
        return f"InplaceDimShuffle{{{','.join(map(str, self.new_order))}}}"


DimShuffle = made_class(
    "DimShuffle", "dimshuffle transpose shape_padleft shape_padright", base=_DimShuffle,
    parameters="input_broadcastable= new_order= inplace=True",
    apply=lambda op, x: as_tensor(x).dimshuffle(*op.new_order), facts=_dimshuffle_facts,
)  # fmt: skip


def _is_rebroadcast(node: Tensor) -> bool:
    """Whether a reshaping only says more or less about which axes have size 1."""
    x = node.inputs[0]
    return node.ndim == x.ndim and all(
        (is_constant(n) and int(n.attrs["value"]) == 1)
        or (n.op is not None and n.op.name == "size" and n.inputs[0] is x and n.attrs["axis"] == k)
        for k, n in enumerate(node.inputs[1:])
    )


def _rebroadcast(op: Anything, x: Anything) -> Tensor:
    t = as_tensor(x)
    flags = list(t.broadcastable)
    for axis, flag in op.axis.items():
        flags[axis] = bool(flag)
    return in_type(t, TensorType(t.dtype, flags))


class _Rebroadcast(KnownOp):
    def __init__(self, *axis: Anything) -> None:
        self.axis = dict(axis)


Reshape = made_class(
    "Reshape", "reshape reshape_to", parameters="ndim= name=None",
    apply=lambda op, x, shape: T.reshape(x, shape, ndim=op.ndim),
    facts=lambda node: {"ndim": node.ndim, "name": None},
    when=lambda node: not _is_rebroadcast(node),
)  # fmt: skip
Rebroadcast = made_class(
    "Rebroadcast", "reshape_to addbroadcast unbroadcast", apply=_rebroadcast,
    facts=lambda node: {"axis": dict(enumerate(node.broadcastable))}, when=_is_rebroadcast,
    base=_Rebroadcast,
)  # fmt: skip
Flatten = made_class(
    "Flatten", parameters="outdim=1", apply=lambda op, x: T.flatten(x, ndim=op.outdim)
)
Alloc = made_class(
    "Alloc", "alloc broadcast_to", apply=lambda op, value, *sizes: T.alloc(value, *sizes)
)
Shape = made_class("Shape", "shape", apply=lambda op, x: as_tensor(x).shape)
Shape_i = made_class(
    "Shape_i", "size", parameters="i=", apply=lambda op, x: as_tensor(x).shape[op.i],
    facts=lambda node: {"i": node.attrs["axis"]},
)  # fmt: skip
SpecifyShape = made_class(
    "SpecifyShape", "specify_shape", apply=lambda op, x, shape: T.specify_shape(x, shape)
)
Join = made_class(
    "Join", "join", parameters="view=None",
    apply=lambda op, axis, *parts: T.join(int(given_axis(None, as_tensor(axis))), *parts),
    facts=lambda node: {"view": -1},
)  # fmt: skip
Split = made_class(
    "Split", "split", parameters="len_splits=",
    apply=lambda op, x, axis, sizes: T.split(
        x, sizes, op.len_splits, int(given_axis(None, as_tensor(axis)))),
)  # fmt: skip


def _is_vector_of_scalars(node: Tensor) -> bool:
    return node.ndim == 1 and all(
        x.op is not None and x.op.name == "dimshuffle" and x.inputs[0].ndim == 0
        for x in node.inputs
    )


MakeVector = made_class(
    "MakeVector", "stack join", parameters="dtype=None",
    apply=lambda op, *parts: T.cast(T.stack(list(parts)), op.dtype) if op.dtype else T.stack(
        list(parts)),
    facts=lambda node: {"dtype": node.dtype}, when=_is_vector_of_scalars,
)  # fmt: skip
Tile = made_class("Tile", parameters="ndim=", apply=lambda op, x, reps: T.tile(x, reps, op.ndim))
RepeatOp = made_class(
    "RepeatOp", parameters="axis=None", apply=lambda op, x, n: T.repeat(x, n, axis=op.axis)
)
ARange = made_class(
    "ARange", "iota", parameters="dtype=None",
    apply=lambda op, start, stop, step: T.arange(start, stop, step, op.dtype),
    facts=lambda node: {"dtype": node.dtype},
)  # fmt: skip
Eye = made_class("Eye", parameters="dtype=None", apply=lambda op, n, m, k: T.eye(n, m, k, op.dtype))
Tri = made_class("Tri", parameters="dtype=None", apply=lambda op, n, m, k: T.tri(n, m, k, op.dtype))
DeepCopyOp = made_class("DeepCopyOp", "identity", apply=lambda op, x: as_tensor(x).copy())
CpuContiguous = made_class("CpuContiguous", apply=lambda op, x: as_tensor(x))
