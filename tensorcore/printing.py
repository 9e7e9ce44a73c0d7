"""Expressions as text: ``pp`` in mathematical notation, ``debugprint`` as a tree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from .graph import toposort
from .node import Tensor, constant_text, is_constant

_INFIX_PREFIX = frozenset({"neg"})


def pp(expression: Tensor) -> str:
    """The expression in mathematical notation, fully bracketed, as Theano prints it."""
    texts: dict[Tensor, str] = {}
    for node in toposort([expression]):
        texts[node] = _text(node, [texts[i] for i in node.inputs])
    return texts[expression]


def _text(node: Tensor, operands: Sequence[str]) -> str:
    if node.op is None:
        return node.name or f"<{node.type!r}>"
    if is_constant(node):
        return constant_text(node)
    if node.op.symbol and len(operands) == 2:
        return f"({operands[0]} {node.op.symbol} {operands[1]})"
    if node.op.name in _INFIX_PREFIX:
        return f"(-{operands[0]})"
    name = node.op.name
    attrs = ", ".join(f"{k}={v}" for k, v in node.attrs.items())
    inside = ", ".join(operands)
    return f"{name}{{{attrs}}}({inside})" if attrs else f"{name}({inside})"


def debugprint(
    obj: Any, file: TextIO | str | None = None, print_type: bool = False, **_: Any
) -> str | None:
    """The expression, list of expressions or compiled function as an indented tree.

    Printed to ``file`` (standard output by default); returned when ``file="str"``. A node that
    was shown before is marked ``...`` and not opened again.
    """
    if hasattr(obj, "maker"):
        roots = list(obj.maker.fgraph.outputs)
    else:
        roots = list(obj) if isinstance(obj, (list, tuple)) else [obj]
    lines: list[str] = []
    seen: dict[Tensor, int] = {}
    stack = [(root, 0) for root in reversed(roots)]
    while stack:
        node, depth = stack.pop()
        known = node in seen
        number = seen.setdefault(node, len(seen))
        label = _label(node) + (f" <{node.type!r}>" if print_type else "")
        again = " ..." if known and node.inputs else ""
        lines.append(f"{' |' * depth}{label} [id {number}]{again}")
        if not known:
            stack.extend((i, depth + 1) for i in reversed(node.inputs))
    text = "\n".join(lines)
    if file == "str":
        return text
    print(text, file=sys.stdout if file is None else file)  # type: ignore[arg-type]
    return None


def _label(node: Tensor) -> str:
    if node.op is None or is_constant(node):
        return repr(node)
    attrs = ", ".join(f"{k}={v}" for k, v in node.attrs.items())
    name = f" '{node.name}'" if node.name else ""
    return f"{node.op.name}{{{attrs}}}{name}" if attrs else f"{node.op.name}{name}"
