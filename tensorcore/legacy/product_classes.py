"""Theano's classes of products, of ops that order, of what changes gradients, and of loops."""

from __future__ import annotations

from typing import Any as Anything

from .. import gradient_control as control
from .. import tensor as T
from ..node import Tensor, as_tensor
from .gradients import undefined_grad
from .known_ops import given_axis, made_class

__all__ = [
    "ArgSortOp", "BatchedDot", "BinCountOp", "ConsiderConstant", "CumOp", "CumprodOp", "CumsumOp",
    "DiffOp", "DisconnectedGrad", "Dot", "Dot22", "Gemm", "Gemv", "Ger", "GradClip", "GradScale",
    "IfElse", "Scan", "SearchsortedOp", "SoftmaxGrad", "SortOp", "TensorDot", "TopKOp",
    "UndefinedGrad", "Unique", "ZeroGrad",
]  # fmt: skip

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
    apply=lambda op, x, axis=-1: T.sort(x, given_axis(None, axis)),
)  # fmt: skip
ArgSortOp = made_class(
    "ArgSortOp", "argsort", parameters="kind=None order=None",
    apply=lambda op, x, axis=-1: T.argsort(x, given_axis(None, axis)),
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
