"""``ifelse``: a choice between expressions of which only the chosen ones are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import dtypes
from .errors import DTypeError, ShapeError
from .node import Tensor, as_tensor
from .ops.control import choice, results_of
from .ops.elementwise import cast_to
from .ops.movement import zeros_like
from .origin import made_at

__all__ = ["ifelse"]


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """``then_branch`` where the scalar ``condition`` is true (not 0), else ``else_branch``.

    Both are expressions, or lists of as many; what only the other one needs is not computed, on
    no backend. The values of a pair need one rank; their dtypes are promoted, their sizes may
    differ. For a choice entry by entry there is ``T.switch``.

    Raises ShapeError or ValueError.
    """
    test = as_tensor(condition)
    if test.ndim:
        raise ShapeError(
            f"ifelse: the condition must be a scalar, found {test.type!r}. Use T.switch to choose "
            f"entry by entry, or reduce it with T.all or T.any."
        )
    many = isinstance(then_branch, (list, tuple))
    if many != isinstance(else_branch, (list, tuple)):
        raise ValueError("ifelse: one branch is a list and the other is not.")
    first = list(then_branch) if many else [then_branch]
    second = list(else_branch) if many else [else_branch]
    if len(first) != len(second):
        raise ValueError(
            f"ifelse: the branches have {len(first)} and {len(second)} values; give as many."
        )
    pairs = [_alike(as_tensor(a), as_tensor(b)) for a, b in zip(first, second, strict=True)]
    node = choice.make((cast_to(test, "bool"), *(a for a, _ in pairs), *(b for _, b in pairs)), {})
    results = results_of(node)
    for result in results:
        result.name = name
    return results if many else results[0]


def _alike(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.ndim != b.ndim:
        raise ShapeError(
            f"ifelse: the values {a!r} ({a.type!r}) and {b!r} ({b.type!r}) have {a.ndim} and "
            f"{b.ndim} dimension(s); both need as many."
        )
    dtype = dtypes.promote([a.dtype, b.dtype])
    if "bool" in (a.dtype, b.dtype) and a.dtype != b.dtype:
        raise DTypeError(f"ifelse: one value is bool and the other {dtype}; cast one of them.")
    return cast_to(a, dtype), cast_to(b, dtype)


def choice_gradient(
    node: Tensor, flows: tuple[Mapping[Tensor, Tensor], Mapping[Tensor, Tensor]]
) -> list[tuple[Tensor, Tensor]]:
    """Pairs of a tensor and its cotangent, from the cotangents that flow through either side to
    where other nodes are needed too: those of the side that was chosen, zeros where it has none."""
    found = list(dict.fromkeys([*flows[0], *flows[1]]))
    if not found:
        return []
    with made_at(node.origin):
        sides = [[flow.get(x, zeros_like(x, x.dtype)) for x in found] for flow in flows]
        made = choice.make((node.inputs[0], *sides[0], *sides[1]), {})
        return list(zip(found, results_of(made), strict=True))
