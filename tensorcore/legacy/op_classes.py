"""The classes of Theano's own ops: for ``isinstance(x.owner.op, Elemwise)``, for reading what an op
does (``op.axis``, ``op.new_order``, ``op.scalar_op``), and for making ops by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any as Anything

import numpy as np

from .. import gradient_control as control
from .. import tensor as T
from ..node import Tensor, as_tensor, is_constant
from ..ops.movement import in_type
from ..ops.subtensor import Ref, Slice
from ..types import TensorType
from .gradients import undefined_grad
from .known_ops import KnownOp, made_class

__all__ = [
    "ARange", "AdvancedBooleanSubtensor", "AdvancedIncSubtensor", "AdvancedIncSubtensor1",
    "AdvancedSubtensor", "AdvancedSubtensor1", "All", "Alloc", "Any", "ArgSortOp", "Argmax",
    "BatchedDot", "BinCountOp", "CAReduce", "CAReduceDtype", "ConsiderConstant", "CpuContiguous",
    "CumOp", "CumprodOp", "CumsumOp", "DeepCopyOp", "DiffOp", "DimShuffle", "DisconnectedGrad",
    "Dot", "Dot22", "Elemwise", "Eye", "FillDiagonal", "FillDiagonalOffset", "Flatten", "Gemm",
    "Gemv", "Ger", "GradClip", "GradScale", "IfElse", "IncSubtensor", "Join", "MakeVector", "Max",
    "MaxAndArgmax", "Mean", "Min", "NonZero", "PermuteRowElements", "Prod", "ProdWithoutZeros",
    "Rebroadcast", "RepeatOp", "Reshape", "Scan", "SearchsortedOp", "Shape", "Shape_i",
    "SoftmaxGrad", "SortOp", "SpecifyShape", "Split", "Subtensor", "Sum", "TensorDot", "Tile",
    "TopKOp", "Tri", "UndefinedGrad", "Unique", "ZeroGrad", "get_canonical_form_slice",
    "get_constant_idx", "get_idx_list",
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
    apply=lambda op, x, axis=None: T.max_and_argmax(x, axis=_axis(op.axis, axis)),
    facts=_reduce_facts,
)  # fmt: skip


def _axis(own: Anything, given: Anything) -> Anything:
    """The axis of an op, which older ones take as an input."""
    value = own if given is None else given
    if isinstance(value, Tensor):
        return value.attrs["value"].tolist() if is_constant(value) else value
    return value


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
    apply=lambda op, axis, *parts: T.join(int(_axis(None, as_tensor(axis))), *parts),
    facts=lambda node: {"view": -1},
)  # fmt: skip
Split = made_class(
    "Split", "split", parameters="len_splits=",
    apply=lambda op, x, axis, sizes: T.split(
        x, sizes, op.len_splits, int(_axis(None, as_tensor(axis)))),
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

# -- indexing -------------------------------------------------------------------------------


def _with_inputs(idx_list: Iterable[Anything], rest: Iterator[Anything]) -> list[Anything]:
    """The entries of an index, their types replaced by the inputs, in order."""

    def part(entry: Anything) -> Anything:
        if isinstance(entry, slice):
            return slice(part(entry.start), part(entry.stop), part(entry.step))
        if entry is None or isinstance(entry, (int, np.integer)):
            return entry
        return next(rest)

    return [part(entry) for entry in idx_list]


def get_idx_list(
    inputs: Anything, idx_list: Anything, get_count: bool = False
) -> tuple[Anything, ...]:
    """The index that an op takes: of ``op.idx_list`` and the inputs of the application."""
    return tuple(_with_inputs(idx_list, iter(inputs[1:])))


def get_constant_idx(
    idx_list: Anything, inputs: Anything, allow_partial: bool = False, **kwargs: Anything
) -> list[Anything]:
    """The index with numbers in it. Raises NotScalarConstantError where one is not known."""
    from .tensors import NotScalarConstantError, get_scalar_constant_value

    def number(entry: Anything) -> Anything:
        if isinstance(entry, slice):
            return slice(number(entry.start), number(entry.stop), number(entry.step))
        try:
            return entry if entry is None else int(get_scalar_constant_value(entry))
        except NotScalarConstantError:
            if allow_partial:
                return entry
            raise

    return [number(entry) for entry in get_idx_list(inputs, idx_list)]


def get_canonical_form_slice(theslice: Anything, length: Anything) -> tuple[Anything, int]:
    """A slice with its bounds inside an axis of this length, and 1; an index from the start."""
    n = as_tensor(length)
    if not isinstance(theslice, slice):
        place = as_tensor(theslice)
        return T.switch(T.lt(place, 0), place + n, place), 1
    step = 1 if theslice.step is None else theslice.step
    if not (isinstance(step, int) and step > 0):
        raise TypeError(f"get_canonical_form_slice: expected a step above 0, found {step!r}.")

    def inside(bound: Anything, missing: Anything) -> Tensor:
        place = as_tensor(missing if bound is None else bound)
        return T.clip(T.switch(T.lt(place, 0), place + n, place), 0, n)

    return slice(inside(theslice.start, 0), inside(theslice.stop, n), step), 1


def _index_facts(first: int) -> Anything:
    """The facts of a node whose positions begin among its inputs at ``first``."""

    def facts(node: Tensor) -> dict[str, Anything]:
        def part(entry: Anything) -> Anything:
            if isinstance(entry, Slice):
                return slice(*map(part, entry))
            return node.inputs[first + entry.number].type if isinstance(entry, Ref) else entry

        assert node.op is not None
        found = [part(entry) for entry in node.attrs.get("index", ())]
        while found and found[-1] == slice(None, None, None):
            found.pop()
        return {"idx_list": tuple(found), "set_instead_of_inc": node.op.name == "set_subtensor"}

    return facts


def _advanced(node: Tensor) -> bool:
    first = 1 if node.op is not None and node.op.name == "subtensor" else 2
    return any(
        isinstance(entry, Ref) and node.inputs[first + entry.number].ndim > 0
        for entry in node.attrs.get("index", ())
    )


def _rows_only(node: Tensor) -> bool:
    index = node.attrs.get("index", ())
    rest = (isinstance(e, Slice) and e.whole and e.step in (None, 1) for e in index[1:])
    return _advanced(node) and isinstance(index[0], Ref) and all(rest)


def _updated(op: Anything, x: Anything, y: Anything, index: Anything) -> Tensor:
    update = T.set_subtensor if op.set_instead_of_inc else T.inc_subtensor
    return update(as_tensor(x)[tuple(index)], y)


def _plain(node: Tensor) -> bool:
    return not _advanced(node)


Subtensor = made_class(
    "Subtensor", "subtensor window", parameters="idx_list=",
    apply=lambda op, x, *rest: as_tensor(x)[tuple(_with_inputs(op.idx_list, iter(rest)))],
    facts=_index_facts(1), when=_plain,
)  # fmt: skip
AdvancedSubtensor1 = made_class(
    "AdvancedSubtensor1", "subtensor gather",
    apply=lambda op, x, rows: as_tensor(x)[as_tensor(rows)],
    when=_rows_only,
)  # fmt: skip
AdvancedSubtensor = made_class(
    "AdvancedSubtensor", "subtensor gather", apply=lambda op, x, *index: as_tensor(x)[index],
    when=_advanced,
)  # fmt: skip
_UPDATE = "inplace=False set_instead_of_inc=False"
IncSubtensor = made_class(
    "IncSubtensor", "inc_subtensor set_subtensor window_add window_set",
    parameters=f"idx_list= {_UPDATE}",
    apply=lambda op, x, y, *rest: _updated(op, x, y, _with_inputs(op.idx_list, iter(rest))),
    facts=_index_facts(2), when=_plain,
)  # fmt: skip
AdvancedIncSubtensor1 = made_class(
    "AdvancedIncSubtensor1", "inc_subtensor set_subtensor scatter_add scatter_set",
    parameters=_UPDATE, apply=lambda op, x, y, rows: _updated(op, x, y, [as_tensor(rows)]),
    facts=_index_facts(2), when=_rows_only,
)  # fmt: skip
AdvancedIncSubtensor = made_class(
    "AdvancedIncSubtensor", "inc_subtensor set_subtensor scatter_add scatter_set",
    parameters=_UPDATE, apply=lambda op, x, y, *index: _updated(op, x, y, index),
    facts=_index_facts(2), when=_advanced,
)  # fmt: skip
AdvancedBooleanSubtensor = AdvancedSubtensor
NonZero = made_class("NonZero", apply=lambda op, x: T.nonzero(x))
FillDiagonal = made_class("FillDiagonal", apply=lambda op, x, value: T.fill_diagonal(x, value))
FillDiagonalOffset = made_class(
    "FillDiagonalOffset", apply=lambda op, x, v, offset: T.fill_diagonal_offset(x, v, offset)
)


def _permuted(op: Anything, x: Anything, order: Anything, inverse: Anything = 0) -> Tensor:
    from .seldom import permute_row_elements

    return permute_row_elements(x, order, int(_axis(None, as_tensor(inverse))))


PermuteRowElements = made_class("PermuteRowElements", apply=_permuted)

# -- products -------------------------------------------------------------------------------


def _is_dot(node: Tensor) -> bool:
    """Whether a contraction is what ``T.dot`` makes: over the last axis and the last but one."""
    a, b, out = (tuple(node.attrs.get(key, ())) for key in ("a", "b", "out"))
    shared = set(a) & set(b)
    return len(shared) == 1 and not shared & set(out) and a[-1:] == tuple(shared) and (
        b[max(len(b) - 2, 0)] in shared)  # fmt: skip


Dot = made_class("Dot", "contract dot matmul", apply=lambda op, x, y: T.dot(x, y), when=_is_dot)
Dot22 = made_class(
    "Dot22", "contract", apply=lambda op, x, y: T.dot(x, y),
    when=lambda node: _is_dot(node) and node.ndim == 2,
)  # fmt: skip
TensorDot = made_class(
    "TensorDot", "contract tensordot", parameters="axes=2",
    apply=lambda op, x, y: T.tensordot(x, y, axes=op.axes),
)  # fmt: skip
BatchedDot = made_class(
    "BatchedDot", "contract", apply=lambda op, x, y: T.batched_dot(x, y),
    when=lambda node: bool(set(node.attrs["a"]) & set(node.attrs["b"]) & set(node.attrs["out"])),
)  # fmt: skip
Gemm = made_class(
    "Gemm", "contract", parameters="inplace=False",
    apply=lambda op, z, a, x, y, b: b * as_tensor(z) + a * T.dot(x, y), when=_is_dot,
)  # fmt: skip
Gemv = made_class(
    "Gemv", "contract", parameters="inplace=False",
    apply=lambda op, y, a, m, x, b: b * as_tensor(y) + a * T.dot(m, x), when=_is_dot,
)  # fmt: skip
Ger = made_class(
    "Ger", parameters="destructive=False",
    apply=lambda op, m, a, x, y: as_tensor(m) + a * T.outer(x, y),
)  # fmt: skip

# -- order ----------------------------------------------------------------------------------

SortOp = made_class(
    "SortOp", "sort", parameters="kind=None order=None",
    apply=lambda op, x, axis=-1: T.sort(x, _axis(None, axis)),
)  # fmt: skip
ArgSortOp = made_class(
    "ArgSortOp", "argsort", parameters="kind=None order=None",
    apply=lambda op, x, axis=-1: T.argsort(x, _axis(None, axis)),
)  # fmt: skip
TopKOp = made_class(
    "TopKOp", parameters="axis=None sorted=True",
    apply=lambda op, x, k: T.topk_and_argtopk(x, k, -1 if op.axis is None else op.axis, op.sorted),
)  # fmt: skip
SearchsortedOp = made_class(
    "SearchsortedOp", parameters="side=None",
    apply=lambda op, x, v, sorter=None: T.searchsorted(x, v, op.side or "left", sorter),
)  # fmt: skip
BinCountOp = made_class(
    "BinCountOp", parameters="minlength=None",
    apply=lambda op, x, weights=None: T.bincount(x, weights, op.minlength),
)  # fmt: skip
DiffOp = made_class(
    "DiffOp", parameters="n=1 axis=None",
    apply=lambda op, x: T.diff(x, op.n, -1 if op.axis is None else op.axis),
)  # fmt: skip
Unique = made_class(
    "Unique", parameters="return_index=False return_inverse=False return_counts=False axis=None",
    apply=lambda op, x: T.unique(x, op.return_index, op.return_inverse, op.return_counts),
)  # fmt: skip


def _totals(op: Anything, x: Anything) -> Tensor:
    if op.mode not in (None, "add", "mul"):
        raise ValueError(f"CumOp: mode is 'add' or 'mul', found {op.mode!r}.")
    return T.cumprod(x, op.axis) if op.mode == "mul" else T.cumsum(x, op.axis)


CumOp = made_class(
    "CumOp", "cumulative_sum cumulative_prod", parameters="axis=None mode=None", apply=_totals,
    facts=lambda node: {
        "axis": node.attrs["axis"],
        "mode": "add" if node.op is not None and node.op.name == "cumulative_sum" else "mul",
    },
)  # fmt: skip
CumsumOp = made_class("CumsumOp", "cumulative_sum", parameters="axis=None mode=None", apply=_totals)
CumprodOp = made_class(
    "CumprodOp",
    "cumulative_prod",
    parameters="axis=None",
    apply=lambda op, x: T.cumprod(x, op.axis),
)
SoftmaxGrad = made_class(
    "SoftmaxGrad", "softmax_grad",
    apply=lambda op, g, y: y * (as_tensor(g) - T.sum(g * as_tensor(y), axis=-1, keepdims=True)),
)  # fmt: skip

# -- what changes gradients -----------------------------------------------------------------

ConsiderConstant = made_class("ConsiderConstant", apply=lambda op, x: control.consider_constant(x))
ZeroGrad = made_class("ZeroGrad", "zero_grad", apply=lambda op, x: control.zero_grad(x))
DisconnectedGrad = made_class(
    "DisconnectedGrad", "disconnected_grad", apply=lambda op, x: control.disconnected_grad(x)
)
UndefinedGrad = made_class("UndefinedGrad", apply=lambda op, x: undefined_grad(x))
GradClip = made_class(
    "GradClip", "grad_clip", parameters="clip_lower_bound= clip_upper_bound=",
    apply=lambda op, x: control.grad_clip(x, op.clip_lower_bound, op.clip_upper_bound),
    facts=lambda node: {
        "clip_lower_bound": node.attrs["lower"], "clip_upper_bound": node.attrs["upper"]},
)  # fmt: skip
GradScale = made_class(
    "GradScale", "grad_scale", parameters="multiplier=",
    apply=lambda op, x: control.grad_scale(x, op.multiplier),
    facts=lambda node: {"multiplier": node.attrs["multiplier"]},
)  # fmt: skip

# -- loops and choices ----------------------------------------------------------------------


def _scan_facts(node: Tensor) -> dict[str, Anything]:
    from ..ops.control import variables_of

    if "states" not in node.attrs:
        return {}
    attrs, body, parts = node.attrs, node.attrs["body"], variables_of(node)
    taps = [len(state.taps) for state in attrs["states"]]
    facts = {
        "n_seqs": attrs["sequences"], "n_mit_mot": 0, "n_shared_outs": 0,
        "n_mit_sot": sum(n > 1 for n in taps), "n_sit_sot": sum(n == 1 for n in taps),
        "n_nit_sot": sum(n == 0 for n in taps), "go_backwards": attrs["reverse"],
        "truncate_gradient": attrs["truncate"], "n_other_ignore": len(parts.invariants),
    }  # fmt: skip
    return {**facts, "inputs": list(body.inputs), "outputs": list(body.outputs), "info": facts,
            "as_while": bool(attrs["until"]), "name": "scan_fn", "mode": None,
            "profile": False}  # fmt: skip


Scan = made_class("Scan", "loop item", facts=_scan_facts)
IfElse = made_class(
    "IfElse", "choice branch item", parameters="n_outs=1 as_view=False name=None",
    apply=lambda op, condition, *both: _chosen(condition, both),
)  # fmt: skip


def _chosen(condition: Anything, both: tuple[Anything, ...]) -> Anything:
    from ..ifelse import ifelse

    half = len(both) // 2
    if half == 1:
        return ifelse(condition, both[0], both[1])
    return ifelse(condition, list(both[:half]), list(both[half:]))
