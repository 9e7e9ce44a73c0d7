"""Names of ``theano.gradient`` and of its null types that only old programs use."""

from __future__ import annotations

from typing import Any

from .. import config
from .. import gradient as _ours
from ..dtypes import is_float, kind
from ..errors import DisconnectedInputError, NullTypeGradError
from ..gradient_control import NullGradient, with_gradient
from ..graph import toposort
from ..node import Tensor
from ..ops.elementwise import cast

__all__ = [
    "DisconnectedInputError", "DisconnectedType", "NullType", "NullTypeGradError",
    "as_list_or_tuple", "disconnected_type", "format_as", "grad", "numeric_grad", "null_type",
    "undefined_grad",
]  # fmt: skip


class DisconnectedType:
    """What ``grad`` of an op returns, called, for an input that does not matter."""

    class Variable:
        """No gradient at all."""

        def __init__(self, type_: DisconnectedType) -> None:
            self.type, self.name, self.owner = type_, None, None

        def __repr__(self) -> str:
            return "<DisconnectedType>"

    def __call__(self, name: str | None = None) -> Variable:
        """A variable of this type."""
        return self.Variable(self)


NullType = NullGradient
null_type = NullGradient("no gradient")
disconnected_type = DisconnectedType()


def grad(
    cost: Any, wrt: Any, consider_constant: Any = None, disconnected_inputs: str = "raise",
    add_names: bool = True, known_grads: Any = None, return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:  # fmt: skip
    """``tensorcore.grad``; ``return_disconnected`` may be ``Disconnected``, and the slope of an
    integer cost is zero wherever the cost depends on something."""
    listed = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    if isinstance(cost, Tensor) and kind(cost.dtype) in "biu":
        below = set(toposort([cost]))
        flat: Tensor = cast(cost, str(config.floatX))
        for x in listed:
            if isinstance(x, Tensor) and x in below and is_float(x.dtype):
                flat = flat + 0 * cast(x, flat.dtype).sum()
        cost = flat
    lone = return_disconnected == "Disconnected"
    found = _ours.grad(
        cost, listed, consider_constant, disconnected_inputs, add_names, known_grads,
        "none" if lone else return_disconnected, null_gradients,
    )  # fmt: skip
    if lone:
        found = [DisconnectedType()() if g is None else g for g in found]
    return format_as(isinstance(wrt, list), isinstance(wrt, tuple), found)


def undefined_grad(x: Any) -> Any:
    """``x``; a gradient that would flow back through it is NullTypeGradError."""
    reason = NullGradient(f"undefined_grad: the gradient by {x!r} is said to be undefined.")
    return with_gradient(x, [x], lambda g, y, x: [reason])


def format_as(use_list: bool, use_tuple: bool, outputs: Any) -> Any:
    """``outputs`` as a list, as a tuple, or the lone one."""
    listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if use_tuple:
        return tuple(listed)
    return listed if use_list else listed[0]


as_list_or_tuple = format_as


class numeric_grad:  # the name that programs use
    """Gradients of a function of arrays by differences, in ``gf``."""

    def __init__(self, f: Any, pt: Any, eps: float | None = None, out_type: Any = None) -> None:
        import numpy as np

        many = isinstance(pt, (list, tuple))
        points = [np.array(p, dtype="float64") for p in (pt if many else [pt])]
        step = 1e-7 if eps is None else eps
        found = []
        for p in points:
            g = np.zeros_like(p)
            for k in np.ndindex(*p.shape):
                old = p[k]
                p[k] = old + step
                above = f(*points)
                p[k] = old
                g[k] = (above - f(*points)) / step
            found.append(g)
        self.gf = found if many else found[0]


def is_disconnected(g: Any) -> bool:
    """Whether a gradient is none."""
    return g is None or isinstance(g, DisconnectedType.Variable)
