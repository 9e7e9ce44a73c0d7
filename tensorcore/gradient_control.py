"""What users put into an expression, or into a gradient rule, to change what flows back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .node import Tensor, TensorLike
from .ops.barriers import clipped_grad, disconnected_grad, own_grad, scaled_grad, zero_grad

__all__ = [
    "NullGradient", "consider_constant", "disconnected_grad", "grad_clip",
    "grad_not_implemented", "grad_scale", "grad_undefined", "with_gradient", "zero_grad",
]  # fmt: skip
#: ``consider_constant(x)`` is ``x`` with a gradient of zero (the argument of ``grad`` of that
#: name counts its nodes as disconnected).
consider_constant = zero_grad


@dataclass(frozen=True)
class NullGradient:
    """What an op's gradient rule returns for an input where there is no gradient, and why."""

    reason: str


def _name(op: Any) -> str:
    """What messages call an op, ours or a user's."""
    return str(getattr(op, "name", None) or op)


def grad_undefined(op: Any, x_pos: int, x: Tensor, comment: str = "") -> NullGradient:
    """For a gradient rule: the derivative by input ``x_pos`` does not exist."""
    return NullGradient(f"{_name(op)} has no derivative by its input {x_pos} ({x!r}). {comment}")


def grad_not_implemented(op: Any, x_pos: int, x: Tensor, comment: str = "") -> NullGradient:
    """For a gradient rule: the derivative by input ``x_pos`` is not programmed."""
    return NullGradient(
        f"{_name(op)} does not implement the gradient by its input {x_pos} ({x!r}). {comment}"
    )


def grad_clip(x: TensorLike, lower_bound: float, upper_bound: float) -> Tensor:
    """``x``; the gradient that flows back through it is limited to the interval."""
    low, high = (_number(b, "grad_clip: a bound") for b in (lower_bound, upper_bound))
    if not low <= high:
        raise ValueError(f"grad_clip: {lower_bound} is not below {upper_bound}.")
    return clipped_grad(x, lower=low, upper=high)


def _number(value: Any, what: str) -> float:
    if not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{what} must be a number, found {value!r:.60}.")
    return float(value)


def grad_scale(x: TensorLike, multiplier: float) -> Tensor:
    """``x``; the gradient that flows back through it is multiplied by a number."""
    return scaled_grad(x, multiplier=_number(multiplier, "grad_scale: the multiplier"))


def with_gradient(y: TensorLike, inputs: Sequence[Tensor], rule: Callable[..., Any]) -> Tensor:
    """``y``, with a gradient of the user's own in place of that of its expression.

    ``rule(g, y, *inputs)`` gets the gradient ``g`` with respect to ``y`` and returns one
    gradient for each of ``inputs`` (the lone one, if there is one): a tensor, or None. It is
    differentiated in turn for higher orders; ``Rop`` refuses a rule that is not linear in ``g``.
    """
    if not callable(rule):
        raise TypeError(f"with_gradient: the rule must be a function, found {rule!r:.60}.")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"with_gradient: inputs is a list of tensors, found {inputs!r:.60}.")
    return own_grad(y, *inputs, rule=rule)
