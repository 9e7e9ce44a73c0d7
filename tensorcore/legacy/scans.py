"""Names of ``theano.scan_module`` that only old programs use."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..expressions import clone
from ..graph import rebuild, toposort
from ..node import Tensor, as_tensor
from ..scan import scan as _scan
from ..scan_arguments import until
from ..tensor import set_subtensor, zeros
from ..updates import OrderedUpdates
from .graphs import equal_computations, inputs

__all__ = [
    "OrderedUpdates", "clone", "equal_computations", "expand_empty", "forced_replace",
    "get_updates_and_outputs", "hash_listsDictsTuples", "infer_shape", "isNaN_or_Inf_or_None",
    "map_variables", "reconstruct_graph", "safe_new", "scan", "traverse", "until",
]  # fmt: skip


def scan(
    fn: Any, sequences: Any = None, outputs_info: Any = None, non_sequences: Any = None,
    n_steps: Any = None, truncate_gradient: int = -1, go_backwards: bool = False,
    mode: Any = None, name: str | None = None, options: Any = None, profile: Any = False,
    allow_gc: Any = None, strict: bool = False, return_list: bool = False,
    states: Any = None, parameters: Any = None,
) -> tuple[Any, OrderedUpdates]:  # fmt: skip
    """``theano.scan``; ``states`` and ``parameters`` are the names of ``theano.sandbox.scan``."""
    return _scan(
        fn, sequences, outputs_info if states is None else states,
        non_sequences if parameters is None else parameters, n_steps, truncate_gradient,
        go_backwards, mode, name, profile, allow_gc, strict, return_list,
    )  # fmt: skip


def safe_new(x: Any, tag: str = "", dtype: Any = None) -> Tensor:
    """A variable of the type of ``x``, or of another dtype, named after it."""
    t = as_tensor(x)
    type_ = t.type if dtype is None else t.type.clone(dtype=dtype)
    return type_(f"{t.name}{tag}" if t.name else None)


def expand_empty(tensor_var: Any, size: Any) -> Tensor:
    """The tensor with ``size`` more rows, which are zeros."""
    if isinstance(size, (int, np.integer)) and size == 0:
        return as_tensor(tensor_var)
    x = as_tensor(tensor_var)
    shape = [size + x.shape[0], *(x.shape[k] for k in range(1, x.ndim))]
    return set_subtensor(zeros(shape, dtype=x.dtype)[: x.shape[0]], x)


def isNaN_or_Inf_or_None(x: Any) -> bool:
    """Whether a value, or a constant, is None, NaN or infinite."""
    if x is None:
        return True
    value = x.attrs.get("value") if isinstance(x, Tensor) and x.op is not None else x
    if value is None or isinstance(value, (str, Tensor)):
        return isinstance(value, str)
    array = np.asarray(value)
    return bool(array.dtype.kind in "fc" and not np.isfinite(array).all())


def get_updates_and_outputs(ls: Any) -> Any:
    """What a function of a scan returned: the condition, outputs and updates."""
    from ..scan_arguments import understood

    traced = understood(ls, "scan")
    return traced.condition, traced.outputs, traced.updates


def traverse(out: Tensor, x: Any, x_copy: Any, d: Any, visited: Any = None) -> Any:
    """Add to ``d`` the variables that ``out`` is computed from."""
    for v in inputs([out]):
        d.setdefault(v, v)
    return d


def infer_shape(outs: Any, inputs: Any, input_shapes: Any) -> list[Any]:
    """The shapes of expressions, by axis."""
    return [tuple(o.shape[k] for k in range(o.ndim)) for o in outs]


def map_variables(replacer: Any, graphs: Any, additional_inputs: Any = None) -> list[Tensor]:
    """The expressions with each variable ``v`` in them replaced by ``replacer(v)``, which gives
    ``v`` itself where nothing is to be changed; what is put in is not looked at again."""
    new: dict[Tensor, Tensor] = {}
    for node in toposort(graphs):
        made = node if node.dtype == "tuple" else as_tensor(replacer(node))
        if made is node and node.inputs:
            made = rebuild(node, tuple(new[i] for i in node.inputs))
        new[node] = made
    return [new[node] for node in graphs]


def forced_replace(out: Any, x: Any, y: Any) -> Any:
    """``out`` with ``y`` in the place of ``x``."""
    return None if out is None else clone(out, replace={x: y}, strict=False)


def reconstruct_graph(inputs: Any, outputs: Any, tag: str = "") -> tuple[Any, Any]:
    """Inputs and outputs of a copy."""
    fresh = [safe_new(x, tag) for x in inputs]
    return fresh, clone(list(outputs), replace=dict(zip(inputs, fresh, strict=True)))


def hash_listsDictsTuples(x: Any) -> int:
    """A number for lists, dicts and tuples of what can be hashed."""
    if isinstance(x, dict):
        return hash_listsDictsTuples([*x, *x.values()])
    if isinstance(x, (list, tuple)):
        return hash(tuple(map(hash_listsDictsTuples, x)))
    return hash(x)
