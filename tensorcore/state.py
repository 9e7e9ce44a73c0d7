"""Pickles and copies of expressions, shared variables and functions: of no device and no backend.

Values are plain arrays, ops are named, functions are compiled anew where they are unpickled. A
graph may be deeper than Python's stack: what an expression is made of is written first, in order,
so that no node has to be written while another one is being written (``Ordered``).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .graph import substitute, toposort
from .node import Tensor, TensorConstant
from .origin import Origin
from .types import TensorType

if TYPE_CHECKING:
    from .function import Function
    from .shared import Shared


class _Writing(threading.local):
    in_order = False


_writing = _Writing()


class Ordered:
    """Nodes that are pickled one after the other, each after what it is made of."""

    def __init__(self, roots: Iterable[Tensor], without: Tensor | None = None) -> None:
        self._nodes = [node for node in toposort(roots) if node is not without]

    def _walk(self) -> Iterator[Tensor]:
        before = _writing.in_order
        try:
            for node in self._nodes:
                _writing.in_order = True
                yield node
        finally:
            _writing.in_order = before

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, (), None, self._walk())


def reduced(node: Tensor) -> tuple[Any, ...]:
    """What pickle needs of a node."""
    tag = _notes(node)
    if not node.inputs and node.op is None:
        return (_variable, (node.type, node.name, tuple(node.origin), tag))
    first = None if _writing.in_order else Ordered([node], without=node)
    attrs, origin = dict(node.attrs), tuple(node.origin)
    return (_node, (first, node.op, node.inputs, attrs, node.type, node.name, origin, tag))


def _variable(type_: TensorType, name: str | None, origin: tuple[Any, ...], tag: Any) -> Tensor:
    return _noted(type_(name), origin, tag)


def _node(
    first: Any, op: Any, inputs: tuple[Tensor, ...], attrs: Mapping[str, Any], type_: Any,
    name: str | None, origin: tuple[Any, ...], tag: Any,
) -> Tensor:  # fmt: skip
    kind = TensorConstant if op.name == "constant" else Tensor
    for value in attrs.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return _noted(kind(op, tuple(inputs), attrs, type_, name), origin, tag)


def _notes(node: Tensor) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What a program wrote into the tag, and onto the tensor itself."""
    tag = dict(vars(node.tag)) if node._tag is not None else {}
    own = dict(vars(node))
    return (tag, own) if tag or own else None


def _noted(node: Tensor, origin: tuple[Any, ...], tag: Any) -> Tensor:
    node.origin = Origin(*origin)
    _note(node, tag)
    return node


def _note(node: Tensor, notes: tuple[dict[str, Any], dict[str, Any]] | None) -> None:
    if notes is not None:
        tag, own = notes
        if tag:
            vars(node.tag).update(tag)
        vars(node).update(own)


# -- shared variables -----------------------------------------------------------------------


def reduced_shared(cell: Shared) -> tuple[Any, ...]:
    """What pickle needs of a shared variable; its default update may lead back to it."""
    tag = _notes(cell)
    later = None
    if cell.default_update is not None or tag:
        update = cell.default_update
        later = (None if update is None else Ordered([update]), update, tag)
    facts = (np.array(cell.get_value(borrow=True), subok=False), cell.type, cell.name)
    return (_shared, (*facts, tuple(cell.origin), type(cell)), later)


def _shared(
    value: np.ndarray, type_: TensorType, name: str | None, origin: tuple[Any, ...],
    kind: type[Shared] | None = None,
) -> Shared:  # fmt: skip
    from .shared import Shared

    made = (kind or Shared)(np.array(value), type_, name)
    made.origin = Origin(*origin)
    return made


def restore_shared(cell: Shared, later: tuple[Any, Tensor | None, Any]) -> None:
    """The rest of a shared variable."""
    _, cell.default_update, tag = later
    _note(cell, tag)


# -- functions ------------------------------------------------------------------------------


def reduced_function(f: Function) -> tuple[Any, ...]:
    """What pickle needs of a function: the expressions, and how it is called."""
    request = f._request
    roots = [*(i.variable for i in request.inputs), *f.expressions(), *f._cells]
    facts = (list(request.inputs), list(request.outputs), request.single, list(request.updates))
    return (_function, (Ordered(roots), *facts, f.name, f._downcast))


def _function(
    first: Any, inputs: Any, outputs: Any, single: bool, updates: Any, name: Any, downcast: Any
) -> Function:
    from .function import function

    wanted = outputs[0] if single else (outputs or None)
    made = function(
        inputs, wanted, updates=updates, no_default_updates=True, name=name,
        allow_input_downcast=downcast, on_unused_input="ignore",
    )  # fmt: skip
    if not outputs:
        made._single = False
    return made


def copy_of_function(
    f: Function, fresh: Mapping[Any, Any], name: str | None, updates: bool = True
) -> Function:
    """The function over other shared variables, those of ``fresh``, compiled anew."""
    request = f._request
    expressions = substitute(f.expressions(), fresh) if fresh else f.expressions()
    outputs = expressions[: len(request.outputs)]
    values = expressions[len(request.outputs) :]
    pairs = [
        (fresh.get(cell, cell), value)
        for (cell, _), value in zip(request.updates, values, strict=True)
    ]
    kept = pairs if updates else []
    made = _function(None, list(request.inputs), outputs, request.single, kept, name, f._downcast)
    states = tuple((variable, fresh.get(cell, cell)) for variable, cell in request.states)
    made._request = made._request._replace(states=states)
    return made


def deep_copy_of_function(f: Function, memo: dict[int, Any]) -> Function:
    """The function with shared variables of its own."""
    fresh = {cell: copy.deepcopy(cell, memo) for cell in f._cells}
    return copy_of_function(f, fresh, f.name)
