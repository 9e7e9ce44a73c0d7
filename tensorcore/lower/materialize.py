"""Insert copies where a value must exist in a buffer of its own.

Movement results, constants, sizes and variables are read through; where an op takes whole
buffers, or the value leaves the program, an ``identity`` node stands for the copy.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..graph import toposort
from ..node import Tensor, is_constant
from ..ops.elementwise import identity
from ..origin import made_at
from .access import INLINE, TRANSPARENT
from .control import buffer_behind
from .fuse import is_pointwise, is_reduction, size_operands
from .sizes import size_parts
from .standalone import STANDALONE


def materialize(outputs: Sequence[Tensor], claimed: Collection[str] = ()) -> list[Tensor]:
    """The outputs, each a distinct computed node, over operands that have buffers. ``claimed``: the
    ops that the backend runs on whole buffers."""
    new: dict[Tensor, Tensor] = {}
    copies: dict[Tensor, Tensor] = {}
    order = toposort(outputs)
    measured = _moved_sizes(order)
    for node in order:
        inputs = [new[i] for i in node.inputs]
        inside = node.op is not None and node.op.name == "loop"
        for k in _whole_buffers(node):
            place = buffer_behind(_over(node, tuple(inputs)), k) if inside else inputs[k]
            if _lacks_buffer(place, node, claimed):
                inputs[k] = copies.setdefault(inputs[k], _copy(inputs[k]))
        new[node] = _over(node, tuple(inputs))
        if node in measured:
            new[node] = _copy(new[node])
    taken: set[Tensor] = set()
    results = []
    for output in outputs:
        node = new[output]
        if node in taken or not _owns(node):
            node = _copy(node)
        taken.add(node)
        results.append(node)
    return results


def _moved_sizes(order: Sequence[Tensor]) -> set[Tensor]:
    """The integers that sizes read and that are only moved, as in ``x[:i[0]]``."""
    stack = [size for node in order for size in size_operands(node)]
    seen: set[Tensor] = set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(size_parts(node))
    moved = TRANSPARENT | {"reshape_to"}
    return {node for node in seen if node.op is not None and node.op.name in moved}


def _over(node: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    with made_at(node.origin):
        return Tensor(node.op, inputs, node.attrs, node.type, node.name)


def _copy(node: Tensor) -> Tensor:
    with made_at(node.origin):
        return Tensor(identity, (node,), {}, node.type)


def _whole_buffers(node: Tensor) -> range:
    """The operands that are read as buffers, not through affine loads."""
    if node.op is None or is_reduction(node):
        return range(0)
    name = node.op.name
    if name == "gather":  # reads its first operand at computed places
        return range(1)
    if is_pointwise(node) or name in TRANSPARENT | INLINE or is_constant(node):
        return range(0)
    return range(len(node.inputs[: node.op.family.data]))


def _lacks_buffer(operand: Tensor, node: Tensor, claimed: Collection[str]) -> bool:
    if operand.op is None or is_constant(operand):
        return False
    assert node.op is not None
    if operand.op.name in INLINE:
        return True
    moved = operand
    while moved.op is not None and moved.op.name in TRANSPARENT:
        moved = moved.inputs[0]
    inline = moved.op is not None and moved.op.name in INLINE
    if node.op.family.name in ("unfold", "fold"):
        return inline or operand.op.name in TRANSPARENT
    own = node.op.family.name in STANDALONE and node.op.name not in claimed
    if node.op.name == "gather" or own:
        return inline  # these load through movement themselves
    return operand.op.name in TRANSPARENT


def _owns(node: Tensor) -> bool:
    """Whether the value is computed into a buffer that nothing else is."""
    if node.op is None or is_constant(node):
        return False
    return node.op.name not in TRANSPARENT | INLINE | {"reshape_to"}
