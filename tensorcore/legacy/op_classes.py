"""The classes of Theano's own ops, for ``isinstance(x.owner.op, Elemwise)``: each stands for ops of
ours by name or family, and can be called where it means a function."""

from __future__ import annotations

import importlib
import typing

__all__ = [
    "Alloc", "AdvancedIncSubtensor", "AdvancedIncSubtensor1", "AdvancedSubtensor",
    "AdvancedSubtensor1", "All", "Any", "ARange", "ArgSortOp", "Argmax", "Assert",
    "CAReduce", "CAReduceDtype", "Cast", "DeepCopyOp", "DimShuffle", "Dot", "Elemwise", "Eye",
    "Gemm", "Gemv", "IfElse", "IncSubtensor", "Join", "MakeVector", "MaxAndArgmax", "Max", "Mean",
    "Min", "Prod", "Rebroadcast", "Reshape", "Scan", "Shape", "Shape_i", "SoftmaxGrad", "SortOp",
    "SpecifyShape", "Split", "Subtensor", "Sum", "TensorDot", "Tri",
]  # fmt: skip


class _OpClass(type):
    """A class whose instances are ops of ours: by the name of op or family."""

    _ops: frozenset[str]
    _families: frozenset[str]
    _function: str

    def __instancecheck__(cls, value: object) -> bool:
        if type.__instancecheck__(cls, value):
            return True
        family = getattr(getattr(value, "family", None), "name", "")
        return getattr(value, "name", None) in cls._ops or family in cls._families

    def __call__(cls, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        """What ``Sum(axis=1)`` is: a function of tensors."""
        if cls._function == "made":
            return type.__call__(cls, *args, **kwargs)
        if not cls._function:
            raise TypeError(
                f"{cls.__name__}: ops are not made by their class here; call the function of "
                f"theano.tensor that applies it."
            )
        made = type.__call__(cls)
        made.function = getattr(importlib.import_module("tensorcore.tensor"), cls._function)
        made.args, made.kwargs = args, kwargs
        return made


class _Applied:
    """An op made by its class: the function, and what it is told."""

    function: typing.Any
    args: tuple[typing.Any, ...]
    kwargs: dict[str, typing.Any]

    def __call__(self, *inputs: typing.Any) -> typing.Any:
        """The function on these tensors."""
        return self.function(*inputs, *self.args, **self.kwargs)


def _op_class(name: str, ops: str = "", families: str = "", function: str = "") -> typing.Any:
    facts = {
        "_ops": frozenset(ops.split()), "_families": frozenset(families.split()),
        "_function": function, "__doc__": f"Theano's class of these ops: {ops or families}.",
    }  # fmt: skip
    return _OpClass(name, (_Applied,), facts)


class Elemwise(metaclass=_OpClass):
    """``Elemwise(scalar_op)``: the op on tensors, entry by entry; ops of ours are instances."""

    _ops = frozenset(
        ["sigmoid", "softplus", "sqr", "clip", "switch", "fill", "true_div", "minimum", "maximum"]
    )
    _families = frozenset(("elementwise", "cast"))
    _function = "made"

    def __new__(cls, scalar_op: typing.Any, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        if not callable(scalar_op):
            raise TypeError(f"Elemwise: expected a scalar op, found {scalar_op!r:.60}.")
        return scalar_op


Cast = _op_class("Cast", "cast")
DimShuffle = _op_class("DimShuffle", "dimshuffle transpose shape_padleft shape_padright")
Dot = _op_class("Dot", "contract dot matmul", function="dot")
TensorDot = _op_class("TensorDot", "contract tensordot")
CAReduce = _op_class("CAReduce", "sum prod max min any all mean", "reduction")
CAReduceDtype = _op_class("CAReduceDtype", "sum prod", "reduction")
Sum = _op_class("Sum", "sum reduce_sum", function="sum")
Prod = _op_class("Prod", "prod reduce_prod", function="prod")
Mean = _op_class("Mean", "mean", function="mean")
Max = _op_class("Max", "max reduce_max", function="max")
Min = _op_class("Min", "min reduce_min", function="min")
Any = _op_class("Any", "any reduce_any", function="any")
All = _op_class("All", "all reduce_all", function="all")
MaxAndArgmax = _op_class("MaxAndArgmax", "max argmax", function="max_and_argmax")
Argmax = _op_class("Argmax", "argmax", function="argmax")
Alloc = _op_class("Alloc", "alloc broadcast_to fill", function="alloc")
ARange = _op_class("ARange", "arange iota", function="arange")
Eye = _op_class("Eye", "eye", function="eye")
Tri = _op_class("Tri", "tri", function="tri")
Join = _op_class("Join", "join", function="join")
Split = _op_class("Split", "split")
MakeVector = _op_class("MakeVector", "stack")
Reshape = _op_class("Reshape", "reshape reshape_to")
Rebroadcast = _op_class("Rebroadcast", "reshape_to addbroadcast unbroadcast")
Shape = _op_class("Shape", "shape", function="shape")
Shape_i = _op_class("Shape_i", "size")
SpecifyShape = _op_class("SpecifyShape", "specify_shape")
Subtensor = _op_class("Subtensor", "subtensor window")
AdvancedSubtensor = _op_class("AdvancedSubtensor", "subtensor gather")
AdvancedSubtensor1 = _op_class("AdvancedSubtensor1", "subtensor gather", function="take")
IncSubtensor = _op_class("IncSubtensor", "inc_subtensor set_subtensor window_add window_set")
AdvancedIncSubtensor = _op_class("AdvancedIncSubtensor", "inc_subtensor set_subtensor scatter_add")
AdvancedIncSubtensor1 = AdvancedIncSubtensor
SortOp = _op_class("SortOp", "sort", function="sort")
ArgSortOp = _op_class("ArgSortOp", "argsort", function="argsort")
SoftmaxGrad = _op_class("SoftmaxGrad", "softmax_grad")
Assert = _op_class("Assert", "assert")
DeepCopyOp = _op_class("DeepCopyOp", "identity")
Gemm = _op_class("Gemm", "contract")
Gemv = _op_class("Gemv", "contract")
Scan = _op_class("Scan", "loop item")
IfElse = _op_class("IfElse", "choice branch")
