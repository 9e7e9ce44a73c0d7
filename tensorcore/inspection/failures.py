"""What an error at a call adds to its message: a hint, or with
``config.exception_verbosity = "high"`` the node, its operands and the expression."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..backend import Capabilities
from ..errors import ShapeError
from ..graph import Graph, toposort
from ..interpret import Interpreter
from ..lower import lower
from ..node import Tensor, is_constant
from ..operators import apply
from ..origin import arguments, label, where_made
from ..printing import debugprint
from ..shared import Shared

HINT = (
    "HINT: config.exception_verbosity = 'high' shows the node, its operands with their values, "
    "and the expression."
)
_NODES = 3
_OPERANDS = 6
_ELEMENTS = 20
_FEW = 4
_DEPTH = 4

#: Gives the value of a node, or raises.
Values = Callable[[Tensor], Any]


def explain(
    problem: Exception,
    verbosity: str,
    outputs: Sequence[Tensor],
    given: Mapping[Tensor, Any],
) -> None:
    """Add notes to an error that a call raised.

    ``outputs``: the expressions as the user wrote them. ``given``: what the call brought, by
    variable, as it was passed; variables it left out are missing.
    """
    found = _culprits(str(problem), outputs)
    if verbosity != "high":
        few = 1 if isinstance(problem, ShapeError) else _FEW
        problem.add_note(_sizes_text(found, given, few) + HINT)
        return
    for node in found[:_NODES]:
        problem.add_note(_node_text(node, given))
    problem.add_note("Inputs of the call:\n" + "\n".join(_rows(given.items())))


def _culprits(message: str, outputs: Sequence[Tensor]) -> list[Tensor]:
    """The nodes that a message is about: of the lines that it names, those of the op that it
    names, or else all of them."""
    named = message.partition(":")[0]
    on_line = [
        node
        for node in toposort(outputs)
        if node.op is not None
        and not is_constant(node)
        and re.search(re.escape(where_made(node)) + r"(?!\d)", message)
    ]
    same = [n for n in on_line if n.op is not None and named in (n.op.name, n.op.title, label(n))]
    return same or list(reversed(on_line))


def _sizes_text(nodes: Sequence[Tensor], given: Mapping[Tensor, Any], few: int) -> str:
    """The sizes of what the function was given that made these nodes, as far as they are known;
    and what the call brought that has no more than ``few`` entries."""
    known: list[str] = []
    for operand in list(dict.fromkeys(x for node in nodes for x in arguments(node)))[:_OPERANDS]:
        try:
            sizes = _value(apply("shape", operand), given)
        except Exception:  # noqa: BLE001 (the error to be explained must come through)
            continue
        shape = tuple(map(int, sizes))
        value = given[operand] if operand in given and math.prod(shape) <= few else None
        shown = "" if value is None else f", which is {np.array2string(np.asarray(value))}"
        sized = f" of shape {shape}" if shape or not shown else ""
        known.append(f"{operand!r}{sized}{shown}")
    return f"There: {', '.join(known)}.\n" if known else ""


def _node_text(node: Tensor, given: Mapping[Tensor, Any]) -> str:
    assert node.op is not None
    lines = [f"The node: {node.op.name} -> {node.type!r}, made at {where_made(node)}"]
    values = []
    for operand in node.inputs:
        try:
            values.append((operand, _value(operand, given)))
        except Exception as cause:  # noqa: BLE001 (the error to be explained must come through)
            first = str(cause).splitlines()[:1]
            values.append((operand, f"no value: {first[0] if first else type(cause).__name__}"))
    lines += ["Operands:", *_rows(values), "The expression:"]
    text = debugprint(node, file="str", print_type=True, depth=_DEPTH) or ""
    return "\n".join([*lines, *(f"  {line}" for line in text.splitlines())])


def _value(node: Tensor, given: Mapping[Tensor, Any]) -> Any:
    """The value of an operand, computed by the reference when it is an expression."""
    if node in given:
        return given[node]
    if is_constant(node):
        return node.attrs["value"]
    if isinstance(node, Shared):
        return node.get_value()
    needed = [v for v in toposort([node]) if v.op is None]
    cells = [v for v in needed if isinstance(v, Shared) and v not in given]
    inputs = [v for v in needed if v not in cells]
    arrays = [v.type.convert(given[v], repr(v)) for v in inputs]
    graph = Graph([*inputs, *cells], [node])
    program = lower(graph, cells, [], Capabilities(calls=None))
    return Interpreter(program)(arrays, [cell.get_value() for cell in cells])[0][0]


def _rows(values: Any) -> list[str]:
    rows = [f"  {node!r}  {node.type!r}  {_described(value)}" for node, value in values]
    return rows or ["  none"]


def _described(value: Any) -> str:
    """Type, shape, strides and, when it is small, content of a value."""
    if isinstance(value, str):
        return value
    if isinstance(value, Shared):
        value = value.get_value()
    if not isinstance(value, (np.ndarray, np.generic)):
        return f"{type(value).__name__} {value!r:.80}"
    words = f"{value.dtype}, shape {value.shape}, strides {value.strides}"
    if value.size > _ELEMENTS:
        return f"{words}, {value.size} values"
    text = np.array2string(np.asarray(value), separator=", ").replace("\n", "")
    return f"{words}, value {text}"
