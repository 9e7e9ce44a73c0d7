"""Rules, and how their left sides match.

A rule is data: two ordinary expressions over placeholder variables. Matching compares ops,
attributes and constants and ignores dtypes and ranks; commutative ops match in both orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import DTypeError
from ..graph import toposort
from ..node import Tensor, is_constant
from ..ops._families import broadcast_flags
from ..ops.creation import size_of
from ..ops.movement import broadcast_to, shape_list
from ..types import TensorType

Bindings = dict[Tensor, Tensor]
COMMUTATIVE = frozenset(
    {"add", "mul", "maximum", "minimum", "eq", "neq", "and", "or", "xor", "logaddexp"}
)
#: Ops that only move values: an elementwise function of a moved tensor is the moved function.
MOVES = frozenset({"dimshuffle", "reshape_to", "broadcast_to", "window", "subtensor", "identity"})


class Exactness(Enum):
    """What a rule keeps.

    ``EXACT``: every bit (any NaN for any NaN). ``FINITE``: equality, for finite operands and
    intermediate values; the sign of zero is free. ``STABLE``: the right side is no further
    from the true value. ``FAST_MATH``: neither; off unless asked for.
    """

    EXACT = "exact"
    FINITE = "finite"
    STABLE = "stable"
    FAST_MATH = "fast_math"


def var(name: str, dtype: str = "float64") -> Tensor:
    """A placeholder for any tensor."""
    return TensorType(dtype, ())(name)


def variable(dtype: str, ndim: int = 1, name: str = "x") -> Tensor:
    """A variable of some rank for a rule's example."""
    return TensorType(dtype, (False,) * ndim)(name)


Exactnesses = Exactness | Mapping[str, Exactness]


def by_kind(**classes: Exactness) -> Mapping[str, Exactness]:
    """Classes by kind letters, as in ``by_kind(biu=EXACT, f=FINITE)``."""
    return {letter: found for letters, found in classes.items() for letter in letters}


@dataclass(frozen=True, eq=False)
class Rule:
    """``left`` becomes ``right``, or ``apply(node)`` gives the replacement or None.

    ``root`` is the op the rule starts from, or ``"family elementwise"`` for every op of a
    family. ``exactness`` is one class, or one for each kind of dtype; kinds that are left out
    are left alone. With ``through_moves`` the left side also matches when its inner values
    were reshaped, transposed or broadcast in between. ``finite_only``: the class holds for
    finite operands, so the rule is off together with the ``FINITE`` ones. ``example(dtype)``
    makes an expression on which the rule fires; ``apply`` must bring one, the conformance
    suite checks the rule on it. ``group`` is ``simplify`` or ``stabilize``. ``relative`` says
    whether what a stabilising rule gives is right in its tails too, or, as a row of a softmax,
    to within rounding of its largest value.
    """

    name: str
    root: str
    exactness: Exactnesses
    left: Tensor | None = None
    right: Tensor | None = None
    apply: Callable[[Tensor], Tensor | None] | None = None
    through_moves: bool = False
    example: Callable[[str], Tensor] | None = None
    finite_only: bool = False
    group: str = "simplify"
    relative: bool = True

    def class_for(self, node: Tensor) -> Exactness | None:
        """The class for a node by its dtype, of a comparison by that of what it compares;
        None where the rule does not hold."""
        if isinstance(self.exactness, Exactness):
            return self.exactness
        dtype = node.inputs[-1].dtype if node.dtype == "bool" and node.inputs else node.dtype
        return self.exactness.get(dtypes.kind(dtype))


def rule(name: str, left: Tensor, right: Any, exactness: Exactnesses, **facts: Any) -> Rule:
    """A rule from two expressions."""
    from ..node import as_tensor

    assert left.op is not None
    return Rule(name, left.op.name, exactness, left, as_tensor(right), **facts)


def attempt(rule_: Rule, node: Tensor) -> Tensor | None:
    """The replacement of ``node`` by the rule, not yet of the same type, or None; also None
    where the ops of the replacement do not take the dtype."""
    try:
        return _replacement(rule_, node)
    except DTypeError:
        return None


def _replacement(rule_: Rule, node: Tensor) -> Tensor | None:
    if rule_.apply is not None:
        return rule_.apply(node)
    assert rule_.left is not None and rule_.right is not None
    bindings: Bindings = {}
    moves: list[Tensor] = []
    if not _match(rule_.left, node, bindings, moves if rule_.through_moves else None, True):
        return None
    result = instantiate(rule_.right, bindings)
    return moved(result, moves)


def moved(result: Tensor, moves: list[Tensor]) -> Tensor:
    """``result`` sent through recorded moves, the innermost (last) first."""
    for move in reversed(moves):
        assert move.op is not None
        result = move.op.make((result, *move.inputs[1:]), move.attrs)
    return result


def skip_moves(node: Tensor, moves: list[Tensor]) -> Tensor:
    """The value that was moved; the moves are recorded from the outside in."""
    while node.op is not None and node.op.name in MOVES:
        moves.append(node)
        node = node.inputs[0]
    return node


def _match(
    pattern: Tensor, node: Tensor, bound: Bindings, moves: list[Tensor] | None, root: bool
) -> bool:
    if pattern.op is None:
        if pattern in bound:
            return bound[pattern] is node
        bound[pattern] = node
        return True
    if is_constant(pattern):
        # With moves, ones in the shape of something (ones_like) count as a one; the engine
        # refuses a result whose axes differ.
        while moves is not None and node.op is not None and node.op.name == "fill":
            node = node.inputs[1]
        if not is_constant(node):
            return False
        return _uniform(node.attrs["value"], pattern.attrs["value"], moves is not None)
    if moves is not None and not root:
        node = skip_moves(node, moves)
    if node.op is not pattern.op or pattern.attrs != node.attrs:
        return False
    if _match_all(pattern.inputs, node.inputs, bound, moves):
        return True
    if pattern.op.name in COMMUTATIVE:
        return _match_all(pattern.inputs, node.inputs[::-1], bound, moves)
    return False


def _match_all(
    patterns: tuple[Tensor, ...],
    nodes: tuple[Tensor, ...],
    bound: Bindings,
    moves: list[Tensor] | None,
) -> bool:
    before, steps = dict(bound), len(moves or ())
    if all(_match(p, n, bound, moves, False) for p, n in zip(patterns, nodes, strict=True)):
        if moves is not None:
            moves[steps:steps] = _guards(patterns, nodes)
        return True
    bound.clear()
    bound.update(before)
    if moves is not None:
        del moves[steps:]
    return False


def _guards(patterns: tuple[Tensor, ...], nodes: tuple[Tensor, ...]) -> list[Tensor]:
    """A move that demands the size of an array which a rule takes for one number, so that a
    wrong size is still an error when the array itself is gone."""
    for p, n, other in zip(patterns, nodes, reversed(nodes), strict=True):
        if not is_constant(p) or is_constant(other) or all(n.broadcastable):
            continue
        flags = broadcast_flags((n, other))
        sizes = list(shape_list(other))
        sizes[:0] = [shape_list(n)[k] for k in range(n.ndim - other.ndim)]
        agreed = True
        for axis in range(-n.ndim, 0):
            if not n.broadcastable[axis]:
                sizes[axis] = shape_list(n)[axis]
                agreed &= -axis <= other.ndim and length_of(n, axis) == length_of(other, axis)
        if not agreed:
            return [broadcast_to.make((other, *sizes), {"broadcastable": flags})]
    return []


_REACH = 64


def length_of(node: Tensor, axis: int) -> tuple[Tensor, int]:
    """A tensor and its axis that have the size of this axis, nearer to the variables: equal
    answers mean equal sizes. It gives up after a while, so that chains stay linear."""
    axis %= max(node.ndim, 1)
    for _ in range(_REACH):
        further = _length_of_operand(node, axis)
        if further is None:
            break
        node, axis = further
    return node, axis


def _length_of_operand(node: Tensor, axis: int) -> tuple[Tensor, int] | None:
    op = node.op
    if op is None:
        return None
    if op.family.name in ("elementwise", "cast"):
        for t in node.inputs:
            k = axis - node.ndim + t.ndim
            if k >= 0 and not t.broadcastable[k]:
                return t, k
    elif op.name == "dimshuffle" and node.attrs["pattern"][axis] != "x":
        return node.inputs[0], node.attrs["pattern"][axis]
    elif op.name in ("broadcast_to", "reshape_to"):
        size = node.inputs[1 + axis]
        if size.op is size_of:
            return size.inputs[0], size.attrs["axis"]
    return None


def same_sizes(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are known to have the same shape."""
    return a.broadcastable == b.broadcastable and all(
        known or length_of(a, k) == length_of(b, k) for k, known in enumerate(a.broadcastable)
    )


def _uniform(value: np.ndarray, number: np.ndarray, arrays: bool) -> bool:
    """Whether all entries are the number. More entries than one also demand a size of the other
    operand, which only rules that forgive moves may drop."""
    if value.size == 0 or (value.size > 1 and not arrays) or value.dtype.kind == "b":
        return False
    if value.flat[0] != number:
        return False
    same = bool((value == number).all())
    return same and (number != 0 or not np.signbit(value.real).any())


def instantiate(pattern: Tensor, bound: Bindings) -> Tensor:
    """The expression with its placeholders replaced; types are inferred anew."""
    new = dict(bound)
    for node in toposort([pattern]):
        if node in new:
            continue
        if is_constant(node):
            new[node] = node
        else:
            assert node.op is not None
            new[node] = node.op.make(tuple(new[i] for i in node.inputs), node.attrs)
    return new[pattern]
