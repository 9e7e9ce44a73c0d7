"""Rules, and how their left sides match.

A rule is data: two ordinary expressions over placeholder variables. Matching compares ops,
attributes and constants and ignores dtypes and ranks; commutative ops match in both orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..graph import toposort
from ..node import Tensor, is_constant
from ..types import TensorType

Bindings = dict[Tensor, Tensor]
COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "eq", "neq", "and", "or", "xor"})
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


@dataclass(frozen=True, eq=False)
class Rule:
    """``left`` becomes ``right``, or ``apply(node)`` gives the replacement or None.

    ``root`` is the op the rule starts from. With ``through_moves`` the left side also matches
    when its inner values were reshaped, transposed or broadcast in between.
    """

    name: str
    root: str
    exactness: Exactness
    left: Tensor | None = None
    right: Tensor | None = None
    apply: Callable[[Tensor], Tensor | None] | None = None
    through_moves: bool = False


def rule(name: str, left: Tensor, right: Any, exactness: Exactness, **facts: Any) -> Rule:
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
        return True
    bound.clear()
    bound.update(before)
    if moves is not None:
        del moves[steps:]
    return False


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
